// Messages for people, in the language of their locale (GNU gettext).
#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>

namespace tcp_stats {

/// Takes the user's language from the environment and binds the message catalogues: those beside the
/// program (a build tree, an installed tree), whatever directory it was moved to. A locale that does
/// not exist means English. Number formatting stays that of the C locale: data is for scripts.
void start_translation();

/// The translation of `english`, or `english` itself.
const char *translate(const char *english);

/// A message in the user's language with its parts put in. `english` is checked when compiled; a
/// translation that does not fit its arguments is passed over for the English.
template <typename... Args> std::string tr(fmt::format_string<Args...> english, Args &&...args) {
    const fmt::string_view original = english;
    try {
        return fmt::vformat(translate(std::string(original.data(), original.size()).c_str()),
                            fmt::make_format_args(args...));
    } catch (const fmt::format_error &) {
        return fmt::vformat(original, fmt::make_format_args(args...));
    }
}

} // namespace tcp_stats
