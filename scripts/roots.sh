# Root file systems of Debian suites, made with mmdebstrap and kept in the lab's cache. Any of them may be removed at any
# time. Sourced, behind packages.sh and tests/lab/kernels.sh, in the clone's directory. Needs root.

# make_root NAME SUITE: a minimal one at $lab_cache/roots/NAME, where there is none yet.
make_root() {
    local root=$lab_cache/roots/$1
    mkdir -p "$lab_cache/roots"
    (
        flock 9
        [ ! -e "$root.complete" ] || exit 0
        printf 'Making a root of Debian %s, once\n' "$2" >&2
        rm -rf "$root"
        # A mirror may be weeks behind.
        mmdebstrap --variant=apt --quiet --dpkgopt=force-unsafe-io --aptopt='Acquire::Check-Valid-Until "false"' \
            "$2" "$root" "$(lab_mirror)" >&2
        touch "$root.complete"
    ) 9>"$root.lock"
}

# in_root ROOT [FROM:TO…] -- COMMAND…: runs the command there, as root, with this clone at /source (read-only; the
# command begins there) and each directory FROM at TO. What is mounted goes with the command.
in_root() {
    unshare --mount bash -euo pipefail -c '
        root=$1
        shift
        place() {
            mkdir -p "$root$2"
            mount "${@:3}" "$1" "$root$2"
        }
        for directory in /proc /sys /dev; do place $directory $directory --rbind; done
        place . /source --bind -o ro
        while [ "$1" != -- ]; do
            place "${1%%:*}" "${1#*:}" --bind
            shift
        done
        shift
        cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
        exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            LC_ALL=C.UTF-8 bash -euc "cd /source; exec \"\$@\"" - "$@"
    ' - "$@"
}
