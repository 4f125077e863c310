#include "kernel/program.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <bpf/bpf.h>

#include "base/running_kernel.h"
#include "base/translate.h"
#include "kernel/kernel_errors.h"
#include "kernel/refusal.h"
#include "kernel/verifier_log.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

bpf_prog_type program_type(HandlerKind kind) {
    switch (kind) {
    case HandlerKind::kprobe:
    case HandlerKind::kretprobe:
        return BPF_PROG_TYPE_KPROBE;
    case HandlerKind::fentry:
    case HandlerKind::fexit:
    case HandlerKind::iterator:
        return BPF_PROG_TYPE_TRACING;
    case HandlerKind::raw_tracepoint:
        return BPF_PROG_TYPE_RAW_TRACEPOINT;
    case HandlerKind::tracepoint:
        return BPF_PROG_TYPE_TRACEPOINT;
    }
    return BPF_PROG_TYPE_UNSPEC;
}

bpf_attach_type attach_type(HandlerKind kind) {
    switch (kind) {
    case HandlerKind::fentry:
        return BPF_TRACE_FENTRY;
    case HandlerKind::fexit:
        return BPF_TRACE_FEXIT;
    case HandlerKind::iterator:
        return BPF_TRACE_ITER;
    default:
        return bpf_attach_type(0);
    }
}

/// So that what is read from it fits into what was made for it.
bool is_as_described(int fd, const MapDescription &map) {
    bpf_map_info info{};
    auto size = static_cast<__u32>(sizeof(info));
    return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == map.type && info.key_size == map.key_size &&
           info.value_size == map.value_size && info.max_entries == map.max_entries;
}

/// The handler's code, its maps named by descriptors.
std::vector<bpf_insn> linked(const Handler &handler, const std::vector<Descriptor> &maps) {
    std::vector<bpf_insn> instructions(handler.instructions.size() / sizeof(bpf_insn));
    std::memcpy(instructions.data(), handler.instructions.data(), handler.instructions.size());
    for (auto &instruction : instructions) {
        if (names_map(instruction)) {
            instruction.imm = maps.at(static_cast<std::size_t>(instruction.imm)).get();
        }
    }
    return instructions;
}

} // namespace

bool LoadFailure::is_refusal() const { return !verifier_summary(log).empty(); }

Program::Program(CompiledProgram compiled, WordsAboutRefusal words_about_refusal, std::string flows_option)
    : compiled_(std::move(compiled)), words_about_refusal_(std::move(words_about_refusal)),
      flows_option_(std::move(flows_option)) {}

Result<Program> Program::create(CompiledProgram compiled, WordsAboutRefusal words_about_refusal,
                                std::string flows_option) {
    Program program(std::move(compiled), std::move(words_about_refusal), std::move(flows_option));
    const auto &btf = program.compiled_.btf;
    if (!btf.empty()) {
        program.btf_ = Descriptor(bpf_btf_load(btf.data(), btf.size(), nullptr));
    }
    for (const auto &map : program.compiled_.maps) {
        auto created = program.create_map(map);
        if (!created) {
            return tl::unexpected(created.error());
        }
        program.maps_.push_back(std::move(*created));
    }
    return program;
}

Result<Descriptor> Program::create_map(const MapDescription &map) const {
    if (!map.pinned_at.empty()) {
        if (Descriptor pinned(bpf_obj_get(map.pinned_at.c_str())); pinned) {
            if (!is_as_described(pinned.get(), map)) {
                return fail(
                    ErrorKind::program_rejected,
                    tr("the map pinned at {} is another one than {} of {}: its type or sizes differ; remove it, "
                       "or choose another path",
                       map.pinned_at, map.name, name()));
            }
            return pinned;
        }
    }
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = map.flags;
    if (map.inner_map) {
        options.inner_map_fd = static_cast<__u32>(maps_[*map.inner_map].get());
    }
    const auto create = [&] {
        const auto kernel_name = map.name.substr(0, BPF_OBJ_NAME_LEN - 1);
        return Descriptor(bpf_map_create(static_cast<bpf_map_type>(map.type), kernel_name.c_str(), map.key_size,
                                         map.value_size, map.max_entries, &options));
    };
    if (btf_ && map.btf_key_type != 0) {
        options.btf_fd = static_cast<__u32>(btf_.get());
        options.btf_key_type_id = map.btf_key_type;
        options.btf_value_type_id = map.btf_value_type;
    }
    auto fd = create();
    if (!fd && options.btf_fd != 0 && errno == kernel_enotsupp) { // maps of that type have no BTF
        options.btf_fd = options.btf_key_type_id = options.btf_value_type_id = 0;
        fd = create();
    }
    if (!fd) {
        return tl::unexpected(error_of(map, errno));
    }
    if (map.pinned_at.empty()) {
        return fd;
    }
    std::error_code ignored; // then the map cannot be pinned either
    fs::create_directories(fs::path(map.pinned_at).parent_path(), ignored);
    if (bpf_obj_pin(fd.get(), map.pinned_at.c_str()) != 0) {
        return fail(ErrorKind::program_rejected,
                    tr("cannot pin the map {} of {} at {}: {}; choose a path on a BPF file system", map.name, name(),
                       map.pinned_at, std::strerror(errno)));
    }
    return fd;
}

Error Program::error_of(const MapDescription &map, int error_number) const {
    const auto why = map.name + ": " + std::strerror(error_number);
    const bool is_of_flows = map.name == "flow_stats" && map.type == BPF_MAP_TYPE_HASH && !flows_option_.empty();
    const bool is_large = error_number == ENOMEM || error_number == E2BIG;
    // Where the memory of maps is limited, a small one finds room.
    const bool is_limited =
        error_number == EPERM && Descriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 4, 1, nullptr));
    if ((is_large && is_of_flows) || is_limited) {
        std::uint64_t others = 0;
        for (const auto &other : compiled_.maps) {
            others += &other == &map ? 0 : bytes_of(other);
        }
        return refusal_of_size(system_limits(), map, others, error_number, is_of_flows ? flows_option_ : "");
    }
    if (error_number == EPERM) {
        return refusal_of_bpf(system_limits(), why);
    }
    return {ErrorKind::program_rejected,
            tr("the kernel refuses a map of {} ({}); make it smaller or change its declaration", name(), why)};
}

std::optional<Map> Program::map(std::string_view map_name) const {
    const auto *description = compiled_.map(map_name);
    if (description == nullptr) {
        return std::nullopt;
    }
    return Map{description, maps_[static_cast<std::size_t>(description - compiled_.maps.data())].get()};
}

tl::expected<int, LoadFailure> Program::load(const Handler &handler) {
    const auto instructions = linked(handler, maps_);
    bpf_prog_load_opts options{};
    options.sz = sizeof(options);
    options.attach_btf_id = handler.attach_btf_id;
    options.expected_attach_type = attach_type(handler.kind);
    if (btf_ && handler.functions.count > 0) {
        options.prog_btf_fd = static_cast<__u32>(btf_.get());
        options.func_info = handler.functions.records.data();
        options.func_info_cnt = handler.functions.count;
        options.func_info_rec_size = handler.functions.record_size;
        options.line_info = handler.lines.records.data();
        options.line_info_cnt = handler.lines.count;
        options.line_info_rec_size = handler.lines.record_size;
    }
    const auto load = [&] {
        return bpf_prog_load(program_type(handler.kind), handler.short_name.c_str(), compiled_.license.c_str(),
                             instructions.data(), instructions.size(), &options);
    };
    int fd = load();
    if (fd >= 0) {
        handlers_.push_back({handler.name, Descriptor(fd)});
        return fd;
    }
    // Once more, for the verifier's log: the kernel says when there was no room for all of it.
    constexpr std::size_t least_log = 1U << 16U;
    constexpr std::size_t largest_log = 1U << 28U;
    std::string log;
    int error_number = errno;
    for (auto size = least_log; size <= largest_log; size *= 2) {
        log.assign(size, '\0');
        options.log_level = 1;
        options.log_buf = log.data();
        options.log_size = static_cast<__u32>(log.size());
        fd = load();
        error_number = errno;
        if (fd >= 0 || error_number != ENOSPC) {
            break;
        }
    }
    if (fd >= 0) { // it was the first that failed by chance
        handlers_.push_back({handler.name, Descriptor(fd)});
        return fd;
    }
    log.resize(std::strlen(log.c_str()));
    return tl::unexpected(LoadFailure{error_number, log});
}

std::vector<ProgramRuns> Program::runs() const {
    std::vector<ProgramRuns> all;
    for (const auto &[name, program] : handlers_) {
        bpf_prog_info info{};
        auto size = static_cast<__u32>(sizeof(info));
        if (bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0 && info.run_cnt > 0) {
            all.push_back({name, info.run_time_ns, info.run_cnt});
        }
    }
    return all;
}

std::string Program::words_of(const LoadFailure &failure) const {
    return tidy_verifier_log(words_about_refusal_(failure.error_number, failure.log));
}

Error Program::error_of(const LoadFailure &failure, const Handler &handler) const {
    const auto words = words_of(failure);
    auto limits = system_limits();
    if (is_about_reading_memory(verifier_summary(words))) {
        limits.lockdown = "[confidentiality]";
    }
    if (auto locked = refusal_by_lockdown(limits)) {
        locked->details = words;
        return *locked;
    }
    if (const auto summary = verifier_summary(words); !summary.empty()) {
        return {ErrorKind::program_rejected,
                tr("the verifier refuses {} of {}: {}; its log follows", handler.name, name(), summary), words};
    }
    if (failure.error_number == EPERM) {
        auto forbidden =
            refusal_of_bpf(limits, fmt::format("{}: {}", handler.name, std::strerror(failure.error_number)));
        forbidden.details = words;
        return forbidden;
    }
    return {ErrorKind::kernel_unsupported,
            tr("this kernel ({}) cannot load {} of {}: {}; use a --src without it", running_kernel_release(),
               handler.name, name(), std::strerror(failure.error_number)),
            words};
}

} // namespace tcp_stats
