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

std::uint64_t read_unsigned(Record record, const RecordField &field) {
    std::uint64_t value = 0;
    std::memcpy(&value, record.data() + field.offset, field.size);
    return value;
}

std::int64_t read_signed(Record record, const RecordField &field) {
    const auto unused_bits = 64 - 8 * field.size;
    return static_cast<std::int64_t>(read_unsigned(record, field) << unused_bits) >> unused_bits;
}

Value read_value(Record record, const RecordField &field) {
    const auto *first = reinterpret_cast<const char *>(record.data() + field.offset);
    switch (field.kind) {
    case FieldKind::unsigned_integer:
        return read_unsigned(record, field);
    case FieldKind::signed_integer:
        return read_signed(record, field);
    case FieldKind::text:
        return std::string(first, std::find(first, first + field.size, '\0'));
    case FieldKind::bytes:
        break;
    }
    return std::vector<std::uint8_t>(first, first + field.size);
}

Value name_of(Naming naming, std::uint64_t number) {
    switch (naming) {
    case Naming::tcp_state:
        return tcp_state_name(number);
    case Naming::ca_state:
        return ca_state_name(number);
    case Naming::role:
        return role_name(number);
    case Naming::family:
        return family_name(number);
    case Naming::none:
        break;
    }
    return number;
}

bool is_integer(const RecordField &field) {
    return field.kind == FieldKind::unsigned_integer || field.kind == FieldKind::signed_integer;
}

bool lies_in(const RecordField &field, const RecordField &other) {
    return field.offset >= other.offset && field.offset + field.size <= other.offset + other.size;
}

/// A field of the script's format, where it goes, and how large it may be.
struct ScriptField {
    const char *name;
    std::optional<RecordField> ScriptFields::*member;
    std::size_t largest; ///< bytes; 0: an address, 4 bytes as an integer or 16 of any kind
};

constexpr ScriptField script_fields[] = {
    {"saddr", &ScriptFields::saddr, 0},
    {"daddr", &ScriptFields::daddr, 0},
    {"sport", &ScriptFields::sport, 2},
    {"dport", &ScriptFields::dport, 2},
    {"proto", &ScriptFields::proto, 8},
    {"family", &ScriptFields::family, 8},
    {"pkts_sent", &ScriptFields::pkts_sent, 8},
    {"bytes_sent", &ScriptFields::bytes_sent, 8},
    {"retransmits", &ScriptFields::retransmits, 8},
    {"last_state", &ScriptFields::last_state, 8},
    {"last_seen_ns", &ScriptFields::last_seen_ns, 8},
    {"srtt_us", &ScriptFields::srtt_us, 8},
    {"rtt_us", &ScriptFields::rtt_us, 8},
    {"cwnd", &ScriptFields::cwnd, 8},
};

Result<void> check_script_field(const ScriptField &known, const RecordField &field) {
    if (known.largest == 0) {
        if (field.size != 16 && field.size != 4) {
            return fail(
                ErrorKind::program_rejected,
                tr("field {} of flow_stats has {} bytes; an address is a 4-byte integer or an array of 16 bytes",
                   known.name, field.size));
        }
    } else if (!is_integer(field) || field.size > known.largest) {
        return fail(ErrorKind::program_rejected,
                    tr("field {} of flow_stats is not an integer of at most {} bytes", known.name, known.largest));
    }
    return {};
}

} // namespace

Result<RecordReader> RecordReader::create(RecordLayout layout) {
    RecordReader reader(std::move(layout));
    std::vector<RecordField> placed; // shown elsewhere, or not at all
    for (const auto &known : script_fields) {
        const auto *field = reader.layout_.find(known.name);
        if (field == nullptr) {
            continue;
        }
        if (auto checked = check_script_field(known, *field); !checked) {
            return tl::unexpected(checked.error());
        }
        reader.script_.*known.member = *field;
        placed.push_back(*field);
    }
    for (const auto &known : known_fields()) {
        const auto *field = known.source == Source::internal ? reader.layout_.find(known.name) : nullptr;
        if (field != nullptr) {
            placed.push_back(*field);
        }
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
        reader.columns_.push_back({namesakes > 1 ? field.path : field.name, fits ? known : nullptr, field});
    }
    return reader;
}

std::optional<RecordField> RecordReader::integer(std::string_view name) const {
    const auto *field = layout_.find(name);
    return field != nullptr && is_integer(*field) ? std::optional(*field) : std::nullopt;
}

std::uint64_t RecordReader::number(Record record, const std::optional<RecordField> &field) {
    return field ? read_unsigned(record, *field) : 0;
}

Value RecordReader::value(Record record, const Column &column) {
    auto value = read_value(record, column.place);
    const auto *field = column.field;
    if (const auto *text = std::get_if<std::string>(&value)) {
        return field != nullptr && text->empty() ? Value() : value;
    }
    const auto *number = std::get_if<std::uint64_t>(&value);
    if (field == nullptr || number == nullptr) {
        return value;
    }
    const auto all_ones = ~std::uint64_t(0) >> (64 - 8 * column.place.size);
    if ((field->absent == AbsentWhen::zero && *number == 0) ||
        (field->absent == AbsentWhen::all_ones && *number == all_ones)) {
        return {};
    }
    return name_of(field->naming, *number);
}

bool RecordReader::is_complete(Record record) const { return !script_.proto || number(record, script_.proto) != 0; }

Endpoint RecordReader::local(Record record) const {
    auto made = endpoint(record, script_.saddr);
    made.port = static_cast<std::uint16_t>(number(record, script_.sport));
    return made;
}

Endpoint RecordReader::remote(Record record) const {
    auto made = endpoint(record, script_.daddr);
    made.port = ntohs(static_cast<std::uint16_t>(number(record, script_.dport)));
    return made;
}

Endpoint RecordReader::endpoint(Record record, const std::optional<RecordField> &address) const {
    Endpoint endpoint;
    if (!address) {
        return endpoint;
    }
    auto &[family, bytes] = endpoint.address;
    const bool wide = address->size == bytes.size();
    const bool says_ipv4 = script_.family && number(record, script_.family) == AF_INET;
    family = wide && !says_ipv4 ? AddressFamily::ipv6 : AddressFamily::ipv4;
    std::memcpy(bytes.data(), record.data() + address->offset, family == AddressFamily::ipv6 ? 16 : 4);
    return endpoint;
}

} // namespace tcp_stats
