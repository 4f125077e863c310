#include "output/value_text.h"

namespace tcp_stats {
namespace {

struct Put {
    Sink &sink;
    const ValueText &format;

    void operator()(std::monostate /*absent*/) const {}
    void operator()(std::uint64_t number) const { sink.put(number); }
    void operator()(std::int64_t number) const { sink.put(number); }
    void operator()(double number) const {
        format.exact_reals ? sink.put_decimal(number, 3) : sink.put_decimal(number);
    }
    void operator()(std::string_view text) const {
        format.is_plain(text) ? quoted([&] { sink.put(text); }) : sink.put(format.escaped(text));
    }
    void operator()(const Word &word) const {
        const auto name = name_of(word);
        quoted([&] { name.empty() ? sink.put(word.number) : sink.put(name); });
    }
    void operator()(const RawBytes &bytes) const {
        quoted([&] { sink.put_hex(bytes); });
    }
    template <typename End> void operator()(const End &end) const {
        quoted([&] { sink.put_end(end); });
    }

private:
    template <typename Write> void quoted(Write write) const {
        if (format.quotes) {
            sink.put('"');
        }
        write();
        if (format.quotes) {
            sink.put('"');
        }
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
