#include "live/model.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/translate.h"
#include "live/cells.h"
#include "live/timeline.h"
#include "output/human.h"
#include "output/table_writer.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr double slowest = 1.0 / 64, fastest = 4096;
constexpr WallTime minute_ns = 60'000'000'000;

constexpr std::array<nanoseconds, 9> intervals = {milliseconds(100), milliseconds(200), milliseconds(500),
                                                  seconds(1),        seconds(2),        seconds(5),
                                                  seconds(10),       seconds(30),       seconds(60)};

/// ` name=count …`, as the comment line of the other formats has it.
std::string counts_text(const std::vector<Count> &counts) {
    std::string text;
    for (const auto &count : counts) {
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", printable_word(count.name), count.value);
    }
    return text;
}

std::vector<const Column *> columns_or_usual(const Columns &columns, std::vector<const Column *> wanted, bool grouped) {
    if (wanted.empty()) {
        wanted = table_columns(columns, grouped);
    }
    return wanted.empty() ? usual_columns(columns) : wanted;
}

} // namespace

Model::Model(const Columns &columns, Settings settings)
    : columns_(columns), conditions_(std::move(settings.conditions)), interval_(settings.interval),
      grouped_(settings.grouped), unicode_(settings.unicode), playback_(settings.playback), traces_(columns),
      list_(std::move(settings.view), columns_or_usual(columns, std::move(settings.columns), settings.grouped),
            settings.unicode),
      help_(settings.playback != nullptr) {}

void Model::take(Snapshot snapshot, const Cost &cost) {
    if (snapshot.before_time_ns == 0) {
        latest_ = {};
        traces_ = Traces(columns_);
        missed_in_all_.clear();
    }
    missed_ = snapshot.missed;
    count(missed_);
    cost_ = cost;
    // What closes during a pause is shown after it, for as long as otherwise.
    latest_ = next_frame(latest_, std::move(snapshot), paused_);
    traces_.take(latest_.time_ns(), latest_.open_rows());
    if (!paused_ && (playback_ == nullptr || !playback_->is_on_its_way())) {
        show_latest();
    }
    traces_.forget_others(latest_.rows(), list_.frame().rows());
}

void Model::count(const std::vector<Count> &missed) {
    for (const auto &[name, value] : missed) {
        const auto found = std::find_if(missed_in_all_.begin(), missed_in_all_.end(),
                                        [&sought = name](const Count &one) { return one.name == sought; });
        if (found == missed_in_all_.end()) {
            missed_in_all_.push_back({name, value});
        } else {
            found->value = is_missing_now(name) ? std::max(found->value, value) : found->value + value;
        }
    }
}

void Model::show_latest() {
    list_.set_frame(latest_);
    if (detail_) {
        detail_->update(list_.frame(), traces_);
    }
}

void Model::set_paused(bool paused) {
    paused_ = paused;
    if (!paused) {
        for (auto &some : latest_.finished) {
            some.since_ns = some.since_ns > list_.frame().time_ns() ? latest_.time_ns() : some.since_ns;
        }
        show_latest();
    }
}

void Model::say(const std::string &message) { message_ = printable(message); }

void Model::press(const Key &key) {
    if (key.code == Key::Code::none) {
        return;
    }
    message_.clear();
    switch (place_) {
    case Place::list:
        press_in_list(key);
        break;
    case Place::filter:
        press_in_filter(key);
        break;
    case Place::time:
        if (!time_line_->press(key)) {
            time_line_.reset();
            place_ = Place::list;
        }
        break;
    case Place::chooser:
        press_in_chooser(key);
        break;
    case Place::detail:
        if (press_playback(key)) {
            break;
        }
        if (!detail_->press(key)) {
            detail_.reset();
            place_ = Place::list;
        } else if (key.code == Key::Code::character) {
            press_letter(key.character);
        }
        break;
    case Place::help:
        place_ = help_.press(key) ? Place::help : before_help_;
        return;
    }
    if (key.code == Key::Code::help && place_ != Place::help) {
        before_help_ = place_;
        place_ = Place::help;
    }
}

/// What goes through time.
bool Model::press_playback(const Key &key) {
    if (playback_ == nullptr) {
        return false;
    }
    const auto go = [&](std::size_t moment) {
        playback_->play(false);
        playback_->go(moment);
        return true;
    };
    const auto now = playback_->now();
    switch (key.code) {
    case Key::Code::left:
        return go(now - (now > 0 ? 1 : 0));
    case Key::Code::right:
        return go(std::min(now + 1, playback_->moments().size() - 1));
    case Key::Code::shift_left:
        return go(moment_after(*playback_, -minute_ns));
    case Key::Code::shift_right:
        return go(moment_after(*playback_, minute_ns));
    default:
        return false;
    }
}

void Model::press_in_list(const Key &key) {
    if (press_playback(key) || list_.press(key)) {
        return;
    }
    if (key.code == Key::Code::enter) {
        open_detail();
    } else if (key.code == Key::Code::character && !press_letter(key.character)) {
        switch (key.character) {
        case U'/':
            filter_line_.emplace(columns_, filter_);
            place_ = Place::filter;
            break;
        case U'c':
            chooser_.emplace(columns_, list_.columns());
            place_ = Place::chooser;
            break;
        case U't':
            if (playback_ != nullptr) {
                time_line_.emplace(*playback_);
                place_ = Place::time;
            }
            break;
        case U'q':
            left_ = true;
            break;
        default:
            break;
        }
    }
}

/// What a letter does in the list and in the details.
bool Model::press_letter(char32_t letter) {
    switch (letter) {
    case U'p':
    case U' ':
        if (playback_ == nullptr) {
            set_paused(!paused_);
        } else {
            playback_->play(!playback_->is_playing());
        }
        return true;
    case U'+':
    case U'=':
        change_interval(true);
        return true;
    case U'-':
        change_interval(false);
        return true;
    case U'h':
    case U'?':
        before_help_ = place_;
        place_ = Place::help;
        return true;
    default:
        return false;
    }
}

void Model::open_detail() {
    if (const auto *row = list_.selected()) {
        detail_.emplace(columns_, row->id(), unicode_);
        detail_->update(list_.frame(), traces_);
        place_ = Place::detail;
    }
}

void Model::press_in_filter(const Key &key) {
    const auto state = filter_line_->press(key);
    if (state == FilterLine::State::typing) {
        return;
    }
    if (state == FilterLine::State::applied) {
        list_.set_filter(filter_line_->filter());
        filter_ = filter_line_->filter() ? filter_line_->text() : "";
    }
    filter_line_.reset();
    place_ = Place::list;
}

void Model::press_in_chooser(const Key &key) {
    const auto state = chooser_->press(key);
    list_.set_columns(chooser_->chosen());
    if (state == Chooser::State::choosing) {
        return;
    }
    if (state == Chooser::State::sort) {
        list_.sort_by(chooser_->marked());
    }
    chooser_.reset();
    place_ = Place::list;
}

/// The speed, where something is played.
void Model::change_interval(bool longer) {
    if (playback_ != nullptr) {
        playback_->set_speed(std::clamp(playback_->speed() * (longer ? 2 : 0.5), slowest, fastest));
    } else if (longer) {
        const auto next = std::upper_bound(intervals.begin(), intervals.end(), interval_);
        interval_ = next == intervals.end() ? interval_ : *next;
    } else {
        const auto next = std::lower_bound(intervals.begin(), intervals.end(), interval_);
        interval_ = next == intervals.begin() ? interval_ : *(next - 1);
    }
}

/// Where something is typed now; or null.
const Prompt *Model::prompt() const {
    return filter_line_ ? &filter_line_->prompt() : time_line_ ? &time_line_->prompt() : nullptr;
}

Line Model::header() const {
    const auto &frame = list_.frame();
    if (frame.snapshot == nullptr) {
        return {};
    }
    const auto alive = frame.snapshot->rows() - (grouped_ ? 0 : frame.snapshot->closed_count);
    const auto closed = frame.closed_count();
    const auto time = frame.snapshot->time;
    Line line = {{playback_ == nullptr ? time_of_day(time) : date_and_time(time), Style::strong}};
    const bool at_end = playback_ != nullptr && playback_->now() + 1 == playback_->moments().size();
    if (paused_ || (playback_ != nullptr && !playback_->is_playing())) { // first, where no screen is too narrow for it
        line.push_back({"  ", Style::plain});
        line.push_back({at_end ? tr("END") : tr("PAUSED"), Style::paused});
    }
    line.push_back(
        {"  " + (grouped_ ? tr("groups: {}", alive) : tr("flows: {}, closed: {}", alive, closed)), Style::plain});
    if (list_.rows().size() < alive + closed) {
        line.push_back({tr(", shown: {}", list_.rows().size()), Style::plain});
    }
    if (frame.snapshot->refused.value_or(0) != 0) {
        line.push_back({tr(", refused in the kernel: {}", *frame.snapshot->refused), Style::plain});
    }
    line.push_back(
        {"  " + (playback_ != nullptr ? tr("speed {:g}", playback_->speed())
                                      : tr("every {}", human(std::uint64_t(interval_.count()), unit_of("ns")))),
         Style::plain});
    if (const auto *column = list_.order().column) { // which may be out of sight
        line.push_back({"  " + tr("by {}", (list_.order().descending ? "-" : "") + column->name), Style::plain});
    }
    return line;
}

/// The conditions have a line of their own, where there are any.
std::vector<Line> Model::above(std::size_t width) const {
    std::vector<Line> lines = {header()};
    if (playback_ != nullptr) {
        for (auto &line : timeline(*playback_, width, unicode_)) {
            lines.push_back(std::move(line));
        }
    }
    Line conditions;
    for (const auto &condition : {conditions_, filter_}) {
        if (!condition.empty()) {
            conditions.push_back({conditions.empty() ? tr("where: {}", printable(condition))
                                                     : "  " + tr("and: {}", printable(condition)),
                                  Style::strong});
        }
    }
    if (!conditions.empty()) {
        lines.push_back(std::move(conditions));
    }
    return lines;
}

Line Model::message_or_keys(std::size_t width) const {
    if (!message_.empty()) {
        return {{message_, Style::warning}};
    }
    Line line;
    for (const auto &[key, meaning] : keys_here()) {
        const std::string space = line.empty() ? "" : "  ";
        const auto text = std::string(" ") + meaning;
        if (cells(line) + cells(space) + cells(key) + cells(text) > width) {
            break;
        }
        line.push_back({space, Style::plain});
        line.push_back({key, Style::strong});
        line.push_back({text, Style::plain});
    }
    return line;
}

/// The most useful first: there may not be room for all.
std::vector<std::pair<const char *, const char *>> Model::keys_here() const {
    switch (place_) {
    case Place::chooser:
        return {{"Space", translate("show or hide")}, {"s", translate("order by it")}, {"Enter", translate("back")}};
    case Place::detail:
        return {{"Esc", translate("back")},
                {"Up Down", translate("further fields")},
                {"p", translate("pause")},
                {"+-", playback_ == nullptr ? translate("interval") : translate("speed")},
                {"h", translate("help")}};
    case Place::help:
        return {{"Up Down", translate("further lines")}, {"Esc", translate("back")}};
    default:
        if (playback_ != nullptr) {
            return {{"h", translate("help")},        {"Left Right", translate("step")}, {"Space", translate("play")},
                    {"t", translate("go to")},       {"+-", translate("speed")},        {"/", translate("filter")},
                    {"Enter", translate("details")}, {"q", translate("quit")}};
        }
        return {{"h", translate("help")},    {"/", translate("filter")},  {"<>", translate("order")},
                {"r", translate("reverse")}, {"c", translate("columns")}, {"Enter", translate("details")},
                {"p", translate("pause")},   {"q", translate("quit")},    {"+-", translate("interval")}};
    }
}

Line Model::status() const {
    Line line;
    if (playback_ == nullptr) {
        line.push_back(
            {tr("own cost: CPU {:.1f}%, memory {}", cost_.cpu_percent, human(cost_.memory_bytes, unit_of("bytes"))) +
                 "  ",
             Style::plain});
    }
    if (missed_in_all_.empty()) {
        line.push_back({tr("missed: nothing"), Style::plain});
        return line;
    }
    if (!missed_.empty()) {
        line.push_back({tr("missed: {}", counts_text(missed_)) + "  ", Style::warning});
    }
    line.push_back({tr("missed in all: {}", counts_text(missed_in_all_)), Style::plain});
    return line;
}

std::vector<Line> Model::body(Size size) {
    switch (place_) {
    case Place::chooser:
        return chooser_->lines(size);
    case Place::detail:
        return detail_->lines(size);
    case Place::help:
        return help_.lines(size);
    default:
        return list_.lines(size);
    }
}

Picture Model::picture(Size size) {
    auto lines = above(size.columns);
    const auto *typed = prompt();
    auto below = typed != nullptr ? typed->lines(size.columns) : std::vector<Line>{message_or_keys(size.columns)};
    const auto others = lines.size() + below.size() + 1; // and the last line
    auto middle = body({std::max(size.rows, others) - others, size.columns});
    lines.insert(lines.end(), middle.begin(), middle.end());
    // Where there is not room for all, what is typed comes first, then the list.
    const auto room = size.rows - std::min(size.rows, below.size() + 1);
    lines.resize(room);
    const auto first_below = lines.size();
    lines.insert(lines.end(), below.begin(), below.end());
    lines.push_back(status());
    lines.resize(size.rows);
    for (auto &line : lines) {
        line = cut(std::move(line), size.columns);
    }
    Picture picture{std::move(lines)};
    if (typed != nullptr && first_below < size.rows && size.columns > 0) {
        picture.cursor = {first_below, std::min(typed->cursor(size.columns), size.columns - 1)};
    }
    return picture;
}

} // namespace tcp_stats
