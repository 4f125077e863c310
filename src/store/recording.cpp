#include "store/recording.h"

#include <limits>

#include <SQLiteCpp/Statement.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

/// In the year 2116.
constexpr WallTime latest_time = std::numeric_limits<WallTime>::max() / 2;
/// A field of more bytes is none that was recorded.
constexpr std::int64_t largest_field = 4096;

/// Its size in the records that are made here: numbers are not as they were in the program's.
std::size_t size_of(const StoredField &field) {
    const auto end = field.field == nullptr ? End::none : field.field->end;
    if (end == End::local_port || end == End::remote_port) {
        return sizeof(std::uint16_t);
    }
    const bool is_address = end == End::local_address || end == End::remote_address;
    const bool is_number = field.kind == FieldKind::unsigned_integer || field.kind == FieldKind::signed_integer;
    return is_number && !is_address ? sizeof(std::uint64_t) : field.size;
}

} // namespace

tl::unexpected<Error> damaged(const std::filesystem::path &path, const std::string &what) {
    return fail(ErrorKind::not_a_recording,
                tr("--replay {}: the recording is damaged: {}; docs/recording.md says how to save what is left",
                   path.string(), what));
}

tl::unexpected<Error> changed(const std::filesystem::path &path) {
    return fail(ErrorKind::not_a_recording,
                tr("--replay {}: the file is no longer what it was: it is recorded to; begin anew", path.string()));
}

tl::unexpected<Error> no_longer_readable(const Recording &recording, const std::string &what) {
    return recording.has_changed() ? changed(recording.path()) : damaged(recording.path(), what);
}

Result<std::unique_ptr<Recording>> Recording::open(const std::filesystem::path &path) {
    std::error_code error;
    const auto written = std::filesystem::last_write_time(path, error);
    const bool has_log = has_written_log(path);
    auto database = open_recording(path);
    if (!database) {
        return tl::unexpected(database.error());
    }
    std::unique_ptr<Recording> recording(new Recording(path, std::move(*database)));
    if (!has_log) {
        recording->written_ = written;
    }
    try {
        if (!recording->database_->tableExists("snapshots")) {
            return fail(ErrorKind::not_a_recording, tr("--replay {}: no snapshot was recorded", path.string()));
        }
        if (auto read = recording->read_fields(); !read) {
            return tl::unexpected(read.error());
        }
        SQLite::Statement range(*recording->database_, "SELECT min(time), max(time) FROM snapshots");
        range.executeStep();
        if (range.getColumn(0).isNull()) {
            return fail(ErrorKind::not_a_recording, tr("--replay {}: no snapshot was recorded", path.string()));
        }
        recording->begin_ = range.getColumn(0).getInt64();
        recording->end_ = range.getColumn(1).getInt64();
        if (recording->begin_ < 0 || recording->end_ > latest_time) {
            return damaged(path, tr("it has a snapshot of a time that cannot be"));
        }
        SQLite::Statement cgroups(*recording->database_, "SELECT host, id, path FROM cgroups");
        while (cgroups.executeStep()) {
            recording->cgroups_[{cgroups.getColumn(0).getInt64(),
                                 static_cast<std::uint64_t>(cgroups.getColumn(1).getInt64())}] =
                unescaped(cgroups.getColumn(2).getString());
        }
    } catch (const SQLite::Exception &exception) {
        return damaged(path, exception.what());
    }
    return recording;
}

bool Recording::has_changed() const {
    std::error_code error;
    return written_ && (has_written_log(path_) || std::filesystem::last_write_time(path_, error) != *written_);
}

Recording::Origin Recording::origin(WallTime from, WallTime to) {
    try {
        SQLite::Statement hosts(
            *database_, "SELECT coalesce(group_concat(DISTINCT name), ''), coalesce(group_concat(DISTINCT kernel), '') "
                        "FROM host WHERE id IN (SELECT host FROM runs WHERE id IN (SELECT run FROM snapshots WHERE "
                        "time BETWEEN ? AND ?))");
        hosts.bind(1, from);
        hosts.bind(2, to);
        hosts.executeStep();
        return {hosts.getColumn(0).getString(), hosts.getColumn(1).getString()};
    } catch (const SQLite::Exception &) {
        return {}; // the snapshots may be whole all the same
    }
}

Result<void> Recording::read_fields() {
    std::vector<RecordField> layout;
    std::size_t offset = 0;
    const auto add = [&](const StoredField &field, std::size_t size) {
        layout.push_back({field.member, field.member, offset, size, field.kind, true});
        offset += size;
    };
    SQLite::Statement rows(*database_, "SELECT name, member, kind, size, stored_in, unit FROM fields ORDER BY id");
    while (rows.executeStep()) {
        StoredField field{.column = rows.getColumn(0).getString(), .member = rows.getColumn(1).getString()};
        const auto kind = kind_called(rows.getColumn(2).getString());
        const auto size = rows.getColumn(3).getInt64();
        if (!kind || size <= 0 || size > largest_field || !is_printable_word(field.column) ||
            !is_printable_word(field.member) || !is_printable_ascii(rows.getColumn(5).getString())) {
            return damaged(path_, tr("the field {} is of no known kind", field.column));
        }
        field.kind = *kind;
        field.size = static_cast<std::size_t>(size);
        field.is_detail = rows.getColumn(4).getString() == "flow_details";
        field.field = find_field(field.member);
        if (field.field == nullptr) {
            own_.push_back({field.column, rows.getColumn(5).getString(), ""});
        }
        add(field, size_of(field));
        fields_.push_back(std::move(field));
    }
    StoredField sampled{.column = "sampled_ns", .member = "sampled_ns"};
    add(sampled, sizeof(std::uint64_t));
    auto reader = RecordReader::create(RecordLayout(layout, offset));
    if (!reader) {
        return damaged(path_, reader.error().message);
    }
    reader_ = std::move(*reader);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        fields_[i].place = layout[i].place();
    }
    return {};
}

const std::string &Recording::cgroup_path(std::int64_t host, std::uint64_t id) { return cgroups_[{host, id}]; }

} // namespace tcp_stats
