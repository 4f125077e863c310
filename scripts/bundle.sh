#!/usr/bin/env bash
# bundle.sh [--quick] [FILE]: makes the bundle (docs/bundle.md), an archive with the monitor, the compiler, and all that
# they need of libraries, for x86-64: build/tcp_stats_monitor.tar.zst, or FILE. With --quick it is compressed less.
set -euo pipefail
launch_directory=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

level=19
if [ "${1:-}" = --quick ]; then
    level=3
    shift
fi
archive=build/tcp_stats_monitor.tar.zst
[ $# = 0 ] || archive=$(cd "$launch_directory" && realpath -m "$1")
if [ "$(uname -m)" != x86_64 ]; then
    printf 'the bundle is for x86-64, and is made on such a machine; this one is %s\n' "$(uname -m)" >&2
    exit 1
fi

install_packages "${build_packages[@]}"
install_bundle_packages
build_preset release bundle

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
name=tcp_stats_monitor
files=$place/$name.files
mkdir "$files"
strip -o "$place/$name" "build/bundle/$name"
for file in build/bundle/"$name.files"/*; do
    strip -o "$files/${file##*/}" "$file"
done

# The libraries they name, and those that these name; the loader is one of them.
libraries=()
while
    missing=()
    for library in $(objdump -p "$files"/* | awk '$1 == "NEEDED" {print $2}' | sort -u); do
        [ -e "$files/$library" ] || missing+=("$library")
    done
    [ ${#missing[@]} -gt 0 ]
do
    for library in "${missing[@]}"; do
        path=$(c++ -print-file-name="$library")
        [ -e "$path" ] || { printf 'there is no %s on this machine\n' "$library" >&2 && exit 1; }
        path=$(realpath "$path")
        libraries+=("*${path#/usr}") # by either name of the directory
        strip --strip-unneeded -o "$files/$library" "$path"
    done
done

# Terminals, for a machine that knows none: the usual ones.
for file in $(dpkg -L ncurses-base | grep '/terminfo/./'); do
    install -D -m 644 "$file" "$files/terminfo/${file#*/terminfo/}"
done
[ -e "$files/terminfo/x/xterm" ] || { printf 'the package ncurses-base has no terminals\n' >&2 && exit 1; }

# What is in it, and what it was compiled with, has licences that go with it.
mkdir "$files/licences"
packages=$(printf '%s\n' "${build_packages[@]}" "libclang-$(bcc_llvm)-dev" | grep -e '-dev$')
for package in $packages $(dpkg-query -S "${libraries[@]}" | cut -d: -f1 | sort -u); do
    cp -L "/usr/share/doc/$package/copyright" "$files/licences/$package"
done

tar --sort=name --owner=0 --group=0 --numeric-owner --mode=a+rX,go-w -C "$place" -c "$name" "$name.files" |
    zstd "-$level" -T0 -q -f -o "$archive"
printf '%s: %s MB, unpacked %s MB\n' "$archive" \
    "$(stat -c %s "$archive" | awk '{printf "%.1f", $1 / 1e6}')" \
    "$(du -sb --apparent-size "$place" | awk '{printf "%.1f", $1 / 1e6}')"
