// A file descriptor with an owner.
#pragma once

#include <string_view>
#include <utility>

#include <unistd.h>

namespace tcp_stats {

/// Closed with the object.
class Descriptor {
public:
    /// Takes over `fd`; -1: none.
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    void reset() {
        if (fd_ >= 0) {
            close(std::exchange(fd_, -1));
        }
    }

private:
    int fd_;
};

/// Whether all of it could be written to the file `fd`, which is not in non-blocking mode; else errno says why not.
bool write_whole(int fd, std::string_view bytes);

} // namespace tcp_stats
