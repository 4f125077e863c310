#include "app/request.h"

#include <algorithm>
#include <set>

#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/translate.h"
#include "compile/user_fields.h"
#include "condition/fields_in_use.h"
#include "kernel/network_namespaces.h"
#include "metrics/metrics.h"
#include "output/colour.h"
#include "output/table_writer.h"
#include "store/database.h"

namespace tcp_stats {
namespace {

using Wanted = Request::Wanted;

/// What a table is sorted by, the largest first, where nothing else was asked for.
constexpr const char *usual_order = "bytes_per_s";

/// The inode number of a network namespace by its name in ip-netns(8), or by a path; numbers stay as they are.
Result<void> resolve_namespaces(const ConditionText &given, std::vector<Piece> &values) {
    for (auto &[text, quoted, place] : values) {
        const bool is_path = text.find('/') != std::string::npos;
        if (const auto inode = network_namespace_at(is_path ? text : "/run/netns/" + text)) {
            text = std::to_string(*inode);
        } else if (text.find_first_not_of("0123456789") != std::string::npos) {
            return tl::unexpected(complaint_about(
                given, place,
                is_path
                    ? tr("{} is no network namespace that can be opened; /proc/PID/ns/net is that of a process", text)
                    : tr("there is no network namespace {}; ip netns lists them", text)));
        }
    }
    return {};
}

Result<std::vector<Wanted>> parsed_conditions(const Options &options) {
    std::vector<Wanted> conditions;
    for (const auto &text : options.where) {
        auto condition = parse_condition(text);
        if (!condition) {
            return tl::unexpected(condition.error());
        }
        if (text.option == "--netns") {
            if (auto resolved = resolve_namespaces(text, condition->comparison.values); !resolved) {
                return tl::unexpected(resolved.error());
            }
        }
        conditions.push_back({text, std::move(*condition)});
    }
    return conditions;
}

/// What --columns stands for, each once.
Result<std::vector<const Column *>> columns_of(const std::vector<std::string> &names, const Columns &columns) {
    std::vector<const Column *> all;
    std::vector<std::string> asked_for; // what each was called
    for (const auto &name : names) {
        const auto meant = columns.require_all("--columns", name);
        if (!meant) {
            return tl::unexpected(meant.error());
        }
        for (const auto *column : *meant) {
            const auto earlier = std::find(all.begin(), all.end(), column);
            if (earlier != all.end()) {
                return fail(ErrorKind::usage, tr("--columns: {} and {} are one field; name it once",
                                                 asked_for[static_cast<std::size_t>(earlier - all.begin())], name));
            }
            all.push_back(column);
            asked_for.push_back(name);
        }
    }
    return all;
}

/// Sockets in TIME_WAIT are no flows. A program of the user's may show them.
Result<void> refuse_time_wait(const Wanted &wanted) {
    for (const auto &[text, quoted, place] : wanted.condition.comparison.values) {
        if (wanted.text.option == "--state" && strcasecmp(text.c_str(), "TIME_WAIT") == 0) {
            return tl::unexpected(complaint_about(
                wanted.text, place,
                tr("a connection in TIME_WAIT has ended, and left no counters; ss -tan state time-wait lists them")));
        }
    }
    return {};
}

/// Whether what the options say makes sense for the built-in program: to be said before it is compiled.
Result<void> check_names_and_values(const Options &options, const std::vector<Wanted> &where) {
    const auto columns = Columns::expected(options.fields);
    for (const auto &wanted : where) {
        if (auto filter = Filter::create(wanted.text, wanted.condition, columns); !filter) {
            return tl::unexpected(filter.error());
        }
        if (auto state = refuse_time_wait(wanted); !state) {
            return state;
        }
    }
    if (options.metrics) {
        if (auto possible = Metrics::check(options.metrics_by, columns); !possible) {
            return possible;
        }
    }
    std::optional<Groups> groups;
    if (options.group_by) {
        auto made = Groups::create(*options.group_by, columns);
        if (!made) {
            return tl::unexpected(made.error());
        }
        groups = std::move(*made);
    }
    const auto &of_rows = groups ? groups->columns() : columns;
    if (auto meant = columns_of(options.columns, of_rows); !meant) {
        return tl::unexpected(meant.error());
    }
    if (options.sort) {
        if (auto column = of_rows.require("--sort", options.sort->field); !column) {
            return tl::unexpected(column.error());
        }
    }
    return {};
}

} // namespace

Result<Request> Request::create(const Options &options) {
    for (const auto &field : options.fields) {
        if (is_taken_name(field.name) || (options.record && is_taken_in_recordings(field.name))) {
            return fail(
                ErrorKind::usage,
                tr("--field {}: that name is taken; choose another (--list-fields lists the fields)", field.name));
        }
    }
    auto where = parsed_conditions(options);
    if (!where) {
        return tl::unexpected(where.error());
    }
    if (auto known = options.source || options.replay ? Result<void>() : check_names_and_values(options, *where);
        !known) {
        return tl::unexpected(known.error());
    }
    return Request(options, std::move(*where));
}

std::vector<ConditionPart> Request::parts() const {
    std::vector<ConditionPart> parts;
    for (const auto &[text, condition] : where_) {
        const auto more = parts_of(text, condition);
        parts.insert(parts.end(), more.begin(), more.end());
    }
    return parts;
}

std::vector<std::string> Request::unused_fields() const {
    const bool by_itself = options_.columns.empty();
    if (options_.metrics || (options_.record && by_itself)) {
        return {};
    }
    if (options_.output == OutputFormat::live || options_.output == OutputFormat::report ||
        (by_itself && options_.output != OutputFormat::table)) {
        return {}; // it shows them all, or may when a key is pressed
    }
    std::set<std::string> asked_for;
    const auto ask_for = [&](const std::string &name) {
        asked_for.insert(name);
        if (options_.group_by) { // bytes_sum is made of bytes
            asked_for.insert(name.substr(0, name.size() - ending_in_group(name).size()));
        }
    };
    const bool grouped = options_.group_by.has_value();
    const auto &columns = by_itself ? table_column_names(grouped) : options_.columns;
    std::for_each(columns.begin(), columns.end(), ask_for);
    if (grouped) {
        asked_for.insert({options_.group_by->field, "error"}); // the last for how many failed
    }
    for (const auto &[text, condition] : where_) {
        for (const auto &field : fields_of(condition)) {
            asked_for.insert(field.text);
        }
    }
    if (options_.sort) {
        ask_for(options_.sort->field);
    } else if (options_.output == OutputFormat::table) {
        ask_for(usual_order);
    }
    if (options_.output == OutputFormat::line) {
        asked_for.insert({"pkts", "bytes", "retr", "srtt_us", "rtt_us", "cwnd"});
    }
    return tcp_stats::unused_fields(asked_for);
}

Result<std::vector<Filter>> Request::filters(const Columns &columns) const {
    std::vector<Filter> filters;
    for (const auto &[text, condition] : where_) {
        auto filter = Filter::create(text, condition, columns);
        if (!filter) {
            return tl::unexpected(filter.error());
        }
        filters.push_back(std::move(*filter));
    }
    return filters;
}

Result<std::optional<GroupedFlows>> Request::grouped(const Columns &columns) const {
    if (!options_.group_by) {
        return std::nullopt;
    }
    auto where = filters(columns);
    auto groups = Groups::create(*options_.group_by, columns);
    if (!where || !groups) {
        return tl::unexpected(where ? groups.error() : where.error());
    }
    return GroupedFlows{std::move(*where), std::move(*groups)};
}

Result<View> Request::view(const Columns &columns) const {
    View view;
    view.top = options_.top;
    if (!options_.group_by) { // else they are about the flows that groups are made of
        auto where = filters(columns);
        if (!where) {
            return tl::unexpected(where.error());
        }
        view.where = std::move(*where);
    }
    if (options_.sort) {
        const auto column = columns.require("--sort", options_.sort->field);
        if (!column) {
            return tl::unexpected(column.error());
        }
        view.order = {*column, options_.sort->descending};
    } else if (options_.output == OutputFormat::table || options_.output == OutputFormat::live) {
        view.order = {columns.find(usual_order), true};
    }
    return view;
}

Result<Layout> Request::layout(const Columns &columns, const std::string &group_by) const {
    Layout layout;
    auto shown = columns_of(options_.columns, columns);
    if (!shown) {
        return tl::unexpected(shown.error());
    }
    layout.columns = std::move(*shown);
    layout.group_by = group_by;
    if (const auto *key = &columns.all().front();
        options_.group_by && !layout.columns.empty() &&
        std::find(layout.columns.begin(), layout.columns.end(), key) == layout.columns.end()) {
        layout.columns.insert(layout.columns.begin(), key);
    }
    layout.pointers = options_.pointers;
    if (isatty(STDOUT_FILENO) != 0) {
        layout.colour = colour_is_welcome();
        layout.width = [] {
            winsize size{};
            return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? std::size_t(size.ws_col) : 0;
        };
    }
    return layout;
}

std::string Request::conditions() const {
    std::string text;
    for (const auto &[given, condition] : where_) {
        text += text.empty() ? "" : " ";
        text += given.option == "--where" ? given.text : given.option + " " + given.text;
    }
    return text;
}

} // namespace tcp_stats
