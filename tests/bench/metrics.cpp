// metrics [GROUPS FLOWS]: what a scrape of so many groups costs, and what a snapshot of so many flows costs more with
// metrics (default: 1,000 and 16,000). Beside it the same samples, written by prometheus-cpp. Prints CPU time: medians
// of five rounds, with the least and the most.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flows.h"
#include "metrics/metrics.h"
#include "metrics/server.h"

namespace {

using namespace tcp_stats;

double cpu_ms(const std::function<void()> &action) {
    const auto now = [] {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
    };
    const auto start = now();
    action();
    return now() - start;
}

double wall_ms(const std::function<void()> &action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double measured(const char *what, const std::function<void()> &action,
                double (*ms_of)(const std::function<void()> &) = cpu_ms) {
    std::array<double, 11> ms{};
    for (auto &one : ms) {
        one = ms_of(action);
    }
    std::sort(ms.begin(), ms.end());
    std::printf("%-44s %8.2f ms (%.2f - %.2f)\n", what, ms[5], ms.front(), ms.back());
    return ms[5];
}

int connection_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string_view request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    if (connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0 ||
        send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        throw std::runtime_error("cannot ask for metrics");
    }
    return fd;
}

/// Two that scrape one time after the other, and one that takes no answer.
class Scrapers {
public:
    explicit Scrapers(std::uint16_t port) : slow_(connection_to(port)) {
        for (auto &thread : threads_) {
            thread = std::thread([this, port] {
                std::array<char, 65536> piece{};
                while (!end_) {
                    const int fd = connection_to(port);
                    while (recv(fd, piece.data(), piece.size(), 0) > 0) {
                    }
                    close(fd);
                }
            });
        }
    }
    ~Scrapers() {
        end_ = true;
        for (auto &thread : threads_) {
            thread.join();
        }
        close(slow_);
    }
    Scrapers(const Scrapers &) = delete;
    Scrapers &operator=(const Scrapers &) = delete;

private:
    int slow_;
    std::atomic<bool> end_ = false;
    std::array<std::thread, 2> threads_;
};

/// The samples of a text as prometheus-cpp has them, so that it can write them again.
std::vector<prometheus::MetricFamily> families_of(const std::string &text) {
    std::vector<prometheus::MetricFamily> families;
    std::istringstream lines(text);
    std::map<std::string, prometheus::ClientMetric> histograms; // by their labels, of the family at the end
    const auto finish = [&] {
        for (auto &[labels, metric] : histograms) {
            families.back().metric.push_back(std::move(metric));
        }
        histograms.clear();
    };
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# HELP ")) {
            finish();
            const auto space = line.find(' ', 7);
            families.push_back({line.substr(7, space - 7), line.substr(space + 1), prometheus::MetricType::Gauge, {}});
        } else if (line.starts_with("# TYPE ")) {
            families.back().type = line.ends_with(" counter")     ? prometheus::MetricType::Counter
                                   : line.ends_with(" histogram") ? prometheus::MetricType::Histogram
                                                                  : prometheus::MetricType::Gauge;
        } else {
            prometheus::ClientMetric metric;
            const auto brace = line.find('{');
            const auto end = line.rfind(' ');
            std::string key;
            double bound = 0;
            for (auto at = brace == line.npos ? end : brace; at + 1 < end;) {
                const auto equals = line.find("=\"", at);
                const auto close = line.find('"', equals + 2);
                const auto name = line.substr(at + 1, equals - at - 1);
                const auto value = line.substr(equals + 2, close - equals - 2);
                if (name == "le") {
                    bound = std::stod(value);
                } else {
                    key += name + value;
                    metric.label.push_back({name, value});
                }
                at = close + 1;
            }
            const auto value = std::stod(line.substr(end));
            if (families.back().type != prometheus::MetricType::Histogram) {
                metric.counter.value = metric.gauge.value = value;
                families.back().metric.push_back(std::move(metric));
                continue;
            }
            auto &histogram = histograms.try_emplace(key, metric).first->second.histogram;
            const auto name = line.substr(0, brace);
            if (name.ends_with("_bucket")) {
                histogram.bucket.push_back({static_cast<std::uint64_t>(value), bound});
            } else if (name.ends_with("_sum")) {
                histogram.sample_sum = value;
            } else {
                histogram.sample_count = static_cast<std::uint64_t>(value);
            }
        }
    }
    finish();
    return families;
}

} // namespace

int main(int argc, char **argv) {
    const std::size_t groups = argc > 1 ? std::stoull(argv[1]) : 1000;
    const std::size_t count = argc > 2 ? std::stoull(argv[2]) : 16'000;
    const auto layout = built_in_layout();
    const auto reader = RecordReader::create(layout).value();
    const std::string path;
    const Columns columns(reader, [&](std::uint64_t) -> const std::string & { return path; });
    BusyFlows flows(layout, count);
    flows.name_processes(groups);
    History history(reader);
    const auto metrics =
        std::move(*Metrics::create({{*parse_group_key("--metrics-by", "comm")}, groups}, columns, reader, {}));
    for (int warm = 0; warm < 3; ++warm) {
        metrics->take(history.next(flows.reading()));
    }
    const auto text = metrics->text("");
    std::printf("%zu groups of %zu flows: %zu samples, %.1f MB\n", groups, count,
                static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
                static_cast<double>(text.size()) / 1e6);
    std::optional<Snapshot> snapshot;
    measured("a snapshot", [&] { snapshot = history.next(flows.reading()); });
    measured("counting what it tells", [&] { metrics->take(*snapshot); });
    measured(
        "the same by the clock", [&] { metrics->take(*snapshot); }, wall_ms);
    {
        const std::uint16_t port = 9435;
        const auto server = MetricsServer::start({"127.0.0.1", port, ""}, *metrics);
        const Scrapers scrapers(port);
        measured(
            "the same while three scrape", [&] { metrics->take(*snapshot); }, wall_ms);
    }
    const auto own = measured("a scrape", [&] { metrics->text("scraper"); });
    const auto families = families_of(text);
    const auto other = measured("the same samples, written by prometheus-cpp",
                                [&] { prometheus::TextSerializer().Serialize(families); });
    std::printf("prometheus-cpp / a scrape: %.1f\n", other / own);
}
