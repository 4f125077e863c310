// Where in a recording one is, and how one gets elsewhere by minutes.
#include "live/timeline.h"

#include "live/cells.h"
#include "test.h"

using namespace tcp_stats;

namespace {

constexpr WallTime second_ns = 1'000'000'000;

/// A recording that only tells where one is.
class Still : public Playback {
public:
    Still(std::vector<Moment> moments, std::size_t now) : moments_(std::move(moments)), now_(now) {}

    const std::vector<Moment> &moments() const override { return moments_; }
    std::size_t now() const override { return now_; }
    void go(std::size_t moment) override { now_ = moment; }
    Result<std::size_t> moment_at(const std::string & /*text*/) const override { return std::size_t(0); }
    bool is_on_its_way() const override { return false; }
    bool is_playing() const override { return false; }
    void play(bool /*playing*/) override {}
    double speed() const override { return 1; }
    void set_speed(double /*speed*/) override {}

private:
    std::vector<Moment> moments_;
    std::size_t now_;
};

/// The bars of a line, and which of them stands out.
std::pair<std::string, std::size_t> bars(const Line &line) {
    std::string text;
    std::size_t place = std::string::npos;
    for (std::size_t i = 2; i + 1 < line.size(); ++i) { // behind the name and the time
        place = line[i].style == Style::selected ? text.size() : place;
        text += line[i].text;
    }
    return {text, place};
}

} // namespace

TEST_CASE("a timeline has bars of what was counted, and blanks where nothing was recorded") {
    std::vector<Playback::Moment> moments;
    for (WallTime i = 0; i < 100; ++i) {
        if (i < 50 || i >= 80) {
            const auto at = i < 50 ? i : i + 60; // another run
            moments.push_back({at * second_ns, i == 20 ? 70U : i == 30 ? 1U : 0U, {}, i == 80});
        }
    }
    Still still(std::move(moments), 20);
    constexpr std::size_t width = 12 + 20 + 16; // the names, two times, and so many bars
    auto lines = timeline(still, width, false);
    REQUIRE(lines.size() == 2);
    CHECK(cells(lines[0]) == width - 2);
    CHECK(bars(lines[0]) == std::pair(std::string("_#.__        ___"), std::size_t(1)));
    CHECK(bars(lines[1]) == std::pair(std::string(16, ' '), std::size_t(1))); // failures were not recorded
    CHECK(timeline(still, 20, false).empty());
    still.go(0);
    CHECK(bars(timeline(still, width, false)[0]).second == 0);
    still.go(69);
    CHECK(bars(timeline(still, width, false)[0]).second == 15);
}

TEST_CASE("a timeline of one moment is one bar") {
    const Still still({{second_ns, 1, 2}}, 0);
    const auto lines = timeline(still, 60, true);
    REQUIRE(lines.size() == 2);
    CHECK(bars(lines[0]).second == 0);
    CHECK(bars(lines[1]).first.starts_with("█ "));
}

TEST_CASE("so long before or after is the nearest snapshot that is far enough, or the first or last") {
    Still still({{0, {}, {}}, {50 * second_ns, {}, {}}, {70 * second_ns, {}, {}}, {131 * second_ns, {}, {}}}, 0);
    CHECK(moment_after(still, 60 * second_ns) == 2);
    CHECK(moment_after(still, -60 * second_ns) == 0);
    still.go(2);
    CHECK(moment_after(still, 60 * second_ns) == 3);
    CHECK(moment_after(still, 3600 * second_ns) == 3);
    CHECK(moment_after(still, -60 * second_ns) == 0);
    still.go(3);
    CHECK(moment_after(still, -60 * second_ns) == 2);
}
