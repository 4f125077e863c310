// What the program itself counts as missing, in its table `flow_missed`.
#pragma once

#include <vector>

#include "base/error.h"
#include "kernel/program.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// An array of one struct of integers; their names are what is shown.
class MissedCounts {
public:
    /// Counts nothing where the program has no such table. Error: program_rejected, when its struct cannot be read.
    static Result<MissedCounts> open(const Program &program);

    /// Since the start, each of its integers.
    std::vector<Count> read() const;

private:
    int fd_ = -1;
    std::size_t size_ = 0;
    std::vector<RecordField> fields_;
};

} // namespace tcp_stats
