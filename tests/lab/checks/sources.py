"""--src and where the kernel's types come from."""
import os
import re
import tempfile

from harness import HEADERS, KERNEL, PROGRAMS, Monitor, Skipped, bcc_version, check, contains, equal, hidden, run
from sockets import connected, ends_of, receive

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "golden")


def shown_with(client, *options):
    """The line of a connection after a send."""
    with Monitor("-i", "0.2", *options) as monitor:
        ends = ends_of(client)

        def mine(flows):
            client.send(b"x")
            return any(flow.ends == ends for flow in flows)
        flows = monitor.wait_for_snapshot("the connection", mine)
        return [flow for flow in flows if flow.ends == ends][0], monitor.stderr()


@check("base", "types", "newest")
def a_program_laid_out_like_the_first_version_runs_unchanged():
    client, server = connected()
    with client, server:
        flow, _ = shown_with(client, "--src", f"{PROGRAMS}/original.c")
        equal((flow.srtt_raw, flow.rtt_us, flow.cwnd), (0, 0, 0), "fields that it lacks")
        assert flow.pkts > 0 and flow.bytes > 0, flow.line
        equal(flow.further, {}, "further fields")


@check("base", "types", "newest")
def reordered_fields_are_found_and_new_ones_stand_at_the_end():
    client, server = connected()
    with client, server:
        flow, errors = shown_with(client, "--src", f"{PROGRAMS}/reordered.c", "--kernel-types", "btf")
        assert re.search(r" last_seen_ns=\d+( [a-z_]+_per_s=\S+)* uid=0 who=python3$", flow.line), flow.line
        equal(flow.state, "ESTABLISHED", "state")
        assert flow.cwnd > 0 and flow.pkts > 0, flow.line
        equal(errors, "", "standard error")


# README.md, "Change the program": a handler more, of either kind. What it finds out is a field more.
ANOTHER_HANDLER = """
static inline int on_cleanup_rbuf(struct sock *sk, int copied)
{
	u64 key = (u64)sk;
	struct flow_stats_t *s = flow_stats.lookup(&key);

	if (s && copied > 0)
		s->copied += copied;
	return 0;
}
#ifdef ATTACH_FENTRY
KFUNC_PROBE(tcp_cleanup_rbuf, struct sock *sk, int copied)
#else
int kprobe__tcp_cleanup_rbuf(struct pt_regs *ctx, struct sock *sk, int copied)
#endif
{
	return on_cleanup_rbuf(sk, copied);
}
"""


@check("base")
def a_handler_more_as_the_readme_proposes_it_is_attached_and_its_field_is_shown():
    source = run("--print-src")[1]
    record = "struct flow_stats_t {\n"
    equal(source.count(record), 1, "places where the record begins")
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(source.replace(record, f"{record}\tu64 copied;\n") + ANOTHER_HANDLER)
        file.flush()
        for mechanism in ("kprobe", "fentry"):
            client, server = connected()
            with client, server, Monitor("-i", "0.2", "--src", file.name, "--attach", mechanism) as monitor:
                ends = ends_of(client)
                received = 0

                def counted(flow):
                    nonlocal received
                    if flow.ends != ends:
                        return False
                    server.send(b"x" * 1000)
                    receive(client, 1000)
                    received += 1000
                    return flow["copied"] > 0
                flow = monitor.wait_for_flow("what the application read", counted)
                assert flow["copied"] % 1000 == 0 and flow["copied"] < received, f"{received} bytes read in {flow.line}"
                equal(monitor.stderr(), "", "standard error")


@check("base")
def a_handler_of_the_other_kind_is_said_not_to_be_attached():
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(run("--print-src")[1] + "int kprobe__tcp_cleanup_rbuf(struct pt_regs *ctx) { return 0; }\n")
        file.flush()
        status, _, errors = run("-c", "1", "--attach", "fentry", "--src", file.name)
        equal((status, errors), (0, f"tcp_stats_monitor: warning: the handler of {file.name} for tcp_cleanup_rbuf is not "
                                    "attached: it is a kprobe handler, and the mechanism is fentry\n"),
              "exit status, standard error")
        status, _, errors = run("-c", "1", "--attach", "kprobe", "--src", file.name)
        equal((status, errors), (0, ""), "exit status, standard error where it is attached")


@check("base")
def a_c_error_is_shown_with_the_users_file_and_line():
    status, output, errors = run("--src", f"{PROGRAMS}/c_error.c")
    equal((status, output), (65, ""), "exit status, standard output")
    first = errors.splitlines()[0]
    place = f"{PROGRAMS}/c_error.c:7:13: error: no member named 'no_such_member' in 'struct sock'"
    equal(first, f"tcp_stats_monitor: error: {PROGRAMS}/c_error.c does not compile: {place}", "first line")
    equal(errors.count(place), 2, "times the diagnostic stands there: in the sentence and below it")
    contains(errors, "return sk->no_such_member;")
    os.chdir(PROGRAMS)
    contains(run("--src", "c_error.c")[2], "\nc_error.c:7:13: error: ")


@check("base")
def an_error_of_the_code_generator_is_an_error_like_any_other():
    status, output, errors = run("--src", f"{PROGRAMS}/stack_too_large.c")
    equal((status, output), (65, ""), "exit status, standard output")
    place = "12:16" if "stack limit of 512 bytes" in errors else "0:0"  # LLVM 19 has other words and no line
    contains(errors.splitlines()[0], f"stack_too_large.c does not compile: error: stack_too_large.c:{place}: ")
    contains(errors, "stack limit")


@check("base")
def lines_are_counted_right_behind_comments_and_skipped_code():
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write("#ifdef NOT_DEFINED\nint a;\nint b;\n#endif\n/*\n int c;\n int d;\n */\n#include <net/sock.h>\n"
                   "BPF_HASH(flow_stats, u64,\n\t u64);\nint f(void)\n{\n\treturn nowhere;\n}\n")
        file.flush()
        contains(run("--src", file.name)[2], f"{file.name}:14:9: error: use of undeclared identifier 'nowhere'")


@check("base", "types", "newest")
def a_program_that_the_verifier_refuses_is_shown_with_the_reason_and_the_log():
    """But for instructions and registers, which each kernel writes differently."""
    with open(f"{GOLDEN}/refused.txt") as file:
        golden = file.read()
    beginnings = ("tcp_stats_monitor", "bpf: ", "; r->pkts_sent++;", "R0 invalid", "processed ", "HINT: ")
    for mechanism, handler in (("kprobe", "kprobe__tcp_sendmsg"), ("fentry", "kfunc__tcp_sendmsg")):
        status, output, errors = run("--src", "unverifiable.c", "--attach", mechanism, "--kernel-types", "btf", cwd=PROGRAMS)
        equal((status, output), (65, ""), "exit status, standard output")
        # Newer libbcc names a fentry handler after its module too.
        found = [line.replace("kfunc__vmlinux__", "kfunc__") for line in errors.splitlines() if line.startswith(beginnings)]
        equal(found, golden.replace("HANDLER", handler).splitlines(), "standard error")


@check("base")
def a_program_without_a_usable_table_or_hook_gets_a_sentence():
    for name, expected_status, sentence in (
            ("no_table", 65, "has no table flow_stats; declare BPF_HASH(flow_stats, u64, struct flow_stats_t)"),
            ("short_key", 65, "has 4 bytes; it must be the 8-byte address of the struct sock (u64)"),
            ("missing_function", 69, "cannot attach kprobe to tcp_no_such_function: no such function in this kernel"),
            ("missing_function --attach fentry", 69, "cannot attach fentry to tcp_no_such_function: no such function"),
            ("no_handler", 65, "has no handler for kprobe; name one kprobe__tcp_sendmsg")):
        file, *options = name.split()
        status, output, errors = run("--src", f"{PROGRAMS}/{file}.c", *options)
        equal((name, status, output), (name, expected_status, ""), "exit status, standard output")
        contains(errors.splitlines()[0], sentence)


@check("base")
def a_source_that_cannot_be_read_or_is_empty_is_named():
    for file, expected_status, sentence in (
            ("/nonexistent.c", 66, "cannot read --src /nonexistent.c: No such file or directory"),
            ("/etc", 66, "cannot read --src /etc: it is a directory"), ("/dev/null", 65, "--src /dev/null is empty")):
        status, output, errors = run("--src", file)
        equal((file, status, output), (file, expected_status, ""), "exit status, standard output")
        contains(errors, sentence)
        equal(len(errors.splitlines()), 1, "lines of standard error")


@check("base")
def a_handler_in_an_included_file_is_not_attached_by_bcc_and_that_is_said():
    with tempfile.TemporaryDirectory() as directory:
        with open(f"{directory}/more.h", "w") as file:
            file.write("int kprobe__tcp_close(struct pt_regs *ctx) { return 0; }\n")
        with open(f"{directory}/main.c", "w") as file:
            file.write(run("--print-src")[1] + '#include "more.h"\n')
        status, _, errors = run("-v", "-c", "1", "--src", f"{directory}/main.c")
        equal((status, errors.count(" attached to ")), (0, 6), "exit status, hooks attached")
        contains(errors, "the handler for tcp_close is not attached: BCC takes handlers only from ")


@check("base")
def a_handler_made_by_a_macro_gets_a_sentence_since_bcc_crashes_on_it():
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write("#define HOOK(f) int kprobe__##f(struct pt_regs *ctx) { return 0; }\nHOOK(tcp_close)\n")
        file.flush()
        status, _, errors = run("--src", file.name)
        equal(status, 65, "exit status")
        contains(errors, "makes a kprobe handler with a macro, which BCC cannot compile")


@check("base")
def definitions_reach_the_compiler():
    contains(run("-v", "-c", "1", "-D", "MAX_FLOWS=7")[1], "[snapshot]")
    status, _, errors = run("-D", "MAX_FLOWS=nonsense")
    equal(status, 65, "exit status")
    contains(errors, "use of undeclared identifier 'nonsense'")
    status, _, errors = run("-D", "MAX_FLOWS=4000000000")
    equal(status, 64, "exit status")
    contains(errors, "error: MAX_FLOWS 4000000000: there is no memory for so many flows of ")


@check("base", "types", "newest")
def the_generated_types_compile_without_a_warning():
    for options in ([], ["--src", f"{PROGRAMS}/reordered.c"]):
        status, _, errors = run("-v", "-c", "1", "--kernel-types", "btf", *options)
        equal(status, 0, "exit status")
        assert "warning:" not in errors, errors


@check("base", "types", "newest")
def a_program_whose_text_hides_what_it_needs_gets_the_whole_btf():
    status, output, errors = run("-v", "-c", "1", "--kernel-types", "btf", "--src", f"{PROGRAMS}/whole_btf.c")
    equal(status, 0, "exit status")
    contains(errors, "compiled, with types from the kernel's whole BTF")
    assert "warning:" not in errors, errors


@check("base")
def without_headers_the_types_come_from_btf():
    assert not HEADERS and not os.path.exists(f"/lib/modules/{os.uname().release}/build")
    status, output, errors = run("-c", "1")
    equal((status, errors), (0, ""), "exit status, standard error")
    status, _, errors = run("-c", "1", "--kernel-types", "headers")
    equal(status, 69, "exit status")
    contains(errors, "no kernel headers for")
    status, _, errors = run("-c", "1", prefix=hidden("/sys/kernel/btf"))
    equal(status, 69, "exit status without BTF and without headers")
    contains(errors, "no kernel types")


@check("types")
def btf_is_preferred_to_headers_and_headers_are_used_without_it():
    assert HEADERS
    status, output, errors = run("-c", "1", "-v")
    equal(status, 0, "exit status")
    contains(errors, "compiled, with types from the kernel's BTF")
    without_btf = run("-c", "1", "-v", prefix=hidden("/sys/kernel/btf"))
    if KERNEL == "6.12" and bcc_version() < (0, 31):
        status, _, errors = without_btf
        equal(status, 65, "exit status where libbcc before 0.31 cannot compile the headers (bpf_wq)")
        contains(errors, "tcp_stats_sockkey.c does not compile: ")
    else:
        status, _, errors = without_btf
        equal(status, 0, "exit status without BTF")
        contains(errors, "compiled, with types from the installed kernel headers")


@check("types", compiles_here=True)
def a_program_that_needs_a_macro_of_the_headers_gets_them_and_the_switch_is_said():
    if KERNEL != "6.1":
        raise Skipped("one kernel is enough: compiling with headers takes long")
    status, _, errors = run("-c", "1", "--src", f"{PROGRAMS}/header_macro.c")
    equal(status, 0, "exit status")
    equal(errors, f"tcp_stats_monitor: warning: {PROGRAMS}/header_macro.c does not compile with types from the "
                  "kernel's BTF; using the installed kernel headers\n", "standard error")
