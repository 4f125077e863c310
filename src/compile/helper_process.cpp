#include "compile/helper_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <cap-ng.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/translate.h"
#include "installed_paths.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string whole(int fd) {
    std::string text(static_cast<std::size_t>(std::max<off_t>(lseek(fd, 0, SEEK_END), 0)), '\0');
    const auto count = pread(fd, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

/// In the child; whether all of them are gone for good.
bool give_up_privileges() {
    // An ordinary user has none, cannot, and need not; libcap-ng would complain to syslog.
    const bool has_bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
    capng_clear(CAPNG_SELECT_BOTH);
    if (has_bounds && capng_apply(CAPNG_SELECT_BOUNDS) != 0) {
        return false;
    }
    return capng_apply(CAPNG_SELECT_CAPS) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

[[noreturn]] void become(const std::string &helper, int program, const std::vector<std::string> &arguments, int input,
                         int output, int words, pid_t monitor) {
    sigset_t none;
    sigemptyset(&none);
    std::signal(SIGPIPE, SIG_DFL);
    const bool is_unprivileged = give_up_privileges();
    // Behind the change of capabilities, which takes it back.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const bool is_orphan = getppid() != monitor;
    std::vector<char *> words_of_command = {const_cast<char *>(helper.c_str())};
    for (const auto &argument : arguments) {
        words_of_command.push_back(const_cast<char *>(argument.c_str()));
    }
    words_of_command.push_back(nullptr);
    if (is_unprivileged && !is_orphan && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(words, STDERR_FILENO) >= 0 && sigprocmask(SIG_SETMASK, &none, nullptr) == 0) {
        fexecve(program, words_of_command.data(), environ);
    }
    dprintf(STDERR_FILENO, "%s: %s\n", helper.c_str(), std::strerror(errno));
    _exit(126);
}

/// Until the process has closed its standard output, which is when it ends.
HelperEnd::How read_answer(int output, int stop_fd, Clock::time_point deadline, std::string &answer) {
    std::array<char, 65536> block{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        std::array<pollfd, 2> ready = {pollfd{output, POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
        const int count = left > 0 ? poll(ready.data(), ready.size(), static_cast<int>(left)) : 0;
        if (count == 0) {
            return HelperEnd::How::too_late;
        }
        if (ready[1].revents != 0) {
            return HelperEnd::How::stopped;
        }
        if (ready[0].revents == 0) {
            continue;
        }
        const auto size = read(output, block.data(), block.size());
        if (size > 0) {
            answer.append(block.data(), static_cast<std::size_t>(size));
        } else if (size == 0 || errno != EINTR) {
            return HelperEnd::How::by_itself;
        }
    }
}

/// Where it was started from, where there is no /proc.
fs::path directory_of_this_program() {
    std::error_code error;
    auto program = fs::read_symlink("/proc/self/exe", error);
    if (error) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): so getauxval(3) gives a path
        program = fs::absolute(reinterpret_cast<const char *>(getauxval(AT_EXECFN)));
    }
    return program.parent_path();
}

} // namespace

Result<std::string> find_helper() {
    constexpr const char *name = "tcp_stats_compile";
    const auto own = directory_of_this_program();
    for (const auto &candidate :
         {own / name, (own / installed_helper_from_program).lexically_normal(), fs::path(installed_helper)}) {
        if (access(candidate.c_str(), X_OK) == 0) {
            return candidate.string();
        }
    }
    return fail(
        ErrorKind::kernel_unsupported,
        tr("the compiler {} is missing; install tcp_stats_monitor anew, with the package libbpfcc", installed_helper));
}

Result<HelperEnd> run_helper(const std::string &helper, const std::vector<std::string> &arguments,
                             const std::string &input, int stop_fd, std::chrono::milliseconds limit) {
    const auto cannot = [&](int error_number) {
        return fail(ErrorKind::defect, tr("cannot start the compiler {}: {}; there may be too many processes or too "
                                          "little memory",
                                          helper, std::strerror(error_number)));
    };
    // Here, where privileges still open a directory that is closed to the helper.
    const Descriptor program(open(helper.c_str(), O_PATH | O_CLOEXEC));
    const Descriptor request(memfd_create("request", MFD_CLOEXEC));
    const Descriptor words(memfd_create("words", MFD_CLOEXEC));
    std::array<int, 2> ends = {-1, -1};
    if (!program || !request || !words || pipe2(ends.data(), O_CLOEXEC) != 0) {
        return cannot(errno);
    }
    const Descriptor output(ends[0]);
    Descriptor output_of_child(ends[1]);
    if (!write_whole(request.get(), input) || lseek(request.get(), 0, SEEK_SET) != 0) {
        return cannot(errno);
    }
    // Whoever started this process may have had it ignored, and how a child ended would not be told.
    std::signal(SIGCHLD, SIG_DFL);
    const auto monitor = getpid();
    const auto child = fork();
    if (child < 0) {
        return cannot(errno);
    }
    if (child == 0) {
        become(helper, program.get(), arguments, request.get(), output_of_child.get(), words.get(), monitor);
    }
    output_of_child.reset();
    HelperEnd end;
    end.how = read_answer(output.get(), stop_fd, Clock::now() + limit, end.answer);
    if (end.how != HelperEnd::How::by_itself) {
        kill(child, SIGKILL);
    }
    while (waitpid(child, &end.status, 0) < 0 && errno == EINTR) {
    }
    end.words = whole(words.get());
    end.words.erase(end.words.find_last_not_of(" \n") + 1);
    return end;
}

} // namespace tcp_stats
