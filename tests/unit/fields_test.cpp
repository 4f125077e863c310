// The field table, and docs/fields.md, which holds it.
#include "record/fields.h"

#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "test.h"

using namespace tcp_stats;

namespace {

std::string name_in_line(const Field &field) {
    if (field.in_line == nullptr) {
        return fmt::format("`{}=`", field.name);
    }
    const std::string_view words = field.in_line;
    if (words.ends_with("endpoint")) {
        return std::string(words);
    }
    std::string text = "`";
    for (const char c : words) {
        text += c == ',' ? "=`, `" : std::string(c == ' ' ? 0 : 1, c);
    }
    return text + "=`";
}

/// Of a field of the record its name there.
std::string origin(const Field &field) {
    return is_derived(field)                  ? "derived"
           : field.source == Source::combined ? fmt::format("combined, `{}`", field.name)
                                              : fmt::format("`{}`", field.name);
}

std::string in_groups(const Field &field) {
    if (field.source == Source::internal) {
        return {};
    }
    switch (grouping_of(field)) {
    case Grouping::sum:
        return "sum";
    case Grouping::percentiles:
        return "p50, p95";
    case Grouping::minimum:
        return "least";
    case Grouping::maximum:
        return "most";
    case Grouping::most_frequent:
        return "most frequent";
    default:
        return "if all agree";
    }
}

std::string code(const char *text) { return *text == '\0' ? std::string() : fmt::format("`{}`", text); }

/// The table of docs/fields.md, in Markdown.
std::string fields_table() {
    std::string text = "| in the line | field of `flow_stats_t` | unit | in groups | rests on (kernel) | since Linux | "
                       "meaning, and what "
                       "it does not mean |\n|---|---|---|---|---|---|---|\n";
    for (const auto &field : known_fields()) {
        const bool internal_field = field.source == Source::internal;
        text += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n",
                            internal_field ? std::string("not shown") : name_in_line(field), origin(field), field.unit,
                            in_groups(field), code(field.kernel), field.since, field.meaning);
    }
    return text;
}

} // namespace

TEST_CASE("each field has one name and one meaning") {
    std::set<std::string> names;
    for (const auto &field : known_fields()) {
        CHECK(names.insert(field.name).second);
        CHECK(std::string(field.meaning).ends_with("."));
        if (field.rate_of != nullptr) {
            REQUIRE(find_field(field.rate_of) != nullptr);
            CHECK(find_field(field.rate_of)->source == Source::record);
        }
    }
    CHECK(find_field("nothing") == nullptr);
}

TEST_CASE("docs/fields.md holds the table as the code has it", "[docs]") {
    std::ifstream file(FIELDS_PAGE);
    REQUIRE(file);
    std::ostringstream page;
    page << file.rdbuf();
    // scripts/update-fields-page.sh writes it anew.
    CHECK(page.str().find("\n\n" + fields_table() + "\n") != std::string::npos);
}

TEST_CASE("the table for docs/fields.md", "[.print]") { std::fputs(fields_table().c_str(), stdout); }
