#include "metrics/server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>

#include <cap-ng.h>
#include <civetweb.h>
#include <fmt/format.h>
#include <pthread.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

constexpr const char *front_page = "<!DOCTYPE html><title>tcp_stats_monitor</title>"
                                   "<p>tcp_stats_monitor serves <a href=\"/metrics\">metrics</a> for Prometheus.\n";

/// Whoever has not sent a request by then, or taken the answer, is dropped.
constexpr std::chrono::seconds patience(10);
constexpr const char *patience_ms = "10000";

/// In pieces: the server's own time-out is for each.
bool write_in_time(mg_connection *connection, std::string_view text) {
    constexpr std::size_t piece = std::size_t(64) * 1024;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!text.empty() && std::chrono::steady_clock::now() < end) {
        const auto size = std::min(piece, text.size());
        if (mg_write(connection, text.data(), size) != static_cast<int>(size)) {
            return false;
        }
        text.remove_prefix(size);
    }
    return text.empty();
}

/// Whether all of it was taken.
bool answer(mg_connection *connection, int status, std::string_view headers, std::string_view body) {
    const bool with_body = std::string_view(mg_get_request_info(connection)->request_method) != "HEAD";
    const auto head = fmt::format("HTTP/1.1 {} {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n", status,
                                  mg_get_response_code_text(connection, status), headers, body.size());
    return write_in_time(connection, head) && (!with_body || write_in_time(connection, body));
}

/// Prometheus, and what scrapes as it does, says how long it waits; a person's browser or curl does not.
std::string scraper_of(const mg_connection *connection, const mg_request_info &request) {
    const auto *agent = mg_get_header(connection, "User-Agent");
    return mg_get_header(connection, "X-Prometheus-Scrape-Timeout-Seconds") == nullptr
               ? std::string()
               : fmt::format("{} {}", request.remote_addr, agent == nullptr ? "" : agent);
}

void answer_request(mg_connection *connection) {
    const auto &request = *mg_get_request_info(connection);
    const std::string_view method = request.request_method;
    const std::string_view path = request.local_uri == nullptr ? "" : request.local_uri;
    if (method != "GET" && method != "HEAD") {
        answer(connection, 405, "Allow: GET, HEAD\r\nContent-Type: text/plain\r\n",
               "only GET and HEAD are understood\n");
    } else if (path == "/") {
        answer(connection, 200, "Content-Type: text/html; charset=utf-8\r\n", front_page);
    } else if (path != "/metrics") {
        answer(connection, 404, "Content-Type: text/plain\r\n", "there is only /metrics\n");
    } else {
        auto &metrics = *static_cast<Metrics *>(request.user_data);
        const auto scraper = method == "GET" ? scraper_of(connection, request) : "";
        if (answer(connection, 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
                   metrics.text(scraper)) &&
            !scraper.empty()) {
            metrics.arrived(scraper);
        }
    }
}

/// It is called by C.
int begin_request(mg_connection *connection) noexcept {
    try {
        answer_request(connection);
    } catch (const std::exception &) { // no memory for the text
        mg_send_http_error(connection, 503, "%s", "try again later");
    }
    return 1; // answered
}

/// What the server says of requests that it does not understand is of no use to who runs the monitor.
int say_nothing(const mg_connection * /*connection*/, const char * /*message*/) { return 1; }

/// The threads have the name of the process, by which their connections are known, and no capability: what they read
/// comes from anywhere.
void *begin_thread(const mg_context * /*context*/, int /*kind*/) {
    std::array<char, 16> name{};
    std::ifstream("/proc/self/comm").getline(name.data(), name.size());
    pthread_setname_np(pthread_self(), name.data());
    capng_clear(CAPNG_SELECT_CAPS);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
        std::abort(); // dropping them needs no right
    }
    return nullptr;
}

class Server : public MetricsServer {
public:
    explicit Server(mg_context *context) : context_(context) {}
    ~Server() override {
        mg_stop(context_);
        mg_exit_library();
    }
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

private:
    mg_context *context_;
};

} // namespace

Result<void> MetricsServer::check(const ListenAddress &address) {
    constexpr unsigned ipv6 = 8; // of mg_check_feature
    if (address.host.find(':') != std::string::npos && mg_check_feature(ipv6) == 0) {
        return fail(ErrorKind::usage, tr("--metrics {}: the civetweb of this system serves no IPv6; give an address of "
                                         "IPv4, and a proxy the other",
                                         address.written));
    }
    return check_listen_address(address);
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const ListenAddress &address, Metrics &metrics) {
    const bool is_ipv6 = address.host.find(':') != std::string::npos;
    const auto where =
        is_ipv6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
    const char *options[] = {"listening_ports",
                             where.c_str(),
                             "num_threads",
                             "8",
                             "request_timeout_ms",
                             patience_ms,
                             "max_request_size",
                             "16384",
                             "enable_keep_alive",
                             "no",
                             nullptr};
    mg_callbacks callbacks{};
    callbacks.begin_request = begin_request;
    callbacks.log_message = say_nothing;
    callbacks.init_thread = begin_thread;
    std::array<char, 256> why{};
    mg_init_data init{&callbacks, &metrics, options};
    mg_error_data error{};
    error.text = why.data();
    error.text_buffer_size = why.size();
    mg_init_library(0);
    // Signals are for the thread that started: the threads inherit what is blocked.
    sigset_t all{}, before{};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    auto *context = mg_start2(&init, &error);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (context == nullptr) {
        mg_exit_library();
        return fail(ErrorKind::busy,
                    tr("--metrics {}: the server does not start: {}", address.written, printable(why.data())));
    }
    return std::make_unique<Server>(context);
}

} // namespace tcp_stats
