#!/usr/bin/env bash
# test-on.sh SUITE: builds on another Debian (trixie, sid), in a root of its own made with mmdebstrap, and
# runs the unit tests and the compile tests there, by the types of the lab's kernels. Needs root. The root is kept in the
# lab's cache; it may be removed at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh
. tests/lab/kernels.sh

suite=${1:?which suite? trixie, sid}
root=$lab_cache/roots/$suite
[ "$(id -u)" = 0 ] || die "a root file system can be made by root only: sudo scripts/test-on.sh $suite"
install_packages "${build_packages[@]}" "${lab_packages[@]}" "${root_packages[@]}"
TCP_STATS_KERNELS=$(tests/lab/lab btf)

if [ ! -e "$root.complete" ]; then
    rm -rf "$root"
    mkdir -p "$(dirname "$root")"
    # A mirror may be weeks behind.
    mmdebstrap --variant=apt --quiet --dpkgopt=force-unsafe-io --aptopt='Acquire::Check-Valid-Until "false"' \
        "$suite" "$root" "$(lab_mirror)"
    touch "$root.complete"
fi
mkdir -p "$root/source" "$root/build"

# In a mount namespace: what is mounted goes with it.
export suite root lab_cache TCP_STATS_KERNELS
unshare --mount bash -euo pipefail -c '
    mount --rbind /proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount --bind -o ro . "$root/source"
    mkdir -p "$root$lab_cache"
    mount --bind -o ro "$lab_cache" "$root$lab_cache"
    cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
    exec chroot "$root" env -i PATH="$PATH" HOME=/root LC_ALL=C TCP_STATS_KERNELS="$TCP_STATS_KERNELS" \
        bash -euo pipefail -c "
            cd /source
            . scripts/packages.sh
            install_packages \"\${build_packages[@]}\"
            cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON \
                -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 >/dev/null
            cmake --build /build --target tcp_stats_monitor unit_tests unit_tests_kernel compile_tests | tail -n 1
            /build/tcp_stats_monitor --version
            cd /build
            for tests in unit_tests unit_tests_kernel compile_tests; do
                TZ=UTC ./\$tests
            done"
'
