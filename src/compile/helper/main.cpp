// tcp_stats_compile: a request on standard input, the compiled program on standard output, what Clang and BCC say on
// standard error. Of no use to people but for --version.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <bpf/btf.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/translate.h"
#include "compile/compile_request.h"
#include "compile/helper/bcc.h"
#include "compile/helper/kernel_features.h"
#include "compile/helper/kernel_types.h"
#include "compile/private_directory.h"

namespace {

using namespace tcp_stats;

std::string all_of_standard_input() {
    std::string text;
    char block[65536];
    while (const auto count = std::fread(block, 1, sizeof(block), stdin)) {
        text.append(block, count);
    }
    return text;
}

/// The files of the compile, which are gone when a signal ends it too: the monitor's end is one.
class Workplace {
public:
    /// From now on those signals are heeded in a thread of their own.
    Workplace() {
        sigset_t signals;
        sigemptyset(&signals);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            sigaddset(&signals, signal);
        }
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        std::thread([this, signals] {
            int signal = 0;
            sigwait(&signals, &signal);
            const std::lock_guard guard(changing_); // and never let go
            directory_.reset();
            _exit(128 + signal);
        }).detach();
    }

    /// Calls `fill` with the new directory, which is the current one then.
    template <typename Fill> Result<void> make(const std::string &path, Fill fill) {
        const std::lock_guard guard(changing_);
        auto made = PrivateDirectory::make(path);
        if (!made) {
            return tl::unexpected(made.error());
        }
        directory_.emplace(std::move(*made));
        std::filesystem::current_path(path);
        return fill();
    }

    void remove() {
        const std::lock_guard guard(changing_);
        directory_.reset();
    }

private:
    std::mutex changing_;
    std::optional<PrivateDirectory> directory_;
};

Result<CompiledProgram> answer_to(const std::string &input, Workplace &workplace) {
    const auto request = request_from_bytes(input);
    if (!request) {
        return tl::unexpected(request.error());
    }
    const std::unique_ptr<btf, decltype(&btf__free)> types(btf__parse(request->kernel.btf.c_str(), nullptr), btf__free);
    if (!types && request->types != TypeSource::headers) {
        return fail(ErrorKind::defect, tr("cannot read this kernel's BTF, {}: {}; try --kernel-types headers",
                                          request->kernel.btf, std::strerror(errno)));
    }
    const auto &directory = request->private_directory;
    try {
        const auto made = workplace.make(directory, [&]() -> Result<void> {
            write_program(directory, request->program);
            return request->types == TypeSource::headers ? Result<void>()
                                                         : write_kernel_types(directory, *request, types.get());
        });
        if (!made) {
            return tl::unexpected(made.error());
        }
        if (request->types != TypeSource::headers) {
            setenv("BCC_KERNEL_SOURCE", directory.c_str(), 1);
        }
        return compile_with_bcc(*request, directory, types.get(), feature_definitions(types.get(), request->program));
    } catch (const std::ios_base::failure &) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("cannot write the kernel's types to {}: {}; set TMPDIR to a directory with room", directory,
                       std::strerror(errno)));
    } catch (const std::filesystem::filesystem_error &failure) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("cannot write the kernel's types: {}; set TMPDIR to a directory with room", failure.what()));
    }
}

} // namespace

int main(int argc, char **argv) {
    // It was executed by a descriptor, whose number is what Linux before 6.14 lists it as.
    prctl(PR_SET_NAME, "tcp_stats_compile");
    start_translation();
    const std::string option = argc > 1 ? argv[1] : "";
    if (option == "--version") {
        std::fputs(bcc_versions().c_str(), stdout);
        return 0;
    }
    if (option == "--refusal" && argc == 3) {
        say_refusal(std::atoi(argv[2]), all_of_standard_input());
        return 0;
    }
    // BCC and LLVM may write to standard output too: that is no answer.
    const int answer = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    // LLVM takes much memory in small pieces and gives it back in vain: fewer page faults without.
    constexpr int heap_step = 64 << 20;
    for (const int parameter : {M_TOP_PAD, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD}) {
        mallopt(parameter, heap_step);
    }
    Workplace workplace;
    const auto bytes = to_bytes(answer_to(all_of_standard_input(), workplace));
    workplace.remove();
    std::fflush(nullptr);
    _exit(write_whole(answer, bytes) ? 0 : 1); // without taking LLVM apart
}
