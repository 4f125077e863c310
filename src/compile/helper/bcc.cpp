#include "compile/helper/bcc.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include <bcc/BPF.h>
#include <bpf/btf.h>
#include <link.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/translate.h"
#include "bcc_version.h"
#include "compile/helper/handlers.h"
#include "compile/helper/kernel_types.h"
#include "compile/helper/recorded_calls.h"
#include "compile/record_description.h"
#include "compile/user_fields.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

constexpr const char *dependencies_file = "files_read";
constexpr const char *program_for_clang = "/virtual/main.c"; ///< as BCC calls the program's text
constexpr const char *called_function = "sample_apart";      ///< of the built-in program; the only one that is called

/// Of the kernel that the program is for, as uname -r says it.
std::string target_release;

fs::path annotated_source(const ProgramText &text, const fs::path &directory) {
    return directory / fs::path(text.name).filename();
}

/// `text` as the inside of a C string literal.
std::string quoted(const std::string &text) {
    std::string result;
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c == '\n' || c == '\r' ? '?' : c;
    }
    return result;
}

/// Whether a #line directive may stand behind a line: the line ends a statement, opens or closes a
/// block, is a directive itself or the end of a comment.
bool may_be_followed_by_directive(const std::string &line) {
    const auto first = line.find_first_not_of(" \t");
    const auto last = line.find_last_not_of(" \t\r");
    if (first == std::string::npos || line[last] == '\\') {
        return false;
    }
    return line[first] == '#' || line[last] == ';' || line[last] == '{' || line[last] == '}' || line.ends_with("*/") ||
           line.ends_with("*/\r");
}

/// The text with #line directives, so that Clang and the verifier name the user's file and lines: one
/// at the beginning, and one behind each line that allows it, because BCC's rewriter inserts lines of
/// its own, and because a directive within a comment or a skipped #if is itself just a line.
std::string with_line_numbers(const ProgramText &text) {
    const auto name = "\"" + quoted(text.name) + "\"";
    std::istringstream lines(text.text);
    std::string result = "#line 1 " + name + "\n";
    int number = 1;
    for (std::string line; std::getline(lines, line);) {
        result += line + "\n";
        ++number;
        if (may_be_followed_by_directive(line)) {
            result += "#line " + std::to_string(number) + " " + name + "\n";
        }
    }
    return result;
}

std::vector<std::string> flags_for(const CompileRequest &request, const fs::path &directory,
                                   const std::vector<std::string> &features) {
    const auto &text = request.program;
    // Without strict aliasing as the kernel is compiled: programs read its memory as they like. Nor does Clang then
    // tell the type of each access, which takes LLVM a twentieth of the time.
    std::vector<std::string> flags = {"-fms-extensions", "-Wno-microsoft-anon-tag", "-fno-strict-aliasing"};
    constexpr int first_with_line_numbers = 17; // beside the source lines that messages show
    if (std::atoi(built_with_llvm) >= first_with_line_numbers) {
        flags.emplace_back("-fno-diagnostics-show-line-numbers");
    }
    flags.push_back("-fdebug-prefix-map=" + text.name + "=" + annotated_source(text, directory).string());
    if (text.headers.contains(user_fields_header_name)) {
        flags.emplace_back("-Werror=implicit-function-declaration");
    }
    if (text.is_built_in()) {
        // It loads; neither the lines of a verifier's log are needed, nor that Clang optimizes what BCC optimizes once
        // more.
        flags.insert(flags.end(), {"-g0", "-Xclang", "-disable-llvm-passes", "-DSAMPLE_APART"});
    } else {
        flags.push_back("-iquote" + included_files_in(directory) + text.directory);
        flags.push_back("-iquote" + text.directory);
        flags.insert(flags.end(), {"-MD", "-MF", (directory / dependencies_file).string()});
    }
    for (const auto *definitions : {&features, &text.definitions}) {
        for (const auto &definition : *definitions) {
            flags.push_back("-D" + definition);
        }
    }
    return flags;
}

/// The words of a rule of make(1), but for the target.
std::vector<std::string> prerequisites_in(const fs::path &file) {
    std::ifstream stream(file);
    const std::string rule{std::istreambuf_iterator<char>(stream), {}};
    std::vector<std::string> words(1);
    for (std::size_t i = std::min(rule.find(':'), rule.size() - 1) + 1; i < rule.size(); ++i) {
        const bool escapes = rule[i] == '\\' && i + 1 < rule.size();
        if (escapes && rule[i + 1] == ' ') {
            words.back() += rule[++i];
        } else if (rule[i] == ' ' || rule[i] == '\n' || escapes) {
            i += escapes && rule[i + 1] == '\n' ? 1 : 0;
            words.emplace_back();
        } else {
            words.back() += rule[i];
        }
    }
    return words;
}

/// What was read and is neither part of the request, nor BCC's, nor the kernel's: the first such file.
std::string depends_on(const CompileRequest &request, const fs::path &directory) {
    if (request.program.is_built_in()) {
        return {};
    }
    const auto files = prerequisites_in(directory / dependencies_file);
    if (std::find(files.begin(), files.end(), program_for_clang) == files.end()) {
        return tr("files that Clang does not name");
    }
    for (const auto &file : files) {
        const auto is_below = [&](const std::string &place) { return file.starts_with(place + "/"); };
        // BCC works in the kernel's tree, be it the one that was made.
        const bool is_kernels =
            !file.starts_with('/') || is_below(directory) || is_below("/virtual") ||
            (request.types == TypeSource::headers && (is_below("/usr/src") || is_below("/lib/modules")));
        if (!file.empty() && !is_kernels && !request.program.files.contains(file)) {
            return file;
        }
    }
    return {};
}

/// This program, and the libraries that it compiles with.
std::vector<FileStamp> stamps_of_compiler() {
    std::vector<FileStamp> stamps;
    dl_iterate_phdr(
        [](dl_phdr_info *object, std::size_t /*size*/, void *context) {
            const std::string path = object->dlpi_name;
            const auto name = path.substr(path.rfind('/') + 1);
            for (const auto *begin : {"libbcc", "libLLVM", "libclang", "libbpf"}) {
                if (name.starts_with(begin)) {
                    static_cast<std::vector<FileStamp> *>(context)->push_back(stamp_of(path));
                }
            }
            return 0;
        },
        &stamps);
    // Not by its path, whose directories may be closed to this process.
    std::error_code error;
    auto own = stamp_of("/proc/self/exe");
    own.path = fs::read_symlink(own.path, error).string();
    stamps.push_back(std::move(own));
    return stamps;
}

/// The maps in the order in which they were made, and the place of each by its descriptor.
std::map<int, std::uint32_t> add_maps(const RecordedCalls &calls, ebpf::TableStorage &storage,
                                      CompiledProgram &program) {
    std::map<int, std::uint32_t> places;
    for (const auto &[fd, attributes, pinned_at] : calls.maps()) {
        const int descriptor = fd;
        MapDescription description;
        description.name = attributes.map_name;
        description.type = attributes.map_type;
        description.key_size = attributes.key_size;
        description.value_size = attributes.value_size;
        description.max_entries = attributes.max_entries;
        description.flags = attributes.map_flags;
        description.pinned_at = pinned_at;
        description.btf_key_type = attributes.btf_key_type_id;
        description.btf_value_type = attributes.btf_value_type_id;
        if (const auto inner = places.find(static_cast<int>(attributes.inner_map_fd)); inner != places.end()) {
            description.inner_map = inner->second;
        }
        for (auto entry = storage.begin(); entry != storage.end(); ++entry) {
            if (const ebpf::TableDesc &table = entry->second; static_cast<int>(table.fd) == descriptor) {
                description.name = table.name; // the kernel's is cut off
                auto layout = parse_record_description(table.leaf_desc, table.leaf_size);
                if (layout && table.leaf_size == description.value_size) {
                    description.value = std::move(*layout);
                } else {
                    description.no_layout =
                        layout ? tr("{} has values of no fixed size", table.name) : layout.error().message;
                }
            }
        }
        places[fd] = static_cast<std::uint32_t>(program.maps.size());
        program.maps.push_back(std::move(description));
    }
    return places;
}

std::uint32_t attach_btf_id(const struct btf *btf, HandlerKind kind, const std::string &function) {
    const bool needs_one = kind == HandlerKind::fentry || kind == HandlerKind::fexit || kind == HandlerKind::iterator;
    if (btf == nullptr || !needs_one) {
        return 0;
    }
    const auto name = kind == HandlerKind::iterator ? "bpf_iter_" + function : function;
    const auto id = btf__find_by_name_kind(btf, name.c_str(), BTF_KIND_FUNC);
    return id > 0 ? static_cast<std::uint32_t>(id) : 0;
}

bool is_call(const bpf_insn &instruction) {
    return instruction.code == (BPF_JMP | BPF_CALL) && instruction.src_reg == BPF_PSEUDO_CALL;
}

/// As LLVM leaves it: to nowhere.
bool is_unlinked_call(const bpf_insn &instruction) { return is_call(instruction) && instruction.imm == -1; }

/// Puts the function that is called behind the instructions that call it, and says in each call how far it is from the
/// next instruction. BCC hands over code only: the relocation that names the function is gone.
void link_called_function(std::vector<bpf_insn> &instructions, const std::vector<bpf_insn> &function) {
    const auto start = instructions.size();
    for (std::size_t i = 0; i < start; ++i) {
        if (is_unlinked_call(instructions[i])) {
            instructions[i].imm = static_cast<int>(start - i - 1);
        }
    }
    instructions.insert(instructions.end(), function.begin(), function.end());
}

/// Whether all that it calls is part of it.
bool add_code(const RecordedProgram &recorded, const RecordedProgram *called,
              const std::map<int, std::uint32_t> &places, Handler &handler) {
    auto instructions = recorded.instructions;
    if (std::any_of(instructions.begin(), instructions.end(), is_unlinked_call)) {
        if (called == nullptr) {
            return false;
        }
        link_called_function(instructions, called->instructions);
    }
    for (auto &instruction : instructions) {
        if (names_map(instruction)) {
            instruction.imm = static_cast<int>(places.at(instruction.imm));
        }
    }
    const auto *first = reinterpret_cast<const unsigned char *>(instructions.data());
    handler.instructions.assign(first, first + instructions.size() * sizeof(bpf_insn));
    handler.short_name = recorded.name;
    handler.functions = recorded.functions;
    handler.lines = recorded.lines;
    return true;
}

/// Of `bpf`, by the first name that it has; null: none.
const RecordedProgram *load(ebpf::BPF &bpf, const RecordedCalls &calls, const std::vector<std::string> &names,
                            std::string &name) {
    for (const auto &candidate : names) {
        int fd = -1;
        // The type changes nothing of the code; of the right one libbcc would look up the function in this kernel's
        // BTF.
        if (bpf.load_func(candidate, BPF_PROG_TYPE_RAW_TRACEPOINT, fd).ok()) {
            name = candidate;
            return &calls.programs().at(fd);
        }
    }
    return nullptr;
}

[[noreturn]] void end_as_llvm_does() {
    std::fflush(nullptr);
    _exit(1);
}

} // namespace

void write_program(const fs::path &directory, const ProgramText &text) {
    for (const auto &[name, header] : text.headers) {
        write_file(directory / name, header);
    }
    for (const auto &[path, file] : text.files) {
        write_file(included_files_in(directory) + path, file);
    }
    // LLVM takes the source lines that the verifier's log shows from the file that the debug information names. That is
    // made a copy with the user's file name and line number behind each line; kernels before 6.10 print the line alone.
    std::istringstream lines(text.text);
    std::string copy;
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        copy += fmt::format("{}  // {}:{}\n", line, printable(text.name), ++number);
    }
    write_file(annotated_source(text, directory), copy);
}

Result<CompiledProgram> compile_with_bcc(const CompileRequest &request, const fs::path &directory,
                                         const struct btf *btf, const std::vector<std::string> &features) {
    const auto &text = request.program;
    target_release = request.kernel.release;
    CompiledProgram program;
    program.compiler = stamps_of_compiler(); // of before: what replaces them now makes another program
    RecordedCalls calls;
    auto storage = ebpf::createSharedTableStorage();
    // Neither is ever destroyed: the process ends soon, and libbcc 0.26 frees LLVM's memory where a compile failed.
    auto &bpf = *new ebpf::BPF(0, storage.get(), /*rw_engine_enabled=*/false);
    try {
        if (!bpf.init(with_line_numbers(text), flags_for(request, directory, features)).ok()) {
            end_as_llvm_does();
        }
    } catch (const std::exception &exception) {
        std::fprintf(stderr, "%s\n", exception.what());
        end_as_llvm_does();
    }
    std::fflush(nullptr);
    // What libbcc says from here on is about descriptors that are none.
    const auto words = lseek(STDERR_FILENO, 0, SEEK_CUR);

    program.name = text.name;
    program.types = request.types;
    program.has_condition = text.headers.contains(condition_header_name);
    const auto places = add_maps(calls, *storage, program);
    std::string name;
    std::string calls_elsewhere;
    const auto *called = text.is_built_in() ? load(bpf, calls, {called_function}, name) : nullptr;
    for (const auto &named : handlers_named_in(text)) {
        Handler handler;
        handler.kind = named.kind;
        handler.function = named.function;
        handler.name = named.names_in_object.back();
        handler.only_in_included_file = named.only_in_included_file;
        handler.attach_btf_id = attach_btf_id(btf, named.kind, named.function);
        if (const auto *recorded = load(bpf, calls, named.names_in_object, handler.name)) {
            if (!add_code(*recorded, called, places, handler)) {
                calls_elsewhere = handler.name;
            }
            program.license = recorded->license;
            if (const auto debug = calls.btf().find(recorded->btf_fd); debug != calls.btf().end()) {
                program.btf = debug->second;
            }
        }
        program.handlers.push_back(std::move(handler));
    }
    program.depends_on = depends_on(request, directory);
    std::fflush(nullptr);
    if (words >= 0 && ftruncate(STDERR_FILENO, words) != 0) {
        std::perror("ftruncate"); // no file: somebody reads along
    }
    static_cast<void>(storage.release());
    if (!calls_elsewhere.empty()) {
        return fail(
            ErrorKind::program_rejected,
            tr("{} of {} calls a function that is not inlined, and BCC has the code of handlers only; leave out "
               "__attribute__((noinline))",
               calls_elsewhere, text.name));
    }
    return program;
}

void say_refusal(int error_number, const std::string &log) {
    RecordedCalls calls;
    calls.refuse_programs(error_number, log);
    const bpf_insn nothing{};
    bcc_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "", &nothing, sizeof(nothing), "GPL", 0, 0, nullptr, 0);
}

std::string bcc_versions() { return fmt::format("libbcc {}\nLLVM {}\n", built_with_libbcc, built_with_llvm); }

} // namespace tcp_stats

/// In place of libbcc's function of that name. Its compiler asks once whether the kernel has bpf_probe_read_kernel(),
/// which came with Linux 5.5, and libbcc answers by reading all symbols of the running kernel into a hash: that takes
/// as long as generating code. Where libbcc was linked to call its own (-Bsymbolic-functions), this is not called.
extern "C" int bcc_symcache_resolve_name(void * /*resolver*/, const char * /*module*/, const char *name,
                                         std::uint64_t * /*address*/) {
    int version = 0;
    int patchlevel = 0;
    std::sscanf(tcp_stats::target_release.c_str(), "%d.%d", &version, &patchlevel);
    const bool is_there =
        std::strcmp(name, "bpf_probe_read_kernel") == 0 && std::pair(version, patchlevel) >= std::pair(5, 5);
    return is_there ? 0 : -1;
}

/// In place of libc's: BCC takes the headers of the running kernel, and here they are those of the target.
extern "C" int uname(utsname *name) noexcept {
    const auto result = static_cast<int>(syscall(SYS_uname, name));
    if (const auto &release = tcp_stats::target_release; !release.empty()) {
        name->release[release.copy(name->release, sizeof(name->release) - 1)] = '\0';
    }
    return result;
}
