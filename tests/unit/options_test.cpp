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
    const auto options =
        parse({"--src", "my.c", "-D", "A", "--define=B=2 + 3", "--kernel-types", "headers", "--attach", "fentry", "-i",
               "0.25", "-c", "3", "--max-flows", "100", "--listening", "-o", "line", "-v"});
    REQUIRE(options.has_value());
    CHECK(options->source == "my.c");
    CHECK(options->definitions == std::vector<std::string>{"A", "B=2 + 3"});
    CHECK(options->kernel_types == KernelTypesChoice::headers);
    CHECK(options->attach == AttachChoice::fentry);
    CHECK(options->interval == std::chrono::milliseconds(250));
    CHECK(options->count == 3U);
    CHECK(options->max_flows == 100U);
    CHECK(options->listening);
    CHECK(options->verbose);
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

TEST_CASE("unknown names are refused with those that are known") {
    CHECK(complaint({"-o", "xml"}) == "--output xml: not known; it accepts line");
    CHECK(complaint({"--attach", "uprobe"}) == "--attach uprobe: not known; it accepts auto, kprobe, fentry");
    CHECK(complaint({"--kernel-types", "dwarf"}) == "--kernel-types dwarf: not known; it accepts auto, btf, headers");
}

TEST_CASE("an option that does not exist, comes twice or lacks its value is named") {
    CHECK(complaint({"--frob"}) == "there is no option --frob; --help lists them");
    CHECK(complaint({"--inter", "1"}) == "there is no option --inter; --help lists them");
    CHECK(complaint({"-x"}) == "there is no option -x; --help lists them");
    CHECK(complaint({"word"}) == "'word' is no option; --help lists them");
    CHECK(complaint({"-c", "1", "-c", "2"}) == "option --count was given twice; it is accepted once");
    CHECK(complaint({"-v", "-v"}) == "option --verbose was given twice; it is accepted once");
    CHECK(complaint({"-i"}) == "option --interval needs a value: SECONDS");
    CHECK(complaint({"--src="}) == "option --src needs a value: FILE");
    CHECK(complaint({"--src", "-v"}) == "option --src needs a value: FILE");
    CHECK(complaint({"--verbose=3"}) == "option --verbose accepts no value");
}

TEST_CASE("the help names every option") {
    const auto help = help_text();
    for (const auto *option :
         {"--src", "--print-src", "--define", "--kernel-types", "--attach", "--interval", "--count", "--max-flows",
          "--listening", "--output", "--verbose", "--version", "--help"}) {
        CHECK(help.find(option) != std::string::npos);
    }
}
