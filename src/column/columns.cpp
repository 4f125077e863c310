#include "column/columns.h"

#include <algorithm>
#include <utility>

#include "base/suggest.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

FieldType type_of(const Member &member) {
    const bool number = member.place.kind != FieldKind::text && member.place.kind != FieldKind::bytes;
    // A --src may have text where the built-in program has a number that stands for a word.
    if (member.field != nullptr && (number || type_of(*member.field) != FieldType::word)) {
        return type_of(*member.field);
    }
    return member.place.kind == FieldKind::text    ? FieldType::text
           : member.place.kind == FieldKind::bytes ? FieldType::bytes
                                                   : FieldType::number;
}

Column column_of(const Field &field) {
    return {.name = shown_name(field),
            .field = &field,
            .unit_name = field.unit,
            .type = type_of(field),
            .usual = field.source != Source::combined};
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

Columns::Columns(const RecordReader &reader, CgroupPath cgroup_path, const std::vector<UserField> &fields) {
    const auto context = std::make_shared<const ColumnContext>(ColumnContext{reader, std::move(cgroup_path)});
    const auto add = [&](Column column, Column::Origin origin, const Place &place) {
        column.origin = origin;
        column.place = place;
        column.unit = unit_of(column.unit_name);
        column.context = context;
        columns_.push_back(std::move(column));
    };
    for (const auto &field : known_fields()) {
        if (field.end != End::none) {
            auto column = column_of(field);
            column.in_line_part = field.in_line != nullptr;
            add(std::move(column), Column::Origin::end, {});
            continue;
        }
        const auto &members = reader.script_members();
        const auto member =
            std::find_if(members.begin(), members.end(), [&](const Member &one) { return one.field == &field; });
        if (member != members.end()) {
            auto column = column_of(field);
            column.in_line_part = true;
            add(std::move(column), Column::Origin::member, member->place);
        }
    }
    const auto add_members = [&](bool known) {
        for (const auto &member : reader.members()) {
            if ((member.field != nullptr) != known) {
                continue;
            }
            const auto asked_for = std::find_if(fields.begin(), fields.end(),
                                                [&](const UserField &field) { return field.name == member.name; });
            const std::string own_unit = asked_for == fields.end() ? "" : asked_for->unit;
            add({.name = member.name,
                 .field = member.field,
                 .unit_name = known ? member.field->unit : own_unit,
                 .type = type_of(member)},
                Column::Origin::member, member.place);
        }
    };
    add_members(true);
    for (const auto &field : known_fields()) {
        if (is_derived(field)) {
            add(column_of(field), Column::Origin::computed,
                field.rate_of == nullptr ? Place() : reader.integer(field.rate_of));
        }
    }
    add_members(false); // the program's own stand at the end
}

Columns Columns::expected(const std::vector<UserField> &fields) {
    Columns columns;
    for (const auto &field : known_fields()) {
        if (field.source != Source::internal) {
            columns.columns_.push_back(column_of(field));
        }
    }
    for (const auto &field : fields) {
        columns.columns_.push_back({.name = field.name, .field = nullptr, .unit_name = field.unit});
    }
    for (auto &column : columns.columns_) {
        column.unit = unit_of(column.unit_name);
    }
    return columns;
}

const Column *Columns::find(std::string_view name) const {
    const auto named = [&](const Column &column) { return column.name == name; };
    const auto in_record = [&](const Column &column) { return column.field != nullptr && column.field->name == name; };
    auto found = std::find_if(columns_.begin(), columns_.end(), named);
    if (found == columns_.end()) {
        found = std::find_if(columns_.begin(), columns_.end(), in_record);
    }
    if (found == columns_.end()) {
        found = std::find_if(columns_.begin(), columns_.end(),
                             [&](const Column &column) { return !column.of.empty() && column.of == name; });
    }
    return found == columns_.end() ? nullptr : &*found;
}

Result<const Column *> Columns::require(const char *option, const std::string &name) const {
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

Result<std::vector<const Column *>> Columns::require_all(const char *option, const std::string &name) const {
    const auto first = require(option, name);
    if (!first) {
        return tl::unexpected(first.error());
    }
    std::vector<const Column *> meant = {*first};
    for (const auto &column : columns_) {
        if (&column != *first && (*first)->name != name && !column.of.empty() && column.of == (*first)->of) {
            meant.push_back(&column);
        }
    }
    return meant;
}

} // namespace tcp_stats
