// What the compiler writes to the monitor, and what is kept of it: any bytes are read.
#include "check.h"
#include "compile/compile_request.h"
#include "compile/compiled_program.h"

using namespace tcp_stats;
using fuzz::require;

// NOLINTNEXTLINE(readability-identifier-naming): the name is given by libFuzzer
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    if (const auto program = answer_from_bytes(input)) {
        for (const auto &map : program->maps) {
            for (const auto &field : map.value.fields()) {
                require(field.offset <= map.value_size && field.size <= map.value_size - field.offset,
                        "a field lies within the record", field.path);
            }
        }
        const auto again = answer_from_bytes(to_bytes(*program));
        require(again.has_value() && to_bytes(*again) == to_bytes(*program), "what was read can be written",
                std::string(input));
    }
    if (const auto request = request_from_bytes(input)) {
        require(request_from_bytes(to_bytes(*request)).has_value(), "a request that was read can be written",
                std::string(input));
    }
    return 0;
}
