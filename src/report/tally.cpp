#include "report/tally.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "snapshot/trouble.h"

namespace tcp_stats {
namespace {

/// In the order of Grown::Counter.
constexpr std::array<const char *, Grown::counters> counter_names = {"bytes",
                                                                     "bytes_received",
                                                                     "pkts",
                                                                     "retr",
                                                                     "retr_fast",
                                                                     "retr_rto",
                                                                     "retr_probe",
                                                                     "retr_syn",
                                                                     "busy_us",
                                                                     "rwnd_limited_us",
                                                                     "sndbuf_limited_us",
                                                                     "recovery_us"};

/// A clock that goes ahead so far was set, or the host slept.
constexpr WallTime longest_hurry_ns = 60'000'000'000;

std::uint64_t number(const Column *column, const Row &row) {
    if (column == nullptr) {
        return 0;
    }
    const auto found = value(*column, row);
    const auto *number = std::get_if<std::uint64_t>(&found);
    return number == nullptr ? 0 : *number;
}

std::string text(const Column *column, const Row &row) {
    if (column == nullptr) {
        return {};
    }
    const auto found = value(*column, row);
    if (const auto *text = std::get_if<std::string_view>(&found)) {
        return std::string(*text);
    }
    if (const auto *word = std::get_if<Word>(&found)) {
        return std::string(name_of(*word));
    }
    if (const auto *address = std::get_if<Address>(&found)) {
        return fmt::format("{}", *address);
    }
    if (const auto *end = std::get_if<Endpoint>(&found)) {
        return fmt::format("{}", *end);
    }
    return {};
}

/// 0 stands for a value that is not known.
template <typename Number> Number least(Number one, Number other) {
    return one == 0 || other == 0 ? std::max(one, other) : std::min(one, other);
}

/// What makes one connection worse than another.
auto badness(const Course &course) {
    const auto rtt_us = static_cast<double>(course.least_rtt_us);
    return std::tuple(course.grown[Grown::retransmits], course.grown[Grown::recovery_us],
                      rtt_us > 0 ? static_cast<double>(course.highest_rtt_us) / rtt_us : 0);
}

bool is_worse(const Course &one, const Course &other) { return badness(one) > badness(other); }

} // namespace

void Grown::add(const Grown &other) {
    for (std::size_t i = 0; i < counters; ++i) {
        by[i] += other.by[i];
    }
}

void RttCounts::add(std::uint64_t us) {
    const auto place = std::log2(static_cast<double>(std::max<std::uint64_t>(us, 1))) * per_doubling;
    ++counts_[std::min(static_cast<std::size_t>(std::lround(place)), counts_.size() - 1)];
    ++total_;
}

void RttCounts::add(const RttCounts &other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        counts_[i] += other.counts_[i];
    }
    total_ += other.total_;
}

std::optional<double> RttCounts::percentile(double percent) const {
    if (total_ == 0) {
        return std::nullopt;
    }
    auto left = static_cast<std::int64_t>(std::ceil(static_cast<double>(total_) * percent / 100));
    std::size_t place = 0;
    while (place + 1 < counts_.size() && (left -= counts_[place]) > 0) {
        ++place;
    }
    return std::exp2(static_cast<double>(place) / per_doubling);
}

void HostPart::add(const HostPart &other) {
    seconds += other.seconds;
    grown.add(other.grown);
    opened += other.opened;
    failed += other.failed;
    reset += other.reset;
    timed_out += other.timed_out;
    rtt.add(other.rtt);
}

void FlowPart::add(const FlowPart &other) {
    seconds += other.seconds;
    sent += other.sent;
    retransmits += other.retransmits;
    rtt_us = std::max(rtt_us, other.rtt_us);
    cwnd = least(cwnd, other.cwnd);
}

Tally::Tally(const Columns &columns, const RecordReader &reader, std::vector<Filter> where)
    : where_(std::move(where)), rtt_(columns.find("rtt_us")), least_rtt_(columns.find("min_rtt_us")),
      cwnd_(columns.find("cwnd")), comm_(columns.find("comm")), pid_(columns.find("pid")),
      local_(columns.find("local")), remote_(columns.find("remote")), daddr_(columns.find("daddr")),
      sport_(columns.find("sport")), dport_(columns.find("dport")), role_(columns.find("role")),
      ended_(columns.find("ended")), error_(columns.find("error")), places_(reader.places()) {
    for (std::size_t i = 0; i < counters_.size(); ++i) {
        counters_[i] = columns.find(counter_names[i]);
    }
}

bool Tally::knows(Grown::Counter counter) const { return counters_[counter] != nullptr; }

/// Time goes on by CLOCK_MONOTONIC, as long as one run lasts: the clock may be set back meanwhile. Returns how long it
/// is since the snapshot before; 0: there was none.
WallTime Tally::tell_time(const Snapshot &snapshot) {
    const auto clock = std::chrono::duration_cast<std::chrono::nanoseconds>(snapshot.time.time_since_epoch()).count();
    const auto elapsed = snapshot.before_time_ns == 0 || snapshot.before_time_ns > snapshot.time_ns
                             ? 0
                             : static_cast<WallTime>(snapshot.time_ns - snapshot.before_time_ns);
    const auto next = time_ + elapsed;
    const bool is_anew = elapsed == 0 || clock - next > longest_hurry_ns;
    time_ = is_anew ? std::max(time_, clock) : next;
    begin_ = begin_ == 0 ? time_ - elapsed : begin_;
    return elapsed;
}

/// Whether the snapshots before it could not be recorded: connections that are known have no record before, and no
/// other has one.
bool Tally::follows_gap(const Snapshot &snapshot) const {
    bool something = false;
    for (const auto &flow : snapshot.flows) {
        if (flow.before != Flow::none) {
            return false;
        }
        something = something || seen_.contains(flow.id);
    }
    return something;
}

void Tally::take(const Snapshot &snapshot) {
    elapsed_ = tell_time(snapshot);
    ++round_;
    if (follows_gap(snapshot)) {
        blank_until_ = time_;
        elapsed_ = 0;
    }
    HostPart part;
    part.seconds = static_cast<double>(elapsed_) / 1e9;
    for (std::size_t i = 0; i < snapshot.flows.size(); ++i) {
        const Row row{&snapshot, i};
        if (RecordReader::number(row.record(), places_.last_state) == tcp_listen) {
            continue;
        }
        matches(row, where_) ? take_flow(row, part) : pass_by(row);
    }
    finish_unseen();
    all_.add(part);
    if (elapsed_ > 0) {
        series_.add(time_ - elapsed_, part);
    }
    for (const auto &[name, count] : snapshot.missed) {
        auto &known = missed_[name];
        known = is_missing_now(name) ? std::max(known, count) : known + count;
    }
    last_ = snapshot;
    last_.groups.reset();
}

/// What its counters grew by since they were seen last; `seen`: null where that is now.
Grown Tally::growth(const Row &row, const Seen *seen) const {
    Grown grown;
    Record before;
    if (row.has_before()) {
        before = row.before();
    } else if (seen != nullptr) { // the same connection, behind a gap
        before = Row{&last_, seen->row}.record();
    } else if (!began_since_the_one_before(row, places_)) {
        return grown;
    }
    for (std::size_t i = 0; i < counters_.size(); ++i) {
        if (counters_[i] != nullptr) {
            const auto now = RecordReader::number(row.record(), counters_[i]->place);
            const auto then = before.empty() ? 0 : RecordReader::number(before, counters_[i]->place);
            grown.by[i] = now > then ? now - then : 0;
        }
    }
    return grown;
}

void Tally::take_flow(const Row &row, HostPart &part) {
    const auto [found, is_new] = seen_.try_emplace(row.flow().id);
    auto &seen = found->second;
    auto &course = seen.course;
    const auto grown = growth(row, is_new ? nullptr : &seen);
    if (is_new) {
        const bool opened = !row.has_before() && began_since_the_one_before(row, places_);
        ++connections_;
        course.begin = course.known_until = time_ - (opened ? elapsed_ : 0);
        part.opened += opened ? 1 : 0;
    }
    part.grown.add(grown);
    course.grown.add(grown);
    course.end = time_;
    if (is_new || grown[Grown::sent] + grown[Grown::received] + grown[Grown::retransmits] > 0) {
        const auto rtt_us = number(rtt_, row);
        if (rtt_us != 0) {
            part.rtt.add(rtt_us);
        }
        course.highest_rtt_us = std::max(course.highest_rtt_us, rtt_us);
        course.least_rtt_us = least(course.least_rtt_us, least_rtt_ == nullptr ? rtt_us : number(least_rtt_, row));
        go_on(course, {.seconds = static_cast<float>(part.seconds),
                       .sent = static_cast<float>(grown[Grown::sent]),
                       .retransmits = static_cast<float>(grown[Grown::retransmits]),
                       .rtt_us = static_cast<float>(rtt_us),
                       .cwnd = static_cast<float>(number(cwnd_, row))});
    }
    seen.row = row.index;
    seen.round = round_;
    if (row.closed()) {
        const auto outcome = outcome_of({Naming::ending, RecordReader::number(row.record(), places_.ended)});
        part.failed += outcome == Outcome::failed ? 1 : 0;
        part.reset += outcome == Outcome::reset ? 1 : 0;
        part.timed_out += outcome == Outcome::timed_out ? 1 : 0;
        ++endings_[{text(ended_, row), text(error_, row)}];
        finish_flow(row, course, true);
        seen_.erase(found);
    }
}

/// The interval that ends now is a part of it. It did nothing since the one before.
void Tally::go_on(Course &course, const FlowPart &part) const {
    if (elapsed_ > 0) {
        rest_until(course, time_ - elapsed_);
        course.series.add(time_ - elapsed_, part);
    }
    course.known_until = time_;
}

/// Stretch by stretch: each has its own time.
void Tally::rest_until(Course &course, WallTime time) const {
    auto &series = course.series;
    for (auto from = std::max(course.known_until, blank_until_); from < time;) {
        const auto until = std::min(time, (from / series.length() + 1) * series.length());
        series.add(from, {.seconds = static_cast<float>(static_cast<double>(until - from) / 1e9)});
        from = until;
    }
}

/// A flow that does not meet the conditions now.
void Tally::pass_by(const Row &row) {
    const auto found = seen_.find(row.flow().id);
    if (found == seen_.end()) {
        return;
    }
    found->second.row = row.index;
    found->second.round = round_;
    if (row.closed()) {
        finish_flow(row, found->second.course, false);
        seen_.erase(found);
    }
}

/// Those that the snapshot has no more, though they did not close.
void Tally::finish_unseen() {
    for (auto one = seen_.begin(); one != seen_.end();) {
        if (one->second.round == round_) {
            ++one;
        } else {
            finish_flow({&last_, one->second.row}, one->second.course, false);
            one = seen_.erase(one);
        }
    }
}

void Tally::finish() {
    ++round_;
    finish_unseen();
}

/// `ended`: its end met the conditions too.
void Tally::finish_flow(const Row &row, Course &course, bool ended) {
    const auto outcome =
        ended ? outcome_of({Naming::ending, RecordReader::number(row.record(), places_.ended)}) : Outcome::in_order;
    for (auto *share : {&processes_[text(comm_, row)], &peers_[text(daddr_, row)], &services_[service(row)]}) {
        ++share->connections;
        share->sent += course.grown[Grown::sent];
        share->received += course.grown[Grown::received];
        share->retransmits += course.grown[Grown::retransmits];
        share->failed += outcome == Outcome::failed ? 1 : 0;
        share->reset += outcome == Outcome::reset ? 1 : 0;
    }
    rest_until(course, course.end);
    keep_if_bad(row, course, ended);
}

/// `443`, where this end accepted, or `to 443`.
std::string Tally::service(const Row &row) const {
    const auto local = number(sport_, row), remote = number(dport_, row);
    const auto role = text(role_, row);
    const bool accepted = role.empty() ? local < remote : role == "passive";
    return accepted ? fmt::format("{}", local) : fmt::format("to {}", remote);
}

void Tally::keep_if_bad(const Row &row, const Course &course, bool ended) {
    constexpr std::uint64_t long_queue_us = 10'000;
    const bool has_queue = course.least_rtt_us != 0 && course.highest_rtt_us > 2 * course.least_rtt_us + long_queue_us;
    if ((course.grown[Grown::retransmits] == 0 && !has_queue) ||
        (worst_.size() == most_worst && !is_worse(course, worst_.back().course))) {
        return;
    }
    if (worst_.size() == most_worst) {
        worst_.pop_back();
    }
    auto process = text(comm_, row);
    if (const auto pid = number(pid_, row)) {
        process += fmt::format(" ({})", pid);
    }
    Troubled one{
        course, text(local_, row), text(remote_, row), std::move(process), text(ended_, row), text(error_, row), ended};
    const auto place =
        std::upper_bound(worst_.begin(), worst_.end(), one, [](const Troubled &new_one, const Troubled &other) {
            return is_worse(new_one.course, other.course);
        });
    worst_.insert(place, std::move(one));
}

} // namespace tcp_stats
