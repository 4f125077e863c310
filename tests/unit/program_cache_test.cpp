#include "compile/program_cache.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

using namespace tcp_stats;

namespace {

namespace fs = std::filesystem;

class Directory {
public:
    Directory() {
        std::string pattern = (fs::temp_directory_path() / "program_cache_test.XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = fs::path(pattern) / "cache";
    }
    ~Directory() { fs::remove_all(path.parent_path()); }

    std::vector<fs::path> files() const { return {fs::directory_iterator(path), fs::directory_iterator()}; }

    fs::path path;
};

CompiledProgram small_program(const std::string &name = "small.c") {
    CompiledProgram program;
    program.name = name;
    program.license = "GPL";
    program.types = TypeSource::whole_btf;
    MapDescription map;
    map.name = "flow_stats";
    map.value_size = 8;
    map.value = RecordLayout({{"a", "a", 0, 8, FieldKind::unsigned_integer, true}}, 8);
    program.maps.push_back(map);
    Handler handler;
    handler.kind = HandlerKind::iterator;
    handler.function = "tcp";
    handler.name = "bpf_iter__tcp";
    handler.instructions = {0x18, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; // of map 0
    handler.attach_btf_id = 42;
    program.handlers.push_back(handler);
    program.compiler = {stamp_of("/proc/self/exe")};
    return program;
}

std::string contents_of(const fs::path &file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path &file, const std::string &text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

} // namespace

TEST_CASE("a program that was kept is found under its key, and under no other") {
    const Directory directory;
    const auto cache = ProgramCache::open(directory.path);
    REQUIRE(cache.has_value());
    CHECK_FALSE(cache->find("key").has_value());
    cache->keep("key", small_program());
    const auto found = cache->find("key");
    REQUIRE(found.has_value());
    CHECK(to_bytes(*found) == to_bytes(small_program()));
    CHECK(found->map("flow_stats")->value.find("a") != nullptr);
    CHECK_FALSE(cache->find("other key").has_value());
    struct stat status {};
    REQUIRE(stat(directory.files().front().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a file that is damaged anywhere, cut off, or another key's is not used") {
    const Directory directory;
    const auto cache = ProgramCache::open(directory.path);
    cache->keep("key", small_program());
    const auto file = directory.files().front();
    const auto whole = contents_of(file);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        write(file, damaged);
        INFO(i);
        CHECK_FALSE(cache->find("key").has_value());
        write(file, whole.substr(0, i));
        CHECK_FALSE(cache->find("key").has_value());
    }
    cache->keep("other key", small_program("other.c"));
    const auto files = directory.files();
    REQUIRE(files.size() == 2);
    write(file, contents_of(files[0] == file ? files[1] : files[0]));
    CHECK_FALSE(cache->find("key").has_value());
    write(file, whole);
    CHECK(cache->find("key").has_value());
}

TEST_CASE("a program of another compiler than the one that is installed is not used") {
    const Directory directory;
    const auto cache = ProgramCache::open(directory.path);
    auto program = small_program();
    program.compiler.front().size += 1;
    cache->keep("key", program);
    CHECK_FALSE(cache->find("key").has_value());
}

TEST_CASE("a directory or a file that others may write to is not used") {
    const Directory directory;
    auto cache = ProgramCache::open(directory.path);
    cache->keep("key", small_program());
    const auto file = directory.files().front();
    REQUIRE(chmod(file.c_str(), 0620) == 0);
    CHECK_FALSE(cache->find("key").has_value());
    REQUIRE(chmod(file.c_str(), 0600) == 0);
    if (geteuid() == 0) {
        REQUIRE(chown(file.c_str(), 65534, 65534) == 0);
        CHECK_FALSE(cache->find("key").has_value());
        REQUIRE(chown(file.c_str(), 0, 0) == 0);
        REQUIRE(chown(directory.path.c_str(), 65534, 65534) == 0);
        CHECK_FALSE(ProgramCache::open(directory.path).has_value());
        REQUIRE(chown(directory.path.c_str(), 0, 0) == 0);
    }
    CHECK(cache->find("key").has_value());
    fs::rename(file, directory.path / "elsewhere");
    fs::create_symlink(directory.path / "elsewhere", file);
    CHECK_FALSE(cache->find("key").has_value());
    REQUIRE(chmod(directory.path.c_str(), 0777) == 0);
    CHECK_FALSE(ProgramCache::open(directory.path).has_value());
    CHECK_FALSE(ProgramCache::open("/dev/null/cache").has_value());
    CHECK_FALSE(ProgramCache::open({}).has_value());
}

TEST_CASE("those that were not used for the longest time go first") {
    const Directory directory;
    const auto cache = ProgramCache::open(directory.path);
    const auto make = [&](std::size_t number) { cache->keep(std::to_string(number), small_program()); };
    const auto age = [&](std::int64_t seconds) { // of all that are there
        for (const auto &file : directory.files()) {
            const timespec times[2] = {{seconds, 0}, {seconds, 0}};
            REQUIRE(utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
        }
    };
    make(0);
    make(1);
    age(1000);
    REQUIRE(cache->find("0").has_value()); // used now
    for (std::size_t i = 2; i <= ProgramCache::most_programs; ++i) {
        make(i);
    }
    CHECK(directory.files().size() == ProgramCache::most_programs);
    CHECK(cache->find("0").has_value());
    CHECK_FALSE(cache->find("1").has_value());
}

TEST_CASE("an answer is read whatever its bytes are") {
    const auto whole = to_bytes(small_program());
    CHECK(answer_from_bytes(whole).has_value());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        CHECK_FALSE(answer_from_bytes(whole.substr(0, i)).has_value());
        for (const int bit : {0x01, 0x10, 0x80}) {
            auto damaged = whole;
            damaged[i] = static_cast<char>(damaged[i] ^ bit);
            static_cast<void>(answer_from_bytes(damaged)); // an answer or an error
        }
    }
    CHECK_FALSE(answer_from_bytes(whole + "x").has_value());
    CHECK_FALSE(answer_from_bytes(std::string(100'000, '\x91')).has_value()); // arrays within arrays
    CHECK_FALSE(answer_from_bytes("\xdd\xff\xff\xff\xff").has_value());       // an array of four thousand million
    const Error error{ErrorKind::kernel_unsupported, "what", "more"};
    const auto answer = answer_from_bytes(to_bytes(tl::unexpected(error)));
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().kind == error.kind && answer.error().message == "what" && answer.error().details == "more"));
}

TEST_CASE("a program that names a map or a field that is not there is no answer") {
    auto program = small_program();
    program.handlers[0].instructions[4] = 1; // of map 1
    CHECK(answer_from_bytes(to_bytes(program)).error().kind == ErrorKind::defect);
    program = small_program();
    program.maps[0].value = RecordLayout({{"a", "a", 4, 8, FieldKind::unsigned_integer, true}}, 8);
    CHECK(answer_from_bytes(to_bytes(program)).error().kind == ErrorKind::defect);
    program = small_program();
    program.maps[0].inner_map = 0;
    CHECK(answer_from_bytes(to_bytes(program)).error().kind == ErrorKind::defect);
    program = small_program();
    program.handlers[0].lines = {{1, 2, 3}, 1, 3};
    CHECK(answer_from_bytes(to_bytes(program)).error().kind == ErrorKind::defect);
}
