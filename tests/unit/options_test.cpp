#include "cli/options.h"

#include "test.h"

using namespace tcp_stats;

namespace {

Result<Options> parse(std::vector<const char *> words) {
    words.insert(words.begin(), "tcp_stats_monitor");
    return parse_options(static_cast<int>(words.size()), words.data());
}

std::string complaint(const std::vector<const char *> &words) {
    const auto options = parse(words);
    REQUIRE_FALSE(options.has_value());
    CHECK(options.error().kind == ErrorKind::usage);
    CHECK(options.error().details.empty());
    return options.error().message;
}

} // namespace

TEST_CASE("without options the built-in program runs once a second until stopped") {
    const auto options = parse({});
    REQUIRE(options.has_value());
    CHECK(options->action == Action::monitor);
    CHECK_FALSE(options->source.has_value());
    CHECK(options->interval == std::chrono::seconds(1));
    CHECK_FALSE(options->count.has_value());
    CHECK_FALSE(options->max_flows.has_value());
    CHECK_FALSE(options->listening);
    CHECK(options->kernel_types == KernelTypesChoice::automatic);
    CHECK(options->attach == AttachChoice::automatic);
    CHECK_FALSE(options->verbose);
}

TEST_CASE("every option takes effect") {
    const auto options = parse({"--src",
                                "my.c",
                                "-D",
                                "A",
                                "--define=B=2 + 3",
                                "--kernel-types",
                                "headers",
                                "--attach",
                                "fentry",
                                "-i",
                                "0.25",
                                "-c",
                                "3",
                                "--max-flows",
                                "100",
                                "--listening",
                                "-o",
                                "json",
                                "--columns",
                                "comm,retr",
                                "--sort",
                                "-retr",
                                "--top",
                                "5",
                                "--pointers",
                                "-v"});
    REQUIRE(options.has_value());
    CHECK(options->source == "my.c");
    CHECK(options->definitions == std::vector<std::string>{"A", "B=2 + 3"});
    CHECK(options->kernel_types == KernelTypesChoice::headers);
    CHECK(options->attach == AttachChoice::fentry);
    CHECK(options->interval == std::chrono::milliseconds(250));
    CHECK(options->count == 3U);
    CHECK(options->max_flows == 100U);
    CHECK(options->listening);
    CHECK(options->output == OutputFormat::json);
    CHECK(options->columns == std::vector<std::string>{"comm", "retr"});
    REQUIRE(options->sort.has_value());
    CHECK(options->sort->field == "retr");
    CHECK(options->sort->descending);
    CHECK_FALSE(parse({"--sort=retr"})->sort->descending);
    CHECK(options->top == 5U);
    CHECK_FALSE(options->group_by.has_value());
    CHECK(options->pointers);
    CHECK(options->verbose);
    CHECK(parse({"--list-fields"})->action == Action::list_fields);
    CHECK(parse({"--print-src"})->action == Action::print_source);
    CHECK(parse({"--version"})->action == Action::print_version);
    CHECK(parse({"--help"})->action == Action::print_help);
}

TEST_CASE("a bad interval is refused with what is accepted") {
    const std::string accepted = ": it accepts seconds from 0.001 to 86400";
    for (const std::string text : {"0", "-1", "nan", "inf", "1e99", "", "1s", "0x10", " 1", "1,5", "0.0001"}) {
        CHECK(complaint({"-i", text.c_str()}) == "--interval " + text + accepted);
    }
}

TEST_CASE("a bad count is refused with what is accepted") {
    for (const std::string text : {"0", "-1", "x", "1.5", "", "99999999999999999999"}) {
        CHECK(complaint({"--count", text.c_str()}) == "--count " + text + ": it accepts a whole number from 1 on");
        CHECK(complaint({"--max-flows", text.c_str()}) ==
              "--max-flows " + text + ": it accepts a whole number from 1 on");
    }
}

TEST_CASE("more flows than a table can have are refused") {
    CHECK(complaint({"--max-flows", "4294967297"}) == "--max-flows 4294967297: it accepts 1000000000 at most");
}

TEST_CASE("a definition must begin with a C name") {
    for (const std::string text : {"1A", "A-B", "=1", "", "A B", "A=1\nB"}) {
        CHECK(complaint({"-D", text.c_str()}) == "--define " + text + ": it accepts NAME or NAME=VALUE, with a C name");
    }
}

TEST_CASE("snapshots of a recording are not counted where one goes back and forth") {
    CHECK(complaint({"--replay", "r.db", "-o", "live", "-c", "5"}) ==
          "--count has no meaning with --replay and -o live, which goes back and forth; leave it out");
    CHECK(parse({"--replay", "r.db", "-o", "table", "-c", "5"}).has_value());
}

TEST_CASE("a user to become is a name, and has no meaning with a recording") {
    CHECK(parse({"--user", "nobody"})->user == "nobody");
    CHECK_FALSE(parse({})->user.has_value());
    CHECK(complaint({"--replay", "r.db", "--user", "nobody"}) ==
          "--user has no meaning with --replay, which shows what was recorded; leave out one of them");
}

TEST_CASE("what a report shows is not to be chosen") {
    for (const auto *option : {"--columns", "--sort", "--group-by"}) {
        CHECK(complaint({"-o", "report", option, "comm"}) ==
              std::string(option) +
                  " has no meaning with -o report, which has the same parts always; leave out one of them");
    }
    CHECK(parse({"-o", "report", "--replay", "r.db", "--from", "-2h", "--where", "retr > 0"}).has_value());
}

TEST_CASE("unknown names are refused with those that are known") {
    CHECK(complaint({"-o", "xml"}) == "--output xml: not known; it accepts line, table, json, csv, live, report");
    CHECK(complaint({"--attach", "uprobe"}) == "--attach uprobe: not known; it accepts auto, kprobe, fentry");
    CHECK(complaint({"--kernel-types", "dwarf"}) == "--kernel-types dwarf: not known; it accepts auto, btf, headers");
}

TEST_CASE("an option that does not exist, comes twice or lacks its value is named") {
    CHECK(complaint({"--frob"}) == "there is no option --frob; --help lists them");
    CHECK(complaint({"--inter", "1"}) == "there is no option --inter; --help lists them");
    CHECK(complaint({"--frob="}) == "there is no option --frob; --help lists them");
    CHECK(complaint({"---="}) == "there is no option ---; --help lists them");
    CHECK(complaint({"-x"}) == "there is no option -x; --help lists them");
    CHECK(complaint({"word"}) == "'word' is no option; --help lists them");
    CHECK(complaint({"-c", "1", "-c", "2"}) == "option --count was given twice; it is accepted once");
    CHECK(complaint({"-v", "-v"}) == "option --verbose was given twice; it is accepted once");
    CHECK(complaint({"-i"}) == "option --interval needs a value: SECONDS");
    CHECK(complaint({"--src="}) == "option --src needs a value: FILE");
    CHECK(complaint({"--src", "-v"}) == "option --src needs a value: FILE");
    CHECK(complaint({"--verbose=3"}) == "option --verbose accepts no value");
}

TEST_CASE("columns are names, each once, and there is one to sort by") {
    CHECK(complaint({"--columns", "a,,b"}) == "--columns a,,b: a name is missing; it accepts NAME,NAME,...");
    CHECK(complaint({"--columns", ""}) == "--columns : a name is missing; it accepts NAME,NAME,...");
    CHECK(complaint({"--columns", "a,b,a"}) == "--columns a,b,a: a is there twice");
    CHECK(complaint({"--sort", "-"}) ==
          "--sort -: it accepts the name of a field, with - before it for the largest first");
    CHECK(complaint({"--sort"}) == "option --sort needs a value: [-]NAME");
}

TEST_CASE("flows are grouped by a field, or by networks of an address") {
    const auto by = [](const char *key) { return parse({"--group-by", key})->group_by.value(); };
    CHECK(by("dport").field == "dport");
    CHECK_FALSE(by("dport").networks.has_value());
    CHECK(by("daddr/24").field == "daddr");
    CHECK(by("daddr/24").networks->ipv4 == 24);
    CHECK(by("daddr/24").networks->ipv6 == 64);
    CHECK(by("saddr/0/48").networks->ipv6 == 48);
    CHECK(complaint({"--group-by", "daddr/40"}).starts_with("--group-by daddr/40: a network has 0 to 32 bits"));
    CHECK(complaint({"--group-by"}) == "option --group-by needs a value: KEY");
    CHECK(complaint({"--group-by", "dport", "--pointers"}) ==
          "--pointers: a group of flows has no address; leave out --pointers or --group-by");
}

TEST_CASE("a field is a name, perhaps a unit, and an expression") {
    const auto options = parse({"--field", "pacing[bytes/s]=sk->sk_pacing_rate", "--field=same=tp->a == tp->b"});
    REQUIRE(options.has_value());
    REQUIRE(options->fields.size() == 2);
    CHECK(options->fields[0].name == "pacing");
    CHECK(options->fields[0].unit == "bytes/s");
    CHECK(options->fields[0].expression == "sk->sk_pacing_rate");
    CHECK(options->fields[1].name == "same");
    CHECK(options->fields[1].unit.empty());
    CHECK(options->fields[1].expression == "tp->a == tp->b");
}

TEST_CASE("a field that is none is refused") {
    for (const std::string text : {"x", "=tp->a", "1x=tp->a", "a b=tp->a", "x[us=tp->a"}) {
        CHECK(complaint({"--field", text.c_str()}) ==
              "--field " + text + ": it accepts NAME=EXPRESSION or NAME[UNIT]=EXPRESSION, with a C name");
    }
    CHECK(complaint({"--field", "x= "}) == "--field x= : the expression is missing, as in x=sk->sk_pacing_rate");
    CHECK(complaint({"--field", "x[s]=tp->a"}) ==
          "--field x: the unit s is not known; it accepts bytes, bytes/s, us, ms, ns, %, segments, events");
    CHECK(complaint({"--field", "x=tp->a", "--field", "x=tp->b"}) == "--field x: there are two of that name");
}

TEST_CASE("an expression that does more than read, or cannot be one, is shown with the place") {
    const auto shown = [](const std::string &expression) {
        const auto options = parse({"--field", ("x=" + expression).c_str()});
        return options ? std::string("accepted") : options.error().details;
    };
    for (const auto *expression : {"a == b", "a != b", "a <= b", "a >= b", "a << 2", "a >> 2", "-a", "a - -b", "a[1]",
                                   "(u16)a", "a ? b : c", "!a", "a % 8"}) {
        CHECK(shown(expression) == "accepted");
    }
    CHECK(shown("a = 1") == "  a = 1\n    ^");
    CHECK(shown("a += 1") == "  a += 1\n     ^");
    CHECK(shown("a <<= 1") == "  a <<= 1\n     ^");
    CHECK(shown("a++") == "  a++\n   ^");
    CHECK(shown("a)") == "  a)\n   ^");
    CHECK(shown("(a]") == "  (a]\n    ^");
    CHECK(shown("f((a)") == "  f((a)\n   ^");
    CHECK(shown("a; b") == "  a; b\n   ^");
    CHECK(shown("a /* b */") == "  a /* b */\n    ^");
    CHECK(shown("a\nb") == "  a\\x0ab\n   ^");
    CHECK(shown("\"a\"") == "  \"a\"\n  ^");
}

TEST_CASE("the help names every option") {
    const auto help = help_text();
    for (const auto *option : {"--src",      "--print-src", "--field",     "--define",    "--kernel-types", "--attach",
                               "--interval", "--count",     "--max-flows", "--listening", "--where",        "--output",
                               "--columns",  "--sort",      "--top",       "--pointers",  "--list-fields",  "--verbose",
                               "--version",  "--group-by",  "--user",      "--help"}) {
        CHECK(help.find(option) != std::string::npos);
    }
}
