#include "kernel/missed_counts.h"

#include <bpf/bpf.h>

#include "base/translate.h"

namespace tcp_stats {

Result<MissedCounts> MissedCounts::open(const Program &program) {
    MissedCounts counts;
    const auto map = program.map("flow_missed");
    if (!map) {
        return counts;
    }
    if (map->description->type != BPF_MAP_TYPE_ARRAY) {
        return fail(ErrorKind::program_rejected,
                    tr("table flow_missed of {} is no array; declare BPF_ARRAY(flow_missed, struct flow_missed_t, 1)",
                       program.name()));
    }
    if (!map->description->no_layout.empty()) {
        return fail(ErrorKind::program_rejected, map->description->no_layout);
    }
    for (const auto &field : map->description->value.fields()) {
        if (field.shown && field.kind == FieldKind::unsigned_integer) {
            counts.fields_.push_back(field);
        }
    }
    counts.fd_ = map->fd;
    counts.size_ = map->description->value_size;
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
        counts.push_back({field.name, RecordReader::number(value, field.place())});
    }
    return counts;
}

} // namespace tcp_stats
