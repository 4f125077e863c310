// Writes to standard output, and notices who no longer listens.
#pragma once

#include <string_view>

#include "base/error.h"

namespace tcp_stats {

enum class Written {
    all,
    reader_gone, ///< a closed pipe: `| head` has seen enough
    interrupted, ///< `stop_fd` became readable while the reader took nothing
};

/// Writes all of `text` to `fd`. A reader that is slow is waited for, but not beyond a stop signal.
/// Error: output_failed.
Result<Written> write_text(int fd, std::string_view text, int stop_fd);

} // namespace tcp_stats
