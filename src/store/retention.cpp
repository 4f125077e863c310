#include "store/retention.h"

#include <algorithm>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

namespace tcp_stats {
namespace {

/// Snapshots that are forgotten at a time.
constexpr std::int64_t most_forgotten = 128;
/// That are given back at a time.
constexpr std::int64_t pages_at_a_time = 512;

} // namespace

std::int64_t Retention::size() {
    const auto number = [&](const char *pragma) {
        return database_.execAndGet(fmt::format("PRAGMA {}", pragma)).getInt64();
    };
    return (number("page_count") - number("freelist_count")) * number("page_size");
}

bool Retention::forget(std::int64_t time, std::uint64_t time_ns) {
    const auto &[age, bytes] = keep_;
    bool something = false;
    const auto forget_up_to_and_note = [&](std::int64_t snapshot) {
        if (snapshot > 0) {
            forget_up_to(snapshot);
            something = true;
        }
    };
    // Always from the first on, whatever their times are.
    const auto last_of_first = [&](std::int64_t count) {
        return database_
            .execAndGet(
                fmt::format("SELECT coalesce(max(id), 0) FROM (SELECT id FROM snapshots ORDER BY id LIMIT {})", count))
            .getInt64();
    };
    if (age) {
        // The clock may be set: in a run time goes by CLOCK_MONOTONIC, and the run's first snapshot tells the time of
        // day.
        const auto now_ns = static_cast<std::int64_t>(time_ns);
        if (!began_) {
            began_ = time - now_ns;
        }
        SQLite::Statement oldest(database_, "SELECT id, run, time, time_ns FROM snapshots ORDER BY id LIMIT ?");
        oldest.bind(1, most_forgotten);
        std::int64_t last = 0;
        while (oldest.executeStep()) {
            const bool is_of_this_run = oldest.getColumn(1).getInt64() == run_;
            if (is_of_this_run ? oldest.getColumn(3).getInt64() >= now_ns - age->count()
                               : oldest.getColumn(2).getInt64() >= *began_ + now_ns - age->count()) {
                break;
            }
            last = oldest.getColumn(0).getInt64();
        }
        oldest.reset();
        forget_up_to_and_note(last);
    }
    if (bytes) {
        const auto limit = static_cast<std::int64_t>(*bytes);
        for (std::int64_t forgotten = 0, some = 1; forgotten < most_forgotten && size() > limit; some *= 2) {
            forget_up_to_and_note(last_of_first(some));
            forgotten += some;
        }
    }
    return something;
}

void Retention::forget_up_to(std::int64_t snapshot) {
    database_.exec(
        fmt::format("DELETE FROM sample_rows WHERE id <= (SELECT max(last_sample) FROM snapshots WHERE id <= {0});"
                    "DELETE FROM snapshots WHERE id <= {0}; DELETE FROM missed WHERE snapshot <= {0};"
                    "CREATE TEMP TABLE IF NOT EXISTS forgotten (flow INTEGER PRIMARY KEY);"
                    "INSERT OR IGNORE INTO forgotten SELECT id FROM flow_rows WHERE closed_in <= {0};"
                    "INSERT OR IGNORE INTO forgotten SELECT flow FROM absences WHERE since <= {0} AND until IS NULL;"
                    "INSERT OR IGNORE INTO forgotten SELECT id FROM flow_rows WHERE closed_in IS NULL AND run < "
                    "(SELECT coalesce(min(run), {1}) FROM snapshots);"
                    "DELETE FROM absences WHERE since <= {0} AND until <= {0};"
                    "DELETE FROM absences WHERE flow IN (SELECT flow FROM forgotten);"
                    "DELETE FROM flow_details WHERE flow IN (SELECT flow FROM forgotten);"
                    "DELETE FROM flow_rows WHERE id IN (SELECT flow FROM forgotten); DELETE FROM forgotten;"
                    "DELETE FROM runs WHERE id < (SELECT coalesce(min(run), {1}) FROM snapshots);",
                    snapshot, run_));
}

void Retention::forget_unused() {
    database_.exec("DELETE FROM host WHERE id NOT IN (SELECT host FROM runs); "
                   "DELETE FROM cgroups WHERE host NOT IN (SELECT id FROM host)");
    if (database_.execAndGet("SELECT count(*) FROM fields WHERE name = 'cgroup' AND stored_in = 'flow_details'")
            .getInt() > 0) {
        database_.exec(
            "DELETE FROM cgroups WHERE id NOT IN (SELECT cgroup FROM flow_details WHERE cgroup IS NOT NULL)");
    }
}

std::int64_t Retention::forgotten() {
    return keep_.bytes ? -size() : database_.execAndGet("SELECT coalesce(min(time), 0) FROM snapshots").getInt64();
}

std::int64_t Retention::forgotten_in_the_end(std::int64_t time) const {
    return keep_.bytes ? -static_cast<std::int64_t>(*keep_.bytes) : time - keep_.age->count();
}

void Retention::forget_all(std::int64_t time, std::uint64_t time_ns, const std::function<bool(double)> &told) {
    if (!keep_.age && !keep_.bytes) {
        return;
    }
    const auto begin = forgotten();
    const auto end = forgotten_in_the_end(time);
    const auto progress = [&] {
        return end <= begin
                   ? 1
                   : std::clamp(static_cast<double>(forgotten() - begin) / static_cast<double>(end - begin), 0.0, 1.0);
    };
    bool more = true;
    while (more && told(progress())) {
        SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
        more = forget(time, time_ns);
        transaction.commit();
    }
    forget_unused();
    while (give_pages_back(0) && told(1)) {
    }
}

bool Retention::give_pages_back(std::int64_t most_free) {
    const auto free_pages = [&] { return database_.execAndGet("PRAGMA freelist_count").getInt64(); };
    const auto before = free_pages();
    if (!keep_.bytes || before <= most_free) {
        return false;
    }
    database_.exec(fmt::format("PRAGMA incremental_vacuum({})", pages_at_a_time));
    return free_pages() < before; // a copy that was made with other settings keeps them
}

} // namespace tcp_stats
