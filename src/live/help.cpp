#include "live/help.h"

#include <algorithm>

#include "base/translate.h"
#include "live/cells.h"

namespace tcp_stats {
namespace {

struct Entry {
    const char *keys; ///< empty: goes on from the line above
    const char *meaning;
};

/// In the list, whatever is shown.
std::vector<Entry> entries_of_list() {
    return {
        {"Up Down j k", translate("select a flow; the selection stays with it")},
        {"PgUp PgDn", translate("a page further")},
        {"Home End g G", translate("the first, and stay at the top; the last")},
        {"Enter", translate("everything about the selected flow")},
        {"< >", translate("order by the column before or behind")},
        {"r", translate("reverse the order")},
        {"c", translate("choose columns from all fields; order by any of them")},
        {"/", translate("show flows for which a condition is true, as --where has it:")},
        {"", "rtt_us > 20ms and (retr > 0 or limit == rwnd)"},
        {"", translate("Enter applies, Esc leaves it as it was, an empty line shows all")},
    };
}

std::vector<Entry> entries_of_time(bool playback) {
    if (playback) {
        return {
            {"Left Right", translate("a snapshot back or on; with Shift a minute")},
            {"t", translate("go to a time, as --at has it: 23:10, or -10m before the end")},
            {"p Space", translate("play, or stay here")},
            {"+ -", translate("faster, slower")},
            {"[ ]", translate("see further columns")},
        };
    }
    return {
        {"Left Right [ ]", translate("see further columns")},
        {"p Space", translate("pause: what is shown stays; nothing is missed meanwhile")},
        {"+ -", translate("longer or shorter time between snapshots")},
    };
}

std::vector<Entry> entries(bool playback) {
    auto all = entries_of_list();
    const auto add = [&](const std::vector<Entry> &some) { all.insert(all.end(), some.begin(), some.end()); };
    add(entries_of_time(playback));
    add({
        {"h ? F1", translate("this page")},
        {"Ctrl-L", translate("draw anew")},
        {"q", translate("leave")},
        {"", ""},
        {"x", translate("before a row: the flow has closed, and goes after some seconds")},
        {"limit", translate("what held the sender back most: app cwnd rwnd sndbuf loss")},
        {"missed", translate("what this view does not know of: docs/fields.md says what each is")},
    });
    return all;
}

constexpr std::size_t keys_width = 16;

} // namespace

bool Help::press(const Key &key) {
    using enum Key::Code;
    const bool further = key.code == down || (key.code == character && key.character == U'j');
    const bool back = key.code == up || (key.code == character && key.character == U'k');
    top_ = further ? top_ + 1 : back && top_ > 0 ? top_ - 1 : top_;
    return further || back;
}

std::vector<Line> Help::lines(Size size) {
    std::vector<Line> lines = {{{fitted(" " + tr("Keys; any other key goes back"), size.columns), Style::heading}}};
    const auto all = entries(playback_);
    const auto room = std::max<std::size_t>(size.rows, 2) - 1;
    top_ = std::min(top_, all.size() - std::min(all.size(), room));
    for (auto i = top_; i < all.size() && lines.size() <= room; ++i) {
        lines.push_back(
            {{fitted("  " + std::string(all[i].keys), keys_width), Style::strong}, {all[i].meaning, Style::plain}});
    }
    return lines;
}

} // namespace tcp_stats
