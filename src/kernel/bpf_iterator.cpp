#include "kernel/bpf_iterator.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <bpf/bpf.h>
#include <unistd.h>

#include "base/translate.h"

namespace tcp_stats {

Result<std::optional<BpfIterator>> BpfIterator::load(Program &program, const std::string &target) {
    const auto &handlers = program.compiled().handlers;
    const auto handler = std::find_if(handlers.begin(), handlers.end(), [&](const Handler &one) {
        return one.kind == HandlerKind::iterator && one.function == target;
    });
    if (handler == handlers.end() || handler->instructions.empty()) {
        return std::nullopt;
    }
    const auto loaded = program.load(*handler);
    if (!loaded) {
        return tl::unexpected(program.error_of(loaded.error(), *handler));
    }
    Descriptor link(bpf_link_create(*loaded, 0, BPF_TRACE_ITER, nullptr));
    if (!link) {
        return fail(ErrorKind::kernel_unsupported, tr("cannot attach {} of {}: {}; use a --src without it",
                                                      handler->name, program.name(), std::strerror(errno)));
    }
    return BpfIterator(std::move(link));
}

bool BpfIterator::may_run() const { return static_cast<bool>(Descriptor(bpf_iter_create(link_.get()))); }

int BpfIterator::run() const {
    const Descriptor walk(bpf_iter_create(link_.get()));
    if (!walk) {
        return -errno;
    }
    // The program writes nothing; a read walks on until the end, or, after a million objects, says EAGAIN.
    std::array<char, 4096> nothing{};
    ssize_t count = 0;
    do {
        count = read(walk.get(), nothing.data(), nothing.size());
    } while (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)));
    return count < 0 ? -errno : 0;
}

} // namespace tcp_stats
