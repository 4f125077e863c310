#include "record/record_layout.h"

#include <algorithm>

namespace tcp_stats {

const RecordField *RecordLayout::find(std::string_view name) const {
    const RecordField *found = nullptr;
    const auto depth = [](const RecordField &field) { return std::count(field.path.begin(), field.path.end(), '.'); };
    for (const auto &field : fields_) {
        if (field.name == name && (found == nullptr || depth(field) < depth(*found))) {
            found = &field;
        }
    }
    return found;
}

} // namespace tcp_stats
