// The live view without its screen: keys and snapshots go in, a picture comes out.
#include "live/model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include "../live/scene.h"
#include "live/cells.h"
#include "live/edit_line.h"
#include "live/held_log.h"
#include "live/sparkline.h"
#include "test.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

using namespace tcp_stats;

namespace {

using Code = Key::Code;

const Columns &columns() {
    static const auto made = Scene::columns();
    return made;
}

View ordered_by(const char *name) {
    View view;
    view.order = {columns().find(name), true};
    return view;
}

/// A live view, and what is on its screen.
class Looked {
public:
    explicit Looked(std::size_t flows, View view = ordered_by("bytes_per_s"))
        : scene_(flows), model_(made(std::move(view))) {}

    Looked &snapshots(int count) {
        for (int i = 0; i < count; ++i) {
            model_.take(**scene_.next(), {1.5, 40'000'000});
        }
        return *this;
    }
    Looked &keys(const std::string &text) {
        for (const char c : text) {
            model_.press(character_key(static_cast<unsigned char>(c)));
        }
        return *this;
    }
    Looked &key(Code code, int times = 1) {
        for (int i = 0; i < times; ++i) {
            model_.press({code});
        }
        return *this;
    }
    std::vector<std::string> lines(Size size = {12, 200}) {
        std::vector<std::string> texts;
        for (const auto &line : model_.picture(size).lines) {
            auto &text = texts.emplace_back();
            for (const auto &span : line) {
                text += span.text;
            }
            text.erase(text.find_last_not_of(' ') + 1);
        }
        return texts;
    }
    std::string screen(Size size = {12, 200}) {
        std::string all;
        for (const auto &line : lines(size)) {
            all += line + '\n';
        }
        return all;
    }
    /// The remote port of each row; that of the selected one with a `>` before it, of a closed one with an `x`.
    std::string ports(Size size = {12, 200}) {
        static const std::regex row("([> ])([x ])\\S+:443 +\\S+:(\\d+) .*");
        std::string found;
        for (const auto &line : lines(size)) {
            if (std::smatch parts; std::regex_match(line, parts, row)) {
                found += found.empty() ? "" : " ";
                found += (parts[1] == ">" ? ">" : "") + std::string(parts[2] == "x" ? "x" : "") + parts[3].str();
            }
        }
        return found;
    }
    Model &model() { return model_; }

private:
    static Model made(View view) { return Model(columns(), {std::move(view), "", {}, std::chrono::seconds(1), false}); }

    Scene scene_;
    Model model_;
};

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

std::string typed(EditLine &line, std::initializer_list<Key> keys) {
    for (const auto &key : keys) {
        line.press(key);
    }
    return line.text_before_cursor() + "|" + line.text().substr(line.text_before_cursor().size());
}

} // namespace

TEST_CASE("flows are ordered by rate at first, and by any column with a key") {
    Looked look(5);
    look.snapshots(2);
    CHECK(look.ports() == ">1004 1003 1002 1001 1000");
    CHECK(look.keys("r").ports() == ">1000 1001 1002 1003 1004");
    look.keys("R").keys(">>");
    CHECK(contains(look.lines()[1], "CWNDv"));
    CHECK(look.ports() == ">1004 1003 1002 1001 1000");
    look.keys("<");
    CHECK(contains(look.lines()[1], "RTTv"));
    look.keys("<<<"); // bytes_per_s, remote, local: text begins with the least
    CHECK(contains(look.lines()[1], "LOCAL^"));
    CHECK(look.ports() == ">1000 1001 1002 1004 1003");
    look.keys("<");
    CHECK_FALSE(contains(look.lines()[1], "LOCAL^"));
}

TEST_CASE("the selection stays with its flow when the order changes, and at the top with who is there") {
    Looked look(5);
    look.snapshots(2);
    CHECK(look.keys("r").ports() == ">1000 1001 1002 1003 1004");
    CHECK(look.key(Code::down).ports() == "1000 >1001 1002 1003 1004");
    CHECK(look.keys("r").ports() == "1004 1003 1002 >1001 1000");
    CHECK(look.keys("j").ports() == "1004 1003 1002 1001 >1000");
    CHECK(look.keys("jjj").ports() == "1004 1003 1002 1001 >1000");
    CHECK(look.keys("kk").ports() == "1004 1003 >1002 1001 1000");
    CHECK(look.key(Code::home).keys("r").ports() == ">1000 1001 1002 1003 1004");
    CHECK(look.key(Code::end).ports() == "1000 1001 1002 1003 >1004");
    CHECK(look.keys("gr").ports() == ">1004 1003 1002 1001 1000");
    CHECK(look.keys("G").ports() == "1004 1003 1002 1001 >1000");
}

TEST_CASE("one scrolls through more flows than fit") {
    Looked look(100);
    look.snapshots(2);
    const Size size{8, 200}; // four rows
    CHECK(look.ports(size) == ">1099 1098 1097 1096");
    CHECK(look.key(Code::page_down).ports(size) == "1098 1097 1096 >1095");
    CHECK(look.key(Code::page_down).ports(size) == "1094 1093 1092 >1091");
    CHECK(look.key(Code::page_up, 2).ports(size) == ">1099 1098 1097 1096");
    CHECK(look.key(Code::end).ports(size) == "1003 1002 1001 >1000");
    CHECK(look.key(Code::up, 2).ports(size) == "1003 >1002 1001 1000");
    CHECK(look.ports({10, 200}) == "1005 1004 1003 >1002 1001 1000");
}

TEST_CASE("a condition that is typed in place chooses flows, an empty one shows all again") {
    Looked look(6);
    look.snapshots(2).keys("/comm == ngimx").key(Code::left).key(Code::backspace).keys("n").key(Code::enter);
    CHECK(look.ports() == ">1005 1000");
    CHECK(contains(look.screen(), "flows: 6, closed: 0, shown: 2  every 1s  by -bytes_per_s\nwhere: comm == nginx\n"));
    look.snapshots(1);
    CHECK(look.ports() == ">1005 1000");
    look.keys("/");
    CHECK(contains(look.screen(), "\n/ comm == nginx\n")); // to be changed
    look.keys("x").key(Code::escape);
    CHECK(look.ports() == ">1005 1000");
    look.keys("/").keys(std::string(1, static_cast<char>(control('u')))).key(Code::enter);
    CHECK(look.ports() == ">1005 1004 1003 1002 x1001 1000");
}

TEST_CASE("a mistake in the condition is shown with a caret under its place, and the old one stays") {
    Looked look(6);
    look.snapshots(2).keys("/dport in 1000").key(Code::enter).keys("/ and bites > 3").key(Code::enter);
    const auto lines = look.lines();
    const auto typed_line = std::find(lines.begin(), lines.end(), "/ dport in 1000 and bites > 3");
    REQUIRE(typed_line != lines.end());
    CHECK(typed_line[1].find('^') == typed_line[0].find("bites"));
    CHECK(contains(typed_line[2], "there is no field bites; did you mean bytes?"));
    CHECK(look.ports() == ">1000");
    look.key(Code::backspace);
    CHECK_FALSE(contains(look.screen(), "no field"));
    look.key(Code::escape);
    CHECK(look.ports() == ">1000");
    const auto cursor = look.keys("/").model().picture({12, 80}).cursor;
    REQUIRE(cursor.has_value());
    CHECK(cursor->row == 10);
    CHECK(cursor->column == std::string("/ dport in 1000").size());
}

TEST_CASE("a condition longer than the screen is moved so that the cursor and the caret are seen") {
    FilterLine line(columns(), "rtt_us > 1 and rtt_us > 2 and bites > 3");
    line.press({Code::enter});
    auto lines = line.prompt().lines(20);
    CHECK(lines[0][0].text == "s > 2 and bites > 3");
    CHECK(lines[1][0].text == "          ^");
    CHECK(line.prompt().cursor(20) == 19);
    line.press({Code::home});
    CHECK(line.prompt().lines(20)[0][0].text.starts_with("/ rtt_us > 1"));
    CHECK(line.prompt().cursor(20) == 2);
}

TEST_CASE("conditions of the options hold beside one that is typed, and so does the number of flows") {
    auto view = ordered_by("bytes_per_s");
    const ConditionText given{"--where", "dport >= 1002"};
    view.where.push_back(*Filter::create(given, *parse_condition(given), columns()));
    view.top = 3;
    Looked look(8, std::move(view));
    CHECK(look.snapshots(2).ports() == ">1007 1006 1005");
    CHECK(look.keys("/dport < 1004").key(Code::enter).ports() == ">1003 1002");
}

TEST_CASE("while it is paused the picture stays, and afterwards shows what closed meanwhile") {
    Looked look(4);
    const auto paused = look.snapshots(2).keys("p").screen();
    CHECK(contains(paused, "PAUSED"));
    look.snapshots(10);                                                     // a flow closed with the first of these
    CHECK(contains(look.lines().back(), "missed in all: probe_missed=12")); // counted all the same
    CHECK(look.lines()[0] == paused.substr(0, paused.find('\n')));
    CHECK(look.ports() == ">1003 1002 1001 1000");
    look.keys(" ");
    CHECK_FALSE(contains(look.screen(), "PAUSED"));
    CHECK(look.ports() == ">1003 1002 x1001 1000");
    CHECK(look.snapshots(4).ports() == ">1003 1002 x1001 1000");
    CHECK(look.snapshots(1).ports() == ">1003 1002 1000");
}

TEST_CASE("a closed flow stays for some seconds, marked and faint, and takes its trace with it") {
    Looked look(4);
    CHECK(look.snapshots(3).ports() == ">1003 1002 x1001 1000");
    CHECK(contains(look.lines()[0], "flows: 3, closed: 1"));
    const auto picture = look.model().picture({12, 200});
    CHECK(picture.lines[4][0].style == Style::faint);
    CHECK(look.model().traced_flows() == 4);
    CHECK(look.snapshots(4).ports() == ">1003 1002 x1001 1000");
    CHECK(look.snapshots(1).ports() == ">1003 1002 1000");
    CHECK(look.model().traced_flows() == 3);
}

TEST_CASE("the selection goes to a neighbour when its flow goes") {
    Looked look(4);
    look.snapshots(3).key(Code::down, 2);
    CHECK(look.ports() == "1003 1002 >x1001 1000");
    CHECK(look.snapshots(5).ports() == "1003 1002 >1000");
}

TEST_CASE("the interval goes through its steps") {
    Looked look(1);
    look.snapshots(1).keys("+");
    CHECK(look.model().interval() == std::chrono::seconds(2));
    CHECK(contains(look.lines()[0], "every 2s"));
    look.keys("----");
    CHECK(look.model().interval() == std::chrono::milliseconds(100));
    look.keys("-");
    CHECK(look.model().interval() == std::chrono::milliseconds(100));
    look.keys("++++++++++++");
    CHECK(look.model().interval() == std::chrono::seconds(60));
}

TEST_CASE("columns are chosen from all fields, and one can order by a field that is not shown") {
    Looked look(4);
    look.snapshots(2).keys("c");
    CHECK(contains(look.screen(), ">[ ] saddr"));
    CHECK(contains(look.screen({30, 100}), "Address of this end."));
    const auto &all = columns().all();
    const auto down_to = [&](const char *name) {
        const auto place = std::find_if(all.begin(), all.end(), [&](const Column &one) { return one.name == name; });
        return static_cast<int>(place - all.begin());
    };
    look.key(Code::down, down_to("pid")).keys(" ");
    CHECK(contains(look.screen(), ">[ ] pid")); // it was there
    look.key(Code::enter);
    CHECK_FALSE(contains(look.lines({12, 400})[1], "PID"));
    look.keys("c").key(Code::down, down_to("srtt_us")).keys(" ").keys("s");
    CHECK(contains(look.lines({12, 400})[1], "SRTTv"));
    look.keys("c").key(Code::down, down_to("pid")).keys("s").keys("r");
    CHECK_FALSE(contains(look.lines({12, 400})[1], "PID"));
    CHECK(look.ports({12, 400}) == ">1000 1001 1002 1003");
}

TEST_CASE("one column stays at least") {
    Chooser chooser(columns(), {&columns().all()[0]});
    chooser.press(character_key(U' '));
    CHECK(chooser.chosen().size() == 1);
}

TEST_CASE("further columns are reached with a key, and the one that gives the order is brought into sight") {
    Looked look(3);
    look.snapshots(2);
    CHECK(look.lines({12, 60})[1].find("LOCAL") != std::string::npos);
    CHECK(contains(look.lines({12, 60})[1], "BYTES/Sv"));
    CHECK_FALSE(contains(look.lines({12, 60})[1], "RECEIVED/S"));
    CHECK(contains(look.key(Code::right, 7).lines({12, 60})[1], "RECEIVED/S"));
    CHECK(contains(look.key(Code::left, 9).lines({12, 60})[1], "LOCAL"));
    CHECK(contains(look.keys(">>>>>>>>").lines({12, 60})[1], "RECEIVED/Sv"));
    CHECK(contains(look.key(Code::right, 99).lines({12, 60})[1], "DRIFT"));
}

TEST_CASE("the details have a flow's values, how they went, and what limits it") {
    Looked look(3);
    look.snapshots(6).key(Code::enter);
    const auto screen = look.screen({40, 120});
    CHECK(contains(screen, "10.0.0.1:443 -> 10.0.0.4:1002  ESTABLISHED  curl\n"));
    CHECK(contains(screen, "\nrtt_us" + std::string(18, ' ') + "3.7ms"));
    CHECK(contains(screen, "=+*#==  max 5.8ms\n")); // no Unicode here
    CHECK(contains(screen, "the last 5s, newest on the right\n"));
    CHECK(contains(screen, "\nlimit             rwnd 60%\n"));
    CHECK(contains(screen, "rwnd 60%   sndbuf 0%   loss 0%\n"));
    CHECK(contains(screen, "cgroup_path       /web"));
    look.snapshots(1);
    CHECK(contains(look.screen({40, 120}), "the last 6s"));
    look.key(Code::escape);
    CHECK(look.ports() == ">1002 x1001 1000");
}

TEST_CASE("the details keep what was last known of a flow that has gone") {
    Looked look(3);
    look.snapshots(2).key(Code::down).key(Code::enter).snapshots(12);
    CHECK(contains(look.screen({40, 120}), "10.0.0.3:1001  CLOSE  reset_received  ECONNRESET  sshd  (has gone)\n"));
    CHECK(contains(look.screen({40, 120}), "the last 6s"));
}

TEST_CASE("help is there from everywhere, and any key goes back to where one was") {
    Looked look(3);
    look.snapshots(2).keys("h");
    CHECK(contains(look.screen({30, 80}), "Ctrl-L"));
    CHECK(look.keys("q").ports() == ">1002 1001 1000");
    look.key(Code::enter).key(Code::help).keys("x");
    CHECK(contains(look.screen({30, 80}), "newest on the right"));
    CHECK_FALSE(look.model().left());
    look.keys("q"); // out of the details
    CHECK_FALSE(look.model().left());
    CHECK(look.keys("q").model().left());
}

TEST_CASE("a message stays until the next key, without its control characters") {
    Looked look(1);
    look.snapshots(1).model().say("it \x1b[31mfailed\n");
    CHECK(contains(look.screen(), "\nit \\x1b[31mfailed\\x0a\n"));
    CHECK_FALSE(contains(look.key(Code::down).screen(), "failed"));
}

TEST_CASE("the last line has what was missed, now and since the start, and the own cost") {
    Looked look(3);
    CHECK(look.snapshots(2).lines().back() == "own cost: CPU 1.5%, memory 40MB  missed: nothing");
    CHECK(look.snapshots(1).lines().back() ==
          "own cost: CPU 1.5%, memory 40MB  missed: probe_missed=12  missed in all: probe_missed=12");
    CHECK(look.snapshots(1).lines().back() == "own cost: CPU 1.5%, memory 40MB  missed in all: probe_missed=12");
}

TEST_CASE("every size of screen gets a picture of that size") {
    for (const auto *keys : {"", "/bites", "c", "h", "\r"}) {
        Looked look(30);
        look.snapshots(3);
        if (*keys == '\r') {
            look.key(Code::enter);
        } else {
            look.keys(keys);
        }
        if (*keys == '/') {
            look.key(Code::enter);
        }
        for (std::size_t rows = 0; rows < 30; ++rows) {
            for (const std::size_t width : {0U, 1U, 2U, 3U, 10U, 39U, 80U, 200U}) {
                const auto picture = look.model().picture({rows, width});
                CHECK(picture.lines.size() == rows);
                CHECK(std::all_of(picture.lines.begin(), picture.lines.end(),
                                  [&](const Line &line) { return cells(line) <= width; }));
                CHECK((!picture.cursor || (picture.cursor->row < rows && picture.cursor->column < width)));
            }
        }
    }
    Looked empty(0);
    empty.snapshots(1).key(Code::down).key(Code::enter).keys("r<>jk").key(Code::end);
    CHECK(contains(empty.screen(), "flows: 0"));
    Looked before_any(3);
    CHECK(before_any.key(Code::enter).keys("jkr").lines().size() == 12);
}

TEST_CASE("names of foreign origin send the terminal no commands") {
    Looked look(8);
    CHECK(contains(look.snapshots(2).screen(), "a b\\x1b[31m"));
    CHECK(contains(look.screen(), "caf\\xc3\\xa9"));
}

TEST_CASE("a program without some of the fields has a list and details all the same") {
    const Table table({{"saddr", "unsigned char 16"},
                       {"daddr", "unsigned char 16"},
                       {"sport", "unsigned short"},
                       {"dport", "unsigned short"},
                       {"proto", "unsigned char"},
                       {"family", "unsigned char"}});
    const auto few = table.columns();
    Model model(few, {{}, "", {}, std::chrono::seconds(1), true});
    History history(table.reader());
    for (std::uint64_t second = 1; second < 4; ++second) {
        Reading reading;
        reading.time_ns = second * 1'000'000'000;
        Table::add(reading.live, 1,
                   table.record().set("sport", 22).set("dport", 1).set("proto", 6).set("family", AF_INET));
        model.take(history.next(std::move(reading)), {});
    }
    model.press({Code::enter});
    CHECK(model.picture({20, 80}).lines.size() == 20);
    model.press(character_key(U'q'));
    model.press(character_key(U'>'));
    CHECK(model.picture({20, 80}).lines[2][0].text == "> ");
}

TEST_CASE("a line is edited as in a shell") {
    EditLine line;
    CHECK(typed(line, {character_key(U'a'), character_key(U'é'), character_key(U'b')}) == "aéb|");
    CHECK(typed(line, {{Code::left}, {Code::backspace}}) == "a|b");
    CHECK(typed(line, {{Code::home}, {Code::remove}, {Code::remove}, {Code::remove}, {Code::backspace}}) == "|");
    EditLine words("one two  three");
    CHECK(typed(words, {character_key(control('w'))}) == "one two  |");
    CHECK(typed(words, {character_key(control('w'))}) == "one |");
    CHECK(typed(words, {character_key(control('a')), {Code::right}, character_key(control('k'))}) == "o|");
    CHECK(typed(words, {{Code::end}, character_key(control('u')), character_key(control('w'))}) == "|");
    CHECK_FALSE(words.press({Code::up}));
    CHECK(EditLine("dé").text_before_cursor() == "dé");
}

TEST_CASE("text is cut to the cells it may take") {
    CHECK(cut("abcdef", 4) == "abc~");
    CHECK(cut("abcd", 4) == "abcd");
    CHECK(cut("éàü", 2) == "é~");
    CHECK(cut("abc", 0).empty());
    CHECK(fitted("é", 3) == "é  ");
    CHECK(fitted_right("12", 4) == "  12");
    CHECK(wrapped("one two three", 7) == std::vector<std::string>{"one two", "three"});
    CHECK(wrapped("abcdefgh ij", 3) == std::vector<std::string>{"abc", "def", "gh", "ij"});
}

TEST_CASE("bars go from 0 to the highest value, and where there is none is a blank") {
    const float none = std::numeric_limits<float>::quiet_NaN();
    CHECK(sparkline({0, none, 50, 100}, 100, true) == "▁ ▅█");
    CHECK(sparkline({0, none, 50, 100}, 100, false) == "_ =#");
    CHECK(sparkline({0, 0}, 0, true) == "▁▁");
}

TEST_CASE("a trace keeps the last points, and of a tick the larger values") {
    Trace trace;
    const float none = std::numeric_limits<float>::quiet_NaN();
    for (std::uint64_t tick = 5; tick < 300; ++tick) {
        trace.put(tick, {static_cast<float>(tick), none, 1, 0});
    }
    CHECK(trace.at(299, Trace::rtt) == 299);
    CHECK(trace.at(120, Trace::rtt) == 120);
    CHECK(std::isnan(trace.at(119, Trace::rtt)));
    CHECK(std::isnan(trace.at(300, Trace::rtt)));
    CHECK(std::isnan(trace.at(299, Trace::cwnd)));
    trace.put(299, {1, 7, 9, 0});
    CHECK(trace.at(299, Trace::rtt) == 299);
    CHECK(trace.at(299, Trace::cwnd) == 7);
    CHECK(trace.at(299, Trace::rate) == 9);
    trace.put(302, {3, 3, 3, 3});
    CHECK(std::isnan(trace.at(301, Trace::rate)));
    CHECK(trace.at(302, Trace::rate) == 3);
}

TEST_CASE("snapshots within a second share a tick") {
    Traces traces(columns());
    for (std::uint64_t tenth = 0; tenth <= 25; ++tenth) {
        traces.take(tenth * 100'000'000, {});
    }
    CHECK(traces.tick() == 3);
    CHECK(traces.time_ns(2) == 1'000'000'000);
}

TEST_CASE("log lines wait for the screen to go, and the last can be shown meanwhile") {
    std::ostringstream text;
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text));
    log->set_pattern("%l: %v");
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(log);
    {
        HeldLog held;
        CHECK_FALSE(held.take_last().has_value());
        spdlog::warn("one");
        spdlog::warn("two");
        CHECK(text.str().empty());
        CHECK(held.take_last() == "two");
        CHECK_FALSE(held.take_last().has_value());
    }
    spdlog::set_default_logger(before);
    CHECK(text.str() == "warning: one\nwarning: two\n");
}
