#!/usr/bin/env bash
# Installs what is missing, builds, and runs the monitor with the given options. Where this machine's
# kernel cannot be traced, it says why and runs the monitor on a Debian kernel in the lab, with real
# traffic to look at.
set -euo pipefail
launch_directory=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
. scripts/packages.sh

install_packages "${build_packages[@]}" >&2
[ -x build/tcp_stats_monitor ] || printf 'Building, which takes some minutes the first time …\n' >&2
build_preset release
monitor=$root/build/tcp_stats_monitor
cd "$launch_directory"

# Options that need no kernel, and mistakes in options, are the monitor's own business. A network namespace is looked for
# where it runs: the lab has its own.
checked=() is_namespace=
for option in "$@"; do
    case $option in
    --help | -h | --version | --print-src | --list-fields | --explain | --replay | --replay=*) exec "$monitor" "$@" ;;
    esac
    [ -n "$is_namespace" ] || [[ $option == --netns* ]] || checked+=("$option")
    is_namespace=
    [ "$option" != --netns ] || is_namespace=yes
done

"$monitor" "${checked[@]}" --explain >/dev/null || exit

# Can this kernel be traced? The monitor itself knows best: one snapshot of the built-in program.
probe=("$monitor" --count 1)
run=("$monitor" "$@")
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null; then
        probe=(sudo "${probe[@]}") run=(sudo "${run[@]}")
    else
        exec "${run[@]}"
    fi
fi
why=$("${probe[@]}" 2>&1 >/dev/null) && status=0 || status=$?
[ "$status" = 69 ] || exec "${run[@]}"

printf '%s\n' "$(grep -m 1 'error: ' <<<"$why" | sed 's/.*error: //')" >&2
printf 'So it runs on a Debian kernel in the lab, with traffic made for it (docs/testing.md).\n' >&2
install_packages "${build_packages[@]}" "${lab_packages[@]}" >&2
# What the guest writes goes with it, but for /lab/out.
out=() record='' previous=''
for option in "$@"; do
    case $previous$option in
    --record=*) record=${option#*=} ;;
    --record?*) record=$option ;;
    esac
    previous=
    [ "$option" != --record ] || previous=--record
done
[ -z "$record" ] || out=(--out "$(dirname "$(realpath -m "$record")")")
tty=()
[ ! -t 0 ] || [ ! -t 1 ] || tty=(--tty)
exec "$root/tests/lab/lab" "${tty[@]}" "${out[@]}" --timeout 0 run \
    bash -c 'record=$1; shift; "$@"; status=$?; [ -z "$record" ] || cp "$record" /lab/out/; exit $status' - \
    "$record" "$root/tests/lab/with_traffic" "$monitor" "$@"
