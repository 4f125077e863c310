#include "snapshot/history.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tcp_stats {
namespace {

const Count *find(const std::vector<Count> &counts, std::string_view name) {
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const Count &count) { return count.name == name; });
    return found == counts.end() ? nullptr : &*found;
}

constexpr auto by_sock = [](const auto &one, const auto &other) { return one.sock < other.sock; };

} // namespace

Snapshot History::next(Reading reading) {
    const auto or_none = [&](std::shared_ptr<Records> records) -> std::shared_ptr<const Records> {
        return records ? std::move(records) : std::make_shared<const Records>(reader_.record_size());
    };
    Snapshot snapshot;
    snapshot.time_ns = reading.time_ns;
    snapshot.before_time_ns = before_time_ns_;
    snapshot.live = or_none(std::move(reading.live));
    snapshot.closed = closed_ = or_none(std::move(reading.closed));
    snapshot.before = before_;
    snapshot.refused = reading.refused;
    snapshot.flows.reserve(snapshot.live->size() + snapshot.closed->size());
    gone_.clear();
    sort(*snapshot.live, sorted_);
    sort(*snapshot.closed, sorted_closed_);
    match_with_before(sorted_);
    count_missed(reading, snapshot);
    add_live(reading, snapshot);
    add_closed(snapshot);

    first_ = false;
    had_untracked_ = find(snapshot.missed, "untracked") != nullptr;
    before_time_ns_ = reading.time_ns;
    missed_before_ = std::move(reading.missed);
    before_ = snapshot.live;
    closed_.reset();
    std::swap(sorted_before_, sorted_);
    std::swap(known_before_, known_);
    return snapshot;
}

void History::sort(const Records &records, std::vector<Entry> &entries) {
    entries.clear();
    entries.reserve(records.size());
    for (std::uint32_t i = 0; i < records.size(); ++i) {
        entries.push_back({records.sock(i), i});
    }
    // Equal ones, of which only closed flows have any, as they were.
    std::sort(entries.begin(), entries.end(), [](const Entry &one, const Entry &other) {
        return one.sock != other.sock ? one.sock < other.sock : one.record < other.record;
    });
}

void History::match_with_before(const std::vector<Entry> &sorted) {
    match_.assign(sorted.size(), Flow::none);
    auto before = sorted_before_.begin();
    for (const auto &[sock, record] : sorted) {
        while (before != sorted_before_.end() && before->sock < sock) {
            ++before;
        }
        if (before == sorted_before_.end()) {
            break;
        }
        if (before->sock == sock) {
            match_[record] = before->record;
        }
    }
}

std::uint32_t History::find_before(std::uint64_t sock) const {
    const auto found = std::lower_bound(sorted_before_.begin(), sorted_before_.end(), Entry{sock, 0}, by_sock);
    return found == sorted_before_.end() || found->sock != sock ? Flow::none : found->record;
}

bool History::is_same(Record now, Record before) const {
    return places_.first_seen_ns
               ? RecordReader::number(now, places_.first_seen_ns) == RecordReader::number(before, places_.first_seen_ns)
               : reader_.same_ends(now, before);
}

std::uint64_t History::sampled_ns(Record record, std::uint64_t time_ns) const {
    return places_.sampled_ns ? RecordReader::number(record, places_.sampled_ns) : time_ns;
}

void History::count_missed(const Reading &reading, Snapshot &snapshot) const {
    for (const auto &count : reading.missed) {
        // What the first walk finds is simply older than the monitor, and may have sent before that walk; later ones
        // find what had no room before.
        if ((first_ && (count.name == "found_by_walk" || count.name == "unrecorded")) ||
            (had_untracked_ && count.name == "found_by_walk")) {
            continue;
        }
        const auto *before = find(missed_before_, count.name);
        const auto grown = count.value - (before == nullptr ? 0 : std::min(before->value, count.value));
        if (grown != 0) {
            snapshot.missed.push_back({count.name, grown});
        }
    }
}

void History::add_live(const Reading &reading, Snapshot &snapshot) {
    const auto &records = *snapshot.live;
    const auto &walked = reading.walked_netns;
    const bool tells_walks = !walked.empty() && places_.sampled_ns && places_.netns;
    std::uint64_t stale = 0;
    std::uint64_t unwalked = 0;
    std::uint64_t incomplete = 0;
    known_.assign(records.size(), {});
    for (std::uint32_t i = 0; i < records.size(); ++i) {
        const auto sock = records.sock(i);
        const auto record = records[i];
        const auto first_seen = RecordReader::number(record, places_.first_seen_ns);
        if (places_.first_seen_ns && first_seen == 0) { // just being made; or done, and it could not be removed
            if (RecordReader::number(record, places_.last_state) == tcp_close) {
                gone_.push_back({sock, first_seen});
            }
            continue;
        }
        if (has_closed(sock, record)) {
            continue;
        }
        if (is_ghost(sock, record)) {
            gone_.push_back({sock, first_seen});
            continue;
        }
        const auto sampled = RecordReader::number(record, places_.sampled_ns);
        if (tells_walks && sampled < reading.time_ns && first_seen < reading.time_ns) {
            const auto netns = RecordReader::number(record, places_.netns); // 0: no sample was taken ever
            if (netns != 0 && walked.count(netns) == 0) {
                ++unwalked;
            } else if (match_[i] != Flow::none && known_before_[match_[i]].suspect &&
                       is_same(record, (*before_)[match_[i]])) {
                ++stale;
                gone_.push_back({sock, first_seen});
                continue;
            } else {
                known_[i].suspect = true;
            }
        }
        if (!reader_.is_complete(record)) {
            // A connect() that has not got its port yet is no loss; one that stays so is.
            incomplete += first_seen <= before_time_ns_ ? 1 : 0;
            continue;
        }
        if (places_.sampled_ns && sampled == 0) { // begun after the walk
            continue;
        }
        const auto made = flow(i, record, match_[i], reading.time_ns);
        known_[i].id = made.id;
        snapshot.flows.push_back(made);
    }
    for (const auto &count : {Count{"stale", stale}, Count{"unwalked", unwalked}, Count{"incomplete", incomplete}}) {
        if (count.value != 0) {
            snapshot.missed.push_back(count);
        }
    }
}

void History::add_closed(Snapshot &snapshot) {
    const auto &records = *snapshot.closed;
    for (std::uint32_t i = 0; i < records.size(); ++i) {
        auto made = flow(i, records[i], find_before(records.sock(i)), snapshot.time_ns);
        made.closed = true;
        snapshot.flows.push_back(made);
    }
    snapshot.closed_count = records.size();
}

/// Whether `record`, read from the table, has closed meanwhile.
bool History::has_closed(std::uint64_t sock, Record record) const {
    const auto [begin, end] = std::equal_range(sorted_closed_.begin(), sorted_closed_.end(), Entry{sock, 0}, by_sock);
    return std::any_of(begin, end, [&](const Entry &entry) { return is_same(record, (*closed_)[entry.record]); });
}

/// Whether a walk made `record` of a connection that was closing.
bool History::is_ghost(std::uint64_t sock, Record record) const {
    const auto [begin, end] = std::equal_range(sorted_closed_.begin(), sorted_closed_.end(), Entry{sock, 0}, by_sock);
    return begin != end && RecordReader::number(record, places_.opened_ns) == 0 &&
           std::any_of(begin, end,
                       [&](const Entry &entry) { return reader_.same_ends(record, (*closed_)[entry.record]); });
}

/// `match`: the record before of its socket.
Flow History::flow(std::uint32_t record, Record now, std::uint32_t match, std::uint64_t time_ns) {
    Flow made{.id = 0, .record = record};
    if (match != Flow::none && known_before_[match].id != 0) {
        const auto before = (*before_)[match];
        if (is_same(now, before)) {
            made.id = known_before_[match].id;
            const bool later = sampled_ns(now, time_ns) > sampled_ns(before, before_time_ns_);
            made.before = later ? match : Flow::none;
        }
    }
    made.id = made.id == 0 ? ++last_id_ : made.id;
    return made;
}

} // namespace tcp_stats
