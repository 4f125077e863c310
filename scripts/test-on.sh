#!/usr/bin/env bash
# test-on.sh SUITE: builds on another Debian (trixie, sid), in a root of its own made with mmdebstrap, and
# runs the unit tests and the compile tests there, by the types of the lab's kernels. Needs root. The root is kept in the
# lab's cache; it may be removed at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh
. tests/lab/kernels.sh
. scripts/roots.sh

suite=${1:?which suite? trixie, sid}
root=$lab_cache/roots/$suite
[ "$(id -u)" = 0 ] || die "a root file system can be made by root only: sudo scripts/test-on.sh $suite"
install_packages "${build_packages[@]}" "${lab_packages[@]}" mmdebstrap
TCP_STATS_KERNELS=$(tests/lab/lab btf)

make_root "$suite" "$suite"
in_root "$root" "$lab_cache:$lab_cache" -- env TCP_STATS_KERNELS="$TCP_STATS_KERNELS" bash -euo pipefail -c '
    . scripts/packages.sh
    install_packages "${build_packages[@]}"
    cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON \
        -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 >/dev/null
    cmake --build /build --target tcp_stats_monitor unit_tests unit_tests_kernel compile_tests | tail -n 1
    /build/tcp_stats_monitor --version
    cd /build
    for tests in unit_tests unit_tests_kernel compile_tests; do
        TZ=UTC LC_ALL=C ./$tests
    done'
