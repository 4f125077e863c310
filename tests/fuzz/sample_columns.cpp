#include "sample_columns.h"

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "compile/record_description.h"

namespace fuzz {

using namespace tcp_stats;

namespace {

struct Member {
    std::string name;
    const char *type; ///< as BCC names it
    std::size_t size; ///< in bytes
    bool array;
};

Member member_of(std::string_view name) {
    if (name == "saddr" || name == "daddr") {
        return {std::string(name), "unsigned char", 16, true};
    }
    if (name == "comm" || name == "ca") {
        return {std::string(name), "char", 16, true};
    }
    if (name == "sport" || name == "dport") {
        return {std::string(name), "unsigned short", 2, false};
    }
    return {std::string(name), "unsigned long long", 8, false};
}

/// Every known field of the record, and three that a user's own program may have: with a sign, of bytes, and one of
/// --field.
std::vector<Member> members() {
    std::vector<Member> all;
    for (const auto &field : known_fields()) {
        if (field.source == Source::record || field.source == Source::internal) {
            all.push_back(member_of(field.name));
        }
    }
    all.push_back(member_of("family"));
    all.push_back({"drift", "long long", 8, false});
    all.push_back({"raw", "unsigned char", 4, true});
    all.push_back({"pacing", "unsigned long long", 8, false});
    return all;
}

RecordLayout layout_of(const std::vector<Member> &members) {
    std::string description;
    std::size_t size = 0;
    for (const auto &[name, type, bytes, array] : members) {
        description += (description.empty() ? "[\"" : ", [\"") + name + "\", \"" + type + "\"" +
                       (array ? ", [" + std::to_string(bytes) + "]]" : "]");
        size += bytes;
    }
    return parse_record_description("[\"s\", [" + description + "], \"struct_packed\"]", size).value();
}

/// 10.1.2.3:443 -> [2001:db8::7]:50000, ESTABLISHED, nginx; every other number is one of its own.
std::vector<std::byte> usual_record(const RecordLayout &layout) {
    std::vector<std::byte> record(layout.size());
    const auto set = [&](const char *name, const void *data, std::size_t size) {
        std::memcpy(record.data() + layout.find(name)->offset, data, size);
    };
    const auto set_number = [&](const char *name, std::uint64_t number) {
        set(name, &number, layout.find(name)->size);
    };
    std::uint64_t next = 1;
    for (const auto &field : layout.fields()) {
        if (field.size == sizeof(next)) {
            set_number(field.name.c_str(), ++next * 1000);
        }
    }
    std::array<std::uint8_t, 16> address{};
    inet_pton(AF_INET6, "::ffff:10.1.2.3", address.data());
    set("saddr", address.data(), address.size());
    inet_pton(AF_INET6, "2001:db8::7", address.data());
    set("daddr", address.data(), address.size());
    set_number("family", AF_INET6);
    set_number("sport", 443);
    set_number("dport", htons(50000));
    set_number("proto", IPPROTO_TCP);
    set_number("last_state", 1);
    set_number("drift", static_cast<std::uint64_t>(-3));
    set("comm", "nginx", 5);
    set("ca", "cubic", 5);
    return record;
}

} // namespace

SampleColumns::SampleColumns() {
    const auto layout = layout_of(members());
    reader_ = RecordReader::create(layout).value();
    static const std::string path = "/system.slice/nginx.service";
    columns_.emplace(
        *reader_, [](std::uint64_t) -> const std::string & { return path; },
        std::vector<UserField>{{"pacing", "bytes/s", "sk->sk_pacing_rate"}});
    const auto usual = usual_record(layout);
    auto earlier = usual;
    for (const auto *counter : {"bytes_sent", "busy_us", "sampled_ns", "retransmits"}) {
        std::memset(earlier.data() + layout.find(counter)->offset, 0, layout.find(counter)->size);
    }
    const auto live = std::make_shared<Records>(layout.size());
    live->add(1, std::vector<std::byte>(layout.size()).data());
    live->add(2, std::vector<std::byte>(layout.size(), std::byte{0xff}).data());
    live->add(3, usual.data());
    const auto before = std::make_shared<Records>(layout.size());
    before->add(3, earlier.data());
    snapshot_.live = live;
    snapshot_.before = before;
    snapshot_.flows = {{1, 0}, {2, 1}, {3, 2, 0}};
    for (std::size_t i = 0; i < snapshot_.flows.size(); ++i) {
        rows_.push_back({&snapshot_, i});
    }
}

} // namespace fuzz
