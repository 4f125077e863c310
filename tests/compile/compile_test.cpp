// The built-in program, compiled for every kernel that the lab has, by its types alone: no root, no kernel.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <linux/bpf.h>

#include "base/running_kernel.h"
#include "compile/compiler.h"
#include "compile/diagnostics.h"
#include "compile/kernel_condition.h"
#include "compile/private_directory.h"
#include "condition/fields_in_use.h"
#include "record/fields.h"
#include "target_kernels.h"
#include "test.h"

using namespace tcp_stats;

namespace {

enum class Mechanism { kprobe, fentry };
constexpr auto mechanisms = {Mechanism::kprobe, Mechanism::fentry};

/// As the monitor defines it for kernels that have a ring buffer, which all of these do.
ProgramText built_in(Mechanism mechanism) {
    auto text = ProgramText::built_in();
    if (mechanism == Mechanism::fentry) {
        text.definitions.emplace_back("ATTACH_FENTRY");
    }
    text.definitions.insert(text.definitions.end(), {"KERNEL_HZ=250", "RING_BUFFER"});
    return text;
}

Result<CompiledProgram> compiled(const ProgramText &text, const TargetKernel &kernel,
                                 TypeSource types = TypeSource::btf) {
    auto program = run_compiler({text, types, kernel, private_directory_name()}, text, -1);
    if (!program) {
        return tl::unexpected(program.error());
    }
    return std::move(program->value());
}

CompiledProgram require_compiled(const ProgramText &text, const TargetKernel &kernel) {
    auto program = compiled(text, kernel);
    INFO(kernel.release << ": " << (program ? "" : program.error().message + "\n" + program.error().details));
    REQUIRE(program.has_value());
    CHECK(program->words.find("warning:") == std::string::npos);
    return std::move(*program);
}

std::set<std::string> members_of(const CompiledProgram &program) {
    const auto *table = program.map("flow_stats");
    REQUIRE(table != nullptr);
    CHECK(table->no_layout.empty());
    std::set<std::string> names;
    for (const auto &field : table->value.fields()) {
        names.insert(field.name);
    }
    return names;
}

std::size_t instructions_of(const CompiledProgram &program) {
    std::size_t count = 0;
    for (const auto &handler : program.handlers) {
        count += handler.instructions.size() / sizeof(bpf_insn);
    }
    return count;
}

/// How many calls of functions of its own a handler has: all of them to one, which begins where another ends.
std::size_t calls_in(const Handler &handler) {
    const auto *first = reinterpret_cast<const bpf_insn *>(handler.instructions.data());
    const auto size = static_cast<int>(handler.instructions.size() / sizeof(bpf_insn));
    std::size_t calls = 0;
    std::set<int> targets;
    for (int i = 0; i < size; ++i) {
        if (first[i].code == (BPF_JMP | BPF_CALL) && first[i].src_reg == BPF_PSEUDO_CALL) {
            const auto target = i + 1 + first[i].imm;
            REQUIRE((target > i + 1 && target < size));
            CHECK((first[target - 1].code == (BPF_JMP | BPF_EXIT) || first[target - 1].code == (BPF_JMP | BPF_JA)));
            targets.insert(target);
            ++calls;
        }
    }
    CHECK(targets.size() == std::min<std::size_t>(calls, 1));
    return calls;
}

/// `KIND FUNCTION`, and whether the kernel's id of the function is known where it is needed.
std::set<std::string> handlers_of(const CompiledProgram &program) {
    static const char *const kinds[] = {"kprobe",         "kretprobe",  "fentry",  "fexit",
                                        "raw_tracepoint", "tracepoint", "iterator"};
    std::set<std::string> handlers;
    for (const auto &handler : program.handlers) {
        if (!handler.instructions.empty()) {
            const bool needs_id = handler.kind == HandlerKind::fentry || handler.kind == HandlerKind::iterator;
            handlers.insert(std::string(kinds[static_cast<int>(handler.kind)]) + " " + handler.function +
                            (needs_id && handler.attach_btf_id == 0 ? " without an id" : ""));
        }
    }
    return handlers;
}

std::string read_file(const std::string &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

ProgramText of_file(const std::string &name) {
    auto text = ProgramText::read(PROGRAMS_DIRECTORY "/" + name);
    REQUIRE(text.has_value());
    return *text;
}

} // namespace

TEST_CASE("the built-in program has its maps, its handlers and its record for every kernel") {
    for (const auto &kernel : kernels()) {
        for (const auto mechanism : mechanisms) {
            const auto program = require_compiled(built_in(mechanism), kernel);
            INFO(kernel.release);
            CHECK(program.license == "GPL");
            CHECK(program.btf.empty());
            CHECK_FALSE(program.has_condition);
            CHECK(program.depends_on.empty());

            std::set<std::string> maps;
            for (const auto &map : program.maps) {
                maps.insert(map.name);
            }
            CHECK(maps == std::set<std::string>{"blank_record", "closed_count", "closed_flows", "flow_missed",
                                                "flow_refused", "flow_stats", "last_record", "socket_copy",
                                                "synack_sent_us", "walk_began_ns"});
            const auto &table = *program.map("flow_stats");
            CHECK((table.type == BPF_MAP_TYPE_HASH && table.key_size == 8 && table.max_entries == 16384));
            CHECK(table.value_size == table.value.size());
            CHECK(program.map("closed_flows")->type == BPF_MAP_TYPE_RINGBUF);
            CHECK(program.map("flow_missed")->value.find("closed_lost") != nullptr);

            const std::string kind = mechanism == Mechanism::kprobe ? "kprobe " : "fentry ";
            CHECK(handlers_of(program) ==
                  std::set<std::string>{kind + "tcp_set_state", kind + "tcp_sendmsg", kind + "tcp_retransmit_skb",
                                        "raw_tracepoint tcp_retransmit_skb", "raw_tracepoint tcp_retransmit_synack",
                                        "raw_tracepoint inet_sock_set_state", "iterator tcp", "iterator task_file"});
            std::set<std::string> sampling;
            for (const auto &handler : program.handlers) {
                INFO(handler.name);
                if (calls_in(handler) > 0) {
                    sampling.insert(handler.function);
                }
            }
            sampling.erase("task_file"); // before Linux 5.15 it has nothing to sample
            CHECK(sampling == std::set<std::string>{"tcp_set_state", "inet_sock_set_state", "tcp"});
        }
    }
}

TEST_CASE("the built-in program compiles where noinline is a macro, as in the kernel's headers") {
    auto text = built_in(Mechanism::kprobe);
    text.definitions.insert(text.definitions.end(), {"noinline=__attribute__((__noinline__))", "LISTENING"});
    for (const auto &handler : require_compiled(text, kernels().front()).handlers) {
        INFO(handler.name);
        CHECK((handler.name != "kprobe__tcp_set_state" || calls_in(handler) > 0));
    }
}

TEST_CASE("connections that fail at once are told by the returns of two functions, whatever is asked of them") {
    for (const auto &kernel : kernels()) {
        for (const auto mechanism : mechanisms) {
            auto text = built_in(mechanism);
            text.definitions.emplace_back("FAILED_CONNECTS");
            if (mechanism == Mechanism::kprobe) { // as with few columns
                for (const auto *unused : {"error", "ended", "cgroup", "comm", "mptcp", "connect_us"}) {
                    text.definitions.push_back(fmt::format("UNUSED_{}=1", unused));
                }
            }
            const auto handlers = handlers_of(require_compiled(text, kernel));
            const std::string kind = mechanism == Mechanism::kprobe ? "kretprobe " : "fexit ";
            INFO(kernel.release);
            CHECK((handlers.contains(kind + "tcp_v4_connect") && handlers.contains(kind + "tcp_v6_connect")));
        }
    }
}

TEST_CASE("each field of the table that a kernel has is a member of the record, and no other") {
    std::set<std::string> ever;
    for (const auto &kernel : kernels()) {
        const auto members = members_of(require_compiled(built_in(Mechanism::kprobe), kernel));
        ever.insert(members.begin(), members.end());
        for (const auto *name :
             {"saddr", "daddr", "sport", "dport", "family", "pkts_sent", "bytes_sent", "retransmits", "srtt_us", "cwnd",
              "last_state", "last_seen_ns", "bytes_acked", "min_rtt_us", "comm", "netns"}) {
            INFO(kernel.release << ", " << name);
            CHECK(members.contains(name));
        }
        CHECK_FALSE(members.contains("acceptq"));
    }
    auto listening = built_in(Mechanism::kprobe);
    listening.definitions.emplace_back("LISTENING");
    const auto more = members_of(require_compiled(listening, kernels().back()));
    CHECK(more.contains("acceptq"));
    ever.insert(more.begin(), more.end());
    for (const auto &field : known_fields()) {
        if (field.source == Source::record) {
            INFO(field.name);
            CHECK(ever.contains(field.name));
        }
    }
}

TEST_CASE("fields of the user's, conditions and columns are compiled in for every kernel") {
    for (const auto &kernel : kernels()) {
        for (const auto mechanism : mechanisms) {
            const auto whole = require_compiled(built_in(mechanism), kernel);
            const auto plain = instructions_of(whole);

            auto with_fields = built_in(mechanism);
            REQUIRE(with_fields
                        .add({{"pacing", "bytes/s", "sk->sk_pacing_rate"},
                              {"inode", "", "sk->sk_socket->file->f_inode->i_ino"}})
                        .has_value());
            const auto fields = require_compiled(with_fields, kernel);
            CHECK(members_of(fields).contains("pacing"));
            CHECK(members_of(fields).contains("inode"));
            CHECK(instructions_of(fields) > plain);

            auto with_condition = built_in(mechanism);
            const ConditionText condition{"--where", "dport == 443 and saddr in 10.0.0.0/8"};
            REQUIRE(with_condition.add_condition(
                kernel_condition_header(parts_of(condition, parse_condition(condition).value()))));
            const auto conditional = require_compiled(with_condition, kernel);
            CHECK(conditional.has_condition);
            CHECK(instructions_of(conditional) > plain);

            auto with_columns = built_in(mechanism);
            for (const auto &unused : unused_fields({"bytes", "rtt_us"})) {
                with_columns.definitions.push_back("UNUSED_" + unused + "=1");
            }
            const auto columns = require_compiled(with_columns, kernel);
            CHECK(instructions_of(columns) < plain);
            const auto members = members_of(columns);
            for (const auto *name : {"bytes_sent", "rtt_us", "pid", "netns", "sampled_ns"}) {
                CHECK(members.contains(name));
            }
            for (const auto *name : {"bytes_acked", "comm", "ca", "cwnd_limited", "retransmit_state"}) {
                CHECK_FALSE(members.contains(name));
            }
            CHECK(columns.map("flow_stats")->value.size() < whole.map("flow_stats")->value.size() / 3);
        }
    }
}

TEST_CASE("a program whose text hides what it needs compiles with the whole BTF of every kernel") {
    for (const auto &kernel : kernels()) {
        const auto text = of_file("whole_btf.c");
        const auto named = compiled(text, kernel);
        REQUIRE_FALSE(named.has_value());
        CHECK(named.error().kind == ErrorKind::program_rejected);
        CHECK(types_may_be_at_fault(named.error()));
        const auto whole = compiled(text, kernel, TypeSource::whole_btf);
        INFO(kernel.release << ": " << (whole ? whole->words : whole.error().details));
        REQUIRE(whole.has_value());
        CHECK(whole->words.find("warning:") == std::string::npos);
    }
}

TEST_CASE("a program of the user's brings its debug information, and what it includes") {
    for (const auto &kernel : kernels()) {
        const auto program = require_compiled(of_file("reordered.c"), kernel);
        CHECK_FALSE(program.btf.empty());
        CHECK(program.depends_on.empty());
        for (const auto &handler : program.handlers) {
            CHECK((handler.instructions.empty() || handler.lines.count > 0));
        }
    }
}

bool clang_is_that_of_the_golden_files() {
    const auto versions = compiler_versions();
    return versions && versions->find("LLVM 14.") != std::string::npos;
}

/// Without what Clang draws below a line, and the name that it proposes.
std::string without_pointing(const std::string &text) {
    std::istringstream lines(text);
    std::string result;
    for (std::string line; std::getline(lines, line);) {
        const bool points = line.starts_with("   ") || line.starts_with("  ^") || line.starts_with("  ~");
        if (!points) {
            result += line.substr(0, line.find("; did you mean")) + "\n";
        }
    }
    return result;
}

TEST_CASE("a signed division is the program's mistake, not the compiler's, where LLVM cannot do it") {
    auto text = built_in(Mechanism::kprobe);
    REQUIRE(text.add({{"share", "", "sk->sk_sndbuf / 8"}}).has_value());
    const auto program = compiled(text, kernels().front());
    if (program) { // LLVM 21 can
        CHECK_FALSE(clang_is_that_of_the_golden_files());
        return;
    }
    CHECK(program.error().kind == ErrorKind::program_rejected);
    // LLVM 14 ends the compiler, which the monitor has a sentence for; later ones say it as a mistake.
    CHECK(
        (program.error().message.find("divides a signed number") != std::string::npos ||
         (program.error().message + program.error().details).find("unsupported signed division") != std::string::npos));
}

TEST_CASE("a function that is not inlined is told, before the verifier meets a call to nowhere") {
    ProgramText text;
    text.name = "calls.c";
    text.text = "__attribute__((noinline)) static int twice(int number) { asm volatile(\"\"); return number * 2; }\n"
                "int kprobe__tcp_sendmsg(struct pt_regs *ctx) { return twice(ctx->di); }\n";
    const auto program = compiled(text, kernels().front());
    REQUIRE_FALSE(program.has_value());
    CHECK(program.error().kind == ErrorKind::program_rejected);
    CHECK(program.error().message ==
          "kprobe__tcp_sendmsg of calls.c calls a function that is not inlined, and BCC has the "
          "code of handlers only; leave out __attribute__((noinline))");
}

TEST_CASE("a number with a fraction is told of the field that has it, or of the fields") {
    const auto complaint = [](const char *expression) {
        auto text = built_in(Mechanism::kprobe);
        REQUIRE(text.add({{"x", "", expression}}).has_value());
        const auto program = compiled(text, kernels().front());
        REQUIRE_FALSE(program.has_value());
        CHECK(program.error().kind == ErrorKind::program_rejected);
        return program.error().message;
    };
    const std::string no_fractions = ": BPF has no numbers with a fraction; use whole ones, as in tp->srtt_us * 3 / 2";
    CHECK(complaint("tp->srtt_us * 1.5") == "--field x" + no_fractions);
    CHECK(complaint("(u64)(tp->srtt_us * 1.5)") == "tcp_stats_sockkey.c, --field" + no_fractions);
}

TEST_CASE("mistakes are shown in the same words for every kernel") {
    std::istringstream golden(read_file(GOLDEN_DIRECTORY "/field_errors.txt"));
    for (const auto &kernel : kernels()) {
        for (const auto mechanism : mechanisms) {
            std::string shown;
            for (const auto *expression : {"sk->sk_pacing_rat", "tp->srtt_us +", "tp->bytes_acked + foo",
                                           "inet_csk(sk)->icsk_ca_ops->nme", "sk->__sk_common"}) {
                auto text = built_in(mechanism);
                REQUIRE(text.add({{"x", "", expression}}).has_value());
                const auto program = compiled(text, kernel);
                REQUIRE_FALSE(program.has_value());
                shown += "tcp_stats_monitor: error: " + program.error().message + "\n" + program.error().details +
                         "\nstatus " + std::to_string(exit_status(program.error().kind)) + "\n";
            }
            INFO(kernel.release);
            if (clang_is_that_of_the_golden_files()) {
                CHECK(shown == golden.str().substr(0, shown.size()));
            }
            // Other versions point elsewhere, and may know no name that is like it.
            const auto expected = without_pointing(golden.str());
            CHECK(without_pointing(shown) == expected.substr(0, without_pointing(shown).size()));
        }
        auto text = of_file("c_error.c");
        text.name = "c_error.c";
        const auto wrong = compiled(text, kernel);
        REQUIRE_FALSE(wrong.has_value());
        CHECK(wrong.error().message + "\n" + wrong.error().details + "\n" ==
              read_file(GOLDEN_DIRECTORY "/c_error.txt"));
        text = of_file("stack_too_large.c");
        text.name = "stack_too_large.c";
        const auto large = compiled(text, kernel); // LLVM ends the process
        REQUIRE_FALSE(large.has_value());
        CHECK(large.error().kind == ErrorKind::program_rejected);
        // LLVM 14 says the line too; 19 just the function.
        CHECK(large.error().message.starts_with("stack_too_large.c does not compile: error: stack_too_large.c:"));
        CHECK(large.error().details.find("in function kprobe__tcp_sendmsg") != std::string::npos);
    }
}
