// What is shown of one moment: every flow with its record now and the one before, and what was missed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/records.h"
#include "record/value.h"

namespace tcp_stats {

/// How often something happened, by its name.
struct Count {
    std::string name;
    std::uint64_t value;

    bool operator==(const Count &) const = default;
};

/// Whether a count of that name is what is missing now; others are what was missed since the snapshot before.
inline bool is_missing_now(std::string_view name) {
    return name == "untracked" || name == "unwalked" || name == "incomplete";
}

struct Flow {
    static constexpr std::uint32_t none = ~std::uint32_t(0);

    std::uint64_t id = 0;        ///< the same in every snapshot, and no other flow's: a number from 1 on
    std::uint32_t record = 0;    ///< in `Snapshot::live`, or of a closed one in `Snapshot::closed`
    std::uint32_t before = none; ///< in `Snapshot::before`: of the same connection, sampled earlier; or none
    bool closed = false;         ///< it is its last record
};

/// What flows that have a key in common come to together: rows of values, see `Groups`. What the values refer to is of
/// the snapshot's records.
struct GroupTable {
    std::size_t columns = 0;
    std::vector<Value> cells;       ///< row by row
    std::vector<std::uint64_t> ids; ///< of the rows: the same as long as a group is in one snapshot after the other

    std::size_t size() const { return ids.size(); }
    const Value &cell(std::size_t row, std::size_t column) const { return cells[row * columns + column]; }
};

/// Copies share the records.
struct Snapshot {
    std::chrono::system_clock::time_point time;
    std::uint64_t time_ns = 0;        ///< CLOCK_MONOTONIC, before the walk over the sockets began
    std::uint64_t before_time_ns = 0; ///< of the snapshot before; 0: there was none
    std::shared_ptr<const Records> live, closed, before;
    std::vector<Flow> flows; ///< open ones as the kernel has them, then `closed_count` that ended since the one before
    std::size_t closed_count = 0;
    std::optional<GroupTable> groups; ///< what is shown in place of the flows
    /// What was missed since the snapshot before, or (untracked) is missing now; without those that are 0.
    std::vector<Count> missed;
    /// Sockets that the walk passed over because the user does not want to see them; absent: it does not tell.
    std::optional<std::uint64_t> refused;

    std::size_t rows() const { return groups ? groups->size() : flows.size(); }
};

/// A flow of a snapshot, or a group.
struct Row {
    const Snapshot *snapshot = nullptr;
    std::size_t index = 0;

    const Flow &flow() const { return snapshot->flows[index]; }
    std::uint64_t id() const { return snapshot->groups ? snapshot->groups->ids[index] : flow().id; }
    bool closed() const { return !snapshot->groups && flow().closed; }

    // Of a flow:
    /// The address of the kernel's struct sock.
    std::uint64_t sock() const { return records().sock(flow().record); }
    Record record() const { return records()[flow().record]; }
    bool has_before() const { return flow().before != Flow::none; }
    Record before() const { return (*snapshot->before)[flow().before]; }

private:
    const Records &records() const { return flow().closed ? *snapshot->closed : *snapshot->live; }
};

} // namespace tcp_stats
