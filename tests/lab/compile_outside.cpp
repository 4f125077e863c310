// Stands in for tcp_stats_compile in a guest of the lab, where a compile takes seconds, with headers a minute: the real
// one compiles the same request outside, where it takes a third of a second. What is exchanged are files in
// /lab/compile, a directory for each call: new.X while it is being written, asked.X, and answered.X.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include <sys/prctl.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

constexpr const char *place = "/lab/compile";

/// Each with a NUL behind it.
void write_strings(const fs::path &path, char *const *strings) {
    std::ofstream file(path, std::ios::binary);
    for (; *strings != nullptr; ++strings) {
        file << *strings << '\0';
    }
}

void show(const fs::path &path, std::ostream &out) {
    std::ifstream file(path, std::ios::binary);
    if (file.peek() != std::ifstream::traits_type::eof()) {
        out << file.rdbuf();
    }
    out.flush();
}

} // namespace

int main(int /*argc*/, char **argv) {
    prctl(PR_SET_NAME, "tcp_stats_compile");
    std::string name = std::string(place) + "/new.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        std::cerr << place << " cannot be written\n";
        return 125;
    }
    const fs::path fresh = name;
    write_strings(fresh / "arguments", argv + 1);
    write_strings(fresh / "environment", environ);
    std::ofstream(fresh / "input", std::ios::binary) << std::cin.rdbuf();
    if (!fs::exists("/sys/kernel/btf/vmlinux")) {
        std::ofstream(fresh / "without_btf").flush();
    }
    const fs::path asked = fs::path(fresh).replace_filename("asked" + fresh.extension().string());
    const fs::path answered = fs::path(fresh).replace_filename("answered" + fresh.extension().string());
    fs::rename(fresh, asked);
    while (!fs::exists(answered)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    show(answered / "words", std::cerr);
    show(answered / "output", std::cout);
    int status = 125;
    std::ifstream(answered / "status") >> status; // negative: minus the signal that ended it, as Python has it
    if (status < 0) {
        kill(getpid(), -status);
    }
    return status;
}
