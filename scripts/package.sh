#!/usr/bin/env bash
# package.sh [SUITE [DIRECTORY]]: builds the Debian package of this clone, with what is not committed, for this Debian or
# for SUITE (bookworm, trixie), into DIRECTORY (packages/), and has lintian look at it. The last line is the package's path.
# For another suite it builds in a root of that suite, which needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh
. tests/lab/kernels.sh
. scripts/roots.sh

own_suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
suite=${1:-$own_suite}
directory=${2:-packages}
mkdir -p "$directory" "$lab_cache"
directory=$(cd "$directory" && pwd)

if [ "$suite" != "$own_suite" ]; then
    [ "$(id -u)" = 0 ] || die "a root file system can be made by root only: sudo scripts/package.sh $suite"
    install_packages mmdebstrap
    make_root "$suite" "$suite"
    exec 9>"$lab_cache/roots/$suite.lock"
    flock 9
    in_root "$lab_cache/roots/$suite" "$directory:/packages" -- scripts/package.sh "$suite" /packages |
        sed "s|^/packages/|$directory/|"
    exit
fi

install_packages "${build_packages[@]}" "${package_packages[@]}" >&2
# What is needed to build stands in two places, which have to agree. Some of it is in build-essential, or to test.
for package in "${build_packages[@]}"; do
    case $package in
    g++ | binutils | git | catch2 | locales) ;;
    *) grep -qE "^ $package\b" debian/control || die "debian/control does not have $package, which scripts/packages.sh has" ;;
    esac
done

# Always in the same place: ccache knows what it has seen there.
place=$lab_cache/package
exec 8>"$place.lock"
flock 8
rm -rf "$place"
mkdir -p "$place/source"
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar -c --null -T - | tar -x -C "$place/source"
cd "$place/source"

# The same version is another package in another Debian; that of a newer one is the newer.
number=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
[ -z "$number" ] || sed -i "1s/)/+deb$number)/" debian/changelog
if ! PATH=/usr/lib/ccache:$PATH CCACHE_DIR=$lab_cache/ccache dpkg-buildpackage -b -us -uc >"$place/log" 2>&1; then
    cat "$place/log" >&2
    die 'the package does not build'
fi
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$place"/*.changes >&2
cp "$place"/*.deb "$directory/"
for package in "$place"/*.deb; do
    case $package in *-dbgsym_*) ;; *) printf '%s/%s\n' "$directory" "$(basename "$package")" ;; esac
done
