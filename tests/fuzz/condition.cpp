// The language of --where and of the short forms, up to whether a flow matches. The input is the condition; where its
// first line is the name of a short form (`port`), the rest is a value of that.
#include <algorithm>
#include <iterator>

#include "check.h"
#include "compile/kernel_condition.h"
#include "condition/filter.h"
#include "sample_columns.h"

using namespace tcp_stats;
using fuzz::require;

namespace {

/// A few joins and a comparison for each of the hundred parentheses and negations that are allowed.
constexpr std::size_t deepest_tree = 310;
/// So few that a text stays within what is allowed when two more are put around it.
constexpr std::size_t well_below_the_limit = 90;

ConditionText condition_text(const std::string &input) {
    const auto name = input.substr(0, input.find('\n'));
    const bool short_form = name.size() < input.size() &&
                            std::find(std::begin(short_forms), std::end(short_forms), name) != std::end(short_forms);
    return short_form ? ConditionText{"--" + name, input.substr(name.size() + 1)} : ConditionText{"--where", input};
}

std::size_t depth_of(const Condition &condition) {
    std::size_t depth = 0;
    for (const auto &child : condition.children) {
        depth = std::max(depth, depth_of(child));
    }
    return depth + 1;
}

/// How often the text goes deeper, or more.
std::size_t descents_in(const std::string &text) {
    std::size_t descents = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        descents += text[i] == '(' || text[i] == '!' || text.compare(i, 3, "not") == 0 ? 1 : 0;
    }
    return descents;
}

/// Every piece says where it stands, and a caret put there stands below it.
void require_places(const ConditionText &text, const Condition &condition) {
    for (const auto &piece : fields_of(condition)) {
        require(text.text.compare(piece.place, piece.text.size(), piece.text) == 0, "a field is where it says",
                piece.text);
        auto before = text.text.substr(0, piece.place);
        std::replace(before.begin(), before.end(), '\t', ' ');
        const auto details = complaint_about(text, piece.place, "").details;
        require(details.size() - details.find('\n') == fuzz::width_of(printable(before)) + 4,
                "a caret stands below its field", details);
    }
}

std::optional<Filter> filter_of(const ConditionText &text, const Columns &columns) {
    const auto condition = parse_condition(text);
    if (!condition) {
        require(condition.error().kind == ErrorKind::usage, "a mistake is the user's", condition.error().message);
        fuzz::require_caret_within_text(condition.error());
        return std::nullopt;
    }
    require(depth_of(*condition) <= deepest_tree, "a condition is no deeper than is said", text.text);
    if (text.option == "--where") {
        require_places(text, *condition);
    }
    const auto parts = parts_of(text, *condition);
    for (const auto &part : parts) {
        require(part.code.empty() != part.reason.empty(), "a part is decided in one place", part.text);
    }
    require(!explanation(parts).empty(), "there is an explanation", text.text);
    auto filter = Filter::create(text, *condition, columns);
    if (!filter) {
        require(filter.error().kind == ErrorKind::usage, "a mistake is the user's", filter.error().message);
        fuzz::require_caret_within_text(filter.error());
        return std::nullopt;
    }
    return std::move(*filter);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is given by libFuzzer
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const fuzz::SampleColumns sample;
    const auto text = condition_text(std::string(data, data + size));
    const auto filter = filter_of(text, sample.columns());
    if (!filter || text.option != "--where" || descents_in(text.text) > well_below_the_limit) {
        for (const auto &flow : sample.flows()) {
            (void)(filter && filter->matches(flow));
        }
        return 0;
    }
    const auto same = filter_of({text.option, "(" + text.text + ")"}, sample.columns());
    const auto opposite = filter_of({text.option, "not (" + text.text + ")"}, sample.columns());
    require(same && opposite, "a condition is one in parentheses too", text.text);
    for (const auto &flow : sample.flows()) {
        require(same->matches(flow) == filter->matches(flow), "parentheses change nothing", text.text);
        require(opposite->matches(flow) != filter->matches(flow), "not is the opposite", text.text);
    }
    return 0;
}
