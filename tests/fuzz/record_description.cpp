// BCC's description of a record, up to the text of snapshots made of such records. The input is the record's size, an
// end of line, and the description; without a number the size is that of the description.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include <nlohmann/json.hpp>

#include "check.h"
#include "compile/record_description.h"
#include "output/writer.h"
#include "snapshot/history.h"
#include "view/view.h"

using namespace tcp_stats;
using fuzz::require;

namespace {

/// More than BPF tables have; a record of more is not made.
constexpr std::size_t largest_record = 1U << 20U;

std::size_t own_size(std::string_view description) {
    std::size_t size = 0;
    const auto layout = parse_record_description(description, 0);
    if (const auto *said = layout ? nullptr : std::strstr(layout.error().message.c_str(), "its fields make ")) {
        std::sscanf(said, "its fields make %zu", &size);
    }
    return size;
}

Result<RecordLayout> layout_of(std::string_view input) {
    const auto end = std::min(input.find('\n'), input.size());
    const auto description = input.substr(std::min(end + 1, input.size()));
    std::size_t size = 0;
    const auto [stop, error] = std::from_chars(input.data(), input.data() + end, size);
    if (error != std::errc()) {
        size = own_size(description);
    }
    return parse_record_description(description, size);
}

void require_within_record(const RecordLayout &layout) {
    for (const auto &field : layout.fields()) {
        require(field.offset <= layout.size() && field.size <= layout.size() - field.offset,
                "a field lies within the record", field.path);
        require(layout.find(field.name) != nullptr, "a field is found by its name", field.name);
    }
}

Reading reading_of(const std::vector<std::byte> &record, std::uint64_t time_ns, bool closed) {
    Reading reading;
    reading.time_ns = time_ns;
    reading.live = std::make_shared<Records>(record.size());
    reading.live->add(1, record.data());
    if (closed) {
        reading.closed = reading.live;
    }
    return reading;
}

/// All columns in all formats; what is not JSON throws.
void show(const RecordReader &reader, const Columns &columns, const Snapshot &snapshot) {
    const auto written = [&](OutputFormat format) {
        std::string text;
        Sink sink([&](std::string_view piece) { text += piece; });
        make_writer(format, Layout(), columns, reader)->write(snapshot, rows_in_view(snapshot, {}), sink);
        sink.flush();
        return text;
    };
    for (const auto format : {OutputFormat::line, OutputFormat::table, OutputFormat::csv}) {
        written(format);
    }
    const auto text = written(OutputFormat::json);
    require(nlohmann::json::accept(text), "json is JSON", text);
}

void read_records(const RecordReader &reader) {
    static const std::string path = "/a";
    const Columns columns(reader, [](std::uint64_t) -> const std::string & { return path; });
    for (const auto byte : {0x00, 0xff, 0x01}) {
        History history(reader);
        const std::vector<std::byte> record(reader.record_size(), static_cast<std::byte>(byte));
        auto next = record;
        for (std::size_t i = 0; i < next.size(); i += 3) {
            next[i] = static_cast<std::byte>(i);
        }
        show(reader, columns, history.next(reading_of(record, 1'000'000'000, false)));
        show(reader, columns, history.next(reading_of(next, 2'000'000'000, false)));
        show(reader, columns, history.next(reading_of(next, 3'000'000'000, true)));
        for (const auto &member : reader.members()) {
            RecordReader::value(record, member.place, member.field);
        }
    }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is given by libFuzzer
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    auto layout = layout_of({reinterpret_cast<const char *>(data), size});
    if (!layout) {
        require(layout.error().kind == ErrorKind::program_rejected, "a mistake is the program's",
                layout.error().message);
        return 0;
    }
    require_within_record(*layout);
    const auto reader = RecordReader::create(std::move(*layout));
    if (!reader) {
        require(reader.error().kind == ErrorKind::program_rejected, "a mistake is the program's",
                reader.error().message);
    } else if (reader->record_size() <= largest_record) {
        read_records(*reader);
    }
    return 0;
}
