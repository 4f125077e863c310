// The SQLite database that a recording is: how it is opened, and what its tables are.
#pragma once

#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <SQLiteCpp/Database.h>

#include "base/choices.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "record/record_reader.h"

namespace tcp_stats {

/// A member of the program's record, as a recording has it.
struct StoredField {
    std::string column; ///< what users call it: `shown_name` of a known field, else the member's own name
    std::string member; ///< by which `RecordReader` finds it
    FieldKind kind = FieldKind::unsigned_integer;
    std::size_t size = 0;   ///< of text, of bytes and of addresses
    bool is_detail = false; ///< it stands in flow_details, since it rarely changes; else in sample_rows
    const Field *field = nullptr;
    Place place = {}; ///< in the records at hand
};

/// How often a flow is written whose values do not change. A reader that begins so much earlier has met them all.
inline constexpr std::uint64_t refresh_ns = 60'000'000'000;

/// What `reader` has of a flow, but for `sampled_ns`, which a sample keeps by itself.
std::vector<StoredField> stored_fields(const RecordReader &reader);

/// What `fields` calls it; and the other way round, nothing where it is no kind.
std::string text_of(FieldKind kind);
std::optional<FieldKind> kind_called(std::string_view text);

/// That SQLite could not write, and what to do.
std::string cannot_record(const std::filesystem::path &path, const std::exception &exception);

/// `NAME`, fit for SQL.
std::string quoted(const std::string &name);

/// Whether a recording has something else by that name than a field of the program's own.
bool is_taken_in_recordings(const std::string &name);

/// A recording that is being made: locked, so that nobody else records to it.
class RecordingFile {
public:
    /// Makes the file (mode 0600) or goes on with one that is there. Errors: usage, where another monitor records to
    /// it; not_a_recording, for a file that is something else, which stays untouched; output_failed.
    static Result<RecordingFile> open(const std::filesystem::path &path);

    /// Makes columns and views for `fields`, beside those that earlier runs had. Error: usage, where an earlier run had
    /// something else by one of the names.
    Result<void> add_fields(const std::vector<StoredField> &fields, const std::vector<UserField> &own);

    SQLite::Database &database() { return *database_; }
    const std::filesystem::path &path() const { return path_; }
    /// Whether the file still has its name: it may have been removed.
    bool is_there() const;

private:
    RecordingFile(std::filesystem::path path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    static void make_tables(const std::string &name);

    std::filesystem::path path_;
    Descriptor lock_; ///< opened before the database and closed after it: closing lets go of SQLite's own locks
    std::unique_ptr<SQLite::Database> database_;
};

/// Whether there is a log beside it: somebody writes to it, or was killed.
bool has_written_log(const std::filesystem::path &path);

/// A recording to read from. Errors: source_unreadable, not_a_recording.
Result<std::unique_ptr<SQLite::Database>> open_recording(const std::filesystem::path &path);

} // namespace tcp_stats
