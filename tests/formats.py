"""Reads json and csv output back with other people's readers: formats.py SCHEMA JSON CSV, the files of one run."""
import csv
import json
import sys

import jsonschema

schema_file, json_file, csv_file = sys.argv[1:]
with open(schema_file, encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())

flows = []
with open(json_file, encoding="utf-8") as file:
    for line in file:
        snapshot = json.loads(line)
        validator.validate(snapshot)
        flows += [(snapshot["monotonic_ns"], flow) for flow in snapshot["flows"] + snapshot["closed"]]
assert flows, "no flow in the json"

with open(csv_file, encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file, strict=True))
assert len(rows) == len(flows), f"{len(rows)} rows, {len(flows)} flows"
for row, (time_ns, flow) in zip(rows, flows):
    assert None not in row and None not in row.values(), f"a row of another length: {row}"
    assert int(row["monotonic_ns"]) == time_ns
    for name, text in row.items():
        if name in ("time", "monotonic_ns"):
            continue
        value = flow.get(name, "")
        if isinstance(value, float):
            assert abs(float(text) - value) <= 0.05, (name, text, value)
        elif isinstance(value, str):
            # In csv control characters are \xNN.
            shown = "".join(f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c for c in value)
            assert text == shown, (name, text, shown)
        else:
            assert int(text) == value, (name, text, value)
print(f"{len(flows)} flows in json, the same in csv")
