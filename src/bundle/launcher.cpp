// The bundle's ./tcp_stats_monitor (docs/bundle.md): starts the program of that name in the directory beside it, which
// brings its own C library. That directory is handed on as a descriptor: the loader of programs and the libraries are
// looked for through it, by the monitor and by the compiler, which may not enter every directory that leads there. So
// /proc/self/exe is the program itself, as it is where it is installed.
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"

namespace {

constexpr int unavailable = 69; // as the monitor has it

void say(const char *text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) {
        _exit(unavailable);
    }
}

[[noreturn]] void give_up(const char *path, const char *why) {
    say("tcp_stats_monitor: error: ");
    say(path);
    say(why);
    say("\n");
    _exit(unavailable);
}

/// The compiler is root without capabilities: to files of others it is anybody.
bool compiler_may_use(const char *name) {
    struct stat status {};
    constexpr mode_t needed = S_IROTH | S_IXOTH;
    return stat(name, &status) != 0 || status.st_uid == geteuid() || (status.st_mode & needed) == needed;
}

} // namespace

int main(int /*argc*/, char **argv) {
    char place[PATH_MAX] = "";
    if (readlink("/proc/self/exe", place, sizeof(place) - 1) < 0) {
        give_up("/proc", " is not mounted; mount -t proc proc /proc");
    }
    *std::strrchr(place, '/') = '\0';
    const int beside = open(*place == '\0' ? "/" : place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int files = openat(beside, BUNDLE_FILES, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (files < 0) {
        give_up(place, "/" BUNDLE_FILES " cannot be opened; unpack the whole bundle");
    }
    if (dup2(files, BUNDLE_DESCRIPTOR) < 0) {
        give_up(place, ": too few files may be open (ulimit -n); 128 are enough");
    }
    if (!compiler_may_use(BUNDLE_DIRECTORY "/.") || !compiler_may_use(BUNDLE_DIRECTORY "/tcp_stats_compile")) {
        give_up(place, "/" BUNDLE_FILES " is closed to the compiler, which has no privileges; chmod -R go+rX it");
    }
    // Where the machine has no description of the terminal, the bundle's is taken. The empty element is the usual
    // place.
    setenv("TERMINFO_DIRS", ":" BUNDLE_DIRECTORY "/terminfo", 0);
    execv(BUNDLE_DIRECTORY "/tcp_stats_monitor", argv);
    give_up(place, errno == ENOENT ? "/" BUNDLE_FILES " is not whole; unpack the whole bundle"
                                   : "/" BUNDLE_FILES "/tcp_stats_monitor cannot be started");
}
