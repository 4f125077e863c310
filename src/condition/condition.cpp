#include "condition/condition.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/spirit/home/x3.hpp>
#include <fmt/format.h>

#include "base/characters.h"
#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

namespace x3 = boost::spirit::x3;

using Text = std::string::const_iterator;
using Range = boost::iterator_range<Text>;

/// Parentheses and negations within each other; the parser calls itself for each.
constexpr std::size_t deepest = 100;

/// The beginning of the text, for the places of pieces.
struct begin_of_text;

template <typename Context> Piece piece(const Context &context) {
    const Range range = x3::_attr(context);
    Piece piece;
    piece.place = static_cast<std::size_t>(range.begin() - x3::get<begin_of_text>(context));
    piece.quoted = *range.begin() == '"' || *range.begin() == '\'';
    if (!piece.quoted) {
        piece.text.assign(range.begin(), range.end());
        return piece;
    }
    for (auto c = range.begin() + 1; c != range.end() - 1; ++c) {
        c += *c == '\\' ? 1 : 0;
        piece.text += *c;
    }
    return piece;
}

const auto take_field = [](auto &context) { x3::_val(context).comparison.field = piece(context); };
const auto take_value = [](auto &context) { x3::_val(context).comparison.values.push_back(piece(context)); };
const auto take_operator = [](auto &context) { x3::_val(context).comparison.op = x3::_attr(context); };
const auto take_under = [](auto &context) { x3::_val(context).comparison.op = Comparison::Operator::under; };
const auto take_one_of = [](auto &context) { x3::_val(context).comparison.op = Comparison::Operator::one_of; };
const auto take_none_of = [](auto &context) { x3::_val(context).comparison.op = Comparison::Operator::none_of; };
const auto take = [](auto &context) { x3::_val(context) = std::move(x3::_attr(context)); };

void join(Condition &whole, Condition::Kind kind, Condition part) {
    if (whole.kind != kind) {
        Condition joined;
        joined.kind = kind;
        joined.children.push_back(std::move(whole));
        whole = std::move(joined);
    }
    whole.children.push_back(std::move(part));
}

const auto join_any = [](auto &context) {
    join(x3::_val(context), Condition::Kind::any, std::move(x3::_attr(context)));
};
const auto join_all = [](auto &context) {
    join(x3::_val(context), Condition::Kind::all, std::move(x3::_attr(context)));
};
/// In parentheses it is a part of its own, whatever it is made of.
const auto negate = [](auto &context) {
    x3::_val(context).kind = Condition::Kind::negation;
    x3::_val(context).children = {std::move(x3::_attr(context))};
};

struct Operators : x3::symbols<Comparison::Operator> {
    Operators() {
        using enum Comparison::Operator;
        add("==", equal)("=", equal)("!=", unequal)("<", less)("<=", at_most)(">", more)(">=", at_least);
    }
};

const Operators operators;
/// x3::blank demands characters of ASCII.
const auto blank = x3::char_(" \t");
const auto word_character = x3::char_("A-Za-z0-9_");
const auto keyword = [](const char *word) { return x3::lexeme[x3::lit(word) >> !word_character]; };
const auto any_keyword = keyword("and") | keyword("or") | keyword("not") | keyword("in") | keyword("under");

// Their names are for messages, in English here: nothing has asked for the user's language yet.
const x3::rule<class any_class, Condition> any = translate("a condition");
const x3::rule<class all_class, Condition> all = translate("a condition");
const x3::rule<class one_class, Condition> one = translate("a condition");
const x3::rule<class comparison_class, Condition> comparison = translate("a field");
const x3::rule<class value_class, Range> value = translate("a value");
const x3::rule<class closing_class> closing = translate("a closing parenthesis");

const auto field_name = x3::raw[x3::lexeme[x3::char_("A-Za-z_") >> *word_character]] - any_keyword;
const auto quoted = x3::lexeme[('"' >> *(('\\' >> x3::char_) | ~x3::char_("\"\\")) >> '"') |
                               ('\'' >> *(('\\' >> x3::char_) | ~x3::char_("'\\")) >> '\'')];
/// Of values without quotation marks. A minus is last: elsewhere x3 takes it for a range.
constexpr char bare_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/%+-";
const auto bare_character = x3::char_(bare_characters);
const auto bare = x3::lexeme[+bare_character];

const auto keyword_alone = x3::lexeme[(x3::lit("and") | "or" | "not" | "in" | "under") >> !bare_character];
const auto value_def = x3::raw[quoted | bare] - keyword_alone;
const auto closing_def = x3::lit(')');
const auto required_value = x3::expect[value][take_value];
const auto required_one = x3::expect[one];
const auto set = ('(' >> required_value >> *(',' >> required_value) >> x3::expect[closing]) | required_value;
const auto comparison_def = field_name[take_field] >>
                            ((operators[take_operator] >> required_value) | (keyword("in")[take_one_of] >> set) |
                             (keyword("under")[take_under] >> required_value) |
                             (keyword("not") >> keyword("in")[take_none_of] >> set) | x3::eps);
const auto one_def = ((keyword("not") | ('!' >> !x3::lit('='))) >> required_one[negate]) |
                     ('(' >> x3::expect[any][take] >> x3::expect[closing]) | comparison[take];
const auto all_def = one[take] >> *((x3::lit("&&") | keyword("and")) >> required_one[join_all]);
const auto any_def = all[take] >> *((x3::lit("||") | keyword("or")) >> x3::expect[all][join_any]);

BOOST_SPIRIT_DEFINE(any, all, one, comparison, value, closing)

/// How deep the text goes at most, or more, for the stack's sake.
std::size_t depth_of(const std::string &text) {
    std::vector<std::size_t> around; // for each open parenthesis, how deep it stands
    std::size_t depth = 0;
    std::size_t most = 0;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto rest = std::string_view(text).substr(i);
        const auto word = quote == 0 ? rest.substr(0, rest.find_first_not_of(bare_characters)) : std::string_view();
        if (quote != 0) {
            i += c == '\\' ? 1 : 0;
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '(') {
            around.push_back(depth);
            most = std::max(most, ++depth);
        } else if (c == ')' && !around.empty()) {
            depth = around.back();
            around.pop_back();
        } else if ((c == '!' && !rest.starts_with("!=")) || word == "not") {
            most = std::max(most, ++depth);
        } else if (c == '&' || c == '|' || word == "and" || word == "or") {
            depth = around.empty() ? 0 : around.back() + 1; // negations end here
        }
        i += word.empty() ? 0 : word.size() - 1;
    }
    return most;
}

} // namespace

Error complaint_about(const ConditionText &text, std::size_t place, const std::string &what) {
    // A caret under the character: blanks of one width.
    auto shown = text.text;
    std::replace(shown.begin(), shown.end(), '\t', ' ');
    const std::string blanks(cells(printable(shown.substr(0, place))), ' ');
    return {ErrorKind::usage, fmt::format("{}: {}", text.option, what),
            "  " + printable(shown) + "\n  " + blanks + "^"};
}

bool is_equality(Comparison::Operator op) {
    using enum Comparison::Operator;
    return op == equal || op == one_of || is_negated(op);
}

bool is_negated(Comparison::Operator op) {
    return op == Comparison::Operator::unequal || op == Comparison::Operator::none_of;
}

std::vector<Piece> fields_of(const Condition &condition) {
    if (condition.kind == Condition::Kind::comparison) {
        return {condition.comparison.field};
    }
    std::vector<Piece> fields;
    for (const auto &child : condition.children) {
        const auto of_child = fields_of(child);
        fields.insert(fields.end(), of_child.begin(), of_child.end());
    }
    return fields;
}

namespace {

Result<void> require_printable(const ConditionText &text) {
    for (std::size_t i = 0; i < text.text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text.text[i]);
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return tl::unexpected(
                complaint_about({text.option, text.text.substr(0, i)}, i, tr("this character has no place here")));
        }
    }
    return {};
}

Result<Condition> parse_where(const ConditionText &whole) {
    const auto &text = whole.text;
    if (text.find_first_not_of(" \t") == std::string::npos) {
        return fail(ErrorKind::usage, tr("--where: the condition is missing, as in 'dport == 443 and retr > 0'"));
    }
    if (auto harmless = require_printable(whole); !harmless) {
        return tl::unexpected(harmless.error());
    }
    if (depth_of(text) > deepest) {
        return fail(ErrorKind::usage, tr("--where: conditions within conditions, more than {} deep", deepest));
    }
    Condition condition;
    auto at = text.begin();
    const auto begin = text.begin();
    /// Without the blanks that the parser has not skipped yet.
    const auto place_of = [&](Text where) {
        return static_cast<std::size_t>(std::find_if(where, text.end(), [](char c) { return c != ' ' && c != '\t'; }) -
                                        begin);
    };
    try {
        const bool parsed = x3::phrase_parse(at, text.end(), x3::with<begin_of_text>(begin)[any], blank, condition);
        if (parsed && at == text.end()) {
            return condition;
        }
    } catch (const x3::expectation_failure<Text> &failure) {
        return tl::unexpected(complaint_about(whole, place_of(failure.where()),
                                              tr("{} is expected here", translate(failure.which().c_str()))));
    }
    const auto place = place_of(at);
    return tl::unexpected(complaint_about(whole, place,
                                          place == 0 ? tr("a condition is expected here")
                                                     : tr("this cannot follow here; join conditions with and, or")));
}

/// The values of a list, with commas between them.
Result<std::vector<Piece>> values_of(const ConditionText &list) {
    std::vector<Piece> values;
    for (std::size_t place = 0; place <= list.text.size();) {
        const auto end = std::min(list.text.find(',', place), list.text.size());
        if (end == place) {
            return tl::unexpected(complaint_about(list, place, tr("a value is expected here")));
        }
        values.push_back({list.text.substr(place, end - place), false, place});
        place = end + 1;
    }
    return values;
}

Condition comparison_of(const char *field, Comparison::Operator op, std::vector<Piece> values) {
    Condition condition;
    condition.comparison = {{field, false, 0}, op, std::move(values)};
    return condition;
}

} // namespace

Result<Condition> parse_condition(const ConditionText &text) {
    if (text.option == "--where") {
        return parse_where(text);
    }
    if (auto harmless = require_printable(text); !harmless) {
        return tl::unexpected(harmless.error());
    }
    const auto values = values_of(text);
    if (!values) {
        return tl::unexpected(values.error());
    }
    const auto form = text.option.substr(2);
    const auto one_of = [&](const char *field) { return comparison_of(field, Comparison::Operator::one_of, *values); };
    Condition condition;
    if (form == "port") {
        condition.kind = Condition::Kind::any;
        condition.children = {one_of("sport"), one_of("dport")};
    } else if (form == "cgroup") {
        condition.kind = Condition::Kind::any;
        for (const auto &path : *values) {
            condition.children.push_back(comparison_of("cgroup_path", Comparison::Operator::under, {path}));
        }
    } else {
        condition = one_of(form == "local" ? "saddr" : form == "remote" ? "daddr" : form.c_str());
    }
    return condition;
}

} // namespace tcp_stats
