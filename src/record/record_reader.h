// Raw records to values: fields found by name, ports and addresses converted. No kernel, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/fields.h"
#include "record/record_layout.h"
#include "record/records.h"
#include "record/value.h"

namespace tcp_stats {

/// A member of the record that is shown by its name.
struct Member {
    std::string name;
    const Field *field; ///< null: the program's own
    Place place;
};

/// Where the fields lie that the monitor itself knows by name; nowhere where the program lacks one.
struct KnownPlaces {
    // Of the script's format.
    Place saddr, daddr, sport, dport, proto, family;
    Place pkts_sent, bytes_sent, retransmits, last_state, last_seen_ns, srtt_us, rtt_us, cwnd;
    // Of the monitor: integers, else they are nowhere.
    Place first_seen_ns, opened_ns, sampled_ns, closed_ns, state_since_ns;
    Place netns, pid, cgroup, ended;
    Place busy_us, rwnd_limited_us, sndbuf_limited_us, recovery_us, cwnd_limited, sndbuf_full, notsent, mss;
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

    const KnownPlaces &places() const { return places_; }

    /// The numbers and the state that the script's format has a place for.
    const std::vector<Member> &script_members() const { return script_members_; }

    /// The fields beyond those, and beyond the ends of the connection, in the order of the program.
    const std::vector<Member> &members() const { return members_; }

    /// Every member that something shown is made of, the monitor's own times too, each once, in the order of the
    /// record.
    std::vector<Member> stored_members() const;

    Endpoint local(Record record) const;
    Endpoint remote(Record record) const;

    /// Whether both have the same two ends.
    bool same_ends(Record one, Record other) const;

    /// Whether the record has its addresses: a program whose records have a field `proto` sets it then.
    bool is_complete(Record record) const { return !places_.proto || number(record, places_.proto) != 0; }

    /// Where the integer of that name lies; nowhere where the program has none.
    Place integer(std::string_view name) const;

    /// 0 where there is none.
    static std::uint64_t number(Record record, const Place &place) {
        std::uint64_t value = 0;
        switch (place.size) {
        case sizeof(std::uint64_t):
            std::memcpy(&value, record.data() + place.offset, sizeof(std::uint64_t));
            break;
        case sizeof(std::uint32_t):
            std::memcpy(&value, record.data() + place.offset, sizeof(std::uint32_t));
            break;
        case 0:
            break;
        default:
            std::memcpy(&value, record.data() + place.offset, place.size);
        }
        return value;
    }

    /// As it is shown: nothing where the value says that there is none. `field`: null for the program's own.
    static Value value(Record record, const Place &place, const Field *field) {
        return place.kind == FieldKind::unsigned_integer ? value_of(number(record, place), place, field)
                                                         : other_value(record, place, field);
    }

private:
    explicit RecordReader(RecordLayout layout) : layout_(std::move(layout)) {}

    /// Of 64, by a member that is there.
    static unsigned unused_bits(const Place &place) { return (64 - 8 * place.size) % 64; }

    static Value value_of(std::uint64_t number, const Place &place, const Field *field) {
        if (field == nullptr) {
            return number;
        }
        if ((field->absent == AbsentWhen::zero && number == 0) ||
            (field->absent == AbsentWhen::all_ones && number == ~std::uint64_t(0) >> unused_bits(place))) {
            return {};
        }
        return field->naming == Naming::none ? Value(number) : Word{field->naming, number};
    }
    static Value other_value(Record record, const Place &place, const Field *field);

    Result<void> find_known(std::vector<RecordField> &placed);
    Endpoint endpoint(Record record, const Place &address) const;

    RecordLayout layout_;
    KnownPlaces places_;
    std::vector<Member> script_members_;
    std::vector<Member> members_;
};

} // namespace tcp_stats
