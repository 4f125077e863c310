#include "loop/standard_output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <limits>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/translate.h"

namespace tcp_stats {

StandardOutput::StandardOutput(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd), most_(PIPE_BUF) {
    struct stat file {};
    if (fstat(fd, &file) != 0) {
        return;
    }
    constexpr auto any = std::numeric_limits<std::size_t>::max();
    if (S_ISREG(file.st_mode) || (S_ISCHR(file.st_mode) && isatty(fd) == 0)) { // these do not block for long
        most_ = any;
    } else if (S_ISFIFO(file.st_mode)) {
        // O_NONBLOCK is of the open file, which others have too: so that one is opened anew. A pipe that poll calls
        // writable takes PIPE_BUF bytes without blocking (pipe(7)), but a page at a time is slow.
        own_ = Descriptor(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (own_.get() >= 0) {
            fd_ = own_.get();
            most_ = any;
        }
    }
}

void StandardOutput::write(std::string_view text) {
    while (!text.empty() && state_ && *state_ == Written::all) {
        std::array<pollfd, 2> ready = {pollfd{fd_, POLLOUT, 0}, pollfd{stop_fd_, POLLIN, 0}};
        if (poll(ready.data(), ready.size(), -1) < 0) {
            continue;
        }
        if (ready[0].revents == 0) {
            state_ = Written::interrupted;
            return;
        }
        const auto count = ::write(fd_, text.data(), std::min(text.size(), most_));
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EPIPE) {
            state_ = Written::reader_gone;
        } else if (errno != EINTR && errno != EAGAIN) {
            state_ =
                fail(ErrorKind::output_failed,
                     tr("cannot write to standard output: {}; make room, or write elsewhere", std::strerror(errno)));
        }
    }
}

Result<Written> write_text(int fd, std::string_view text, int stop_fd) {
    StandardOutput output(fd, stop_fd);
    output.write(text);
    return output.state();
}

} // namespace tcp_stats
