// Catches what a library writes to this process's standard output and standard error.
#pragma once

#include <string>

namespace tcp_stats {

/// From construction to `finish` (or destruction) file descriptors 1 and 2 lead to a memory file.
/// BCC and LLVM print compiler diagnostics, the verifier's log and chatter there and return none of
/// it. Where no memory file can be had nothing is caught. One at a time, in one thread.
class CapturedOutput {
public:
    CapturedOutput();
    ~CapturedOutput();
    CapturedOutput(const CapturedOutput &) = delete;
    CapturedOutput &operator=(const CapturedOutput &) = delete;

    /// Ends the capture; what was written meanwhile, without the line ends behind it.
    std::string finish();

private:
    void restore();

    int memory_fd_;
    int saved_stdout_;
    int saved_stderr_;
};

} // namespace tcp_stats
