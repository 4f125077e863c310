#include "view/group_key.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "base/translate.h"

namespace tcp_stats {
namespace {

constexpr unsigned ipv4_length = 32;
constexpr unsigned ipv6_length = 128;
constexpr unsigned usual_ipv6_bits = 64; // a subnet: the rest is the interface's (RFC 4291, 2.5.1)

std::string name_of(const std::string &field, const std::optional<GroupKey::PrefixLengths> &networks) {
    return networks ? fmt::format("{}/{}/{}", field, networks->ipv4, networks->ipv6) : field;
}

std::optional<unsigned> bits_of(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    return whole && bits <= most ? std::optional(bits) : std::nullopt;
}

/// Whether flows can be grouped by `field`; null: one of the program's own, of which only the user knows what it is.
Result<void> check(const GroupKey &key, const Field *field) {
    if (key.networks && (field == nullptr || field->type != FieldType::address)) {
        return fail(ErrorKind::usage, tr("{} {}: {} is no address; networks are of saddr or daddr, as daddr/24",
                                         key.option, key.written, key.field));
    }
    if (field != nullptr && unit_of(field->unit).dimension != Dimension::truth) {
        const auto grouping = grouping_of(*field);
        if (grouping != Grouping::agreed && grouping != Grouping::most_frequent) {
            return fail(ErrorKind::usage,
                        tr("{} {}: that measures something, and flows with the same value have nothing in "
                           "common; group by what names something, as daddr, dport, comm, cgroup_path, netns",
                           key.option, key.written));
        }
    }
    return {};
}

} // namespace

Value in_plain_form(Value value) {
    if (auto *address = std::get_if<Address>(&value)) {
        *address = plain(*address);
    } else if (auto *end = std::get_if<Endpoint>(&value)) {
        end->address = plain(end->address);
    }
    return value;
}

Grouping grouping_of(const Column &column) {
    if (column.field != nullptr) {
        return grouping_of(*column.field);
    }
    if (column.type != FieldType::number) {
        return Grouping::agreed;
    }
    return column.unit_name.empty() ? Grouping::percentiles : grouping_of(column.unit);
}

Result<GroupKey> parse_group_key(const char *option, const std::string &text) {
    const auto slash = text.find('/');
    GroupKey key = {option, text.substr(0, slash), std::nullopt, text};
    if (key.field.empty()) {
        return fail(ErrorKind::usage,
                    tr("{} {}: it accepts the name of a field, or of an address and the length of networks, as "
                       "daddr/24 or daddr/24/64",
                       option, text));
    }
    if (slash == text.npos) {
        return key;
    }
    const auto lengths = text.substr(slash + 1);
    const auto second = lengths.find('/');
    const auto ipv4 = bits_of(std::string_view(lengths).substr(0, second), ipv4_length);
    const auto ipv6 = second == lengths.npos ? std::optional(usual_ipv6_bits)
                                             : bits_of(std::string_view(lengths).substr(second + 1), ipv6_length);
    if (!ipv4 || !ipv6) {
        return fail(ErrorKind::usage, tr("{} {}: a network has 0 to {} bits of an IPv4 address, and behind "
                                         "another / 0 to {} of an IPv6 one, as {}/24/64",
                                         option, text, ipv4_length, ipv6_length, key.field));
    }
    key.networks = {*ipv4, *ipv6};
    return key;
}

Result<KeyColumn> KeyColumn::create(const GroupKey &key, const Columns &columns) {
    const auto found = columns.require(key.option, key.field);
    if (!found) {
        return tl::unexpected(found.error());
    }
    if (auto possible = check(key, (*found)->field); !possible) {
        return tl::unexpected(possible.error());
    }
    KeyColumn made;
    made.name_ = name_of((*found)->name, key.networks);
    made.column_ = *found;
    made.networks_ = key.networks;
    return made;
}

Value KeyColumn::of(RowValues &values) const {
    auto key = in_plain_form(values[*column_]);
    if (const auto *address = std::get_if<Address>(&key); networks_ && address != nullptr) {
        key = network_around(*address, address->family == AddressFamily::ipv4 ? networks_->ipv4 : networks_->ipv6);
    }
    return key;
}

} // namespace tcp_stats
