// Flows of a program that has every known field, for targets that need columns to look at.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "column/columns.h"

namespace fuzz {

class SampleColumns {
public:
    SampleColumns();

    const tcp_stats::FlowColumns &columns() const { return *columns_; }
    const std::vector<tcp_stats::Flow> &flows() const { return flows_; }

private:
    void add_flow(const std::vector<std::byte> &record, bool with_derived);

    std::optional<tcp_stats::RecordReader> reader_;
    std::optional<tcp_stats::FlowColumns> columns_;
    std::array<std::vector<std::byte>, 3> records_;
    std::vector<tcp_stats::Flow> flows_;
};

} // namespace fuzz
