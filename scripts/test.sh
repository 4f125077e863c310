#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests: formatting and lint, units under the
# sanitizers, and everything else, the lab's kernels included. Ends with CTest's summary.
# Arguments go to that last ctest: scripts/test.sh -LE lab leaves the lab out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

install_packages "${build_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}"
build_preset release
build_preset asan
build_preset fuzz
ctest --preset asan --parallel "$(nproc)"
ctest --preset release --parallel "$(nproc)" "$@"
