#include "kernel/kprobe.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tcp_stats {
namespace {

std::optional<std::uint32_t> pmu_type() {
    std::uint32_t type = 0;
    std::ifstream file(Kprobe::pmu);
    return file >> type ? std::optional(type) : std::nullopt;
}

/// The bit of perf_event_attr.config that makes a return probe: the file says `config:0`.
std::uint64_t return_bit() {
    std::ifstream file("/sys/bus/event_source/devices/kprobe/format/retprobe");
    std::string text;
    file >> text;
    const auto colon = text.find(':');
    return std::uint64_t(1) << (colon == std::string::npos ? 0 : std::stoul(text.substr(colon + 1)));
}

} // namespace

std::optional<Kprobe> Kprobe::attach(const std::string &function, bool at_return, int program_fd) {
    const auto type = pmu_type();
    if (!type) {
        errno = ENOTSUP;
        return std::nullopt;
    }
    perf_event_attr attr{};
    attr.size = sizeof(attr);
    attr.type = *type;
    attr.config = at_return ? return_bit() : 0;
    attr.config1 = reinterpret_cast<std::uintptr_t>(function.c_str()); // kprobe_func
    const int event = static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
    if (event < 0) {
        return std::nullopt;
    }
    const int link = bpf_link_create(program_fd, event, BPF_PERF_EVENT, nullptr);
    Kprobe probe(event, link < 0 ? -1 : link);
    if (link < 0 && ioctl(event, PERF_EVENT_IOC_SET_BPF, program_fd) != 0) {
        return std::nullopt;
    }
    if (ioctl(event, PERF_EVENT_IOC_ENABLE, 0) != 0) {
        return std::nullopt;
    }
    return probe;
}

Kprobe::Kprobe(Kprobe &&other) noexcept
    : event_fd_(std::exchange(other.event_fd_, -1)), link_fd_(std::exchange(other.link_fd_, -1)) {}

Kprobe::~Kprobe() {
    const int saved = errno; // `attach` reports it
    for (const int fd : {link_fd_, event_fd_}) {
        if (fd >= 0) {
            close(fd);
        }
    }
    errno = saved;
}

std::uint64_t Kprobe::missed() const {
    // struct bpf_link_info of Linux 6.7, whose perf_event.kprobe.missed no earlier linux/bpf.h declares.
    constexpr std::size_t missed_offset = 48;
    std::array<std::byte, 64> info{};
    auto size = static_cast<__u32>(info.size());
    std::uint64_t count = 0;
    if (link_fd_ >= 0 && bpf_obj_get_info_by_fd(link_fd_, info.data(), &size) == 0 &&
        size >= missed_offset + sizeof(count)) {
        std::memcpy(&count, info.data() + missed_offset, sizeof(count));
    }
    return count;
}

} // namespace tcp_stats
