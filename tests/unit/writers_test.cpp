// Columns, order, and the formats table, json and csv against golden files.
#include "output/writer.h"

#include <set>
#include <sstream>

#include "cli/options.h"
#include "golden.h"
#include "snapshot/history.h"
#include "table.h"
#include "utf8_locale.h"
#include "view/groups.h"
#include "view/view.h"

using namespace tcp_stats;

namespace {

constexpr std::uint64_t second = 1'000'000'000;

const Table &table() {
    static const auto made = Table::of_connections({{"rtt_us", "unsigned int"},
                                                    {"comm", "char 16"},
                                                    {"min_rtt_us", "unsigned int"},
                                                    {"drift", "int"},
                                                    {"mac", "unsigned char 2"},
                                                    {"first_seen_ns", "unsigned long long"},
                                                    {"opened_ns", "unsigned long long"},
                                                    {"sampled_ns", "unsigned long long"},
                                                    {"state_since_ns", "unsigned long long"},
                                                    {"ended", "unsigned char"},
                                                    {"error", "unsigned short"}});
    return made;
}

const Columns &columns() {
    static const auto made = table().columns();
    return made;
}

Table::Maker record(std::uint16_t port, std::uint64_t bytes, const std::string &comm) {
    auto made = table().record();
    made.ends(AF_INET, "10.0.0.1", 443, "10.0.0.2", port).set("bytes_sent", bytes);
    made.set("rtt_us", 12345).set("srtt_us", 98760).set("retransmits", port % 3).set("min_rtt_us", 0xffffffff);
    made.set("comm", comm).set("first_seen_ns", port).set("sampled_ns", second);
    return made;
}

/// Two snapshots: three flows with names that need care, then one of them goes on and one has closed. The layout's
/// columns, if any, are those of the view's rows.
std::string two_snapshots(OutputFormat format, Layout layout = {}, View view = {}, Groups *groups = nullptr) {
    History history(table().reader());
    const auto &of_rows = groups != nullptr ? groups->columns() : columns();
    layout.group_by = groups != nullptr ? groups->key() : "";
    const auto writer = make_writer(format, std::move(layout), of_rows, table().reader());
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    writer->begin(sink);
    const std::chrono::system_clock::time_point noon(std::chrono::seconds(1'769'947'200));
    const auto show = [&](Reading reading) {
        auto snapshot = history.next(std::move(reading));
        snapshot.time = noon + std::chrono::nanoseconds(snapshot.time_ns);
        if (groups != nullptr) {
            groups->add_to(snapshot);
        }
        writer->write(snapshot, rows_in_view(snapshot, view), sink);
    };
    Reading first;
    first.time_ns = second;
    Table::add(first.live, 0xff0011, record(1001, 1000, "plain"));
    Table::add(first.live, 0xff0022, record(1002, 3'000'000, "a \"b\", c"));
    Table::add(first.live, 0xff0033, record(1003, 20, "line\nend\x1b[31m"));
    show(std::move(first));

    Reading later;
    later.time_ns = 2 * second;
    auto goes_on = record(1002, 4'234'567, "a \"b\", c");
    goes_on.address("saddr", AF_INET6, "2001:db8::1").set("family", AF_INET6).set("min_rtt_us", 900);
    goes_on.set("drift", static_cast<std::uint64_t>(-3)).set("mac", 0xff00);
    Table::add(later.live, 0xff0022, goes_on.set("sampled_ns", 2 * second).set("opened_ns", second / 2));
    auto closed = record(1003, 40, "utf8 \xc3\xa9 \xff");
    closed.set("last_state", 7).set("ended", 4).set("error", ECONNRESET).set("state_since_ns", second / 2);
    Table::add(later.closed, 0xff0033, closed);
    later.missed = {{"probe_missed", 3}};
    show(std::move(later));
    sink.flush();
    return text;
}

Groups by_network() { return *Groups::create(*parse_group_key("--group-by", "daddr/24"), columns()); }

std::string groups_in(OutputFormat format) {
    auto groups = by_network();
    return two_snapshots(format, {}, {}, &groups);
}

std::string order_of(const char *key, bool descending, std::optional<std::uint64_t> top = {}) {
    Reading reading;
    Table::add(reading.live, 1, record(1001, 30, "b"));
    Table::add(reading.live, 2, record(1002, 9, "a").set("min_rtt_us", 7));
    Table::add(reading.live, 3, record(1003, 30, "c").set("min_rtt_us", 5));
    const auto snapshot = History(table().reader()).next(std::move(reading));
    View view;
    view.order = {columns().find(key), descending};
    view.top = top;
    std::string text;
    for (const auto &row : rows_in_view(snapshot, view)) {
        text += std::to_string(row.sock());
    }
    return text;
}

} // namespace

TEST_CASE("a table reads as the golden file", "[english]") {
    CHECK(two_snapshots(OutputFormat::table) == golden("table.txt"));
}

TEST_CASE("a table shows names as they are where the locale has UTF-8, in the cells that they take", "[english]") {
    const auto lines = [] {
        Reading reading;
        reading.time_ns = second;
        std::uint64_t sock = 0;
        for (const auto *name : {"日本", "caf\xc3\xa9", "nginx", "\xe2\x80\xaex"}) {
            Table::add(reading.live, ++sock, record(1001, 30, name));
        }
        const auto snapshot = History(table().reader()).next(std::move(reading));
        std::string text;
        Sink sink([&](std::string_view piece) { text += piece; });
        Layout layout;
        layout.columns = {columns().find("comm"), columns().find("bytes")};
        make_writer(OutputFormat::table, layout, columns(), table().reader())
            ->write(snapshot, rows_in_view(snapshot, {}), sink);
        sink.flush();
        return text.substr(text.find('\n') + 1);
    };
    CHECK(lines() == "COMM                      BYTES\n"
                     "\\xe6\\x97\\xa5\\xe6\\x9c\\xac    30B\n"
                     "caf\\xc3\\xa9                 30B\n"
                     "nginx                       30B\n"
                     "\\xe2\\x80\\xaex               30B\n\n");
    const Utf8Locale utf8;
    CHECK(lines() == "COMM           BYTES\n"
                     "日本             30B\n"
                     "café             30B\n"
                     "nginx            30B\n"
                     "\\xe2\\x80\\xaex    30B\n\n");
}

TEST_CASE("a table shows the time in a state that is to pass, once it is long", "[english]") {
    const auto table_after = [](std::uint64_t state, std::uint64_t minutes) {
        Reading reading;
        reading.time_ns = second + minutes * 60 * second;
        auto waits = record(1001, 30, "a");
        Table::add(reading.live, 1,
                   waits.set("last_state", state)
                       .set("state_since_ns", second)
                       .set("sampled_ns", second + minutes * 60 * second));
        const auto snapshot = History(table().reader()).next(std::move(reading));
        std::string text;
        Sink sink([&](std::string_view piece) { text += piece; });
        make_writer(OutputFormat::table, {}, columns(), table().reader())
            ->write(snapshot, rows_in_view(snapshot, {}), sink);
        sink.flush();
        return text;
    };
    constexpr std::uint64_t close_wait = 8;
    CHECK(table_after(close_wait, 125).find("STATE       STATE TIME  COMM") != std::string::npos);
    CHECK(table_after(close_wait, 125).find("CLOSE_WAIT       2h05m  a") != std::string::npos);
    CHECK_FALSE(table_after(close_wait, 0).find("STATE TIME") != std::string::npos);
    CHECK_FALSE(table_after(tcp_established, 125).find("STATE TIME") != std::string::npos);
}

TEST_CASE("json reads as the golden file") { CHECK(two_snapshots(OutputFormat::json) == golden("snapshots.json")); }

TEST_CASE("csv reads as the golden file") { CHECK(two_snapshots(OutputFormat::csv) == golden("snapshots.csv")); }

TEST_CASE("groups read as the golden files", "[english]") {
    CHECK(groups_in(OutputFormat::table) == golden("groups.txt"));
    CHECK(groups_in(OutputFormat::line) == golden("groups_line.txt"));
    CHECK(groups_in(OutputFormat::json) == golden("groups.json"));
    CHECK(groups_in(OutputFormat::csv) == golden("groups.csv"));
}

TEST_CASE("of groups too, columns that were asked for are shown in their order, and the number left out is said") {
    auto groups = by_network();
    View view;
    view.top = 1;
    Layout layout;
    layout.columns = {groups.columns().find("daddr"), groups.columns().find("bytes")};
    CHECK(two_snapshots(OutputFormat::line, layout, view, &groups)
              .find("[snapshot]\ngroup daddr=10.0.0.0/24 bytes_sum=") != std::string::npos);
    const auto table = two_snapshots(OutputFormat::table, layout, view, &groups);
    CHECK(table.find("12:00:02  groups: 2, flows: 1, closed: 1, shown: 1\n") != std::string::npos);
}

TEST_CASE("columns that were asked for are shown, in their order") {
    Layout layout;
    layout.columns = {columns().find("retr"), columns().find("bytes_sent")};
    const auto csv = two_snapshots(OutputFormat::csv, layout);
    CHECK(csv.starts_with("time,monotonic_ns,id,retr,bytes\r\n2026-02-01T12:00:01.000Z,1000000000,1,2,1000\r\n"));
    layout.pointers = true;
    CHECK(two_snapshots(OutputFormat::csv, layout).starts_with("time,monotonic_ns,id,sock,retr,bytes\r\n"));
    CHECK(
        two_snapshots(OutputFormat::json, layout).find("{\"id\":1,\"sock\":\"0xff0011\",\"retr\":2,\"bytes\":1000}") !=
        std::string::npos);
    layout.columns = {columns().find("comm")};
    const auto lines = two_snapshots(OutputFormat::line, layout);
    CHECK(lines.find("last_seen_ns=0 comm=plain\n") != std::string::npos);
}

TEST_CASE("a table has as many of its usual columns as fit, and all that were asked for") {
    Layout layout;
    layout.width = [] { return std::size_t(50); };
    std::istringstream narrow(two_snapshots(OutputFormat::table, layout));
    for (std::string line; std::getline(narrow, line);) {
        CHECK(line.size() <= 50);
    }
    CHECK(narrow.str().find("REMOTE") != std::string::npos);
    CHECK(narrow.str().find("RECEIVED/S") == std::string::npos);
    layout.width = [] { return std::size_t(5); };
    layout.columns = {columns().find("comm"), columns().find("bytes_per_s")};
    CHECK(two_snapshots(OutputFormat::table, layout).find("BYTES/S") != std::string::npos);
}

TEST_CASE("a table is coloured only where it may be") {
    Layout layout;
    CHECK(two_snapshots(OutputFormat::table, layout).find('\x1b') == std::string::npos);
    layout.colour = true;
    CHECK(two_snapshots(OutputFormat::table, layout).find("\x1b[2m") != std::string::npos);
}

TEST_CASE("flows are ordered by a field, equal ones as they were, and those without it last") {
    CHECK(order_of("bytes", false) == "213");
    CHECK(order_of("bytes", true) == "132");
    CHECK(order_of("comm", false) == "213");
    CHECK(order_of("min_rtt_us", false) == "321");
    CHECK(order_of("min_rtt_us", true) == "231");
    CHECK(order_of("bytes", true, 2) == "13");
    CHECK(order_of("none", false, 9) == "123");
}

TEST_CASE("addresses are ordered by family and number, numbers whatever their type") {
    const auto address = [](const char *text) {
        return table().reader().local(record(1, 1, "").address("saddr", AF_INET, text).bytes()).address;
    };
    CHECK(compare(address("9.0.0.1"), address("10.0.0.1")) < 0);
    CHECK(compare(address("10.0.0.1"), address("10.0.0.1")) == 0);
    CHECK(compare(std::uint64_t(3), std::int64_t(-3)) > 0);
    CHECK(compare(2.5, std::uint64_t(3)) < 0);
    CHECK(compare(~std::uint64_t(0), ~std::uint64_t(0) - 1) > 0);
    CHECK(compare(Value(), std::uint64_t(0)) < 0);
    CHECK(compare(std::int64_t(1'700'000'000'000'000'001), std::int64_t(1'700'000'000'000'000'000)) > 0);
    CHECK(compare(std::int64_t(-1), ~std::uint64_t(0)) < 0);
}

TEST_CASE("a field that there is not is refused with the one that was meant") {
    const auto expected = Columns::expected({{"mine", "us", "tp->srtt_us"}});
    CHECK(expected.require("--sort", "bites").error().message ==
          "--sort: there is no field bites; did you mean bytes? --list-fields lists them");
    CHECK(expected.require("--columns", "colour").error().message ==
          "--columns: there is no field colour; --list-fields lists them");
    CHECK(expected.require("--sort", "bytes_sent").has_value());
    CHECK(expected.require("--sort", "mine").has_value());
    CHECK(expected.require("--sort", "first_seen_ns").error().kind == ErrorKind::usage);
    CHECK(columns().require("--sort", "drift").has_value());
    CHECK(columns().require("--sort", "drft").error().message.find("did you mean drift?") != std::string::npos);
    CHECK(columns().require("--sort", "timeouts").error().message ==
          "--sort: the program has no field timeouts here: it needs another kernel, an option, or is not in --src; "
          "--list-fields says more");
}

TEST_CASE("every column of the field table has a name of its own, and the list has them all") {
    const auto list = field_list();
    std::set<std::string> names;
    for (const auto &field : known_fields()) {
        if (field.source != Source::internal) {
            CHECK(names.insert(shown_name(field)).second);
            CHECK(list.find("\n" + shown_name(field) + " ") != std::string::npos);
        }
    }
}

TEST_CASE("a flow keeps its number, and a new one at its address gets another") {
    History history(table().reader());
    const auto id = [&](std::uint16_t port) {
        Reading reading;
        Table::add(reading.live, 5, record(port, 1, ""));
        return history.next(std::move(reading)).flows[0].id;
    };
    CHECK(id(1001) == 1);
    CHECK(id(1001) == 1);
    CHECK(id(1002) == 2);
}
