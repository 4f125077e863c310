#include "loop/standard_output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include <poll.h>
#include <unistd.h>

#include "base/translate.h"

namespace tcp_stats {

Result<Written> write_text(int fd, std::string_view text, int stop_fd) {
    while (!text.empty()) {
        std::array<pollfd, 2> ready = {pollfd{fd, POLLOUT, 0}, pollfd{stop_fd, POLLIN, 0}};
        if (poll(ready.data(), ready.size(), -1) < 0) {
            continue;
        }
        if (ready[0].revents == 0) {
            return Written::interrupted;
        }
        // A pipe that poll calls writable takes PIPE_BUF bytes without blocking, pipe(7).
        const auto count = write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EPIPE) {
            return Written::reader_gone;
        } else if (errno != EINTR && errno != EAGAIN) {
            return fail(ErrorKind::output_failed,
                        tr("cannot write to standard output: {}; make room, or write elsewhere", std::strerror(errno)));
        }
    }
    return Written::all;
}

} // namespace tcp_stats
