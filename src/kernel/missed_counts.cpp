#include "kernel/missed_counts.h"

#include <bpf/bpf.h>

#include "base/translate.h"

namespace tcp_stats {

Result<MissedCounts> MissedCounts::open(const Program &program) {
    MissedCounts counts;
    const auto *table = program.table("flow_missed");
    if (table == nullptr) {
        return counts;
    }
    if (table->type != BPF_MAP_TYPE_ARRAY) {
        return fail(ErrorKind::program_rejected,
                    tr("table flow_missed of {} is no array; declare BPF_ARRAY(flow_missed, struct flow_missed_t, 1)",
                       program.text().name));
    }
    const auto layout = RecordLayout::parse(table->leaf_desc, table->leaf_size);
    if (!layout) {
        return tl::unexpected(layout.error());
    }
    for (const auto &field : layout->fields()) {
        if (field.shown && field.kind == FieldKind::unsigned_integer) {
            counts.fields_.push_back(field);
        }
    }
    counts.fd_ = table->fd;
    counts.size_ = table->leaf_size;
    return counts;
}

std::vector<Count> MissedCounts::read() const {
    std::vector<std::byte> value(size_);
    const std::uint32_t first = 0;
    std::vector<Count> counts;
    if (fd_ < 0 || bpf_map_lookup_elem(fd_, &first, value.data()) != 0) {
        return counts;
    }
    for (const auto &field : fields_) {
        counts.push_back({field.name, RecordReader::number(value, field)});
    }
    return counts;
}

} // namespace tcp_stats
