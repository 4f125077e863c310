// What the compiler makes of a program: plain data, which the kernel can be given, and which can be kept and read
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/record_layout.h"

struct bpf_insn;

namespace tcp_stats {

using Bytes = std::vector<unsigned char>;

/// Where the compiler takes the kernel's types from, in the order in which `auto` tries them.
enum class TypeSource {
    btf,       ///< from BTF, the types that the program names and what they consist of: the fastest
    whole_btf, ///< from BTF, all of them: for a program that goes where its text does not tell
    headers,   ///< the headers of the running kernel's package, or /sys/kernel/kheaders.tar.xz
};

constexpr int end_of(TypeSource /*kind*/) { return static_cast<int>(TypeSource::headers) + 1; }

/// For messages: "the kernel's BTF", …
std::string to_string(TypeSource source);

/// A BPF map that the program declares.
struct MapDescription {
    std::string name;
    std::uint32_t type = 0; ///< enum bpf_map_type
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::uint32_t max_entries = 0;
    std::uint32_t flags = 0;
    std::optional<std::uint32_t> inner_map; ///< for a map of maps: its place among those before
    std::string pinned_at;                  ///< where it is pinned, or taken from if it is there; empty: it is not
    std::uint32_t btf_key_type = 0;         ///< ids in the program's BTF; 0: none
    std::uint32_t btf_value_type = 0;
    RecordLayout value;    ///< where its fields lie
    std::string no_layout; ///< why `value` is empty; else empty itself
};

/// How a function of the program comes to be called.
enum class HandlerKind {
    kprobe,         ///< at the entry of a kernel function
    kretprobe,      ///< at its return
    fentry,         ///< at the entry, by a BPF trampoline
    fexit,          ///< at its return
    raw_tracepoint, ///< where the kernel has a tracepoint
    tracepoint,     ///< the same with BCC's TRACEPOINT_PROBE, which is not attached
    iterator,       ///< for each object that an iterator walks over
};

/// Whether an instruction has a map for its operand, which `imm` names.
bool names_map(const bpf_insn &instruction);

/// What the verifier's log takes source lines from, as bpf(2) takes it: struct bpf_func_info and struct bpf_line_info.
struct DebugRecords {
    Bytes records;
    std::uint32_t record_size = 0;
    std::uint32_t count = 0;
};

/// A function of the program that its text makes a handler.
struct Handler {
    HandlerKind kind = HandlerKind::kprobe;
    std::string function;   ///< of the kernel; its tracepoint, or what the iterator walks over
    std::string name;       ///< of the handler, as messages call it
    std::string short_name; ///< as bpftool lists it
    /// struct bpf_insn, one behind the other. A map is named by its place among the maps. Empty: the text names the
    /// handler, but the compiled program does not have it.
    Bytes instructions;
    std::uint32_t attach_btf_id = 0; ///< of `function` in the kernel's BTF, for fentry, fexit and iterators; 0: none
    DebugRecords functions;
    DebugRecords lines;
    bool only_in_included_file = false; ///< where BCC takes no handlers from
};

/// A file, by what changes when it is replaced.
struct FileStamp {
    std::string path;
    std::uint64_t size = 0;
    std::int64_t changed_ns = 0; ///< since 1970

    bool operator==(const FileStamp &) const = default;
};

/// Of a size of 0 where there is no such file.
FileStamp stamp_of(const std::string &path);

struct CompiledProgram {
    std::string name; ///< as the user named its text
    std::string license;
    TypeSource types = TypeSource::btf;
    std::vector<MapDescription> maps;
    std::vector<Handler> handlers;   ///< those of a kind in the order of the text
    Bytes btf;                       ///< debug information; empty: there is none
    bool has_condition = false;      ///< the text decides for which connections it makes records
    std::string words;               ///< what BCC said, warnings for example
    std::vector<FileStamp> compiler; ///< the program and the libraries that made this
    /// What was read besides what the request brought and the kernel's headers: the first such file, or in words.
    /// Empty: nothing.
    std::string depends_on;

    /// The map of that name, or null.
    const MapDescription *map(std::string_view name) const;
};

/// The answer of the compiler: a program, or what is wrong.
std::string to_bytes(const Result<CompiledProgram> &answer);

/// An answer, read. Any bytes may be given: what is no answer of this version, or could not be put into effect as it
/// is, is an Error of kind defect. The answer's own error is returned as it was given.
Result<CompiledProgram> answer_from_bytes(std::string_view bytes);

} // namespace tcp_stats
