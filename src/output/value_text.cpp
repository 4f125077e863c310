#include "output/value_text.h"

#include <type_traits>

namespace tcp_stats {
namespace {

struct Put {
    Sink &sink;
    const ValueText &format;

    void operator()(std::monostate /*absent*/) const {}
    void operator()(std::uint64_t number) const { sink.put(number); }
    void operator()(std::int64_t number) const { sink.print(FMT_COMPILE("{}"), number); }
    void operator()(double number) const {
        format.exact_reals ? sink.put_decimal(number, true) : sink.put_decimal(number);
    }
    void operator()(std::string_view text) const {
        format.is_plain(text) ? quoted(text) : sink.put(format.escaped(text));
    }
    void operator()(const Word &word) const {
        const auto name = name_of(word);
        name.empty() ? quoted(word.number) : quoted(name);
    }
    void operator()(const RawBytes &bytes) const { quoted(to_string(bytes)); }
    template <typename End> void operator()(const End &end) const { quoted(end); }

private:
    void quoted(std::string_view text) const {
        const std::string_view mark = format.quotes ? "\"" : "";
        sink.put(mark);
        sink.put(text);
        sink.put(mark);
    }
    /// Of numbers and ends, whose text is short.
    template <typename Short>
    requires(!std::is_convertible_v<const Short &, std::string_view>) void quoted(const Short &text) const {
        format.quotes ? sink.print(FMT_COMPILE("\"{}\""), text) : sink.print(FMT_COMPILE("{}"), text);
    }
};

} // namespace

void put_value(Sink &sink, const Value &value, const ValueText &format) { std::visit(Put{sink, format}, value); }

void put_values(Sink &sink, const Row &row, const std::vector<ColumnText> &columns, const ValueText &format) {
    RowValues values(row);
    for (const auto &[column, before] : columns) {
        if (const auto value = values[*column]; !is_absent(value)) {
            sink.put(before);
            put_value(sink, value, format);
        }
    }
}

} // namespace tcp_stats
