#include "report/verdict.h"

#include <algorithm>
#include <array>

#include "base/translate.h"
#include "output/human.h"

namespace tcp_stats {
namespace {

/// Of the time with data to send or unacknowledged: what is less is not worth a word.
constexpr double least_share = 0.1;

std::string text_of(double number, const char *unit) { return human(number, unit_of(unit)); }

/// By what most segments were found missing; empty: it is not known, or by nothing more than by others.
std::string main_cause(const Grown &grown) {
    struct Cause {
        std::uint64_t count;
        std::string text;
    };
    const std::array causes = {Cause{grown[Grown::rto], tr("mostly after a retransmission time-out")},
                               Cause{grown[Grown::fast], tr("mostly in fast recovery")},
                               Cause{grown[Grown::probe], tr("mostly as tail-loss probes")},
                               Cause{grown[Grown::syn], tr("mostly SYNs and SYN-ACKs")}};
    const auto most = std::max_element(causes.begin(), causes.end(),
                                       [](const Cause &one, const Cause &other) { return one.count < other.count; });
    return most->count * 2 > grown[Grown::retransmits] ? most->text : "";
}

std::string loss(const Grown &grown) {
    const auto again = grown[Grown::retransmits];
    if (again == 0) {
        return tr("Nothing was sent again.");
    }
    auto text = again == 1 ? tr("One segment was sent again") : tr("{} segments were sent again", again);
    if (grown[Grown::segments] > 0) {
        const auto share = 100 * static_cast<double>(again) / static_cast<double>(grown[Grown::segments]);
        text += ", " + tr("{} of those with data", text_of(std::min(share, 100.0), "%"));
    }
    if (const auto cause = main_cause(grown); !cause.empty()) {
        text += ", " + cause;
    }
    return text + ".";
}

/// What held the sender back.
std::string limits(const Grown &grown) {
    struct Limited {
        Grown::Counter counter;
        std::string text;
    };
    const std::array all = {Limited{Grown::recovery_us, tr("loss recovery")},
                            Limited{Grown::rwnd_us, tr("the receiver's window")},
                            Limited{Grown::sndbuf_us, tr("the send buffer")}};
    std::string text;
    for (const auto &[counter, name] : all) {
        const auto share = static_cast<double>(grown[counter]) /
                           static_cast<double>(std::max<std::uint64_t>(grown[Grown::busy_us], 1));
        if (grown[Grown::busy_us] > 0 && share >= least_share) {
            text += (text.empty() ? "" : ", ") +
                    tr("{} for {} of the time", name, text_of(100 * std::min(share, 1.0), "%"));
        }
    }
    return text.empty() ? "" : " " + tr("While it had data to send it was held back by {}.", text);
}

std::string queue(const Troubled &connection) {
    const auto &[least, highest] = std::pair(connection.course.least_rtt_us, connection.course.highest_rtt_us);
    if (least == 0 || highest < 2 * least) {
        return "";
    }
    return " " + tr("Its round trip rose from {} to {}.", text_of(static_cast<double>(least), "us"),
                    text_of(static_cast<double>(highest), "us"));
}

std::string ending(const Troubled &connection) {
    if (!connection.closed) {
        return " " + tr("It was open when it was last seen.");
    }
    if (connection.ended.empty()) {
        return "";
    }
    return " " + (connection.error.empty() ? tr("It ended by {}.", connection.ended)
                                           : tr("It ended by {} ({}).", connection.ended, connection.error));
}

} // namespace

std::string verdict(const Troubled &connection) {
    return loss(connection.course.grown) + limits(connection.course.grown) + queue(connection) + ending(connection);
}

} // namespace tcp_stats
