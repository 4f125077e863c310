// The language of --where: text to a tree. What its names and values mean is not looked at here.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"

namespace tcp_stats {

/// A piece of the text.
struct Piece {
    std::string text;      ///< without quotation marks and escapes
    bool quoted = false;   ///< it had quotation marks
    std::size_t place = 0; ///< where in the text it begins
};

struct Comparison {
    enum class Operator { present, equal, unequal, less, at_most, more, at_least, one_of, none_of, under };

    Piece field;
    Operator op = Operator::present;
    std::vector<Piece> values; ///< one, of `one_of` and `none_of` one or more, of `present` none
};

/// Whether it only asks if values are the same: ==, !=, in, not in.
bool is_equality(Comparison::Operator op);
/// Whether it is true where none is the same: !=, not in.
bool is_negated(Comparison::Operator op);

/// What the user gave, and with which option.
struct ConditionText {
    std::string option; ///< `--where`, or a short form
    std::string text;
};

struct Condition {
    enum class Kind { comparison, all, any, negation };

    Kind kind = Kind::comparison;
    Comparison comparison;           ///< of that kind
    std::vector<Condition> children; ///< of the others; a negation has one
};

/// Of --where: `dport == 443 && (daddr in 10.0.0.0/8 or not comm == "nginx")`. Comparisons with == = != < <= > >=, `in`
/// and `not in` with one value or a list in parentheses, `under` with a path; joined by `and` `or` `not` or && || !. A
/// field alone is true when it has a value other than 0.
///
/// Of a short form, a list of values, one of which must be that of its field: --port (of either end), --local and
/// --remote (addresses and networks), --pid, --comm, --state, --netns; --cgroup has paths, and what is below them
/// counts. Error: usage; its details are the text with a caret.
Result<Condition> parse_condition(const ConditionText &text);

/// The options of short forms, without their dashes.
inline constexpr const char *short_forms[] = {"port", "local", "remote", "pid", "comm", "state", "netns", "cgroup"};

/// Every field that it names, as often as it does.
std::vector<Piece> fields_of(const Condition &condition);

/// A complaint about what stands at `place` of the text.
Error complaint_about(const ConditionText &text, std::size_t place, const std::string &what);

} // namespace tcp_stats
