// Records for tests: a layout from a list of fields, and values put in by name.
#pragma once

#include <cstring>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>

#include "column/columns.h"
#include "compile/record_description.h"
#include "record/record_reader.h"

class Table {
public:
    using Type = std::pair<const char *, const char *>;

    /// Each type as BCC names it; `char 16` is an array.
    explicit Table(std::initializer_list<Type> types) : Table(parse(types)) {}

    /// Connections: what most tests need of them, and what one needs beyond.
    static Table of_connections(std::initializer_list<Type> further) {
        std::vector<Type> types = {{"saddr", "unsigned char 16"},        {"daddr", "unsigned char 16"},
                                   {"sport", "unsigned short"},          {"dport", "unsigned short"},
                                   {"proto", "unsigned char"},           {"family", "unsigned char"},
                                   {"bytes_sent", "unsigned long long"}, {"retransmits", "unsigned long long"},
                                   {"last_state", "unsigned int"},       {"srtt_us", "unsigned int"}};
        types.insert(types.end(), further);
        return Table(parse(types));
    }

    const tcp_stats::RecordReader &reader() const { return reader_; }

    class Maker {
    public:
        explicit Maker(const tcp_stats::RecordLayout &layout) : layout_(layout), bytes_(layout.size()) {}

        Maker &set(const char *name, std::uint64_t value) { return copy(name, &value, sizeof(value)); }
        Maker &set(const char *name, const std::string &text) { return copy(name, text.data(), text.size()); }
        Maker &address(const char *name, int family, const char *text) {
            std::uint8_t address[16] = {};
            inet_pton(family, text, address);
            return copy(name, address, sizeof(address));
        }
        /// An established connection between these.
        Maker &ends(int family, const char *local, std::uint16_t local_port, const char *remote,
                    std::uint16_t remote_port) {
            set("family", static_cast<std::uint64_t>(family)).set("proto", 6).set("last_state", 1);
            address("saddr", family, local).address("daddr", family, remote);
            return set("sport", local_port).set("dport", htons(remote_port));
        }
        const std::vector<std::byte> &bytes() const { return bytes_; }

    private:
        Maker &copy(const char *name, const void *data, std::size_t size) {
            const auto *field = layout_.find(name);
            require(field != nullptr);
            std::memcpy(bytes_.data() + field->offset, data, std::min(size, field->size));
            return *this;
        }

        const tcp_stats::RecordLayout &layout_;
        std::vector<std::byte> bytes_;
    };

    /// A record of zeros, to be filled.
    Maker record() const { return Maker(layout_); }

    /// Makes `records` where there are none yet.
    static void add(std::shared_ptr<tcp_stats::Records> &records, std::uint64_t sock, const Maker &maker) {
        if (records == nullptr) {
            records = std::make_shared<tcp_stats::Records>(maker.bytes().size());
        }
        records->add(sock, maker.bytes().data());
    }

    /// The columns of its flows; every cgroup has the path `cgroup`.
    tcp_stats::Columns columns(const std::vector<tcp_stats::UserField> &fields = {},
                               const std::string &cgroup = "") const {
        return {reader_, [path = cgroup](std::uint64_t) -> const std::string & { return path; }, fields};
    }

private:
    explicit Table(tcp_stats::RecordLayout layout) : layout_(std::move(layout)), reader_(create(layout_)) {}

    static void require(bool condition) {
        if (!condition) {
            throw std::logic_error("no such table");
        }
    }

    static tcp_stats::RecordLayout parse(const std::vector<Type> &types) {
        std::string members;
        std::size_t size = 0;
        for (const auto &[name, type] : types) {
            const std::string text = type;
            const auto last = text.rfind(' ');
            const bool array = last != std::string::npos && text.find_first_of("0123456789", last) != std::string::npos;
            const auto element = array ? text.substr(0, last) : text;
            const auto length = array ? std::stoul(text.substr(last)) : 1;
            const auto each = element.ends_with("char")    ? 1U
                              : element.ends_with("short") ? 2U
                              : element.ends_with("int")   ? 4U
                                                           : 8U;
            size += each * length;
            members += (members.empty() ? "" : ", ") + std::string("[\"") + name + "\", \"" + element + "\"" +
                       (array ? ", [" + std::to_string(length) + "]" : "") + "]";
        }
        auto layout = tcp_stats::parse_record_description("[\"s\", [" + members + "], \"struct_packed\"]", size);
        require(layout.has_value());
        return *layout;
    }

    static tcp_stats::RecordReader create(const tcp_stats::RecordLayout &layout) {
        auto reader = tcp_stats::RecordReader::create(layout);
        require(reader.has_value());
        return *reader;
    }

    tcp_stats::RecordLayout layout_;
    tcp_stats::RecordReader reader_;
};
