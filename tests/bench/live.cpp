// live [FLOWS…]: how long the live view takes from a key to the picture, and for a snapshot, with so many flows
// (default 1000 and 16000). Prints figures of this machine, and what grows with the number of flows.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "../live/scene.h"
#include "live/model.h"

namespace {

using namespace tcp_stats;

/// The median of some runs, in µs.
template <typename Action> double measured_us(Action action) {
    std::vector<double> runs;
    for (int i = 0; i < 15; ++i) {
        const auto start = std::chrono::steady_clock::now();
        action();
        runs.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    std::nth_element(runs.begin(), runs.begin() + 7, runs.end());
    return runs[7];
}

void run(std::size_t flows) {
    const auto columns = Scene::columns();
    View view;
    view.order = {columns.find("bytes_per_s"), true};
    Model model(columns, {std::move(view), "", {}, std::chrono::seconds(1), true});
    Scene scene(flows);
    const Size size{50, 160};
    std::printf("%zu flows, %zux%zu\n", flows, size.columns, size.rows);
    const auto show = [](const char *what, double us) { std::printf("  %-40s %10.0f us\n", what, us); };
    double taking_us = 0;
    for (int i = 0; i < 15; ++i) { // without making the snapshot
        auto snapshot = **scene.next();
        const auto start = std::chrono::steady_clock::now();
        model.take(std::move(snapshot), {});
        model.picture(size);
        taking_us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    }
    show("snapshot to picture", taking_us);
    const auto key = [&](const char *what, Key pressed) {
        show(what, measured_us([&] {
                 model.press(pressed);
                 model.picture(size);
             }));
    };
    key("Down to picture", {Key::Code::down});
    key("PgDn to picture", {Key::Code::page_down});
    key("End to picture", {Key::Code::end});
    key("r, a new order, to picture", character_key(U'r'));
    model.press(character_key(U'/'));
    for (const char c : std::string("rtt_us > 20ms")) {
        model.press(character_key(static_cast<unsigned char>(c)));
    }
    show("a condition to picture", measured_us([&] {
             model.press({Key::Code::enter});
             model.picture(size);
             model.press(character_key(U'/'));
         }));
}

} // namespace

int main(int argc, char **argv) {
    const std::vector<std::string> given(argv + 1, argv + argc);
    for (const auto &flows : given.empty() ? std::vector<std::string>{"1000", "16000"} : given) {
        run(std::stoull(flows));
    }
}
