// The command line: the input's lines are its words, the lines of --field among them.
#include <algorithm>
#include <sstream>
#include <vector>

#include "check.h"
#include "cli/options.h"

using namespace tcp_stats;
using fuzz::require;

// NOLINTNEXTLINE(readability-identifier-naming): the name is given by libFuzzer
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    std::istringstream lines(std::string(data, data + size));
    std::vector<std::string> words = {"tcp_stats_monitor"};
    for (std::string line; std::getline(lines, line);) {
        words.push_back(line);
    }
    std::vector<const char *> argv(words.size());
    std::transform(words.begin(), words.end(), argv.begin(), [](const std::string &word) { return word.c_str(); });
    const auto options = parse_options(static_cast<int>(argv.size()), argv.data());
    if (!options) {
        require(options.error().kind == ErrorKind::usage && !options.error().message.empty(), "a mistake is the user's",
                options.error().message);
        fuzz::require_caret_within_text(options.error());
        return 0;
    }
    for (const auto &field : options->fields) {
        require(!field.name.empty() && !field.expression.empty(), "a field has a name and an expression", field.name);
        require(field.expression.find_first_of(";{}#\\\n\"'") == std::string::npos, "an expression is one",
                field.expression);
    }
    require(!options->top || *options->top > 0, "a number is from 1 on");
    require(!options->sort || !options->sort->field.empty(), "there is a field to sort by");
    return 0;
}
