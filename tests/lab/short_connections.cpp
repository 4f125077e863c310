// short_connections COUNT SIZE NAMES: so many connections to itself on loopback, one after the other: each is opened,
// used for SIZE bytes from the client, and closed. The thread that does so has NAMES names in turn; 0: only its own.
// For checks in the lab, where Python takes five times as long for it.
//
// Says three lines of ports: the one that listens; those of the clients, when the last of them has closed; those whose
// connections were accepted, in order, when standard input ends (which is for when all of them are gone).
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// What a system call returned; ends the program where that is an error.
int must(int result, const char *call) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category(), call);
    }
    return result;
}

sockaddr *general(sockaddr_in &address) { return reinterpret_cast<sockaddr *>(&address); }

unsigned port_of(int fd) {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    must(getsockname(fd, general(address), &length), "getsockname");
    return ntohs(address.sin_port);
}

void set(int fd, int level, int option, int value) {
    must(setsockopt(fd, level, option, &value, sizeof(value)), "setsockopt");
}

int listening_socket() {
    const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    // What is accepted inherits these. A peer that was reset sends nothing any more: keepalives find that out.
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 10);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(fd, general(address), sizeof(address)), "bind");
    must(listen(fd, 1000), "listen");
    return fd;
}

/// Until `stop` can be read and nobody waits to be accepted; each until its end of the stream, or a reset.
std::vector<unsigned> serve(int listener, int stop) {
    std::vector<unsigned> accepted;
    std::vector<char> buffer(65536);
    for (;;) {
        pollfd ready[] = {{listener, POLLIN, 0}, {stop, POLLIN, 0}};
        must(poll(ready, 2, -1), "poll");
        if (ready[0].revents == 0) {
            return accepted;
        }
        sockaddr_in peer{};
        socklen_t length = sizeof(peer);
        const int fd = must(accept(listener, general(peer), &length), "accept");
        accepted.push_back(ntohs(peer.sin_port));
        while (recv(fd, buffer.data(), buffer.size(), 0) > 0) {
        }
        close(fd);
    }
}

unsigned connect_once(unsigned to, const std::string &data) {
    const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(to));
    must(connect(fd, general(address), sizeof(address)), "connect");
    const auto port = port_of(fd);
    if (send(fd, data.data(), data.size(), MSG_NOSIGNAL) < 0 && errno != ECONNRESET && errno != EPIPE) {
        must(-1, "send");
    }
    close(fd);
    return port;
}

void say(const std::vector<unsigned> &ports) {
    for (const auto port : ports) {
        std::cout << port << ' ';
    }
    std::cout << std::endl;
}

} // namespace

int main(int argc, char **argv) try {
    if (argc != 4) {
        std::cerr << "usage: short_connections COUNT SIZE NAMES\n";
        return 64;
    }
    const auto count = std::stoul(argv[1]);
    const std::string data(std::stoul(argv[2]), 'x');
    const auto names = std::stoul(argv[3]);
    const int listener = listening_socket();
    int stop[2];
    must(pipe(stop), "pipe");
    std::vector<unsigned> connected, accepted;
    std::thread server([&] { accepted = serve(listener, stop[0]); });
    const auto to = port_of(listener);
    say({to});
    while (connected.size() < count) {
        if (names > 0) {
            pthread_setname_np(pthread_self(), ("name" + std::to_string(connected.size() % names)).c_str());
        }
        connected.push_back(connect_once(to, data));
    }
    say(connected);
    for (char byte = 0; read(STDIN_FILENO, &byte, 1) > 0;) {
    }
    close(stop[1]);
    server.join();
    say(accepted);
    return 0;
} catch (const std::exception &error) {
    std::cerr << "short_connections: " << error.what() << '\n';
    std::_Exit(1);
}
