// The `json` format: one object for each snapshot on a line of its own (JSON Lines). docs/snapshot.schema.json.
#pragma once

#include <optional>

#include "output/writer.h"

namespace tcp_stats {

/// Numbers are numbers, a value that is absent has no key. All is
/// ASCII: other characters are \\uNNNN, bytes that are no UTF-8 U+FFFD.
class JsonWriter : public Writer {
public:
    JsonWriter(Layout layout, const FlowColumns &columns);

    std::string snapshot(const Page &page) override;

private:
    std::string object(const Flow &flow) const;
    template <typename Condition> std::string list(const Page &page, Condition condition) const;

    std::vector<const FlowColumn *> columns_;
    bool pointers_;
    std::string group_by_;
    std::optional<std::uint64_t> previous_ns_; ///< time of the snapshot before
};

} // namespace tcp_stats
