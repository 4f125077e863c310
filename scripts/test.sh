#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests: formatting and lint, units (with and without sanitizers),
# fuzzing, and the lab's kernels. Ends with CTest's summary.
# Arguments go to ctest: scripts/test.sh -LE lab leaves the lab out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

install_packages "${build_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}" "${package_packages[@]}"
install_bundle_packages
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
# Fetches the kernels beside the build; whoever needs one waits for it, and says what is wrong.
if [ $# = 0 ]; then
    tests/lab/lab btf >/dev/null &
fi
build_preset release
# One test more than processors: those of the lab wait a quarter of their time.
ctest --preset release --no-tests=error --parallel $(($(nproc) + 1)) "$@"
