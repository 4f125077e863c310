// Raw records to values: fields found by name, ports and addresses converted. No kernel, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/fields.h"
#include "record/record_layout.h"
#include "record/value.h"

namespace tcp_stats {

using Record = std::span<const std::byte>;

/// A field that is shown by its name.
struct Column {
    std::string name;
    const Field *field; ///< null: the program's own
    RecordField place;
};

/// Where the fields of the script's format lie, by their names; nothing where the program lacks one.
struct ScriptFields {
    std::optional<RecordField> saddr, daddr, sport, dport, proto, family;
    std::optional<RecordField> pkts_sent, bytes_sent, retransmits, last_state, last_seen_ns;
    std::optional<RecordField> srtt_us, rtt_us, cwnd;
};

/// Knows, for one program's record layout, how to read a record. A known field that the program lacks
/// reads as 0, or as absent. Byte order is the kernel's own: `saddr` and `daddr` are raw bytes in
/// network order, `dport` is in network order (skc_dport), `sport` in host order (skc_num).
class RecordReader {
public:
    /// Error: program_rejected, when a field of the script's format has a type that cannot hold what it
    /// is known for.
    static Result<RecordReader> create(RecordLayout layout);

    std::size_t record_size() const { return layout_.size(); }

    /// The fields beyond those that the script's format has a place for, in the order of the program.
    const std::vector<Column> &columns() const { return columns_; }

    Endpoint local(Record record) const;
    Endpoint remote(Record record) const;

    /// Whether the record has its addresses: a program whose records have a field `proto` sets it then.
    bool is_complete(Record record) const;

    /// Where the integer field of that name lies; nothing where the program has none.
    std::optional<RecordField> integer(std::string_view name) const;

    /// 0 where there is no field.
    static std::uint64_t number(Record record, const std::optional<RecordField> &field);

    const ScriptFields &script() const { return script_; }

    /// As it is shown: states by their names, nothing where the value says that there is none.
    static Value value(Record record, const Column &column);

private:
    explicit RecordReader(RecordLayout layout) : layout_(std::move(layout)) {}

    Endpoint endpoint(Record record, const std::optional<RecordField> &address) const;

    RecordLayout layout_;
    ScriptFields script_;
    std::vector<Column> columns_;
};

} // namespace tcp_stats
