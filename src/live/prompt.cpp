#include "live/prompt.h"

#include <algorithm>

#include "base/printable.h"
#include "live/cells.h"

namespace tcp_stats {
namespace {

/// The line of the details that has the caret.
std::string caret_line(const Error &error) {
    const auto end_of_first = error.details.find('\n');
    return end_of_first == std::string::npos ? "" : error.details.substr(end_of_first + 1);
}

} // namespace

bool is_cancel(const Key &key) {
    return key.code == Key::Code::escape || (key.code == Key::Code::character && key.character == control('g'));
}

void Prompt::press(const Key &key) {
    mistake_.reset();
    line_.press(key);
}

/// Cells at the beginning that there is no room for.
std::size_t Prompt::hidden(std::size_t width) const {
    const auto before = before_.size() + cells(line_.text_before_cursor());
    return before < width ? 0 : before + 1 - width;
}

std::size_t Prompt::cursor(std::size_t width) const {
    return before_.size() + cells(line_.text_before_cursor()) - hidden(width);
}

std::vector<Line> Prompt::lines(std::size_t width) const {
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
    std::vector<Line> lines = {{{moved(before_ + printable(text())), Style::strong}}};
    if (mistake_) {
        auto sentence = mistake_->message;
        if (sentence.starts_with(option_)) {
            sentence.erase(0, sentence.find(": ") + 2);
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
