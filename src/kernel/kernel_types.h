// The kernel's types for one compile: a private header tree made from BTF, or installed headers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "kernel/program_text.h"

struct btf;

namespace tcp_stats {

/// As uname -r says it.
std::string running_kernel_release();

/// Where the compiler takes the kernel's types from, in the order in which `auto` tries them.
enum class TypeSource {
    btf,       ///< from BTF, the types that the program names and what they consist of: the fastest
    whole_btf, ///< from BTF, all of them: for a program that goes where its text does not tell
    headers,   ///< the headers of the running kernel's package, or /sys/kernel/kheaders.tar.xz
};

/// For messages: "the kernel's BTF", …
std::string to_string(TypeSource source);

/// Whether this kernel describes its types itself (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF).
bool kernel_has_btf();

/// The kernel's BTF; null, and errno, where it cannot be read. It is some megabytes: read once while anybody has it.
std::shared_ptr<const btf> kernel_btf();

/// Whether BCC would find headers for the running kernel: BCC_KERNEL_SOURCE,
/// /lib/modules/RELEASE/build, or /sys/kernel/kheaders.tar.xz.
bool kernel_headers_installed();

/// While it lives, BCC compiles against these types. It owns a directory that only this user can
/// read; the directory is gone with it. One at a time: BCC is told by its environment variable
/// BCC_KERNEL_SOURCE and by the current directory, which it puts first on the include path.
class KernelTypes {
public:
    /// Error: kernel_unsupported, when the source does not exist here or the tree cannot be written.
    static Result<KernelTypes> prepare(TypeSource source, const ProgramText &program);

    KernelTypes(KernelTypes &&other) noexcept;
    KernelTypes &operator=(KernelTypes &&) = delete;
    ~KernelTypes();

    /// The private directory, for other files of the same compile.
    const std::filesystem::path &directory() const { return directory_; }

private:
    explicit KernelTypes(std::filesystem::path directory);

    std::filesystem::path directory_; ///< empty when moved from
    std::filesystem::path previous_directory_;
    std::string previous_kernel_source_; ///< empty when it was not set
};

} // namespace tcp_stats
