#include "live/live_display.h"

#include <utility>

namespace tcp_stats {
namespace {

/// So many keys at most are taken before others have their turn: somebody may paste a book.
constexpr int most_keys = 100;

} // namespace

LiveDisplay::LiveDisplay(const Columns &columns, Model::Settings settings, bool colour, std::function<Cost()> cost)
    : playback_(settings.playback), model_(columns, std::move(settings)), colour_(colour), cost_(std::move(cost)) {}

Result<Viewer> LiveDisplay::show(Snapshot snapshot) {
    if (screen_ == nullptr) {
        auto opened = Screen::open(colour_);
        if (!opened) {
            return tl::unexpected(opened.error());
        }
        log_.emplace();
        screen_ = std::move(*opened);
    }
    model_.take(std::move(snapshot), cost_());
    if (playback_ == nullptr || !playback_->is_on_its_way()) {
        draw();
    }
    return Viewer::stays;
}

std::vector<int> LiveDisplay::inputs() const { return screen_ == nullptr ? std::vector<int>() : screen_->inputs(); }

Result<Viewer> LiveDisplay::respond() {
    screen_->handle_signals();
    for (int i = 0; i < most_keys && !model_.left(); ++i) {
        const auto key = screen_->key();
        if (!key) {
            break;
        }
        press(*key);
    }
    if (model_.left() || screen_->has_gone()) {
        close();
        return Viewer::left;
    }
    draw();
    return Viewer::stays;
}

void LiveDisplay::press(const Key &key) {
    if (key.code == Key::Code::character && key.character == control('l')) {
        screen_->redraw_all();
    } else if (key.code == Key::Code::character && key.character == control('z')) {
        screen_->suspend();
    } else {
        model_.press(key);
    }
}

void LiveDisplay::draw() {
    if (const auto message = log_->take_last()) {
        model_.say(*message);
    }
    screen_->draw(model_.picture(screen_->size()));
}

Result<void> LiveDisplay::end(bool /*counted*/) {
    close();
    return {};
}

void LiveDisplay::close() {
    screen_.reset();
    log_.reset();
}

} // namespace tcp_stats
