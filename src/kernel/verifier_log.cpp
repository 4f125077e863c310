#include "kernel/verifier_log.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <string_view>

namespace tcp_stats {
namespace {

/// Whether `line` is no verdict: statistics, source lines, instructions, register states, BCC's words.
bool is_noise(std::string_view line) {
    static constexpr std::array<std::string_view, 18> beginnings = {"processed ",
                                                                    "verification time",
                                                                    "stack depth",
                                                                    "bpf: ",
                                                                    "HINT: ",
                                                                    ";",
                                                                    "from ",
                                                                    "frame",
                                                                    "func#",
                                                                    "last_idx ",
                                                                    "regs=",
                                                                    "parent ",
                                                                    "mark_precise",
                                                                    "sha1 ",
                                                                    "WARNING: ",
                                                                    "btf_vmlinux is malformed",
                                                                    "Unrecognized arg#",
                                                                    "arg#"};
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
        return true;
    }
    if (std::any_of(beginnings.begin(), beginnings.end(),
                    [&](std::string_view beginning) { return line.starts_with(beginning); })) {
        return true;
    }
    // `12: (79) r1 = …` and `R0_w=scalar() …`
    const auto digits_from = [&](std::size_t at) {
        return std::min(line.find_first_not_of("0123456789", at), line.size());
    };
    const auto number = digits_from(0);
    if (number > 0) {
        return line.substr(number).starts_with(": ");
    }
    const auto after = line.starts_with('R') ? digits_from(1) : 0;
    return after > 1 && (line.substr(after).starts_with("=") || line.substr(after).starts_with("_"));
}

} // namespace

std::string verifier_summary(const std::string &log) {
    std::istringstream lines(log);
    std::string summary;
    std::string place;
    for (std::string line; std::getline(lines, line);) {
        if (const auto mark = line.rfind("  // "); line.starts_with(';') && mark != std::string::npos) {
            place = " (" + line.substr(mark + 5) + ")";
        } else if (!is_noise(line)) {
            summary = line + place;
        }
    }
    return summary;
}

std::string tidy_verifier_log(const std::string &log) {
    std::istringstream lines(log);
    std::string tidy;
    for (std::string line; std::getline(lines, line);) {
        const auto again = line.rfind(" @ ");
        if (line.starts_with(';') && again != std::string::npos && line.find(' ', again + 3) == std::string::npos) {
            line.erase(again);
        }
        tidy += line + "\n";
    }
    return tidy;
}

} // namespace tcp_stats
