#!/usr/bin/env bash
# Brings po/*.po up to date with the messages in the sources; what is left to translate is shown.
# With --check it changes nothing and fails where a catalogue lacks a message.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
template=$(mktemp)
trap 'rm -f "$template"' EXIT
find src -name '*.cpp' -o -name '*.h' | sort |
    xgettext --files-from=- --language=C++ --keyword=tr --keyword=translate --from-code=UTF-8 --no-location --force-po \
        --output="$template"
sed -i 's/charset=CHARSET/charset=UTF-8/' "$template"
for catalogue in po/*.po; do
    if [ "${1:-}" = --check ]; then
        msgcmp "$catalogue" "$template"
    else
        msgmerge --quiet --update --backup=none --no-fuzzy-matching --no-wrap "$catalogue" "$template"
        msgfmt --statistics -o /dev/null "$catalogue"
    fi
done
