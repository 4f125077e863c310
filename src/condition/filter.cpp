#include "condition/filter.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "base/translate.h"
#include "condition/quantity.h"
#include "record/network.h"

namespace tcp_stats {
namespace {

using Test = std::function<bool(RowValues &)>;
using enum Comparison::Operator;

/// All names that there are of that, for people.
std::string names_in_a_row(Naming naming) {
    std::string names;
    for (const auto name : names_of(naming)) {
        names += name.empty() ? std::string() : (names.empty() ? "" : ", ") + std::string(name);
    }
    return names;
}

/// Whether that is an address with a port, as endpoints are shown.
bool is_endpoint(const std::string &text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon + 1 == text.size() ||
        text.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
        return false;
    }
    const bool ipv6 = text.front() == '[' && colon > 0 && text[colon - 1] == ']';
    const auto address = ipv6 ? text.substr(1, colon - 2) : text.substr(0, colon);
    return address.find('/') == std::string::npos && (address.find(':') != std::string::npos) == ipv6 &&
           network_of(address).has_value();
}

/// Turns the tree into tests, and keeps where the complaints go.
class Builder {
public:
    Builder(const ConditionText &text, const Columns &columns) : text_(text), columns_(columns) {}

    Result<Test> test_of(const Condition &condition) const {
        if (condition.kind == Condition::Kind::comparison) {
            return test_of(condition.comparison);
        }
        std::vector<Test> parts;
        for (const auto &child : condition.children) {
            auto part = test_of(child);
            if (!part) {
                return part;
            }
            parts.push_back(std::move(*part));
        }
        const auto holds = [](RowValues &values) { return [&values](const Test &part) { return part(values); }; };
        switch (condition.kind) {
        case Condition::Kind::all:
            return Test(
                [parts, holds](RowValues &values) { return std::all_of(parts.begin(), parts.end(), holds(values)); });
        case Condition::Kind::any:
            return Test(
                [parts, holds](RowValues &values) { return std::any_of(parts.begin(), parts.end(), holds(values)); });
        default:
            return Test([part = parts.front()](RowValues &values) { return !part(values); });
        }
    }

private:
    tl::unexpected<Error> refuse(const Piece &piece, const std::string &what) const {
        return tl::unexpected(complaint_about(text_, piece.place, what));
    }

    Result<Test> test_of(const Comparison &comparison) const {
        const auto column = columns_.require(text_.option.c_str(), comparison.field.text);
        if (!column) {
            auto error = column.error();
            error.details = complaint_about(text_, comparison.field.place, "").details;
            return tl::unexpected(error);
        }
        if (comparison.op == present) {
            return Test([column = *column](RowValues &values) { return is_something(values[*column]); });
        }
        switch ((*column)->type) {
        case FieldType::number:
        case FieldType::port:
            return number_test(comparison, **column);
        case FieldType::address:
            return address_test(comparison, **column);
        case FieldType::word:
            return word_test(comparison, **column);
        default:
            return text_test(comparison, **column);
        }
    }

    /// Whether `path` is `top` or below it.
    static bool is_under(std::string_view path, std::string_view top) {
        while (top.ends_with('/')) {
            top.remove_suffix(1);
        }
        return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
    }

    static bool is_something(const Value &value) {
        if (const auto *text = std::get_if<std::string_view>(&value)) {
            return !text->empty();
        }
        if (const auto *word = std::get_if<Word>(&value)) { // whose number may be 0, but that is not none
            return word != nullptr;
        }
        return !is_absent(value) && compare(value, Value(std::uint64_t(0))) != 0;
    }

    Result<Test> number_test(const Comparison &comparison, const Column &column) const {
        if (comparison.op == under) {
            return refuse(comparison.values.front(),
                          tr("{} is a number, and only a path is under another", comparison.field.text));
        }
        constexpr std::uint64_t most_port = 65535;
        std::vector<Value> numbers;
        for (const auto &piece : comparison.values) {
            auto number = quantity_of(piece.text, comparison.field.text, column.unit_name);
            const bool is_port = column.type == FieldType::port && is_equality(comparison.op);
            if (is_port &&
                (!number || compare(*number, Value(std::uint64_t(0))) < 0 || compare(*number, Value(most_port)) > 0)) {
                return refuse(piece, tr("this is no port, a number from 0 to {}", most_port));
            }
            if (piece.quoted || !number) {
                return refuse(piece, piece.quoted ? tr("{} is a number, and this is text", comparison.field.text)
                                                  : number.error());
            }
            numbers.push_back(*number);
        }
        return Test([&column, numbers, op = comparison.op](RowValues &values) {
            const auto found = values[column];
            return !is_absent(found) &&
                   (op != none_of) == std::any_of(numbers.begin(), numbers.end(), [&](const Value &number) {
                       return holds(op, compare(found, number));
                   });
        });
    }

    static bool holds(Comparison::Operator op, int order) {
        switch (op) {
        case unequal:
            return order != 0;
        case less:
            return order < 0;
        case at_most:
            return order <= 0;
        case more:
            return order > 0;
        case at_least:
            return order >= 0;
        default:
            return order == 0;
        }
    }

    /// Only equality says something of `what`.
    Result<void> require_equality(const Comparison &comparison, const char *what) const {
        const bool path = comparison.op == under && std::string_view(what) == translate("text");
        if (!is_equality(comparison.op) && !path) {
            return refuse(comparison.values.front(),
                          tr("{} is {}; it is compared with ==, != and in", comparison.field.text, what));
        }
        return {};
    }

    Result<Test> address_test(const Comparison &comparison, const Column &column) const {
        if (auto allowed = require_equality(comparison, translate("an address")); !allowed) {
            return tl::unexpected(allowed.error());
        }
        std::vector<Network> networks;
        for (const auto &piece : comparison.values) {
            const auto network = network_of(piece.text);
            if (!network) {
                return refuse(piece, tr("this is no address and no network, as 10.0.0.0/8 or 2001:db8::1"));
            }
            networks.push_back(*network);
        }
        return Test([&column, networks, wanted = !is_negated(comparison.op)](RowValues &values) {
            const auto found = values[column];
            const auto *address = std::get_if<Address>(&found); // of a group whose flows differ there is none
            return address != nullptr &&
                   wanted == std::any_of(networks.begin(), networks.end(),
                                         [&](const Network &network) { return contains(network, *address); });
        });
    }

    Result<Test> word_test(const Comparison &comparison, const Column &column) const {
        if (auto allowed = require_equality(comparison, translate("text")); !allowed) {
            return tl::unexpected(allowed.error());
        }
        std::vector<std::uint64_t> numbers;
        for (const auto &piece : comparison.values) {
            const auto number = number_named(column.field->naming, piece.text);
            if (!number) {
                return refuse(piece, tr("{} is never that; it is one of {}", comparison.field.text,
                                        names_in_a_row(column.field->naming)));
            }
            numbers.push_back(*number);
        }
        return Test([&column, numbers, wanted = !is_negated(comparison.op)](RowValues &values) {
            const auto found = values[column];
            const auto *word = std::get_if<Word>(&found);
            return word != nullptr &&
                   wanted == (std::find(numbers.begin(), numbers.end(), word->number) != numbers.end());
        });
    }

    /// As it is to be compared. What cannot be a value of the column is refused.
    Result<std::string> text_of(const Piece &piece, const Column &column) const {
        constexpr std::size_t most_process_name = 15; // TASK_COMM_LEN without the NUL
        if (column.type == FieldType::process_name) {
            return piece.text.substr(0, most_process_name);
        }
        if (column.type == FieldType::endpoint && !is_endpoint(piece.text)) {
            return refuse(piece, tr("{0} is an address with its port, as 10.0.0.1:443 or [2001:db8::1]:443; {1} is the "
                                    "address, and is compared with networks too",
                                    column.name, column.field->end == End::local ? "saddr" : "daddr"));
        }
        if (column.type == FieldType::path && !piece.text.starts_with('/')) {
            return refuse(piece, tr("the path of a cgroup begins with /"));
        }
        return piece.text;
    }

    Result<Test> text_test(const Comparison &comparison, const Column &column) const {
        if (auto allowed = require_equality(comparison, translate("text")); !allowed) {
            return tl::unexpected(allowed.error());
        }
        std::vector<std::string> texts;
        for (const auto &piece : comparison.values) {
            auto text = text_of(piece, column);
            if (!text) {
                return tl::unexpected(text.error());
            }
            texts.push_back(std::move(*text));
        }
        if (comparison.op == under) {
            return Test([&column, path = texts.front()](RowValues &values) {
                const auto found = values[column];
                const auto *text = std::get_if<std::string_view>(&found);
                return text != nullptr && is_under(*text, path);
            });
        }
        return Test([&column, texts, wanted = !is_negated(comparison.op)](RowValues &values) {
            const auto found = values[column];
            const auto is = [&](std::string_view text) {
                return wanted == (std::find(texts.begin(), texts.end(), text) != texts.end());
            };
            if (const auto *end = std::get_if<Endpoint>(&found)) {
                return is(fmt::format("{}", *end));
            }
            if (const auto *network = std::get_if<Network>(&found)) {
                return is(fmt::format("{}", *network));
            }
            if (const auto *bytes = std::get_if<RawBytes>(&found)) {
                return is(to_string(*bytes));
            }
            const auto *text = std::get_if<std::string_view>(&found);
            return text != nullptr && is(*text);
        });
    }

    const ConditionText &text_;
    const Columns &columns_;
};

} // namespace

Result<Filter> Filter::create(const ConditionText &text, const Condition &condition, const Columns &columns) {
    auto test = Builder(text, columns).test_of(condition);
    if (!test) {
        return tl::unexpected(test.error());
    }
    return Filter(std::move(*test));
}

} // namespace tcp_stats
