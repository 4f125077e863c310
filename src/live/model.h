// The live view without its screen: keys and snapshots go in, a picture comes out.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "live/chooser.h"
#include "live/detail.h"
#include "live/filter_line.h"
#include "live/flow_list.h"
#include "live/frame.h"
#include "live/help.h"
#include "live/own_cost.h"
#include "live/picture.h"
#include "live/time_line.h"
#include "live/trace.h"
#include "loop/playback.h"

namespace tcp_stats {

class Model {
public:
    struct Settings {
        View view;                           ///< conditions, order and number that the options ask for
        std::string conditions;              ///< those conditions as text
        std::vector<const Column *> columns; ///< to begin with; empty: those of a table
        std::chrono::nanoseconds interval;
        bool unicode;                 ///< the terminal shows more than ASCII
        bool grouped = false;         ///< the rows are groups of flows
        Playback *playback = nullptr; ///< null: what is shown is now
    };

    /// `columns` and the playback must outlive it.
    Model(const Columns &columns, Settings settings);

    /// While it is paused, what is shown stays; traces and counts go on. They begin anew with a snapshot that has
    /// none before it.
    void take(Snapshot snapshot, const Cost &cost);

    void press(const Key &key);

    /// Shows a message until the next key. It may have any bytes.
    void say(const std::string &message);

    bool left() const { return left_; } ///< the viewer wants to leave
    std::chrono::nanoseconds interval() const { return interval_; }

    /// Exactly `size`.
    Picture picture(Size size);

    std::size_t traced_flows() const { return traces_.size(); }

private:
    enum class Place { list, filter, time, chooser, detail, help };

    void show_latest();
    void set_paused(bool paused);
    bool press_playback(const Key &key);
    void press_in_list(const Key &key);
    bool press_letter(char32_t letter);
    void press_in_filter(const Key &key);
    void press_in_chooser(const Key &key);
    void open_detail();
    void change_interval(bool longer);
    const Prompt *prompt() const;
    void count(const std::vector<Count> &missed);

    Line header() const;
    std::vector<Line> above(std::size_t width) const;
    Line message_or_keys(std::size_t width) const;
    std::vector<std::pair<const char *, const char *>> keys_here() const; ///< keys, and what they do
    Line status() const;
    std::vector<Line> body(Size size);

    const Columns &columns_;
    std::string conditions_;
    std::chrono::nanoseconds interval_;
    bool grouped_;
    bool unicode_;
    Playback *playback_;

    Frame latest_;
    Traces traces_;
    FlowList list_; ///< has the frame that is shown
    std::vector<Count> missed_;
    std::vector<Count> missed_in_all_; ///< of what is missing now, the most
    Cost cost_;

    Place place_ = Place::list;
    bool paused_ = false;
    bool left_ = false;
    std::string filter_; ///< as it was typed
    std::string message_;
    std::optional<FilterLine> filter_line_;
    std::optional<TimeLine> time_line_;
    std::optional<Chooser> chooser_;
    std::optional<Detail> detail_;
    Help help_;
    Place before_help_ = Place::list;
};

} // namespace tcp_stats
