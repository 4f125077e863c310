// C text of the running kernel's types, from its BTF.
#pragma once

#include <string>

#include "base/error.h"
#include "compile/program_text.h"

struct btf;

namespace tcp_stats {

enum class BtfScope {
    named, ///< what the program's text names, see `select_types`, and all that consists of
    whole, ///< every type of the kernel
};

/// A header with the types of `btf`, laid out as the kernel has them when Clang compiles it for BPF.
/// Types that `program` defines itself are left out. Error: defect, when libbpf cannot print a type.
Result<std::string> btf_header(const struct btf *btf, BtfScope scope, const ProgramText &program);

/// The text that libbpf's btf_dump prints, made safe for BCC:
///
/// - Padding becomes named members. libbpf fills a gap with unnamed bit-fields (`long: 64;`), Clang
///   merges a run of those into one wide integer, and BCC lays it out by the host's rules but
///   generates code by BPF's, under which it takes more room: every field behind it would be read
///   from a wrong place, silently.
/// - Names of uapi/linux/bpf.h, and the kernel's own that begin like them (`bpf_`, `BPF_`), get the
///   prefix `kernel_`: BCC brings a copy of that header, made for another kernel.
/// - Definitions of the types in `defined_elsewhere` are dropped.
std::string adapt_dump(const std::string &dump, const std::set<std::string> &defined_elsewhere);

} // namespace tcp_stats
