#include "metrics/metrics.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "base/own_usage.h"
#include "base/printable.h"
#include "base/translate.h"
#include "metrics/exposition.h"
#include "output/utf8.h"
#include "output/value_text.h"
#include "snapshot/limit.h"
#include "snapshot/trouble.h"
#include "version.h"

namespace tcp_stats {
namespace {

constexpr std::uint64_t unused_for_ns = 3'600'000'000'000;
/// Longer than any scraper waits from one scrape to the next, and soon over.
constexpr std::uint64_t new_for_ns = 300'000'000'000;
constexpr std::string_view others = "other";

bool is_plain_in_label(std::string_view text) {
    return is_plain_ascii(text) && text.find_first_of("\\\"") == text.npos;
}

std::string in_label(std::string_view text) {
    std::string escaped;
    for (const char c : printable(text)) {
        escaped += c == '\\' || c == '"' ? "\\" : "";
        escaped += c;
    }
    return escaped;
}

constexpr ValueText in_labels = {is_plain_in_label, in_label, false, false};

bool is_label_name(std::string_view name) {
    return std::all_of(name.begin(), name.end(),
                       [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '_'); });
}

Result<std::vector<KeyColumn>> key_columns(const std::vector<GroupKey> &keys, const Columns &columns) {
    std::vector<KeyColumn> made;
    for (const auto &key : keys) {
        auto column = KeyColumn::create(key, columns);
        if (!column) {
            return tl::unexpected(column.error());
        }
        const auto &name = column->column().name;
        if (!is_label_name(name)) {
            return fail(ErrorKind::usage,
                        tr("{} {}: a label of Prometheus has letters, digits and underscores only; take another field",
                           key.option, key.written));
        }
        if (is_label_of_a_family(name) || name.starts_with("__")) {
            return fail(ErrorKind::usage, tr("{} {}: metrics or Prometheus have a label of that name already; take "
                                             "another field",
                                             key.option, key.written));
        }
        made.push_back(std::move(*column));
    }
    return made;
}

double seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

} // namespace

Result<void> Metrics::check(const std::vector<GroupKey> &keys, const Columns &columns) {
    const auto made = key_columns(keys, columns);
    return made ? Result<void>() : tl::unexpected(made.error());
}

Result<std::unique_ptr<Metrics>> Metrics::create(const Settings &settings, const Columns &columns,
                                                 const RecordReader &reader, std::vector<Filter> where) {
    auto wanted = settings.keys;
    if (wanted.empty() && columns.find("comm") != nullptr) {
        wanted = {{"--metrics-by", "comm"}};
    }
    auto keys = key_columns(wanted, columns);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    return std::unique_ptr<Metrics>(
        new Metrics(std::move(*keys), settings.most_groups, columns, reader, std::move(where)));
}

Metrics::Metrics(std::vector<KeyColumn> keys, std::size_t most_groups, const Columns &columns,
                 const RecordReader &reader, std::vector<Filter> where)
    : keys_(std::move(keys)), most_groups_(most_groups), where_(std::move(where)), places_(reader.places()),
      role_(reader.integer("role")), error_(reader.integer("error")), connect_us_(reader.integer("connect_us")),
      acceptq_(reader.integer("acceptq")), acceptq_max_(reader.integer("acceptq_max")), synq_(reader.integer("synq")),
      listen_drops_(reader.integer("listen_drops")), local_(columns.find("local")),
      start_time_s_(seconds(std::chrono::system_clock::now())),
      label_sink_([this](std::string_view text) { labels_ += text; }) {
    for (const auto &[counter, member] : counter_sources()) {
        counter_places_[static_cast<std::size_t>(counter)] = reader.integer(member);
    }
    for (const auto &key : keys_) {
        append_label(key.column().name, others);
    }
    other_labels_ = labels_;
}

void Metrics::append_label(std::string_view name, const Value &value) {
    label_sink_.put(labels_.empty() ? "" : ",");
    label_sink_.put(name);
    label_sink_.put("=\"");
    const auto *text = std::get_if<std::string_view>(&value);
    is_absent(value) || (text != nullptr && text->empty()) ? label_sink_.put("unknown")
                                                           : put_value(label_sink_, value, in_labels);
    label_sink_.put('"');
    label_sink_.flush();
}

/// Whether the opening of the connection is seen in this snapshot for the first time. The walk may have found it a
/// while before that (TCP_SYN_RECV).
bool Metrics::is_opened_now(const Row &row) const {
    const auto opened_ns = RecordReader::number(row.record(), places_.opened_ns);
    const bool is_new = row.flow().id > last_id_;
    return opened_ns > first_time_ns_ &&
           (is_new || (row.has_before() && RecordReader::number(row.before(), places_.opened_ns) == 0));
}

std::uint64_t Metrics::growth(const Row &row, const Place &place, bool began) const {
    if (!row.has_before() && !began) {
        return 0;
    }
    const auto now = RecordReader::number(row.record(), place);
    const auto before = row.has_before() ? RecordReader::number(row.before(), place) : 0;
    if (now >= before) {
        return now - before;
    }
    // 32 bits of the kernel's begin again at 0; a counter that was set back is less by little, or by more than half.
    const auto around = static_cast<std::uint32_t>(now - before);
    return place.size == sizeof(std::uint32_t) && around < 0x80000000U ? around : 0;
}

void Metrics::count(Group &group, Words words, std::uint64_t word) const {
    auto &counts = group.words[static_cast<std::size_t>(words)];
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const WordCount &one) { return one.word == word; });
    ++(found == counts.end() ? counts.emplace_back(WordCount{word, 0, {.since_ns = time_ns_}}) : *found).count;
}

void Metrics::observe(Group &group, Duration duration, std::uint64_t us) const {
    auto &histogram = group.durations[static_cast<std::size_t>(duration)];
    const auto bounds = family_of(duration).bounds_s;
    const auto place = std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(us) / 1e6) - bounds.begin();
    ++histogram.counts[static_cast<std::size_t>(place)];
    histogram.sum_us += us;
    histogram.telling.since_ns = histogram.count == 0 ? time_ns_ : histogram.telling.since_ns;
    ++histogram.count;
}

Metrics::Group &Metrics::group_of(RowValues &values, bool is_new) {
    labels_.clear();
    for (const auto &key : keys_) {
        append_label(key.column().name, key.of(values));
    }
    auto found = groups_.find(labels_);
    if (found == groups_.end()) {
        const bool has_room = groups_.size() < most_groups_;
        const auto &labels = has_room ? labels_ : other_labels_;
        ungrouped_ += is_new && !has_room ? 1 : 0;
        const auto [made, is_first] = groups_.try_emplace(labels);
        found = made;
        if (is_first) {
            made->second.labels = labels;
            made->second.telling.since_ns = time_ns_;
        }
    }
    return found->second;
}

void Metrics::take(const Snapshot &snapshot, const MonitorState &state) {
    const std::lock_guard lock(mutex_);
    time_ns_ = snapshot.time_ns;
    first_time_ns_ = first_time_ns_ == 0 ? time_ns_ : first_time_ns_;
    last_id_ = greatest_id_;
    for (auto &[labels, group] : groups_) {
        for (auto &one : group.words[static_cast<std::size_t>(Words::connections)]) {
            one.count = 0;
        }
    }
    for (auto &[address, listener] : listeners_) {
        listener.queue = listener.queue_limit = listener.syn_queue = 0;
    }
    for (std::size_t i = 0; i < snapshot.flows.size(); ++i) {
        RowValues values(Row{&snapshot, i});
        greatest_id_ = std::max(greatest_id_, values.row().flow().id);
        if (std::all_of(where_.begin(), where_.end(), [&](const Filter &filter) { return filter.matches(values); })) {
            const auto state_now = RecordReader::number(values.row().record(), places_.last_state);
            state_now == tcp_listen ? take_listener(values) : take_flow(values);
        }
    }
    missing_.clear();
    for (const auto &[name, value] : snapshot.missed) {
        if (is_missing_now(name)) {
            missing_[name] = value;
        } else {
            miss(name, value);
        }
    }
    // It begins again when one could be recorded.
    if (state.unrecorded != unrecorded_before_ && state.unrecorded > 0) {
        miss("unrecorded_snapshots",
             state.unrecorded - (state.unrecorded > unrecorded_before_ ? unrecorded_before_ : 0));
    }
    unrecorded_before_ = state.unrecorded;
    state_ = state;
    ++snapshots_;
    snapshot_time_s_ = seconds(snapshot.time);
    drop_unused();
}

void Metrics::miss(const std::string &name, std::uint64_t count) {
    missed_.try_emplace(name, NamedCount{0, {.since_ns = time_ns_}}).first->second.count += count;
}

void Metrics::take_flow(RowValues &values) {
    const auto &row = values.row();
    const auto record = row.record();
    const bool began = is_opened_now(row);
    auto &group = group_of(values, row.flow().id > last_id_);
    group.used_ns = time_ns_;
    for (std::size_t i = 0; i < counter_count; ++i) {
        if (counter_places_[i]) {
            group.counters[i] += growth(row, counter_places_[i], began);
        }
    }
    const auto add = [&](Counter counter, std::uint64_t more) {
        group.counters[static_cast<std::size_t>(counter)] += more;
    };
    if (began) {
        const auto role = name_of({Naming::role, RecordReader::number(record, role_)});
        add(role == "passive" ? Counter::opened_passive : Counter::opened_active, 1);
    }
    if (const auto limits = limit_shares_of(row, places_, began)) {
        for (std::size_t i = 0; i < limit_count; ++i) {
            const auto counter = static_cast<Counter>(static_cast<std::size_t>(Counter::limited_app_us) + i);
            add(counter, static_cast<std::uint64_t>(limits->share[i] * limits->elapsed_us));
        }
    }
    const auto moved = [&](Counter counter) {
        return growth(row, counter_places_[static_cast<std::size_t>(counter)], began) > 0;
    };
    const auto rtt_us = RecordReader::number(record, places_.rtt_us);
    if (rtt_us != 0 && (moved(Counter::sent_segments) || moved(Counter::received_segments))) {
        observe(group, Duration::rtt, rtt_us);
    }
    const auto connect_us = RecordReader::number(record, connect_us_);
    const bool was_known = row.has_before() && RecordReader::number(row.before(), connect_us_) != 0;
    if (connect_us != 0 && !was_known && (row.has_before() || began)) {
        observe(group, Duration::handshake, connect_us);
    }
    if (row.closed()) {
        take_end(row, group);
    } else {
        count(group, Words::connections, RecordReader::number(record, places_.last_state));
    }
}

void Metrics::take_end(const Row &row, Group &group) {
    const auto record = row.record();
    const auto opened_ns = RecordReader::number(record, places_.opened_ns);
    const auto closed_ns = RecordReader::number(record, places_.closed_ns);
    if (closed_ns != 0 && closed_ns <= first_time_ns_) { // before all begins
        return;
    }
    const Word ended{Naming::ending, RecordReader::number(record, places_.ended)};
    count(group, Words::ended, ended.number);
    if (outcome_of(ended) == Outcome::failed) {
        count(group, Words::failed, RecordReader::number(record, error_));
        if (name_of(ended) == "failed_at_once") { // which opens nothing
            ++group.counters[static_cast<std::size_t>(Counter::opened_active)];
        }
    } else if (opened_ns != 0 && closed_ns >= opened_ns) {
        observe(group, Duration::connection, (closed_ns - opened_ns) / 1000);
    }
}

void Metrics::take_listener(RowValues &values) {
    const auto record = values.row().record();
    const auto put_labels = [&](const Value &address, const Value &netns) {
        labels_.clear();
        append_label("listener", address);
        append_label("netns", netns);
    };
    const auto netns = RecordReader::number(record, places_.netns);
    put_labels(local_ == nullptr ? Value() : values[*local_], netns == 0 ? Value() : Value(netns));
    if (!listeners_.contains(labels_) && listeners_.size() >= most_groups_) {
        put_labels(others, others);
    }
    auto &listener = listeners_.try_emplace(labels_, Listener{.telling = {.since_ns = time_ns_}}).first->second;
    listener.used_ns = time_ns_;
    listener.queue += RecordReader::number(record, acceptq_);
    listener.queue_limit += RecordReader::number(record, acceptq_max_);
    listener.syn_queue += RecordReader::number(record, synq_);
    listener.drops += growth(values.row(), listen_drops_, false);
}

void Metrics::drop_unused() {
    const auto is_unused = [&](const auto &one) { return one.second.used_ns + unused_for_ns < time_ns_; };
    std::erase_if(groups_, is_unused);
    std::erase_if(listeners_, is_unused);
}

/// Calls `act` with each that there is.
template <typename Do> void Metrics::for_each_telling(Do &&act) {
    for (auto &[labels, group] : groups_) {
        act(group.telling);
        for (auto &counts : group.words) {
            for (auto &one : counts) {
                act(one.telling);
            }
        }
        for (auto &histogram : group.durations) {
            act(histogram.telling);
        }
    }
    for (auto &[address, listener] : listeners_) {
        act(listener.telling);
    }
    for (auto &[name, one] : missed_) {
        act(one.telling);
    }
}

/// Where there are too many, the one that asked least recently is taken for gone.
std::uint8_t Metrics::bit_of(std::string_view scraper) {
    if (scraper.empty()) {
        return 0;
    }
    auto found =
        std::find_if(scrapers_.begin(), scrapers_.end(), [&](const Scraper &one) { return one.name == scraper; });
    if (found == scrapers_.end() && scrapers_.size() < most_scrapers) {
        found = scrapers_.insert(scrapers_.end(), Scraper());
    } else if (found == scrapers_.end()) {
        found = std::min_element(scrapers_.begin(), scrapers_.end(),
                                 [](const Scraper &one, const Scraper &other) { return one.asked < other.asked; });
        const auto bit = 1U << static_cast<unsigned>(found - scrapers_.begin());
        for_each_telling([&](Telling &telling) {
            telling.offered = static_cast<std::uint8_t>(telling.offered & ~bit);
            telling.told = static_cast<std::uint8_t>(telling.told & ~bit);
        });
    }
    *found = {std::string(scraper), ++asked_};
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(found - scrapers_.begin()));
}

void Metrics::arrived(std::string_view scraper) {
    const std::lock_guard one_at_a_time(text_mutex_);
    const std::lock_guard lock(mutex_);
    const auto bit = bit_of(scraper);
    for_each_telling([&](Telling &telling) {
        telling.told = static_cast<std::uint8_t>(telling.told | (telling.offered & bit));
        telling.offered = static_cast<std::uint8_t>(telling.offered & ~bit);
    });
}

std::string Metrics::text(std::string_view scraper) {
    const std::lock_guard one_at_a_time(text_mutex_);
    const std::lock_guard lock(mutex_);
    const auto bit = bit_of(scraper);
    Exposition page;
    // Whether a series is told as it is; and it is, from the next time on.
    const auto tell = [&](Telling &telling) {
        telling.offered = static_cast<std::uint8_t>(telling.offered | bit);
        return (telling.told & bit) == bit || telling.since_ns + new_for_ns < time_ns_;
    };
    std::vector<Group *> all;
    for (auto &[labels, group] : groups_) {
        all.push_back(&group);
    }
    std::sort(all.begin(), all.end(), [](const Group *one, const Group *other) { return one->labels < other->labels; });

    const auto put_words = [&](Words words) {
        const auto &family = family_of(words);
        page.begin(family.name, family.help, family.is_counter ? "counter" : "gauge");
        for (auto *group : all) {
            for (auto &one : group->words[static_cast<std::size_t>(words)]) {
                const bool known = !family.is_counter || tell(one.telling);
                const auto name = name_of({family.naming, one.word});
                page.labelled(group->labels, family.label,
                              words == Words::failed && one.word == 0 ? "given_up"
                              : name.empty()                          ? std::to_string(one.word)
                                                                      : std::string(name),
                              known ? one.count : 0);
            }
        }
    };
    put_words(Words::connections);
    // Of a group, counters are known together.
    std::vector<bool> known;
    known.reserve(all.size());
    for (auto *group : all) {
        known.push_back(tell(group->telling));
    }
    for (const auto &family : counter_families()) {
        page.begin(family.name, family.help, "counter");
        for (std::size_t i = 0; i < all.size(); ++i) {
            for (const auto &[label_value, counter] : family.parts) {
                const auto count = known[i] ? all[i]->counters[static_cast<std::size_t>(counter)] : 0;
                page.begin_sample(all[i]->labels, family.label, label_value);
                family.per_unit == 1 ? page.value(count) : page.value(static_cast<double>(count) / family.per_unit);
            }
        }
    }
    put_words(Words::failed);
    put_words(Words::ended);
    for (const auto duration : {Duration::rtt, Duration::handshake, Duration::connection}) {
        const auto &family = family_of(duration);
        page.begin(family.name, family.help, "histogram");
        for (auto *group : all) {
            auto &histogram = group->durations[static_cast<std::size_t>(duration)];
            if (histogram.count > 0) {
                static constexpr Histogram nothing;
                const auto &shown = tell(histogram.telling) ? histogram : nothing;
                page.histogram(group->labels, family.bounds_s, shown.counts, static_cast<double>(shown.sum_us) / 1e6,
                               shown.count);
            }
        }
    }
    page.begin("listen_queue_connections", "Connections in queues of listening sockets, waiting for accept().",
               "gauge");
    for (const auto &[labels, listener] : listeners_) {
        page.sample(labels, listener.queue);
    }
    page.begin("listen_queue_limit_connections", "The most that these queues hold, from listen().", "gauge");
    for (const auto &[labels, listener] : listeners_) {
        page.sample(labels, listener.queue_limit);
    }
    page.begin("listen_syn_queue_requests", "Requests of these sockets whose handshake is not complete.", "gauge");
    for (const auto &[labels, listener] : listeners_) {
        page.sample(labels, listener.syn_queue);
    }
    page.begin("listen_dropped_segments_total", "SYNs and last ACKs of handshakes that these sockets dropped.",
               "counter");
    for (auto &[labels, listener] : listeners_) {
        page.sample(labels, tell(listener.telling) ? listener.drops : 0);
    }
    page.begin("missed_total", "What the monitor missed, by what it was; docs/fields.md has the words.", "counter");
    for (auto &[name, one] : missed_) {
        page.labelled("", "what", name, tell(one.telling) ? one.count : 0);
    }
    page.begin("missing", "What the last snapshot lacked.", "gauge");
    for (const auto &[name, value] : missing_) {
        page.labelled("", "what", name, value);
    }
    const auto put_one = [&](const char *name, const char *help, const char *type, auto value) {
        page.begin(name, help, type);
        page.sample("", value);
    };
    put_one("groups", "Groups of connections that have series, the others among them.", "gauge",
            std::uint64_t(groups_.size()));
    put_one("ungrouped_connections_total",
            "Connections that were counted as \"other\": there were as many groups as --metrics-series allows.",
            "counter", ungrouped_);
    put_one("snapshots_total", "Snapshots that were taken.", "counter", snapshots_);
    put_one("last_snapshot_timestamp_seconds", "When the last one was.", "gauge", snapshot_time_s_);
    if (!state_.programs.empty()) {
        page.begin("program_run_seconds_total", "Time in the BPF programs, where kernel.bpf_stats_enabled is set.",
                   "counter");
        for (const auto &program : state_.programs) {
            page.begin_sample("", "program", program.name);
            page.value(static_cast<double>(program.run_ns) / 1e9);
        }
        page.begin("program_runs_total", "How often they ran.", "counter");
        for (const auto &program : state_.programs) {
            page.labelled("", "program", program.name, program.runs);
        }
    }
    page.begin("build_info", "Which version of the monitor this is.", "gauge");
    page.labelled("", "version", program_version, std::uint64_t(1));
    page.begin_process();
    put_one("cpu_seconds_total", "CPU time of the monitor.", "counter", own_cpu_s());
    put_one("resident_memory_bytes", "Its memory.", "gauge", own_resident_bytes());
    put_one("start_time_seconds", "When it started.", "gauge", start_time_s_);
    return std::move(page).text();
}

} // namespace tcp_stats
