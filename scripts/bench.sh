#!/usr/bin/env bash
# bench.sh [BENCHMARK…]: builds, runs all benchmarks (or those: road, table, live, startup, cost, recording, day, metrics), shows what they print, and
# puts that into docs/performance.md. Takes half an hour, on a machine that does nothing else. `table` needs root; without, it
# is left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

page=docs/performance.md
install_packages "${build_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}"
build_preset release

declare -A commands=(
    [road]="build/bench_road"
    [table]="build/bench_table"
    [live]="build/bench_live_view 1000 16000 100000"
    [startup]="tests/bench/startup 5"
    [cost]="tests/bench/cost 4000 5"
    [recording]="tests/bench/recording 1000 10000 30"
    [day]="build/bench_day 20 480"
    [metrics]="build/bench_metrics"
)
text=$(mktemp)
trap 'rm -f "$text" "$text.page"' EXIT
if [ $# = 0 ]; then
    set -- road live startup cost recording day metrics
    [ "$(id -u)" != 0 ] || set -- table "$@"
fi
for name in "$@"; do
    printf '== %s\n' "${commands[$name]:?there is no benchmark $name}" >&2
    ${commands[$name]} | tee "$text" >&2
    # Behind the line <!-- NAME -->, in place of the block that is there.
    awk -v name="$name" -v text="$text" '
        $0 == "<!-- " name " -->" { print; print "```"; while ((getline line < text) > 0) print line; print "```"; within = 1; next }
        within && /^```/ { within = ++fences < 2; if (!within) fences = 0; next }
        !within { print }' "$page" >"$text.page"
    cp "$text.page" "$page"
done
