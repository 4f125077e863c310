// The command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/choices.h"
#include "base/error.h"
#include "base/listen_address.h"
#include "condition/condition.h"
#include "view/group_key.h"

namespace tcp_stats {

enum class Action { monitor, print_source, print_version, print_help, list_fields, explain };

/// `KEY` or `-KEY`.
struct SortKey {
    std::string field;
    bool descending = false;
};

struct Options {
    Action action = Action::monitor;
    std::optional<std::filesystem::path> source; ///< absent: the built-in program
    std::vector<std::string> definitions;        ///< `NAME` or `NAME=VALUE`, in order
    std::vector<UserField> fields;               ///< in order
    KernelTypesChoice kernel_types = KernelTypesChoice::automatic;
    AttachChoice attach = AttachChoice::automatic;
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
    std::optional<std::uint64_t> count;     ///< snapshots; absent: until stopped
    std::optional<std::uint64_t> max_flows; ///< absent: what the program says
    bool listening = false;
    bool failed_connects = false;
    OutputFormat output = OutputFormat::line;
    std::vector<std::string> columns; ///< names, in order; empty: those that the format has by itself
    std::vector<ConditionText> where; ///< --where and the short forms; flows must meet all
    std::optional<GroupKey> group_by; ///< absent: the rows are flows
    std::optional<SortKey> sort;      ///< absent: as the kernel has them
    std::optional<std::uint64_t> top; ///< rows of each snapshot at most
    bool pointers = false;
    std::optional<std::filesystem::path> record; ///< where to record to
    Keep keep;                                   ///< of that recording; all, where neither is set
    std::optional<std::filesystem::path> replay; ///< what to show instead of the kernel's connections
    std::optional<std::string> from, to, at;     ///< times in that recording, as they were given
    std::optional<double> speed;                 ///< of its replay; absent: what the output has by itself
    std::optional<ListenAddress> metrics;        ///< where to serve metrics
    std::vector<GroupKey> metrics_by;            ///< what their labels are; empty: comm, where the program has it
    std::uint64_t metrics_series = 1000;         ///< the most groups that these have of their own
    bool shows = true;                           ///< false: it only records or serves metrics
    std::optional<std::string> user;             ///< whom to become once the hooks are attached; absent: nobody else
    bool use_cache = true;                       ///< of compiled programs
    bool verbose = false;
    std::string command_line; ///< all words but the program's, for people
};

/// Error: usage, one line that names the option and what it accepts.
Result<Options> parse_options(int argc, const char *const *argv);

/// The text of --help.
std::string help_text();

/// The table of --list-fields.
std::string field_list();

} // namespace tcp_stats
