#include "view/groups.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/translate.h"
#include "record/network.h"

namespace tcp_stats {
namespace {

constexpr unsigned ipv4_length = 32;
constexpr unsigned ipv6_length = 128;
constexpr unsigned usual_ipv6_bits = 64; // a subnet: the rest is the interface's (RFC 4291, 2.5.1)

constexpr const char *open_flows = "flows";
constexpr const char *closed_flows = "closed";

std::string text_of(const GroupKey &key) {
    return key.network ? fmt::format("{}/{}/{}", key.field, key.network->ipv4_bits, key.network->ipv6_bits) : key.field;
}

std::optional<unsigned> bits_of(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    return whole && bits <= most ? std::optional(bits) : std::nullopt;
}

/// Whether flows can be grouped by `field`; null: one of the program's own, of which only the user knows what it is.
Result<void> check(const GroupKey &key, const Field *field) {
    if (key.network && (field == nullptr || !is_address(*field))) {
        return fail(ErrorKind::usage, tr("--group-by {}: {} is no address; networks are of saddr or daddr, as daddr/24",
                                         text_of(key), key.field));
    }
    if (field != nullptr && std::string_view(field->unit) != "0 or 1") {
        const auto grouping = grouping_of(*field);
        if (grouping != Grouping::agreed && grouping != Grouping::most_frequent) {
            return fail(ErrorKind::usage,
                        tr("--group-by {}: that measures something, and flows with the same value have nothing in "
                           "common; group by what names something, as daddr, dport, comm, cgroup_path, netns",
                           text_of(key)));
        }
    }
    return {};
}

Address first_bits(Address address, unsigned bits) {
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
        const auto kept = std::min(8U, bits - std::min(bits, 8 * i));
        address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return address;
}

/// The values of `column` as groups take them: IPv4 addresses as such, however the socket has them.
std::function<Value(const Flow &)> plain_value(const FlowColumn &column) {
    const std::string_view name = column.field == nullptr ? "" : column.field->name;
    const auto text_of = [](const Endpoint &end) { return Value(to_string(Endpoint{plain(end.address), end.port})); };
    if (name == "local") {
        return [text_of](const Flow &flow) { return text_of(flow.local); };
    }
    if (name == "remote") {
        return [text_of](const Flow &flow) { return text_of(flow.remote); };
    }
    if (column.type == ColumnType::address) {
        return [value = column.value](const Flow &flow) { return Value(plain(std::get<Address>(value(flow)))); };
    }
    return column.value;
}

std::function<Value(const Flow &)> key_value(const FlowColumn &column, const GroupKey &key) {
    auto value = plain_value(column);
    if (!key.network) {
        return value;
    }
    return [value, network = *key.network](const Flow &flow) {
        const auto address = std::get<Address>(value(flow));
        const auto bits = address.family == AddressFamily::ipv4 ? network.ipv4_bits : network.ipv6_bits;
        return Value(fmt::format("{}/{}", to_string(first_bits(address, bits)), bits));
    };
}

Grouping grouping_of(const FlowColumn &column) {
    if (column.field != nullptr) {
        return grouping_of(*column.field);
    }
    if (column.type != ColumnType::number) {
        return Grouping::agreed;
    }
    return column.unit.empty() ? Grouping::percentiles : grouping_of_unit(column.unit);
}

bool is_number(const Value &value) {
    return std::holds_alternative<std::uint64_t>(value) || std::holds_alternative<std::int64_t>(value) ||
           std::holds_alternative<double>(value);
}

bool is_less(const Value &one, const Value &other) { return compare(one, other) < 0; }

/// Of numbers of one type, at least one.
Value sum_of(const std::vector<Value> &numbers) {
    double real = 0;
    std::uint64_t whole = 0; // signed ones too: the sum modulo 2^64 is the same
    for (const auto &number : numbers) {
        if (const auto *one = std::get_if<double>(&number)) {
            real += *one;
        } else if (const auto *with_sign = std::get_if<std::int64_t>(&number)) {
            whole += static_cast<std::uint64_t>(*with_sign);
        } else {
            whole += std::get<std::uint64_t>(number);
        }
    }
    if (std::holds_alternative<double>(numbers.front())) {
        return real;
    }
    return std::holds_alternative<std::int64_t>(numbers.front()) ? Value(static_cast<std::int64_t>(whole))
                                                                 : Value(whole);
}

/// The nearest rank; reorders `numbers`, of which there is at least one.
Value percentile(std::vector<Value> &numbers, std::size_t percent) {
    const auto rank = (percent * numbers.size() + 99) / 100; // from 1 on
    const auto place = numbers.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(numbers.begin(), place, numbers.end(), is_less);
    return *place;
}

/// Of equally frequent ones the least.
Value commonest(const std::vector<Value> &values) {
    std::map<Value, std::size_t> counts;
    for (const auto &value : values) {
        ++counts[value];
    }
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto &one, const auto &other) { return one.second < other.second; });
    return most->first;
}

/// What `grouping` makes of the values that there are, of `flows` flows; as many as it has endings.
std::vector<Value> together(Grouping grouping, std::vector<Value> values, std::size_t flows) {
    std::vector<Value> made(endings(grouping).size());
    if (grouping == Grouping::agreed) {
        if (values.size() == flows &&
            std::all_of(values.begin(), values.end(), [&](const Value &value) { return value == values.front(); })) {
            made[0] = std::move(values.front());
        }
        return made;
    }
    if (grouping != Grouping::most_frequent) { // a --src may have text where the built-in program has a number
        std::erase_if(values, [](const Value &value) { return !is_number(value); });
    }
    if (values.empty()) {
        return made;
    }
    switch (grouping) {
    case Grouping::sum:
        return {sum_of(values)};
    case Grouping::percentiles:
        return {percentile(values, 50), percentile(values, 95)};
    case Grouping::minimum:
        return {*std::min_element(values.begin(), values.end(), is_less)};
    case Grouping::maximum:
        return {*std::max_element(values.begin(), values.end(), is_less)};
    default:
        return {commonest(values)};
    }
}

/// Its value is the next of a group's.
void append(std::vector<FlowColumn> &columns, FlowColumn column) {
    column.in_line_part = false;
    column.value = [i = columns.size()](const Flow &group) { return group.derived[i]; };
    columns.push_back(std::move(column));
}

/// Those of every group.
std::vector<FlowColumn> first_columns(const FlowColumn &by, const GroupKey &key) {
    std::vector<FlowColumn> columns;
    auto first = by;
    if (by.field != nullptr && by.field->source == Source::combined) {
        first.field = nullptr; // formats leave combined ones out, and no group is to be without its key
    }
    if (key.network) {
        first.type = ColumnType::text;
    }
    append(columns, std::move(first));
    for (const auto *name : {open_flows, closed_flows}) {
        append(columns, {name, nullptr, "flows", ColumnType::number, false, nullptr});
    }
    return columns;
}

/// Those that its grouping makes of a column of the flows.
void append_columns(std::vector<FlowColumn> &columns, const FlowColumn &column) {
    const auto grouping = grouping_of(column);
    for (const auto ending : endings(grouping)) {
        auto made = column;
        made.name += ending;
        made.of = ending.empty() ? std::string() : column.name;
        if (column.unit == "0 or 1" && grouping == Grouping::sum) {
            made.unit = "flows";
        }
        append(columns, std::move(made));
    }
}

/// A name that two columns have; null: none.
const std::string *name_of_two(const std::vector<FlowColumn> &columns) {
    std::set<std::string_view> names;
    const auto second = std::find_if(columns.begin(), columns.end(),
                                     [&](const FlowColumn &column) { return !names.insert(column.name).second; });
    return second == columns.end() ? nullptr : &second->name;
}

} // namespace

Result<GroupKey> parse_group_key(const std::string &text) {
    const auto slash = text.find('/');
    GroupKey key = {text.substr(0, slash), std::nullopt};
    if (key.field.empty()) {
        return fail(ErrorKind::usage,
                    tr("--group-by {}: it accepts the name of a field, or of an address and the length of networks, as "
                       "daddr/24 or daddr/24/64",
                       text));
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
        return fail(ErrorKind::usage, tr("--group-by {}: a network has 0 to {} bits of an IPv4 address, and behind "
                                         "another / 0 to {} of an IPv6 one, as {}/24/64",
                                         text, ipv4_length, ipv6_length, key.field));
    }
    key.network = {*ipv4, *ipv6};
    return key;
}

Result<Groups> Groups::create(const GroupKey &key, const FlowColumns &flow_columns) {
    const auto found = flow_columns.require("--group-by", key.field);
    if (!found) {
        return tl::unexpected(found.error());
    }
    const auto &by = **found;
    if (auto possible = check(key, by.field); !possible) {
        return tl::unexpected(possible.error());
    }
    Groups groups;
    groups.key_ = text_of({by.name, key.network});
    groups.key_of_ = key_value(by, key);
    auto columns = first_columns(by, key);
    for (const auto &column : flow_columns.all()) {
        if (&column != &by) { // of that the key says all
            groups.parts_.push_back({plain_value(column), grouping_of(column)});
            append_columns(columns, column);
        }
    }
    if (const auto *name = name_of_two(columns)) {
        return fail(
            ErrorKind::usage,
            tr("--group-by {}: groups would have two columns {}; give that field another name in --field or --src",
               groups.key_, *name));
    }
    groups.columns_ = FlowColumns(std::move(columns));
    return groups;
}

Flow Groups::row(std::uint64_t number, const Value &key, const std::vector<const Flow *> &flows) const {
    Flow row;
    row.id = number;
    const auto closed = static_cast<std::uint64_t>(
        std::count_if(flows.begin(), flows.end(), [](const Flow *flow) { return flow->closed; }));
    row.derived = {key, flows.size() - closed, closed};
    row.derived.reserve(columns_.all().size());
    for (const auto &[value, grouping] : parts_) {
        std::vector<Value> values;
        values.reserve(flows.size());
        for (const auto *flow : flows) {
            if (auto one = value(*flow); one.index() != 0) {
                values.push_back(std::move(one));
            }
        }
        for (auto &made : together(grouping, std::move(values), flows.size())) {
            row.derived.push_back(std::move(made));
        }
    }
    return row;
}

std::vector<Flow> Groups::of(const std::vector<Flow> &flows) {
    std::map<Value, std::vector<const Flow *>> members;
    for (const auto &flow : flows) {
        members[key_of_(flow)].push_back(&flow);
    }
    std::map<Value, std::uint64_t> numbers;
    std::vector<Flow> rows;
    rows.reserve(members.size());
    for (const auto &[key, group] : members) {
        const auto known = numbers_.find(key);
        const auto number = known == numbers_.end() ? ++last_number_ : known->second;
        numbers.emplace(key, number);
        rows.push_back(row(number, key, group));
    }
    numbers_ = std::move(numbers);
    const auto open = [](const Flow &row) { return std::get<std::uint64_t>(row.derived[1]); };
    std::sort(rows.begin(), rows.end(), [&](const Flow &one, const Flow &other) {
        return open(one) != open(other) ? open(one) > open(other) : one.id < other.id;
    });
    return rows;
}

} // namespace tcp_stats
