#include "kernel/collector.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <bpf/bpf.h>

namespace tcp_stats {
namespace {

/// A walk over all open files costs more than one over the sockets: for owners not more often than this, and for flows
/// whose process an earlier one did not find (none had accepted them yet, or none ever will) not more often than that.
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
    auto sockets = BpfIterator::load(program, "tcp");
    auto files = BpfIterator::load(program, "task_file");
    if (!sockets || !files) {
        return tl::unexpected(sockets ? files.error() : sockets.error());
    }
    if (*sockets) {
        // A condition refuses some before they have a record, and listening sockets get none when they begin.
        const bool listening = static_cast<bool>(reader.integer("acceptq"));
        collector.sockets_.emplace(std::move(**sockets), !program.compiled().has_condition && !listening);
    }
    collector.files_ = std::move(*files);
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
    const auto began = program.map("walk_began_ns");
    if (began && began->description->type == BPF_MAP_TYPE_ARRAY &&
        began->description->value_size == sizeof(Reading::time_ns)) {
        collector.began_fd_ = began->fd;
    }
    return collector;
}

Result<Reading> Collector::read(const Hooks &hooks) {
    Reading reading;
    reading.live = pool_.take();
    reading.time_ns = monotonic_ns();
    if (sockets_) {
        if (began_fd_ >= 0) {
            const std::uint32_t first = 0;
            bpf_map_update_elem(began_fd_, &first, &reading.time_ns, BPF_ANY); // to an array: it cannot fail
        }
        auto walked = sockets_->walk();
        if (!walked && !walked_) {
            return tl::unexpected(walked.error());
        }
        walked_ = true;
        // No namespace has the number 0: nothing was walked, and the snapshot says so.
        reading.walked_netns = walked ? std::move(*walked) : std::unordered_set<std::uint64_t>{0};
    }
    if (auto live = read_table(reading); !live) {
        return tl::unexpected(live.error());
    }
    if (walk_other_namespaces(reading)) {
        if (auto live = read_table(reading); !live) {
            return tl::unexpected(live.error());
        }
    }
    if (files_ && wants_files(reading)) {
        files_walked_ns_ = monotonic_ns();
        files_->run(); // who is not found stays unknown
        if (auto live = read_table(reading); !live) {
            return tl::unexpected(live.error());
        }
    }
    reading.refused = newly_refused();
    collect_closed();
    if (closed_) {
        reading.closed = closed_->take();
    }
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

bool Collector::may_read(const Hooks &hooks) const {
    return table_->may_be_read() && hooks.may_be_asked() && (!sockets_ || sockets_->may_walk()) &&
           (!files_ || files_->may_run());
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

Result<void> Collector::read_table(Reading &reading) {
    const auto restarts = table_->read(*reading.live);
    if (!restarts) {
        return tl::unexpected(restarts.error());
    }
    restarts_ += *restarts;
    return {};
}

bool Collector::walk_other_namespaces(Reading &reading) {
    if (!sockets_ || !places_->netns) {
        return false;
    }
    std::unordered_map<std::uint64_t, std::uint64_t> began_ns;
    for (std::size_t i = 0; i < reading.live->size(); ++i) {
        const auto record = (*reading.live)[i];
        const auto netns = RecordReader::number(record, places_->netns); // 0: no sample was taken ever
        if (netns != 0 && !reading.walked_netns.contains(netns)) {
            auto &newest = began_ns[netns];
            newest = std::max(newest, RecordReader::number(record, places_->first_seen_ns));
        }
    }
    const auto walked = sockets_->walk_others(began_ns);
    reading.walked_netns.insert(walked.begin(), walked.end());
    return !walked.empty();
}

bool Collector::wants_files(const Reading &reading) const {
    if (files_walked_ns_ == 0) {
        return true;
    }
    const auto since_last_ns = monotonic_ns() - files_walked_ns_;
    const auto has_unknown_owner = [&](Record record) {
        return places_->first_seen_ns && places_->pid && since_last_ns >= between_owner_walks_ns &&
               RecordReader::number(record, places_->pid) == 0 &&
               (since_last_ns >= before_looking_again_ns ||
                RecordReader::number(record, places_->first_seen_ns) > files_walked_ns_);
    };
    for (std::size_t i = 0; i < reading.live->size(); ++i) {
        const auto record = (*reading.live)[i];
        if (has_unknown_owner(record) || was_passed_over(record, reading)) {
            return true;
        }
    }
    return false;
}

bool Collector::was_passed_over(Record record, const Reading &reading) const {
    return places_->first_seen_ns && places_->sampled_ns && places_->netns &&
           RecordReader::number(record, places_->sampled_ns) < reading.time_ns &&
           RecordReader::number(record, places_->first_seen_ns) < reading.time_ns &&
           reading.walked_netns.contains(RecordReader::number(record, places_->netns));
}

void Collector::remove(const std::vector<GoneRecord> &gone) {
    for (const auto &[sock, first_seen_ns] : gone) {
        const auto record = table_->look_up(sock);
        if (record && RecordReader::number(*record, places_->first_seen_ns) == first_seen_ns) {
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
