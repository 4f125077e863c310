// Values as text for programs to read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "column/column.h"
#include "output/sink.h"

namespace tcp_stats {

/// How a format writes values.
struct ValueText {
    /// Whether text can stand as it is, between the quotation marks of the format.
    bool (*is_plain)(std::string_view text) = nullptr;
    /// Makes it what can stand there, with its quotation marks.
    std::string (*escaped)(std::string_view text) = nullptr;
    bool quotes = false;      ///< all that is no number stands in quotation marks
    bool exact_reals = false; ///< numbers with a fraction have three decimals, else as `Sink` has it by itself
};

/// Nothing where there is no value.
void put_value(Sink &sink, const Value &value, const ValueText &format);

/// A column, and what stands before each of its values.
struct ColumnText {
    const Column *column;
    std::string before;
};

/// Those values of a row that there are, each with what stands before it.
void put_values(Sink &sink, const Row &row, const std::vector<ColumnText> &columns, const ValueText &format);

} // namespace tcp_stats
