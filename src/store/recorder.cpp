#include "store/recorder.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/printable.h"
#include "base/running_kernel.h"
#include "base/translate.h"
#include "store/statements.h"
#include "store/views.h"
#include "version.h"
#include "view/view.h"

namespace tcp_stats {
namespace {

/// Last records that wait for room on the disk.
constexpr std::size_t most_late_flows = 100'000;

std::int64_t ns_since_1970(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

} // namespace

Result<std::unique_ptr<Recorder>> Recorder::create(RecordingFile file, const RecordReader &reader,
                                                   CgroupPath cgroup_path, Settings settings) {
    if (auto added = file.add_fields(stored_fields(reader), settings.fields); !added) {
        return tl::unexpected(added.error());
    }
    const auto path = file.path();
    try {
        return std::unique_ptr<Recorder>(
            new Recorder(std::move(file), reader, std::move(cgroup_path), std::move(settings)));
    } catch (const SQLite::Exception &exception) {
        return fail(ErrorKind::output_failed, cannot_record(path, exception));
    }
}

Recorder::Recorder(RecordingFile file, const RecordReader &reader, CgroupPath cgroup_path, Settings settings)
    : file_(std::move(file)), reader_(reader), cgroup_path_(std::move(cgroup_path)), settings_(std::move(settings)) {
    for (auto &field : stored_fields(reader)) {
        (field.is_detail ? details_ : numbers_).push_back(std::move(field));
    }
    begin_run();
    statements_ = std::make_unique<Statements>(file_.database(), details_, numbers_);
    retention_.emplace(file_.database(), settings_.keep, run_);
}

Recorder::~Recorder() {
    try {
        SQLite::Transaction transaction(file_.database());
        for (const auto &[id, known] : known_) {
            end_flow(id, known);
        }
        SQLite::Statement end(file_.database(),
                              "UPDATE runs SET end = coalesce((SELECT max(time) FROM snapshots WHERE run = "
                              "runs.id), begin) WHERE id = ?");
        end.bind(1, run_);
        end.exec();
        transaction.commit();
    } catch (const SQLite::Exception &exception) {
        spdlog::warn(
            tr("--record {}: the end of the run is not recorded: {}", file_.path().string(), exception.what()));
    }
}

void Recorder::begin_run() {
    auto &database = file_.database();
    SQLite::Transaction transaction(database);
    SQLite::Statement add_host(database,
                               "INSERT OR IGNORE INTO host (name, boot_id, kernel, version) VALUES (?, ?, ?, ?)");
    add_host.bind(1, host_name());
    add_host.bind(2, boot_id());
    add_host.bind(3, running_kernel_release());
    add_host.bind(4, program_version);
    add_host.exec();
    SQLite::Statement host(database, "SELECT id FROM host WHERE name = ? AND boot_id = ? AND version = ?");
    host.bind(1, host_name());
    host.bind(2, boot_id());
    host.bind(3, program_version);
    host.executeStep();
    host_ = host.getColumn(0).getInt64();
    host.reset();
    // Of one that was killed.
    database.exec(fmt::format("UPDATE flow_rows SET last_record = l.id FROM ({}) l WHERE flow_rows.id = l.flow AND "
                              "last_record IS NULL",
                              newest_samples()));
    database.exec("UPDATE runs SET end = coalesce((SELECT max(time) FROM snapshots WHERE run = runs.id), begin) "
                  "WHERE end IS NULL");
    SQLite::Statement add_run(database, "INSERT INTO runs (host, begin, options, interval_ns) VALUES (?, ?, ?, ?)");
    add_run.bind(1, host_);
    add_run.bind(2, ns_since_1970(std::chrono::system_clock::now()));
    add_run.bind(3, printable_ascii(settings_.options));
    add_run.bind(4, static_cast<std::int64_t>(settings_.interval.count()));
    add_run.exec();
    run_ = database.getLastInsertRowid();
    const auto largest = [&](const char *table) {
        return database.execAndGet(fmt::format("SELECT coalesce(max(id), 0) FROM {}", table)).getInt64();
    };
    flows_before_ = largest("flow_rows");
    last_snapshot_ = largest("snapshots");
    last_sample_ = largest("sample_rows");
    last_details_ = largest("flow_details");
    transaction.commit();
}

void Recorder::keep_no_more(const std::function<bool(double)> &told) {
    const auto time = ns_since_1970(std::chrono::system_clock::now());
    const auto time_ns = std::chrono::steady_clock::now().time_since_epoch().count(); // CLOCK_MONOTONIC
    try {
        retention_->forget_all(time, static_cast<std::uint64_t>(time_ns), told);
    } catch (const SQLite::Exception &exception) {
        spdlog::warn(
            tr("--record {}: what is too old is not removed yet: {}", file_.path().string(), exception.what()));
    }
}

void Recorder::record(const Snapshot &snapshot) {
    if (snapshot.groups) { // its rows are to be the flows
        auto flows = snapshot;
        flows.groups.reset();
        return record(flows);
    }
    const auto sample = last_sample_;
    const auto details = last_details_;
    try {
        if (!file_.is_there()) {
            throw SQLite::Exception(tr("it was removed, or another file has its name"));
        }
        if (!statements_) {
            statements_ = std::make_unique<Statements>(file_.database(), details_, numbers_);
        }
        SQLite::Transaction transaction(file_.database(), SQLite::TransactionBehavior::IMMEDIATE);
        write(snapshot);
        transaction.commit();
    } catch (const SQLite::Exception &exception) {
        if (unrecorded_ == 0) {
            spdlog::warn(tr("--record {}: {}; what is not recorded is counted, and each snapshot is tried again",
                            file_.path().string(), exception.what()));
        }
        // What is in the file is not what is known of it: all flows are written anew.
        ++unrecorded_;
        last_sample_ = sample;
        last_details_ = details;
        known_.clear();
        cgroups_.clear();
        gap_ = true;
        keep_for_later(snapshot);
        statements_.reset();
        return;
    }
    if (unrecorded_ > 0) {
        spdlog::info(
            tr("--record {}: snapshots are recorded again; {} are missing", file_.path().string(), unrecorded_));
    }
    ++last_snapshot_;
    try {
        retention_->give_pages_back();
    } catch (const SQLite::Exception &exception) {
        spdlog::debug("--record {}: {}", file_.path().string(), exception.what()); // next time
    }
    unrecorded_ = 0;
    gap_ = false;
    late_.clear();
    late_flows_ = 0;
    late_missed_.clear();
}

/// Last records come once.
void Recorder::keep_for_later(const Snapshot &snapshot) {
    for (const auto &count : snapshot.missed) {
        late_missed_[count.name] += count.value;
    }
    if (late_flows_ + snapshot.closed_count > most_late_flows) {
        late_missed_["closed_lost"] += snapshot.closed_count;
        return;
    }
    if (snapshot.closed_count == 0) {
        return;
    }
    auto closed = snapshot;
    closed.live.reset();
    closed.before.reset();
    closed.groups.reset();
    std::erase_if(closed.flows, [](const Flow &flow) { return !flow.closed; });
    for (auto &flow : closed.flows) {
        flow.before = Flow::none;
    }
    late_flows_ += closed.flows.size();
    late_.push_back(std::move(closed));
}

void Recorder::write(const Snapshot &snapshot) {
    const auto number = last_snapshot_ + 1;
    const auto first_sample = last_sample_ + 1;
    auto &add = statements_->add_snapshot;
    add.bind(1, number);
    add.bind(2, run_);
    time_ = ns_since_1970(snapshot.time);
    time_ns_ = snapshot.time_ns;
    add.bind(3, time_);
    bind_number(add, 4, time_ns_);
    forget();
    trouble_ = {};
    for (const auto &earlier : late_) {
        write_flows(earlier);
    }
    write_flows(snapshot);
    write_absences();
    write_missed(snapshot);
    if (last_sample_ < first_sample) {
        add.bind(5);
        add.bind(6);
    } else {
        add.bind(5, first_sample);
        add.bind(6, last_sample_);
    }
    if (snapshot.refused) {
        bind_number(add, 7, *snapshot.refused);
    } else {
        add.bind(7);
    }
    const auto bind_where_known = [&](int index, const Place &place, std::uint64_t count) {
        if (place) {
            bind_number(add, index, count);
        } else {
            add.bind(index);
        }
    };
    bind_where_known(8, reader_.places().retransmits, trouble_.retransmits);
    bind_where_known(9, reader_.places().ended, trouble_.failures);
    execute(add);
}

void Recorder::write_flows(const Snapshot &snapshot) {
    for (std::size_t i = 0; i < snapshot.flows.size(); ++i) {
        const Row row{&snapshot, i};
        if (matches(row, settings_.where)) {
            trouble_.add(row, reader_.places());
            write_flow(snapshot, row);
        } else if (const auto found = known_.find(row.flow().id); found != known_.end()) {
            write_absence(row, found->second);
        }
    }
}

/// A flow that was recorded and does not meet the conditions now.
void Recorder::write_absence(const Row &row, Known &known) {
    const auto number = flows_before_ + static_cast<std::int64_t>(row.flow().id);
    known.seen = static_cast<std::uint64_t>(last_snapshot_ + 1);
    if (!known.is_absent) {
        begin_absence(number);
        end_flow(row.flow().id, known);
    }
    known.is_absent = true;
    if (!row.has_before() || !same_details(row.record(), row.before())) {
        known.details = 0;
    }
    if (row.flow().closed) {
        known_.erase(row.flow().id);
    }
}

void Recorder::begin_absence(std::int64_t flow) {
    auto &add = statements_->add_absence;
    add.bind(1, flow);
    add.bind(2, last_snapshot_ + 1);
    execute(add);
}

void Recorder::write_flow(const Snapshot &snapshot, const Row &row) {
    const auto &flow = row.flow();
    const auto number = flows_before_ + static_cast<std::int64_t>(flow.id);
    const auto record = row.record();
    const auto found = known_.find(flow.id);
    const bool fresh = found == known_.end();
    auto known = fresh ? Known() : found->second;
    known.seen = static_cast<std::uint64_t>(last_snapshot_ + 1);
    const bool has_before = row.has_before() && !gap_;
    const bool is_due = snapshot.time_ns >= known.due_ns;
    const bool returns = known.is_absent || (fresh && flow.id <= newest_flow_);
    if (!fresh && !returns && !flow.closed && !is_due && has_before && same(record, row.before())) {
        found->second = known;
        return;
    }
    const bool new_details = known.details == 0 || !has_before || !same_details(record, row.before());
    if (new_details) {
        known.details = write_details(number, record);
    }
    known.sample = write_sample(row, known);
    if (new_details || returns || flow.closed) {
        const auto &places = reader_.places();
        const auto time = ns_since_1970(snapshot.time);
        const auto since_1970 = [&](std::uint64_t at_ns) {
            return at_ns == 0 ? 0 : time - static_cast<std::int64_t>(snapshot.time_ns - at_ns);
        };
        auto &add = statements_->add_flow;
        add.bind(1, number);
        add.bind(2, run_);
        add.bind(3, known.details);
        bind_unless_0(add, 4, since_1970(RecordReader::number(record, places.opened_ns)));
        const auto closed = since_1970(RecordReader::number(record, places.closed_ns));
        bind_unless_0(add, 5, !flow.closed ? 0 : closed == 0 ? time : closed);
        bind_unless_0(add, 6, flow.closed ? last_snapshot_ + 1 : 0);
        bind_unless_0(add, 7, flow.closed ? known.sample : 0);
        execute(add);
    }
    if (returns) {
        known.is_absent = false;
        auto &end = statements_->end_absence;
        end.bind(1, last_snapshot_ + 1);
        end.bind(2, number);
        execute(end);
    }
    newest_flow_ = std::max(newest_flow_, flow.id);
    if (flow.closed) {
        known_.erase(flow.id);
        return;
    }
    // Spread over a minute at first, so that not all are written again at once.
    const auto spread = refresh_ns / 64 * (flow.id % 64);
    known.due_ns = snapshot.time_ns + refresh_ns - (fresh ? spread : 0);
    known_[flow.id] = known;
}

std::int64_t Recorder::write_details(std::int64_t flow, Record record) {
    auto &add = statements_->add_details;
    add.bind(1, ++last_details_);
    add.bind(2, flow);
    int index = 3;
    for (const auto &field : details_) {
        bind_value(add, index++, field, record, reader_);
    }
    execute(add);
    const auto cgroup = RecordReader::number(record, reader_.places().cgroup);
    if (cgroup != 0 && !cgroups_[cgroup]) {
        const auto &path = cgroup_path_(cgroup);
        if (!path.empty()) {
            auto &name = statements_->add_cgroup;
            name.bind(1, host_);
            bind_number(name, 2, cgroup);
            name.bind(3, printable_ascii(path));
            execute(name);
            cgroups_[cgroup] = true;
        }
    }
    return last_details_;
}

std::int64_t Recorder::write_sample(const Row &row, const Known &known) {
    const auto &sampled = reader_.places().sampled_ns;
    const auto record = row.record();
    const auto time = [&](Record of, std::uint64_t otherwise) {
        return static_cast<std::int64_t>(sampled ? RecordReader::number(of, sampled) : otherwise);
    };
    const auto now = time(record, row.snapshot->time_ns);
    auto &add = statements_->add_sample;
    add.bind(1, ++last_sample_);
    add.bind(2, flows_before_ + static_cast<std::int64_t>(row.flow().id));
    add.bind(3, known.details);
    bind_unless_0(add, 4, known.sample);
    add.bind(5, now - static_cast<std::int64_t>(time_ns_));
    if (row.has_before() && !gap_) {
        add.bind(6, now - time(row.before(), row.snapshot->before_time_ns));
    } else {
        add.bind(6);
    }
    int index = 7;
    for (const auto &field : numbers_) {
        bind_value(add, index++, field, record, reader_);
    }
    execute(add);
    return last_sample_;
}

/// It will have no other record.
void Recorder::end_flow(std::uint64_t id, const Known &known) {
    auto &end = statements_->end_flow;
    end.bind(1, known.sample);
    end.bind(2, flows_before_ + static_cast<std::int64_t>(id));
    execute(end);
}

/// Of flows that are not there any more, and have not closed.
void Recorder::write_absences() {
    for (auto known = known_.begin(); known != known_.end();) {
        if (known->second.seen == static_cast<std::uint64_t>(last_snapshot_ + 1)) {
            ++known;
            continue;
        }
        if (!known->second.is_absent) {
            begin_absence(flows_before_ + static_cast<std::int64_t>(known->first));
            end_flow(known->first, known->second);
        }
        known = known_.erase(known);
    }
    if (gap_ && unrecorded_ > 0) { // what went meanwhile
        SQLite::Statement gone(
            file_.database(), "INSERT INTO absences SELECT id, ?1, NULL FROM flow_rows WHERE run = ?2 AND closed_in IS "
                              "NULL AND id NOT IN (SELECT flow FROM sample_rows WHERE id > ?3) AND id NOT IN "
                              "(SELECT flow FROM absences WHERE until IS NULL)");
        gone.bind(1, last_snapshot_ + 1);
        gone.bind(2, run_);
        gone.bind(3, file_.database().execAndGet("SELECT coalesce(max(last_sample), 0) FROM snapshots").getInt64());
        gone.exec();
    }
}

void Recorder::write_missed(const Snapshot &snapshot) {
    auto missed = late_missed_;
    for (const auto &count : snapshot.missed) {
        missed[count.name] += count.value;
    }
    if (unrecorded_ > 0) {
        missed["unrecorded_snapshots"] = unrecorded_;
    }
    auto &add = statements_->add_missed;
    for (const auto &[name, count] : missed) {
        add.bind(1, last_snapshot_ + 1);
        add.bind(2, printable_word(name));
        bind_number(add, 3, count);
        execute(add);
    }
}

/// A connection that does not meet the conditions now may have gone with what is beyond --keep.
void Recorder::forget() {
    if (retention_->forget(time_, time_ns_)) {
        for (auto &[id, known] : known_) {
            known.details = known.is_absent ? 0 : known.details;
        }
    }
}

bool Recorder::same_details(Record one, Record other) const {
    return std::all_of(details_.begin(), details_.end(), [&](const StoredField &field) {
        return std::memcmp(one.data() + field.place.offset, other.data() + field.place.offset, field.place.size) == 0;
    });
}

/// But for when they were sampled.
bool Recorder::same(Record one, Record other) const {
    const auto &sampled = reader_.places().sampled_ns;
    const auto after = sampled.offset + sampled.size;
    return std::memcmp(one.data(), other.data(), sampled.offset) == 0 &&
           std::memcmp(one.data() + after, other.data() + after, one.size() - after) == 0;
}

} // namespace tcp_stats
