#include "kernel/verifier_log.h"

#include <regex>
#include <sstream>

namespace tcp_stats {

std::string verifier_summary(const std::string &log) {
    // Everything else in a log: statistics, source lines, instructions, register states, BCC's words.
    static const std::regex noise("(processed [0-9]+ insns|verification time|stack depth|bpf: |HINT: |;|\\s*$|"
                                  "[0-9]+: |R[0-9]+(_[a-z]+)?=|R[0-9]+_w=|from [0-9]+ to|frame[0-9]+: |func#|"
                                  "last_idx |regs=|parent |mark_precise|sha1 |WARNING: |btf_vmlinux is malformed|"
                                  "Unrecognized arg#|arg#[0-9]+ ).*");
    std::istringstream lines(log);
    std::string summary;
    std::string place;
    for (std::string line; std::getline(lines, line);) {
        if (const auto mark = line.rfind("  // "); line.starts_with(';') && mark != std::string::npos) {
            place = " (" + line.substr(mark + 5) + ")";
        } else if (!std::regex_match(line, noise)) {
            summary = line + place;
        }
    }
    return summary;
}

std::string tidy_verifier_log(const std::string &log) {
    static const std::regex place_again("^(;.*) @ [^ \n]+:[0-9]+$", std::regex::multiline);
    return std::regex_replace(log, place_again, "$1");
}

} // namespace tcp_stats
