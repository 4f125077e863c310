// The line format against golden files, byte for byte, in the language of the environment.
#include "output/line_writer.h"

#include "base/translate.h"
#include "golden.h"
#include "snapshot/history.h"
#include "table.h"
#include "view/view.h"

using namespace tcp_stats;

namespace {

const Table &table() {
    static const auto made = Table::of_connections({{"pkts_sent", "unsigned long long"},
                                                    {"last_seen_ns", "unsigned long long"},
                                                    {"rtt_us", "unsigned int"},
                                                    {"cwnd", "unsigned int"},
                                                    {"sendmsg_calls", "unsigned long long"},
                                                    {"drift", "int"},
                                                    {"comm", "char 16"},
                                                    {"mac", "unsigned char 2"},
                                                    {"min_rtt_us", "unsigned int"},
                                                    {"cgroup", "unsigned int"},
                                                    {"first_seen_ns", "unsigned long long"},
                                                    {"opened_ns", "unsigned long long"},
                                                    {"sampled_ns", "unsigned long long"}});
    return made;
}

/// The flow of the contract's example.
Table::Maker example_flow() {
    auto record = table().record();
    record.ends(AF_INET, "10.0.0.1", 443, "10.0.0.2", 53152);
    record.set("pkts_sent", 42).set("bytes_sent", 58432).set("retransmits", 1).set("rtt_us", 12345);
    record.set("srtt_us", 98765).set("cwnd", 10).set("last_seen_ns", 1234567890123456).set("first_seen_ns", 1);
    return record.set("min_rtt_us", 0xffffffff); // not measured: not shown
}

std::string a_whole_run() {
    constexpr std::uint64_t sock = 0xffff9b48aab0;
    History history(table().reader());
    const auto columns = table().columns({}, "/shop/a b");
    LineWriter writer({}, columns, table().reader());
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    writer.begin(sink);
    const auto show = [&](Reading reading) {
        const auto snapshot = history.next(std::move(reading));
        writer.write(snapshot, rows_in_view(snapshot, {}), sink);
    };

    show({});
    Reading one;
    Table::add(one.live, sock, example_flow().set("sampled_ns", 1000000000));
    show(std::move(one));

    Reading further;
    further.time_ns = 3000000000;
    auto flow = example_flow();
    flow.address("saddr", AF_INET6, "2001:db8::1")
        .address("daddr", AF_INET6, "::ffff:10.0.0.2")
        .set("family", AF_INET6);
    flow.set("dport", 0xffff).set("rtt_us", 7).set("srtt_us", 60).set("last_state", 12).set("bytes_sent", 59432);
    flow.set("sendmsg_calls", ~std::uint64_t(0)).set("drift", static_cast<std::uint64_t>(-3)).set("mac", 0xff00);
    flow.set("comm", std::string("a b\x1b[31m\\\xc3\xa9")).set("min_rtt_us", 0).set("cgroup", 5);
    flow.set("opened_ns", 500000000).set("sampled_ns", 3000000000);
    Table::add(further.live, sock, flow);
    Table::add(further.live, sock + 1, flow.set("last_state", 7));
    further.missed = {{"untracked", 900}, {"closed_lost", 0}, {"probe_missed", 2}};
    show(std::move(further));
    sink.flush();
    return text + last_words(OutputFormat::line);
}

} // namespace

TEST_CASE("a run in English reads as the golden file", "[english]") { CHECK(a_whole_run() == golden("line.en.txt")); }

TEST_CASE("a run in Portuguese has the script's own sentences and the same data lines", "[.portuguese]") {
    CHECK(a_whole_run() == golden("line.pt_BR.txt"));
}
