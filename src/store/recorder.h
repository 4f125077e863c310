// Recording: every snapshot goes into a database.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "column/columns.h"
#include "condition/filter.h"
#include "snapshot/snapshot.h"
#include "snapshot/trouble.h"
#include "store/database.h"
#include "store/retention.h"

namespace tcp_stats {

struct Statements;

/// Writes flows of snapshots, each snapshot in one transaction. What cannot be written is counted, and the next
/// snapshot is tried anew.
class Recorder {
public:
    struct Settings {
        std::string options; ///< as the user gave them
        std::chrono::nanoseconds interval;
        std::vector<Filter> where; ///< flows that match all are recorded
        std::vector<UserField> fields;
        Keep keep;
    };

    /// `reader` must outlive it. Errors: as `RecordingFile::add_fields`.
    static Result<std::unique_ptr<Recorder>> create(RecordingFile file, const RecordReader &reader,
                                                    CgroupPath cgroup_path, Settings settings);
    ~Recorder();

    /// Removes all that is beyond --keep in what there was: that may take long. `told` gets how far it is, from 0 to 1,
    /// and says whether to go on.
    void keep_no_more(const std::function<bool(double)> &told);

    /// Its groups are nothing to it.
    void record(const Snapshot &snapshot);

    /// Snapshots that could not be written since the last one that could.
    std::uint64_t unrecorded() const { return unrecorded_; }

private:
    /// What the file has of a flow that is open.
    struct Known {
        std::int64_t details = 0;
        std::int64_t sample = 0;  ///< the last one
        std::uint64_t due_ns = 0; ///< when another is written though nothing changed
        bool is_absent = false;   ///< it does not meet the conditions now
        std::uint64_t seen = 0;   ///< in which of the snapshots
    };

    Recorder(RecordingFile file, const RecordReader &reader, CgroupPath cgroup_path, Settings settings);

    void begin_run();
    void write(const Snapshot &snapshot);
    void write_flows(const Snapshot &snapshot);
    void write_flow(const Snapshot &snapshot, const Row &row);
    void write_absence(const Row &row, Known &known);
    void begin_absence(std::int64_t flow);
    void keep_for_later(const Snapshot &snapshot);
    std::int64_t write_details(std::int64_t flow, Record record);
    std::int64_t write_sample(const Row &row, const Known &known);
    void write_absences();
    void end_flow(std::uint64_t id, const Known &known);
    void write_missed(const Snapshot &snapshot);
    void forget();
    bool same_details(Record one, Record other) const;
    bool same(Record one, Record other) const;

    RecordingFile file_;
    const RecordReader &reader_;
    CgroupPath cgroup_path_;
    Settings settings_;
    std::vector<StoredField> details_, numbers_;
    std::unique_ptr<Statements> statements_;
    std::optional<Retention> retention_;

    std::int64_t host_ = 0, run_ = 0;
    std::int64_t flows_before_ = 0; ///< their numbers begin behind those of earlier runs
    std::uint64_t newest_flow_ = 0; ///< that the file has of this run
    std::int64_t last_snapshot_ = 0, last_sample_ = 0, last_details_ = 0;
    std::unordered_map<std::uint64_t, Known> known_; ///< by `Flow::id`
    std::unordered_map<std::uint64_t, bool> cgroups_;
    std::int64_t time_ = 0;      ///< of the snapshot that is being written, in ns since 1970
    std::uint64_t time_ns_ = 0;  ///< and by CLOCK_MONOTONIC
    Trouble trouble_;            ///< in that snapshot
    std::vector<Snapshot> late_; ///< last records of those that could not be written
    std::size_t late_flows_ = 0;
    std::map<std::string, std::uint64_t> late_missed_; ///< what was missed by then
    bool gap_ = true;                                  ///< the snapshot before is not in the file
    std::uint64_t unrecorded_ = 0;
};

} // namespace tcp_stats
