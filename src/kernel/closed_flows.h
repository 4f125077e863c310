// Last records of connections that have closed, from the program's ring buffer `closed_flows`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "kernel/program.h"
#include "record/records.h"

struct ring_buffer;

namespace tcp_stats {

/// Each entry of the ring is the address of the socket (8 bytes) and a record as flow_stats has them.
class ClosedFlows {
public:
    /// Nothing where the program has no such ring. Errors: program_rejected, when it is of another type; defect.
    static Result<std::optional<ClosedFlows>> open(const Program &program, std::size_t record_size);

    ClosedFlows(ClosedFlows &&) noexcept;
    ClosedFlows &operator=(ClosedFlows &&) noexcept;
    ~ClosedFlows();

    /// Readable when the program wakes the monitor before the ring fills up; for poll(2).
    int fd() const;

    /// Moves what the ring holds into memory.
    void collect();

    /// Whether something was collected since the last `take`.
    bool any() const;

    /// All that was collected since the last call.
    std::shared_ptr<Records> take();

    /// Records so far that were not collected: more than `most_collected` at a time are not kept.
    std::uint64_t lost() const;

    static constexpr std::size_t most_collected = 262'144;

private:
    struct Collected;

    explicit ClosedFlows(std::unique_ptr<Collected> collected);

    std::unique_ptr<Collected> collected_; ///< at a fixed address: libbpf's callback has it
    std::unique_ptr<ring_buffer, void (*)(ring_buffer *)> ring_;
};

} // namespace tcp_stats
