#include "view/groups.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/translate.h"

namespace tcp_stats {
namespace {

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

/// Of equally frequent ones the least; reorders `values`, of which there is at least one.
Value commonest(std::vector<Value> &values) {
    std::sort(values.begin(), values.end(), is_less);
    Value most = values.front();
    std::ptrdiff_t count = 0;
    for (auto first = values.begin(); first != values.end();) {
        const auto end = std::upper_bound(first, values.end(), *first, is_less);
        if (end - first > count) {
            count = end - first;
            most = *first;
        }
        first = end;
    }
    return most;
}

/// Appends what `grouping` makes of the values that there are, of `flows` flows: as many as it has endings. Reorders
/// `values`.
void append_together(Grouping grouping, std::vector<Value> &values, std::size_t flows, std::vector<Value> &cells) {
    if (grouping == Grouping::agreed) {
        const bool agreed =
            values.size() == flows &&
            std::all_of(values.begin(), values.end(), [&](const Value &value) { return value == values.front(); });
        cells.push_back(agreed && flows > 0 ? values.front() : Value());
        return;
    }
    if (grouping != Grouping::most_frequent) { // a --src may have text where the built-in program has a number
        std::erase_if(values, [](const Value &value) { return !is_number(value); });
    }
    if (values.empty()) {
        cells.resize(cells.size() + endings(grouping).size());
        return;
    }
    switch (grouping) {
    case Grouping::sum:
        cells.push_back(sum_of(values));
        break;
    case Grouping::percentiles:
        cells.push_back(percentile(values, 50));
        cells.push_back(percentile(values, 95));
        break;
    case Grouping::minimum:
        cells.push_back(*std::min_element(values.begin(), values.end(), is_less));
        break;
    case Grouping::maximum:
        cells.push_back(*std::max_element(values.begin(), values.end(), is_less));
        break;
    default:
        cells.push_back(commonest(values));
    }
}

const Column *error_column(const Columns &columns) {
    const auto &all = columns.all();
    const auto found = std::find_if(all.begin(), all.end(), [](const Column &column) {
        return column.field != nullptr && column.field->naming == Naming::error;
    });
    return found == all.end() ? nullptr : &*found;
}

/// Its value is the next of a group's.
void append(std::vector<Column> &columns, Column column) {
    column.in_line_part = false;
    column.origin = Column::Origin::cell;
    column.cell = columns.size();
    columns.push_back(std::move(column));
}

/// Those of every group.
std::vector<Column> first_columns_of(const KeyColumn &key, bool tells_errors) {
    std::vector<Column> columns;
    auto first = key.column();
    first.usual = true; // no group is to be without its key
    if (key.is_network()) {
        first.type = FieldType::text;
    }
    append(columns, std::move(first));
    for (const auto *name : {"flows", "closed", "failed"}) {
        if (tells_errors || name != std::string_view("failed")) {
            append(columns, {.name = name, .field = nullptr, .unit_name = "flows", .unit = unit_of("flows")});
        }
    }
    return columns;
}

/// Those that its grouping makes of a column of the flows.
void append_columns(std::vector<Column> &columns, const Column &column) {
    const auto grouping = grouping_of(column);
    for (const auto ending : endings(grouping)) {
        auto made = column;
        made.name += ending;
        made.of = ending.empty() ? std::string() : column.name;
        if (column.unit.dimension == Dimension::truth && grouping == Grouping::sum) {
            made.unit_name = "flows";
            made.unit = unit_of(made.unit_name);
        }
        append(columns, std::move(made));
    }
}

/// A name that two columns have; null: none.
const std::string *name_of_two(const std::vector<Column> &columns) {
    std::set<std::string_view> names;
    const auto second = std::find_if(columns.begin(), columns.end(),
                                     [&](const Column &column) { return !names.insert(column.name).second; });
    return second == columns.end() ? nullptr : &second->name;
}

} // namespace

Result<Groups> Groups::create(const GroupKey &key, const Columns &flow_columns) {
    auto made = KeyColumn::create(key, flow_columns);
    if (!made) {
        return tl::unexpected(made.error());
    }
    Groups groups(std::move(*made));
    const auto &by = groups.key_.column();
    groups.error_ = error_column(flow_columns);
    auto columns = first_columns_of(groups.key_, groups.error_ != nullptr);
    for (const auto &column : flow_columns.all()) {
        if (&column != &by) { // of that the key says all
            groups.parts_.push_back({&column, grouping_of(column)});
            append_columns(columns, column);
        }
    }
    if (const auto *name = name_of_two(columns)) {
        return fail(
            ErrorKind::usage,
            tr("--group-by {}: groups would have two columns {}; give that field another name in --field or --src",
               groups.key_.name(), *name));
    }
    groups.columns_ = Columns(std::move(columns));
    return groups;
}

/// Of the flows from `first` to `last`, which have one key.
void Groups::append_cells(const Snapshot &snapshot, const Keyed *first, const Keyed *last,
                          std::vector<Value> &cells) const {
    const auto closed = static_cast<std::uint64_t>(
        std::count_if(first, last, [&](const Keyed &one) { return snapshot.flows[one.flow].closed; }));
    const auto flows = static_cast<std::uint64_t>(last - first);
    cells.insert(cells.end(), {first->key, flows - closed, closed});
    if (error_ != nullptr) {
        cells.emplace_back(static_cast<std::uint64_t>(std::count_if(first, last, [&](const Keyed &one) {
            return snapshot.flows[one.flow].closed && !is_absent(value(*error_, Row{&snapshot, one.flow}));
        })));
    }
    std::vector<Value> values;
    values.reserve(flows);
    for (const auto &[column, grouping] : parts_) {
        values.clear();
        for (const auto *one = first; one != last; ++one) {
            if (const auto found = value(*column, Row{&snapshot, one->flow}); !is_absent(found)) {
                values.push_back(in_plain_form(found));
            }
        }
        append_together(grouping, values, flows, cells);
    }
}

std::uint64_t Groups::number_of(const Value &key) {
    const auto known =
        std::lower_bound(before_.numbers.begin(), before_.numbers.end(), key,
                         [](const auto &numbered, const Value &wanted) { return is_less(numbered.first, wanted); });
    return known == before_.numbers.end() || is_less(key, known->first) ? ++last_number_ : known->second;
}

void Groups::add_to(Snapshot &snapshot, const std::vector<Filter> &where) {
    std::vector<Keyed> keyed;
    for (std::size_t i = 0; i < snapshot.flows.size(); ++i) {
        RowValues values(Row{&snapshot, i});
        if (std::all_of(where.begin(), where.end(), [&](const Filter &filter) { return filter.matches(values); })) {
            keyed.push_back({key_.of(values), i});
        }
    }
    std::sort(keyed.begin(), keyed.end(), [](const Keyed &one, const Keyed &other) {
        const int order = compare(one.key, other.key);
        return order == 0 ? one.flow < other.flow : order < 0;
    });
    struct Group {
        const Keyed *first, *last;
        std::uint64_t number, open;
    };
    std::vector<Group> groups;
    Numbered now{snapshot.live, snapshot.closed, {}};
    for (const auto *first = keyed.data(); first != keyed.data() + keyed.size();) {
        const auto *last = std::find_if(first, std::as_const(keyed).data() + keyed.size(),
                                        [&](const Keyed &one) { return compare(one.key, first->key) != 0; });
        const auto number = number_of(first->key);
        const auto open =
            std::count_if(first, last, [&](const Keyed &one) { return !snapshot.flows[one.flow].closed; });
        groups.push_back({first, last, number, static_cast<std::uint64_t>(open)});
        now.numbers.emplace_back(first->key, number);
        first = last;
    }
    before_ = std::move(now);
    std::sort(groups.begin(), groups.end(), [](const Group &one, const Group &other) {
        return one.open != other.open ? one.open > other.open : one.number < other.number;
    });
    GroupTable table{.columns = columns_.all().size(), .cells = {}, .ids = {}};
    table.cells.reserve(groups.size() * table.columns);
    for (const auto &[first, last, number, open] : groups) {
        append_cells(snapshot, first, last, table.cells);
        table.ids.push_back(number);
    }
    snapshot.groups = std::move(table);
}

} // namespace tcp_stats
