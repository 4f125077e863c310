// What people ask a recording: views of its tables, with words in place of numbers.
#pragma once

#include <string>

#include <SQLiteCpp/Database.h>

namespace tcp_stats {

/// The words that numbers stand for, as this version has them.
void write_words(SQLite::Database &database);

/// Makes all views anew, of the columns that there are; one whose columns are lacking there is not.
void make_views(SQLite::Database &database);

/// Selects `flow` and `id`: the newest sample of each flow that was there at the end of the last run.
std::string newest_samples();

} // namespace tcp_stats
