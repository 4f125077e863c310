// What the options ask to see: which flows, which of their fields, and how.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "column/columns.h"
#include "compile/kernel_condition.h"
#include "output/writer.h"
#include "view/groups.h"
#include "view/view.h"

namespace tcp_stats {

/// Groups of the flows that match all of `where`.
struct GroupedFlows {
    std::vector<Filter> where;
    Groups groups;
};

/// Understood as far as can be before the program is compiled, and then with the columns it has.
class Request {
public:
    /// A condition, and what it was made of.
    struct Wanted {
        ConditionText text;
        Condition condition;
    };

    /// `options` must outlive the result. Error: usage, for a condition that cannot be read, a name that is taken,
    /// or a field that the built-in program never has.
    static Result<Request> create(const Options &options);

    /// The parts of all conditions.
    std::vector<ConditionPart> parts() const;

    /// Members of the program's record that nothing here asks for: they need not be read.
    std::vector<std::string> unused_fields() const;

    /// Errors: usage, for a field that the program does not have, or a value that the field cannot have.
    Result<std::optional<GroupedFlows>> grouped(const Columns &columns) const;
    /// The same; `columns` are those of the groups, where there are any, and `group_by` the key as they have it.
    Result<View> view(const Columns &columns) const;
    Result<Layout> layout(const Columns &columns, const std::string &group_by) const;

    /// The view's conditions as they were given; for people. Empty: none.
    std::string conditions() const;

    /// The conditions, of flows.
    Result<std::vector<Filter>> filters(const Columns &columns) const;

private:
    Request(const Options &options, std::vector<Wanted> where) : options_(options), where_(std::move(where)) {}

    const Options &options_;
    std::vector<Wanted> where_;
};

} // namespace tcp_stats
