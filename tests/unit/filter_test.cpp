#include "condition/filter.h"

#include <fmt/format.h>

#include "condition/quantity.h"
#include "table.h"
#include "test.h"

using namespace tcp_stats;

namespace {

const Table &table() {
    static const auto made = Table::of_connections({{"comm", "char 16"},
                                                    {"min_rtt_us", "unsigned int"},
                                                    {"pacing_rate", "unsigned long long"},
                                                    {"netns", "unsigned int"},
                                                    {"drift", "int"}});
    return made;
}

const Columns &columns() {
    static const auto made = table().columns();
    return made;
}

/// 10.1.2.3:443 -> [::ffff:192.0.2.7]:50000, ESTABLISHED, 20 ms, 3 MB, nginx, 10 Mbit/s, no min_rtt.
bool holds(const std::string &text, const std::string &option = "--where") {
    static const auto record = [] {
        auto made = table().record();
        made.ends(AF_INET6, "::ffff:10.1.2.3", 443, "2001:db8::7", 50000);
        made.set("bytes_sent", 3'000'000).set("retransmits", 0).set("srtt_us", 160'000).set("min_rtt_us", 0xffffffff);
        made.set("comm", std::string("nginx")).set("pacing_rate", 1'250'000).set("netns", 4'026'531'840);
        return made.set("drift", static_cast<std::uint64_t>(-3));
    }();
    std::shared_ptr<Records> records;
    Table::add(records, 7, record);
    Snapshot snapshot;
    snapshot.live = records;
    snapshot.flows = {{}};
    INFO(text);
    const ConditionText where = {option, text};
    const auto condition = parse_condition(where);
    REQUIRE(condition.has_value());
    const auto filter = Filter::create(where, *condition, columns());
    INFO((filter ? std::string() : filter.error().message));
    REQUIRE(filter.has_value());
    return filter->matches(Row{&snapshot, 0});
}

/// The message, and where the caret stands.
std::string complaint(const std::string &text, const std::string &option = "--where") {
    const ConditionText where = {option, text};
    const auto condition = parse_condition(where);
    std::optional<Error> error;
    if (!condition) {
        error = condition.error();
    } else if (const auto filter = Filter::create(where, *condition, columns()); !filter) {
        error = filter.error();
    }
    REQUIRE(error.has_value());
    CHECK(error->kind == ErrorKind::usage);
    const auto caret = error->details.find('^');
    return error->message +
           (caret == std::string::npos ? "" : " @" + std::to_string(caret - error->details.find('\n') - 3));
}

} // namespace

TEST_CASE("numbers are compared in the field's own unit, or in one that was given") {
    CHECK(holds("sport == 443"));
    CHECK(holds("sport = 443 and sport != 444 and sport < 444 and sport <= 443 and sport > 442 and sport >= 443"));
    CHECK_FALSE(holds("sport == 442"));
    CHECK(holds("srtt_us == 160000"));
    CHECK(holds("srtt_us == 20ms and srtt_us > 19.9ms and srtt_us < 0.021s and srtt_us == 20000us"));
    CHECK(quantity_of("16.1ms", "rtt_us", "us") == Value(16100.0));
    CHECK(quantity_of("4.1MB", "bytes", "bytes") == Value(4100000.0));
    CHECK(quantity_of("1.0000001s", "rtt_us", "us") != Value(1000000.0));
    CHECK(holds("bytes == 3MB and bytes >= 2.8MiB and not bytes < 3M"));
    CHECK(holds("pacing_rate == 10Mbit and pacing_rate == 10Mbit/s and pacing_rate == 1.25MB/s"));
    CHECK(holds("drift == -3 and drift < 0"));
    CHECK(holds("netns == 4026531840 and netns == 0xf0000000"));
    CHECK(holds("sport in (80, 443) and sport not in (80, 8080) and sport in 443"));
}

TEST_CASE("addresses are compared with addresses and networks of both families") {
    CHECK(holds("saddr in 10.0.0.0/8 and saddr == 10.1.2.3 and saddr == ::ffff:10.1.2.3"));
    CHECK(holds("saddr in (192.168.0.0/16, 10.1.0.0/16) and saddr not in 10.2.0.0/15 and saddr != 10.1.2.4"));
    CHECK_FALSE(holds("saddr in 10.1.2.2/32"));
    CHECK(holds("saddr in 10.1.2.2/31 and saddr in 0.0.0.0/0"));
    CHECK_FALSE(holds("saddr in ::/0"));
    CHECK(holds("daddr in 2001:db8::/32 and daddr == 2001:db8::7 and daddr in ::/0 and daddr not in 0.0.0.0/0"));
    CHECK_FALSE(holds("daddr in 2001:db9::/32"));
    CHECK(holds("saddr in ::ffff:10.0.0.0/104"));
    CHECK_FALSE(holds("saddr in ::ffff:11.0.0.0/104"));
}

TEST_CASE("text is compared whole, names of states whatever their letters") {
    CHECK(holds("comm == nginx and comm == \"nginx\" and comm == 'nginx' and comm != ngin and comm in (httpd, nginx)"));
    CHECK_FALSE(holds("comm == Nginx"));
    CHECK_FALSE(holds("comm == 'nginx\xc3\xa9'"));
    CHECK_FALSE(holds("comm == nginx-with-a-long-name"));
    CHECK(complaint("cgroup_path under system.slice") == "--where: the path of a cgroup begins with / @18");
    CHECK(holds("state == ESTABLISHED and state == established and state not in (close, \"time_wait\")"));
    CHECK(holds("local == '10.1.2.3:443'") == false); // it is shown as the socket has it
    CHECK(holds("local == '[::ffff:10.1.2.3]:443'"));
}

TEST_CASE("and binds stronger than or, not stronger than both") {
    CHECK(holds("sport == 1 and sport == 2 or sport == 443"));
    CHECK_FALSE(holds("sport == 1 and (sport == 2 or sport == 443)"));
    CHECK(holds("not sport == 1 and sport == 443"));
    CHECK_FALSE(holds("not (sport == 1 or sport == 443)"));
    CHECK(holds("!(sport==1)&&sport==443||sport==2"));
    CHECK(holds("not not sport == 443"));
    CHECK(holds("!!sport == 443"));
}

TEST_CASE("a field alone is true when it has a value other than zero") {
    CHECK(holds("bytes and comm and drift"));
    CHECK(holds("not retr"));
    CHECK(holds("not limit and not min_rtt_us"));
}

TEST_CASE("a comparison with a value that there is not is false") {
    for (const auto *op : {"==", "!=", "<", ">", "in", "not in"}) {
        CHECK_FALSE(holds(std::string("min_rtt_us ") + op + " 5ms"));
    }
    CHECK_FALSE(holds("limit != cwnd or limit not in (cwnd, rwnd)"));
    CHECK(holds("not limit in (cwnd, rwnd)"));
    CHECK(holds("not min_rtt_us > 5ms"));
}

TEST_CASE("what cannot be read is shown with a caret") {
    CHECK(complaint("") == "--where: the condition is missing, as in 'dport == 443 and retr > 0'");
    CHECK(complaint("== 3") == "--where: a condition is expected here @0");
    CHECK(complaint("sport ==") == "--where: a value is expected here @8");
    CHECK(complaint("sport == and retr") == "--where: a value is expected here @9");
    CHECK(complaint("sport in (1, )") == "--where: a value is expected here @13");
    CHECK(complaint("(sport == 1") == "--where: a closing parenthesis is expected here @11");
    CHECK(complaint("sport == 1 retr") == "--where: this cannot follow here; join conditions with and, or @11");
    CHECK(complaint("sport == 1 and") == "--where: a condition is expected here @14");
    CHECK(complaint("sport == 1 or or retr") == "--where: a condition is expected here @14");
    CHECK(complaint("comm == \"nginx") == "--where: a value is expected here @8");
    CHECK(complaint("comm == 'é' and foo bar") == "--where: this cannot follow here; join conditions with and, or @20");
    CHECK(holds("comm != in-addr and comm not in (or-tools, not.me)"));
    CHECK(complaint("comm == \"" + std::string(60000, ')') + "\" and " + std::string(60000, '(')) ==
          "--where: conditions within conditions, more than 100 deep");
    std::string long_but_flat = "retr != 1000";
    for (int i = 0; i < 200; ++i) {
        long_but_flat += " and retr != " + std::to_string(i + 1);
    }
    CHECK(holds(long_but_flat));
    long_but_flat = "comm in (nginx";
    for (int i = 0; i < 200; ++i) {
        long_but_flat += ", knot" + std::to_string(i);
    }
    CHECK(holds(long_but_flat + ")"));
    CHECK(complaint("sport == 1\n") == "--where: this character has no place here @10");
    CHECK(complaint(std::string(200, '(') + "sport" + std::string(200, ')')) ==
          "--where: conditions within conditions, more than 100 deep");
    std::string negations_around;
    for (std::size_t i = 1; i < 100; ++i) {
        negations_around += std::string(100 - i, '!') + "(retr or ";
    }
    CHECK(complaint(negations_around + "retr" + std::string(99, ')')) ==
          "--where: conditions within conditions, more than 100 deep");
    CHECK(complaint("sport == 1 é") == "--where: this cannot follow here; join conditions with and, or @11");
    CHECK(complaint("comm == '\xc2\x85' and foo bar") ==
          "--where: this cannot follow here; join conditions with and, or @27");
}

TEST_CASE("a name of other letters is compared byte by byte, and cut off as the kernel does it") {
    const auto chosen = [](const std::string &name, const std::string &option, const std::string &text) {
        std::shared_ptr<Records> records;
        Table::add(records, 7, table().record().set("comm", name));
        Snapshot snapshot;
        snapshot.live = records;
        snapshot.flows = {{}};
        const ConditionText where = {option, text};
        return Filter::create(where, *parse_condition(where), columns())->matches(Row{&snapshot, 0});
    };
    CHECK(chosen("caf\xc3\xa9", "--where", "comm == 'caf\xc3\xa9'"));
    CHECK(chosen("caf\xc3\xa9", "--where", "comm in (\"caf\xc3\xa9\", nginx)"));
    CHECK(chosen("caf\xc3\xa9", "--comm", "nginx,caf\xc3\xa9"));
    CHECK_FALSE(chosen("cafe", "--comm", "caf\xc3\xa9"));
    CHECK(chosen("ééééééé\xe2", "--comm", "ééééééé€"));
}

TEST_CASE("what makes no sense is shown with a caret") {
    CHECK(complaint("retr and sporz == 1") ==
          "--where: there is no field sporz; did you mean sport? --list-fields lists them @9");
    CHECK(complaint("sport == http") == "--where: this is no port, a number from 0 to 65535 @9");
    CHECK(complaint("sport == \"443\"") == "--where: sport is a number, and this is text @9");
    CHECK(complaint("sport in (443, 70000)") == "--where: this is no port, a number from 0 to 65535 @15");
    CHECK(complaint("dport != -1") == "--where: this is no port, a number from 0 to 65535 @9");
    CHECK(complaint("sport == 1-5") == "--where: this is no port, a number from 0 to 65535 @9");
    CHECK(complaint("limit == rwd") == "--where: limit is never that; it is one of app, cwnd, rwnd, sndbuf, loss @9");
    CHECK(complaint("remote in 10.0.0.0/8") == "--where: remote is an address with its port, as 10.0.0.1:443 or "
                                               "[2001:db8::1]:443; daddr is the address, and is "
                                               "compared with networks too @10");
    for (const auto *no_end : {"10.0.0.1", "10.0.0.1:", "10.0.0.0/8:1", "2001:db8::1", "2001:db8::1:443",
                               "[10.0.0.1]:1", "[2001:db8::1]", ":443", "[]:1", "10.0.0.1:http"}) {
        CHECK(!complaint(fmt::format("local == \"{}\"", no_end)).empty());
    }
    CHECK(complaint("srtt_us > 20MB") == "--where: srtt_us is in us * 8; this is something else @10");
    CHECK(complaint("sport == 20ms") == "--where: this is no port, a number from 0 to 65535 @9");
    CHECK(complaint("bytes > 3 and bytes > 3furlong")
              .starts_with("--where: there is no unit furlong; it accepts ns us ms s m h, B kB"));
    CHECK(complaint("saddr == 10.0.0") ==
          "--where: this is no address and no network, as 10.0.0.0/8 or 2001:db8::1 @9");
    CHECK(complaint("saddr in (10.0.0.0/33)") ==
          "--where: this is no address and no network, as 10.0.0.0/8 or 2001:db8::1 @10");
    CHECK(complaint("saddr < 10.0.0.1") == "--where: saddr is an address; it is compared with ==, != and in @8");
    CHECK(complaint("comm > a") == "--where: comm is text; it is compared with ==, != and in @7");
    CHECK(complaint("state == ESTABLISHD")
              .starts_with("--where: state is never that; it is one of ESTABLISHED, SYN_SENT"));
}

TEST_CASE("the short forms are lists of values for one field, --port of either end") {
    CHECK(holds("443", "--port"));
    CHECK(holds("50000,80", "--port"));
    CHECK_FALSE(holds("80", "--port"));
    CHECK(holds("10.0.0.0/8", "--local"));
    CHECK(holds("192.0.2.0/24,2001:db8::/32", "--remote"));
    CHECK_FALSE(holds("10.0.0.0/8", "--remote"));
    CHECK(holds("httpd,nginx", "--comm"));
    CHECK(holds("established", "--state"));
    CHECK(holds("4026531840", "--netns"));
    CHECK(complaint("443,,80", "--port") == "--port: a value is expected here @4");
    CHECK(complaint("443,", "--port") == "--port: a value is expected here @4");
    CHECK(complaint("443,http", "--port") == "--port: this is no port, a number from 0 to 65535 @4");
    CHECK(complaint("10.0.0.1,host", "--remote") ==
          "--remote: this is no address and no network, as 10.0.0.0/8 or 2001:db8::1 @9");
}

TEST_CASE("a path is under itself and what is above it") {
    CHECK(holds("comm under nginx"));
    CHECK(holds("comm under 'nginx/'"));
    CHECK_FALSE(holds("comm under ngin"));
    CHECK(complaint("sport under 3") == "--where: sport is a number, and only a path is under another @12");
    CHECK(complaint("saddr under 10.0.0.0/8") == "--where: saddr is an address; it is compared with ==, != and in @12");
}

TEST_CASE("an address that a row does not have is in no network, and not outside of one") {
    const Columns columns(
        std::vector<Column>{{.name = "daddr", .field = find_field("daddr"), .type = FieldType::address}});
    Snapshot groups;
    groups.groups = GroupTable{.columns = 0, .cells = {}, .ids = {1}};
    for (const std::string text : {"daddr in 10.0.0.0/8", "daddr == ::1", "daddr != ::1"}) {
        const ConditionText where = {"--where", text};
        const auto filter = Filter::create(where, *parse_condition(where), columns);
        REQUIRE(filter.has_value());
        CHECK_FALSE(filter->matches(Row{&groups, 0}));
    }
}

TEST_CASE("a program may have text where the built-in one has a number with a name") {
    const Table own({{"ca_state", "char 16"}, {"proto", "unsigned char"}});
    const auto columns = own.columns();
    std::shared_ptr<Records> records;
    Table::add(records, 7, own.record().set("ca_state", std::string("Open")));
    Snapshot snapshot;
    snapshot.live = records;
    snapshot.flows = {{}};
    for (const auto &[text, expected] : {std::pair("ca_state == Open", true), {"ca_state == Loss", false}}) {
        const ConditionText where = {"--where", text};
        CHECK(Filter::create(where, *parse_condition(where), columns)->matches(Row{&snapshot, 0}) == expected);
    }
}
