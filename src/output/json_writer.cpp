#include "output/json_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "output/time_text.h"

namespace tcp_stats {
namespace {

/// Of the objects' form, docs/snapshot.schema.json: a key that goes or changes its meaning makes it another one.
constexpr int schema_version = 1;

std::string quoted(const std::string &text) {
    return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
}

struct Literal {
    std::string operator()(std::monostate /*absent*/) const { return {}; }
    std::string operator()(std::uint64_t number) const { return std::to_string(number); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("{:.3f}", number); }
    std::string operator()(const std::string &text) const { return quoted(text); }
    std::string operator()(const Address &address) const { return quoted(to_string(address)); }
    std::string operator()(const std::vector<std::uint8_t> &bytes) const {
        return fmt::format("\"{:02x}\"", fmt::join(bytes, ""));
    }
};

} // namespace

JsonWriter::JsonWriter(Layout layout, const FlowColumns &columns)
    : columns_(layout.columns.empty() ? usual_columns(columns) : std::move(layout.columns)), pointers_(layout.pointers),
      group_by_(std::move(layout.group_by)) {}

std::string JsonWriter::object(const Flow &flow) const {
    auto text = fmt::format("{{\"id\":{}", flow.id);
    if (pointers_) {
        text += fmt::format(",\"sock\":\"0x{:x}\"", flow.sock);
    }
    for (const auto *column : columns_) {
        if (const auto literal = std::visit(Literal(), column->value(flow)); !literal.empty()) {
            text += fmt::format(",{}:{}", quoted(column->name), literal);
        }
    }
    return text + "}";
}

/// Of the flows for which `condition` is true.
template <typename Condition> std::string JsonWriter::list(const Page &page, Condition condition) const {
    std::string text = "[";
    for (const auto *flow : page.flows) {
        if (condition(*flow)) {
            text += (text.size() > 1 ? "," : "") + object(*flow);
        }
    }
    return text + "]";
}

std::string JsonWriter::snapshot(const Page &page) {
    const auto now_ns = page.snapshot.reading.time_ns;
    auto text =
        fmt::format("{{\"schema\":{},\"time\":\"{}\",\"monotonic_ns\":{}", schema_version, utc(page.time), now_ns);
    if (previous_ns_) {
        text += fmt::format(",\"interval_s\":{:.6f}", static_cast<double>(now_ns - *previous_ns_) / 1e9);
    }
    previous_ns_ = now_ns;
    if (group_by_.empty()) {
        text += ",\"flows\":" + list(page, [](const Flow &flow) { return !flow.closed; });
        text += ",\"closed\":" + list(page, [](const Flow &flow) { return flow.closed; });
    } else {
        text += fmt::format(",\"group_by\":{},\"groups\":", tcp_stats::quoted(group_by_));
        text += list(page, [](const Flow & /*group*/) { return true; });
    }
    text += ",";
    if (page.snapshot.reading.refused) {
        text += fmt::format("\"refused\":{},", *page.snapshot.reading.refused);
    }
    text += "\"missed\":{";
    const char *separator = "";
    for (const auto &count : page.snapshot.missed) {
        text += fmt::format("{}{}:{}", separator, quoted(count.name), count.value);
        separator = ",";
    }
    return text + "}}\n";
}

} // namespace tcp_stats
