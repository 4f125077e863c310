#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests: formatting and lint, units under the
# sanitizers, and everything else, the lab's kernels included. Ends with CTest's summary.
# Arguments go to that last ctest: scripts/test.sh -LE lab leaves the lab out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

install_packages "${build_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}"
log=$(mktemp)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -f "$log"' EXIT
# The network and the sanitizers' tests leave the processors alone for the most part: they go on beside the builds.
[ $# -gt 0 ] || tests/lab/lab btf >/dev/null & # fetches the kernels; whoever needs one waits for it, and says what is wrong
build_preset asan
ctest --preset asan --parallel "$(nproc)" >"$log" 2>&1 &
sanitized=$!
build_preset release
build_preset fuzz
wait "$sanitized" && status=0 || status=$?
cat "$log"
[ "$status" = 0 ] || exit "$status"
# One test more than processors: those of the lab wait a quarter of their time.
ctest --preset release --parallel $(($(nproc) + 1)) "$@"
