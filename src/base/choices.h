// What a user may choose, as several folders need to know it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tcp_stats {

/// --field NAME[UNIT]=EXPRESSION: a C expression over `sk` and `tp`.
struct UserField {
    std::string name;
    std::string unit; ///< empty: none was given
    std::string expression;
};

/// --keep: how much of a recording stays; the oldest goes first.
struct Keep {
    std::optional<std::chrono::nanoseconds> age;
    std::optional<std::uint64_t> bytes; ///< of the file
};

/// --kernel-types: where the kernel's types come from.
enum class KernelTypesChoice { automatic, btf, headers };

/// --attach: how the hooks attach.
enum class AttachChoice { automatic, kprobe, fentry };

/// --output: how snapshots are shown.
enum class OutputFormat { line, table, json, csv, live, report };

} // namespace tcp_stats
