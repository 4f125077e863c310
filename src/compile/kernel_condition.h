// What of a condition the BPF program can decide by itself, before it makes a record: what depends on identity only.
#pragma once

#include <string>
#include <vector>

#include "condition/condition.h"

namespace tcp_stats {

/// One of the parts that must all be true.
struct ConditionPart {
    std::string text;   ///< as the user could have written it
    std::string code;   ///< C over `flow`, a struct flow_identity_t of the program; empty: for the snapshot to decide
    std::string reason; ///< where the snapshot decides: why the program cannot
};

/// The parts of a condition. Those that are only about saddr, daddr, sport, dport, family, netns and cgroup have code,
/// which is true exactly where Filter::matches is: none of these changes while a connection lives, and all are known
/// when it begins.
std::vector<ConditionPart> parts_of(const ConditionText &text, const Condition &condition);

/// A header for the program: FLOW_WANTED(flow), all code together, and which of the dearer members of `flow` it looks
/// at (WANTED_BY_NETNS, WANTED_BY_CGROUP). Empty where no part has code.
std::string kernel_condition_header(const std::vector<ConditionPart> &parts);

/// The text of --explain.
std::string explanation(const std::vector<ConditionPart> &parts);

} // namespace tcp_stats
