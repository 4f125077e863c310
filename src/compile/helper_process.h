// tcp_stats_compile, the program that compiles: started, watched, and ended.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"

namespace tcp_stats {

/// How it ended.
struct HelperEnd {
    enum class How { by_itself, stopped, too_late };
    How how = How::by_itself;
    int status = 0;     ///< as waitpid(2) has it, where it ended by itself
    std::string answer; ///< its standard output
    std::string words;  ///< its standard error, without the line ends behind it
};

/// Beside this program (a build tree), where it is installed beside this program, or where the build said that it would
/// be. Error: kernel_unsupported, when it is nowhere.
Result<std::string> find_helper();

/// Runs `helper` with `input` for its standard input. It has no capability and cannot get any (no_new_privs), gets
/// SIGTERM when this process ends in whatever way, and is killed when `stop_fd` becomes readable (-1: never) or `limit`
/// is over. Error: defect, where no process can be made.
Result<HelperEnd> run_helper(const std::string &helper, const std::vector<std::string> &arguments,
                             const std::string &input, int stop_fd, std::chrono::milliseconds limit);

} // namespace tcp_stats
