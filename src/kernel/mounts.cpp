#include "kernel/mounts.h"

#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <poll.h>

namespace tcp_stats {
namespace {

/// mountinfo has white space and backslashes as three octal digits: \040.
std::string unescaped(const std::string &text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digits = text.substr(i + 1, 3);
        if (text[i] == '\\' && digits.size() == 3 && digits.find_first_not_of("01234567") == std::string::npos) {
            plain += static_cast<char>(std::stoi(digits, nullptr, 8));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

} // namespace

std::vector<Mount> parse_mounts(const std::string &mountinfo) {
    std::vector<Mount> found;
    std::istringstream lines(mountinfo);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        Mount mount;
        words >> word >> word >> word >> mount.root >> mount.point;
        while (words >> word && word != "-") { // options, and optional fields of any number
        }
        if (words >> mount.type) {
            mount.root = unescaped(mount.root);
            mount.point = unescaped(mount.point);
            found.push_back(mount);
        }
    }
    return found;
}

MountChanges::MountChanges() : mountinfo_(open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

bool MountChanges::any() {
    pollfd changed = {mountinfo_.get(), POLLPRI, 0};
    return poll(&changed, 1, 0) > 0 && (changed.revents & POLLPRI) != 0;
}

std::vector<Mount> mounts() {
    std::ifstream file("/proc/thread-self/mountinfo");
    std::ostringstream text;
    text << file.rdbuf();
    return parse_mounts(text.str());
}

} // namespace tcp_stats
