#include "compile/helper/btf_selection.h"

#include <memory>
#include <set>

#include <bpf/btf.h>

#include "test.h"

using namespace tcp_stats;

namespace {

/// A small kernel: struct sock { int number; struct inner { struct file *file; struct page *page; } inner; };
/// struct file { int flags; }; struct page { int order; }; enum { TCP_CLOSE = 7 }; typedef int s32.
class SmallKernel {
public:
    SmallKernel() : btf_(btf__new_empty(), btf__free) {
        const int integer = btf__add_int(btf_.get(), "int", 4, BTF_INT_SIGNED);
        file = btf__add_struct(btf_.get(), "file", 4);
        btf__add_field(btf_.get(), "flags", integer, 0, 0);
        page = btf__add_struct(btf_.get(), "page", 4);
        btf__add_field(btf_.get(), "order", integer, 0, 0);
        const int to_file = btf__add_ptr(btf_.get(), btf__add_const(btf_.get(), file));
        const int to_page = btf__add_ptr(btf_.get(), page);
        const int inner = btf__add_struct(btf_.get(), "inner", 16);
        btf__add_field(btf_.get(), "file", to_file, 0, 0);
        btf__add_field(btf_.get(), "page", to_page, 64, 0);
        sock = btf__add_struct(btf_.get(), "sock", 24);
        btf__add_field(btf_.get(), "number", integer, 0, 0);
        btf__add_field(btf_.get(), "inner", inner, 64, 0);
        states = btf__add_enum(btf_.get(), nullptr, 4);
        btf__add_enum_value(btf_.get(), "TCP_CLOSE", 7);
        s32 = btf__add_typedef(btf_.get(), "s32", integer);
    }

    std::set<int> selected_for(const std::string &text, std::vector<std::string> definitions = {}) const {
        const auto ids = select_types(btf_.get(), {text, "test.c", {}, std::move(definitions), {}});
        return {ids.begin(), ids.end()};
    }

    int file = 0, page = 0, sock = 0, states = 0, s32 = 0;

private:
    std::unique_ptr<btf, decltype(&btf__free)> btf_;
};

} // namespace

TEST_CASE("types and constants that the text names are chosen, and integers always") {
    const SmallKernel kernel;
    CHECK(kernel.selected_for("") == std::set<int>{kernel.s32});
    CHECK(kernel.selected_for("struct sock *sk; int sock;") == std::set<int>{kernel.sock, kernel.s32});
    CHECK(kernel.selected_for("int sock; /* struct page */") == std::set<int>{kernel.s32});
    CHECK(kernel.selected_for("x = TCP_CLOSE;") == std::set<int>{kernel.states, kernel.s32});
}

TEST_CASE("structs behind pointers are chosen where the text follows the pointer, through members by value too") {
    const SmallKernel kernel;
    CHECK(kernel.selected_for("struct sock *sk; sk->inner.file->flags;") ==
          std::set<int>{kernel.sock, kernel.file, kernel.s32});
    CHECK(kernel.selected_for("sk->inner.file->flags;") == std::set<int>{kernel.s32});
}

TEST_CASE("definitions are part of the text") {
    const SmallKernel kernel;
    CHECK(kernel.selected_for("struct sock *sk; X;", {"X=sk->inner.page->order"}) ==
          std::set<int>{kernel.sock, kernel.page, kernel.s32});
}

TEST_CASE("a struct that the text defines itself is not taken from the kernel") {
    const SmallKernel kernel;
    CHECK(kernel.selected_for("struct file { int mine; }; struct file f;") == std::set<int>{kernel.s32});
}
