#include "condition/filter.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/translate.h"
#include "condition/quantity.h"
#include "record/network.h"
#include "snapshot/limit.h"

namespace tcp_stats {
namespace {

using Test = std::function<bool(const Flow &)>;
using enum Comparison::Operator;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

/// The names that a field may have; empty: any text.
std::vector<std::string> names_of(const FlowColumn &column) {
    std::vector<std::string> names;
    if (column.field != nullptr && std::string_view(column.field->name) == "limit") {
        for (std::size_t limit = 0; limit < limit_count; ++limit) {
            names.emplace_back(to_string(static_cast<Limit>(limit)));
        }
    }
    const auto naming = column.field == nullptr ? Naming::none : column.field->naming;
    for (std::uint64_t number = 0; number < 16 && naming != Naming::none; ++number) {
        auto name = naming == Naming::tcp_state  ? tcp_state_name(number)
                    : naming == Naming::ca_state ? ca_state_name(number)
                    : naming == Naming::family   ? family_name(number)
                                                 : role_name(number);
        if (std::isdigit(static_cast<unsigned char>(name.front())) == 0) {
            names.push_back(std::move(name));
        }
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
    Builder(const ConditionText &text, const FlowColumns &columns) : text_(text), columns_(columns) {}

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
        const auto holds = [](const Flow &flow) { return [&flow](const Test &part) { return part(flow); }; };
        switch (condition.kind) {
        case Condition::Kind::all:
            return Test(
                [parts, holds](const Flow &flow) { return std::all_of(parts.begin(), parts.end(), holds(flow)); });
        case Condition::Kind::any:
            return Test(
                [parts, holds](const Flow &flow) { return std::any_of(parts.begin(), parts.end(), holds(flow)); });
        default:
            return Test([part = parts.front()](const Flow &flow) { return !part(flow); });
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
            return Test([value = (*column)->value](const Flow &flow) { return is_something(value(flow)); });
        }
        switch ((*column)->type) {
        case ColumnType::number:
            return number_test(comparison, **column);
        case ColumnType::address:
            return address_test(comparison, **column);
        case ColumnType::text:
            break;
        }
        return text_test(comparison, **column);
    }

    /// Whether `path` is `top` or below it.
    static bool is_under(const std::string &path, std::string top) {
        while (top.ends_with('/')) {
            top.pop_back();
        }
        return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
    }

    static bool is_something(const Value &value) {
        if (const auto *text = std::get_if<std::string>(&value)) {
            return !text->empty();
        }
        return value.index() != 0 && compare(value, Value(std::uint64_t(0))) != 0;
    }

    Result<Test> number_test(const Comparison &comparison, const FlowColumn &column) const {
        if (comparison.op == under) {
            return refuse(comparison.values.front(),
                          tr("{} is a number, and only a path is under another", column.name));
        }
        constexpr std::uint64_t most_port = 65535;
        const bool is_port = column.field != nullptr && (column.name == "sport" || column.name == "dport");
        std::vector<Value> numbers;
        for (const auto &piece : comparison.values) {
            auto number = quantity_of(piece.text, column.name, column.unit);
            if (piece.quoted || !number) {
                return refuse(piece,
                              piece.quoted ? tr("{} is a number, and this is text", column.name) : number.error());
            }
            if (is_port && is_equality(comparison.op) &&
                (compare(*number, Value(std::uint64_t(0))) < 0 || compare(*number, Value(most_port)) > 0)) {
                return refuse(piece, tr("{} is a port, from 0 to {}", column.name, most_port));
            }
            numbers.push_back(std::move(*number));
        }
        return Test([value = column.value, numbers, op = comparison.op](const Flow &flow) {
            const auto found = value(flow);
            return found.index() != 0 &&
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

    Result<Test> address_test(const Comparison &comparison, const FlowColumn &column) const {
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
        return Test([value = column.value, networks, wanted = !is_negated(comparison.op)](const Flow &flow) {
            const auto found = value(flow);
            const auto *address = std::get_if<Address>(&found); // of a group whose flows differ there is none
            return address != nullptr &&
                   wanted == std::any_of(networks.begin(), networks.end(),
                                         [&](const Network &network) { return contains(network, *address); });
        });
    }

    Result<Test> text_test(const Comparison &comparison, const FlowColumn &column) const {
        if (auto allowed = require_equality(comparison, translate("text")); !allowed) {
            return tl::unexpected(allowed.error());
        }
        const auto names = names_of(column);
        const std::string_view field = column.field == nullptr ? "" : column.field->name;
        std::vector<std::string> texts;
        for (const auto &piece : comparison.values) {
            constexpr std::size_t comm_length = 15; // TASK_COMM_LEN without the NUL
            if (field == "comm") {
                texts.push_back(piece.text.substr(0, comm_length));
                continue;
            }
            if ((field == "local" || field == "remote") && !is_endpoint(piece.text)) {
                return refuse(piece,
                              tr("{0} is an address with its port, as 10.0.0.1:443 or [2001:db8::1]:443; {1} is the "
                                 "address, and is compared with networks too",
                                 column.name, field == "local" ? "saddr" : "daddr"));
            }
            if (field == "cgroup_path" && !piece.text.starts_with('/')) {
                return refuse(piece, tr("the path of a cgroup begins with /"));
            }
            const auto known = std::find_if(names.begin(), names.end(),
                                            [&](const std::string &name) { return lower(name) == lower(piece.text); });
            if (!names.empty() && known == names.end()) {
                std::string accepted;
                for (const auto &name : names) {
                    accepted += (accepted.empty() ? "" : ", ") + name;
                }
                return refuse(piece, tr("{} is never that; it is one of {}", column.name, accepted));
            }
            texts.push_back(names.empty() ? piece.text : *known);
        }
        if (comparison.op == under) {
            return Test([value = column.value, path = texts.front()](const Flow &flow) {
                const auto found = value(flow);
                const auto *text = std::get_if<std::string>(&found);
                return text != nullptr && is_under(*text, path);
            });
        }
        return Test([value = column.value, texts, wanted = !is_negated(comparison.op)](const Flow &flow) {
            const auto found = value(flow);
            const auto *text = std::get_if<std::string>(&found);
            if (const auto *bytes = std::get_if<std::vector<std::uint8_t>>(&found)) { // as they are shown
                const auto hex = fmt::format("{:02x}", fmt::join(*bytes, ""));
                return wanted == (std::find(texts.begin(), texts.end(), hex) != texts.end());
            }
            return text != nullptr && wanted == (std::find(texts.begin(), texts.end(), *text) != texts.end());
        });
    }

    const ConditionText &text_;
    const FlowColumns &columns_;
};

} // namespace

Result<Filter> Filter::create(const ConditionText &text, const Condition &condition, const FlowColumns &columns) {
    auto test = Builder(text, columns).test_of(condition);
    if (!test) {
        return tl::unexpected(test.error());
    }
    return Filter(std::move(*test));
}

} // namespace tcp_stats
