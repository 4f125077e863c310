#include "store/views.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

#include "store/database.h"

namespace tcp_stats {
namespace {

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

std::string shown_to_people(const std::string &column) {
    return column == "saddr"   ? "local"
           : column == "sport" ? "lport"
           : column == "daddr" ? "remote"
           : column == "dport" ? "rport"
                               : column;
}

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

std::string newest_samples() {
    return fmt::format(
        "SELECT flow, max(id) AS id FROM sample_rows WHERE id >= (SELECT min(n.first_sample) FROM snapshots n JOIN "
        "(SELECT max(time_ns) AS time_ns, run FROM snapshots WHERE run = (SELECT max(run) FROM snapshots)) l ON "
        "n.run = l.run JOIN runs r ON r.id = l.run WHERE n.time_ns >= l.time_ns - {} - 2 * r.interval_ns) GROUP BY "
        "flow",
        refresh_ns);
}

void write_words(SQLite::Database &database) {
    SQLite::Transaction transaction(database);
    SQLite::Statement add(database, "INSERT OR REPLACE INTO words VALUES (?, ?, ?)");
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

void make_views(SQLite::Database &database) {
    const auto views = views_of(database);
    const auto make = [&](const char *name, bool possible, const std::string &select) {
        database.exec(fmt::format("DROP VIEW IF EXISTS {}", name));
        if (possible) {
            database.exec(fmt::format("CREATE VIEW {} AS {}", name, select));
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
                    of_flow, views.number_names, newest_samples()));
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

} // namespace tcp_stats
