#include "store/database.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/translate.h"
#include "recording_tables.h"
#include "store/views.h"

namespace tcp_stats {
namespace {

constexpr std::uint32_t application_id = 0x74637073; // "tcps"
constexpr std::uint32_t format_version = 1;

// The file's first bytes, https://www.sqlite.org/fileformat.html
constexpr std::string_view magic = {"SQLite format 3\0", 16};
constexpr std::size_t header_size = 100, version_at = 60, application_at = 68;

constexpr int wait_for_others_ms = 200;
/// Bytes of SQLite's log that stay when it begins anew.
constexpr int most_of_the_log = 8 << 20;

/// Columns that tables and views have of themselves.
constexpr std::array<std::string_view, 18> taken_names = {
    "id",     "run",       "flow",        "details", "local",    "lport",  "remote",    "rport",      "opened",
    "closed", "closed_in", "last_record", "time",    "snapshot", "before", "offset_ns", "elapsed_ns", "elapsed_s"};

/// By FieldKind.
constexpr std::array<std::string_view, 4> kinds = {"unsigned", "signed", "text", "bytes"};

std::uint32_t big_endian(const char *bytes) {
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i) {
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return number;
}

Result<void> check_is_file(int fd, const std::filesystem::path &path, const char *option) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(ErrorKind::not_a_recording, tr("{} {}: this is no file; name one", option, path.string()));
    }
    return {};
}

/// Whether the file `fd` is a recording. It is not changed.
Result<void> check_header(int fd, const std::filesystem::path &path, const char *option) {
    std::array<char, header_size> header{};
    const auto size = pread(fd, header.data(), header.size(), 0);
    if (size < 0) {
        return fail(ErrorKind::source_unreadable,
                    tr("{}: cannot read {}: {}", option, path.string(), std::strerror(errno)));
    }
    if (size < ssize_t(header_size) || std::string_view(header.data(), magic.size()) != magic) {
        return fail(ErrorKind::not_a_recording,
                    tr("{} {}: this is no recording but a file of another kind; name another", option, path.string()));
    }
    if (big_endian(&header[application_at]) != application_id) {
        return fail(ErrorKind::not_a_recording,
                    tr("{} {}: this is a database of another program; name another file", option, path.string()));
    }
    if (big_endian(&header[version_at]) > format_version) {
        return fail(ErrorKind::not_a_recording,
                    tr("{} {}: it was recorded by a newer version of tcp_stats_monitor; use that, or name another file",
                       option, path.string()));
    }
    return {};
}

bool is_detail(const Member &member) {
    if (member.place.kind == FieldKind::text || member.place.kind == FieldKind::bytes) {
        return true;
    }
    if (member.field == nullptr) {
        return false;
    }
    const auto &field = *member.field;
    const std::string_view name = field.name;
    return field.source == Source::internal || field.identity || name == "proto" || name == "pid" ||
           name == "connect_us" || (field.naming != Naming::none && field.naming != Naming::ca_state);
}

/// https://www.sqlite.org/uri.html
std::string uri(const std::filesystem::path &path) {
    std::string name = "file://";
    for (const char c : path.string()) {
        name += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02x}", c) : std::string(1, c);
    }
    return name;
}

} // namespace

std::string cannot_record(const std::filesystem::path &path, const std::exception &exception) {
    return tr("--record {}: {}; name a file on a local disk that has room", path.string(), exception.what());
}

std::string text_of(FieldKind kind) { return std::string(kinds.at(static_cast<std::size_t>(kind))); }

std::optional<FieldKind> kind_called(std::string_view text) {
    const auto found = std::find(kinds.begin(), kinds.end(), text);
    return found == kinds.end() ? std::nullopt : std::optional(static_cast<FieldKind>(found - kinds.begin()));
}

std::string quoted(const std::string &name) {
    std::string text = "\"";
    for (const char c : name) {
        text += c == '"' ? "\"\"" : std::string(1, c);
    }
    return text + '"';
}

std::vector<StoredField> stored_fields(const RecordReader &reader) {
    std::vector<StoredField> fields;
    const auto &sampled = reader.places().sampled_ns;
    for (const auto &member : reader.stored_members()) {
        if (sampled && member.place.offset == sampled.offset) {
            continue;
        }
        const bool shown = member.field != nullptr && member.field->source != Source::internal;
        fields.push_back({.column = shown ? shown_name(*member.field) : member.name,
                          .member = member.name,
                          .kind = member.place.kind,
                          .size = member.place.size,
                          .is_detail = is_detail(member),
                          .field = member.field,
                          .place = member.place});
    }
    return fields;
}

bool is_taken_in_recordings(const std::string &name) {
    return std::any_of(taken_names.begin(), taken_names.end(),
                       [&](std::string_view taken) { return strcasecmp(name.c_str(), taken.data()) == 0; });
}

Result<RecordingFile> RecordingFile::open(const std::filesystem::path &given) {
    // A path that begins with / is nothing but a file to SQLite.
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(std::filesystem::absolute(given), error);
    const auto cannot_open = [&](const std::string &name) {
        return fail(ErrorKind::output_failed, tr("--record: cannot open {}: {}", name, std::strerror(errno)));
    };
    Descriptor lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!lock && errno != ENOENT) {
        return cannot_open(path.string());
    }
    if (auto checked = lock ? check_is_file(lock.get(), path, "--record") : Result<void>(); !checked) {
        return tl::unexpected(checked.error());
    }
    const bool is_new = !lock || lseek(lock.get(), 0, SEEK_END) == 0;
    const auto unfinished = path.string() + ".new";
    if (is_new) {
        lock = Descriptor(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
        if (!lock) {
            return cannot_open(errno == ENOENT ? path.string() : unfinished);
        }
    }
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(ErrorKind::usage, tr("--record {}: another tcp_stats_monitor records to it; name another file, or "
                                         "stop that one",
                                         path.string()));
    }
    if (auto checked = is_new ? Result<void>() : check_header(lock.get(), path, "--record"); !checked) {
        return tl::unexpected(checked.error());
    }
    RecordingFile file(path, std::move(lock));
    try {
        if (is_new) { // it gets its name when it is whole
            if (ftruncate(file.lock_.get(), 0) != 0) {
                return cannot_open(unfinished);
            }
            file.make_tables(unfinished);
            // What a file of that name has left that was removed: SQLite would take it for the log of this one.
            for (const auto *rest : {"-wal", "-shm", "-journal"}) {
                std::filesystem::remove(path.string() + rest, error);
            }
            if (rename(unfinished.c_str(), path.c_str()) != 0) {
                return cannot_open(path.string());
            }
        }
        file.database_ = std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READWRITE, wait_for_others_ms);
        // Each commit is on the disk before the next snapshot: power loss takes the one under way at most.
        file.database_->exec(fmt::format(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = {}", most_of_the_log));
        write_words(*file.database_);
    } catch (const SQLite::Exception &exception) {
        return fail(ErrorKind::output_failed, cannot_record(path, exception));
    }
    return file;
}

bool RecordingFile::is_there() const {
    struct stat named {};
    struct stat locked {};
    return stat(path_.c_str(), &named) == 0 && fstat(lock_.get(), &locked) == 0 && named.st_ino == locked.st_ino &&
           named.st_dev == locked.st_dev;
}

void RecordingFile::make_tables(const std::string &name) {
    SQLite::Database database(name, SQLite::OPEN_READWRITE, wait_for_others_ms);
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA auto_vacuum = INCREMENTAL");
    SQLite::Transaction transaction(database);
    database.exec(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id, format_version));
    database.exec(recording_tables_text);
    transaction.commit();
}

Result<void> RecordingFile::add_fields(const std::vector<StoredField> &fields, const std::vector<UserField> &own) {
    auto &database = *database_;
    const auto asked_for = [&](const StoredField &field) {
        const auto found =
            std::find_if(own.begin(), own.end(), [&](const UserField &one) { return one.name == field.member; });
        return found == own.end() ? UserField() : *found;
    };
    try {
        SQLite::Transaction transaction(database);
        for (const auto &field : fields) {
            if (field.field == nullptr && is_taken_in_recordings(field.column)) {
                return fail(ErrorKind::usage, tr("--record: a recording has something else by the name {}; call the "
                                                 "field otherwise",
                                                 field.column));
            }
            const auto user_field = asked_for(field);
            const std::string kernel = field.field != nullptr ? field.field->kernel : user_field.expression;
            const std::string table = field.is_detail ? "flow_details" : "sample_rows";
            SQLite::Statement known(database,
                                    "SELECT kind, kernel, stored_in, member FROM fields WHERE name = ? COLLATE "
                                    "NOCASE");
            known.bind(1, field.column);
            if (known.executeStep()) {
                const auto is = [&](int index, const std::string &text) {
                    return known.getColumn(index).getString() == text;
                };
                if (!is(0, text_of(field.kind)) || (field.field == nullptr && !is(1, kernel)) || !is(2, table) ||
                    !is(3, field.member)) {
                    return fail(ErrorKind::usage,
                                tr("--record {}: there is another field {} in this recording; call it otherwise, or "
                                   "name another file",
                                   path_.string(), field.column));
                }
                continue;
            }
            SQLite::Statement add(database, "INSERT INTO fields (name, unit, kernel, meaning, member, kind, size, "
                                            "stored_in) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
            add.bind(1, field.column);
            add.bind(2, field.field != nullptr ? field.field->unit : user_field.unit);
            add.bind(3, kernel);
            add.bind(4, field.field == nullptr ? "" : field.field->meaning);
            add.bind(5, field.member);
            add.bind(6, text_of(field.kind));
            add.bind(7, static_cast<std::int64_t>(field.size));
            add.bind(8, table);
            add.exec();
            database.exec(fmt::format("ALTER TABLE {} ADD COLUMN {}", table, quoted(field.column)));
        }
        make_views(database);
        transaction.commit();
    } catch (const SQLite::Exception &exception) {
        return fail(ErrorKind::output_failed, cannot_record(path_, exception));
    }
    return {};
}

Result<std::unique_ptr<SQLite::Database>> open_recording(const std::filesystem::path &given) {
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(std::filesystem::absolute(given), error);
    {
        // Closed before SQLite opens the file: closing it takes SQLite's own locks away.
        const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!file) {
            return fail(ErrorKind::source_unreadable,
                        tr("--replay: cannot open {}: {}", path.string(), std::strerror(errno)));
        }
        if (auto checked = check_is_file(file.get(), path, "--replay"); !checked) {
            return tl::unexpected(checked.error());
        }
        if (auto checked = check_header(file.get(), path, "--replay"); !checked) {
            return tl::unexpected(checked.error());
        }
    }
    // Where nobody writes, nothing is to be made beside the file, which may lie where nothing can be written.
    const bool has_log = has_written_log(path);
    try {
        return std::make_unique<SQLite::Database>(uri(path) + (has_log ? "" : "?immutable=1"),
                                                  SQLite::OPEN_READONLY | SQLite::OPEN_URI, wait_for_others_ms);
    } catch (const SQLite::Exception &exception) {
        return fail(ErrorKind::not_a_recording,
                    has_log ? tr("--replay {}: {}; its newest part is in {}-wal: copy both to where you can write",
                                 path.string(), exception.what(), path.filename().string())
                            : tr("--replay {}: {}", path.string(), exception.what()));
    }
}

bool has_written_log(const std::filesystem::path &path) {
    std::error_code error;
    return std::filesystem::file_size(path.string() + "-wal", error) > 0 && !error;
}

} // namespace tcp_stats
