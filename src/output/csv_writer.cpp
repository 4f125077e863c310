#include "output/csv_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "output/decimal.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

constexpr const char *line_end = "\r\n";

/// In quotation marks where it must be.
std::string cell(const std::string &text) {
    if (text.find_first_of("\",") == std::string::npos) {
        return text;
    }
    std::string quoted = "\"";
    for (const char c : text) {
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    return quoted + '"';
}

/// `text` with U+FFFD for bytes that are no UTF-8, as in json.
std::string utf8(const std::string &text) {
    using nlohmann::json;
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

struct CsvCell {
    std::string operator()(std::monostate /*absent*/) const { return {}; }
    std::string operator()(std::uint64_t number) const { return std::to_string(number); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return decimal(number); }
    std::string operator()(const std::string &text) const { return cell(printable(utf8(text))); }
    std::string operator()(const Address &address) const { return to_string(address); }
    std::string operator()(const std::vector<std::uint8_t> &bytes) const {
        return fmt::format("{:02x}", fmt::join(bytes, ""));
    }
};

} // namespace

CsvWriter::CsvWriter(Layout layout, const FlowColumns &columns)
    : columns_(layout.columns.empty() ? usual_columns(columns) : std::move(layout.columns)),
      pointers_(layout.pointers) {}

std::string CsvWriter::begin() {
    std::string text = pointers_ ? "time,monotonic_ns,id,sock" : "time,monotonic_ns,id";
    for (const auto *column : columns_) {
        text += "," + cell(printable(column->name));
    }
    return text + line_end;
}

std::string CsvWriter::snapshot(const Page &page) {
    std::string text;
    const auto time = utc(page.time);
    for (const auto *flow : page.flows) {
        text += fmt::format("{},{},{}", time, page.snapshot.reading.time_ns, flow->id);
        if (pointers_) {
            text += fmt::format(",0x{:x}", flow->sock);
        }
        for (const auto *column : columns_) {
            text += "," + std::visit(CsvCell(), column->value(*flow));
        }
        text += line_end;
    }
    return text;
}

} // namespace tcp_stats
