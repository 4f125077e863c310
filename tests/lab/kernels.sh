#!/usr/bin/env bash
# Fetches Debian's stock kernels for the lab and unpacks them into the cache.
# Sourced by `lab`; nothing is installed on this machine.
#
# The packages come from the mirror this machine already uses, through a private apt
# configuration (own sources, own lists), so the machine's own package state is untouched.

# name -> Debian suite whose newest kernel of that series it is
declare -A lab_suite=([5.10]=bullseye [6.1]=bookworm [6.12]=bookworm-backports [newest]=sid)
lab_kernel_names=(5.10 6.1 6.12 newest)

lab_cache=${TCP_STATS_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tcp_stats_monitor/lab}

die() {
    printf 'lab: %s\n' "$*" >&2
    exit 2
}

# The mirror that serves this machine's own Debian packages (not the security one).
lab_mirror() {
    local uri
    uri=$({
        grep -hsE '^URIs:' /etc/apt/sources.list.d/*.sources | cut -d: -f2-
        grep -hsE '^deb ' /etc/apt/sources.list /etc/apt/sources.list.d/*.list |
            sed -E 's/\[[^]]*\]//' | awk '{print $2}'
    } | tr -s ' ' '\n' | grep -E '/debian/?$' | head -n 1)
    [ -n "$uri" ] || die "no Debian mirror in /etc/apt: add one there, it serves the lab's kernels too"
    printf '%s\n' "$uri"
}

# lab_apt SUITE COMMAND…: apt-get or apt-cache that sees that one suite only.
lab_apt() {
    local suite=$1 state=$lab_cache/apt/$1
    shift
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/sources.d"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$(lab_mirror)" "$suite" >"$state/sources.list"
    : >"$state/status"
    "$1" -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/sources.d" \
        -o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" \
        -o Dir::Cache="$state/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root \
        -o Debug::NoLocking=1 "${@:2}"
}

# Packages named in the Depends of PACKAGE that match the extended regular expression PATTERN.
lab_depends() {
    lab_apt "$1" apt-cache show --no-all-versions "$2" | sed -n 's/^Depends: //p' | tr ',|' '\n\n' |
        awk '{print $1}' | grep -E "$3" | sort -u
}

# Downloads and unpacks kernel NAME into $lab_cache/NAME; chatter goes to stdout.
lab_unpack() {
    set -euo pipefail
    local name=$1 suite=${lab_suite[$1]} dir=$lab_cache/$1 image release packages package
    rm -rf "$dir"
    mkdir -p "$dir/packages" "$dir/root"
    lab_apt "$suite" apt-get update
    image=$(lab_depends "$suite" linux-image-amd64 '^linux-image-[0-9].*-amd64$' | head -n 1)
    release=${image#linux-image-}
    packages=("$image" "linux-headers-$release")
    # Newer packages split the image into linux-binary-* and linux-modules-*.
    for package in $(lab_depends "$suite" "$image" '^linux-(binary|modules)-' || true) \
        $(lab_depends "$suite" "linux-headers-$release" '^linux-headers-.*-common$'); do
        packages+=("$package")
    done
    (cd "$dir/packages" && lab_apt "$suite" apt-get download "${packages[@]}")
    for package in "$dir"/packages/*.deb; do dpkg -x "$package" "$dir/root"; done
    rm -rf "$dir/packages"
    # Debian is moving /lib to /usr/lib; the lab sees one place.
    if [ -d "$dir/root/usr/lib/modules" ]; then
        mkdir -p "$dir/root/lib/modules"
        cp -al "$dir/root/usr/lib/modules/." "$dir/root/lib/modules/"
        rm -rf "$dir/root/usr/lib/modules"
    fi
    depmod -b "$dir/root" "$release"
    cp "$(find "$dir/root" \( -name "vmlinuz-$release" -o -name vmlinuz \) -print -quit)" "$dir/vmlinuz"
    printf '%s\n' "$release" >"$dir/release"
    touch "$dir/complete"
}

# lab_fetch NAME: makes sure that kernel NAME is in the cache; the first call downloads it.
lab_fetch() {
    local name=$1 dir=$lab_cache/$1
    [ -n "${lab_suite[$name]:-}" ] || die "no kernel named '$name'; there are: ${lab_kernel_names[*]}"
    [ ! -e "$dir/complete" ] || return 0
    mkdir -p "$lab_cache"
    (
        set +e # lab_unpack stops at its first error, and only then is there something to say
        flock 9
        [ ! -e "$dir/complete" ] || exit 0
        printf 'lab: fetching kernel %s (Debian %s), once\n' "$name" "${lab_suite[$name]}" >&2
        (lab_unpack "$name") >"$dir.log" 2>&1
        [ -e "$dir/complete" ] || {
            tail -n 15 "$dir.log" >&2
            die "kernel $name could not be fetched; the whole log is $dir.log"
        }
    ) 9>"$lab_cache/$name.lock"
}

# lab_root SUITE: prints where the root file system of that Debian is: what is essential, and nothing else. The first call
# makes it. A mirror may be weeks behind.
lab_root() {
    local suite=$1 root=$lab_cache/roots/essential-$1 log=$lab_cache/roots/essential-$1.log
    mkdir -p "$lab_cache/roots"
    (
        flock 9
        [ ! -e "$root.complete" ] || exit 0
        [ "$(id -u)" = 0 ] || die "a root file system can be made by root only: sudo $here/lab root $suite"
        printf 'lab: making a root file system of Debian %s, once\n' "$suite" >&2
        rm -rf "$root"
        mmdebstrap --variant=essential --dpkgopt=force-unsafe-io --aptopt='Acquire::Check-Valid-Until "false"' \
            "$suite" "$root" "$(lab_mirror)" >"$log" 2>&1 || {
            tail -n 15 "$log" >&2
            die "there is no root file system of Debian $suite; the whole log is $log"
        }
        touch "$root.complete"
    ) 9>"$root.lock" || exit
    printf '%s\n' "$root"
}
