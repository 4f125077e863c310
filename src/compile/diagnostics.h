// What Clang, LLVM and BCC say of a program that does not compile, put in one line.
#pragma once

#include <string>

#include "base/error.h"
#include "compile/program_text.h"

namespace tcp_stats {

/// `words` is all that was said. The details are what of it a user needs; the user's own words, where a --field is at
/// fault. Its kind is program_rejected.
Error diagnose(const std::string &words, const ProgramText &text);

/// Whether other kernel types could mend what Clang complains of in an error of `diagnose`.
bool types_may_be_at_fault(const Error &error);

} // namespace tcp_stats
