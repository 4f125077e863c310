// endings COUNT: so many connections on loopback, four at a time, each ended in one of ten ways, chosen at random. For
// checks in the lab.
//
// Says a line for each: the way; the client's port and the one it connected to; the errors that the client and the
// server were told, 0 for none. `odd` in place of the way: something else happened, as when the kernel reset the
// connection.
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

int must(int result, const char *call) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), call);
    }
    return result;
}

class Socket {
public:
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    Socket &operator=(Socket &&) = delete;
    ~Socket() { close(); }

    static Socket make() { return Socket(must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")); }
    /// On a free port.
    static Socket bound() {
        auto made = make();
        sockaddr_in address = loopback(0);
        must(bind(made.fd_, reinterpret_cast<sockaddr *>(&address), sizeof(address)), "bind");
        return made;
    }
    static Socket listening() {
        auto made = bound();
        must(listen(made.fd_, 100), "listen");
        return made;
    }

    unsigned port() const {
        sockaddr_in address{};
        socklen_t length = sizeof(address);
        must(getsockname(fd_, reinterpret_cast<sockaddr *>(&address), &length), "getsockname");
        return ntohs(address.sin_port);
    }
    /// The error.
    int connect(unsigned port) const {
        sockaddr_in address = loopback(port);
        return ::connect(fd_, reinterpret_cast<sockaddr *>(&address), sizeof(address)) == 0 ? 0 : errno;
    }
    Socket accept() const { return Socket(must(::accept(fd_, nullptr, nullptr), "accept")); }
    /// There is something to read or accept, or an end.
    void wait() const {
        pollfd ready = {fd_, POLLIN, 0};
        must(poll(&ready, 1, -1), "poll");
    }
    /// Until the end of the stream: the error, 0 for a FIN.
    int read_to_end() const {
        char buffer[100];
        ssize_t size = 0;
        while ((size = recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
        }
        return size < 0 ? errno : 0;
    }
    /// The error that SO_ERROR tells, as soon as there is one.
    int error() const {
        int error = 0;
        socklen_t length = sizeof(error);
        while (error == 0) {
            pollfd ready = {fd_, 0, 0};
            must(poll(&ready, 1, -1), "poll");
            must(getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
        }
        return error;
    }
    bool send() const { return ::send(fd_, "x", 1, MSG_NOSIGNAL) == 1; }
    void shut() const { shutdown(fd_, SHUT_WR); }
    void close_with_linger_0() {
        const linger zero = {1, 0};
        must(setsockopt(fd_, SOL_SOCKET, SO_LINGER, &zero, sizeof(zero)), "SO_LINGER");
        close();
    }
    void set_linger2_below_0() const {
        const int seconds = -1;
        must(setsockopt(fd_, IPPROTO_TCP, TCP_LINGER2, &seconds, sizeof(seconds)), "TCP_LINGER2");
    }
    void disconnect() const {
        sockaddr nowhere{};
        nowhere.sa_family = AF_UNSPEC;
        must(::connect(fd_, &nowhere, sizeof(nowhere)), "connect to AF_UNSPEC");
    }
    void wait_for_state(unsigned char state) const {
        tcp_info info{};
        do {
            socklen_t length = sizeof(info);
            must(getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
        } while (info.tcpi_state != state && info.tcpi_state != TCP_CLOSE);
    }
    void close() {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

private:
    static sockaddr_in loopback(unsigned port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        return address;
    }

    int fd_;
};

/// What the client and the server are told.
using Told = std::pair<int, int>;
using Way = std::function<Told(Socket &client, Socket &server)>;

const std::map<std::string, Way> ways = {
    {"client_closes",
     [](Socket &client, Socket &server) {
         client.close();
         return Told(0, server.read_to_end());
     }},
    {"server_closes",
     [](Socket &client, Socket &server) {
         server.close();
         return Told(client.read_to_end(), 0);
     }},
    {"client_lingers",
     [](Socket &client, Socket &server) {
         client.close_with_linger_0();
         return Told(0, server.error());
     }},
    {"server_lingers",
     [](Socket &client, Socket &server) {
         server.close_with_linger_0();
         return Told(client.error(), 0);
     }},
    {"server_leaves_unread",
     [](Socket &client, Socket &server) {
         client.send();
         server.wait();
         server.close();
         return Told(client.error(), 0);
     }},
    {"server_lingers_after_fin",
     [](Socket &client, Socket &server) {
         server.shut();
         client.read_to_end();
         server.wait_for_state(TCP_FIN_WAIT2);
         server.close_with_linger_0();
         return Told(client.error(), 0);
     }},
    {"client_disconnects",
     [](Socket &client, Socket &server) {
         client.disconnect();
         return Told(0, server.error());
     }},
    {"client_does_not_wait",
     [](Socket &client, Socket &server) {
         client.set_linger2_below_0();
         client.shut();
         client.wait_for_state(TCP_FIN_WAIT2);
         client.close();
         return Told(0, server.error());
     }},
};

void say(const std::string &way, unsigned client, unsigned server, const Told &told) {
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    std::cout << way << ' ' << client << ' ' << server << ' ' << told.first << ' ' << told.second << '\n';
}

void refuse(const Socket &nobody) {
    const auto client = Socket::bound();
    const auto from = client.port();
    say("refused", from, nobody.port(), {client.connect(nobody.port()), 0});
}

void close_listener() {
    auto listener = Socket::listening();
    const auto to = listener.port();
    const auto client = Socket::make();
    if (client.connect(to) != 0) {
        throw std::runtime_error("connect to a listening socket");
    }
    listener.wait();
    listener.close();
    say("not_accepted", client.port(), to, {client.error(), 0});
}

void end_many(std::size_t count, unsigned seed) {
    std::mt19937 dice(seed);
    const auto listener = Socket::listening();
    const auto nobody = Socket::bound();
    while (count-- > 0) {
        const auto choice = dice() % (ways.size() + 2);
        if (choice == ways.size()) {
            refuse(nobody);
        } else if (choice == ways.size() + 1) {
            close_listener();
        } else {
            const auto &[name, way] = *std::next(ways.begin(), static_cast<std::ptrdiff_t>(choice));
            auto client = Socket::make();
            const int failed = client.connect(listener.port());
            const auto port = client.port();
            if (failed != 0) {
                say("odd", port, listener.port(), {failed, 0});
                continue;
            }
            auto server = listener.accept();
            say(name, port, listener.port(), way(client, server));
        }
    }
}

} // namespace

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: endings COUNT\n";
        return 64;
    }
    constexpr unsigned at_a_time = 4;
    const auto count = std::stoul(argv[1]);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < at_a_time; ++i) {
        threads.emplace_back(end_many, count / at_a_time, i + 1);
    }
    for (auto &thread : threads) {
        thread.join();
    }
    return 0;
} catch (const std::exception &error) {
    std::cerr << "endings: " << error.what() << '\n';
    std::_Exit(1);
}
