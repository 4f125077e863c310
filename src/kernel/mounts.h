// What is mounted where, as this process sees it.
#pragma once

#include <string>
#include <vector>

#include "base/descriptor.h"

namespace tcp_stats {

struct Mount {
    std::string root;  ///< the part of the file system that is mounted; of a namespace file, its name `net:[…]`
    std::string point; ///< where
    std::string type;  ///< of the file system
};

/// /proc/thread-self/mountinfo, read (proc(5)); empty where it cannot be.
std::vector<Mount> mounts();

/// The same of that text.
std::vector<Mount> parse_mounts(const std::string &mountinfo);

/// Whether something was mounted or unmounted: proc(5), a poll for POLLPRI on mountinfo.
class MountChanges {
public:
    MountChanges();

    /// Since the last call; before the first, since it was made.
    bool any();

private:
    Descriptor mountinfo_;
};

} // namespace tcp_stats
