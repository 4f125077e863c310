// Writes to standard output, and notices who no longer listens.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/descriptor.h"
#include "base/error.h"

namespace tcp_stats {

enum class Written {
    all,
    reader_gone, ///< a closed pipe: `| head` has seen enough
    interrupted, ///< `stop_fd` became readable while the reader took nothing
};

/// A reader that is slow is waited for, but not beyond a stop signal.
class StandardOutput {
public:
    /// Writes to `fd` until `stop_fd` is readable and `fd` takes nothing. Both must outlive it.
    StandardOutput(int fd, int stop_fd);

    /// Writes all of `text`. Where that did not work once, nothing is written any more.
    void write(std::string_view text);

    /// What became of all that was written. Error: output_failed.
    const Result<Written> &state() const { return state_; }

private:
    int fd_;
    int stop_fd_;
    Descriptor own_;   ///< of the same pipe, and does not block
    std::size_t most_; ///< bytes that can be written at once without blocking where poll(2) says writable
    Result<Written> state_ = Written::all;
};

/// Writes one text.
Result<Written> write_text(int fd, std::string_view text, int stop_fd);

} // namespace tcp_stats
