# What this project needs of Debian, by package, and how the scripts install it. Sourced.

# To build.
build_packages=(
    cmake ninja-build g++ pkg-config binutils gettext git
    libbpfcc-dev libbpf-dev libboost-program-options-dev libspdlog-dev libfmt-dev libexpected-dev
    libncurses-dev nlohmann-json3-dev libmsgpack-cxx-dev libxxhash-dev libutfcpp-dev libcap-ng-dev libsqlitecpp-dev libsqlite3-dev libcivetweb-dev catch2 locales
)
# To boot kernels in the lab and to have traffic there.
lab_packages=(
    qemu-system-x86 busybox-static cpio kmod xz-utils zstd util-linux
    iproute2 iperf3 nftables python3
)
# To test: formatting and lint, fuzzing (Clang and its runtime with libFuzzer), completion and manual page, the live view's
# terminal, a report's browser, what the lab's checks and benchmarks compare with, Prometheus.
test_packages=(
    clang-format clang-tidy clang libclang-rt-dev
    bash-completion zsh mandoc tmux chromium
    sqlite3 prometheus prometheus-cpp-dev bpftool python3-bpfcc python3-jsonschema bpftrace procps
)
# To make the bundle beside that (and the archives of bcc_llvm's Clang).
bundle_packages=(zstd)
# To build and look at Debian packages, and to have other Debians.
package_packages=(build-essential debhelper fakeroot lintian ccache mmdebstrap)

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        printf 'root is needed for: %s\nRun this as root, or install sudo.\n' "$*" >&2
        exit 1
    fi
}

# The version of the LLVM that libbcc was built with; nothing where libbcc is not installed.
bcc_llvm() {
    dpkg-query -W -f '${Depends}' libbpfcc 2>/dev/null | grep -oE 'libllvm[0-9]+' | head -n 1 | tr -dc 0-9 || true
}

# install_packages PACKAGE…: installs those that are missing; quiet when none is.
install_packages() {
    local missing=() package llvm
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        printf 'Installing %s\n' "${missing[*]}" >&2
        as_root apt-get update -qq >&2
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
    fi
    llvm=$(bcc_llvm)
    if [ -n "$llvm" ] && ! dpkg-query -W -f '${db:Status-Status}' "llvm-$llvm-dev" 2>/dev/null | grep -qx installed; then
        install_packages "llvm-$llvm-dev"
    fi
}

# To make the bundle: all that the build needs is there by then.
install_bundle_packages() {
    install_packages "${bundle_packages[@]}" "libclang-$(bcc_llvm)-dev"
}

# build_preset PRESET [TARGET…]: configures and builds, showing what is done only when it fails.
build_preset() {
    local log preset=$1
    shift
    log=$(mktemp)
    if ! { cmake --preset "$preset" && cmake --build --preset "$preset" ${1:+--target "$@"}; } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
}
