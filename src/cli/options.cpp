#include "cli/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <sstream>

#include <boost/program_options.hpp>

#include "base/translate.h"
#include "cli/description.h"
#include "cli/field_option.h"

namespace tcp_stats {
namespace {

namespace po = boost::program_options;

constexpr double shortest_interval_s = 0.001;
constexpr double longest_interval_s = 86400;
constexpr double us_per_day = 86400e6, least_kept_us = 300e6, most_kept_us = 10'000 * us_per_day;
constexpr double least_kept_bytes = 1e6, most_kept_bytes = 1e15;
constexpr double slowest = 0.001, fastest = 1'000'000;
/// The kernel refuses such a table for want of memory long before.
constexpr std::uint64_t most_flows = 1'000'000'000;

/// Each has some sixty series; Prometheus would not take more of one host.
constexpr std::uint64_t most_groups = 10'000;

tl::unexpected<Error> misused(const std::string &message) { return fail(ErrorKind::usage, message); }

/// Boost's complaint, in our words: one line that names the option.
tl::unexpected<Error> misused(const po::error &error, const po::options_description &description) {
    if (const auto *unknown = dynamic_cast<const po::unknown_option *>(&error)) {
        return misused(tr("there is no option {}; --help lists them", unknown->get_option_name()));
    }
    if (const auto *twice = dynamic_cast<const po::multiple_occurrences *>(&error)) {
        return misused(tr("option {} was given twice; it is accepted once", twice->get_option_name()));
    }
    if (const auto *syntax = dynamic_cast<const po::invalid_command_line_syntax *>(&error)) {
        const auto name = syntax->get_option_name();
        if (syntax->kind() == po::invalid_syntax::missing_parameter ||
            syntax->kind() == po::invalid_syntax::empty_adjacent_parameter) {
            const auto begin = name.find_first_not_of('-'); // of dashes alone Boost would find every option
            const auto *option = begin == name.npos ? nullptr : description.find_nothrow(name.substr(begin), false);
            return misused(option == nullptr ? tr("there is no option {}; --help lists them", name)
                                             : tr("option {} needs a value: {}", name, option->semantic()->name()));
        }
        return misused(tr("option {} accepts no value", name));
    }
    return misused(tr("{}; --help lists the options", error.what()));
}

template <typename Value> struct Choice {
    const char *name;
    Value value;
};

template <typename Value>
Result<Value> choose(const char *option, const std::string &text, std::initializer_list<Choice<Value>> choices) {
    std::string accepted;
    for (const auto &choice : choices) {
        if (text == choice.name) {
            return choice.value;
        }
        accepted += (accepted.empty() ? "" : ", ") + std::string(choice.name);
    }
    return misused(tr("{} {}: not known; it accepts {}", option, text, accepted));
}

Result<std::chrono::nanoseconds> parse_interval(const std::string &text) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(seconds) ||
        seconds < shortest_interval_s || seconds > longest_interval_s) {
        return misused(
            tr("--interval {}: it accepts seconds from {} to {}", text, shortest_interval_s, longest_interval_s));
    }
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

Result<std::uint64_t> parse_whole_number(const char *option, const std::string &text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) {
        return misused(tr("{} {}: it accepts a whole number from 1 on", option, text));
    }
    return number;
}

Result<std::optional<double>> parse_speed(const std::string &text) {
    double speed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), speed);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(speed) || speed < slowest ||
        speed > fastest) {
        return misused(tr("--speed {}: it accepts numbers from {} to {}", text, slowest, fastest));
    }
    return speed;
}

/// `7d` or `500MB`.
Result<Keep> parse_keep(const std::string &text) {
    double number = 0;
    const auto *end = text.data() + text.size();
    const auto [name, error] = std::from_chars(text.data(), end, number);
    const std::string_view unit(name, static_cast<std::size_t>(end - name));
    const auto written = unit == "d" ? Unit{Dimension::time, us_per_day} : written_unit(unit).value_or(Unit());
    const double worth = number * written.worth;
    if (error == std::errc() && !written.per_second && worth > 0) {
        if (written.dimension == Dimension::time && worth >= least_kept_us && worth <= most_kept_us) {
            return Keep{
                std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::micro>(worth)),
                {}};
        }
        if (written.dimension == Dimension::bytes && worth >= least_kept_bytes && worth <= most_kept_bytes) {
            return Keep{{}, static_cast<std::uint64_t>(worth)};
        }
    }
    return misused(tr("--keep {}: it accepts a duration from 5m to 10000d, or a size from 1MB to 1000TB", text));
}

/// What a report shows is not for the options to choose.
std::optional<Error> check_report(const Options &options, const po::variables_map &variables) {
    for (const auto *option : {"columns", "sort", "top", "group-by", "pointers"}) {
        if (options.output == OutputFormat::report && variables.count(option) != 0) {
            return misused(
                       tr("--{} has no meaning with -o report, which has the same parts always; leave out one of them",
                          option))
                .value();
        }
    }
    return std::nullopt;
}

/// Options that have no meaning beside others.
std::optional<Error> check_recording(const Options &options, const po::variables_map &variables) {
    if (variables.count("keep") != 0 && !options.record) {
        return misused(tr("--keep is about a recording that is made; name it with --record FILE")).value();
    }
    for (const auto *option : {"group-by", "sort", "top", "pointers"}) {
        if ((options.record || options.metrics) && variables.count("output") == 0 && variables.count(option) != 0) {
            return misused(tr("--{} is about what is shown, and {} alone shows nothing; add -o, or leave it out",
                              option, options.record ? "--record" : "--metrics"))
                .value();
        }
    }
    if (options.metrics && !options.record && variables.count("output") == 0 && variables.count("columns") != 0) {
        return misused(tr("--{} is about what is shown, and {} alone shows nothing; add -o, or leave it out", "columns",
                          "--metrics"))
            .value();
    }
    for (const auto *option : {"metrics-by", "metrics-series"}) {
        if (!options.metrics && variables.count(option) != 0) {
            return misused(tr("--{} is about metrics; name a port for them with --metrics PORT", option)).value();
        }
    }
    if (!options.replay) {
        for (const auto *option : {"from", "to", "at", "speed"}) {
            if (variables.count(option) != 0) {
                return misused(tr("--{} is about a recording; name it with --replay FILE", option)).value();
            }
        }
        return std::nullopt;
    }
    for (const auto *option : {"src", "field", "define", "kernel-types", "attach", "no-cache", "max-flows", "listening",
                               "failed-connects", "explain", "interval", "record", "pointers", "metrics", "user"}) {
        if (variables.count(option) != 0) {
            return misused(tr("--{} has no meaning with --replay, which shows what was recorded; leave out one of them",
                              option))
                .value();
        }
    }
    if (options.count && options.output == OutputFormat::live) {
        return misused(tr("--count has no meaning with --replay and -o live, which goes back and forth; leave it out"))
            .value();
    }
    if (options.at && (options.from || options.to || options.speed)) {
        return misused(tr("--at is one snapshot; leave out --from, --to and --speed")).value();
    }
    return std::nullopt;
}

/// `NAME,NAME,...`, each once.
Result<std::vector<std::string>> parse_names(const char *option, const std::string &text) {
    std::vector<std::string> names;
    std::istringstream list(text + ",");
    for (std::string name; std::getline(list, name, ',');) {
        if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
            return misused(name.empty() ? tr("{} {}: a name is missing; it accepts NAME,NAME,...", option, text)
                                        : tr("{} {}: {} is there twice", option, text, name));
        }
        names.push_back(name);
    }
    return names;
}

Result<std::vector<GroupKey>> parse_metrics_keys(const std::string &text) {
    constexpr const char *option = "--metrics-by";
    const auto names = parse_names(option, text);
    if (!names) {
        return tl::unexpected(names.error());
    }
    std::vector<GroupKey> keys;
    for (const auto &name : *names) {
        auto key = parse_group_key(option, name);
        if (!key) {
            return tl::unexpected(key.error());
        }
        if (std::any_of(keys.begin(), keys.end(), [&](const GroupKey &one) { return one.field == key->field; })) {
            return misused(tr("{} {}: {} is there twice", option, text, key->field));
        }
        keys.push_back(std::move(*key));
    }
    return keys;
}

Result<std::optional<SortKey>> parse_sort_key(const std::string &text) {
    const bool descending = text.starts_with('-');
    const auto field = text.substr(descending ? 1 : 0);
    if (field.empty()) {
        return misused(tr("--sort {}: it accepts the name of a field, with - before it for the largest first", text));
    }
    return SortKey{field, descending};
}

Result<std::vector<std::string>> parse_definitions(const std::vector<std::string> &texts) {
    for (const auto &text : texts) {
        const auto name = text.substr(0, text.find('='));
        if (!is_c_name(name) || text.find_first_of("\r\n") != std::string::npos) {
            return misused(tr("--define {}: it accepts NAME or NAME=VALUE, with a C name", text));
        }
    }
    return texts;
}

/// Reads argv into `variables`; an error where a word is neither an option nor its value.
std::optional<Error> read_variables(int argc, const char *const *argv, const po::options_description &description,
                                    po::variables_map &variables) {
    using namespace po::command_line_style;
    std::vector<std::string> words(argv + 1, argv + argc);
    // Boost takes a word with a dash for an option, and `-bytes` is what --sort wants, `-2h` what --from does.
    for (auto word = words.begin(); word != words.end(); ++word) {
        static const std::vector<std::string> with_dashes = {"--sort", "--from", "--to", "--at"};
        if (std::find(with_dashes.begin(), with_dashes.end(), *word) != with_dashes.end() && word + 1 != words.end()) {
            *word += "=" + word[1];
            words.erase(word + 1);
        }
    }
    try {
        const auto parsed =
            po::command_line_parser(words).options(description).style(unix_style & ~allow_guessing).run();
        for (const auto &option : parsed.options) {
            if (option.position_key >= 0) {
                return misused(tr("'{}' is no option; --help lists them", option.value.front())).value();
            }
        }
        po::store(parsed, variables);
        po::notify(variables);
    } catch (const po::error &error) {
        return misused(error, description).value();
    }
    return std::nullopt;
}

} // namespace

Result<Options> parse_options(int argc, const char *const *argv) {
    const auto description = describe_options();
    po::variables_map variables;
    if (const auto error = read_variables(argc, argv, description, variables)) {
        return tl::unexpected(*error);
    }

    Options options;
    std::optional<Error> error;
    /// Sets `target` to what `parse` makes of the option's value, unless something failed before.
    const auto take = [&](const char *name, auto &target, auto parse) {
        if (error || variables.count(name) == 0) {
            return;
        }
        if (auto parsed = parse(variables[name].template as<std::string>())) {
            target = *parsed;
        } else {
            error = parsed.error();
        }
    };
    take("src", options.source, [](const std::string &file) { return Result<std::filesystem::path>(file); });
    take("interval", options.interval, parse_interval);
    take("count", options.count, [](const std::string &text) { return parse_whole_number("--count", text); });
    take("max-flows", options.max_flows, [](const std::string &text) -> Result<std::uint64_t> {
        auto number = parse_whole_number("--max-flows", text);
        if (number && *number > most_flows) {
            return misused(tr("--max-flows {}: it accepts {} at most", text, most_flows));
        }
        return number;
    });
    take("kernel-types", options.kernel_types, [](const std::string &text) {
        return choose<KernelTypesChoice>("--kernel-types", text,
                                         {{"auto", KernelTypesChoice::automatic},
                                          {"btf", KernelTypesChoice::btf},
                                          {"headers", KernelTypesChoice::headers}});
    });
    take("attach", options.attach, [](const std::string &text) {
        return choose<AttachChoice>(
            "--attach", text,
            {{"auto", AttachChoice::automatic}, {"kprobe", AttachChoice::kprobe}, {"fentry", AttachChoice::fentry}});
    });
    take("output", options.output, [](const std::string &text) {
        return choose<OutputFormat>("--output", text,
                                    {{"line", OutputFormat::line},
                                     {"table", OutputFormat::table},
                                     {"json", OutputFormat::json},
                                     {"csv", OutputFormat::csv},
                                     {"live", OutputFormat::live},
                                     {"report", OutputFormat::report}});
    });
    const auto file = [](const std::string &text) -> Result<std::optional<std::filesystem::path>> {
        return std::filesystem::path(text);
    };
    const auto as_given = [](const std::string &text) -> Result<std::optional<std::string>> { return text; };
    take("record", options.record, file);
    take("keep", options.keep, parse_keep);
    take("replay", options.replay, file);
    take("from", options.from, as_given);
    take("to", options.to, as_given);
    take("at", options.at, as_given);
    take("speed", options.speed, parse_speed);
    take("user", options.user, as_given);
    take("columns", options.columns, [](const std::string &text) { return parse_names("--columns", text); });
    if (variables.count("where") != 0) {
        options.where.push_back({"--where", variables["where"].as<std::string>()});
    }
    for (const auto *form : short_forms) {
        if (variables.count(form) != 0) {
            options.where.push_back({std::string("--") + form, variables[form].as<std::string>()});
        }
    }
    take("group-by", options.group_by, [](const std::string &text) -> Result<std::optional<GroupKey>> {
        return parse_group_key("--group-by", text);
    });
    take("metrics", options.metrics,
         [](const std::string &text) -> Result<std::optional<ListenAddress>> { return parse_listen_address(text); });
    take("metrics-by", options.metrics_by, parse_metrics_keys);
    take("metrics-series", options.metrics_series, [](const std::string &text) -> Result<std::uint64_t> {
        auto number = parse_whole_number("--metrics-series", text);
        if (number && *number > most_groups) {
            return misused(tr("--metrics-series {}: it accepts {} at most", text, most_groups));
        }
        return number;
    });
    take("sort", options.sort, parse_sort_key);
    take("top", options.top, [](const std::string &text) { return parse_whole_number("--top", text); });
    if (!error && variables.count("define") != 0) {
        if (auto definitions = parse_definitions(variables["define"].as<std::vector<std::string>>())) {
            options.definitions = *definitions;
        } else {
            error = definitions.error();
        }
    }
    if (!error && variables.count("field") != 0) {
        if (auto fields = parse_fields(variables["field"].as<std::vector<std::string>>())) {
            options.fields = *fields;
        } else {
            error = fields.error();
        }
    }
    if (error) {
        return tl::unexpected(*error);
    }
    if (const auto wrong = check_report(options, variables)) {
        return tl::unexpected(*wrong);
    }
    if (const auto wrong = check_recording(options, variables)) {
        return tl::unexpected(*wrong);
    }
    options.shows = (!options.record && !options.metrics) || variables.count("output") != 0;
    options.listening = variables.count("listening") != 0;
    options.failed_connects = variables.count("failed-connects") != 0;
    options.pointers = variables.count("pointers") != 0;
    if (options.pointers && options.group_by) {
        return misused(tr("--pointers: a group of flows has no address; leave out --pointers or --group-by"));
    }
    for (int i = 1; i < argc; ++i) {
        options.command_line += (i == 1 ? "" : " ") + std::string(argv[i]);
    }
    options.use_cache = variables.count("no-cache") == 0;
    options.verbose = variables.count("verbose") != 0;
    if (variables.count("help") != 0) {
        options.action = Action::print_help;
    } else if (variables.count("version") != 0) {
        options.action = Action::print_version;
    } else if (variables.count("print-src") != 0) {
        options.action = Action::print_source;
    } else if (variables.count("list-fields") != 0) {
        options.action = Action::list_fields;
    } else if (variables.count("explain") != 0) {
        options.action = Action::explain;
    }
    return options;
}

} // namespace tcp_stats
