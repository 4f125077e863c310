#include "base/running_kernel.h"

#include <array>
#include <fstream>
#include <iterator>

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace tcp_stats {

std::string running_kernel_release() {
    struct utsname name {};
    uname(&name);
    return name.release;
}

std::string host_name() {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

bool kernel_has_btf() { return access(kernel_btf_path, R_OK) == 0; }

std::string running_kernel_identity() {
    struct utsname name {};
    uname(&name);
    // ELF notes, the linker's build id among them.
    std::ifstream notes("/sys/kernel/notes", std::ios::binary);
    struct stat btf {};
    const auto btf_size = stat(kernel_btf_path, &btf) == 0 ? btf.st_size : 0;
    return std::string(name.release) + '\n' + name.version + '\n' + name.machine + '\n' + std::to_string(btf_size) +
           '\n' + std::string(std::istreambuf_iterator<char>(notes), {});
}

} // namespace tcp_stats
