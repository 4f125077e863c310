#include "live/filter_line.h"

#include <algorithm>

#include "base/printable.h"
#include "live/cells.h"

namespace tcp_stats {
namespace {

/// As wide as the indentation of Error::details, so that its caret stands below its place.
constexpr std::string_view prompt = "/ ";
constexpr std::string_view option = "--where";

Result<Filter> understood(const std::string &text, const Columns &columns) {
    const ConditionText given{std::string(option), text};
    const auto condition = parse_condition(given);
    if (!condition) {
        return tl::unexpected(condition.error());
    }
    return Filter::create(given, *condition, columns);
}

/// The line of the details that has the caret.
std::string caret_line(const Error &error) {
    const auto end_of_first = error.details.find('\n');
    return end_of_first == std::string::npos ? "" : error.details.substr(end_of_first + 1);
}

} // namespace

FilterLine::State FilterLine::press(const Key &key) {
    if (key.code == Key::Code::escape || (key.code == Key::Code::character && key.character == control('g'))) {
        return State::cancelled;
    }
    if (key.code != Key::Code::enter) {
        mistake_.reset();
        line_.press(key);
        return State::typing;
    }
    const auto typed = text();
    if (typed.find_first_not_of(" \t") == std::string::npos) {
        filter_.reset();
        return State::applied;
    }
    auto filter = understood(typed, columns_);
    if (!filter) {
        mistake_ = filter.error();
        return State::typing;
    }
    filter_ = std::move(*filter);
    return State::applied;
}

/// Cells at the beginning that there is no room for.
std::size_t FilterLine::hidden(std::size_t width) const {
    const auto before = prompt.size() + cells(line_.text_before_cursor());
    return before < width ? 0 : before + 1 - width;
}

std::size_t FilterLine::cursor(std::size_t width) const {
    return prompt.size() + cells(line_.text_before_cursor()) - hidden(width);
}

std::vector<Line> FilterLine::lines(std::size_t width) const {
    const auto moved = [&, skip = hidden(width)](const std::string &text) {
        std::size_t at = 0;
        while (at < text.size() && cells(std::string_view(text).substr(0, at)) < skip) {
            ++at;
        }
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) {
            ++at;
        }
        return text.substr(at);
    };
    std::vector<Line> lines = {{{moved(std::string(prompt) + printable(text())), Style::strong}}};
    if (mistake_) {
        auto sentence = mistake_->message;
        if (sentence.starts_with(option)) {
            sentence.erase(0, option.size() + 2);
        }
        if (const auto caret = caret_line(*mistake_); !caret.empty()) {
            lines.push_back({{moved(caret), Style::warning}});
        }
        for (auto &part : wrapped(printable(sentence), std::max<std::size_t>(width, 1))) {
            lines.push_back({{std::move(part), Style::warning}});
        }
    }
    return lines;
}

} // namespace tcp_stats
