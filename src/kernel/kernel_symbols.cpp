#include "kernel/kernel_symbols.h"

#include <algorithm>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace tcp_stats {
namespace {

/// Each line is `ADDRESS TYPE NAME`, with `\t[MODULE]` behind it for those of modules.
constexpr const char *symbols_path = "/proc/kallsyms";

/// Calls `use` with each block of whole lines of the file, until it returns false.
template <typename Use> void for_blocks_of(const char *path, Use use) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    constexpr std::size_t block_size = 1 << 16;
    std::string block;
    std::size_t kept = 0; // of a line that is not whole yet
    for (;;) {
        block.resize(kept + block_size);
        const auto count = read(fd, block.data() + kept, block_size);
        block.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        const auto end = block.rfind('\n');
        if (count <= 0 || (end != std::string::npos && !use(std::string_view(block).substr(0, end + 1)))) {
            break;
        }
        block.erase(0, end == std::string::npos ? 0 : end + 1);
        kept = block.size();
    }
    close(fd);
}

} // namespace

KernelSymbol look_up_symbol(const std::string &function) {
    KernelSymbol found;
    found.exists = true;
    for_blocks_of(symbols_path, [&](std::string_view lines) {
        found.exists = false;
        const auto wanted = " " + function;
        for (auto at = lines.find(wanted); at != std::string_view::npos && !found.exists;
             at = lines.find(wanted, at + 1)) {
            const auto end = lines.find_first_of("\t\n", at + 1);
            const auto name = lines.substr(at + 1, end - at - 1);
            found.exists = name == function;
            if (name.starts_with(function + ".")) {
                found.clone = name;
            }
        }
        return !found.exists;
    });
    return found;
}

} // namespace tcp_stats
