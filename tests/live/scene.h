// Flows that always go the same way: for tests of the live view, and to look at.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "../unit/table.h"
#include "loop/snapshot_source.h"
#include "snapshot/history.h"

/// A second passes from snapshot to snapshot. Flow i sends (i + 1) * 100 kB a second; its number, as long as all are
/// there, is i + 1. The second flow closes with the third snapshot; the third has something missed. Some have names
/// that need care.
class Scene : public tcp_stats::SnapshotSource {
public:
    /// After snapshot `last` that one comes again and again, but for what closed or was missed; 0: no end.
    explicit Scene(std::size_t flows, std::uint64_t last = 0)
        : flows_(flows), last_(last), history_(table().reader()) {}

    static const Table &table() {
        static const Table made({{"saddr", "unsigned char 16"},
                                 {"daddr", "unsigned char 16"},
                                 {"sport", "unsigned short"},
                                 {"dport", "unsigned short"},
                                 {"proto", "unsigned char"},
                                 {"family", "unsigned char"},
                                 {"bytes_sent", "unsigned long long"},
                                 {"bytes_received", "unsigned long long"},
                                 {"retransmits", "unsigned long long"},
                                 {"last_state", "unsigned int"},
                                 {"srtt_us", "unsigned int"},
                                 {"rtt_us", "unsigned int"},
                                 {"cwnd", "unsigned int"},
                                 {"pid", "unsigned int"},
                                 {"cgroup", "unsigned long long"},
                                 {"comm", "char 16"},
                                 {"mss", "unsigned int"},
                                 {"notsent", "unsigned long long"},
                                 {"busy_us", "unsigned long long"},
                                 {"rwnd_limited_us", "unsigned long long"},
                                 {"sndbuf_limited_us", "unsigned long long"},
                                 {"recovery_us", "unsigned long long"},
                                 {"cwnd_limited", "unsigned char"},
                                 {"sndbuf_full", "unsigned char"},
                                 {"drift", "int"},
                                 {"first_seen_ns", "unsigned long long"},
                                 {"opened_ns", "unsigned long long"},
                                 {"sampled_ns", "unsigned long long"},
                                 {"state_since_ns", "unsigned long long"},
                                 {"connect_us", "unsigned int"},
                                 {"ended", "unsigned char"},
                                 {"error", "unsigned short"}});
        return made;
    }

    static tcp_stats::Columns columns() { return table().columns({}, "/web"); }

    tcp_stats::Result<std::optional<tcp_stats::Snapshot>> next() override {
        if (last_ != 0 && number_ == last_) {
            return kept_;
        }
        ++number_;
        auto snapshot = history_.next(reading());
        snapshot.time = std::chrono::system_clock::time_point(std::chrono::seconds(1'769'947'200 + number_));
        if (number_ == last_) {
            kept_ = snapshot;
            kept_.flows.resize(kept_.flows.size() - kept_.closed_count);
            kept_.closed_count = 0;
            kept_.missed.clear();
        }
        return snapshot;
    }

private:
    static constexpr std::uint64_t second_ns = 1'000'000'000;
    static constexpr std::size_t closing_flow = 1;
    static constexpr std::uint64_t closing_snapshot = 3;

    Table::Maker record(std::size_t i) const {
        static constexpr std::array comms = {"nginx", "sshd", "curl", "a b\x1b[31m", "caf\xc3\xa9"};
        const auto n = number_;
        auto made = table().record();
        if (i % 4 == 3) {
            made.set("family", AF_INET6)
                .address("saddr", AF_INET6, "2001:db8::1")
                .address("daddr", AF_INET6, "2001:db8::2");
        } else {
            made.set("family", AF_INET).address("saddr", AF_INET, "10.0.0.1");
            made.address("daddr", AF_INET,
                         ("10.0." + std::to_string(i / 250) + "." + std::to_string(2 + i % 250)).c_str());
        }
        made.set("sport", 443).set("dport", htons(static_cast<std::uint16_t>(1000 + i % 60000))).set("proto", 6);
        made.set("bytes_sent", n * (i + 1) * 100'000).set("bytes_received", n * 1000 * (i % 3));
        made.set("retransmits", i % 5 == 0 ? n * (n + i) / 4 : 0).set("last_state", 1);
        made.set("rtt_us", 1000 * (i % 100 + 1) + 700 * (n % 5)).set("srtt_us", 8000 * (i % 100 + 1));
        made.set("cwnd", 10 + (n * 3 + i) % 40)
            .set("pid", 100 + i)
            .set("cgroup", 7)
            .set("comm", comms[i % comms.size()]);
        made.set("mss", 1448).set("busy_us", n * 900'000).set("cwnd_limited", i % 2);
        made.set("rwnd_limited_us", i % 7 == 2 ? n * 600'000 : 0).set("recovery_us", i % 5 == 0 ? n * 700'000 : 0);
        made.set("state_since_ns", second_ns * 6 / 10).set("connect_us", 500 * (i + 1));
        made.set("drift", static_cast<std::uint64_t>(-static_cast<std::int64_t>(i)));
        return made.set("first_seen_ns", i + 1).set("opened_ns", second_ns / 2).set("sampled_ns", n * second_ns);
    }

    tcp_stats::Reading reading() const {
        tcp_stats::Reading reading;
        reading.time_ns = number_ * second_ns;
        for (std::size_t i = 0; i < flows_; ++i) {
            const bool closes = i == closing_flow && number_ == closing_snapshot;
            if (i != closing_flow || number_ < closing_snapshot) {
                Table::add(reading.live, 0x1000 + i, record(i));
            } else if (closes) {
                Table::add(reading.closed, 0x1000 + i,
                           record(i).set("last_state", 7).set("ended", 4).set("error", ECONNRESET));
            }
        }
        reading.missed = {{"probe_missed", number_ < closing_snapshot ? 0U : 12U}};
        return reading;
    }

    std::size_t flows_;
    std::uint64_t last_;
    std::uint64_t number_ = 0;
    tcp_stats::History history_;
    tcp_stats::Snapshot kept_;
};
