#include "compile/kernel_condition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "base/translate.h"
#include "condition/quantity.h"
#include "record/fields.h"
#include "record/network.h"

namespace tcp_stats {
namespace {

using enum Comparison::Operator;

/// Characters of a part's code. It stands in the program five times, and compiling it takes longer than it grows: a few
/// hundred ports or networks fit.
constexpr std::size_t longest_code = 16384;

/// The field of that name, if it is a member of struct flow_identity_t; else null.
const Field *identity_field(const std::string &name) {
    const auto *field = find_field(name);
    return field != nullptr && field->identity ? field : nullptr;
}

const char *sign_of(Comparison::Operator op) {
    switch (op) {
    case unequal:
        return "!=";
    case less:
        return "<";
    case at_most:
        return "<=";
    case more:
        return ">";
    case at_least:
        return ">=";
    default:
        return "==";
    }
}

/// `text` in C as a whole number; nothing where it is none, or no number at all, which Filter complains of.
std::optional<std::string> whole_number(const std::string &text, std::string_view field) {
    const auto number = quantity_of(text, field, "");
    if (!number) {
        return std::nullopt;
    }
    if (const auto *whole = std::get_if<std::uint64_t>(&*number)) {
        return fmt::format("{}ULL", *whole);
    }
    constexpr double exact = 9007199254740992; // 2^53
    const auto *real = std::get_if<double>(&*number);
    if (real == nullptr || *real < 0 || *real > exact || *real != std::floor(*real)) {
        return std::nullopt;
    }
    return fmt::format("{}ULL", static_cast<std::uint64_t>(*real));
}

std::optional<std::string> number_code(const Comparison &comparison, const Field &field) {
    const auto member = fmt::format("flow.{}", field.name);
    std::vector<std::string> tests;
    for (const auto &value : comparison.values) {
        const auto number =
            value.quoted || comparison.op == under ? std::nullopt : whole_number(value.text, field.name);
        if (!number) {
            return std::nullopt;
        }
        tests.push_back(fmt::format("{} {} {}", member, sign_of(comparison.op), *number));
    }
    if (comparison.op == present) {
        return fmt::format("({} != 0)", member);
    }
    const auto any = fmt::format("{}({})", comparison.op == none_of ? "!" : "", fmt::join(tests, " || "));
    return field.absent == AbsentWhen::zero ? fmt::format("({} && {})", member, any) : any;
}

/// Whether the 16 bytes of `member`, an IPv4 address as ::ffff:a.b.c.d, are in `network`: word by word.
std::string in_network(const std::string &member, const Network &network) {
    constexpr unsigned mapped_bits = 96;
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = network.bits;
    bool excludes_ipv4 = false;
    if (network.address.family == AddressFamily::ipv4) {
        bytes[10] = bytes[11] = 0xff;
        std::copy_n(network.address.bytes.begin(), 4, bytes.begin() + 12);
        bits += mapped_bits;
    } else {
        bytes = network.address.bytes;
        Address mapped;
        mapped.family = AddressFamily::ipv6;
        mapped.bytes[10] = mapped.bytes[11] = 0xff;
        // Of a shorter network IPv4 addresses would be a part.
        const auto common = [&](unsigned bit) {
            return ((bytes[bit / 8] ^ mapped.bytes[bit / 8]) & (0x80U >> bit % 8)) == 0;
        };
        unsigned bit = 0;
        while (bit < std::min(bits, mapped_bits) && common(bit)) {
            ++bit;
        }
        excludes_ipv4 = bit == bits && bits < mapped_bits;
    }
    std::vector<std::string> tests;
    for (unsigned word = 0; word < 4 && word * 32 < bits; ++word) {
        const auto own = std::min(32U, bits - word * 32);
        const auto mask = htonl(own == 32 ? 0xffffffffU : ~(0xffffffffU >> own));
        std::uint32_t value = 0;
        std::memcpy(&value, bytes.data() + std::size_t(4) * word, sizeof(value));
        tests.push_back(fmt::format("(flow.{}[{}] & 0x{:08x}U) == 0x{:08x}U", member, word, mask, value & mask));
    }
    if (excludes_ipv4) {
        tests.push_back(fmt::format("!IS_IPV4(flow.{})", member));
    }
    return tests.empty() ? "1" : fmt::format("({})", fmt::join(tests, " && "));
}

/// Of what is only compared for equality; `test` makes code of a value, or nothing where it is none.
template <typename Test> std::optional<std::string> equality_code(const Comparison &comparison, Test test) {
    if (comparison.op == present) {
        return "1";
    }
    if (!is_equality(comparison.op)) {
        return std::nullopt;
    }
    std::vector<std::string> tests;
    for (const auto &value : comparison.values) {
        auto code = test(value.text);
        if (!code) {
            return std::nullopt;
        }
        tests.push_back(std::move(*code));
    }
    return fmt::format("{}({})", is_negated(comparison.op) ? "!" : "", fmt::join(tests, " || "));
}

std::optional<std::string> address_code(const Comparison &comparison) {
    return equality_code(comparison, [&](const std::string &text) -> std::optional<std::string> {
        const auto network = network_of(text);
        return network ? std::optional(in_network(comparison.field.text, *network)) : std::nullopt;
    });
}

std::optional<std::string> word_code(const Comparison &comparison, const Field &field) {
    return equality_code(comparison, [&](const std::string &text) -> std::optional<std::string> {
        const auto number = number_named(field.naming, text);
        return number ? std::optional(fmt::format("flow.{} == {}", field.name, *number)) : std::nullopt;
    });
}

std::optional<std::string> comparison_code(const Comparison &comparison) {
    const auto *field = identity_field(comparison.field.text);
    if (field == nullptr) {
        return std::nullopt;
    }
    switch (type_of(*field)) {
    case FieldType::address:
        return address_code(comparison);
    case FieldType::word:
        return word_code(comparison, *field);
    default:
        return number_code(comparison, *field);
    }
}

std::optional<std::string> code_of(const Condition &condition) {
    if (condition.kind == Condition::Kind::comparison) {
        return comparison_code(condition.comparison);
    }
    std::vector<std::string> parts;
    for (const auto &child : condition.children) {
        auto code = code_of(child);
        if (!code) {
            return std::nullopt;
        }
        parts.push_back(std::move(*code));
    }
    if (condition.kind == Condition::Kind::negation) {
        return "!" + parts.front();
    }
    return fmt::format("({})", fmt::join(parts, condition.kind == Condition::Kind::all ? " && " : " || "));
}

std::string text_of(const Piece &piece) {
    if (!piece.quoted) {
        return piece.text;
    }
    std::string text = "\"";
    for (const char c : piece.text) {
        text += c == '"' || c == '\\' ? "\\" : "";
        text += c;
    }
    return text + '"';
}

std::string text_of(const Comparison &comparison) {
    std::vector<std::string> values;
    for (const auto &value : comparison.values) {
        values.push_back(text_of(value));
    }
    const auto &field = comparison.field.text;
    if (comparison.op == present) {
        return field;
    }
    if (comparison.op == one_of || comparison.op == none_of) {
        const auto list = fmt::format("{}", fmt::join(values, ", "));
        return field + (comparison.op == one_of ? " in " : " not in ") + (values.size() == 1 ? list : "(" + list + ")");
    }
    return fmt::format("{} {} {}", field, comparison.op == under ? "under" : sign_of(comparison.op), values.front());
}

std::string text_of(const Condition &condition) {
    if (condition.kind == Condition::Kind::comparison) {
        return text_of(condition.comparison);
    }
    std::vector<std::string> parts;
    for (const auto &child : condition.children) {
        const bool whole = child.kind == Condition::Kind::comparison || child.kind == Condition::Kind::negation;
        parts.push_back(whole ? text_of(child) : "(" + text_of(child) + ")");
    }
    if (condition.kind == Condition::Kind::negation) {
        return "not " + parts.front();
    }
    return fmt::format("{}", fmt::join(parts, condition.kind == Condition::Kind::all ? " and " : " or "));
}

/// Why the program cannot decide a condition that is not only about identity, by the first field that is not.
std::string reason_of(const Condition &condition) {
    for (const auto &[field, quoted, place] : fields_of(condition)) {
        if (field == "pid" || field == "comm") {
            return tr("{}: who accepts a connection is not known when it begins", field);
        }
        if (field == "cgroup_path") {
            return tr("{}: a cgroup of that path may be made anew, and is another one then", field);
        }
        if (field == "local" || field == "remote") {
            return tr("{}: it is text put together for people; use saddr, sport, daddr, dport", field);
        }
        if (identity_field(field) == nullptr) {
            return tr("{}: when a connection begins, only addresses, ports, family, netns and cgroup are known", field);
        }
    }
    return code_of(condition) ? tr("it is too long to be compiled into the program")
                              : tr("a number is negative or not whole");
}

} // namespace

std::vector<ConditionPart> parts_of(const ConditionText &text, const Condition &condition) {
    const bool several = text.option == "--where" && condition.kind == Condition::Kind::all;
    const auto conditions = several ? condition.children : std::vector<Condition>{condition};
    std::vector<ConditionPart> parts;
    for (const auto &one : conditions) {
        const auto shown = text.option == "--where" ? text_of(one) : text.option + " " + text.text;
        auto code = code_of(one);
        if (code && code->size() > longest_code) {
            code.reset();
        }
        parts.push_back({shown, code.value_or(""), code ? std::string() : reason_of(one)});
    }
    return parts;
}

std::string kernel_condition_header(const std::vector<ConditionPart> &parts) {
    std::vector<std::string> code;
    for (const auto &part : parts) {
        if (!part.code.empty()) {
            code.push_back(part.code);
        }
    }
    if (code.empty()) {
        return {};
    }
    const auto wanted = fmt::format("({})", fmt::join(code, " && "));
    std::string header = "#define FLOW_WANTED(flow) " + wanted + "\n";
    for (const auto &[member, name] : {std::pair("flow.netns", "NETNS"), {"flow.cgroup", "CGROUP"}}) {
        if (wanted.find(member) != std::string::npos) {
            header += fmt::format("#define WANTED_BY_{}\n", name);
        }
    }
    return header;
}

std::string explanation(const std::vector<ConditionPart> &parts) {
    std::size_t width = 0;
    for (const auto &part : parts) {
        width = std::max(width, printable(part.text).size());
    }
    std::string text;
    for (const bool in_kernel : {true, false}) {
        std::string lines;
        for (const auto &part : parts) {
            if (part.code.empty() == in_kernel) {
                continue;
            }
            lines += in_kernel ? fmt::format("  {}\n", printable(part.text))
                               : fmt::format("  {:<{}}  {}\n", printable(part.text), width, printable(part.reason));
        }
        if (!lines.empty()) {
            text += in_kernel ? tr("In the kernel, before there is a record of the flow:") + "\n"
                              : tr("In the monitor, on each snapshot:") + "\n";
            text += lines;
        }
    }
    return text.empty() ? tr("There is no condition: every flow is shown.") + "\n" : text;
}

} // namespace tcp_stats
