#include "store/replay.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/printable.h"
#include "base/translate.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
/// In the year 2116.
constexpr WallTime latest_time = std::numeric_limits<WallTime>::max() / 2;
/// A field of more bytes is none that was recorded.
constexpr std::int64_t largest_field = 4096;

constexpr auto any_snapshot = "SELECT id, run, time, time_ns, first_sample, last_sample, refused FROM snapshots ";

std::chrono::system_clock::time_point time_point(WallTime time) {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(time)));
}

tl::unexpected<Error> damaged(const std::filesystem::path &path, const std::string &what) {
    return fail(ErrorKind::not_a_recording,
                tr("--replay {}: the recording is damaged: {}; sqlite3 with .recover may save what is left",
                   path.string(), what));
}

/// Its size in the records that are made here: numbers are not as they were in the program's.
std::size_t size_of(const StoredField &field) {
    const auto end = field.field == nullptr ? End::none : field.field->end;
    if (end == End::local_port || end == End::remote_port) {
        return sizeof(std::uint16_t);
    }
    const bool is_address = end == End::local_address || end == End::remote_address;
    const bool is_number = field.kind == FieldKind::unsigned_integer || field.kind == FieldKind::signed_integer;
    return is_number && !is_address ? sizeof(std::uint64_t) : field.size;
}

/// What `printable_ascii` was given.
std::string unescaped(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const auto *digits = text.data() + i + 2;
        if (text.substr(i).starts_with("\\x") && i + 4 <= text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            bytes += static_cast<char>(byte);
            i += 3;
        } else {
            bytes += text[i];
        }
    }
    return bytes;
}

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

Result<std::unique_ptr<Recording>> Recording::open(const std::filesystem::path &path) {
    auto database = open_recording(path);
    if (!database) {
        return tl::unexpected(database.error());
    }
    std::unique_ptr<Recording> recording(new Recording(path, std::move(*database)));
    try {
        if (!recording->database_->tableExists("snapshots")) {
            return fail(ErrorKind::not_a_recording, tr("--replay {}: no snapshot was recorded", path.string()));
        }
        if (auto read = recording->read_fields(); !read) {
            return tl::unexpected(read.error());
        }
        SQLite::Statement range(*recording->database_, "SELECT min(time), max(time) FROM snapshots");
        range.executeStep();
        if (range.getColumn(0).isNull()) {
            return fail(ErrorKind::not_a_recording, tr("--replay {}: no snapshot was recorded", path.string()));
        }
        recording->begin_ = range.getColumn(0).getInt64();
        recording->end_ = range.getColumn(1).getInt64();
        if (recording->begin_ < 0 || recording->end_ > latest_time) {
            return damaged(path, tr("it has a snapshot of a time that cannot be"));
        }
        SQLite::Statement cgroups(*recording->database_, "SELECT host, id, path FROM cgroups");
        while (cgroups.executeStep()) {
            recording->cgroups_[{cgroups.getColumn(0).getInt64(),
                                 static_cast<std::uint64_t>(cgroups.getColumn(1).getInt64())}] =
                unescaped(cgroups.getColumn(2).getString());
        }
    } catch (const SQLite::Exception &exception) {
        return damaged(path, exception.what());
    }
    return recording;
}

Result<void> Recording::read_fields() {
    std::vector<RecordField> layout;
    std::size_t offset = 0;
    const auto add = [&](const StoredField &field, std::size_t size) {
        layout.push_back({field.member, field.member, offset, size, field.kind, true});
        offset += size;
    };
    SQLite::Statement rows(*database_, "SELECT name, member, kind, size, stored_in, unit FROM fields ORDER BY id");
    while (rows.executeStep()) {
        StoredField field{.column = rows.getColumn(0).getString(), .member = rows.getColumn(1).getString()};
        const auto kind = kind_called(rows.getColumn(2).getString());
        const auto size = rows.getColumn(3).getInt64();
        if (!kind || size <= 0 || size > largest_field || !is_printable_word(field.column) ||
            !is_printable_word(field.member) || !is_printable_ascii(rows.getColumn(5).getString())) {
            return damaged(path_, tr("the field {} is of no known kind", field.column));
        }
        field.kind = *kind;
        field.size = static_cast<std::size_t>(size);
        field.is_detail = rows.getColumn(4).getString() == "flow_details";
        field.field = find_field(field.member);
        if (field.field == nullptr) {
            own_.push_back({field.column, rows.getColumn(5).getString(), ""});
        }
        add(field, size_of(field));
        fields_.push_back(std::move(field));
    }
    StoredField sampled{.column = "sampled_ns", .member = "sampled_ns"};
    add(sampled, sizeof(std::uint64_t));
    auto reader = RecordReader::create(RecordLayout(layout, offset));
    if (!reader) {
        return damaged(path_, reader.error().message);
    }
    reader_ = std::move(*reader);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        fields_[i].place = layout[i].place();
    }
    return {};
}

const std::string &Recording::cgroup_path(std::int64_t host, std::uint64_t id) { return cgroups_[{host, id}]; }

Result<std::unique_ptr<Replay>> Replay::create(Recording &recording, const ReplayRange &range) {
    try {
        std::unique_ptr<Replay> replay(new Replay(recording, range));
        auto &database = recording.database();
        const auto id = [&](const char *select, WallTime time) {
            SQLite::Statement statement(database, select);
            statement.bind(1, time);
            return statement.executeStep() ? statement.getColumn(0).getInt64() : 0;
        };
        constexpr auto last_before = "SELECT max(id) FROM snapshots WHERE time <= ?";
        replay->last_snapshot_ = id(last_before, range.at.value_or(range.to.value_or(recording.end())));
        const auto first =
            range.at ? replay->last_snapshot_
                     : id("SELECT min(id) FROM snapshots WHERE time >= ?", range.from.value_or(recording.begin()));
        if (first != 0 && first <= replay->last_snapshot_) {
            replay->seek(first);
        }
        if (!replay->next_) {
            return fail(ErrorKind::usage, tr("--replay {}: nothing was recorded then; the recording goes from {} to {}",
                                             recording.path().string(), utc(time_point(recording.begin())),
                                             utc(time_point(recording.end()))));
        }
        return replay;
    } catch (const SQLite::Exception &exception) {
        return damaged(recording.path(), exception.what());
    }
}

Replay::Replay(Recording &recording, const ReplayRange &range)
    : recording_(recording), range_(range), details_(chosen(recording.fields(), true)),
      numbers_(chosen(recording.fields(), false)),
      snapshots_(recording.database(), std::string(any_snapshot) + "WHERE id > ? ORDER BY id LIMIT 1"),
      samples_(recording.database(), "SELECT flow, details, offset_ns, elapsed_ns" + columns_of(numbers_) +
                                         " FROM sample_rows WHERE id BETWEEN ? AND ? ORDER BY id"),
      details_of_(recording.database(), "SELECT flow" + columns_of(details_) + " FROM flow_details WHERE id = ?"),
      absent_(recording.database(), "SELECT flow FROM absences WHERE since = ?"),
      closed_(recording.database(), "SELECT id FROM flow_rows WHERE closed_in = ?"),
      missed_(recording.database(), "SELECT name, count FROM missed WHERE snapshot = ? ORDER BY name") {}

/// Begins so early that every flow was met when `snapshot` comes.
void Replay::seek(std::int64_t snapshot) {
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
    do {
        next_ = step();
    } while (next_ && (id_ < snapshot || !is_wanted(next_time_)));
}

bool Replay::is_wanted(WallTime time) const {
    return range_.at || (time >= range_.from.value_or(time) && time <= range_.to.value_or(time));
}

Result<std::optional<Snapshot>> Replay::next() {
    try {
        auto snapshot = std::exchange(next_, std::nullopt);
        if (snapshot) {
            do { // where the clock was set, some may be out of the range
                next_ = step();
            } while (next_ && !is_wanted(next_time_));
        }
        return snapshot;
    } catch (const SQLite::Exception &exception) {
        return damaged(recording_.path(), exception.what());
    }
}

std::chrono::nanoseconds Replay::wait(std::chrono::nanoseconds /*interval*/) const {
    if (!range_.speed || !next_) {
        return {};
    }
    // Between two runs nobody waits.
    const auto elapsed_ns = next_->before_time_ns == 0 ? second_ns : next_->time_ns - next_->before_time_ns;
    constexpr double longest_ns = 1e15;
    return std::chrono::nanoseconds(
        std::llround(std::min(static_cast<double>(elapsed_ns) / *range_.speed, longest_ns)));
}

std::optional<Snapshot> Replay::step() {
    snapshots_.reset(); // a recorder that runs may begin its log anew meanwhile
    snapshots_.bind(1, id_);
    if (!snapshots_.executeStep() || snapshots_.getColumn(0).getInt64() > last_snapshot_) {
        snapshots_.reset();
        return std::nullopt;
    }
    const auto id = id_ = snapshots_.getColumn(0).getInt64();
    const auto run = snapshots_.getColumn(1).getInt64();
    const auto time_ns = static_cast<std::uint64_t>(snapshots_.getColumn(3).getInt64());
    next_time_ = snapshots_.getColumn(2).getInt64();
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
    auto snapshot = made(id, next_time_, time_ns);
    if (refused) {
        snapshot.refused = static_cast<std::uint64_t>(*refused);
    }
    return snapshot;
}

void Replay::read_samples(std::int64_t first, std::int64_t last, std::uint64_t time_ns) {
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

void Replay::read_details(State &state, std::int64_t details) {
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

void Replay::put(State &state, const StoredField &field, const SQLite::Column &value) const {
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

Snapshot Replay::made(std::int64_t id, WallTime time, std::uint64_t time_ns) {
    const auto size = recording_.reader().record_size();
    const auto &sampled = recording_.reader().places().sampled_ns;
    auto live = std::make_shared<Records>(size);
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
    snapshot.before = before_;
    if (!earlier.empty()) {
        auto corrected = std::make_shared<Records>(size);
        std::vector<std::byte> record;
        for (std::uint32_t i = 0; i < before_->size(); ++i) {
            record.assign((*before_)[i].begin(), (*before_)[i].end());
            if (const auto found = earlier.find(i); found != earlier.end()) {
                put_number(record, sampled, found->second);
            }
            corrected->add(before_->sock(i), record.data());
        }
        snapshot.before = corrected;
    }
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
