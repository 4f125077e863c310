#include "cli/description.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "base/translate.h"
#include "cli/options.h"
#include "record/fields.h"

namespace tcp_stats {

namespace po = boost::program_options;

po::options_description describe_options() {
    const auto option = [](const char *argument) { return po::value<std::string>()->value_name(argument); };
    po::options_description program(tr("The BPF program"));
    program.add_options()("src", option("FILE"), translate("compile FILE instead of the built-in program"))(
        "print-src", translate("print the built-in program, complete and ready for --src, and exit"))(
        "field", po::value<std::vector<std::string>>()->value_name("NAME[[UNIT]]=EXPR"),
        translate("a field more: a C expression over sk (struct sock *) and tp (struct tcp_sock *); may be repeated"))(
        "define,D", po::value<std::vector<std::string>>()->value_name("NAME[=VALUE]"),
        translate("pass a definition to the compiler; may be repeated"));
    po::options_description kernel(tr("The kernel"));
    kernel.add_options()(
        "kernel-types", option("auto|btf|headers"),
        translate("where kernel types come from; auto: BTF where the kernel has it, else installed headers, and "
                  "the other where one fails to compile"))(
        "attach", option("auto|kprobe|fentry"),
        translate("how the hooks attach; auto: kprobe, and fentry where the kernel has no kprobes"))(
        "no-cache", translate("compile afresh, and do not keep the result; else a second start with the same options "
                              "does not compile"));
    po::options_description flows(tr("Flows"));
    flows.add_options()("max-flows", option("N"),
                        translate("flows tracked at the same time (default 16384, some 8 MB of kernel memory); further "
                                  "ones are counted"))("listening",
                                                       translate("show listening sockets too, with their queues"))(
        "failed-connects",
        translate("show each connect() that fails before a SYN is sent (no route, no free port) as a closed flow"))(
        "where", option("CONDITION"),
        translate("show flows for which this is true, as in 'dport == 443 and rtt_us > 20ms and comm == nginx'"))(
        "port", option("PORT,..."), translate("show flows with one of these ports at either end"))(
        "local", option("NET,..."), translate("with this end in one of these networks"))(
        "remote", option("NET,..."), translate("with the other end in one of these networks"))(
        "pid", option("PID,..."), translate("of one of these processes"))(
        "comm", option("NAME,..."), translate("of processes of one of these names"))(
        "state", option("STATE,..."), translate("in one of these states"))(
        "netns", option("NETNS,..."),
        translate("in one of these network namespaces: ip netns's name, a path, or the inode"))(
        "cgroup", option("PATH,..."), translate("in one of these cgroups, or below"))(
        "explain",
        translate("print which parts of the conditions the kernel decides, and which the monitor, what is kept of "
                  "privileges, and exit"));
    po::options_description output(tr("Output"));
    output.add_options()("interval,i", option("SECONDS"),
                         translate("time between snapshots, fractions allowed (default 1)"))(
        "count,c", option("N"), translate("exit after N snapshots"))(
        "output,o", option("line|table|json|csv|live|report"),
        translate("line: name=value, for scripts (the default); table: for people; json: an object for each snapshot, "
                  "one a line; csv: a row for each flow; live: a full screen with keys, h lists them; report: one page "
                  "of HTML "
                  "about all snapshots, when they end"))(
        "group-by", option("KEY"),
        translate("show groups of flows, with sums and percentiles: by a field (dport, comm, cgroup_path), or by "
                  "networks of an address (daddr/24, daddr/24/64)"))(
        "columns", option("NAME,..."), translate("show these fields; in lines, behind the part that is always there"))(
        "sort", option("[-]NAME"), translate("order flows by this field, with - the largest first"))(
        "top", option("N"), translate("show the first N flows of each snapshot"))(
        "pointers", translate("show the address of the struct sock in json and csv too"))(
        "list-fields", translate("print every field, its unit, the kernel's variable, and exit"));
    po::options_description recording(tr("Recording"));
    recording.add_options()("record", option("FILE"),
                            translate("record every snapshot to FILE, an SQLite database; shows nothing then but with "
                                      "--output"))(
        "keep", option("AMOUNT"),
        translate("keep so much of the recording, as 7d, 12h, 500MB or 2GiB: the oldest goes (default: all)"))(
        "replay", option("FILE"), translate("show what was recorded to FILE; needs no root, and no BPF"))(
        "from", option("TIME"),
        translate("replay from this time on: 23:10, 2026-11-30 23:10:05, or -2h, so long before the end"))(
        "to", option("TIME"), translate("replay up to this time"))("at", option("TIME"),
                                                                   translate("replay the one snapshot of this time"))(
        "speed", option("N"), translate("replay N times as fast as it was (default: as fast as it is read; live: 1)"));
    po::options_description metrics(tr("Metrics"));
    metrics.add_options()(
        "metrics", option("[ADDRESS:]PORT"),
        translate("serve metrics for Prometheus on this port (ADDRESS: 127.0.0.1 unless given); shows nothing "
                  "else without --output"))(
        "metrics-by", option("KEY,..."),
        translate("label them by these fields, as --group-by takes them (default: comm)"))(
        "metrics-series", option("N"),
        translate("at most N groups have series of their own (default 1000); the others share \"other\""));
    po::options_description other(tr("Other"));
    other.add_options()(
        "user", option("NAME"),
        translate("become this user, by name or number, once the hooks are attached; a recording is made "
                  "as this user"))("verbose,v",
                                   translate("say on standard error what is done, and what the compiler says"))(
        "version", translate("print the versions of this program, libbcc and LLVM, and exit"))(
        "help,h", translate("print this and exit"));
    po::options_description all;
    all.add(program).add(kernel).add(flows).add(output).add(recording).add(metrics).add(other);
    return all;
}

std::string help_text() {
    std::ostringstream text;
    text << tr("Usage: tcp_stats_monitor [options]\n"
               "Shows every TCP flow of this host, once a second: addresses, bytes, retransmits, round-trip time,\n"
               "congestion window, state. Needs root, or CAP_BPF and CAP_PERFMON; --replay needs neither.\n")
         << describe_options()
         << tr("\nExit status: 0 done, 64 usage, 65 the BPF source does not compile or the verifier refuses it,\n"
               "or a file is no recording, 66 --src or --replay cannot be read, 69 this kernel cannot do it, 70 a "
               "defect,\n"
               "74 output or a recording cannot be written, 75 metrics cannot be served there now, 77 not enough "
               "privilege.\n");
    return text.str();
}

std::string field_list() {
    std::vector<std::array<std::string, 5>> rows = {{"NAME", "UNIT", "SINCE", "KERNEL", "MEANING"}};
    for (const auto &field : known_fields()) {
        if (field.source == Source::internal) {
            continue;
        }
        const std::string meaning = field.meaning;
        const auto first_sentence = meaning.find(". ");
        rows.push_back({shown_name(field), field.unit, field.since, field.kernel,
                        meaning.substr(0, first_sentence == meaning.npos ? meaning.npos : first_sentence + 1)});
    }
    std::array<std::size_t, 4> widths{};
    for (const auto &row : rows) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const auto &row : rows) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            text += fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        text += row.back() + '\n';
    }
    return text;
}

} // namespace tcp_stats
