#include "compile/compiled_program.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <linux/bpf.h>
#include <sys/stat.h>

#include "base/translate.h"
#include "compile/packed.h"

namespace tcp_stats {

static constexpr int end_of(HandlerKind /*kind*/) { return static_cast<int>(HandlerKind::iterator) + 1; }
static constexpr int end_of(FieldKind /*kind*/) { return static_cast<int>(FieldKind::bytes) + 1; }
static constexpr int end_of(ErrorKind /*kind*/) { return static_cast<int>(ErrorKind::no_privilege) + 1; }

static auto members(RecordField &field) {
    return std::tie(field.name, field.path, field.offset, field.size, field.kind, field.shown);
}

static auto members(MapDescription &map) {
    return std::tie(map.name, map.type, map.key_size, map.value_size, map.max_entries, map.flags, map.inner_map,
                    map.pinned_at, map.btf_key_type, map.btf_value_type, map.value, map.no_layout);
}

static auto members(DebugRecords &records) { return std::tie(records.records, records.record_size, records.count); }

static auto members(Handler &handler) {
    return std::tie(handler.kind, handler.function, handler.name, handler.short_name, handler.instructions,
                    handler.attach_btf_id, handler.functions, handler.lines, handler.only_in_included_file);
}

static auto members(FileStamp &stamp) { return std::tie(stamp.path, stamp.size, stamp.changed_ns); }

static auto members(CompiledProgram &program) {
    return std::tie(program.name, program.license, program.types, program.maps, program.handlers, program.btf,
                    program.has_condition, program.words, program.compiler, program.depends_on);
}

static auto members(Error &error) { return std::tie(error.kind, error.message, error.details); }

/// A Result, as it is written.
struct Answer {
    bool compiled = false;
    CompiledProgram program; ///< where it was
    Error error{};           ///< where it was not
};

static auto members(Answer &answer) { return std::tie(answer.compiled, answer.program, answer.error); }

} // namespace tcp_stats

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
    namespace adaptor {

    template <> struct pack<tcp_stats::RecordLayout> {
        template <typename Stream>
        packer<Stream> &operator()(packer<Stream> &out, const tcp_stats::RecordLayout &layout) const {
            return out.pack_array(2).pack(layout.size()).pack(layout.fields());
        }
    };

    template <> struct convert<tcp_stats::RecordLayout> {
        const msgpack::object &operator()(const msgpack::object &in, tcp_stats::RecordLayout &layout) const {
            const auto [size, fields] = in.as<std::tuple<std::size_t, std::vector<tcp_stats::RecordField>>>();
            layout = {fields, size};
            return in;
        }
    };

    } // namespace adaptor
}
} // namespace msgpack

namespace tcp_stats {
namespace {

/// Thrown within this file only.
struct Impossible : std::exception {};

void require(bool condition) {
    if (!condition) {
        throw Impossible();
    }
}

/// So that reading a record never leaves it.
void check_layout(const MapDescription &map) {
    require(map.value.size() == map.value_size || (map.value.fields().empty() && !map.no_layout.empty()));
    for (const auto &field : map.value.fields()) {
        require(field.offset <= map.value_size && field.size <= map.value_size - field.offset);
        const bool is_integer = field.kind == FieldKind::unsigned_integer || field.kind == FieldKind::signed_integer;
        require(!is_integer || field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8);
    }
}

/// So that each map that is named is there. The verifier judges the rest.
void check_instructions(const Handler &handler, std::size_t maps) {
    require(handler.instructions.size() % sizeof(bpf_insn) == 0);
    for (std::size_t at = 0; at < handler.instructions.size(); at += sizeof(bpf_insn)) {
        bpf_insn instruction{};
        std::memcpy(&instruction, handler.instructions.data() + at, sizeof(instruction));
        require(!names_map(instruction) || (instruction.imm >= 0 && static_cast<std::size_t>(instruction.imm) < maps));
    }
}

void check_records(const DebugRecords &records, std::size_t smallest) {
    const auto size = std::uint64_t(records.record_size) * records.count;
    require(size == records.records.size() && (size == 0 || records.record_size >= smallest));
}

void check(const CompiledProgram &program) {
    for (std::size_t place = 0; place < program.maps.size(); ++place) {
        const auto &map = program.maps[place];
        check_layout(map);
        require(!map.inner_map || *map.inner_map < place);
    }
    for (const auto &handler : program.handlers) {
        check_instructions(handler, program.maps.size());
        check_records(handler.functions, sizeof(bpf_func_info));
        check_records(handler.lines, sizeof(bpf_line_info));
    }
}

} // namespace

std::string to_string(TypeSource source) {
    switch (source) {
    case TypeSource::btf:
        return tr("the kernel's BTF");
    case TypeSource::whole_btf:
        return tr("the kernel's whole BTF");
    case TypeSource::headers:
        return tr("the installed kernel headers");
    }
    return {};
}

bool names_map(const bpf_insn &instruction) {
    return instruction.code == (BPF_LD | BPF_DW | BPF_IMM) &&
           (instruction.src_reg == BPF_PSEUDO_MAP_FD || instruction.src_reg == BPF_PSEUDO_MAP_VALUE);
}

FileStamp stamp_of(const std::string &path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        return {path};
    }
    return {path, static_cast<std::uint64_t>(status.st_size),
            std::int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

const MapDescription *CompiledProgram::map(std::string_view map_name) const {
    const auto found = std::find_if(maps.begin(), maps.end(), [&](const auto &one) { return one.name == map_name; });
    return found == maps.end() ? nullptr : &*found;
}

std::string to_bytes(const Result<CompiledProgram> &answer) {
    return answer ? pack(Answer{true, *answer}) : pack(Answer{false, {}, answer.error()});
}

Result<CompiledProgram> answer_from_bytes(std::string_view bytes) {
    try {
        auto answer = unpack<Answer>(bytes);
        if (!answer.compiled) {
            return tl::unexpected(std::move(answer.error));
        }
        check(answer.program);
        return std::move(answer.program);
    } catch (const std::exception &) {
        return fail(ErrorKind::defect, tr("the compiler's answer cannot be read: it is damaged, or that of another "
                                          "version; install tcp_stats_monitor anew"));
    }
}

} // namespace tcp_stats
