#include "compile/record_description.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/translate.h"

namespace tcp_stats {
namespace {

using nlohmann::json;

/// Thrown within this file only, where a description of any shape is taken apart.
struct Unreadable {
    std::string why;
};

struct Scalar {
    std::size_t size;
    FieldKind kind;
};

/// Sizes of Clang's built-in types for the BPF target (64-bit), by the names it prints.
Scalar scalar_of(const std::string &type) {
    static const std::map<std::string, Scalar> scalars = {
        {"char", {1, FieldKind::signed_integer}},
        {"signed char", {1, FieldKind::signed_integer}},
        {"unsigned char", {1, FieldKind::unsigned_integer}},
        {"_Bool", {1, FieldKind::unsigned_integer}},
        {"bool", {1, FieldKind::unsigned_integer}},
        {"short", {2, FieldKind::signed_integer}},
        {"unsigned short", {2, FieldKind::unsigned_integer}},
        {"int", {4, FieldKind::signed_integer}},
        {"unsigned int", {4, FieldKind::unsigned_integer}},
        {"long", {8, FieldKind::signed_integer}},
        {"unsigned long", {8, FieldKind::unsigned_integer}},
        {"long long", {8, FieldKind::signed_integer}},
        {"unsigned long long", {8, FieldKind::unsigned_integer}},
        {"__int128", {16, FieldKind::bytes}},
        {"unsigned __int128", {16, FieldKind::bytes}},
    };
    const auto found = scalars.find(type);
    if (found == scalars.end()) {
        throw Unreadable{tr("type {} is not known", type)};
    }
    return found->second;
}

/// `pad`, `pad2`, `_pad`, and BCC's own `__pad_3`, `__pad_end`.
bool is_padding(const std::string &name) {
    std::string_view rest = name;
    const auto skip = [&](std::string_view word) {
        const bool there = rest.starts_with(word);
        rest.remove_prefix(there ? word.size() : 0);
        return there;
    };
    rest.remove_prefix(std::min(rest.find_first_not_of('_'), rest.size()));
    if (!skip("padding") && !skip("pad")) {
        return name.empty();
    }
    skip("_");
    return rest == "end" || rest.find_first_not_of("0123456789") == std::string_view::npos;
}

/// What is too large for it: no table has values of that size.
constexpr auto too_large = std::numeric_limits<std::size_t>::max();

std::size_t sum(std::size_t one, std::size_t other) {
    std::size_t result = 0;
    return __builtin_add_overflow(one, other, &result) ? too_large : result;
}

std::size_t product(std::size_t one, std::size_t other) {
    std::size_t result = 0;
    return __builtin_mul_overflow(one, other, &result) ? too_large : result;
}

class DescriptionReader {
public:
    explicit DescriptionReader(std::vector<RecordField> &fields) : fields_(fields) {}

    /// Reads a struct or union `["name", [members], "struct_packed"|"struct"|"union"]` that lies at
    /// `offset`; returns its size.
    std::size_t read_record(const json &record, std::size_t offset, const std::string &path = {}) {
        const bool is_union = record.size() == 3 && record.at(2) == "union";
        std::size_t used = 0;
        for (const auto &member : record.at(1)) {
            const auto size = read_member(member, is_union ? offset : sum(offset, used), path);
            used = is_union ? std::max(used, size) : sum(used, size);
        }
        return used;
    }

private:
    static bool is_record(const json &value) {
        return value.is_array() && value.size() == 3 && value.at(1).is_array() && value.at(2).is_string();
    }

    /// `["name", type]`, `["name", type, [length]]`, `["name", type, bits]`, or an unnamed record.
    std::size_t read_member(const json &member, std::size_t offset, const std::string &path) {
        if (is_record(member)) {
            return read_record(member, offset, path);
        }
        const auto name = member.at(0).get<std::string>();
        std::optional<std::size_t> length;
        if (member.size() > 2) {
            if (!member.at(2).is_array()) {
                throw Unreadable{tr("{} is a bit-field; make it a plain integer", name)};
            }
            length = member.at(2).at(0).get_ref<const json::number_unsigned_t &>();
        }
        const auto &type = member.at(1);
        return type.is_string() ? add_scalar(name, path, type.get<std::string>(), length, offset)
                                : add_record(name, path, type, length, offset);
    }

    std::size_t add_scalar(const std::string &name, const std::string &path, const std::string &type,
                           std::optional<std::size_t> length, std::size_t offset) {
        auto [size, kind] = scalar_of(type);
        if (length) {
            size = product(size, *length);
            kind = type == "char" ? FieldKind::text : FieldKind::bytes;
        }
        fields_.push_back({name, path + name, offset, size, kind, !is_padding(name)});
        return size;
    }

    std::size_t add_record(const std::string &name, const std::string &path, const json &type,
                           std::optional<std::size_t> length, std::size_t offset) {
        const auto index = fields_.size();
        fields_.push_back({name, path + name, offset, 0, FieldKind::bytes, false});
        auto size = read_record(type, offset, path + name + ".");
        if (length) { // an array of structs: shown as a whole
            fields_.resize(index + 1);
            fields_[index].shown = true;
            size = product(size, *length);
        }
        fields_[index].size = size;
        return size;
    }

    std::vector<RecordField> &fields_;
};

} // namespace

Result<RecordLayout> parse_record_description(std::string_view leaf_desc, std::size_t leaf_size) {
    std::vector<RecordField> fields;
    try {
        const auto description = json::parse(leaf_desc);
        if (!description.is_array()) {
            throw Unreadable{tr("the value is no struct; declare one as --print-src has it")};
        }
        const auto size = DescriptionReader(fields).read_record(description, 0);
        if (size != leaf_size || size == too_large) {
            throw Unreadable{tr("its fields make {} bytes, the table says {}; an array of arrays is not "
                                "supported",
                                size, leaf_size)};
        }
    } catch (const json::exception &error) {
        return fail(ErrorKind::program_rejected,
                    tr("cannot read the layout of flow_stats that BCC describes: {}", error.what()));
    } catch (const Unreadable &error) {
        return fail(ErrorKind::program_rejected, tr("cannot use the value struct of flow_stats: {}", error.why));
    }
    return RecordLayout(std::move(fields), leaf_size);
}

} // namespace tcp_stats
