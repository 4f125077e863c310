#include "record/record_reader.h"

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

std::string_view read_text(Record record, const Place &place) {
    const std::string_view all(reinterpret_cast<const char *>(record.data() + place.offset), place.size);
    return all.substr(0, all.find('\0'));
}

bool is_integer(const RecordField &field) {
    return field.kind == FieldKind::unsigned_integer || field.kind == FieldKind::signed_integer;
}

bool lies_in(const RecordField &field, const RecordField &other) {
    return field.offset >= other.offset && field.offset + field.size <= other.offset + other.size;
}

/// A field that the monitor knows by its name, and where its place goes.
struct KnownField {
    const char *name;
    Place KnownPlaces::*place;
    enum Role : std::uint8_t {
        address, ///< 4 bytes as an integer or 16 of any kind
        port,    ///< of the script's format, at most 2 bytes; further, at most 8
        further,
        shown, ///< the same, with a place of its own in the script's format
        own,   ///< of the monitor's; a program may have something else by that name
    } role;
};

constexpr KnownField known_places[] = {
    {"saddr", &KnownPlaces::saddr, KnownField::address},
    {"daddr", &KnownPlaces::daddr, KnownField::address},
    {"sport", &KnownPlaces::sport, KnownField::port},
    {"dport", &KnownPlaces::dport, KnownField::port},
    {"proto", &KnownPlaces::proto, KnownField::shown},
    {"family", &KnownPlaces::family, KnownField::further},
    {"pkts_sent", &KnownPlaces::pkts_sent, KnownField::shown},
    {"bytes_sent", &KnownPlaces::bytes_sent, KnownField::shown},
    {"retransmits", &KnownPlaces::retransmits, KnownField::shown},
    {"last_state", &KnownPlaces::last_state, KnownField::shown},
    {"last_seen_ns", &KnownPlaces::last_seen_ns, KnownField::shown},
    {"srtt_us", &KnownPlaces::srtt_us, KnownField::shown},
    {"rtt_us", &KnownPlaces::rtt_us, KnownField::shown},
    {"cwnd", &KnownPlaces::cwnd, KnownField::shown},
    {"first_seen_ns", &KnownPlaces::first_seen_ns, KnownField::own},
    {"opened_ns", &KnownPlaces::opened_ns, KnownField::own},
    {"sampled_ns", &KnownPlaces::sampled_ns, KnownField::own},
    {"closed_ns", &KnownPlaces::closed_ns, KnownField::own},
    {"state_since_ns", &KnownPlaces::state_since_ns, KnownField::own},
    {"netns", &KnownPlaces::netns, KnownField::own},
    {"pid", &KnownPlaces::pid, KnownField::own},
    {"cgroup", &KnownPlaces::cgroup, KnownField::own},
    {"ended", &KnownPlaces::ended, KnownField::own},
    {"busy_us", &KnownPlaces::busy_us, KnownField::own},
    {"rwnd_limited_us", &KnownPlaces::rwnd_limited_us, KnownField::own},
    {"sndbuf_limited_us", &KnownPlaces::sndbuf_limited_us, KnownField::own},
    {"recovery_us", &KnownPlaces::recovery_us, KnownField::own},
    {"cwnd_limited", &KnownPlaces::cwnd_limited, KnownField::own},
    {"sndbuf_full", &KnownPlaces::sndbuf_full, KnownField::own},
    {"notsent", &KnownPlaces::notsent, KnownField::own},
    {"mss", &KnownPlaces::mss, KnownField::own},
};

Result<void> check_type(const KnownField &known, const RecordField &field) {
    if (known.role == KnownField::address) {
        if (field.size != 16 && field.size != 4) {
            return fail(
                ErrorKind::program_rejected,
                tr("field {} of flow_stats has {} bytes; an address is a 4-byte integer or an array of 16 bytes",
                   known.name, field.size));
        }
        return {};
    }
    const std::size_t largest = known.role == KnownField::port ? 2 : 8;
    if (!is_integer(field) || field.size > largest) {
        return fail(ErrorKind::program_rejected,
                    tr("field {} of flow_stats is not an integer of at most {} bytes", known.name, largest));
    }
    return {};
}

} // namespace

/// `placed` gets those that are shown elsewhere, or not at all.
Result<void> RecordReader::find_known(std::vector<RecordField> &placed) {
    for (const auto &known : known_places) {
        const auto *field = layout_.find(known.name);
        if (known.role == KnownField::own) {
            places_.*known.place = integer(known.name);
            continue;
        }
        if (field == nullptr) {
            continue;
        }
        if (auto checked = check_type(known, *field); !checked) {
            return checked;
        }
        places_.*known.place = field->place();
        placed.push_back(*field);
        if (known.role == KnownField::shown) {
            script_members_.push_back({known.name, find_field(known.name), field->place()});
        }
    }
    for (const auto &known : known_fields()) {
        const auto *field = known.source == Source::internal ? layout_.find(known.name) : nullptr;
        if (field != nullptr) {
            placed.push_back(*field);
        }
    }
    return {};
}

Result<RecordReader> RecordReader::create(RecordLayout layout) {
    RecordReader reader(std::move(layout));
    std::vector<RecordField> placed;
    if (auto found = reader.find_known(placed); !found) {
        return tl::unexpected(found.error());
    }
    const auto &fields = reader.layout_.fields();
    /// `signed_NAME` says by its size how the program's own field NAME is to be read.
    const auto sign_of = [&](const RecordField &field) -> const RecordField * {
        const auto *sign = reader.layout_.find("signed_" + field.name);
        return sign != nullptr && sign->kind == FieldKind::bytes && sign->size <= 2 ? sign : nullptr;
    };
    for (const auto &field : fields) {
        if (const auto *sign = is_integer(field) ? sign_of(field) : nullptr) {
            placed.push_back(*sign);
        }
    }
    for (auto field : fields) {
        if (const auto *sign = is_integer(field) ? sign_of(field) : nullptr) {
            field.kind = sign->size == 2 ? FieldKind::signed_integer : FieldKind::unsigned_integer;
        }
        if (!field.shown || std::any_of(placed.begin(), placed.end(),
                                        [&](const RecordField &other) { return lies_in(field, other); })) {
            continue;
        }
        // A name that stands for something else too is told apart by the structs around it.
        const auto namesakes = std::count_if(fields.begin(), fields.end(), [&](const RecordField &other) {
            return other.shown && other.name == field.name;
        });
        const auto *known = find_field(field.name);
        const bool fits = known != nullptr && known->source == Source::record && namesakes == 1;
        reader.members_.push_back({namesakes > 1 ? field.path : field.name, fits ? known : nullptr, field.place()});
    }
    return reader;
}

std::vector<Member> RecordReader::stored_members() const {
    auto stored = members_;
    for (const auto &known : known_places) {
        const auto &place = places_.*known.place;
        const bool there = std::any_of(stored.begin(), stored.end(),
                                       [&](const Member &one) { return one.place.offset == place.offset; });
        if (place && !there) {
            stored.push_back({known.name, find_field(known.name), place});
        }
    }
    std::sort(stored.begin(), stored.end(),
              [](const Member &one, const Member &other) { return one.place.offset < other.place.offset; });
    return stored;
}

Place RecordReader::integer(std::string_view name) const {
    const auto *field = layout_.find(name);
    return field != nullptr && is_integer(*field) ? field->place() : Place();
}

Value RecordReader::other_value(Record record, const Place &place, const Field *field) {
    switch (place.kind) {
    case FieldKind::signed_integer:
        return static_cast<std::int64_t>(number(record, place) << unused_bits(place)) >> unused_bits(place);
    case FieldKind::text: {
        const auto text = read_text(record, place);
        return field != nullptr && text.empty() ? Value() : text;
    }
    default:
        const RawBytes bytes{record.subspan(place.offset, place.size)};
        const bool absent =
            field != nullptr && field->absent == AbsentWhen::zero &&
            std::all_of(bytes.bytes.begin(), bytes.bytes.end(), [](std::byte one) { return one == std::byte(0); });
        return absent ? Value() : bytes;
    }
}

Endpoint RecordReader::local(Record record) const {
    auto made = endpoint(record, places_.saddr);
    made.port = static_cast<std::uint16_t>(number(record, places_.sport));
    return made;
}

Endpoint RecordReader::remote(Record record) const {
    auto made = endpoint(record, places_.daddr);
    made.port = ntohs(static_cast<std::uint16_t>(number(record, places_.dport)));
    return made;
}

bool RecordReader::same_ends(Record one, Record other) const {
    return local(one) == local(other) && remote(one) == remote(other);
}

Endpoint RecordReader::endpoint(Record record, const Place &address) const {
    Endpoint endpoint;
    if (!address) {
        return endpoint;
    }
    auto &[family, bytes] = endpoint.address;
    const bool wide = address.size == bytes.size();
    const bool says_ipv4 = places_.family && number(record, places_.family) == AF_INET;
    family = wide && !says_ipv4 ? AddressFamily::ipv6 : AddressFamily::ipv4;
    std::memcpy(bytes.data(), record.data() + address.offset, family == AddressFamily::ipv6 ? 16 : 4);
    return endpoint;
}

} // namespace tcp_stats
