#include "column/column.h"

#include <algorithm>
#include <cmath>

#include <sys/socket.h>

namespace tcp_stats {
namespace {

constexpr double ns_per_s = 1e9;

Value in_percent(const std::optional<LimitShares> &shares, Limit limit) {
    return shares ? Value(std::uint64_t(std::lround(shares->share[static_cast<std::size_t>(limit)] * 100))) : Value();
}

} // namespace

RowValues::RowValues(const Row &row) : row_(row) {
    if (!row.snapshot->groups) {
        record_ = row.record();
        before_ = row.has_before() ? row.before() : Record();
    }
}

Value RowValues::of_another_origin(const Column &column) {
    switch (column.origin) {
    case Column::Origin::end:
        return end(column);
    case Column::Origin::computed:
        return computed(column);
    case Column::Origin::cell:
        return row_.snapshot->groups->cell(row_.index, column.cell);
    default:
        break;
    }
    return {};
}

Value RowValues::end(const Column &column) const {
    const auto &reader = column.context->reader;
    switch (column.field->end) {
    case End::local_address:
        return reader.local(record_).address;
    case End::local_port:
        return std::uint64_t(reader.local(record_).port);
    case End::remote_address:
        return reader.remote(record_).address;
    case End::remote_port:
        return std::uint64_t(reader.remote(record_).port);
    case End::family:
        return Word{Naming::family,
                    std::uint64_t(reader.local(record_).address.family == AddressFamily::ipv6 ? AF_INET6 : AF_INET)};
    case End::local:
        return reader.local(record_);
    case End::remote:
        return reader.remote(record_);
    case End::none:
        break;
    }
    return {};
}

Value RowValues::computed(const Column &column) {
    const auto &places = column.context->reader.places();
    switch (column.field->source) {
    case Source::rate:
        return rate(column);
    case Source::limit:
        return shares(places) ? Value(Word{Naming::limit, std::uint64_t(shares_->largest)}) : Value();
    case Source::most_share:
        return shares(places) ? in_percent(shares_, shares_->largest) : Value();
    case Source::share:
        return in_percent(shares(places), column.field->limit);
    case Source::duration:
        return ms_since(places.opened_ns, places);
    case Source::state_time:
        return ms_since(places.state_since_ns, places);
    case Source::cgroup_path: {
        const auto id = RecordReader::number(record_, places.cgroup);
        const auto path = id == 0 ? std::string_view() : std::string_view(column.context->cgroup_path(id));
        return path.empty() ? Value() : path;
    }
    default:
        return {};
    }
}

/// Absent on first sight and when the counter went backwards.
Value RowValues::rate(const Column &column) const {
    if (before_.empty() || !column.place) {
        return {};
    }
    const auto then = RecordReader::number(before_, column.place);
    const auto now = RecordReader::number(record_, column.place);
    return now < then ? Value() : static_cast<double>(now - then) / elapsed_s(column.context->reader.places());
}

/// Until its close, or the snapshot's time: what began during its walk lasts for 0 ms then.
Value RowValues::ms_since(const Place &began, const KnownPlaces &places) const {
    const auto since = RecordReader::number(record_, began);
    const auto closed = RecordReader::number(record_, places.closed_ns);
    const auto end = closed != 0     ? closed
                     : row_.closed() ? sampled_ns(record_, places, row_.snapshot->time_ns)
                                     : std::max(since, row_.snapshot->time_ns);
    return since == 0 || end < since ? Value() : std::uint64_t((end - since) / 1'000'000);
}

double RowValues::elapsed_s(const KnownPlaces &places) const {
    return static_cast<double>(sampled_ns(record_, places, row_.snapshot->time_ns) -
                               sampled_ns(before_, places, row_.snapshot->before_time_ns)) /
           ns_per_s;
}

const std::optional<LimitShares> &RowValues::shares(const KnownPlaces &places) {
    if (!has_shares_) {
        has_shares_ = true;
        shares_ = limit_shares_of(row_, places, false);
    }
    return shares_;
}

} // namespace tcp_stats
