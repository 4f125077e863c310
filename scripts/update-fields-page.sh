#!/usr/bin/env bash
# Writes the table of docs/fields.md anew, from the one in src/record/fields.cpp.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --build --preset release --target unit_tests >/dev/null
table=$(mktemp)
trap 'rm -f "$table"' EXIT
build/unit_tests '[.print]' | grep '^|' >"$table"
# The first table of the page.
awk -v table="$table" '
    /^\|/ && !after { if (!within) while ((getline line < table) > 0) print line; within = 1; next }
    { after = within; print }' docs/fields.md >"$table.page"
mv "$table.page" docs/fields.md
