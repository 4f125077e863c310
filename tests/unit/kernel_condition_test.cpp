// What of a condition the BPF program decides: compiled here too, and held against the other evaluator.
#include "compile/kernel_condition.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <dlfcn.h>

#include "condition/filter.h"
#include "table.h"
#include "test.h"

using namespace tcp_stats;

namespace {

const Table &table() {
    static const Table made({{"saddr", "unsigned char 16"},
                             {"daddr", "unsigned char 16"},
                             {"sport", "unsigned short"},
                             {"dport", "unsigned short"},
                             {"proto", "unsigned char"},
                             {"family", "unsigned char"},
                             {"netns", "unsigned int"},
                             {"cgroup", "unsigned long long"}});
    return made;
}

/// As the program declares it.
struct FlowIdentity {
    std::uint32_t saddr[4];
    std::uint32_t daddr[4];
    std::uint16_t sport, dport, family;
    std::uint32_t netns;
    std::uint64_t cgroup;
};

constexpr const char *declarations = R"(
#include <stdint.h>
#include <arpa/inet.h>
struct flow_identity_t {
    uint32_t saddr[4], daddr[4];
    uint16_t sport, dport, family;
    uint32_t netns;
    uint64_t cgroup;
};
#define IS_IPV4(address) ((address)[0] == 0 && (address)[1] == 0 && (address)[2] == htonl(0xffff))
)";

/// Few values, so that random conditions and random flows meet.
class Dice {
public:
    std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_); }

    template <typename T> const T &one_of(const std::vector<T> &all) { return all[below(all.size())]; }

    std::string address() {
        static const std::vector<std::string> addresses = {
            "10.0.0.1", "10.0.1.2", "10.128.0.1", "192.0.2.7",         "255.255.255.255",  "0.0.0.0",
            "::1",      "::",       "fe80::1",    "2001:db8:1:2::3:4", "2001:db8:1:3::3:4"};
        return one_of(addresses);
    }

    std::string network() {
        auto text = address();
        if (below(3) == 0) {
            return text;
        }
        const bool ipv6 = text.find(':') != std::string::npos;
        if (below(6) == 0 && !ipv6) {
            return "::ffff:" + text + "/" + std::to_string(below(129));
        }
        return text + "/" + std::to_string(below(ipv6 ? 129 : 33));
    }

    std::string number(const std::string &field) {
        if (field == "netns" || field == "cgroup") {
            return one_of<std::string>({"0", "1", "4026531840", "0x100000001"});
        }
        return one_of<std::string>({"0", "22", "80", "443", "65535", "1k"});
    }

    std::string comparison() {
        auto field = one_of<std::string>({"saddr", "daddr", "sport", "dport", "family", "netns", "cgroup"});
        const bool address_field = field.ends_with("addr");
        const auto value = [&] {
            return address_field       ? network()
                   : field == "family" ? one_of<std::string>({"ipv4", "IPv6"})
                                       : number(field);
        };
        const auto list = [&] { return "(" + value() + ", " + value() + ")"; };
        switch (below(5)) {
        case 0:
            return field;
        case 1:
            return field + " in " + list();
        case 2:
            return field + " not in " + list();
        default:
            break;
        }
        const bool ordered = !address_field && field != "family";
        if (field.ends_with("port") && below(8) == 0) {
            return field + one_of<std::string>({" < ", " <= ", " > ", " >= "}) + "70000"; // no port is that
        }
        return field + " " +
               (ordered ? one_of<std::string>({"==", "!=", "<", "<=", ">", ">="}) : one_of<std::string>({"==", "!="})) +
               " " + value();
    }

    std::string condition(int depth) {
        if (depth == 0 || below(3) == 0) {
            return comparison();
        }
        if (below(5) == 0) {
            return "not (" + condition(depth - 1) + ")";
        }
        return "(" + condition(depth - 1) + ") " + one_of<std::string>({"and", "or", "&&", "||"}) + " (" +
               condition(depth - 1) + ")";
    }

    /// A record, and the same as the program's struct flow_identity_t.
    std::pair<std::vector<std::byte>, FlowIdentity> flow() {
        FlowIdentity identity{};
        auto record = table().record();
        const bool ipv6 = below(2) == 0;
        identity.family = ipv6 ? AF_INET6 : AF_INET;
        for (auto [name, words] : {std::pair("saddr", identity.saddr), {"daddr", identity.daddr}}) {
            auto text = address();
            while (!ipv6 && text.find(':') != std::string::npos) {
                text = address();
            }
            const bool ipv4 = text.find(':') == std::string::npos;
            inet_pton(AF_INET6, (ipv4 ? "::ffff:" + text : text).c_str(), words);
            record.address(name, identity.family, (ipv4 && ipv6 ? "::ffff:" + text : text).c_str());
        }
        identity.sport = one_of<std::uint16_t>({22, 80, 443, 1000, 65535});
        identity.dport = one_of<std::uint16_t>({22, 80, 443, 1000, 65535});
        identity.netns = one_of<std::uint32_t>({0, 1, 4026531840});
        identity.cgroup = one_of<std::uint64_t>({0, 1, 0x100000001});
        record.set("family", identity.family).set("proto", 6).set("sport", identity.sport);
        record.set("dport", htons(identity.dport)).set("netns", identity.netns).set("cgroup", identity.cgroup);
        return {record.bytes(), identity};
    }

private:
    std::mt19937_64 engine_{Catch::rngSeed() == 0 ? std::random_device()() : Catch::rngSeed()};
};

std::vector<ConditionPart> parts(const std::string &text, const std::string &option = "--where") {
    const ConditionText where = {option, text};
    const auto condition = parse_condition(where);
    INFO(text);
    REQUIRE(condition.has_value());
    return parts_of(where, *condition);
}

} // namespace

TEST_CASE("over random conditions and flows the program's code says what the snapshot's filter says") {
    constexpr std::size_t conditions = 400;
    constexpr std::size_t flows = 300;
    Dice dice;
    std::vector<std::string> texts;
    std::string code = declarations;
    for (std::size_t i = 0; i < conditions; ++i) {
        texts.push_back(dice.condition(3));
        std::string all = "1";
        for (const auto &part : parts(texts.back())) {
            INFO(texts.back() << ": " << part.text);
            REQUIRE_FALSE(part.code.empty());
            all += " && " + part.code;
        }
        code += "int wanted_" + std::to_string(i) + "(const struct flow_identity_t *p)\n{\n" +
                "    const struct flow_identity_t flow = *p;\n    return " + all + ";\n}\n";
    }
    auto directory = std::filesystem::temp_directory_path() / "kernel_condition_test.XXXXXX";
    auto name = directory.string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory = name;
    std::ofstream(directory / "code.c") << code;
    const auto library = (directory / "code.so").string();
    const auto command = "cc -w -O0 -shared -fPIC -o " + library + " " + (directory / "code.c").string();
    REQUIRE(std::system(command.c_str()) == 0); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
    void *compiled = dlopen(library.c_str(), RTLD_NOW);
    REQUIRE(compiled != nullptr);

    const auto columns = table().columns();
    std::size_t wanted_by_both = 0;
    for (std::size_t i = 0; i < conditions; ++i) {
        const ConditionText where = {"--where", texts[i]};
        const auto filter = Filter::create(where, *parse_condition(where), columns);
        INFO(texts[i] << (filter ? "" : filter.error().message));
        REQUIRE(filter.has_value());
        using Wanted = int (*)(const FlowIdentity *);
        const auto wanted = reinterpret_cast<Wanted>(dlsym(compiled, ("wanted_" + std::to_string(i)).c_str()));
        REQUIRE(wanted != nullptr);
        for (std::size_t j = 0; j < flows; ++j) {
            const auto [record, identity] = dice.flow();
            const auto records = std::make_shared<Records>(record.size());
            records->add(1, record.data());
            Snapshot snapshot;
            snapshot.live = records;
            snapshot.flows = {{}};
            INFO(fmt::format("{}", table().reader().local(record))
                 << " -> " << fmt::format("{}", table().reader().remote(record)) << " netns " << identity.netns
                 << " cgroup " << identity.cgroup);
            const bool in_kernel = wanted(&identity) != 0;
            if (in_kernel != filter->matches(Row{&snapshot, 0})) {
                FAIL("the program says " << in_kernel);
            }
            wanted_by_both += in_kernel ? 1 : 0;
        }
    }
    CHECK(wanted_by_both > conditions * flows / 10);
    CHECK(wanted_by_both < conditions * flows * 9 / 10);
    dlclose(compiled);
    std::filesystem::remove_all(directory);
}

TEST_CASE("what is only about identity is decided in the kernel, part by part") {
    const auto all =
        parts("dport == 443 and srtt_us > 20ms && (saddr in 10.0.0.0/8 or sport < 1k) and not family == ipv6");
    REQUIRE(all.size() == 4);
    CHECK_FALSE(all[0].code.empty());
    CHECK(all[0].reason.empty());
    CHECK(all[1].code.empty());
    CHECK(all[1].reason ==
          "srtt_us: when a connection begins, only addresses, ports, family, netns and cgroup are known");
    CHECK_FALSE(all[2].code.empty());
    CHECK_FALSE(all[3].code.empty());
    CHECK(all[2].text == "saddr in 10.0.0.0/8 or sport < 1k");
    // One of the others in it, and all of it is for the snapshot.
    CHECK(parts("dport == 443 or comm == nginx").front().code.empty());
    CHECK(parts("sport > 3.5").front().code.empty());
    CHECK(parts("sport > -1").front().reason == "a number is negative or not whole");
    std::string ports = "1";
    for (int port = 2; port < 300; ++port) {
        ports += "," + std::to_string(port);
    }
    CHECK_FALSE(parts(ports, "--port").front().code.empty());
    for (int port = 300; port < 3000; ++port) {
        ports += "," + std::to_string(port);
    }
    CHECK(parts(ports, "--port").front().code.empty());
    CHECK(parts(ports, "--port").front().reason == "it is too long to be compiled into the program");
    CHECK(parts("80,443", "--port").front().text == "--port 80,443");
    CHECK_FALSE(parts("80,443", "--port").front().code.empty());
    CHECK(parts("1", "--pid").front().reason == "pid: who accepts a connection is not known when it begins");
    CHECK(parts("/system.slice", "--cgroup").front().code.empty());
}

TEST_CASE("the header says which of the dearer members it looks at") {
    const auto header = [](const std::string &text) { return kernel_condition_header(parts(text)); };
    CHECK(header("srtt_us > 3 and comm == x").empty());
    CHECK(header("sport == 80 and srtt_us > 3") == "#define FLOW_WANTED(flow) ((flow.sport == 80ULL))\n");
    CHECK(header("netns == 5").ends_with("\n#define WANTED_BY_NETNS\n"));
    CHECK(header("cgroup and netns").ends_with("\n#define WANTED_BY_NETNS\n#define WANTED_BY_CGROUP\n"));
}

TEST_CASE("an explanation says of each part where it is decided, and why the kernel does not") {
    CHECK(explanation(parts("dport == 443 and comm not in (a, \"b \\\"c\") and not (saddr == ::1 or sport)")) ==
          "In the kernel, before there is a record of the flow:\n"
          "  dport == 443\n"
          "  not (saddr == ::1 or sport)\n"
          "In the monitor, on each snapshot:\n"
          "  comm not in (a, \"b \\\"c\")     comm: who accepts a connection is not known when it begins\n");
    CHECK(explanation({}) == "There is no condition: every flow is shown.\n");
}
