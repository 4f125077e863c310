#include "compile/program_text.h"

#include <cstdlib>

#include <unistd.h>

#include "test.h"

using namespace tcp_stats;

namespace {

ProgramText text_of(const std::string &text) { return {text, "test.c", {}, {}, {}}; }

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("handlers are found by their name, once each, and not in comments") {
    const auto program = text_of("/* kprobe__in_a_comment(x) */\n"
                                 "int kprobe__tcp_sendmsg(struct pt_regs *ctx) { return 0; } // kprobe__no\n"
                                 "int kprobe__tcp_set_state(struct pt_regs *ctx);\n"
                                 "int kprobe__tcp_set_state(struct pt_regs *ctx) { return 0; }\n"
                                 "KRETFUNC_PROBE( tcp_sendmsg, struct sock *sk)\n"
                                 "KFUNC_PROBE(tcp_close)\n");
    CHECK(program.handlers("kprobe__") == Names{"tcp_sendmsg", "tcp_set_state"});
    CHECK(program.macro_handlers("KFUNC_PROBE") == Names{"tcp_close"});
    CHECK(program.macro_handlers("KRETFUNC_PROBE") == Names{"tcp_sendmsg"});
    CHECK(program.handlers("kretprobe__").empty());
}

TEST_CASE("a program tells which types and constants it names, which it defines, what it includes") {
    const auto program = text_of("#include <linux/tcp.h>\n# include <bcc/proto.h>\n#include \"mine.h\"\n"
                                 "struct event { u32 a; }; // struct nothing\n"
                                 "enum\tkind {K};\n char s[] = \"struct quoted /* \"; struct tcp_sock *tp;");
    CHECK(program.includes() == Names{"linux/tcp.h", "bcc/proto.h"});
    CHECK(program.defined_types() == std::set<std::string>{"event", "kind"});
    CHECK(program.mentioned_types() == std::set<std::string>{"event", "kind", "tcp_sock"});
    CHECK(program.identifiers().count("u32") == 1);
    CHECK(program.identifiers().count("nothing") == 0);
}

TEST_CASE("what a program asks of the kernel's structs is read off its text") {
    const ProgramText program = {"#if KERNEL_HAS(tcp_sock, total_rto) /* KERNEL_HAS(no, comment) */\n#endif\n"
                                 "#if KERNEL_HAS( sock , x ) || KERNEL_HAS(one)\n#endif\n"
                                 "KERNEL_HAS() KERNEL_HAS(a, (b)) KERNEL_HAS(a, b",
                                 "a.c",
                                 {}};
    CHECK(program.words_in("KERNEL_HAS") == std::vector<Names>{{"tcp_sock", "total_rto"}, {"sock", "x"}, {"one"}});
}

TEST_CASE("words of any length are read, and pasted names are noticed") {
    const std::string word(1'000'000, 'x');
    CHECK(text_of("struct " + word + " {};").defined_types() == std::set<std::string>{word});
    CHECK(text_of("#define H(f) int kprobe__##f(void)").pastes("kprobe__"));
    CHECK_FALSE(text_of("int kprobe__f(void) // kprobe__##f").pastes("kprobe__"));
}

TEST_CASE("a file is read whole and keeps the name it was given by") {
    char path[] = "/tmp/program_text_test.XXXXXX";
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, "int x;\n", 7) == 7);
    const auto program = ProgramText::read(path);
    REQUIRE(program.has_value());
    CHECK(program->text == "int x;\n");
    CHECK(program->name == path);
    CHECK(program->directory == "/tmp");
    REQUIRE(ftruncate(fd, 0) == 0);
    const auto empty = ProgramText::read(path);
    REQUIRE_FALSE(empty.has_value());
    CHECK(empty.error().kind == ErrorKind::program_rejected);
    CHECK(empty.error().message ==
          "--src " + std::string(path) + " is empty; --print-src prints a program to start from");
    close(fd);
    unlink(path);
}

TEST_CASE("a file that cannot be read is named with the reason") {
    const auto missing = ProgramText::read("/nonexistent/x.c");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().kind == ErrorKind::source_unreadable);
    CHECK(missing.error().message == "cannot read --src /nonexistent/x.c: No such file or directory; --print-src "
                                     "prints a program to start from");
    const auto directory = ProgramText::read("/tmp");
    REQUIRE_FALSE(directory.has_value());
    CHECK(directory.error().kind == ErrorKind::source_unreadable);
    CHECK(directory.error().message ==
          "cannot read --src /tmp: it is a directory; --print-src prints a program to start from");
}
