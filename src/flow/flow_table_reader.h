// Raw table entries to flows: fields found by name, ports and addresses converted. No kernel, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "flow/flow.h"
#include "flow/record_layout.h"

namespace tcp_stats {

/// Entries as the kernel hands them over: keys and values of equal number, values end to end.
struct RawEntries {
    std::vector<std::uint64_t> keys;
    std::vector<std::byte> values;
};

/// Knows, for one program's record layout, how to make a Flow of a record. A known field that the
/// program lacks reads as 0. Byte order is the kernel's own: `saddr` and `daddr` are raw bytes in
/// network order, `dport` is in network order (skc_dport), `sport` in host order (skc_num).
class FlowTableReader {
public:
    /// Error: program_rejected, when a known field has a type that cannot hold what it is known for.
    static Result<FlowTableReader> create(RecordLayout layout);

    /// `values` holds a record of the layout's size for each key.
    Snapshot read(const RawEntries &entries) const;

private:
    struct Known;

    explicit FlowTableReader(RecordLayout layout) : layout_(std::move(layout)) {}

    Flow read_flow(std::uint64_t sock, std::span<const std::byte> record) const;
    Endpoint read_endpoint(std::span<const std::byte> record, const std::optional<RecordField> &address) const;

    RecordLayout layout_;
    std::optional<RecordField> saddr_, daddr_, sport_, dport_, proto_, family_;
    std::optional<RecordField> pkts_sent_, bytes_sent_, retransmits_, last_state_, last_seen_ns_;
    std::optional<RecordField> srtt_us_, rtt_us_, cwnd_;
    std::vector<RecordField> further_;
    std::vector<std::string> further_names_;
};

} // namespace tcp_stats
