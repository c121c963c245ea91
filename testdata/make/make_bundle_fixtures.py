#!/usr/bin/env python3
"""Make the datasets that the test of `bundle` searches for what must not be in a bundle.

    make_bundle_fixtures.py [--out DIR]

Every value that ends up outside pages is `SECRET` or `NUMBER`: constants, dictionaries, symbol
tables, metadata, configuration, predicates. Names begin with `nomen`, but for some that are
common words. Runs under an interpreter that has pylance 14.0.2; with `--legacy` under one that has
pylance 0.16.0, which writes 0.1. Only the paths of
branches are edited afterwards (`relative_bases.py`).
"""

import argparse
import shutil
from pathlib import Path

import lance
import pyarrow as pa
from relative_bases import relative_bases

HERE = Path(__file__).resolve().parent
SECRET = "Qx7ZkV9wTj3L"
NUMBER = 0x5177377A6B56397A


def table(rows, version):
    """A column for each way in which an encoding holds values, under names that give it away."""
    bare = [
        ("id", pa.array(range(rows), pa.int64()), {}),
        ("type", pa.array([NUMBER] * rows, pa.int64()), {}),
        ("nomen_constant", pa.array([SECRET] * rows), {}),
        (
            "nomen_dictionary",
            pa.array([f"{SECRET}-{i % 3}" * 2 for i in range(rows)]),
            {"lance-encoding:dict-divisor": "2", "nomen_owner": SECRET},
        ),
        (
            "nomen_symbols",
            pa.array([f"{SECRET}{i}{SECRET}" for i in range(rows)]),
            {"lance-encoding:compression": "fsst"},
        ),
        ("value", pa.array([SECRET if i % 2 else None for i in range(rows)]), {}),
        ("nomen_arrow_dictionary", pa.array([SECRET] * rows).dictionary_encode(), {}),
        (
            "data",
            pa.array([[{"nomen_inner": SECRET, "item": i}] for i in range(rows)]),
            {},
        ),
    ]
    if version in ("2.0", "2.1"):
        blob = pa.array([SECRET.encode()] * rows, pa.large_binary())
        bare.append(("blob", blob, {"lance-encoding:blob": "true"}))
    fields = [
        pa.field(name, values.type, metadata=metadata) for name, values, metadata in bare
    ]
    schema = pa.schema(fields, metadata={"nomen_schema_key": SECRET})
    return pa.table([values for _, values, _ in bare], schema=schema)


def secrets(to, version):
    ds = lance.write_dataset(
        table(150, version),
        to,
        data_storage_version=version,
        transaction_properties={"nomen_property": SECRET},
    )
    ds.create_scalar_index("nomen_constant", "ZONEMAP", name="nomen_zones")
    ds.create_scalar_index("nomen_dictionary", "BITMAP", name="nomen_bitmap")
    ds.tags.create("nomen_tag", 1)
    ds.create_branch("nomen_branch/nomen_twig")
    ds.update_config({"nomen_config": SECRET, "lance.auto_cleanup.interval": "1000"})
    ds.update_metadata({"nomen_table": SECRET})
    ds.delete(f"nomen_symbols = '{SECRET}5{SECRET}'")


def legacy(to):
    """0.1 keeps statistics and the values of dictionaries in its files."""
    rows = 40
    columns = {
        "id": pa.array(range(rows), pa.int64()),
        "nomen_constant": pa.array([SECRET] * rows),
        "nomen_arrow_dictionary": pa.array([SECRET] * rows).dictionary_encode(),
        "type": pa.array([NUMBER] * rows, pa.int64()),
    }
    fields = [
        pa.field(name, values.type, metadata={"nomen_owner": SECRET})
        for name, values in columns.items()
    ]
    schema = pa.schema(fields, metadata={"nomen_schema_key": SECRET})
    lance.write_dataset(pa.table(columns, schema=schema), to, data_storage_version="legacy")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--legacy", action="store_true")
    arguments = parser.parse_args()
    made = [("0.1", lambda to: legacy(to))]
    if not arguments.legacy:
        versions = ("2.0", "2.1", "2.2", "2.3")
        made = [(v, lambda to, v=v: secrets(to, v)) for v in versions]
    for version, make in made:
        to = arguments.out / "bundle" / f"nomen-secrets-{version}.lance"
        shutil.rmtree(to, ignore_errors=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        make(str(to))
        relative_bases(to)


if __name__ == "__main__":
    main()
