// Many flows with records of the built-in program, that go on from snapshot to snapshot: for benchmarks.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>

#include "../compile/target_kernels.h"
#include "column/columns.h"
#include "compile/compiler.h"
#include "compile/private_directory.h"
#include "compile/program_text.h"
#include "record/record_reader.h"
#include "snapshot/history.h"

/// The record of the built-in program, compiled by the types of the first of `kernels`. That needs no privilege.
inline tcp_stats::RecordLayout built_in_layout() {
    using namespace tcp_stats;
    auto text = ProgramText::built_in();
    text.definitions = {"KERNEL_HZ=250", "RING_BUFFER"};
    const auto program = run_compiler({text, TypeSource::btf, kernels().front(), private_directory_name()}, text, -1);
    if (!program) {
        throw std::runtime_error(program.error().message + "\n" + program.error().details);
    }
    return program->value().map("flow_stats")->value;
}

/// Every other flow sends, every eighth is IPv6, all but a few have every field that an established connection has.
class BusyFlows {
public:
    BusyFlows(const tcp_stats::RecordLayout &layout, std::size_t count)
        : layout_(layout), now_(std::make_shared<tcp_stats::Records>(layout.size())),
          next_(std::make_shared<tcp_stats::Records>(layout.size())) {
        for (auto *records : {now_.get(), next_.get()}) {
            const auto room = records->room_for(count);
            std::memset(room.records, 0, count * layout.size());
            for (std::size_t i = 0; i < count; ++i) {
                // A table hands them over in the order of a hash.
                room.socks[i] = 0xffff'8880'0000'0000 + (i * 0x9e37'79b9 % 0xffff'ffff) * 0x900;
                fill(room.records + i * layout.size(), i);
            }
            records->grow(count);
        }
    }

    /// Their processes have so many names in all.
    void name_processes(std::size_t names) {
        for (auto *records : {now_.get(), next_.get()}) {
            for (std::size_t i = 0; i < records->size(); ++i) {
                put_text(first_of(*records) + i * layout_.size(), "comm", "process" + std::to_string(i % names));
            }
        }
    }

    const tcp_stats::RecordLayout &layout() const { return layout_; }

    /// The next reading, a second after the one before.
    tcp_stats::Reading reading() {
        ++number_;
        std::swap(now_, next_);
        const auto room = first_of(*now_);
        const auto *sampled = layout_.find("sampled_ns");
        const auto *bytes = layout_.find("bytes_sent");
        const auto *segments = layout_.find("segs_out");
        for (std::size_t i = 0; i < now_->size(); ++i) {
            auto *record = room + i * layout_.size();
            put(record, *sampled, number_ * second_ns + i);
            put(record, *bytes, 1'234'567 * number_ + i * (i % 2) * number_);
            put(record, *segments, 1000 * number_);
        }
        tcp_stats::Reading reading;
        reading.time_ns = number_ * second_ns;
        reading.live = now_;
        return reading;
    }

    /// What a BPF table is filled with.
    const std::shared_ptr<tcp_stats::Records> &records() const { return now_; }

private:
    static constexpr std::uint64_t second_ns = 1'000'000'000;

    static std::byte *first_of(tcp_stats::Records &records) {
        return const_cast<std::byte *>(records[0].data()); // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }

    static void put(std::byte *record, const tcp_stats::RecordField &field, std::uint64_t value) {
        std::memcpy(record + field.offset, &value, std::min(field.size, sizeof(value)));
    }

    void put(std::byte *record, const char *name, std::uint64_t value) const {
        if (const auto *field = layout_.find(name)) {
            put(record, *field, value);
        }
    }

    void put_text(std::byte *record, const char *name, std::string_view text) const {
        std::memcpy(record + layout_.find(name)->offset, text.data(), text.size());
    }

    void fill(std::byte *record, std::size_t i) const {
        std::uint64_t next = i;
        for (const auto &field : layout_.fields()) {
            if (field.shown && field.kind == tcp_stats::FieldKind::unsigned_integer) {
                next = next * 6364136223846793005 + 1442695040888963407;
                put(record, field, next >> 33U >> (8 * (field.size < 4 ? 4 - field.size : 0)) >> (i % 20));
            }
        }
        const bool ipv6 = i % 8 == 7;
        const auto address = [&](const char *name, const std::string &text) {
            inet_pton(ipv6 ? AF_INET6 : AF_INET, text.c_str(), record + layout_.find(name)->offset);
        };
        const auto host = std::to_string(i / 250 % 250) + (ipv6 ? ":" : ".") + std::to_string(1 + i % 250);
        address("saddr", ipv6 ? "2001:db8::443" : "10.20.30.40");
        address("daddr", ipv6 ? "2001:db8:7::" + host : "192.168." + host);
        put(record, "family", ipv6 ? AF_INET6 : AF_INET);
        put(record, "proto", 6);
        put(record, "sport", 443);
        put(record, "dport", htons(static_cast<std::uint16_t>(1024 + i % 60000)));
        put(record, "last_state", 1);
        put(record, "closed_from", 0);
        put(record, "ca_state", i % 5);
        put(record, "role", 1 + i % 2);
        put(record, "first_seen_ns", second_ns / 2 + i);
        put(record, "opened_ns", second_ns / 2 + i);
        put(record, "closed_ns", 0);
        put(record, "cgroup", 100 + i % 10);
        put(record, "busy_us", 0);
        put(record, "rwnd_limited_us", 0);
        put(record, "sndbuf_limited_us", 0);
        put(record, "recovery_us", 0);
        put_text(record, "comm", "nginx");
        put_text(record, "ca", "cubic");
    }

    const tcp_stats::RecordLayout &layout_;
    std::shared_ptr<tcp_stats::Records> now_, next_;
    std::uint64_t number_ = 0;
};
