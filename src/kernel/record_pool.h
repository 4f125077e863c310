// Memory for records, used again once nobody looks at them any more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "record/records.h"

namespace tcp_stats {

/// One thread's.
class RecordPool {
public:
    explicit RecordPool(std::size_t record_size) : record_size_(record_size) {}

    /// Empty ones, which nobody else has.
    std::shared_ptr<Records> take() {
        auto unused =
            std::find_if(all_.begin(), all_.end(), [](const auto &records) { return records.use_count() == 1; });
        if (unused == all_.end()) {
            unused = all_.insert(unused, std::make_shared<Records>(record_size_));
        }
        (*unused)->clear();
        return *unused;
    }

private:
    std::size_t record_size_;
    std::vector<std::shared_ptr<Records>> all_;
};

} // namespace tcp_stats
