#include "flow/flow_table_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/translate.h"

namespace tcp_stats {
namespace {

static_assert(std::endian::native == std::endian::little,
              "integers shorter than 8 bytes are read as the first bytes of a longer one");

std::uint64_t read_unsigned(std::span<const std::byte> record, const std::optional<RecordField> &field) {
    std::uint64_t value = 0;
    if (field) {
        std::memcpy(&value, record.data() + field->offset, field->size);
    }
    return value;
}

std::int64_t read_signed(std::span<const std::byte> record, const RecordField &field) {
    const auto unused_bits = 64 - 8 * field.size;
    return static_cast<std::int64_t>(read_unsigned(record, field) << unused_bits) >> unused_bits;
}

FieldValue read_value(std::span<const std::byte> record, const RecordField &field) {
    const auto *first = reinterpret_cast<const char *>(record.data() + field.offset);
    switch (field.kind) {
    case FieldKind::unsigned_integer:
        return read_unsigned(record, field);
    case FieldKind::signed_integer:
        return read_signed(record, field);
    case FieldKind::text:
        return std::string(first, strnlen(first, field.size));
    case FieldKind::bytes:
        break;
    }
    return std::vector<std::uint8_t>(first, first + field.size);
}

bool is_integer(const RecordField &field) {
    return field.kind == FieldKind::unsigned_integer || field.kind == FieldKind::signed_integer;
}

} // namespace

/// A field that the monitor knows by name, where it goes, and how large it may be.
struct FlowTableReader::Known {
    const char *name;
    std::optional<RecordField> FlowTableReader::*member;
    std::size_t largest; ///< bytes; 0: an address, 4 bytes as an integer or 16 of any kind
};

Result<FlowTableReader> FlowTableReader::create(RecordLayout layout) {
    static constexpr Known known_fields[] = {
        {"saddr", &FlowTableReader::saddr_, 0},
        {"daddr", &FlowTableReader::daddr_, 0},
        {"sport", &FlowTableReader::sport_, 2},
        {"dport", &FlowTableReader::dport_, 2},
        {"proto", &FlowTableReader::proto_, 8},
        {"family", &FlowTableReader::family_, 8},
        {"pkts_sent", &FlowTableReader::pkts_sent_, 8},
        {"bytes_sent", &FlowTableReader::bytes_sent_, 8},
        {"retransmits", &FlowTableReader::retransmits_, 8},
        {"last_state", &FlowTableReader::last_state_, 8},
        {"last_seen_ns", &FlowTableReader::last_seen_ns_, 8},
        {"srtt_us", &FlowTableReader::srtt_us_, 8},
        {"rtt_us", &FlowTableReader::rtt_us_, 8},
        {"cwnd", &FlowTableReader::cwnd_, 8},
    };

    FlowTableReader reader(std::move(layout));
    for (const auto &known : known_fields) {
        const auto *field = reader.layout_.find(known.name);
        if (field == nullptr) {
            continue;
        }
        if (known.largest == 0) {
            if (field->size != 16 && field->size != 4) {
                return fail(ErrorKind::program_rejected,
                            tr("field {} of flow_stats has {} bytes; an address is a 4-byte integer or an "
                               "array of 16 bytes",
                               known.name, field->size));
            }
        } else if (!is_integer(*field) || field->size > known.largest) {
            return fail(ErrorKind::program_rejected,
                        tr("field {} of flow_stats is not an integer of at most {} bytes", known.name, known.largest));
        }
        reader.*known.member = *field;
    }
    for (const auto &field : reader.layout_.fields()) {
        const bool is_known = std::any_of(std::begin(known_fields), std::end(known_fields), [&](const Known &known) {
            const auto &place = reader.*known.member;
            return place && field.offset >= place->offset && field.offset + field.size <= place->offset + place->size;
        });
        if (field.shown && !is_known) {
            // A name that stands for something else too is told apart by the structs around it.
            const auto namesakes =
                std::count_if(reader.layout_.fields().begin(), reader.layout_.fields().end(),
                              [&](const RecordField &other) { return other.shown && other.name == field.name; });
            reader.further_.push_back(field);
            reader.further_names_.push_back(namesakes > 1 ? field.path : field.name);
        }
    }
    return reader;
}

Snapshot FlowTableReader::read(const RawEntries &entries) const {
    Snapshot snapshot;
    snapshot.further_fields = further_names_;
    snapshot.flows.reserve(entries.keys.size());
    const std::span<const std::byte> values(entries.values);
    for (std::size_t i = 0; i < entries.keys.size(); ++i) {
        snapshot.flows.push_back(read_flow(entries.keys[i], values.subspan(i * layout_.size(), layout_.size())));
    }
    return snapshot;
}

Flow FlowTableReader::read_flow(std::uint64_t sock, std::span<const std::byte> record) const {
    Flow flow;
    flow.sock = sock;
    flow.local = read_endpoint(record, saddr_);
    flow.local.port = static_cast<std::uint16_t>(read_unsigned(record, sport_));
    flow.remote = read_endpoint(record, daddr_);
    flow.remote.port = ntohs(static_cast<std::uint16_t>(read_unsigned(record, dport_)));
    flow.protocol = read_unsigned(record, proto_);
    flow.pkts_sent = read_unsigned(record, pkts_sent_);
    flow.bytes_sent = read_unsigned(record, bytes_sent_);
    flow.retransmits = read_unsigned(record, retransmits_);
    flow.srtt_us = static_cast<std::uint32_t>(read_unsigned(record, srtt_us_));
    flow.rtt_us = static_cast<std::uint32_t>(read_unsigned(record, rtt_us_));
    flow.cwnd = static_cast<std::uint32_t>(read_unsigned(record, cwnd_));
    flow.state = read_unsigned(record, last_state_);
    flow.last_seen_ns = read_unsigned(record, last_seen_ns_);
    flow.further.reserve(further_.size());
    for (const auto &field : further_) {
        flow.further.push_back(read_value(record, field));
    }
    return flow;
}

Endpoint FlowTableReader::read_endpoint(std::span<const std::byte> record,
                                        const std::optional<RecordField> &address) const {
    Endpoint endpoint;
    if (!address) {
        return endpoint;
    }
    const bool wide = address->size == endpoint.address.size();
    const bool says_ipv4 = family_ && read_unsigned(record, family_) == AF_INET;
    endpoint.family = wide && !says_ipv4 ? AddressFamily::ipv6 : AddressFamily::ipv4;
    std::memcpy(endpoint.address.data(), record.data() + address->offset,
                endpoint.family == AddressFamily::ipv6 ? 16 : 4);
    return endpoint;
}

} // namespace tcp_stats
