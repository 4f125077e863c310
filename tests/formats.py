"""Reads json and csv output back with other people's readers: formats.py SCHEMA {JSON CSV}..., the files of one run each."""
import csv
import json
import sys

import jsonschema

schema_file, *files = sys.argv[1:]
with open(schema_file, encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def rows_of(snapshot):
    """Flows, or groups of them."""
    return snapshot["groups"] if "group_by" in snapshot else snapshot["flows"] + snapshot["closed"]


def compare(json_file, csv_file):
    objects = []
    with open(json_file, encoding="utf-8") as file:
        for line in file:
            snapshot = json.loads(line)
            validator.validate(snapshot)
            objects += [(snapshot["monotonic_ns"], row) for row in rows_of(snapshot)]
            swapped = dict(snapshot, flows=[]) if "group_by" in snapshot else dict(snapshot, groups=[])
            assert not validator.is_valid(swapped), "flows and groups in one snapshot"
    assert objects, f"no row in {json_file}"

    with open(csv_file, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert len(rows) == len(objects), f"{len(rows)} rows, {len(objects)} objects"
    for row, (time_ns, found) in zip(rows, objects):
        assert None not in row and None not in row.values(), f"a row of another length: {row}"
        assert int(row["monotonic_ns"]) == time_ns
        for name, text in row.items():
            if name in ("time", "monotonic_ns"):
                continue
            value = found.get(name, "")
            if isinstance(value, float):
                assert abs(float(text) - value) <= 0.05, (name, text, value)
            elif isinstance(value, str):
                # In csv control characters are \xNN.
                shown = "".join(f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c for c in value)
                assert text == shown, (name, text, shown)
            else:
                assert int(text) == value, (name, text, value)
    print(f"{len(objects)} rows in {json_file}, the same in csv")


for pair in zip(files[::2], files[1::2]):
    compare(*pair)
