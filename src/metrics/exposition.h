// The text that Prometheus reads.
#pragma once

#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/compile.h>
#include <fmt/format.h>

namespace tcp_stats {

/// Prometheus' text format, version 0.0.4: families one after the other, each with its samples. Names and labels need
/// no escaping: they are the caller's own.
class Exposition {
public:
    /// A family; `name` is without the prefix.
    void begin(std::string_view name, std::string_view help, std::string_view type) {
        name_ = fmt::format("{}_{}", prefix_, name);
        text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name_, help, name_, type);
    }

    /// What follows is of this process, by the names that all exporters have.
    void begin_process() { prefix_ = "process"; }

    /// `labels`: those of the group; `label`: a further one, null: none.
    void begin_sample(std::string_view labels, const char *label, std::string_view label_value) {
        begin_line("", labels);
        if (label != nullptr) {
            text_ += labels.empty() ? "{" : ",";
            text_ += label;
            text_ += "=\"";
            text_ += label_value;
            text_ += '"';
        }
        text_ += labels.empty() && label == nullptr ? " " : "} ";
    }
    void begin_sample(std::string_view labels, const char *label, const char *label_value) {
        begin_sample(labels, label, std::string_view(label_value == nullptr ? "" : label_value));
    }

    template <typename Number> void value(Number number) {
        fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{}\n"), number);
    }

    template <typename Number> void sample(std::string_view labels, Number number) {
        begin_sample(labels, nullptr, std::string_view());
        value(number);
    }
    void labelled(std::string_view labels, const char *label, std::string_view label_value, std::uint64_t number) {
        begin_sample(labels, label, label_value);
        value(number);
    }

    /// `counts`: of what was not above each of `bounds`, but above the one before; one more, of the rest.
    void histogram(std::string_view labels, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                   double sum, std::uint64_t count) {
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i < bounds.size(); ++i) {
            so_far += counts[i];
            begin_line("_bucket", labels);
            fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{}le=\"{}\"}} {}\n"), labels.empty() ? '{' : ',',
                           bounds[i], so_far);
        }
        begin_line("_bucket", labels);
        fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{}le=\"+Inf\"}} {}\n"), labels.empty() ? '{' : ',',
                       count);
        begin_line("_sum", labels);
        fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{} {}\n"), labels.empty() ? "" : "}", sum);
        begin_line("_count", labels);
        fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{} {}\n"), labels.empty() ? "" : "}", count);
    }

    std::string text() && { return std::move(text_); }

private:
    /// The name and the labels so far.
    void begin_line(std::string_view ending, std::string_view labels) {
        text_ += name_;
        text_ += ending;
        text_ += labels.empty() ? "" : "{";
        text_ += labels;
    }

    const char *prefix_ = "tcpstats";
    std::string name_;
    std::string text_;
};

} // namespace tcp_stats
