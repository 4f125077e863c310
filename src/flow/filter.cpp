#include "flow/filter.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <arpa/inet.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/suggest.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

using Test = std::function<bool(const Flow &)>;
using enum Comparison::Operator;

struct Network {
    Address address;
    unsigned bits; ///< of the address that are the network's
};

/// An IPv4 address in an IPv6 one (RFC 4291, 2.5.5.2) as itself.
Address plain(const Address &address) {
    static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address.family == AddressFamily::ipv4 || std::memcmp(address.bytes.data(), mapped, sizeof(mapped)) != 0) {
        return address;
    }
    Address ipv4;
    std::copy(address.bytes.begin() + sizeof(mapped), address.bytes.end(), ipv4.bytes.begin());
    return ipv4;
}

bool contains(const Network &network, const Address &any_form) {
    const auto address = plain(any_form);
    if (address.family != network.address.family) {
        return false;
    }
    for (unsigned bit = 0; bit < network.bits; bit += 8) {
        const auto mask = static_cast<std::uint8_t>(0xff00U >> std::min(8U, network.bits - bit));
        if (((address.bytes[bit / 8] ^ network.address.bytes[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

std::optional<Network> network_of(const std::string &text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    Network network{};
    if (inet_pton(AF_INET, address.c_str(), network.address.bytes.data()) == 1) {
        network.bits = 32;
    } else if (inet_pton(AF_INET6, address.c_str(), network.address.bytes.data()) == 1) {
        network.address.family = AddressFamily::ipv6;
        network.bits = 128;
    } else {
        return std::nullopt;
    }
    if (slash != std::string::npos) {
        const auto *end = text.data() + text.size();
        unsigned bits = 0;
        const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stop != end || bits > network.bits) {
            return std::nullopt;
        }
        network.bits = bits;
    }
    constexpr unsigned mapped_bits = 96;
    if (const auto ipv4 = plain(network.address); !(ipv4 == network.address) && network.bits >= mapped_bits) {
        network = {ipv4, network.bits - mapped_bits};
    }
    return network;
}

/// What a unit is worth, in µs, bytes, or ones; and which of these.
struct Unit {
    char dimension; ///< t time, b bytes, % share, 1 number
    double worth;
};

std::optional<Unit> unit_of_value(const std::string &suffix) {
    static const std::map<std::string, Unit> units = {
        {"ns", {'t', 1e-3}},      {"us", {'t', 1}},         {"ms", {'t', 1e3}},      {"s", {'t', 1e6}},
        {"m", {'t', 60e6}},       {"h", {'t', 3600e6}},     {"B", {'b', 1}},         {"kB", {'b', 1e3}},
        {"MB", {'b', 1e6}},       {"GB", {'b', 1e9}},       {"TB", {'b', 1e12}},     {"KiB", {'b', 1024}},
        {"MiB", {'b', 0x1p20}},   {"GiB", {'b', 0x1p30}},   {"bit", {'b', 1.0 / 8}}, {"kbit", {'b', 1e3 / 8}},
        {"Mbit", {'b', 1e6 / 8}}, {"Gbit", {'b', 1e9 / 8}}, {"%", {'%', 1}},         {"k", {'1', 1e3}},
        {"M", {'1', 1e6}},        {"G", {'1', 1e9}},
    };
    const auto found = units.find(suffix.ends_with("/s") ? suffix.substr(0, suffix.size() - 2) : suffix);
    return found == units.end() ? std::nullopt : std::optional(found->second);
}

Unit unit_of_field(const std::string &unit) {
    if (unit == "us") {
        return {'t', 1};
    }
    if (unit == "us * 8") {
        return {'t', 1.0 / 8};
    }
    if (unit == "ms") {
        return {'t', 1e3};
    }
    if (unit == "ns") {
        return {'t', 1e-3};
    }
    return {unit.starts_with("bytes") ? 'b' : unit == "%" ? '%' : '1', 1};
}

/// The number that `text` stands for in the field's unit; else what is wrong.
tl::expected<Value, std::string> number_of(const std::string &text, const FlowColumn &column) {
    const auto *end = text.data() + text.size();
    std::uint64_t whole = 0;
    const bool hex = text.starts_with("0x");
    if (const auto [stop, error] = std::from_chars(text.data() + (hex ? 2 : 0), end, whole, hex ? 16 : 10);
        error == std::errc() && stop == end) {
        return Value(whole);
    }
    double number = 0;
    const auto *digits = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [stop, error] = std::from_chars(digits, end, number, std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(number)) {
        return tl::unexpected(tr("{} is a number, and this is none", column.name));
    }
    if (stop == end) {
        return Value(number);
    }
    const auto unit = unit_of_value(std::string(stop, end));
    if (!unit) {
        return tl::unexpected(tr("there is no unit {}; it accepts ns us ms s m h, B kB MB GB TB KiB MiB GiB, bit kbit "
                                 "Mbit Gbit, %, k M G",
                                 std::string(stop, end)));
    }
    const auto own = unit_of_field(column.unit);
    if (unit->dimension != own.dimension && unit->dimension != '1') {
        return tl::unexpected(column.unit.empty()
                                  ? tr("{} has no unit", column.name)
                                  : tr("{} is in {}; this is something else", column.name, column.unit));
    }
    return Value(unit->dimension == '1' ? number * unit->worth : number * unit->worth / own.worth);
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

/// The names that a field of states may have; empty: any text.
std::vector<std::string> names_of(const FlowColumn &column) {
    std::vector<std::string> names;
    const auto naming = column.field == nullptr ? Naming::none : column.field->naming;
    for (std::uint64_t number = 0; number < 16 && naming != Naming::none; ++number) {
        auto name = naming == Naming::tcp_state  ? tcp_state_name(number)
                    : naming == Naming::ca_state ? ca_state_name(number)
                                                 : role_name(number);
        if (std::isdigit(static_cast<unsigned char>(name.front())) == 0) {
            names.push_back(std::move(name));
        }
    }
    return names;
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
        std::vector<Value> numbers;
        for (const auto &piece : comparison.values) {
            auto number = number_of(piece.text, column);
            if (piece.quoted || !number) {
                return refuse(piece,
                              piece.quoted ? tr("{} is a number, and this is text", column.name) : number.error());
            }
            numbers.push_back(std::move(*number));
        }
        return Test([value = column.value, numbers, op = comparison.op](const Flow &flow) {
            const auto found = value(flow);
            return found.index() != 0 && std::any_of(numbers.begin(), numbers.end(), [&](const Value &number) {
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
        if (comparison.op != equal && comparison.op != unequal && comparison.op != one_of && !path) {
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
        return Test([value = column.value, networks, wanted = comparison.op != unequal](const Flow &flow) {
            const auto address = std::get<Address>(value(flow));
            return wanted == std::any_of(networks.begin(), networks.end(),
                                         [&](const Network &network) { return contains(network, address); });
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
        return Test([value = column.value, texts, wanted = comparison.op != unequal](const Flow &flow) {
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
