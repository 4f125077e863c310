#include "snapshot/snapshot.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace tcp_stats {
namespace {

const Count *find(const std::vector<Count> &counts, std::string_view name) {
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const Count &count) { return count.name == name; });
    return found == counts.end() ? nullptr : &*found;
}

Value in_percent(double share) { return std::uint64_t(std::lround(share * 100)); }

} // namespace

bool is_missing_now(std::string_view name) { return name == "untracked" || name == "unwalked" || name == "incomplete"; }

const std::vector<const Field *> &derived_fields() {
    static const auto fields = [] {
        std::vector<const Field *> derived;
        for (const auto &field : known_fields()) {
            if (field.source == Source::derived) {
                derived.push_back(&field);
            }
        }
        return derived;
    }();
    return fields;
}

/// The last records of a reading, by socket.
class History::Closed {
public:
    Closed(const History &history, const RawEntries &entries) : history_(history), entries_(entries) {
        for (std::size_t i = 0; i < entries.keys.size(); ++i) {
            by_sock_.emplace(entries.keys[i], i);
        }
    }

    /// Whether `record`, read from the table, has closed meanwhile.
    bool has(std::uint64_t sock, Record record) const {
        return any(sock, [&](Record closed) {
            return history_.first_seen_ ? RecordReader::number(record, history_.first_seen_) ==
                                              RecordReader::number(closed, history_.first_seen_)
                                        : same_ends(record, closed);
        });
    }

    /// Whether a walk made `record` of a connection that was closing.
    bool has_ghost(std::uint64_t sock, Record record) const {
        return RecordReader::number(record, history_.opened_) == 0 &&
               any(sock, [&](Record closed) { return same_ends(record, closed); });
    }

private:
    bool same_ends(Record one, Record other) const {
        const auto &reader = history_.reader_;
        return reader.local(one) == reader.local(other) && reader.remote(one) == reader.remote(other);
    }

    template <typename Condition> bool any(std::uint64_t sock, Condition condition) const {
        const auto [begin, end] = by_sock_.equal_range(sock);
        return std::any_of(begin, end,
                           [&](const auto &entry) { return condition(history_.record_of(entries_, entry.second)); });
    }

    const History &history_;
    const RawEntries &entries_;
    std::unordered_multimap<std::uint64_t, std::size_t> by_sock_;
};

History::History(const RecordReader &reader, std::function<std::string(std::uint64_t)> cgroup_path)
    : reader_(reader), cgroup_path_(std::move(cgroup_path)), first_seen_(reader.integer("first_seen_ns")),
      opened_(reader.integer("opened_ns")), sampled_(reader.integer("sampled_ns")),
      closed_(reader.integer("closed_ns")), netns_(reader.integer("netns")), cgroup_(reader.integer("cgroup")),
      busy_(reader.integer("busy_us")), rwnd_limited_(reader.integer("rwnd_limited_us")),
      sndbuf_limited_(reader.integer("sndbuf_limited_us")), recovery_(reader.integer("recovery_us")),
      cwnd_limited_(reader.integer("cwnd_limited")), sndbuf_full_(reader.integer("sndbuf_full")),
      notsent_(reader.integer("notsent")), mss_(reader.integer("mss")), bytes_sent_(reader.integer("bytes_sent")) {
    for (const auto *field : derived_fields()) {
        rate_of_.push_back(field->rate_of == nullptr ? std::nullopt : reader.integer(field->rate_of));
    }
}

Record History::record_of(const RawEntries &entries, std::size_t index) const {
    return Record(entries.values).subspan(index * reader_.record_size(), reader_.record_size());
}

std::uint64_t History::sampled_ns(Record record, std::uint64_t time_ns) const {
    return sampled_ ? RecordReader::number(record, sampled_) : time_ns;
}

Snapshot History::next(Reading reading) {
    Snapshot snapshot;
    snapshot.reading = std::move(reading);
    const auto &now = snapshot.reading;
    snapshot.flows.reserve(now.live.keys.size() + now.closed.keys.size());
    const Closed closed(*this, now.closed);
    count_missed(snapshot);
    add_live(snapshot, closed);
    for (std::size_t i = 0; i < now.closed.keys.size(); ++i) {
        snapshot.flows.push_back(flow(now.closed.keys[i], record_of(now.closed, i), now.time_ns, true));
    }
    known_ = std::exchange(now_known_, {});

    first_ = false;
    had_untracked_ = find(snapshot.missed, "untracked") != nullptr;
    previous_time_ns_ = now.time_ns;
    previous_ = now.live;
    previous_missed_ = now.missed;
    previous_index_.clear();
    for (std::size_t i = 0; i < previous_.keys.size(); ++i) {
        previous_index_.emplace(previous_.keys[i], i);
    }
    return snapshot;
}

void History::add_live(Snapshot &snapshot, const Closed &closed) {
    const auto &now = snapshot.reading;
    std::uint64_t stale = 0;
    std::uint64_t unwalked = 0;
    std::uint64_t incomplete = 0;
    std::unordered_map<std::uint64_t, std::uint64_t> suspects;
    for (std::size_t i = 0; i < now.live.keys.size(); ++i) {
        const auto sock = now.live.keys[i];
        const auto record = record_of(now.live, i);
        const auto first_seen = RecordReader::number(record, first_seen_);
        if (closed.has(sock, record) || (first_seen_ && first_seen == 0)) { // 0: just being made
            continue;
        }
        if (closed.has_ghost(sock, record)) {
            snapshot.gone.push_back({sock, first_seen});
            continue;
        }
        if (!now.walked_netns.empty() && sampled_ && netns_ && RecordReader::number(record, sampled_) < now.time_ns &&
            first_seen < now.time_ns) {
            const auto netns = RecordReader::number(record, netns_); // 0: no sample was taken ever
            if (netns != 0 && now.walked_netns.count(netns) == 0) {
                ++unwalked;
            } else if (const auto suspect = suspects_.find(sock);
                       suspect != suspects_.end() && suspect->second == first_seen) {
                ++stale;
                snapshot.gone.push_back({sock, first_seen});
                continue;
            } else {
                suspects.emplace(sock, first_seen);
            }
        }
        if (!reader_.is_complete(record)) {
            // A connect() that has not got its port yet is no loss; one that stays so is.
            incomplete += first_seen <= previous_time_ns_ ? 1 : 0;
            continue;
        }
        if (sampled_ && RecordReader::number(record, sampled_) == 0) { // begun after the walk
            continue;
        }
        snapshot.flows.push_back(flow(sock, record, now.time_ns, false));
    }
    suspects_ = std::move(suspects);
    for (const auto &count : {Count{"stale", stale}, Count{"unwalked", unwalked}, Count{"incomplete", incomplete}}) {
        if (count.value != 0) {
            snapshot.missed.push_back(count);
        }
    }
}

void History::count_missed(Snapshot &snapshot) {
    for (const auto &count : snapshot.reading.missed) {
        // What the first walk finds is simply older than the monitor, and may have sent before that walk; later ones
        // find what had no room before.
        if ((first_ && (count.name == "found_by_walk" || count.name == "unrecorded")) ||
            (had_untracked_ && count.name == "found_by_walk")) {
            continue;
        }
        const auto *before = find(previous_missed_, count.name);
        const auto grown = count.value - (before == nullptr ? 0 : std::min(before->value, count.value));
        if (grown != 0) {
            snapshot.missed.push_back({count.name, grown});
        }
    }
}

Flow History::flow(std::uint64_t sock, Record record, std::uint64_t time_ns, bool closed) {
    const auto id = id_of(sock, record);
    if (!closed) {
        now_known_[sock] = {RecordReader::number(record, first_seen_), reader_.local(record), reader_.remote(record),
                            id};
    }
    return {sock, id, closed, reader_.local(record), reader_.remote(record), record, derive(sock, record, time_ns)};
}

std::uint64_t History::id_of(std::uint64_t sock, Record record) {
    const auto known = known_.find(sock);
    const bool is_known =
        known != known_.end() &&
        (first_seen_ ? known->second.first_seen_ns == RecordReader::number(record, first_seen_)
                     : known->second.local == reader_.local(record) && known->second.remote == reader_.remote(record));
    return is_known ? known->second.id : ++last_id_;
}

std::vector<Value> History::derive(std::uint64_t sock, Record record, std::uint64_t time_ns) const {
    const auto &fields = derived_fields();
    std::vector<Value> values(fields.size());
    const auto previous = previous_index_.find(sock);
    if (previous != previous_index_.end()) {
        const auto before = record_of(previous_, previous->second);
        const auto then_ns = sampled_ns(before, previous_time_ns_);
        const auto now_ns = sampled_ns(record, time_ns);
        if (RecordReader::number(before, first_seen_) == RecordReader::number(record, first_seen_) &&
            now_ns > then_ns && reader_.is_complete(before)) {
            values = rates_and_limits(before, record, static_cast<double>(now_ns - then_ns) / 1e9);
        }
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::string_view name = fields[i]->name;
        if (name == "cgroup_path") {
            const auto id = RecordReader::number(record, cgroup_);
            auto path = id == 0 ? std::string() : cgroup_path_(id);
            values[i] = path.empty() ? Value() : Value(std::move(path));
        } else if (name == "duration_ms") {
            const auto opened = RecordReader::number(record, opened_);
            const auto closed = RecordReader::number(record, closed_);
            const auto end = closed != 0 ? closed : sampled_ns(record, time_ns);
            values[i] = opened == 0 || end < opened ? Value() : Value(std::uint64_t((end - opened) / 1'000'000));
        }
    }
    return values;
}

LimitCounters History::limit_counters(Record record) const {
    const auto number = [&](const std::optional<RecordField> &field) { return RecordReader::number(record, field); };
    const auto notsent = number(notsent_);
    return {.busy_us = number(busy_),
            .rwnd_limited_us = number(rwnd_limited_),
            .sndbuf_limited_us = number(sndbuf_limited_),
            .recovery_us = number(recovery_),
            .bytes_sent = number(bytes_sent_),
            // Less than a segment may be waiting for more to come (Nagle, TCP_CORK).
            .cwnd_limited = number(cwnd_limited_) != 0 || (notsent > 0 && notsent >= number(mss_)),
            .sndbuf_limited = number(sndbuf_full_) != 0 && notsent == 0};
}

std::vector<Value> History::rates_and_limits(Record before, Record now, double elapsed_s) const {
    const auto &fields = derived_fields();
    std::vector<Value> values(fields.size());
    const auto shares =
        busy_ ? limit_shares(limit_counters(before), limit_counters(now), elapsed_s * 1e6) : std::nullopt;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::string_view name = fields[i]->name;
        if (rate_of_[i]) {
            const auto then = RecordReader::number(before, rate_of_[i]);
            const auto later = RecordReader::number(now, rate_of_[i]);
            if (later >= then) {
                values[i] = static_cast<double>(later - then) / elapsed_s;
            }
        } else if (!shares) {
            continue;
        } else if (name == "limit") {
            values[i] = std::string(to_string(shares->largest));
        } else if (name == "limit_pct") {
            values[i] = in_percent(shares->share[static_cast<std::size_t>(shares->largest)]);
        } else {
            for (std::size_t limit = 0; limit < limit_count; ++limit) {
                if (name == std::string(to_string(static_cast<Limit>(limit))) + "_pct") {
                    values[i] = in_percent(shares->share[limit]);
                }
            }
        }
    }
    return values;
}

} // namespace tcp_stats
