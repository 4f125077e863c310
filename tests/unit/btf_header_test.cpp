#include "compile/helper/btf_header.h"

#include "test.h"

using namespace tcp_stats;

TEST_CASE("padding of full width becomes a named member, other bit-fields stay") {
    CHECK(adapt_dump(
              "struct s {\n\tint a;\n\tlong: 64;\n\tlong: 64;\n\tint: 32;\n\tlong: 0;\n\tint: 4;\n\tint b: 3;\n};\n",
              {}) ==
          "struct s {\n\tint a;\n\tlong __btf_padding_0;\n\tlong __btf_padding_1;\n\tint __btf_padding_2;\n\tlong: 0;\n"
          "\tint: 4;\n\tint b: 3;\n};\n");
    CHECK(adapt_dump("\t\tlong: 64;\n", {}) == "\tlong __btf_padding_0;\n");
}

TEST_CASE("names that BCC's own bpf.h defines step aside, whole words only") {
    CHECK(adapt_dump("struct bpf_map *sk_bpf_storage; enum bpf_cmd x; BPF_ANY = 0, my_bpf_y\n", {}) ==
          "struct kernel_bpf_map *sk_bpf_storage; enum kernel_bpf_cmd x; kernel_BPF_ANY = 0, my_bpf_y\n");
}

TEST_CASE("types that the program defines itself are left out, uses of them stay") {
    CHECK(adapt_dump(
              "struct event {\n\tint a;\n\tstruct {\n\t\tint b;\n\t};\n};\n\nstruct other {\n\tstruct event *e;\n};\n",
              {"event"}) == "\nstruct other {\n\tstruct event *e;\n};\n");
}
