// Memory for records, used again once nobody looks at them any more.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "record/records.h"

namespace tcp_stats {

/// One thread's.
class RecordPool {
public:
    explicit RecordPool(std::size_t record_size) : record_size_(record_size) {}

    /// Empty ones, which nobody else has. Their memory was used before, where that is not much more than was needed
    /// then (a crowd has gone). What is unused besides is given back.
    std::shared_ptr<Records> take() {
        constexpr std::size_t always_kept = 8192;
        std::shared_ptr<Records> taken;
        std::erase_if(all_, [&](const auto &records) {
            const bool unused = records.use_count() == 1;
            if (unused && !taken && records->capacity() <= always_kept + 8 * records->size()) {
                taken = records;
                return false;
            }
            return unused;
        });
        if (!taken) {
            taken = all_.emplace_back(std::make_shared<Records>(record_size_));
        }
        taken->clear();
        return taken;
    }

private:
    std::size_t record_size_;
    std::vector<std::shared_ptr<Records>> all_;
};

} // namespace tcp_stats
