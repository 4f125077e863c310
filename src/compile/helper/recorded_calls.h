// The bpf(2) calls of libbcc, written down instead of made: a compile touches no kernel.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <linux/bpf.h>

#include "compile/compiled_program.h"

namespace tcp_stats {

/// A program that libbcc wanted to load.
struct RecordedProgram {
    std::string name;
    std::string license;
    std::vector<bpf_insn> instructions; ///< maps are named by the descriptors that were given out for them
    int btf_fd = 0;                     ///< 0: none
    DebugRecords functions;
    DebugRecords lines;
};

/// libbcc and libbpf reach the kernel through libc's syscall(2), which this program has one of its own of. Maps,
/// programs and BTF are answered with a descriptor of /dev/null; all else goes to the kernel. One at a time.
class RecordedCalls {
public:
    RecordedCalls();
    ~RecordedCalls();
    RecordedCalls(const RecordedCalls &) = delete;
    RecordedCalls &operator=(const RecordedCalls &) = delete;

    struct Map {
        int fd; ///< the descriptor that was given out
        bpf_attr attributes;
        std::string pinned_at;
    };

    /// In the order in which they were made.
    const std::vector<Map> &maps() const { return maps_; }

    /// By the descriptor that was given out.
    const std::map<int, RecordedProgram> &programs() const { return programs_; }
    const std::map<int, Bytes> &btf() const { return btf_; }

    /// From now on programs are refused with that error number, and the verifier's log says this.
    void refuse_programs(int error_number, std::string log);

    /// What bpf(2) returns, with errno.
    long call(int command, bpf_attr &attributes);

private:
    long create_map(const bpf_attr &attributes);
    long load_program(bpf_attr &attributes);

    std::vector<Map> maps_;
    std::map<int, RecordedProgram> programs_;
    std::map<int, Bytes> btf_;
    int refusal_ = 0; ///< an error number; 0: none
    std::string refusal_log_;
};

} // namespace tcp_stats
