#include "column/columns.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

#include <sys/socket.h>

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

/// Of the fields that have a place in the script's format.
const std::map<std::string_view, std::optional<RecordField> ScriptFields::*> &numbers_in_line() {
    static const std::map<std::string_view, std::optional<RecordField> ScriptFields::*> numbers = {
        {"proto", &ScriptFields::proto},
        {"pkts_sent", &ScriptFields::pkts_sent},
        {"bytes_sent", &ScriptFields::bytes_sent},
        {"retransmits", &ScriptFields::retransmits},
        {"last_state", &ScriptFields::last_state},
        {"last_seen_ns", &ScriptFields::last_seen_ns},
        {"srtt_us", &ScriptFields::srtt_us},
        {"rtt_us", &ScriptFields::rtt_us},
        {"cwnd", &ScriptFields::cwnd},
    };
    return numbers;
}

std::function<Value(const Flow &)> end_of_flow(std::string_view name) {
    if (name == "saddr") {
        return [](const Flow &flow) { return Value(flow.local.address); };
    }
    if (name == "daddr") {
        return [](const Flow &flow) { return Value(flow.remote.address); };
    }
    if (name == "family") {
        return [](const Flow &flow) {
            return Value(family_name(flow.local.address.family == AddressFamily::ipv6 ? AF_INET6 : AF_INET));
        };
    }
    if (name == "local") {
        return [](const Flow &flow) { return Value(to_string(flow.local)); };
    }
    if (name == "remote") {
        return [](const Flow &flow) { return Value(to_string(flow.remote)); };
    }
    if (name == "sport") {
        return [](const Flow &flow) { return Value(std::uint64_t(flow.local.port)); };
    }
    if (name == "dport") {
        return [](const Flow &flow) { return Value(std::uint64_t(flow.remote.port)); };
    }
    return nullptr;
}

std::optional<double> number_of(const Value &value) {
    if (const auto *whole = std::get_if<std::uint64_t>(&value)) {
        return static_cast<double>(*whole);
    }
    if (const auto *with_sign = std::get_if<std::int64_t>(&value)) {
        return static_cast<double>(*with_sign);
    }
    const auto *real = std::get_if<double>(&value);
    return real == nullptr ? std::nullopt : std::optional(*real);
}

template <typename T> int three_way(const T &one, const T &other) { return one < other ? -1 : other < one ? 1 : 0; }

ColumnType type_of(const Field &field) {
    const std::string_view name = field.name;
    if (is_address(field)) {
        return ColumnType::address;
    }
    const bool text = field.naming != Naming::none || field.source == Source::combined || name == "comm" ||
                      name == "ca" || name == "cgroup_path" || name == "limit";
    return text ? ColumnType::text : ColumnType::number;
}

ColumnType type_of(const Column &column) {
    if (column.field != nullptr) {
        return type_of(*column.field);
    }
    const auto kind = column.place.kind;
    return kind == FieldKind::text || kind == FieldKind::bytes ? ColumnType::text : ColumnType::number;
}

std::vector<std::string> known_names() {
    std::vector<std::string> names;
    for (const auto &field : known_fields()) {
        if (field.source != Source::internal) {
            names.push_back(shown_name(field));
            names.emplace_back(field.name);
        }
    }
    return names;
}

tl::unexpected<Error> no_such_field(const char *option, const std::string &name,
                                    const std::vector<std::string> &names) {
    const auto meant = nearest_word(name, names);
    return fail(ErrorKind::usage,
                meant.empty()
                    ? tr("{}: there is no field {}; --list-fields lists them", option, name)
                    : tr("{}: there is no field {}; did you mean {}? --list-fields lists them", option, name, meant));
}

/// Whether `name` can be a field of the built-in program, on this kernel or another.
bool is_known(const std::string &name) {
    const auto names = known_names();
    return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

std::string shown_name(const Field &field) {
    const std::string_view in_line = field.in_line == nullptr ? "" : field.in_line;
    const bool word =
        !in_line.empty() && std::all_of(in_line.begin(), in_line.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return word ? std::string(in_line) : field.name;
}

bool is_address(const Field &field) {
    const std::string_view name = field.name;
    return name == "saddr" || name == "daddr";
}

FlowColumns::FlowColumns(const RecordReader &reader, const std::vector<UserField> &fields) {
    const auto add = [&](const Field &field, bool in_line_part, std::function<Value(const Flow &)> value) {
        columns_.push_back({shown_name(field), &field, field.unit, type_of(field), in_line_part, std::move(value)});
    };
    for (const auto &field : known_fields()) {
        if (auto value = end_of_flow(field.name)) {
            add(field, field.in_line != nullptr, std::move(value));
            continue;
        }
        const auto number = numbers_in_line().find(field.name);
        if (number != numbers_in_line().end() && reader.script().*number->second) {
            const Column column = {field.name, &field, *(reader.script().*number->second)};
            add(field, true, [column](const Flow &flow) { return RecordReader::value(flow.record, column); });
        }
    }
    const auto unit_of = [&](const Column &column) -> std::string {
        if (column.field != nullptr) {
            return column.field->unit;
        }
        const auto asked_for = std::find_if(fields.begin(), fields.end(),
                                            [&](const UserField &field) { return field.name == column.name; });
        return asked_for == fields.end() ? "" : asked_for->unit;
    };
    const auto add_record_columns = [&](bool known) {
        for (const auto &column : reader.columns()) {
            if ((column.field != nullptr) == known) {
                columns_.push_back({column.name, column.field, unit_of(column), type_of(column), false,
                                    [&column](const Flow &flow) { return RecordReader::value(flow.record, column); }});
            }
        }
    };
    add_record_columns(true);
    for (std::size_t i = 0; i < derived_fields().size(); ++i) {
        add(*derived_fields()[i], false, [i](const Flow &flow) { return flow.derived[i]; });
    }
    add_record_columns(false); // the program's own stand at the end
}

FlowColumns FlowColumns::expected(const std::vector<UserField> &fields) {
    const auto none = [](const Flow & /*flow*/) { return Value(); };
    FlowColumns columns;
    for (const auto &field : known_fields()) {
        if (field.source != Source::internal) {
            columns.columns_.push_back({shown_name(field), &field, field.unit, type_of(field), false, none});
        }
    }
    for (const auto &field : fields) {
        columns.columns_.push_back({field.name, nullptr, field.unit, ColumnType::number, false, none});
    }
    return columns;
}

const FlowColumn *FlowColumns::find(std::string_view name) const {
    const auto named = [&](const FlowColumn &column) { return column.name == name; };
    const auto in_record = [&](const FlowColumn &column) {
        return column.field != nullptr && column.field->name == name;
    };
    auto found = std::find_if(columns_.begin(), columns_.end(), named);
    if (found == columns_.end()) {
        found = std::find_if(columns_.begin(), columns_.end(), in_record);
    }
    if (found == columns_.end()) {
        found = std::find_if(columns_.begin(), columns_.end(),
                             [&](const FlowColumn &column) { return !column.of.empty() && column.of == name; });
    }
    return found == columns_.end() ? nullptr : &*found;
}

Result<const FlowColumn *> FlowColumns::require(const char *option, const std::string &name) const {
    if (const auto *column = find(name)) {
        return column;
    }
    if (is_known(name)) {
        return fail(ErrorKind::usage, tr("{}: the program has no field {} here: it needs another kernel, an option, or "
                                         "is not in --src; --list-fields says more",
                                         option, name));
    }
    auto names = known_names();
    for (const auto &column : columns_) {
        names.push_back(column.name);
    }
    return no_such_field(option, name, names);
}

Result<std::vector<const FlowColumn *>> FlowColumns::require_all(const char *option, const std::string &name) const {
    const auto first = require(option, name);
    if (!first) {
        return tl::unexpected(first.error());
    }
    std::vector<const FlowColumn *> meant = {*first};
    for (const auto &column : columns_) {
        if (&column != *first && (*first)->name != name && !column.of.empty() && column.of == (*first)->of) {
            meant.push_back(&column);
        }
    }
    return meant;
}

int compare(const Value &one, const Value &other) {
    const auto a = number_of(one);
    const auto b = number_of(other);
    if (a && b) {
        // A double holds 53 bits.
        return std::visit(
            [&](const auto &first, const auto &second) {
                using First = std::decay_t<decltype(first)>;
                using Second = std::decay_t<decltype(second)>;
                if constexpr (std::is_integral_v<First> && std::is_integral_v<Second>) {
                    return std::cmp_less(first, second) ? -1 : std::cmp_less(second, first) ? 1 : 0;
                } else {
                    return three_way(*a, *b);
                }
            },
            one, other);
    }
    if (one.index() != other.index()) {
        return three_way(one.index(), other.index());
    }
    return std::visit(
        [&](const auto &value) { return three_way(value, std::get<std::decay_t<decltype(value)>>(other)); }, one);
}

std::string field_list() {
    std::vector<std::array<std::string, 5>> rows = {{"NAME", "UNIT", "SINCE", "KERNEL", "MEANING"}};
    for (const auto &field : known_fields()) {
        if (field.source == Source::internal) {
            continue;
        }
        const std::string meaning = field.meaning;
        const auto first_sentence = meaning.find(". ");
        rows.push_back({shown_name(field), field.unit, field.since, field.kernel,
                        meaning.substr(0, first_sentence == meaning.npos ? meaning.npos : first_sentence + 1)});
    }
    std::array<std::size_t, 4> widths{};
    for (const auto &row : rows) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const auto &row : rows) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            text += fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        text += row.back() + '\n';
    }
    return text;
}

} // namespace tcp_stats
