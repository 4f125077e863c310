// Preloaded into the monitor: on SIGUSR2 that process tries what needs a capability, and writes down what came of it,
// into the file $TRIES, a line each: the name, and the error's number or 0.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

int error_of(long result) { return result < 0 ? errno : 0; }

/// What a program that is started has in effect: 0 for nothing.
int of_a_program() {
    const pid_t child = fork();
    if (child == 0) {
        execl("/usr/bin/grep", "grep", "-Eq", "^CapEff:\t0+$", "/proc/self/status", nullptr);
        _exit(2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

void try_all(int /*signal*/) {
    union bpf_attr map {};
    map.map_type = BPF_MAP_TYPE_HASH;
    map.key_size = 4;
    map.value_size = 4;
    map.max_entries = 1;
    const auto *name = std::getenv("TRIES");
    std::array<char, 512> text{};
    const int length = std::snprintf(
        text.data(), text.size(), "chown %d\npacket %d\nsetuid %d\nmodule %d\nhostname %d\nmap %d\nstarted %d\n",
        error_of(chown(name, 1, 1)), error_of(socket(AF_PACKET, SOCK_RAW, 0)), error_of(setresuid(1, 1, 1)),
        error_of(syscall(SYS_delete_module, "none", 0)), error_of(sethostname("changed", 7)),
        error_of(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map))), of_a_program());
    const int file = open(name, O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const auto written = write(file, text.data(), static_cast<std::size_t>(length));
    close(file);
}

[[gnu::constructor]] void begin() {
    if (std::getenv("TRIES") != nullptr) {
        std::signal(SIGUSR2, try_all);
    }
}

} // namespace
