#include "live/filter_line.h"

#include <string_view>

namespace tcp_stats {
namespace {

constexpr std::string_view option = "--where";

Result<Filter> understood(const std::string &text, const Columns &columns) {
    const ConditionText given{std::string(option), text};
    const auto condition = parse_condition(given);
    if (!condition) {
        return tl::unexpected(condition.error());
    }
    return Filter::create(given, *condition, columns);
}

} // namespace

// The prompt is as wide as the indentation of Error::details, so that its caret stands below its place.
FilterLine::FilterLine(const Columns &columns, std::string_view text)
    : columns_(columns), prompt_("/ ", option, text) {}

FilterLine::State FilterLine::press(const Key &key) {
    if (is_cancel(key)) {
        return State::cancelled;
    }
    if (key.code != Key::Code::enter) {
        prompt_.press(key);
        return State::typing;
    }
    const auto typed = text();
    if (typed.find_first_not_of(" \t") == std::string::npos) {
        filter_.reset();
        return State::applied;
    }
    auto filter = understood(typed, columns_);
    if (!filter) {
        prompt_.set_mistake(filter.error());
        return State::typing;
    }
    filter_ = std::move(*filter);
    return State::applied;
}

} // namespace tcp_stats
