// Where each field of a BPF table's value lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tcp_stats {

enum class FieldKind : std::uint8_t {
    unsigned_integer, ///< 1, 2, 4 or 8 bytes
    signed_integer,   ///< 1, 2, 4 or 8 bytes
    text,             ///< an array of char, ends at the first NUL
    bytes,            ///< anything else: arrays, 16-byte integers, unions, and structs as a whole
};

/// Where a value lies in a record.
struct Place {
    std::uint32_t offset = 0; ///< in bytes from the start of the record
    std::uint32_t size = 0;   ///< in bytes; 0: it is nowhere
    FieldKind kind = FieldKind::bytes;

    explicit operator bool() const { return size != 0; }
};

struct RecordField {
    std::string name;
    std::string path;       ///< with the structs it stands in: `addr.saddr`
    std::size_t offset = 0; ///< in bytes from the start of the value
    std::size_t size = 0;   ///< in bytes
    FieldKind kind = FieldKind::bytes;
    /// False for the compiler's padding, for members named like padding, and for a struct whose
    /// members are fields of their own.
    bool shown = false;

    Place place() const { return {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(size), kind}; }
};

/// The fields of one value, in the order of the program's struct. Members of nested structs are
/// fields too, under their own name; the struct they stand in is a field of kind `bytes`, so that
/// an address may be a `struct in6_addr`.
class RecordLayout {
public:
    RecordLayout() = default;
    /// Each field must lie within `size` bytes.
    RecordLayout(std::vector<RecordField> fields, std::size_t size) : fields_(std::move(fields)), size_(size) {}

    /// The field of that name, or null; of several the one that stands in the fewest structs, then the
    /// first.
    const RecordField *find(std::string_view name) const;

    const std::vector<RecordField> &fields() const { return fields_; }
    std::size_t size() const { return size_; }

private:
    std::vector<RecordField> fields_;
    std::size_t size_ = 0;
};

} // namespace tcp_stats
