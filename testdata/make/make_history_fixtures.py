#!/usr/bin/env python3
"""Make the datasets of several versions that the tests of history, diff and orphans use, and
those that are healthy but for their shape.

    make_history_fixtures.py [--out DIR] [--only NAME]

Runs under an interpreter that has pylance 14.0.2. Only the paths of branches are edited
afterwards (`relative_bases.py`): the faults are those of commits that Lance takes.
"""

import argparse
import shutil
from pathlib import Path

import lance
import pyarrow as pa
from make_blob_fixtures import ManifestFile
from relative_bases import relative_bases

HERE = Path(__file__).resolve().parent


def pairs(start, count):
    """Two columns of one type, so that their ids can change places silently."""
    numbers = list(range(start, start + count))
    return pa.table({"left": numbers, "right": [-n for n in numbers]})


def swapped_later(to):
    """Version 3 commits the schema in another order over the files, version 5 takes that back.

    A tag on version 2, a branch from version 2 with a commit of its own, a deletion, and the data
    file of a write that was never committed.
    """
    ds = lance.write_dataset(pairs(0, 20), to, data_storage_version="2.1")
    ds = lance.write_dataset(pairs(20, 10), to, mode="append")
    ds.tags.create("before", 2)
    other = pa.schema([ds.schema.field("right"), ds.schema.field("left")])
    files = [fragment.metadata for fragment in ds.get_fragments()]
    swap = lance.LanceOperation.Overwrite(other, files)
    lance.LanceDataset.commit(to, swap, read_version=ds.version)
    ds = lance.dataset(to)
    ds.delete("left = -3")
    ds = lance.dataset(to, version=2)
    ds.restore()
    branch = lance.dataset(to, version=2).create_branch("trial/one")
    branch.delete("left > 25")
    lance.fragment.write_fragments(pairs(90, 5), to, data_storage_version="2.1", mode="append")


def added_columns(to):
    """Five fragments of three rows. Version 6 adds a column to each, version 7 deletes a row of
    each, version 8 drops the first column."""
    for start in range(0, 15, 3):
        mode = "append" if start else "create"
        lance.write_dataset(pairs(start, 3), to, mode=mode, data_storage_version="2.1")
    ds = lance.dataset(to)
    ds.add_columns({"sum": "left + 2 * right"})
    ds.delete("left % 3 = 0")
    ds.drop_columns(["left"])


def deleted_rows(to):
    """One value in 120,000 rows, of which 20,000 are deleted."""
    rows = pa.table({"seven": pa.array([7] * 120_000, pa.int64())})
    ds = lance.write_dataset(rows, to, data_storage_version="2.2")
    ds.delete("_rowid < 20000")


def append_lost_rows(to):
    """Version 3 appends and does not name fragment 0 any more; version 4 appends."""
    for start in (0, 20, 30):
        lance.write_dataset(pairs(start, 10), to, mode="append" if start else "create")
    manifest = ManifestFile(to)
    place = next(i for i, field in enumerate(manifest.message.fields) if field[0] == 2)
    del manifest.message.fields[place]
    manifest.save()
    lance.write_dataset(pairs(40, 5), to, mode="append")


def next_row_id_lower(to):
    """Stable row ids; version 3 deletes what version 2 appended, and the next row id is 10 again."""
    lance.write_dataset(pairs(0, 10), to, enable_stable_row_ids=True)
    ds = lance.write_dataset(pairs(20, 10), to, mode="append")
    ds.delete("left >= 20")
    manifest = ManifestFile(to)
    manifest.message.set(14, 10)
    manifest.save()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--only", help="the name of the only dataset to make")
    arguments = parser.parse_args()
    out = arguments.out
    for make, name in (
        (swapped_later, "history/swapped-later-2.1"),
        (added_columns, "history/added-columns-2.1"),
        (append_lost_rows, "history/append-lost-rows-2.2"),
        (next_row_id_lower, "history/next-row-id-lower-2.2"),
        (deleted_rows, "broken/health-deleted-rows-2.2"),
    ):
        if arguments.only not in (None, name):
            continue
        to = out / name
        shutil.rmtree(to, ignore_errors=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        make(str(to))
        relative_bases(to)


if __name__ == "__main__":
    main()
