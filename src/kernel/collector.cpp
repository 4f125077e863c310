#include "kernel/collector.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <bpf/bpf.h>

namespace tcp_stats {
namespace {

/// A walk over all open files costs more than one over the sockets: not more often than this, and for flows whose
/// process an earlier one did not find (none had accepted them yet, or none ever will) not more often than that.
constexpr std::uint64_t between_owner_walks_ns = 5'000'000'000;
constexpr std::uint64_t before_looking_again_ns = 60'000'000'000;

/// The clock of bpf_ktime_get_ns().
std::uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

Result<Collector> Collector::create(Program &program, const FlowTable &table, const RecordReader &reader) {
    auto missed = MissedCounts::open(program);
    if (!missed) {
        return tl::unexpected(missed.error());
    }
    Collector collector(table, reader, std::move(*missed));
    for (const auto &[target, iterator] : {std::pair("tcp", &collector.sockets_), {"task_file", &collector.files_}}) {
        auto loaded = BpfIterator::load(program, target);
        if (!loaded) {
            return tl::unexpected(loaded.error());
        }
        *iterator = std::move(*loaded);
    }
    auto closed = ClosedFlows::open(program, reader.record_size());
    if (!closed) {
        return tl::unexpected(closed.error());
    }
    collector.closed_ = std::move(*closed);
    const auto refused = program.map("flow_refused");
    if (refused && refused->description->type == BPF_MAP_TYPE_ARRAY &&
        refused->description->value_size == sizeof(refused_) && program.compiled().has_condition) {
        collector.refused_fd_ = refused->fd;
    }
    collector.first_seen_ = reader.integer("first_seen_ns");
    collector.pid_ = reader.integer("pid");
    return collector;
}

Result<Reading> Collector::read(const Hooks &hooks) {
    Reading reading;
    reading.time_ns = monotonic_ns();
    if (sockets_) {
        auto walked = walk_sockets(*sockets_);
        if (!walked && !walked_) {
            return tl::unexpected(walked.error());
        }
        walked_ = true;
        // No namespace has the number 0: nothing was walked, and the snapshot says so.
        reading.walked_netns = walked ? std::move(*walked) : std::unordered_set<std::uint64_t>{0};
    }
    reading.refused = newly_refused();
    auto live = table_->read();
    if (live && files_ && wants_owners(*live)) {
        owners_sought_ns_ = monotonic_ns();
        files_->run(); // an owner that is not found stays unknown
        restarts_ += live->restarts;
        live = table_->read();
    }
    if (!live) {
        return tl::unexpected(live.error());
    }
    reading.live = std::move(*live);
    collect_closed();
    if (closed_) {
        reading.closed = closed_->take();
    }
    restarts_ += reading.live.restarts;
    reading.missed = missed_.read();
    if (closed_) {
        const auto count = std::find_if(reading.missed.begin(), reading.missed.end(),
                                        [](const Count &one) { return one.name == "closed_lost"; });
        if (count != reading.missed.end()) {
            count->value += closed_->lost();
        }
    }
    reading.missed.push_back({"probe_missed", hooks.missed()});
    reading.missed.push_back({"read_restarted", restarts_});
    return reading;
}

/// Each walk counts them, and nothing else does.
std::optional<std::uint64_t> Collector::newly_refused() {
    const std::uint32_t first = 0;
    std::uint64_t count = 0;
    if (!sockets_ || refused_fd_ < 0 || bpf_map_lookup_elem(refused_fd_, &first, &count) != 0) {
        return std::nullopt;
    }
    return count - std::exchange(refused_, count);
}

bool Collector::wants_owners(const RawEntries &entries) const {
    const auto since_last_ns = owners_sought_ns_ == 0 ? before_looking_again_ns : monotonic_ns() - owners_sought_ns_;
    if (!first_seen_ || !pid_ || since_last_ns < between_owner_walks_ns) {
        return false;
    }
    for (std::size_t i = 0; i < entries.keys.size(); ++i) {
        const auto record = Record(entries.values).subspan(i * reader_->record_size(), reader_->record_size());
        if (RecordReader::number(record, pid_) == 0 &&
            (since_last_ns >= before_looking_again_ns ||
             RecordReader::number(record, first_seen_) > owners_sought_ns_)) {
            return true;
        }
    }
    return false;
}

void Collector::remove(const std::vector<GoneRecord> &gone) {
    for (const auto &[sock, first_seen_ns] : gone) {
        const auto record = table_->look_up(sock);
        if (record && RecordReader::number(*record, first_seen_) == first_seen_ns) {
            table_->remove(sock);
        }
    }
}

bool Collector::collect_closed() {
    if (!closed_) {
        return false;
    }
    closed_->collect();
    return closed_->any();
}

} // namespace tcp_stats
