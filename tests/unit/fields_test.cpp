// The field table, and docs/fields.md, which holds it.
#include "record/fields.h"

#include <fstream>
#include <set>
#include <sstream>

#include "test.h"

using namespace tcp_stats;

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
