// What is counted for Prometheus, and how it is served.
#include "metrics/metrics.h"

#include <cerrno>
#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/server.h"
#include "recording.h"
#include "report/tally.h"

using namespace recording_test;

namespace {

/// The samples of a text by their names with labels; each once.
std::map<std::string, double> samples(const std::string &text) {
    std::map<std::string, double> found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with('#')) {
            const auto space = line.rfind(' ');
            CHECK(found.emplace(line.substr(0, space), std::stod(line.substr(space))).second);
        }
    }
    return found;
}

/// Of a family, over all of its labels, or of those samples that have `label`.
double sum(const std::map<std::string, double> &all, const std::string &name, const std::string &label = "") {
    double sum = 0;
    for (const auto &[sample, value] : all) {
        if (sample.starts_with("tcpstats_" + name) && sample.find_first_of("{ ", name.size() + 9) == name.size() + 9 &&
            sample.find(label) != sample.npos) {
            sum += value;
        }
    }
    return sum;
}

/// What a scraper gets, which it then knows.
std::map<std::string, double> scraped(Metrics &metrics, const std::string &scraper) {
    auto found = samples(metrics.text(scraper));
    metrics.arrived(scraper);
    return found;
}

std::unique_ptr<Metrics> metrics_by(const std::string &key, const Columns &columns, std::size_t most_groups = 1000) {
    return std::move(
        *Metrics::create({{*parse_group_key("--metrics-by", key)}, most_groups}, columns, table().reader(), {}));
}

/// Flows that are said one by one, and the snapshots of them.
class Said {
public:
    /// A flow whose opening was seen, in the snapshot that is next.
    Table::Maker opened(std::uint64_t number, const std::string &comm) const {
        auto record = table().record();
        record.ends(AF_INET, "10.0.0.1", static_cast<std::uint16_t>(1 + number % 60'000), "10.0.0.2", 443);
        const auto began = second_ * second + second / 2;
        return record.set("comm", comm).set("first_seen_ns", began).set("opened_ns", began);
    }
    void live(std::uint64_t sock, Table::Maker record) {
        Table::add(reading_.live, sock, record.set("sampled_ns", (second_ + 1) * second));
    }
    void closed(std::uint64_t sock, Table::Maker record) {
        record.set("last_state", 7).set("closed_ns", (second_ + 1) * second - 1);
        Table::add(reading_.closed, sock, record.set("sampled_ns", (second_ + 1) * second - 1));
    }
    /// After so many seconds.
    Snapshot take(std::uint64_t seconds = 1) {
        second_ += seconds;
        reading_.time_ns = second_ * second;
        return history_.next(std::exchange(reading_, Reading()));
    }

private:
    std::uint64_t second_ = 10;
    Reading reading_;
    History history_{table().reader()};
};

int connection_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) == 0);
    return fd;
}

/// What a server answers to `request`, behind which nothing comes.
std::string ask(std::uint16_t port, const std::string &request) {
    const int fd = connection_to(port);
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    std::string answer;
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = recv(fd, piece.data(), piece.size(), 0)) > 0;) {
        answer.append(piece.data(), static_cast<std::size_t>(size));
    }
    close(fd);
    return answer;
}

std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr *>(&address), size) == 0);
    REQUIRE(getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

} // namespace

TEST_CASE("metrics of traffic are what a report counts of it") {
    Traffic traffic(40);
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    Tally tally(columns, table().reader(), {});
    std::uint64_t ended = 0;
    std::map<std::string, double> before;
    for (int i = 0; i < 300; ++i) {
        const auto snapshot = traffic.next();
        metrics->take(snapshot);
        tally.take(snapshot);
        ended += snapshot.closed_count;
        const auto now = samples(metrics->text(""));
        for (const auto &[sample, value] : before) { // nothing goes, and no counter goes down
            REQUIRE(now.contains(sample));
            const auto name = sample.substr(0, sample.find('{'));
            const bool is_odd = name == "tcpstats_received_bytes_total"; // the traffic's numbers are
            const bool counts =
                (name.ends_with("_total") && !is_odd) || name.ends_with("_count") || name.ends_with("_bucket");
            CHECK((!counts || now.at(sample) >= value));
        }
        before = now;
    }
    tally.finish();
    CHECK(sum(before, "sent_bytes_total") == static_cast<double>(tally.all().grown[Grown::sent]));
    CHECK(sum(before, "connections_ended_total") == static_cast<double>(ended));
    CHECK(sum(before, "connections_opened_total") == static_cast<double>(tally.all().opened));
    CHECK(sum(before, "connections_failed_total") == static_cast<double>(tally.all().failed));
    CHECK(before.at("tcpstats_snapshots_total") == 300);
    CHECK(sum(before, "missed_total", "what=\"probe_missed\"") > 0);
}

TEST_CASE("a connection counts from its beginning where that was seen, else from its first snapshot") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    auto old = said.opened(1, "old").set("opened_ns", 0).set("bytes_sent", 5000);
    said.live(1, old);
    metrics->take(said.take());
    CHECK(sum(samples(metrics->text("")), "sent_bytes_total") == 0);
    const auto young = said.opened(2, "young").set("bytes_sent", 70);
    said.live(1, old.set("bytes_sent", 5100));
    said.live(2, young);
    said.closed(3, said.opened(3, "young").set("bytes_sent", 8).set("ended", 1)); // it came and went
    metrics->take(said.take());
    auto now = samples(metrics->text(""));
    CHECK(now.at("tcpstats_sent_bytes_total{comm=\"old\"}") == 100);
    CHECK(now.at("tcpstats_sent_bytes_total{comm=\"young\"}") == 78);
    CHECK(now.at("tcpstats_connections_opened_total{comm=\"young\",role=\"active\"}") == 2);
    CHECK(now.at("tcpstats_connections_opened_total{comm=\"old\",role=\"active\"}") == 0);
    CHECK(now.at("tcpstats_connections{comm=\"young\",state=\"ESTABLISHED\"}") == 1);
    CHECK(now.at("tcpstats_connections_ended_total{comm=\"young\",ended=\"local_close\"}") == 1);
    CHECK(now.at("tcpstats_connection_duration_seconds_count{comm=\"young\"}") == 1);
    CHECK(now.at("tcpstats_connection_duration_seconds_bucket{comm=\"young\",le=\"0.3\"}") == 0);
    CHECK(now.at("tcpstats_connection_duration_seconds_bucket{comm=\"young\",le=\"1\"}") == 1);
    CHECK(now.at("tcpstats_connection_duration_seconds_sum{comm=\"young\"}") == 0.499999);
    said.closed(2, Table::Maker(young).set("bytes_sent", 71).set("ended", 12).set("error", ECONNREFUSED));
    said.closed(1, old.set("ended", 15));
    metrics->take(said.take());
    now = samples(metrics->text(""));
    CHECK(now.at("tcpstats_sent_bytes_total{comm=\"young\"}") == 79);
    CHECK(now.at("tcpstats_connections{comm=\"young\",state=\"ESTABLISHED\"}") == 0);
    CHECK(now.at("tcpstats_connections_failed_total{comm=\"young\",error_type=\"ECONNREFUSED\"}") == 1);
    CHECK(now.at("tcpstats_connections_failed_total{comm=\"old\",error_type=\"given_up\"}") == 1);
    CHECK_FALSE(now.contains("tcpstats_connection_duration_seconds_count{comm=\"old\"}"));
}

TEST_CASE("for each scraper a series begins with 0, and nobody else changes that") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    metrics->take(said.take());
    const auto record = said.opened(1, "web").set("bytes_sent", 500);
    said.live(1, record);
    metrics->take(said.take());
    const std::string sent = "tcpstats_sent_bytes_total{comm=\"web\"}";
    CHECK(samples(metrics->text("")).at(sent) == 500);
    CHECK(samples(metrics->text("one")).at(sent) == 0); // which does not arrive
    CHECK(scraped(*metrics, "one").at(sent) == 0);
    CHECK(scraped(*metrics, "one").at(sent) == 500);
    CHECK(scraped(*metrics, "other").at(sent) == 0);
    CHECK(samples(metrics->text("")).at(sent) == 500);
    CHECK(scraped(*metrics, "one").at(sent) == 500);
    // A series of a family that is there begins with 0 too.
    said.closed(1, Table::Maker(record).set("ended", 3));
    metrics->take(said.take());
    const std::string ended = "tcpstats_connections_ended_total{comm=\"web\",ended=\"simultaneous_close\"}";
    CHECK(scraped(*metrics, "one").at(ended) == 0);
    CHECK(scraped(*metrics, "one").at(ended) == 1);
    // The ninth takes the place of the one that asked least recently.
    for (const auto *name : {"3", "4", "5", "6", "7", "8"}) {
        CHECK(scraped(*metrics, name).at(sent) == 0);
    }
    CHECK(scraped(*metrics, "one").at(sent) == 500);
    CHECK(scraped(*metrics, "9").at(sent) == 0);
    CHECK(scraped(*metrics, "one").at(sent) == 500);
    CHECK(scraped(*metrics, "other").at(sent) == 0);
    // What began minutes ago is told to a new one as it is: by another name it may have had it before.
    metrics->take(said.take(301));
    CHECK(scraped(*metrics, "renamed").at(sent) == 500);
}

TEST_CASE("a connection that was found in SYN_RECV is opened when the handshake is done") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    metrics->take(said.take());
    auto record = said.opened(1, "web");
    const auto found = Table::Maker(record).set("opened_ns", 0).set("last_state", 3).set("bytes_sent", 5);
    said.live(1, found);
    metrics->take(said.take());
    const std::string opened = "tcpstats_connections_opened_total{comm=\"web\",role=\"active\"}";
    CHECK(samples(metrics->text("")).at(opened) == 0);
    for (int i = 0; i < 2; ++i) {
        said.live(1, record.set("bytes_sent", 9));
        metrics->take(said.take());
        CHECK(samples(metrics->text("")).at(opened) == 1);
        CHECK(sum(samples(metrics->text("")), "sent_bytes_total") == 4);
    }
}

TEST_CASE("what cannot be recorded is counted over all outages") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    for (const auto unrecorded : std::array<std::uint64_t, 8>{0, 1, 2, 2, 0, 1, 0, 3}) {
        metrics->take(said.take(), {.programs = {}, .unrecorded = unrecorded});
    }
    CHECK(samples(metrics->text("")).at("tcpstats_missed_total{what=\"unrecorded_snapshots\"}") == 6);
}

TEST_CASE("programs are told by their handlers, where the kernel counts") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    metrics->take(said.take(), {.programs = {{"kprobe__tcp_sendmsg", 1'500'000'000, 7}}, .unrecorded = 0});
    const auto now = samples(metrics->text(""));
    CHECK(now.at("tcpstats_program_run_seconds_total{program=\"kprobe__tcp_sendmsg\"}") == 1.5);
    CHECK(now.at("tcpstats_program_runs_total{program=\"kprobe__tcp_sendmsg\"}") == 7);
}

TEST_CASE("without a process name there is no label") {
    const Table made = Table::of_connections({{"opened_ns", "unsigned long long"}});
    const auto columns = made.columns();
    const auto metrics = std::move(*Metrics::create({}, columns, made.reader(), {}));
    Reading reading;
    reading.time_ns = second;
    Table::add(reading.live, 1, made.record().ends(AF_INET, "10.0.0.1", 1, "10.0.0.2", 2));
    History history(made.reader());
    metrics->take(history.next(std::move(reading)));
    const auto now = samples(metrics->text(""));
    CHECK(now.at("tcpstats_sent_bytes_total") == 0);
    CHECK(now.at("tcpstats_connections{state=\"ESTABLISHED\"}") == 1);
    CHECK(now.at("tcpstats_ungrouped_connections_total") == 0);
}

TEST_CASE("of more groups than are wanted the others are counted together") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns, 1000);
    metrics->take(said.take());
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        said.closed(i + 1, said.opened(i, "name" + std::to_string(i % 3000)).set("bytes_sent", i).set("ended", 1));
        if (i % 1000 == 999) {
            metrics->take(said.take());
        }
    }
    const auto now = samples(metrics->text(""));
    CHECK(sum(now, "sent_bytes_total") == 19'999.0 * 20'000 / 2);
    CHECK(sum(now, "connections_ended_total") == 20'000);
    CHECK(sum(now, "connections_opened_total") == 20'000);
    CHECK(now.at("tcpstats_groups") == 1001);
    CHECK(now.at("tcpstats_ungrouped_connections_total") ==
          now.at("tcpstats_connections_ended_total{comm=\"other\",ended=\"local_close\"}"));
    CHECK(now.at("tcpstats_ungrouped_connections_total") == 20'000 - 7 * 1000);
    CHECK(std::count_if(now.begin(), now.end(),
                        [](const auto &one) { return one.first.starts_with("tcpstats_sent_bytes_total"); }) == 1001);
}

TEST_CASE("a group that nothing was of for an hour is dropped, and begins anew") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    metrics->take(said.take());
    said.closed(1, said.opened(1, "batch").set("bytes_sent", 10));
    metrics->take(said.take());
    metrics->take(said.take(3600));
    CHECK(sum(samples(metrics->text("")), "sent_bytes_total") == 10);
    metrics->take(said.take());
    CHECK(samples(metrics->text("")).at("tcpstats_groups") == 0);
    CHECK(sum(samples(metrics->text("")), "sent_bytes_total") == 0);
    said.closed(1, said.opened(1, "batch").set("bytes_sent", 4));
    metrics->take(said.take());
    CHECK(sum(samples(metrics->text("")), "sent_bytes_total") == 4);
}

TEST_CASE("labels are what Prometheus can read, whatever processes are called") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    metrics->take(said.take());
    std::uint64_t number = 0;
    for (const auto *name : {"a\"} 1\nb", "back\\slash", "caf\xc3\xa9", "\xff\xfe", "", "other", "\x1b[31m"}) {
        ++number;
        said.live(number, said.opened(number, name));
    }
    metrics->take(said.take());
    std::set<std::string> labels;
    for (const auto &[sample, value] : samples(metrics->text(""))) {
        if (sample.starts_with("tcpstats_sent_bytes_total{")) {
            labels.insert(sample.substr(26));
        }
    }
    CHECK(labels == std::set<std::string>{"comm=\"a\\\"} 1\\\\x0ab\"}", "comm=\"back\\\\slash\"}",
                                          "comm=\"caf\xc3\xa9\"}", "comm=\"\\\\xff\\\\xfe\"}", "comm=\"unknown\"}",
                                          "comm=\"other\"}", "comm=\"\\\\x1b[31m\"}"});
    for (const auto *key : {"bytes", "rtt_us", "state", "role", "nonsense", "dport/8"}) {
        CHECK_FALSE(Metrics::check({*parse_group_key("--metrics-by", key)}, columns).has_value());
    }
    CHECK(Metrics::check({*parse_group_key("--metrics-by", "daddr/24"), *parse_group_key("--metrics-by", "dport")},
                         columns)
              .has_value());
}

TEST_CASE("several keys are several labels, networks too") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = std::move(*Metrics::create(
        {{*parse_group_key("--metrics-by", "daddr/24"), *parse_group_key("--metrics-by", "dport")}, 10}, columns,
        table().reader(), {}));
    metrics->take(said.take());
    said.live(1, said.opened(1, "x").set("bytes_sent", 3));
    metrics->take(said.take());
    CHECK(samples(metrics->text("")).at("tcpstats_sent_bytes_total{daddr=\"10.0.0.0/24\",dport=\"443\"}") == 3);
}

TEST_CASE("the server answers what is asked, and nothing else") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("comm", columns);
    metrics->take(said.take());
    said.live(1, said.opened(1, "web").set("bytes_sent", 7));
    metrics->take(said.take());
    const auto port = free_port();
    auto server = MetricsServer::start({"127.0.0.1", port, ""}, *metrics);
    REQUIRE(server.has_value());
    const std::string end = " HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto page = ask(port, "GET /metrics" + end);
    CHECK(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    CHECK(page.find("\ntcpstats_sent_bytes_total{comm=\"web\"} 7\n") != page.npos);
    CHECK(page.ends_with("\n"));
    CHECK(ask(port, "HEAD /metrics" + end).ends_with("\r\n\r\n"));
    CHECK(ask(port, "GET /" + end).find("<a href=\"/metrics\">") != std::string::npos);
    CHECK(ask(port, "GET /../../etc/passwd" + end).starts_with("HTTP/1.1 404"));
    CHECK(ask(port, "POST /metrics" + end).starts_with("HTTP/1.1 405"));
    // A scraper is told so by what it sends along.
    const auto scrape = "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n\r\n";
    CHECK(ask(port, scrape).find("\ntcpstats_sent_bytes_total{comm=\"web\"} 0\n") != std::string::npos);
    CHECK(ask(port, scrape).find("\ntcpstats_sent_bytes_total{comm=\"web\"} 7\n") != std::string::npos);
    ask(port, "");
    ask(port, std::string("\0\xff\r\n\r\n", 6));
    ask(port, "GET /metrics HTTP/9.9\r\n\r\n");
    CHECK(ask(port, "GET /" + std::string(100'000, 'a') + end).find("200 OK") == std::string::npos);
    CHECK(ask(port, "GET /metrics" + end).size() >= page.size() - 100);
    CHECK_FALSE(check_listen_address({"127.0.0.1", port, "x"}).has_value());
    // While it goes on its port can be asked for.
    CHECK(MetricsServer::start({"127.0.0.1", port, "x"}, *metrics)
              .error()
              .message.starts_with("--metrics x: the server does not start"));
    server->reset();
    CHECK(check_listen_address({"127.0.0.1", port, "x"}).has_value());
}

TEST_CASE("who reads nothing keeps no snapshot waiting, nor the end") {
    Said said;
    const auto columns = table().columns();
    const auto metrics = metrics_by("dport", columns, 100'000);
    metrics->take(said.take());
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        auto record = said.opened(i, "web");
        said.live(i + 1, record.set("dport", htons(static_cast<std::uint16_t>(i))));
    }
    metrics->take(said.take());
    const auto port = free_port();
    auto server = MetricsServer::start({"127.0.0.1", port, ""}, *metrics);
    REQUIRE(server.has_value());
    std::array<int, 4> slow{};
    for (auto &fd : slow) {
        fd = connection_to(port);
        const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        REQUIRE(send(fd, request.data(), request.size(), 0) > 0);
    }
    // None has read a byte, and the text is larger than what the kernel keeps for it.
    CHECK(metrics->text("").size() > 20'000'000);
    metrics->take(said.take());
    CHECK(ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").size() > 1'000'000);
    server->reset();
    for (const int fd : slow) {
        close(fd);
    }
}
