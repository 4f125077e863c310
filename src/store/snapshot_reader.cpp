#include "store/snapshot_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

constexpr auto any_snapshot = "SELECT id, run, time, time_ns, first_sample, last_sample, refused FROM snapshots ";

std::string from_hexadecimal(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 2 <= text.size(); i += 2) {
        unsigned char byte = 0;
        std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

void put_bytes(std::vector<std::byte> &record, const Place &place, const void *bytes, std::size_t size) {
    std::memcpy(record.data() + place.offset, bytes, std::min<std::size_t>(size, place.size));
}

void put_number(std::vector<std::byte> &record, const Place &place, std::uint64_t number) {
    put_bytes(record, place, &number, sizeof(number));
}

std::string columns_of(const std::vector<StoredField> &fields) {
    std::string text;
    for (const auto &field : fields) {
        text += ", " + quoted(field.column);
    }
    return text;
}

std::vector<StoredField> chosen(const std::vector<StoredField> &fields, bool details) {
    std::vector<StoredField> some;
    std::copy_if(fields.begin(), fields.end(), std::back_inserter(some),
                 [&](const StoredField &field) { return field.is_detail == details; });
    return some;
}

} // namespace

SnapshotReader::SnapshotReader(Recording &recording)
    : recording_(recording), details_(chosen(recording.fields(), true)), numbers_(chosen(recording.fields(), false)),
      snapshots_(recording.database(), std::string(any_snapshot) + "WHERE id > ? ORDER BY id LIMIT 1"),
      samples_(recording.database(), "SELECT flow, details, offset_ns, elapsed_ns" + columns_of(numbers_) +
                                         " FROM sample_rows WHERE id BETWEEN ? AND ? ORDER BY id"),
      details_of_(recording.database(), "SELECT flow" + columns_of(details_) + " FROM flow_details WHERE id = ?"),
      absent_(recording.database(), "SELECT flow FROM absences WHERE since = ?"),
      closed_(recording.database(), "SELECT id FROM flow_rows WHERE closed_in = ?"),
      missed_(recording.database(), "SELECT name, count FROM missed WHERE snapshot = ? ORDER BY name"),
      pool_(recording.reader().record_size()) {}

void SnapshotReader::go_before(std::int64_t snapshot) {
    SQLite::Statement begin(
        recording_.database(),
        "SELECT coalesce(max(s.id), 0) FROM snapshots s JOIN snapshots t ON t.id = ? AND s.run = t.run "
        "WHERE s.time_ns <= t.time_ns - ?");
    begin.bind(1, snapshot);
    begin.bind(2, static_cast<std::int64_t>(refresh_ns));
    begin.executeStep();
    auto first = begin.getColumn(0).getInt64() - 1;
    if (first <= 0) {
        SQLite::Statement of_run(recording_.database(),
                                 "SELECT min(id) FROM snapshots WHERE run = (SELECT run FROM snapshots WHERE id = ?)");
        of_run.bind(1, snapshot);
        of_run.executeStep();
        first = of_run.getColumn(0).getInt64();
    }
    id_ = first - 1;
    run_ = 0;
}

std::optional<Snapshot> SnapshotReader::next() {
    snapshots_.reset(); // a recorder that runs may begin its log anew meanwhile
    snapshots_.bind(1, id_);
    if (!snapshots_.executeStep()) {
        snapshots_.reset();
        return std::nullopt;
    }
    const auto id = snapshots_.getColumn(0).getInt64();
    if (id <= id_) { // it would begin anew again and again
        throw SQLite::Exception(tr("its snapshots are out of order"));
    }
    id_ = id;
    const auto run = snapshots_.getColumn(1).getInt64();
    const auto time_ns = static_cast<std::uint64_t>(snapshots_.getColumn(3).getInt64());
    time_ = snapshots_.getColumn(2).getInt64();
    const auto number_or_nothing = [&](int column) {
        const auto value = snapshots_.getColumn(column);
        return value.isNull() ? std::optional<std::int64_t>() : value.getInt64();
    };
    const auto first_sample = number_or_nothing(4);
    const auto last_sample = number_or_nothing(5);
    const auto refused = number_or_nothing(6);
    snapshots_.reset();
    if (run != run_) {
        run_ = run;
        SQLite::Statement host(recording_.database(), "SELECT host FROM runs WHERE id = ?");
        host.bind(1, run);
        host_ = host.executeStep() ? host.getColumn(0).getInt64() : 0;
        flows_.clear();
        before_.reset();
        before_time_ns_ = 0;
    }
    const auto each = [&](SQLite::Statement &statement, auto use) {
        statement.bind(1, id);
        while (statement.executeStep()) {
            use(statement.getColumn(0).getInt64());
        }
        statement.reset();
    };
    each(absent_, [&](std::int64_t flow) { flows_.erase(flow); });
    if (first_sample && last_sample) {
        read_samples(*first_sample, *last_sample, time_ns);
    }
    each(closed_, [&](std::int64_t flow) {
        if (const auto found = flows_.find(flow); found != flows_.end()) {
            found->second.closed = true;
        }
    });
    auto snapshot = made(id, time_, time_ns);
    if (refused) {
        snapshot.refused = static_cast<std::uint64_t>(*refused);
    }
    return snapshot;
}

void SnapshotReader::read_samples(std::int64_t first, std::int64_t last, std::uint64_t time_ns) {
    samples_.bind(1, first);
    samples_.bind(2, last);
    while (samples_.executeStep()) {
        auto &state = flows_[samples_.getColumn(0).getInt64()];
        state.record.resize(recording_.reader().record_size());
        if (const auto details = samples_.getColumn(1).getInt64(); details != state.details || details == 0) {
            read_details(state, details);
        }
        put_number(state.record, recording_.reader().places().sampled_ns,
                   time_ns + static_cast<std::uint64_t>(samples_.getColumn(2).getInt64()));
        state.elapsed_ns.reset();
        if (const auto elapsed = samples_.getColumn(3); elapsed.isInteger() && elapsed.getInt64() > 0) {
            state.elapsed_ns = static_cast<std::uint64_t>(elapsed.getInt64());
        }
        state.sampled = true;
        for (std::size_t i = 0; i < numbers_.size(); ++i) {
            put(state, numbers_[i], samples_.getColumn(static_cast<int>(i) + 4));
        }
    }
    samples_.reset();
}

void SnapshotReader::read_details(State &state, std::int64_t details) {
    state.details = details;
    details_of_.bind(1, details);
    if (!details_of_.executeStep()) {
        throw SQLite::Exception(tr("a sample lacks what its connection is"));
    }
    for (std::size_t i = 0; i < details_.size(); ++i) {
        put(state, details_[i], details_of_.getColumn(static_cast<int>(i) + 1));
    }
    details_of_.reset();
}

void SnapshotReader::put(State &state, const StoredField &field, const SQLite::Column &value) const {
    const auto &place = field.place;
    const auto end = field.field == nullptr ? End::none : field.field->end;
    if (end == End::local_address || end == End::remote_address) {
        std::array<std::byte, sizeof(in6_addr)> bytes{};
        const auto text = value.getString();
        inet_pton(text.find(':') == std::string::npos ? AF_INET : AF_INET6, text.c_str(), bytes.data());
        put_bytes(state.record, place, bytes.data(), bytes.size());
    } else if (end == End::local_port || end == End::remote_port) {
        const auto port = static_cast<std::uint16_t>(value.getInt());
        put_number(state.record, place, end == End::remote_port ? htons(port) : port);
    } else if (field.kind == FieldKind::text || field.kind == FieldKind::bytes) {
        const auto text = value.getString();
        const auto bytes = field.kind == FieldKind::text ? unescaped(text) : from_hexadecimal(text);
        std::memset(state.record.data() + place.offset, 0, place.size);
        put_bytes(state.record, place, bytes.data(), bytes.size());
    } else {
        const bool all_ones = field.field != nullptr && field.field->absent == AbsentWhen::all_ones;
        put_number(state.record, place,
                   value.isNull() ? (all_ones ? ~std::uint64_t(0) : 0) : static_cast<std::uint64_t>(value.getInt64()));
    }
}

/// `records`, of which some were sampled at other times.
std::shared_ptr<const Records>
SnapshotReader::with_times(const Records &records, const std::unordered_map<std::uint32_t, std::uint64_t> &times) {
    const auto &sampled = recording_.reader().places().sampled_ns;
    auto corrected = pool_.take();
    const auto room = corrected->room_for(records.size());
    for (std::uint32_t i = 0; i < records.size(); ++i) {
        room.socks[i] = records.sock(i);
    }
    if (records.size() > 0) {
        std::copy_n(records[0].data(), records.size() * records.record_size(), room.records);
    }
    for (const auto &[index, time_ns] : times) {
        std::memcpy(room.records + index * records.record_size() + sampled.offset, &time_ns, sizeof(time_ns));
    }
    corrected->grow(records.size());
    return corrected;
}

Snapshot SnapshotReader::made(std::int64_t id, WallTime time, std::uint64_t time_ns) {
    const auto size = recording_.reader().record_size();
    const auto &sampled = recording_.reader().places().sampled_ns;
    const auto live = pool_.take();
    live->room_for(flows_.size());
    auto closed = std::make_shared<Records>(size);
    Snapshot snapshot;
    snapshot.time = time_point(time);
    snapshot.time_ns = time_ns;
    snapshot.before_time_ns = before_time_ns_;
    std::unordered_map<std::uint32_t, std::uint64_t> earlier; // records before that were sampled at another time
    std::vector<Flow> ended;
    for (auto at = flows_.begin(); at != flows_.end();) {
        auto &[number, state] = *at;
        Flow flow{.id = static_cast<std::uint64_t>(number)};
        if (!state.sampled) { // nothing has changed
            const auto then = RecordReader::number(state.record, sampled);
            put_number(state.record, sampled, time_ns);
            flow.before = then < time_ns ? state.before : Flow::none;
        } else if (state.elapsed_ns && state.before != Flow::none) {
            flow.before = state.before;
            const auto then = RecordReader::number(state.record, sampled) - *state.elapsed_ns;
            if (then != RecordReader::number((*before_)[flow.before], sampled)) {
                earlier[flow.before] = then;
            }
        }
        auto &records = state.closed ? *closed : *live;
        flow.record = static_cast<std::uint32_t>(records.size());
        flow.closed = state.closed;
        records.add(flow.id, state.record.data());
        state.sampled = false;
        state.before = flow.record;
        (state.closed ? ended : snapshot.flows).push_back(flow);
        at = state.closed ? flows_.erase(at) : std::next(at);
    }
    snapshot.before = earlier.empty() ? before_ : with_times(*before_, earlier);
    snapshot.closed_count = ended.size();
    snapshot.flows.insert(snapshot.flows.end(), ended.begin(), ended.end());
    snapshot.live = before_ = live;
    snapshot.closed = closed;
    before_time_ns_ = time_ns;
    missed_.bind(1, id);
    while (missed_.executeStep()) {
        snapshot.missed.push_back({printable_word(missed_.getColumn(0).getString()),
                                   static_cast<std::uint64_t>(missed_.getColumn(1).getInt64())});
    }
    missed_.reset();
    return snapshot;
}

} // namespace tcp_stats
