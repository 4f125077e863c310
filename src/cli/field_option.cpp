#include "cli/field_option.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

/// Parentheses within each other in an expression of --field.
constexpr std::size_t deepest_expression = 100;

/// What is wrong with it as an expression that only reads, and where; nothing: the compiler shall judge.
struct Flaw {
    std::string what;
    std::size_t where;
};

std::optional<Flaw> flaw_of(const std::string &expression) {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        const char next = i + 1 < expression.size() ? expression[i + 1] : ' ';
        if (c == '(' || c == '[') {
            open.push_back(i);
            if (open.size() > deepest_expression) {
                return Flaw{tr("this is too deep"), i};
            }
        } else if (c == ')' || c == ']') {
            if (open.empty() || expression[open.back()] != (c == ')' ? '(' : '[')) {
                return Flaw{tr("nothing was opened here"), i};
            }
            open.pop_back();
        } else if (c == '=' && next == '=') {
            ++i;
        } else if ((c == '!' || c == '<' || c == '>') && next == '=') {
            // <<= and >>= assign
            if (i > 0 && c != '!' && expression[i - 1] == c) {
                return Flaw{tr("an expression reads and does not assign"), i};
            }
            ++i;
        } else if (c == '=' || ((c == '+' || c == '-') && next == c)) {
            return Flaw{tr("an expression reads and does not assign"), i};
        } else if (std::string(";{}#\\\"'`@$").find(c) != std::string::npos) {
            return Flaw{tr("this has no place in an expression"), i};
        } else if (c == '/' && (next == '/' || next == '*')) {
            return Flaw{tr("a comment has no place here"), i};
        } else if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) {
            return Flaw{tr("this character has no place in an expression"), i};
        }
    }
    if (!open.empty()) {
        return Flaw{tr("nothing closes this"), open.back()};
    }
    return std::nullopt;
}

/// `NAME=EXPRESSION` or `NAME[UNIT]=EXPRESSION`.
Result<UserField> parse_field(const std::string &text) {
    const auto equals = text.find('=');
    auto name = text.substr(0, equals);
    std::string unit;
    if (const auto bracket = name.find('['); bracket != std::string::npos && name.ends_with(']')) {
        unit = name.substr(bracket + 1, name.size() - bracket - 2);
        name.resize(bracket);
    }
    if (equals == std::string::npos || !is_c_name(name)) {
        return fail(ErrorKind::usage,
                    tr("--field {}: it accepts NAME=EXPRESSION or NAME[UNIT]=EXPRESSION, with a C name", text));
    }
    const auto expression = text.substr(equals + 1);
    if (expression.find_first_not_of(' ') == std::string::npos) {
        return fail(ErrorKind::usage,
                    tr("--field {}: the expression is missing, as in {}=sk->sk_pacing_rate", text, name));
    }
    static const std::vector<std::string> units = {"bytes", "bytes/s", "us", "ms", "ns", "%", "segments", "events"};
    if (!unit.empty() && std::find(units.begin(), units.end(), unit) == units.end()) {
        std::string accepted;
        for (const auto &known : units) {
            accepted += (accepted.empty() ? "" : ", ") + known;
        }
        return fail(ErrorKind::usage, tr("--field {}: the unit {} is not known; it accepts {}", name, unit, accepted));
    }
    if (const auto flaw = flaw_of(expression)) {
        auto error = fail(ErrorKind::usage, tr("--field {}: {}", name, flaw->what)).value();
        error.details = "  " + printable(expression) + "\n  " + std::string(flaw->where, ' ') + "^";
        return tl::unexpected(error);
    }
    return UserField{name, unit, expression};
}

} // namespace

bool is_c_name(const std::string &name) {
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
           std::all_of(name.begin(), name.end(),
                       [](unsigned char c) { return c == '_' || (c < 0x80 && std::isalnum(c) != 0); });
}

Result<std::vector<UserField>> parse_fields(const std::vector<std::string> &texts) {
    std::vector<UserField> fields;
    for (const auto &text : texts) {
        auto field = parse_field(text);
        if (!field) {
            return tl::unexpected(field.error());
        }
        if (std::any_of(fields.begin(), fields.end(), [&](const UserField &one) { return one.name == field->name; })) {
            return fail(ErrorKind::usage, tr("--field {}: there are two of that name", field->name));
        }
        fields.push_back(std::move(*field));
    }
    return fields;
}

} // namespace tcp_stats
