// Takes readings: everything the kernel says of all flows at one time.
#pragma once

#include <optional>

#include "base/error.h"
#include "kernel/closed_flows.h"
#include "kernel/flow_table.h"
#include "kernel/hooks.h"
#include "kernel/missed_counts.h"
#include "kernel/socket_walk.h"
#include "record/record_pool.h"
#include "snapshot/history.h"

namespace tcp_stats {

class Collector {
public:
    /// Loads the iterators that the program has, and finds its tables. Errors: program_rejected, kernel_unsupported.
    static Result<Collector> create(Program &program, const FlowTable &table, const RecordReader &reader);

    /// Walks the sockets, and the open files where that leaves something to be found; reads the table, takes the last
    /// records of closed flows, and then the count of what was missed. A walk that fails once the first has not is left
    /// out. Errors: those of its parts.
    Result<Reading> read(const Hooks &hooks);

    /// Whether it walks over the sockets of all network namespaces.
    bool walks_sockets() const { return sockets_.has_value(); }

    /// Whether the kernel lets this process do all that `read` and `remove` do, as it is now. Nothing is read or
    /// removed.
    bool may_read(const Hooks &hooks) const;

    /// Removes records of sockets that are gone, unless another connection has the address by now.
    void remove(const std::vector<GoneRecord> &gone);

    /// Readable when `collect_closed` is wanted; -1: never.
    int closed_fd() const { return closed_ ? closed_->fd() : -1; }

    /// Makes room in the ring of closed flows. Whether there are any for the next reading.
    bool collect_closed();

private:
    Collector(const FlowTable &table, const RecordReader &reader, MissedCounts missed)
        : table_(&table), places_(&reader.places()), missed_(std::move(missed)), pool_(reader.record_size()) {}

    std::optional<std::uint64_t> newly_refused();
    Result<void> read_table(Reading &reading);
    /// Walks those that records are of and that the walk did not come to, as far as they can be found. Whether any was.
    bool walk_other_namespaces(Reading &reading);
    bool wants_files(const Reading &reading) const;

    /// Whether the walk over the sockets of its namespace has not come by it. From Linux 5.15 on it skips some.
    bool was_passed_over(Record record, const Reading &reading) const;

    const FlowTable *table_;
    const KnownPlaces *places_;
    MissedCounts missed_;
    RecordPool pool_; ///< of the table's records
    std::optional<SocketWalk> sockets_;
    std::optional<BpfIterator> files_;
    std::optional<ClosedFlows> closed_;
    bool walked_ = false;
    int began_fd_ = -1;         ///< the program's array of the time when the last walk over sockets began
    int refused_fd_ = -1;       ///< the program's array of one counter
    std::uint64_t refused_ = 0; ///< what it said last
    std::uint64_t restarts_ = 0;
    std::uint64_t files_walked_ns_ = 0; ///< when they were last; 0: never
};

} // namespace tcp_stats
