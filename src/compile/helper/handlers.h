// Which functions of a program are handlers, by BCC's naming rules.
#pragma once

#include <string>
#include <vector>

#include "compile/compiled_program.h"
#include "compile/program_text.h"

namespace tcp_stats {

/// A handler that a program's text names.
struct NamedHandler {
    HandlerKind kind;
    std::string function;                     ///< of the kernel; its tracepoint, or what the iterator walks over
    std::vector<std::string> names_in_object; ///< what BCC calls it, by version of BCC
    bool only_in_included_file;               ///< where BCC takes no handlers from
};

/// Handlers at entry before those at return, those of a kind in the order of the text.
std::vector<NamedHandler> handlers_named_in(const ProgramText &program);

} // namespace tcp_stats
