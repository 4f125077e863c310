#include "store/database.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
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

constexpr std::array kinds = {"unsigned", "signed", "text", "bytes"};

std::string text_of(FieldKind kind) { return kinds.at(static_cast<std::size_t>(kind)); }

std::uint32_t big_endian(const char *bytes) {
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i) {
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return number;
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

/// The name of the words that the numbers of a field stand for.
const char *naming_of(const Field *field) {
    switch (field == nullptr ? Naming::none : field->naming) {
    case Naming::tcp_state:
        return "state";
    case Naming::ca_state:
        return "ca_state";
    case Naming::role:
        return "role";
    case Naming::family:
        return "family";
    case Naming::ending:
        return "ended";
    case Naming::error:
        return "error";
    default:
        return nullptr;
    }
}

/// The known field that users call so, or that is the monitor's own by that name; or null.
const Field *field_called(const std::string &column) {
    const auto fields = known_fields();
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field &field) {
        return column == (field.source == Source::internal ? field.name : shown_name(field));
    });
    return found == fields.end() ? nullptr : &*found;
}

/// The column as people read it: words for numbers.
std::string readable(const std::string &table, const std::string &column) {
    const auto *field = field_called(column);
    const auto place = table + "." + quoted(column);
    if (const auto *naming = naming_of(field)) {
        return fmt::format("coalesce((SELECT word FROM words WHERE naming = '{}' AND number = {}), {}) AS {}", naming,
                           place, place, quoted(column));
    }
    return place + " AS " + quoted(column);
}

/// https://www.sqlite.org/uri.html
std::string uri(const std::filesystem::path &path) {
    std::string name = "file://";
    for (const char c : path.string()) {
        name += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02x}", c) : std::string(1, c);
    }
    return name;
}

std::string shown_to_people(const std::string &column) {
    return column == "saddr"   ? "local"
           : column == "sport" ? "lport"
           : column == "daddr" ? "remote"
           : column == "dport" ? "rport"
                               : column;
}

} // namespace

const char *const newest_samples =
    "SELECT flow, max(id) AS id FROM sample_rows WHERE id >= (SELECT min(n.first_sample) FROM snapshots n JOIN "
    "(SELECT max(time_ns) AS time_ns, run FROM snapshots WHERE run = (SELECT max(run) FROM snapshots)) l ON n.run = "
    "l.run "
    "JOIN runs r ON r.id = l.run WHERE n.time_ns >= l.time_ns - 60000000000 - 2 * r.interval_ns) GROUP BY flow";

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
    struct stat status {};
    if (lock && (fstat(lock.get(), &status) != 0 || !S_ISREG(status.st_mode))) {
        return fail(ErrorKind::not_a_recording, tr("--record {}: this is no file; name one", path.string()));
    }
    const bool is_new = !lock || status.st_size == 0;
    const auto unfinished = path.string() + ".new";
    if (is_new) {
        lock = Descriptor(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
        if (!lock) {
            return cannot_open(unfinished);
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
            if (rename(unfinished.c_str(), path.c_str()) != 0) {
                return cannot_open(path.string());
            }
        }
        file.database_ = std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READWRITE, wait_for_others_ms);
        // Each commit is on the disk before the next snapshot: power loss takes the one under way at most.
        file.database_->exec(fmt::format(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = {}", most_of_the_log));
        file.write_words();
    } catch (const SQLite::Exception &exception) {
        return fail(ErrorKind::output_failed, tr("--record {}: {}", path.string(), exception.what()));
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

void RecordingFile::write_words() {
    SQLite::Transaction transaction(*database_);
    SQLite::Statement add(*database_, "INSERT OR REPLACE INTO words VALUES (?, ?, ?)");
    std::vector<Naming> done;
    for (const auto &field : known_fields()) {
        const auto *naming = naming_of(&field);
        if (naming == nullptr || std::find(done.begin(), done.end(), field.naming) != done.end()) {
            continue;
        }
        done.push_back(field.naming);
        for (const auto word : names_of(field.naming)) {
            if (const auto number = number_named(field.naming, word)) {
                add.bind(1, naming);
                add.bind(2, static_cast<std::int64_t>(*number));
                add.bind(3, std::string(word));
                add.exec();
                add.reset();
            }
        }
    }
    transaction.commit();
}

Result<void> RecordingFile::add_fields(const std::vector<StoredField> &fields, const std::vector<UserField> &own) {
    auto &database = *database_;
    const auto expression_of = [&](const StoredField &field) -> std::string {
        const auto found =
            std::find_if(own.begin(), own.end(), [&](const UserField &one) { return one.name == field.member; });
        return found == own.end() ? "" : found->expression;
    };
    const auto unit_of = [&](const StoredField &field) -> std::string {
        const auto found =
            std::find_if(own.begin(), own.end(), [&](const UserField &one) { return one.name == field.member; });
        return field.field != nullptr ? field.field->unit : found == own.end() ? "" : found->unit;
    };
    try {
        SQLite::Transaction transaction(database);
        for (const auto &field : fields) {
            if (field.field == nullptr && is_taken_in_recordings(field.column)) {
                return fail(ErrorKind::usage, tr("--record: a recording has something else by the name {}; call the "
                                                 "field otherwise",
                                                 field.column));
            }
            const std::string kernel = field.field != nullptr ? field.field->kernel : expression_of(field);
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
            add.bind(2, unit_of(field));
            add.bind(3, kernel);
            add.bind(4, field.field == nullptr ? "" : field.field->meaning);
            add.bind(5, field.member);
            add.bind(6, text_of(field.kind));
            add.bind(7, static_cast<std::int64_t>(field.size));
            add.bind(8, table);
            add.exec();
            database.exec(fmt::format("ALTER TABLE {} ADD COLUMN {}", table, quoted(field.column)));
        }
        make_views();
        transaction.commit();
    } catch (const SQLite::Exception &exception) {
        return fail(ErrorKind::output_failed, tr("--record {}: {}", path_.string(), exception.what()));
    }
    return {};
}

namespace {

/// What the views are made of: the columns that there are.
struct Views {
    std::vector<std::string> columns;       ///< of all fields
    std::string details;                    ///< selected from flow_details `d`, each behind a comma
    std::string numbers;                    ///< from sample_rows `s`
    std::string detail_names, number_names; ///< of the view `flows` `f`, and as they are in `s`
    std::string rates;                      ///< between the sample `s` and the one before, `p`

    bool has(std::initializer_list<std::string_view> names) const {
        return std::all_of(names.begin(), names.end(), [&](std::string_view name) {
            return std::find(columns.begin(), columns.end(), name) != columns.end();
        });
    }
};

Views views_of(SQLite::Database &database) {
    Views views;
    SQLite::Statement fields(database, "SELECT name, stored_in FROM fields ORDER BY id");
    while (fields.executeStep()) {
        const auto column = fields.getColumn(0).getString();
        views.columns.push_back(column);
        const auto *known = field_called(column);
        if (known != nullptr && known->source == Source::internal) {
            continue; // times of CLOCK_MONOTONIC, which opened and closed are made of
        }
        if (fields.getColumn(1).getString() == "flow_details") {
            const auto shown = shown_to_people(column);
            views.details +=
                ",\n    " + (shown == column ? readable("d", column) : "d." + quoted(column) + " AS " + shown);
            views.detail_names += ", f." + quoted(shown);
        } else {
            views.numbers += ",\n    " + readable("s", column);
            views.number_names += ", s." + quoted(column);
        }
    }
    for (const auto &field : known_fields()) {
        const auto *counter = field.source == Source::rate ? find_field(field.rate_of) : nullptr;
        if (counter != nullptr && views.has({shown_name(*counter)})) {
            views.rates +=
                fmt::format(",\n    CASE WHEN s.{0} >= p.{0} THEN (s.{0} - p.{0}) * 1e9 / s.elapsed_ns END AS {1}",
                            quoted(shown_name(*counter)), quoted(field.name));
        }
    }
    return views;
}

} // namespace

void RecordingFile::make_views() {
    const auto views = views_of(*database_);
    const auto make = [&](const char *name, bool possible, const std::string &select) {
        database_->exec(fmt::format("DROP VIEW IF EXISTS {}", name));
        if (possible) {
            database_->exec(fmt::format("CREATE VIEW {} AS {}", name, select));
        }
    };
    constexpr auto samples_in_time = "FROM snapshots n CROSS JOIN sample_rows s ON s.id BETWEEN n.first_sample AND "
                                     "n.last_sample\n";
    constexpr auto of_sample = "s.flow, n.time, n.run, n.id AS snapshot, s.elapsed_ns / 1e9 AS elapsed_s";
    const std::string ends = "local, lport, remote, rport" + std::string(views.has({"comm"}) ? ", comm" : "");
    const std::string path = !views.has({"cgroup"})
                                 ? ""
                                 : ",\n    (SELECT c.path FROM runs r JOIN cgroups c ON c.host = r.host AND "
                                   "c.id = d.cgroup WHERE r.id = f.run) AS cgroup_path";
    const bool has_ends = views.has({"saddr", "sport", "daddr", "dport"});
    make("flows", true,
         fmt::format("SELECT f.id, f.run{}{},\n    f.opened, f.closed\n"
                     "FROM flow_rows f LEFT JOIN flow_details d ON d.id = f.details",
                     views.details, path));
    make("samples", true,
         fmt::format("SELECT {}{}{}\n{}LEFT JOIN flow_details d ON d.id = s.details", of_sample, views.details,
                     views.numbers, samples_in_time));
    make("rates", true,
         fmt::format("SELECT {}{}{}\n{}JOIN sample_rows p ON p.id = s.before\n"
                     "LEFT JOIN flow_details d ON d.id = s.details\nWHERE s.elapsed_ns > 0",
                     of_sample, views.details, views.rates, samples_in_time));
    const auto of_flow = views.detail_names + (path.empty() ? "" : ", f.cgroup_path");
    make("last_records", true,
         fmt::format("SELECT f.id AS flow, f.run{}, f.opened, f.closed{}\nFROM flow_rows r JOIN flows f ON f.id = r.id "
                     "JOIN sample_rows s ON s.id = r.last_record\nWHERE r.closed_in IS NOT NULL",
                     of_flow, views.number_names));
    make(
        "latest", true,
        fmt::format("SELECT f.id AS flow, f.run{}, f.opened, f.closed{}\nFROM (SELECT last_record AS id FROM flow_rows "
                    "WHERE last_record IS NOT NULL UNION SELECT id FROM ({})) l\n"
                    "JOIN sample_rows s ON s.id = l.id JOIN flows f ON f.id = s.flow",
                    of_flow, views.number_names, newest_samples));
    make("worst_retransmitters", has_ends && views.has({"retr", "pkts", "bytes"}),
         fmt::format("SELECT flow, {}, bytes, pkts, retr, round(100.0 * retr / pkts, 2) AS retr_pct FROM latest "
                     "WHERE retr > 0 ORDER BY retr DESC",
                     ends));
    make("round_trips", has_ends && views.has({"rtt_us", "min_rtt_us"}),
         fmt::format("SELECT flow, {}, min(min_rtt_us) AS min_rtt_us, cast(avg(rtt_us) AS INTEGER) AS mean_rtt_us, "
                     "max(rtt_us) AS max_rtt_us, round(avg(rtt_us) / min(min_rtt_us), 1) AS times_minimum FROM samples "
                     "WHERE rtt_us IS NOT NULL GROUP BY flow ORDER BY times_minimum DESC",
                     ends));
    make("limits", has_ends && views.has({"busy_us", "rwnd_limited_us", "sndbuf_limited_us", "recovery_us", "bytes"}),
         fmt::format("SELECT flow, {}, bytes, busy_us, round(100.0 * rwnd_limited_us / busy_us, 1) AS rwnd_pct, "
                     "round(100.0 * sndbuf_limited_us / busy_us, 1) AS sndbuf_pct, "
                     "round(min(100.0, 100.0 * recovery_us / busy_us), 1) AS loss_pct FROM latest WHERE busy_us > 0 "
                     "ORDER BY busy_us DESC",
                     ends));
    make("endings", views.has({"ended", "error"}),
         "SELECT ended, error, count(*) AS connections FROM flows WHERE closed IS NOT NULL GROUP BY ended, error "
         "ORDER BY connections DESC");
    make("peers_by_minute", has_ends && views.has({"closed_from"}),
         "SELECT datetime(opened / 60000000000 * 60, 'unixepoch') AS minute, remote, count(*) AS opened, "
         "count(CASE WHEN closed_from IN ('SYN_SENT', 'CLOSE') THEN 1 END) AS failed FROM flows WHERE opened IS NOT "
         "NULL GROUP BY minute, remote ORDER BY minute, opened "
         "DESC");
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
        struct stat status {};
        if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
            return fail(ErrorKind::not_a_recording, tr("--replay {}: this is no file; name one", path.string()));
        }
        if (auto checked = check_header(file.get(), path, "--replay"); !checked) {
            return tl::unexpected(checked.error());
        }
    }
    // Where nobody writes, nothing is to be made beside the file, which may lie where nothing can be written.
    const bool has_log = std::filesystem::file_size(path.string() + "-wal", error) > 0 && !error;
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

} // namespace tcp_stats
