#!/usr/bin/env python3
"""Make the fixtures of the integrity rules: what a dataset's parts say about each other.

Every dataset is written by a real Lance writer. The natural ones are as public calls, or a
crash, left them; the others are changed afterwards by one named edit and have that one
fault. Those under clean/ look wrong and are healthy: the readers give what was written.

    make_integrity_fixtures.py --out FOLDER --python 14.0.2=VENV/bin/python \
                               --python 0.32.1=VENV/bin/python --python 0.21.0=VENV/bin/python …

Each --python is an interpreter that has that release of pylance. 14.0.2 and 0.32.1 read the
result. 0.32.1 cannot read the pages of 2.1, so each fixture whose name ends in -2.1 is made
once more for it, in a scratch folder and in 2.0. This script itself needs only the standard
library: it starts itself again under those interpreters, which import lance and then fork,
one process for each call.

    --out DIR      where to put the datasets (default: the testdata/ above this file)
    --only GLOB    only the fixtures whose name matches (then no report is written, the
                   outcomes go to standard output)
    --report FILE  where to put the report (default: integrity-readers.md next to this file)
    --no-make      read what is already there
    --no-read      make the datasets, read nothing
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import struct
import sys
import tempfile
import textwrap
from pathlib import Path

import make_rule_fixtures
from make_blob_fixtures import (
    DataFile,
    ManifestFile,
    Message,
    clone,
    data_files,
    edit_data_file,
    edit_manifest,
    edit_manifest_field,
    newest_manifest,
    tidy,
    write_varint,
)
from make_rule_fixtures import (
    READER,
    WORDS,
    edit_deletion_entry,
    edit_entries,
    edit_fragments,
    reopen,
    words,
    write,
)
from make_type_fixtures import BATCH, batch, forked

# batch() starts the script of the module that it stands in; the children have to be this one.
make_rule_fixtures.__file__ = __file__

HERE = Path(__file__).resolve().parent
OLD_READER = "0.32.1"
TWIN = "2.0"  # the file version that the old reader gets in place of 2.1
MESSAGE_LIMIT = 200

FIXTURES = {}


class Fixture:
    def __init__(self, name, how, steps, truth, asks, dataset):
        self.name = name
        self.how = " ".join(textwrap.dedent(how).split())
        self.steps = steps  # (writer, function), one after another
        self.truth = truth  # the rows that should come back
        self.asks = asks  # further calls; with each, which rows of the truth it should give
        self.dataset = dataset  # the dataset's place inside the fixture
        self.version = name[-3:] if re.fullmatch(r".*-\d\.\d", name) else None
        self.twin = self.version == "2.1"


def rows(start, count):
    """The rows of words()."""
    return [{"id": i, "name": WORDS[i % len(WORDS)]} for i in range(start, start + count)]


def _register(folder, name, how, truth, asks, dataset, writer):
    def register(make):
        full = f"{folder}/{name}"
        assert full not in FIXTURES, full
        FIXTURES[full] = Fixture(full, how, [(writer, make)], truth, asks or {}, dataset)
        return make

    return register


FIVE = rows(0, 5)


def broken(name, how, truth=FIVE, asks=None, dataset=".", writer=READER):
    return _register("broken", name, how, truth, asks, dataset, writer)


def clean(name, how, truth=FIVE, asks=None, dataset=".", writer=READER):
    return _register("clean", name, how, truth, asks, dataset, writer)


def then(name, writer):
    """A further step of a fixture, by another release."""

    def register(make):
        FIXTURES[name].steps.append((writer, make))
        return make

    return register


# --------------------------------------------------------------------------------------
# Writing. The functions below run inside an interpreter that has the writer. Each gets the
# folder and the file version.
# --------------------------------------------------------------------------------------


def two(out, v, **options):
    """Fragment 0 of two rows and fragment 1 of three, in two versions."""
    write(words(0, 2), out, v, **options)
    return write(words(2, 3), out, v, mode="append")


def other_table(count=3, kind="int64", names=("id", "name")):
    """As long as words(), byte by byte, but not the same."""
    import pyarrow as pa

    numbers = pa.array(range(70, 70 + count), getattr(pa, kind)())
    return pa.table([numbers, pa.array(["ember", "birch", "cocoa"][:count])], names=list(names))


# --------------------------------------------------------------------------------------
# Edits
# --------------------------------------------------------------------------------------


def edit_fragment(dataset, number, change):
    """Change the DataFragment at a position of the newest manifest."""
    count = iter(range(1000))

    def in_fragment(fragment):
        return change(fragment) if next(count) == number else None

    edit_manifest(dataset, lambda manifest: manifest.edit(2, in_fragment))


def fragments_of(dataset):
    return [Message.parse(f) for f in ManifestFile(dataset).message.all(2)]


def file_of(dataset, number):
    """The first data file of the fragment at a position."""
    name = fragments_of(dataset)[number].sub(2).get(1).decode()
    return Path(dataset) / "data" / name


def replace_file(path, table, v):
    """Put the only data file of a new dataset over another of the same size."""
    with tempfile.TemporaryDirectory() as scratch:
        write(table, Path(scratch) / "other", v)
        (new,) = data_files(Path(scratch) / "other")
        assert new.stat().st_size == path.stat().st_size, (new.stat(), path.stat())
        shutil.copy(new, path)


def edit_indices(dataset, change):
    """Change the index section, which stands before the manifest message in its file."""
    manifest = ManifestFile(dataset)
    head, at = manifest.head, manifest.message.get(6)
    (size,) = struct.unpack_from("<I", head, at)
    section = Message.parse(head[at + 4 : at + 4 + size])
    change(section)
    encoded = section.encode()
    manifest.head = head[:at] + struct.pack("<I", len(encoded)) + encoded + head[at + 4 + size :]
    for number in (21, 23):  # the transaction
        place = manifest.message.get(number)
        if place is not None and place > at:
            manifest.message.set(number, place + len(encoded) - size)
    manifest.save()


def edit_index(dataset, change):
    """Change the first IndexMetadata."""
    count = iter(range(1000))

    def in_index(index):
        return change(index) if next(count) == 0 else None

    edit_indices(dataset, lambda section: section.edit(1, in_index))


def flags(dataset, change, words=(9, 10)):
    """Change the feature flags for readers (9) and for writers (10)."""

    def edit(manifest):
        for word in words:
            manifest.set(word, change(manifest.get(word, 0)))

    edit_manifest(dataset, edit)


def overwrite_range(path, at, size, value=0xFF):
    data = bytearray(path.read_bytes())
    data[at : at + size] = bytes([value]) * size
    path.write_bytes(data)


# --------------------------------------------------------------------------------------
# Data files
# --------------------------------------------------------------------------------------


@broken("file-deleted-2.1", "The data file of the second of two fragments is removed.")
def file_deleted(out, v):
    two(out, v)
    file_of(out, 1).unlink()


@broken("file-truncated-2.1", "The data file of the second of two fragments is cut in half.")
def file_truncated(out, v):
    two(out, v)
    path = file_of(out, 1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@broken(
    "file-replaced-other-type-2.1",
    """Over the second of two data files lies a file of another dataset of the same size: its
    first field is `x`, a double, in place of `id`, an int64.""",
)
def file_replaced_other_type(out, v):
    two(out, v)
    replace_file(file_of(out, 1), other_table(3, "float64", ("x", "name")), v)


@broken(
    "file-replaced-other-order-2.1",
    """Over the second of two data files lies a file of another dataset of the same size, with
    the fields in the other order.""",
)
def file_replaced_other_order(out, v):
    two(out, v)
    replace_file(file_of(out, 1), other_table().select(["name", "id"]), v)


@broken(
    "file-replaced-fewer-rows-2.1",
    """Over the second of two data files, of three rows, lies a file of another dataset with
    the same schema, the same size and two rows.""",
)
def file_replaced_fewer_rows(out, v):
    two(out, v)
    replace_file(file_of(out, 1), other_table(2), v)


@broken(
    "file-replaced-more-rows-2.1",
    """Over the first of two data files, of two rows, lies a file of another dataset with the
    same schema, the same size and three rows.""",
)
def file_replaced_more_rows(out, v):
    two(out, v)
    replace_file(file_of(out, 0), other_table(3), v)


@broken(
    "files-swapped-2.1",
    "The data files of two fragments, of one size, two rows and three, have each other's name.",
)
def files_swapped(out, v):
    two(out, v)
    swap(file_of(out, 0), file_of(out, 1))
    assert len({path.stat().st_size for path in data_files(out)}) == 1


def swap(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


@broken(
    "files-swapped-sizes-2.1",
    """The data files of two fragments, of two rows and a hundred and of different size, have
    each other's name.""",
    truth=rows(0, 102),
)
def files_swapped_sizes(out, v):
    write(words(0, 2), out, v)
    write(words(2, 100), out, v, mode="append")
    swap(file_of(out, 0), file_of(out, 1))
    assert len({path.stat().st_size for path in data_files(out)}) == 2


@broken("interrupted-copy-2.1", "Two of four data files are missing.", truth=rows(0, 8))
def interrupted_copy(out, v):
    write(words(0, 8), out, v, max_rows_per_file=2)
    for number in (2, 3):
        file_of(out, number).unlink()


@broken("no-versions-2.1", "The folder _versions is removed.")
def no_versions(out, v):
    two(out, v)
    shutil.rmtree(Path(out) / "_versions")


@broken(
    "data-file-path-with-slash-2.1",
    "The path of the second data file begins with `data/`, where it is.",
)
def data_file_path_with_slash(out, v):
    two(out, v)
    edit_fragment(out, 1, lambda f: f.edit(2, lambda entry: entry.set(1, b"data/" + entry.get(1))))


# --------------------------------------------------------------------------------------
# Clones and base paths
# --------------------------------------------------------------------------------------


def clone_of_two(out):
    """`source.lance` and a shallow clone of it, `clone.lance`; return the latter's place."""
    clone(out, "/".join(Path(out).parts[-2:]))
    return Path(out) / "clone.lance"


@broken(
    "clone-base-moved-2.1",
    "Shallow-cloned, and what it was cloned from is gone.",
    dataset="clone.lance",
)
def clone_base_moved(out, v):
    two(Path(out) / "source.lance", v)
    clone_of_two(out)
    shutil.rmtree(Path(out) / "source.lance")


@broken(
    "base-id-unresolved-2.1",
    "The second data file is at base path 5; the manifest has no base paths.",
)
def base_id_unresolved(out, v):
    two(out, v)
    edit_fragment(out, 1, lambda f: f.edit(2, lambda entry: entry.set(7, 5)))


@broken(
    "base-id-unresolved-clone-2.1",
    "The data files of a shallow clone are at base path 5; the manifest has another one.",
    dataset="clone.lance",
)
def base_id_unresolved_clone(out, v):
    two(Path(out) / "source.lance", v)
    edit_entries(clone_of_two(out), lambda entry: entry.set(7, 5))


@broken(
    "base-id-unresolved-deletion-2.1",
    "The deletion file is at base path 5; the manifest has no base paths.",
    truth=[FIVE[i] for i in (0, 1, 2, 4)],
)
def base_id_unresolved_deletion(out, v):
    two(out, v).delete("id = 3")
    edit_deletion_entry(out, lambda entry: entry.set(7, 5))


def second_base(dataset, path, first=False):
    """One more base path of the same id."""

    def edit(manifest):
        base = manifest.sub(18)
        base.set(4, path)
        if first:
            place = next(i for i, f in enumerate(manifest.fields) if f[0] == 18)
            manifest.fields.insert(place, (18, 2, base.encode()))
        else:
            manifest.add(18, base)

    edit_manifest(dataset, edit)


for order in ("last", "first"):

    @broken(
        f"duplicate-base-path-id-{order}-2.1",
        f"A shallow clone with two base paths of one id; the wrong one stands {order}.",
        dataset="clone.lance",
    )
    def duplicate_base_path_id(out, v, order=order):
        two(Path(out) / "source.lance", v)
        second_base(clone_of_two(out), "testdata/nowhere.lance", order == "first")


@broken(
    "base-paths-without-flag-2.1",
    "A shallow clone without the flags (16) of base paths.",
    dataset="clone.lance",
)
def base_paths_without_flag(out, v):
    two(Path(out) / "source.lance", v)
    flags(clone_of_two(out), lambda word: word & ~16)


@broken(
    "base-path-in-other-store-2.1",
    "Base path 5 is in a bucket, and no file is said to be behind it.",
)
def base_path_in_other_store(out, v):
    two(out, v)
    base = Message.of(f1=5, f4=b"s3://another-bucket/x.lance")
    edit_manifest(out, lambda manifest: manifest.add(18, base))
    flags(Path(out), lambda word: word | 16)


# --------------------------------------------------------------------------------------
# Commits of what was written elsewhere
# --------------------------------------------------------------------------------------


def pairs(*names):
    import pyarrow as pa

    return pa.table(
        [pa.array([10 * n + i for i in range(2)], pa.int64()) for n in range(len(names))],
        names=list(names),
    )


PAIRS = [{"a": 0, "b": 10}, {"a": 1, "b": 11}]


@broken(
    "append-foreign-ids-2.1",
    """Fields a, b of ids 0, 1; then commit(Append) of the fragments of another dataset, of
    which the first of the fields z, a, b was dropped: a is 1 and b is 2 there. No edit.""",
    truth=PAIRS + [{"a": 10, "b": 20}, {"a": 11, "b": 21}],
)
def append_foreign_ids(out, v):
    import lance

    write(pairs("a", "b"), out, v)
    other = Path(out) / "other"
    write(pairs("z", "a", "b"), other, v).drop_columns(["z"])
    (path,) = data_files(other)
    shutil.copy(path, Path(out) / "data")
    fragments = [f.metadata for f in reopen(other).get_fragments()]
    shutil.rmtree(other)
    lance.LanceDataset.commit(str(out), lance.LanceOperation.Append(fragments), read_version=1)


@broken(
    "append-unknown-ids-2.1",
    """Fields a, b of ids 0, 1; then commit(Append) of the fragments of another dataset, where a
    is 2 and b is 3: two fields before them were dropped, and the file was rewritten. No edit.""",
    truth=PAIRS + [{"a": 20, "b": 30}, {"a": 21, "b": 31}],
)
def append_unknown_ids(out, v):
    import lance

    write(pairs("a", "b"), out, v)
    other = Path(out) / "other"
    write(pairs("y", "z", "a", "b"), other, v).drop_columns(["y", "z"])
    reopen(other).optimize.compact_files(materialize_deletions=True)
    table = reopen(other).to_table()
    fragments = lance.fragment.write_fragments(
        table, str(other), mode="append", data_storage_version=v
    )
    for fragment in fragments:
        shutil.copy(other / "data" / fragment.files[0].path, Path(out) / "data")
    shutil.rmtree(other)
    lance.LanceDataset.commit(str(out), lance.LanceOperation.Append(fragments), read_version=1)


@broken(
    "overwrite-schema-order-2.1",
    """write_fragments() of two int64 columns a, b; then commit(Overwrite) of these fragments
    under the schema b, a. No edit.""",
    truth=PAIRS,
)
def overwrite_schema_order(out, v):
    import lance

    write(pairs("a", "b"), out, v)
    fragments = lance.fragment.write_fragments(
        pairs("a", "b"), str(out), mode="overwrite", data_storage_version=v
    )
    operation = lance.LanceOperation.Overwrite(pairs("b", "a").schema, fragments)
    lance.LanceDataset.commit(str(out), operation, read_version=1)


def take_over(out, other):
    """Copy the data files of another dataset; return its fragments."""
    for path in data_files(other):
        shutil.copy(path, Path(out) / "data")
    fragments = [f.metadata for f in reopen(other).get_fragments()]
    shutil.rmtree(other)
    return fragments


@broken(
    "append-fragment-twice-2.1",
    "write_fragments() of two rows; then commit(Append) of that fragment, given twice. No edit.",
    truth=rows(0, 7),
)
def append_fragment_twice(out, v):
    import lance

    two(out, v)
    fragments = lance.fragment.write_fragments(
        words(5, 2), str(out), mode="append", data_storage_version=v
    )
    lance.LanceDataset.commit(str(out), lance.LanceOperation.Append(fragments * 2), read_version=2)


@broken(
    "append-foreign-deletions-2.1",
    """commit(Append) of the first fragment of another dataset, in which a row was deleted: it gets
    another fragment id, after which deletion files are named, and only data files were copied. No edit.""",
    truth=FIVE + [FIVE[0]],
)
def append_foreign_deletions(out, v):
    import lance

    two(out, v)
    other = Path(out) / "other"
    two(other, v).delete("id = 1")
    fragments = take_over(out, other)
    lance.LanceDataset.commit(str(out), lance.LanceOperation.Append(fragments[:1]), read_version=2)


@broken(
    "append-foreign-row-ids-2.1",
    """commit(Append) of the first fragment of another dataset, both of stable row ids: its rows
    keep the ids 0 and 1, which other rows have here. No edit.""",
    truth=FIVE + FIVE[:2],
    asks={"row ids": [0, 1, 2, 3, 4, 5, 6], "row 4": [4]},
)
def append_foreign_row_ids(out, v):
    import lance

    stable(out, v)
    other = Path(out) / "other"
    stable(other, v)
    fragments = take_over(out, other)
    lance.LanceDataset.commit(str(out), lance.LanceOperation.Append(fragments[:1]), read_version=2)


@broken(
    "overlay-commit-2.1",
    """commit(DataOverlay) of a file with one value, which this release commits, and reads with the
    handle that commit() returns, but does not open. No edit.""",
    truth=FIVE[:3] + [{"id": 3, "name": "changed"}, FIVE[4]],
)
def overlay_commit(out, v):
    overlay_row(out, v, 1)


def overlay_row(out, v, row):
    """Commits an overlay of one value for a row of fragment 1, which has two."""
    import lance
    import lance.file
    import pyarrow as pa

    two(out, v)
    path = Path(out) / "data" / "overlay.lance"
    table = pa.table({"name": ["changed"]})
    with lance.file.LanceFileWriter(str(path), schema=table.schema, version=v) as writer:
        writer.write_batch(table)
    file = lance.fragment.DataFile(
        path=path.name,
        fields=[1],
        column_indices=[0],
        file_major_version=2,
        file_minor_version=int(v[-1]),
        file_size_bytes=path.stat().st_size,
    )
    kind = lance.LanceOperation
    group = kind.DataOverlayGroup(1, [kind.DataOverlayFile(file, [row])])
    lance.LanceDataset.commit(str(out), kind.DataOverlay([group]), read_version=2)


@broken("overlay-file-missing-2.1", "As overlay-commit, and the overlay file is removed.")
def overlay_file_missing(out, v):
    overlay_commit(out, v)
    (Path(out) / "data" / "overlay.lance").unlink()


@broken("overlay-beyond-rows-2.1", "As overlay-commit, for a row that the fragment does not have.")
def overlay_beyond_rows(out, v):
    overlay_row(out, v, 40)


# --------------------------------------------------------------------------------------
# Fragments
# --------------------------------------------------------------------------------------


@broken("fragment-id-duplicate-2.1", "Both of two fragments have the id 0.")
def fragment_id_duplicate(out, v):
    two(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.drop(1))


@broken(
    "fragment-ids-unsorted-2.1",
    "Fragment 1 stands before fragment 0 in the manifest.",
    truth=FIVE[2:] + FIVE[:2],
)
def fragment_ids_unsorted(out, v):
    two(out, v)

    def turn(manifest):
        first, second = manifest.all(2)
        places = [i for i, field in enumerate(manifest.fields) if field[0] == 2]
        for place, value in zip(places, (second, first), strict=True):
            manifest.fields[place] = (2, 2, value)

    edit_manifest(out, turn)


@broken("fragment-without-files-2.1", "The second of two fragments has no data file.")
def fragment_without_files(out, v):
    two(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.drop(2))


@broken(
    "index-file-listed-otherwise-2.1",
    "The list of the files of a bitmap index has another name for its only file.",
    truth=rows(0, 3),
)
def index_file_listed_otherwise(out, v):
    write(words(0, 3), out, v).create_scalar_index("id", "BITMAP")

    def rename(file):
        file.set(1, b"bitmap_page_lookup.copy")

    edit_index(out, lambda index: index.edit(10, rename))


@broken("schema-without-fields-2.1", "The manifest's schema has no fields; the fragments' files have.")
def schema_without_fields(out, v):
    two(out, v)
    edit_manifest(out, lambda manifest: manifest.drop(1))


def called(name):
    import pyarrow as pa

    return pa.table({"id": range(5), name: range(10, 15)})


@broken(
    "column-called-rowid-by-0.20.0-2.0",
    "pylance 0.20.0: a column called `_rowid`, which newer releases refuse to write.",
    truth=None,
    writer="0.20.0",
)
def column_called_rowid(out, _):
    write(called("_rowid"), out, "2.0")


@broken(
    "column-called-rowoffset-by-0.32.1-2.0",
    "pylance 0.32.1: a column called `_rowoffset`, which newer releases refuse to write.",
    truth=None,
    writer="0.32.1",
)
def column_called_rowoffset(out, _):
    write(called("_rowoffset"), out, "2.0")


@broken(
    "decimal-precision-2.1",
    "The manifest's type of a decimal has 39 digits, and the file's 12.",
    truth=None,
)
def decimal_precision(out, v):
    decimals(out, v, b"decimal:128:39:2")


@broken(
    "decimal-scale-garbage-2.1",
    "The manifest's type of a decimal has a scale that is no number.",
    truth=None,
)
def decimal_scale_garbage(out, v):
    decimals(out, v, b"decimal:128:12:2x")


def decimals(out, v, new):
    from decimal import Decimal

    import pyarrow as pa

    prices = pa.array([Decimal("1.25")] * 5, pa.decimal128(12, 2))
    write(pa.table({"id": range(5), "price": prices}), out, v)
    edit_manifest_field(out, "price", lambda field: field.set(5, new))


@broken(
    "fragment-tree-without-flag-2.1",
    "The manifest has an empty tree of fragments beside its fragments, and no feature flag of one.",
)
def fragment_tree_without_flag(out, v):
    two(out, v)
    edit_manifest(out, lambda manifest: manifest.set(22, b""))


@broken(
    "max-fragment-id-low-2.1",
    "max_fragment_id is 0; there are fragments 0, 1, 2.",
    truth=rows(0, 7),
)
def max_fragment_id_low(out, v):
    two(out, v)
    write(words(5, 2), out, v, mode="append")
    edit_manifest(out, lambda manifest: manifest.set(11, 0))


@broken(
    "physical-rows-too-large-2.1",
    "physical_rows of the second of two fragments is 5; its file has three rows.",
)
def physical_rows_too_large(out, v):
    two(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(4, 5))


@broken(
    "physical-rows-too-small-2.1",
    "physical_rows of the first of two fragments is 1; its file has two rows.",
)
def physical_rows_too_small(out, v):
    two(out, v)
    edit_fragment(out, 0, lambda fragment: fragment.set(4, 1))


# --------------------------------------------------------------------------------------
# Manifests
# --------------------------------------------------------------------------------------


for name, cut, text in (
    ("0", lambda size: 0, "is empty"),
    ("8", lambda size: 8, "is cut to 8 bytes"),
    ("half", lambda size: size // 2, "is cut in half"),
):

    @broken(f"manifest-cut-{name}-2.1", f"The newest of two manifests {text}.")
    def manifest_cut(out, v, cut=cut):
        two(out, v)
        path = newest_manifest(out)
        path.write_bytes(path.read_bytes()[: cut(path.stat().st_size)])


@broken("manifest-bad-magic-2.1", "The last four bytes of the newest manifest are `CNAL`.")
def manifest_bad_magic(out, v):
    two(out, v)
    path = newest_manifest(out)
    path.write_bytes(path.read_bytes()[:-4] + b"CNAL")


@broken(
    "manifest-gap-2.1",
    "The newest manifest has 16 zero bytes between its message and its footer.",
)
def manifest_gap(out, v):
    two(out, v)
    path = newest_manifest(out)
    data = path.read_bytes()
    path.write_bytes(data[:-16] + bytes(16) + data[-16:])


@broken(
    "manifest-length-prefix-wrong-2.1",
    "The length before the newest manifest's message is 10 too large.",
)
def manifest_length_prefix_wrong(out, v):
    two(out, v)
    path = newest_manifest(out)
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack("<q", data[-16:-8])
    (size,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", data, at, size + 10)
    path.write_bytes(data)


@broken(
    "manifest-position-wrong-2.1",
    "The position at the end of the newest manifest is that of 40 bytes further on.",
)
def manifest_position_wrong(out, v):
    two(out, v)
    path = newest_manifest(out)
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack("<q", data[-16:-8])
    struct.pack_into("<q", data, len(data) - 16, at + 40)
    path.write_bytes(data)


@broken(
    "manifest-older-cut-2.1",
    "The older of two manifests is cut in half.",
    asks={"version 1": [0, 1]},
)
def manifest_older_cut(out, v):
    two(out, v)
    (path,) = set((Path(out) / "_versions").glob("*.manifest")) - {newest_manifest(out)}
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def v1_name(path):
    return path.with_name(f"{2**64 - 1 - int(path.stem)}.manifest")


for which, number in (("newest", 1), ("oldest", 0)):

    @broken(
        f"manifest-names-mixed-{which}-2.1",
        f"Two manifests with V2 names, of which the {which} gets its V1 name.",
    )
    def manifest_names_mixed(out, v, number=number):
        two(out, v, enable_v2_manifest_paths=True)
        paths = sorted((Path(out) / "_versions").glob("*.manifest"), reverse=True)
        paths[number].rename(v1_name(paths[number]))


@broken("manifest-version-other-2.1", "The newest manifest, of version 2, says version 7.")
def manifest_version_other(out, v):
    two(out, v)
    edit_manifest(out, lambda manifest: manifest.set(3, 7))


@broken("manifest-version-lower-2.1", "The newest manifest, of version 2, says version 1.")
def manifest_version_lower(out, v):
    two(out, v)
    edit_manifest(out, lambda manifest: manifest.set(3, 1))


def section_of(out, number):
    """Where in the newest manifest a section is that the message points at."""
    path = newest_manifest(out)
    at = ManifestFile(out).message.get(number)
    (size,) = struct.unpack_from("<I", path.read_bytes(), at)
    return path, at + 4, size


TRANSACTION = {"transaction": None}


@broken(
    "transaction-section-garbage-2.1",
    "The copy of the transaction in the newest manifest is overwritten with 0xff.",
    asks=TRANSACTION,
)
def transaction_section_garbage(out, v):
    two(out, v)
    overwrite_range(*section_of(out, 23))


@broken(
    "transaction-section-out-of-range-2.1",
    "The copy of the transaction in the newest manifest is 1000 bytes beyond the end of the file.",
    asks=TRANSACTION,
)
def transaction_section_out_of_range(out, v):
    two(out, v)
    size = newest_manifest(out).stat().st_size
    edit_manifest(out, lambda manifest: manifest.set(23, size + 1000))


@broken(
    "transaction-section-misplaced-2.1",
    """The manifest puts the copy of the transaction four bytes after where it is, where no
    length stands.""",
    asks=TRANSACTION,
)
def transaction_section_misplaced(out, v):
    two(out, v)
    edit_manifest(out, lambda manifest: manifest.set(23, manifest.get(23) + 4))


@broken(
    "transaction-operation-garbage-2.1",
    "The last eight bytes of the transaction in the newest manifest, in its operation, are 0xff.",
    asks=TRANSACTION,
)
def transaction_operation_garbage(out, v):
    two(out, v)
    path, at, size = section_of(out, 23)
    overwrite_range(path, at + size - 8, 8)


@broken(
    "transaction-file-garbage-2.1",
    "The newest transaction's file and its copy in the manifest are overwritten with 0xff.",
    asks=TRANSACTION,
)
def transaction_file_garbage(out, v):
    two(out, v)
    name = ManifestFile(out).message.get(12).decode()
    path = Path(out) / "_transactions" / name
    overwrite_range(path, 0, path.stat().st_size)
    overwrite_range(*section_of(out, 23))


# --------------------------------------------------------------------------------------
# Feature flags
# --------------------------------------------------------------------------------------


@broken("reader-flag-unknown-2.1", "Bit 30 is set in the reader flags.")
def reader_flag_unknown(out, v):
    two(out, v)
    flags(out, lambda word: word | 1 << 30, [9])


@broken("writer-flag-unknown-2.1", "Bit 30 is set in the writer flags.")
def writer_flag_unknown(out, v):
    two(out, v)
    flags(out, lambda word: word | 1 << 30, [10])


for word, number in (("reader", 9), ("writer", 10)):

    @broken(
        f"mixed-versions-flag-{word}-only",
        f"Files of 2.1 and 2.2, and the flag (256) that says so is set for {word}s only.",
    )
    def mixed_versions_flag(out, _, number=number):
        write(words(0, 2), out, "2.1")
        write(words(2, 3), out, "2.2", mode="append")
        flags(out, lambda word: word & ~256, [19 - number])
        assert ManifestFile(out).message.get(number) & 256


@broken(
    "mixed-versions-without-flag",
    "Files of 2.1 and 2.2, and the flag (256) that says so is set nowhere.",
)
def mixed_versions_without_flag(out, _):
    write(words(0, 2), out, "2.1")
    write(words(2, 3), out, "2.2", mode="append")
    flags(out, lambda word: word & ~256)


@broken(
    "field-ids-flag-without-maximum-2.1",
    "The writer flag of field ids that are not reused (bit 15), without max_allocated_field_id.",
)
def field_ids_flag_without_maximum(out, v):
    two(out, v)
    flags(out, lambda word: word | 1 << 15, [10])


@broken(
    "field-ids-maximum-without-flag-2.1",
    "max_allocated_field_id without the writer flag (bit 15) that goes with it.",
)
def field_ids_maximum_without_flag(out, v):
    two(out, v)
    edit_manifest(out, lambda manifest: manifest.set(24, 1))


@broken(
    "max-allocated-field-id-low-2.1",
    "max_allocated_field_id, and its writer flag, is 0; there are fields 0 and 1.",
)
def max_allocated_field_id_low(out, v):
    two(out, v)
    flags(out, lambda word: word | 1 << 15, [10])
    edit_manifest(out, lambda manifest: manifest.set(24, 0))


@broken(
    "deletion-file-without-flag-2.1",
    "One row is deleted; the flags (1) of deletion files are gone.",
    truth=[FIVE[i] for i in (0, 1, 2, 4)],
)
def deletion_file_without_flag(out, v):
    two(out, v).delete("id = 3")
    flags(out, lambda word: word & ~1)


@broken(
    "row-ids-flag-without-ids-2.1",
    "The flags (2) of stable row ids, and no fragment has row ids.",
)
def row_ids_flag_without_ids(out, v):
    two(out, v)
    flags(out, lambda word: word | 2)
    edit_manifest(out, lambda manifest: manifest.set(14, 5))


@broken(
    "row-ids-without-flag-2.1",
    "A dataset of stable row ids without the flags (2) that say so.",
)
def row_ids_without_flag(out, v):
    two(out, v, enable_stable_row_ids=True)
    flags(out, lambda word: word & ~2)


# --------------------------------------------------------------------------------------
# Stable row ids and versions of rows
# --------------------------------------------------------------------------------------

ROW_IDS = {"row ids": [0, 1, 2, 3, 4], "row 4": [4]}


def stable(out, v):
    return two(out, v, enable_stable_row_ids=True)


def run_of(start, end):
    """A RowIdSequence, or the span of a run, that counts from `start` to below `end`."""
    return Message.of(f1=Message.of(f1=Message.of(f1=start, f2=end)))


@broken(
    "row-ids-count-2.1",
    "The second of two fragments has two row ids for three rows.",
    asks=ROW_IDS,
)
def row_ids_count(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(5, run_of(2, 4)))


@broken(
    "row-ids-missing-2.1",
    "The second of two fragments has no row ids; the first has.",
    asks=ROW_IDS,
)
def row_ids_missing(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.drop(5))


@broken(
    "row-ids-undecodable-2.1",
    "The row ids of the second of two fragments are four bytes 0xff.",
    asks=ROW_IDS,
)
def row_ids_undecodable(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(5, b"\xff" * 4))


@broken(
    "row-ids-backwards-2.1",
    "The row ids of the second of two fragments are a range from 5 to 2.",
    asks=ROW_IDS,
)
def row_ids_backwards(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(5, run_of(5, 2)))


@broken(
    "row-ids-duplicate-2.1",
    "Both of two fragments have row ids from 0 on.",
    asks=ROW_IDS,
)
def row_ids_duplicate(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(5, run_of(0, 3)))


@broken(
    "next-row-id-low-2.1",
    "next_row_id is 3; there are row ids up to 4.",
    asks=ROW_IDS | {"then row ids": [0, 1, 2, 3, 4, 5]},
)
def next_row_id_low(out, v):
    stable(out, v)
    edit_manifest(out, lambda manifest: manifest.set(14, 3))


def versions_of(*runs):
    """A RowDatasetVersionSequence of (rows, version)."""
    message, at = Message(), 0
    for count, version in runs:
        span = Message.of(f1=Message.of(f1=at, f2=at + count))
        message.add(1, Message.of(f1=span, f2=version))
        at += count
    return message


VERSIONS = {"versions": [(1, 1)] * 2 + [(2, 2)] * 3}

for name, number in (("created-at", 9), ("last-updated", 7)):
    for what, count in (("short", 2), ("long", 4)):

        @broken(
            f"{name}-runs-{what}-2.1",
            f"Stable row ids; the `{name}` versions of fragment 1 are for {count} rows of three.",
            asks=VERSIONS,
        )
        def runs(out, v, number=number, count=count):
            stable(out, v)
            edit_fragment(out, 1, lambda fragment: fragment.set(number, versions_of((count, 2))))


@broken(
    "created-at-undecodable-2.1",
    "Stable row ids; the `created-at` versions of fragment 1 are four bytes 0xff.",
    asks=VERSIONS,
)
def created_at_undecodable(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(9, b"\xff" * 4))


@broken(
    "created-at-newer-2.1",
    "Stable row ids; the `created-at` versions of fragment 1 are 1000, and the dataset is at 2.",
    asks=VERSIONS,
)
def created_at_newer(out, v):
    stable(out, v)
    edit_fragment(out, 1, lambda fragment: fragment.set(9, versions_of((3, 1000))))


@broken(
    "row-ids-unknown-field-2.1",
    "The row ids of fragment 1 have a field 99 beside their segments.",
    asks=ROW_IDS,
)
def row_ids_unknown_field(out, v):
    stable(out, v)

    def change(fragment):
        ids = fragment.sub(5)
        ids.add(99, 1)
        fragment.set(5, ids)

    edit_fragment(out, 1, change)


# --------------------------------------------------------------------------------------
# Deletion files
# --------------------------------------------------------------------------------------

LEFT = [FIVE[i] for i in (0, 2, 4)]  # when rows 1 and 3 are deleted
LEFT_1 = [FIVE[i] for i in (0, 1, 2, 4)]  # when row 3 is


def one_deletion(out, v):
    """Row 3, the second of fragment 1, is deleted; return the deletion file."""
    two(out, v).delete("id = 3")
    (path,) = (Path(out) / "_deletions").iterdir()
    return path


def vector(path, *offsets, kind="uint32", nullable=False):
    """Write a deletion file as lance does: one batch of a required column of uint32."""
    import pyarrow as pa

    kind = getattr(pa, kind)()
    schema = pa.schema([pa.field("row_id", kind, nullable=nullable)])
    batch = pa.record_batch([pa.array(offsets, kind)], schema=schema)
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write(batch)


def bitmap(*numbers):
    """A roaring bitmap of one array container."""
    head = struct.pack("<IIHHI", 12346, 1, 0, len(numbers) - 1, 16)
    return head + struct.pack(f"<{len(numbers)}H", *numbers)


def as_bitmap(out, path, *offsets):
    """Make a deletion file a bitmap; return its new place."""
    path.unlink()
    path = path.with_suffix(".bin")
    path.write_bytes(bitmap(*offsets))
    edit_deletion_entry(out, lambda entry: entry.set(1, 1))
    return path


@broken("deletion-file-deleted-2.1", "The deletion file is removed.", truth=LEFT_1)
def deletion_file_deleted(out, v):
    one_deletion(out, v).unlink()


@broken(
    "deletion-file-random-2.1",
    "The deletion file, an Arrow file, is overwritten with random bytes.",
    truth=LEFT_1,
)
def deletion_file_random(out, v):
    import random

    path = one_deletion(out, v)
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


@broken(
    "deletion-file-of-uint64-2.1",
    "The column of the deletion file is of type uint64; it holds the same row.",
    truth=LEFT_1,
)
def deletion_file_of_uint64(out, v):
    vector(one_deletion(out, v), 1, kind="uint64")


@broken(
    "deletion-file-nullable-2.1",
    "The column of the deletion file may hold nulls; it holds the same row.",
    truth=LEFT_1,
)
def deletion_file_nullable(out, v):
    vector(one_deletion(out, v), 1, nullable=True)


@broken(
    "deletion-file-random-bitmap-2.1",
    "The deletion file is written as a bitmap and overwritten with random bytes.",
    truth=LEFT_1,
)
def deletion_file_random_bitmap(out, v):
    import random

    path = as_bitmap(out, one_deletion(out, v), 1)
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


@broken("deletion-file-truncated-2.1", "The deletion file is cut in half.", truth=LEFT_1)
def deletion_file_truncated(out, v):
    path = one_deletion(out, v)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@broken(
    "deletion-file-truncated-bitmap-2.1",
    "The deletion file is written as a bitmap and loses its last byte.",
    truth=LEFT_1,
)
def deletion_file_truncated_bitmap(out, v):
    path = as_bitmap(out, one_deletion(out, v), 1)
    path.write_bytes(path.read_bytes()[:-1])


@broken("deletion-file-empty-2.1", "The deletion file is emptied.", truth=LEFT_1)
def deletion_file_empty(out, v):
    one_deletion(out, v).write_bytes(b"")


@broken(
    "deletion-count-high-2.1",
    "The manifest says that 2 rows of three are deleted; the deletion file has one.",
    truth=LEFT_1,
)
def deletion_count_high(out, v):
    one_deletion(out, v)
    edit_deletion_entry(out, lambda entry: entry.set(4, 2))


@broken(
    "deletion-count-low-2.1",
    "The manifest says that 1 row of three is deleted; the deletion file has two.",
    truth=[FIVE[i] for i in (0, 1, 2)],
)
def deletion_count_low(out, v):
    two(out, v).delete("id > 2")
    edit_deletion_entry(out, lambda entry: entry.set(4, 1))


@broken(
    "deletion-count-bitmap-2.1",
    "The manifest says that 2 rows of three are deleted; the deletion file, now a bitmap, has one.",
    truth=LEFT_1,
)
def deletion_count_bitmap(out, v):
    as_bitmap(out, one_deletion(out, v), 1)
    edit_deletion_entry(out, lambda entry: entry.set(4, 2))


@broken(
    "deletion-offset-beyond-2.1",
    "The deletion file is written again: it deletes row 9 of a fragment of three rows.",
)
def deletion_offset_beyond(out, v):
    vector(one_deletion(out, v), 9)


@broken(
    "deletion-offset-beyond-bitmap-2.1",
    "The deletion file is written again as a bitmap: it deletes rows 1 and 9 of three rows.",
    truth=LEFT_1,
)
def deletion_offset_beyond_bitmap(out, v):
    as_bitmap(out, one_deletion(out, v), 1, 9)
    edit_deletion_entry(out, lambda entry: entry.set(4, 2))


@broken(
    "deletion-count-exceeds-rows-2.1",
    "The manifest says that 5 rows of three are deleted; the deletion file has one.",
    truth=LEFT_1,
)
def deletion_count_exceeds_rows(out, v):
    one_deletion(out, v)
    edit_deletion_entry(out, lambda entry: entry.set(4, 5))


@broken("deletion-type-unknown-2.1", "The deletion file is of type 7.", truth=LEFT_1)
def deletion_type_unknown(out, v):
    one_deletion(out, v)
    edit_deletion_entry(out, lambda entry: entry.set(1, 7))


@broken(
    "deletion-type-other-2.1",
    "The deletion file, an Arrow file, is renamed to `.bin` and of type 1, a bitmap.",
    truth=LEFT_1,
)
def deletion_type_other(out, v):
    path = one_deletion(out, v)
    path.rename(path.with_suffix(".bin"))
    edit_deletion_entry(out, lambda entry: entry.set(1, 1))


@broken(
    "deletion-files-swapped-2.1",
    """Row 1 of two rows and rows 0 and 2 of three are deleted; the deletion files of the two
    fragments have each other's name.""",
    truth=[FIVE[i] for i in (0, 3)],
)
def deletion_files_swapped(out, v):
    two(out, v).delete("id IN (1, 2, 4)")
    one, other = sorted((Path(out) / "_deletions").iterdir())
    swap(one, other)


@broken(
    "deletion-files-swapped-equal-2.1",
    """Row 1 of two rows and row 2 of three are deleted; the deletion files of the two
    fragments have each other's name.""",
    truth=[FIVE[i] for i in (0, 2, 3)],
)
def deletion_files_swapped_equal(out, v):
    two(out, v).delete("id IN (1, 4)")
    one, other = sorted((Path(out) / "_deletions").iterdir())
    swap(one, other)


@clean(
    "deletion-bitmap-small-2.1",
    "The deletion file is written again as a bitmap.",
    truth=LEFT_1,
)
def deletion_bitmap_small(out, v):
    as_bitmap(out, one_deletion(out, v), 1)


@clean(
    "deletion-vector-rewritten-2.1",
    "The deletion file is written again with the same content.",
    truth=LEFT_1,
)
def deletion_vector_rewritten(out, v):
    vector(one_deletion(out, v), 1)


@broken(
    "deletion-count-absent-2.1",
    "The manifest does not say how many rows are deleted.",
    truth=LEFT_1,
)
def deletion_count_absent(out, v):
    one_deletion(out, v)
    edit_deletion_entry(out, lambda entry: entry.drop(4))


for v in ("2.0", "2.1"):

    @broken(f"row-count-absent-{v}", "No fragment says how many rows it has.")
    def row_count_absent(out, v):
        two(out, v)
        edit_fragments(out, lambda fragment: fragment.drop(4))


@broken(
    "row-count-absent-by-commit-2.1",
    """The first commit of a dataset (Overwrite) of a fragment whose metadata have
    physical_rows=None. No edit.""",
    truth=rows(0, 2),
)
def row_count_absent_by_commit(out, v):
    import json

    import lance

    metadata = json.loads(json.dumps(fragment_of(out, 0, v, 0).to_json()))
    metadata["physical_rows"] = None
    fragment = lance.FragmentMetadata.from_json(json.dumps(metadata))
    operation = lance.LanceOperation.Overwrite(words(0, 2).schema, [fragment])
    lance.LanceDataset.commit(str(out), operation)


def descriptor(position, size):
    """What a table has of a blob in the data file."""
    return {"kind": 0, "position": position, "size": size, "blob_id": 0, "blob_uri": ""}


@broken(
    "dropped-column-encoding-2.1",
    "The column `name` is dropped, and the encoding of its page is bytes 0xff.",
    truth=[{"id": row["id"]} for row in FIVE],
)
def dropped_column_encoding(out, v):
    write(words(0, 5), out, v).drop_columns(["name"])

    def garbage(page):
        encoding = page.get(4)
        page.set(4, encoding[:4] + b"\xff" * (len(encoding) - 4))

    edit_data_file(out, lambda file: file.columns[1].edit(2, garbage))


@broken(
    "blob-child-renamed-2.2",
    "The child `uri` of a v2 blob is called `url` in the schema.",
    truth=[{"id": 1, "blob": descriptor(0, 3)}, {"id": 2, "blob": descriptor(64, 3)}],
)
def blob_child_renamed(out, v):
    import lance
    import pyarrow as pa

    schema = pa.schema([pa.field("id", pa.int64()), lance.blob_field("blob")])
    table = pa.table([pa.array([1, 2]), lance.blob_array([b"one", b"two"])], schema=schema)
    write(table, out, v)

    def rename(field):
        if field.get(2) == b"uri":
            field.set(2, b"url")

    edit_manifest(out, lambda manifest: manifest.edit(1, rename))


# --------------------------------------------------------------------------------------
# Indices
# --------------------------------------------------------------------------------------

THREE = {"filter id = 3": [3]}  # fragment 1
BOTH = {"filter id = 1": [1], "filter id = 3": [3]}
NEAREST = {"nearest 3": [3], "nearest 200": [200]}
POINTS = [{"id": i, "v": [i / 8, (i * 7 % 256) / 8]} for i in range(256)]


def indexed(out, v, **options):
    """A BTREE index on `id` over both fragments."""
    two(out, v, **options).create_scalar_index("id", index_type="BTREE")
    return reopen(out)


def vectors(out, v):
    """An IVF_PQ index on 256 points in two fragments."""
    import pyarrow as pa

    schema = pa.schema([("id", pa.int64()), ("v", pa.list_(pa.float32(), 2))])
    table = pa.Table.from_pylist(POINTS, schema=schema)
    dataset = write(table, out, v, max_rows_per_file=128)
    return dataset.create_index("v", "IVF_PQ", num_partitions=1, num_sub_vectors=1)


def index_folder(out):
    (path,) = (Path(out) / "_indices").iterdir()
    return path


@clean("index-btree-2.1", "A BTREE index over two fragments.", asks=BOTH)
def index_btree(out, v):
    indexed(out, v)


@clean("index-ivf-pq-2.1", "An IVF_PQ index over two fragments.", truth=POINTS, asks=NEAREST)
def index_ivf_pq(out, v):
    vectors(out, v)


@broken("index-folder-missing-2.1", "The folder of a BTREE index is removed.", asks=BOTH)
def index_folder_missing(out, v):
    indexed(out, v)
    shutil.rmtree(index_folder(out))


@broken(
    "index-folder-missing-vector-2.1",
    "The folder of an IVF_PQ index is removed.",
    truth=POINTS,
    asks=NEAREST,
)
def index_folder_missing_vector(out, v):
    vectors(out, v)
    shutil.rmtree(index_folder(out))


for name, what in (("lookup", "page_lookup.lance"), ("data", "page_data.lance")):

    @broken(f"index-file-missing-{name}-2.1", f"`{what}` of a BTREE index is removed.", asks=BOTH)
    def index_file_missing(out, v, what=what):
        indexed(out, v)
        (index_folder(out) / what).unlink()

    @broken(
        f"index-file-truncated-{name}-2.1", f"`{what}` of a BTREE index is cut in half.", asks=BOTH
    )
    def index_file_truncated(out, v, what=what):
        indexed(out, v)
        path = index_folder(out) / what
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


for name, what in (("index", "index.idx"), ("auxiliary", "auxiliary.idx")):

    @broken(
        f"index-file-missing-vector-{name}-2.1",
        f"`{what}` of an IVF_PQ index is removed.",
        truth=POINTS,
        asks=NEAREST,
    )
    def index_file_missing_vector(out, v, what=what):
        vectors(out, v)
        (index_folder(out) / what).unlink()

    @broken(
        f"index-file-truncated-vector-{name}-2.1",
        f"`{what}` of an IVF_PQ index is cut in half.",
        truth=POINTS,
        asks=NEAREST,
    )
    def index_file_truncated_vector(out, v, what=what):
        vectors(out, v)
        path = index_folder(out) / what
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@broken(
    "index-file-zeros-2.1",
    "`page_data.lance` of a BTREE index is zeros, as many as it had bytes: an interrupted copy.",
    asks=BOTH,
)
def index_file_zeros(out, v):
    indexed(out, v)
    path = index_folder(out) / "page_data.lance"
    path.write_bytes(bytes(path.stat().st_size))


@broken(
    "index-files-lfs-pointers-2.1",
    "The files of a BTREE index are Git LFS pointers, as in a checkout without Git LFS.",
    asks=BOTH,
)
def index_files_lfs_pointers(out, v):
    import hashlib

    indexed(out, v)
    for path in index_folder(out).iterdir():
        data = path.read_bytes()
        path.write_text(
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{hashlib.sha256(data).hexdigest()}\nsize {len(data)}\n"
        )


@broken(
    "index-ivf-pq-by-0.16.1-2.0",
    "pylance 0.16.1: an IVF_PQ index, which is one file, `index.idx`. No edit.",
    truth=POINTS,
    asks=NEAREST,
    writer="0.16.1",
)
def index_ivf_pq_old(out, _):
    import pyarrow as pa

    schema = pa.schema([("id", pa.int64()), ("v", pa.list_(pa.float32(), 2))])
    dataset = write(pa.Table.from_pylist(POINTS, schema=schema), out, "2.0")
    dataset.create_index("v", "IVF_PQ", num_partitions=1, num_sub_vectors=1)


@broken(
    "index-file-missing-vector-auxiliary-by-4.0.2-2.1",
    "pylance 4.0.2: an IVF_PQ index; `auxiliary.idx` is removed.",
    truth=POINTS,
    asks=NEAREST,
    writer="4.0.2",
)
def index_file_missing_auxiliary_old(out, v):
    vectors(out, "2.1")
    (index_folder(out) / "auxiliary.idx").unlink()


TWO_NUMBERS = [{"a": i, "b": 10 - i} for i in range(5)]


def two_numbers(out, v):
    """A BTREE index on each of two int64 columns, in which the same values stand at other rows."""
    import pyarrow as pa

    schema = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    write(pa.Table.from_pylist(TWO_NUMBERS, schema=schema), out, v)
    for name in ("a", "b"):
        reopen(out).create_scalar_index(name, index_type="BTREE")


@broken(
    "index-folders-swapped-2.1",
    "The folders of the BTREE indices of the int64 columns a and b have each other's name.",
    truth=TWO_NUMBERS,
    asks={"filter a = 3": [3], "filter b = 8": [2]},
)
def index_folders_swapped(out, v):
    two_numbers(out, v)
    one, other = (Path(out) / "_indices").iterdir()
    one.rename(one.with_name("aside"))
    other.rename(one)
    one.with_name("aside").rename(other)


@broken(
    "index-field-other-2.1",
    "The BTREE index of an int64 column is said to be that of another int64 column.",
    truth=TWO_NUMBERS,
    asks={"filter a = 3": [3], "filter b = 8": [2]},
)
def index_field_other(out, v):
    two_numbers(out, v)
    reopen(out).drop_index("b_idx")
    edit_index(out, lambda index: index.set(2, b"\x01"))


@broken(
    "index-field-unknown-2.1",
    "The BTREE index is said to be that of field 77.",
    asks=BOTH | {"filter name = 'basil'": [1]},
)
def index_field_unknown(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(2, bytes([77])))


@broken("index-fields-none-2.1", "The BTREE index names no field.", asks=BOTH)
def index_fields_none(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.drop(2))


@broken(
    "index-damaged-page-longer-2.1",
    "The first page of `page_data.lance` of a BTREE index counts one row more than it has.",
    asks=BOTH,
)
def index_damaged_page_longer(out, v):
    indexed(out, v)
    file = DataFile(index_folder(out) / "page_data.lance")
    file.columns[0].edit(2, lambda page: page.set(3, page.get(3) + 1))
    file.save()


@broken(
    "index-damaged-encoding-garbage-2.1",
    "The encoding of the column in `index.idx` of an IVF_PQ index is bytes 0xff.",
    truth=POINTS,
    asks=NEAREST,
)
def index_damaged_encoding_garbage(out, v):
    vectors(out, v)
    file = DataFile(index_folder(out) / "auxiliary.idx")

    def change(page):
        encoding = page.get(4)
        page.set(4, encoding[:4] + b"\xff" * (len(encoding) - 4))

    file.columns[0].edit(2, change)
    file.save()


def texts(out, v):
    """A full-text index on `name` over both fragments."""
    two(out, v).create_scalar_index("name", index_type="INVERTED")
    return reopen(out)


@broken(
    "index-text-on-number-2.1", "The full-text index on `name` is said to be that of `id`."
)
def index_text_on_number(out, v):
    texts(out, v)
    edit_index(out, lambda index: index.set(2, b"\x00"))


@broken(
    "index-text-language-unknown-2.1", "The full-text index is said to be in Klingon."
)
def index_text_language_unknown(out, v):
    texts(out, v)

    def change(index):
        details = index.sub(6)
        inverted = details.sub(2)
        inverted.set(2, b'"Klingon"')
        details.set(2, inverted)
        index.set(6, details)

    edit_index(out, change)


@broken("index-list-empty-2.1", "The list of indices has no entry.", asks=BOTH)
def index_list_empty(out, v):
    texts(out, v)
    edit_indices(out, lambda section: section.drop(1))


@broken("index-built-at-no-date-2.1", "The BTREE index was built 2^62 ms after 1970.", asks=BOTH)
def index_built_at_no_date(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(8, 2**62))


@broken(
    "index-vector-without-fragments-2.1",
    "The IVF_PQ index does not say for which fragments it is.",
    truth=POINTS,
    asks=NEAREST,
)
def index_vector_without_fragments(out, v):
    vectors(out, v)
    edit_index(out, lambda index: index.drop(5))


@broken(
    "index-vector-twice-2.1",
    "The IVF_PQ index is listed twice.",
    truth=POINTS,
    asks=NEAREST,
)
def index_vector_twice(out, v):
    vectors(out, v)
    edit_indices(out, lambda section: section.add(1, section.sub(1)))


@broken(
    "index-fragments-dead-2.1",
    "The fragments of the BTREE index are 0, 1 and 7; there is no fragment 7.",
    asks=BOTH,
)
def index_fragments_dead(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(5, bitmap(0, 1, 7)))


@broken(
    "index-fragments-too-many-2.1",
    "A BTREE index, then an append; the index is said to have fragments 0, 1 and, wrongly, 2.",
    truth=rows(0, 7),
    asks=BOTH | {"filter id = 5": [5]},
)
def index_fragments_too_many(out, v):
    indexed(out, v)
    write(words(5, 2), out, v, mode="append")
    edit_index(out, lambda index: index.set(5, bitmap(0, 1, 2)))


def add_index(out, change, folder=True):
    """One more IndexMetadata like the first one, with files of its own."""
    new = bytes(range(16))
    if folder:
        name = "00010203-0405-0607-0809-0a0b0c0d0e0f"
        shutil.copytree(index_folder(out), Path(out) / "_indices" / name)

    def add(section):
        index = section.sub(1)
        if folder:
            index.set(1, Message.of(f1=new))
        change(index)
        section.add(1, index)

    edit_indices(out, add)


@broken(
    "index-segments-overlapping-2.1",
    "Two segments of one BTREE index both have the fragments 0 and 1.",
    asks=BOTH,
)
def index_segments_overlapping(out, v):
    indexed(out, v)
    add_index(out, lambda index: None)


@broken(
    "index-uuid-duplicate-2.1",
    "Two BTREE indices of different name have one uuid.",
    asks=BOTH,
)
def index_uuid_duplicate(out, v):
    indexed(out, v)
    add_index(out, lambda index: index.set(3, "other_idx"), folder=False)


@broken("index-uuid-missing-2.1", "The BTREE index has no uuid.", asks=BOTH)
def index_uuid_missing(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.drop(1))


@broken("index-uuid-short-2.1", "The uuid of the BTREE index has 15 bytes.", asks=BOTH)
def index_uuid_short(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.edit(1, lambda uuid: uuid.set(1, uuid.get(1)[:15])))


@broken(
    "index-fragments-undecodable-2.1",
    "The fragments of the BTREE index are eight bytes 0xff.",
    asks=BOTH,
)
def index_fragments_undecodable(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(5, b"\xff" * 8))


@broken(
    "index-fragments-missing-2.1",
    "The BTREE index does not say which fragments it has.",
    asks=BOTH,
)
def index_fragments_missing(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.drop(5))


@broken("index-version-new-2.1", "The BTREE index is of version 99.", asks=BOTH)
def index_version_new(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(7, 99))


@broken(
    "index-version-new-vector-2.1",
    "The IVF_PQ index is of version 99.",
    truth=POINTS,
    asks=NEAREST,
)
def index_version_new_vector(out, v):
    vectors(out, v)
    edit_index(out, lambda index: index.set(7, 99))


@broken(
    "index-type-unknown-2.1",
    "The details of the BTREE index are of type /lance.table.NoSuchIndexDetails.",
    asks=BOTH,
)
def index_type_unknown(out, v):
    indexed(out, v)
    edit_index(
        out,
        lambda index: index.edit(6, lambda d: d.set(1, "/lance.table.NoSuchIndexDetails")),
    )


@broken(
    "index-type-other-2.1",
    "The details of the BTREE index are those of a bitmap index.",
    asks=BOTH,
)
def index_type_other(out, v):
    indexed(out, v)
    edit_index(
        out,
        lambda index: index.edit(6, lambda d: d.set(1, "/lance.table.BitmapIndexDetails")),
    )


@broken("index-details-missing-2.1", "The BTREE index has no details.", asks=BOTH)
def index_details_missing(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.drop(6))


@broken(
    "index-dataset-version-future-2.1",
    "The BTREE index was made on version 1000; the dataset's is 3.",
    asks=BOTH,
)
def index_dataset_version_future(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(4, 1000))


@broken(
    "index-base-id-unresolved-2.1",
    "The BTREE index is at base path 5; the manifest has no base paths.",
    asks=BOTH,
)
def index_base_id_unresolved(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.set(9, 5))


@broken(
    "index-section-out-of-range-2.1",
    "The index section is 1000 bytes beyond the end of the manifest file.",
    asks=BOTH,
)
def index_section_out_of_range(out, v):
    indexed(out, v)
    size = newest_manifest(out).stat().st_size
    edit_manifest(out, lambda manifest: manifest.set(6, size + 1000))


@broken(
    "index-section-garbage-2.1",
    "The index section, but for its length, is overwritten with 0xff.",
    asks=BOTH,
)
def index_section_garbage(out, v):
    indexed(out, v)
    overwrite_range(*section_of(out, 6))


@broken(
    "index-section-misplaced-2.1",
    "The manifest puts the index section four bytes after where it is, where no length stands.",
    asks=BOTH,
)
def index_section_misplaced(out, v):
    indexed(out, v)
    edit_manifest(out, lambda manifest: manifest.set(6, manifest.get(6) + 4))


@broken(
    "index-section-forgotten-2.1",
    "The manifest does not say where its index section is: the index is lost.",
    asks=BOTH,
)
def index_section_forgotten(out, v):
    indexed(out, v)
    edit_manifest(out, lambda manifest: manifest.drop(6))


for name, by in (("larger", 100), ("smaller", -100)):

    @broken(
        f"index-file-size-{name}-2.1",
        f"The manifest states 100 bytes too {'many' if by > 0 else 'few'} for each index file.",
        asks=BOTH,
    )
    def index_file_size(out, v, by=by):
        indexed(out, v)
        edit_index(out, lambda index: index.edit(10, lambda file: file.set(2, file.get(2) + by)))


@clean(
    "index-file-sizes-unknown-2.1",
    "The manifest does not list the files of the BTREE index, as older writers do not.",
    asks=BOTH,
)
def index_file_sizes_unknown(out, v):
    indexed(out, v)
    edit_index(out, lambda index: index.drop(10))


@clean(
    "index-uncovered-fragment-2.1",
    "A BTREE index, then an append.",
    truth=rows(0, 7),
    asks=BOTH | {"filter id = 5": [5]},
)
def index_uncovered_fragment(out, v):
    indexed(out, v)
    write(words(5, 2), out, v, mode="append")


@clean(
    "index-renamed-column-2.1",
    "The column of a BTREE index is renamed.",
    truth=[{"number": row["id"], "name": row["name"]} for row in FIVE],
    asks={"filter number = 1": [1], "filter number = 3": [3]},
)
def index_renamed_column(out, v):
    indexed(out, v).alter_columns({"path": "id", "name": "number"})


@clean(
    "index-rebuilt-2.1",
    "A BTREE index, an append, and the index made again; the files of the old one are still there.",
    truth=rows(0, 7),
    asks=BOTH | {"filter id = 5": [5]},
)
def index_rebuilt(out, v):
    indexed(out, v)
    write(words(5, 2), out, v, mode="append").create_scalar_index(
        "id", index_type="BTREE", replace=True
    )


@clean("index-dropped-2.1", "A BTREE index, dropped; its files are still there.", asks=BOTH)
def index_dropped(out, v):
    indexed(out, v).drop_index("id_idx")


@clean(
    "index-segments-disjoint-2.1",
    "A BTREE index, an append, and optimize_indices() that makes a second segment of the index.",
    truth=rows(0, 7),
    asks=BOTH | {"filter id = 5": [5]},
)
def index_segments_disjoint(out, v):
    indexed(out, v)
    write(words(5, 2), out, v, mode="append").optimize.optimize_indices(num_indices_to_merge=0)


@clean(
    "index-segments-disjoint-vector-2.1",
    "An IVF_PQ index, an append, and optimize_indices() that makes a second segment of the index.",
    truth=POINTS + POINTS[:4],
    asks={"nearest 200": [200]},
)
def index_segments_disjoint_vector(out, v):
    import pyarrow as pa

    dataset = vectors(out, v)
    more = pa.Table.from_pylist(POINTS[:4], schema=dataset.schema)
    write(more, out, v, mode="append").optimize.optimize_indices(num_indices_to_merge=0)


@clean(
    "index-optimized-2.1",
    "A BTREE index, an append, and optimize_indices() that merges the new rows into it.",
    truth=rows(0, 7),
    asks=BOTH | {"filter id = 5": [5]},
)
def index_optimized(out, v):
    indexed(out, v)
    write(words(5, 2), out, v, mode="append").optimize.optimize_indices()


@clean(
    "index-fragment-deleted-2.1",
    "A BTREE index, then all rows of the first of its two fragments are deleted.",
    truth=FIVE[2:],
    asks={"filter id = 3": [1], "filter id = 1": []},
)
def index_fragment_deleted(out, v):
    indexed(out, v).delete("id < 2")


@clean(
    "index-compacted-2.1",
    "A BTREE index, then its two fragments are compacted into one.",
    asks=BOTH,
)
def index_compacted(out, v):
    indexed(out, v).optimize.compact_files()
    assert len(reopen(out).get_fragments()) == 1


@clean(
    "index-compacted-stable-2.1",
    "A BTREE index on a dataset of stable row ids, then its two fragments are compacted into one.",
    asks=BOTH,
)
def index_compacted_stable(out, v):
    indexed(out, v, enable_stable_row_ids=True).optimize.compact_files()
    assert len(reopen(out).get_fragments()) == 1


@clean(
    "index-updated-2.1",
    "A BTREE index, then an update of the indexed column.",
    truth=FIVE[:3] + [FIVE[4], {"id": 33, "name": "delta"}],
    asks={"filter id = 3": [], "filter id = 33": [4], "filter id = 4": [3]},
)
def index_updated(out, v):
    indexed(out, v).update({"id": "33"}, where="id = 3")


@clean(
    "index-deferred-2.1",
    """A BTREE index, then compaction with a deferred remap: a fragment reuse index is written and
    the BTREE index still names the old fragments.""",
    asks=BOTH,
)
def index_deferred(out, v):
    indexed(out, v).optimize.compact_files(defer_index_remap=True)


@clean(
    "index-column-dropped-2.1",
    "A BTREE index, then its column is dropped.",
    truth=[{"name": row["name"]} for row in FIVE],
    asks={"filter name = 'basil'": [1]},
)
def index_column_dropped(out, v):
    indexed(out, v).drop_columns(["id"])


@clean(
    "index-overwritten-2.1",
    "A BTREE index, then the dataset is overwritten with another schema.",
    truth=PAIRS,
    asks={"filter a = 1": [1]},
)
def index_overwritten(out, v):
    indexed(out, v)
    write(pairs("a", "b"), out, v, mode="overwrite")


# --------------------------------------------------------------------------------------
# Clean: what is left behind, and what happens every day
# --------------------------------------------------------------------------------------


for name, number in (("behind", 1), ("ahead", 9)):

    @clean(
        f"version-hint-{name}-2.1",
        f"latest_version_hint.json says {number}; the newest version is 2.",
    )
    def version_hint(out, v, number=number):
        two(out, v)
        path = Path(out) / "_versions" / "latest_version_hint.json"
        path.write_text(json.dumps({"version": number}))


@clean("version-hint-garbage-2.1", "latest_version_hint.json is empty.")
def version_hint_garbage(out, v):
    two(out, v)
    (Path(out) / "_versions" / "latest_version_hint.json").write_bytes(b"")


@clean("transaction-file-missing-2.1", "The folder _transactions is removed.", asks=TRANSACTION)
def transaction_file_missing(out, v):
    two(out, v)
    shutil.rmtree(Path(out) / "_transactions")


@clean(
    "tag-after-cleanup-2.1",
    "Five versions, the second tagged; cleanup_old_versions() leaves that and the newest.",
    truth=rows(0, 10),
)
def tag_after_cleanup(out, v):
    import datetime

    for start in range(0, 10, 2):
        dataset = write(words(start, 2), out, v, mode="append" if start else "create")
    dataset.tags.create("second", 2)
    dataset.cleanup_old_versions(datetime.timedelta(0), error_if_tagged_old_versions=False)
    assert len(list((Path(out) / "_versions").glob("*.manifest"))) == 2


@broken(
    "tag-version-gone-2.1",
    "Two versions, the first tagged; the manifest of that version is removed.",
    asks={"tag first": [0, 1]},
)
def tag_version_gone(out, v):
    two(out, v).tags.create("first", 1)
    (path,) = set((Path(out) / "_versions").glob("*.manifest")) - {newest_manifest(out)}
    path.unlink()


def tagged(out, v, change):
    """Two versions with a tag each; the file of the tag on the first is changed."""
    dataset = two(out, v)
    dataset.tags.create("first", 1)
    dataset.tags.create("second", 2)
    path = Path(out) / "_refs" / "tags" / "first.json"
    path.write_text(change(path.read_text()))


TAGS = {"tag first": [0, 1], "tag second": [0, 1, 2, 3, 4]}


@broken(
    "ref-tag-cut-2.1", "The file of the first of two tags is cut in half.", asks=TAGS
)
def ref_tag_cut(out, v):
    tagged(out, v, lambda text: text[: len(text) // 2])


@broken(
    "ref-tag-size-text-2.1",
    "The file of the first of two tags states the size of the manifest as a text.",
    asks=TAGS,
)
def ref_tag_size_text(out, v):
    tagged(out, v, lambda text: re.sub(r'("manifestSize": )(\d+)', r'\1"\2"', text))


@broken("ref-branch-empty-2.1", "A branch, and its file in _refs/branches is empty.")
def ref_branch_empty(out, v):
    branch_dev(out, v)
    (Path(out) / "_refs" / "branches" / "dev.json").write_text("")


# --------------------------------------------------------------------------------------
# Around the dataset
# --------------------------------------------------------------------------------------


def branch_dev(out, v, base=None):
    """Branch `dev` of two fragments, with a row more; its base path becomes `base`."""
    import lance

    branch = two(out, v).create_branch("dev")
    lance.write_dataset(words(5, 1), branch, mode="append")
    folder = Path(out) / "tree" / "dev"
    newest = newest_manifest(folder)
    for path in (folder / "_versions").glob("*.manifest"):
        if path != newest:
            path.unlink()
    manifest = ManifestFile(folder)
    manifest.drop_transaction()
    base = base or "testdata/" + "/".join(Path(out).parts[-2:])
    manifest.message.edit(18, lambda path: path.set(4, base))
    manifest.save()
    shutil.rmtree(folder / "_transactions")


@broken(
    "branch-folder-missing-2.1",
    "A branch and a tag on its version; `tree` is removed, as by a copy that left it out.",
)
def branch_folder_missing(out, v):
    branch_dev(out, v)
    newest = reopen(out).checkout_version(("dev", None)).version
    reopen(out).tags.create("try", ("dev", newest))
    shutil.rmtree(Path(out) / "tree")


@broken(
    "branch-of-moved-dataset-2.1",
    """A branch, and the dataset is moved then: the path that the branch holds leads nowhere. (Edit
    of the branch's manifest: the base path becomes relative to the directory above testdata/.)""",
)
def branch_of_moved_dataset(out, v):
    branch_dev(out, v, "testdata/broken/before-it-was-moved")


@broken(
    "tag-branch-gone-2.1",
    "A branch and a tag on its version; the branch is removed by hand, the tag is not.",
)
def tag_branch_gone(out, v):
    branch_folder_missing(out, v)
    (Path(out) / "_refs" / "branches" / "dev.json").unlink()


@broken(
    "clone-source-cleaned-2.1",
    """Shallow-cloned, and what it was cloned from is compacted and cleaned up. (Edit of the clone's
    manifest: as in clone-base-moved.)""",
    dataset="clone.lance",
)
def clone_source_cleaned(out, v):
    import datetime

    source = Path(out) / "source.lance"
    two(source, v)
    clone_of_two(out)
    reopen(source).optimize.compact_files()
    reopen(source).cleanup_old_versions(datetime.timedelta(0), delete_unverified=True)


@broken(
    "transaction-file-missing-by-0.20.0-2.0",
    "pylance 0.20.0: two versions; `_transactions` is removed, as by a copy that left it out.",
    writer="0.20.0",
)
def transaction_file_missing(out, _):
    two(out, "2.0")
    shutil.rmtree(Path(out) / "_transactions")


@broken(
    "merge-without-fragments-by-0.30.0-2.0",
    """pylance 0.30.0: two fragments, and commit(Merge) with an empty list of fragments. The table is
    empty then. No edit.""",
    writer="0.30.0",
)
def merge_without_fragments(out, _):
    import lance

    dataset = two(out, "2.0")
    operation = lance.LanceOperation.Merge([], dataset.schema)
    lance.LanceDataset.commit(str(out), operation, read_version=dataset.version)


@clean(
    "cleanup-after-delete-2.1",
    "Rows deleted twice, then cleanup_old_versions(): what only old versions need is gone.",
    truth=[FIVE[i] for i in (2, 4)],
)
def cleanup_after_delete(out, v):
    import datetime

    two(out, v).delete("id = 3")
    reopen(out).delete("id < 2")
    reopen(out).cleanup_old_versions(datetime.timedelta(0))


@clean("fragment-deleted-2.1", "All rows of the first of two fragments deleted.", truth=FIVE[2:])
def fragment_deleted(out, v):
    two(out, v).delete("id < 2")
    assert len(reopen(out).get_fragments()) == 1


@clean(
    "fragment-last-deleted-2.1", "All rows of the last of two fragments deleted.", truth=FIVE[:2]
)
def fragment_last_deleted(out, v):
    two(out, v).delete("id > 1")
    assert len(reopen(out).get_fragments()) == 1


@clean(
    "stable-compacted-2.1",
    "Stable row ids, one row deleted, then compacted.",
    truth=LEFT_1,
    asks={"row ids": [0, 1, 2, 4], "row 4": [3], "versions": [(1, 1)] * 2 + [(2, 2)] * 2},
)
def stable_compacted(out, v):
    stable(out, v).delete("id = 3")
    reopen(out).optimize.compact_files()
    assert len(reopen(out).get_fragments()) == 1


@clean(
    "stable-updated-2.1",
    "Stable row ids, one row updated: its id is in two fragments, and deleted in the first.",
    truth=FIVE[:3] + [FIVE[4], {"id": 3, "name": "updated"}],
    asks={
        "row ids": [0, 1, 2, 4, 3],
        "row 3": [4],
        "versions": [(1, 1)] * 2 + [(2, 2)] * 2 + [(2, 3)],
    },
)
def stable_updated(out, v):
    stable(out, v).update({"name": "'updated'"}, where="id = 3")


@clean(
    "stable-merge-insert-2.1",
    "Stable row ids, and a merge_insert() that updates one row and adds two.",
    truth=FIVE[:4] + rows(4, 3),
    asks={"row ids": [0, 1, 2, 3, 4, 5, 6]},
)
def stable_merge_insert(out, v):
    builder = stable(out, v).merge_insert("id")
    builder.when_matched_update_all().when_not_matched_insert_all().execute(words(4, 3))


@clean("restored-2.1", "An append and a delete, then the version before them restored.", truth=FIVE)
def restored(out, v):
    import lance

    two(out, v)
    write(words(5, 2), out, v, mode="append").delete("id = 0")
    lance.dataset(str(out), version=2).restore()


@clean(
    "uncommitted-file-2.1",
    "Beside two fragments a data file that no manifest names: a write in flight, or one given up.",
)
def uncommitted_file(out, v):
    import lance

    two(out, v)
    lance.fragment.write_fragments(words(5, 2), str(out), mode="append", data_storage_version=v)


@clean(
    "uncommitted-manifest-2.1",
    "Beside the manifests one under a temporary name: a commit in flight, or one given up.",
)
def uncommitted_manifest(out, v):
    two(out, v)
    path = newest_manifest(out)
    shutil.copy(path, path.with_name(f".tmp_{path.name}_5f0a"))


@clean(
    "branch-2.1",
    """A branch off version 2 with an append of its own, after which the main line was appended to;
    edit of the branch's manifests: the base path becomes relative (to the directory above
    testdata/), and the copies of the transactions go.""",
    truth=rows(0, 7),
    asks={"branch dev": FIVE + rows(10, 2)},
)
def branch(out, v):
    import lance

    dataset = two(out, v)
    side = dataset.create_branch("dev", 2)
    lance.write_dataset(words(10, 2), side, mode="append")
    write(words(5, 2), out, v, mode="append")
    relative_branch(out)


def relative_branch(out):
    folder = Path(out) / "tree" / "dev"
    newest = newest_manifest(folder)
    for path in (folder / "_versions").glob("*.manifest"):
        if path != newest:
            path.unlink()
    manifest = ManifestFile(folder)
    manifest.drop_transaction()
    name = "/".join(Path(out).parts[-2:])
    manifest.message.edit(18, lambda base: base.set(4, f"testdata/{name}"))
    manifest.save()
    shutil.rmtree(folder / "_transactions")


# --------------------------------------------------------------------------------------
# Bugs of old releases
# --------------------------------------------------------------------------------------


def three_numbers():
    import pyarrow as pa

    names = ("id", "a", "b")
    arrays = [pa.array([10 * n + i for i in range(3)], pa.int64()) for n in range(3)]
    return pa.table(arrays, names=list(names))


@broken(
    "field-id-used-again-by-0.10.5-0.1",
    """pylance 0.10.5: drop_columns() of the last of three int64 columns, then add_columns(), which
    gives the new column, c = id * 100, the id of the dropped one. No edit.""",
    truth=[{"id": i, "a": 10 + i, "c": 100 * i} for i in range(3)],
    asks={"then validate": None},
    writer="0.10.5",
)
def field_id_used_again(out, _):
    import lance

    lance.write_dataset(three_numbers(), str(out)).drop_columns(["b"])
    lance.dataset(str(out)).add_columns({"c": "id * 100"})


@broken(
    "field-ids-used-again-by-0.10.5-0.1",
    """pylance 0.10.5: three times add_columns(), with drop_columns() of columns in two files before
    the last one: two new columns, c and d, get the ids of dropped ones. No edit.""",
    truth=[{"id": i, "y": 2 * i, "c": 100 * i, "d": 1000 * i} for i in range(3)],
    asks={"then validate": None},
    writer="0.10.5",
)
def field_ids_used_again(out, _):
    import lance

    lance.write_dataset(three_numbers().select(["id"]), str(out)).add_columns(
        {"y": "id * 2", "z": "id * 3"}
    )
    lance.dataset(str(out)).add_columns({"a": "-id"})
    lance.dataset(str(out)).drop_columns(["a", "z"])
    lance.dataset(str(out)).add_columns({"c": "id * 100", "d": "id * 1000"})


SEVEN_LESS_TWO = [rows(0, 7)[i] for i in (0, 2, 3, 5, 6)]


@broken(
    "physical-rows-by-0.8.0-0.1",
    """pylance 0.7.5: two fragments of three rows, one row of each deleted; then pylance 0.8.0 appends,
    and takes for physical_rows what 0.7.5 did not write: the rows that are left. No edit.""",
    truth=SEVEN_LESS_TWO,
    asks={"then validate": None},
    writer="0.7.5",
)
def physical_rows_without(out, _):
    import lance

    lance.write_dataset(words(0, 6), str(out), max_rows_per_file=3).delete("id = 1 OR id = 4")


@then("broken/physical-rows-by-0.8.0-0.1", "0.8.0")
def physical_rows_migrated(out, _):
    import lance

    lance.write_dataset(words(6, 1), str(out), mode="append")


@clean(
    "physical-rows-unknown-by-0.7.5-0.1",
    "pylance 0.7.5: two fragments of three rows, one row of each deleted; without physical_rows.",
    truth=[rows(0, 6)[i] for i in (0, 2, 3, 5)],
    writer="0.7.5",
)
def physical_rows_unknown(out, v):
    physical_rows_without(out, v)


def fragment_of(out, start, version, number):
    """LanceFragment.create() of two rows, with a fragment id."""
    from lance.fragment import LanceFragment

    return LanceFragment.create(
        str(out), words(start, 2), fragment_id=number, data_storage_version=version
    )


@broken(
    "file-versions-mixed-by-0.16.1",
    """pylance 0.16.1: a dataset of 0.1, and commit(Append) of a fragment that was written in 2.0. No
    edit.""",
    truth=rows(0, 4),
    writer="0.16.1",
)
def file_versions_mixed(out, _):
    import lance

    lance.write_dataset(words(0, 2), str(out))
    operation = lance.LanceOperation.Append([fragment_of(out, 2, "2.0", 1)])
    lance.LanceDataset.commit(str(out), operation, read_version=1)


@broken(
    "file-versions-mixed-by-0.16.0",
    """pylance 0.16.0: commit(Overwrite) of a fragment that was written in 2.0, for which the manifest
    says 0.1, then an append, which writes 0.1. No edit.""",
    truth=rows(0, 4),
    writer="0.16.0",
)
def file_versions_mixed_append(out, v):
    import lance

    file_version_low(out, v)
    lance.write_dataset(words(2, 2), str(out), mode="append")


@broken(
    "file-version-low-by-0.16.0",
    """pylance 0.16.0: commit(Overwrite) of a fragment that was written in 2.0, for which the manifest
    says 0.1. No edit.""",
    truth=rows(0, 2),
    writer="0.16.0",
)
def file_version_low(out, _):
    import lance

    fragment = fragment_of(out, 0, "2.0", 0)
    operation = lance.LanceOperation.Overwrite(words(0, 2).schema, [fragment])
    lance.LanceDataset.commit(str(out), operation)


@broken(
    "fragment-id-duplicate-by-0.16.1-0.1",
    """pylance 0.16.1: commit(Append) of two fragments, one with the id 1 and one that is to get an
    id, and gets 1. No edit.""",
    truth=rows(0, 6),
    writer="0.16.1",
)
def fragment_id_duplicate_old(out, _):
    import lance

    lance.write_dataset(words(0, 2), str(out))
    fragments = [fragment_of(out, 2, "legacy", 1), fragment_of(out, 4, "legacy", 0)]
    operation = lance.LanceOperation.Append(fragments)
    lance.LanceDataset.commit(str(out), operation, read_version=1)


@broken(
    "fragment-id-duplicate-rows-by-0.16.1-0.1",
    """As fragment-id-duplicate-by-0.16.1, then a row of the last fragment is deleted: one deletion
    file is that of both fragments. No edit.""",
    truth=rows(0, 5),
    writer="0.16.1",
)
def fragment_id_duplicate_rows_old(out, v):
    fragment_id_duplicate_old(out, v)
    reopen(out).delete("id = 5")


@broken(
    "index-segments-overlapping-by-0.21.0-2.0",
    """pylance 0.21.0: an IVF_PQ index, an append, and optimize_indices() that makes a second segment
    of the index: it is said to have the fragments of the first one too. No edit.""",
    truth=POINTS + [{"id": 256 + i, "v": POINTS[i]["v"]} for i in range(4)],
    asks={"nearest 200": [200], "nearest 256": [0, 256], "then validate": None},
    writer="0.21.0",
)
def index_segments_overlapping_old(out, _):
    import pyarrow as pa

    schema = pa.schema([("id", pa.int64()), ("v", pa.list_(pa.float32(), 2))])
    dataset = write(pa.Table.from_pylist(POINTS, schema=schema), out, "2.0")
    dataset.create_index("v", "IVF_PQ", num_partitions=1, num_sub_vectors=1)
    more = [{"id": 256 + i, "v": POINTS[i]["v"]} for i in range(4)]
    dataset = write(pa.Table.from_pylist(more, schema=schema), out, "2.0", mode="append")
    dataset.optimize.optimize_indices(num_indices_to_merge=0)


@clean(
    "index-fragments-dead-by-0.21.0-2.0",
    """pylance 0.21.0: a BTREE index over four fragments, all rows of the first of them deleted, the
    others compacted: the index still has fragment 0, which is gone.""",
    truth=rows(2, 6),
    asks={"filter id = 3": [1], "filter id = 1": []},
    writer="0.21.0",
)
def index_fragments_dead_old(out, _):
    write(words(0, 8), out, "2.0", max_rows_per_file=2).create_scalar_index(
        "id", index_type="BTREE"
    )
    reopen(out).delete("id < 2")
    reopen(out).optimize.compact_files()


# --------------------------------------------------------------------------------------
# Reading
# --------------------------------------------------------------------------------------


def calls_of(fixture, new):
    yield from ("open", "count_rows", "to_table", "take first", "take last")
    last = [call for call in fixture.asks if call.startswith("then ")]
    yield from (call for call in fixture.asks if call not in last and (call != "versions" or new))
    yield from ("validate", "append", "then to_table", *last)


def plain(value):
    """Vectors and JSON, as far as they can be compared."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def ask(call, path, fixture):
    """One call; return whether it gave what it should, and what it gave."""
    import lance

    dataset, truth = lance.dataset(path), fixture.truth
    what, _, which = call.partition(" ")
    if call == "open":
        return [True, f"version {dataset.version}"]
    if call == "count_rows":
        count = dataset.count_rows()
        return [count == len(truth), str(count)]
    if call in ("validate", "then validate"):
        dataset.validate()
        return [True, "valid"]
    if call == "append":
        import pyarrow as pa

        new = pa.Table.from_pylist(truth[-1:], schema=dataset.schema)
        return [True, f"version {lance.write_dataset(new, path, mode='append').version}"]
    if call == "to_table":
        found, wanted = dataset.to_table().to_pylist(), truth
    elif call == "then to_table":
        found, wanted = dataset.to_table().to_pylist(), truth + truth[-1:]
    elif what == "take":
        number = 0 if which == "first" else len(truth) - 1
        found, wanted = dataset.take([number]).to_pylist(), [truth[number]]
    elif what == "filter":
        found = dataset.to_table(filter=which).to_pylist()
        wanted = [truth[i] for i in fixture.asks[call]]
    elif what == "nearest":
        near = {"column": "v", "q": truth[int(which)]["v"], "k": 5}
        found = dataset.to_table(columns=["id"], nearest=near).to_pylist()
        found = [row["id"] for row in found]
        return [set(fixture.asks[call]) <= set(found) and len(found) == 5, str(found)]
    elif what == "branch":
        found = lance.dataset(f"{path}/tree/{which}").to_table().to_pylist()
        wanted = fixture.asks[call]
    elif what in ("version", "tag"):
        older = lance.dataset(path, version=int(which) if what == "version" else which)
        found, wanted = older.to_table().to_pylist(), [truth[i] for i in fixture.asks[call]]
    elif call == "transaction":
        found = dataset.read_transaction(dataset.version)
        return [found is not None, type(found.operation).__name__ if found else "None"]
    elif call in ("row ids", "then row ids"):
        found = dataset.to_table(columns=[], with_row_id=True)["_rowid"].to_pylist()
        wanted = fixture.asks[call]
    elif what == "row":
        found = dataset._take_rows([int(which)]).to_pylist()
        wanted = [truth[i] for i in fixture.asks[call]]
    elif call == "versions":
        names = ["_row_created_at_version", "_row_last_updated_at_version"]
        table = dataset.to_table(columns=names)
        found = list(zip(*(table[name].to_pylist() for name in names), strict=True))
        wanted = fixture.asks[call]
    else:
        raise NameError(call)
    return [plain(found) == plain(wanted), f"{found[:6]}"]


def fix(path, fixture):
    """Commit nothing, on a copy, and ask everything again; return what is still wrong."""
    import lance

    copy = path + "-fixed"
    shutil.copytree(path, copy)
    lance.dataset(copy).delete("false")
    for call in calls_of(fixture, True):
        try:
            right, text = ask(call, copy, fixture)
        except Exception as error:
            right, text = False, str(error)
        if not right:
            return [False, f"{call}: {text}"]
    return [True, "fixed"]


def inside(path, fixture, scratch):
    """A copy of a fixture where base paths that begin with testdata/ lead to it."""
    copy = Path(scratch) / "testdata" / fixture.name
    shutil.copytree(path, copy)
    return str(copy if fixture.dataset == "." else copy / fixture.dataset)


def read_all(fixture, path):
    """Every call: [(call, went well, equal, text, panics)]."""
    import lance

    with tempfile.TemporaryDirectory() as scratch:
        copy = inside(path, fixture, scratch)
        os.chdir(scratch)
        done, answer, panics = forked(lambda: fix(copy, fixture))
        yield "delete false", done, done and answer[0], answer[1] if done else answer, panics
        ends = set()
        for call in calls_of(fixture, lance.__version__ == READER):
            if call.startswith("then ") and ends:
                continue
            done, answer, panics = forked(lambda call=call: ask(call, copy, fixture))
            equal, text = answer if done else (False, answer)
            text = text.replace(scratch, "").replace(scratch.lstrip("/"), "")
            yield call, done, equal, text, panics
            if not done and call in ("open", "append"):
                ends.add(call)
            if "open" in ends:
                break
        os.chdir("/")


def child(job):
    """Do a batch of work and print its outcome as one line of JSON."""
    import lance  # noqa: F401  so that what forks off has it

    do, _, which = job["do"].partition(" ")
    outcome = {}
    for name, path in job["fixtures"].items():
        fixture = FIXTURES[name]
        if do == "read":
            outcome[name] = list(read_all(fixture, path))
            continue
        step, version = which.split()
        make = fixture.steps[int(step)][1]
        version = fixture.version if version == "own" else version
        done, text, _ = forked(lambda make=make, path=path, v=version: [make(path, v), "made"][1])
        outcome[name] = None if done else text
    print("\n" + json.dumps({"ok": True, "text": json.dumps(outcome)}), flush=True)


# --------------------------------------------------------------------------------------
# The parent process
# --------------------------------------------------------------------------------------


def shown(text):
    """The first line of a message, without this machine's paths and the reader's own."""
    text = tidy(text, "<dataset>").replace("rust/lance", "lance")
    text = re.sub(r"\b\d+-\d+-\d+\.(arrow|bin)", r"<file>.\1", text)
    text = re.sub(r"/?testdata/(broken|clean)/[^/\s\"']+", "<dataset>", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", text)
    text = re.sub(r", /rustc/[0-9a-f]+/library/core/src/ops/function.rs:\d+:\d+", "", text)
    text = re.sub(r"(?<![0-9a-f])(2F)?[01]{20,}[0-9a-f]{20,}\b", r"\1<file>", text)
    for long in (
        "Encountered internal error. Please file a bug report at "
        "https://github.com/lance-format/lance/issues. ",
        "External error: ",
        "LanceError(IO): Generic N/A error: Cloned error: Cloned error: ",
    ):
        text = text.replace(long, "")
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + " …"


def judged(rows):
    """[(call, ok, WRONG, fails or panics, what came)]."""
    for call, done, equal, text, panics in rows:
        panicked = bool(panics) or "panicked" in text or "PanicException" in text
        word = "panics" if panicked else "fails" if not done else "ok" if equal else "WRONG"
        yield call, word, shown(" ‖ ".join([text, *panics]))


def told(answers):
    """The outcome of every call in a line; calls with the same outcome stand together."""
    groups, whole = {}, {}
    for call, word, text in answers:
        same = re.sub(r"^\w+: ", "", text)
        if word == "WRONG":
            before = whole.get((word, call.removeprefix("then ")))
            longer = before and text.startswith(before.rstrip("] …"))
            same = call.removeprefix("then ") if longer else call
        key = (word, "" if word == "ok" else same)
        groups.setdefault(key, []).append(call)
        whole.setdefault(key, text)
    parts = []
    for key, calls in groups.items():
        word, text = key[0], whole[key]
        calls = ", ".join(
            f"`{call}`" if " " in call and "take" not in call else call for call in calls
        )
        if word == "ok":
            parts.append(f"ok: {calls}")
            continue
        fence = "``" if "`" in text else "`"
        mark = {"WRONG": "gives"}.get(word, "")
        parts.append(f"**{word}**: {calls} {mark} {fence} {text} {fence}".replace("  ", " "))
    return "; ".join(parts)


def overview(answers):
    return {call: word if word == "ok" else f"**{word}**" for call, word, _ in answers}


COLUMNS = (
    "open",
    "count_rows",
    "to_table",
    "take first",
    "take last",
    "validate",
    "append",
    "then to_table",
)


SUMS = MINDS_NOT, SILENT, ONLY_VALIDATE = (
    f"Broken, and {READER} minds in none of these calls",
    f"Broken, of which {READER} gives wrong rows or counts and validate() finds nothing",
    f"Broken, and only validate() of {READER} says so",
)


def summed_up(words):
    """Which of the lists a fixture belongs in, by what became of each call."""
    faults = {call for call, word in words.items() if word != "ok"}
    if not faults:
        return MINDS_NOT
    if faults == {"validate"}:
        return ONLY_VALIDATE
    return SILENT if "WRONG" in words.values() and words.get("validate") == "ok" else None


def report(fixtures, results, fixed):
    yield "# What the readers do with the fixtures of the integrity rules"
    yield ""
    yield from textwrap.dedent(REPORT_HEAD).strip().splitlines()
    for title, folder in (("Broken", "broken/"), ("Clean", "clean/")):
        chosen = [f for f in fixtures if f.name.startswith(folder)]
        yield ""
        yield f"## {title}: pylance {READER} at a glance"
        yield ""
        yield f"| fixture | {' | '.join(COLUMNS)} | others | {OLD_READER} |"
        yield "|---|" + "---|" * (len(COLUMNS) + 2)
        for fixture in chosen:
            new = overview(results[fixture.name][READER])
            old = overview(results[fixture.name][OLD_READER])
            cells = [new.get(call, "–") for call in COLUMNS]
            others = [f"{call}: {new.get(call, '–')}" for call in fixture.asks]
            cells.append("; ".join(others) or "–")
            faults = [call for call, word in old.items() if word != "ok"]
            cells.append(", ".join(faults) or "ok")
            yield f"| {fixture.name.partition('/')[2]} | {' | '.join(cells)} |"
    for title in SUMS:
        names = [
            fixture.name.partition("/")[2]
            for fixture in fixtures
            if fixture.name.startswith("broken/")
            and summed_up({c: w for c, w, _ in results[fixture.name][READER]}) == title
        ]
        yield ""
        yield f"## {title}"
        yield ""
        yield from textwrap.wrap(f"{', '.join(names)}.", 100, break_on_hyphens=False)
    yield ""
    yield f'## Broken, and fixed by {READER} with `lance.dataset(uri).delete("false")`'
    yield ""
    yield "On a copy, after which every call gave what it should."
    yield ""
    names = [
        fixture.name.partition("/")[2]
        for fixture in fixtures
        if fixture.name.startswith("broken/")
        and fixture.name in fixed
        and any(word != "ok" for _, word, _ in results[fixture.name][READER])
    ]
    yield from textwrap.wrap(f"{', '.join(names)}.", 100, break_on_hyphens=False)
    yield ""
    yield from textwrap.dedent(REFUSED).strip().splitlines()
    yield ""
    yield "## What they say"
    for fixture in sorted(fixtures, key=lambda f: f.name.partition("/")[0]):
        yield ""
        yield f"### {fixture.name}"
        yield ""
        yield fixture.how
        yield ""
        for reader in (READER, OLD_READER):
            twin = f" (in {TWIN})" if reader == OLD_READER and fixture.twin else ""
            yield f"- {reader}{twin}: {told(results[fixture.name][reader])}"


REPORT_HEAD = """
    Written by `make_integrity_fixtures.py`; every line was seen, none is inferred. Each call ran in
    a process of its own. **WRONG**: no error, but not what was written. `take first` and `take last`
    are of row 0 and of the last row that should be there; `filter …` and `nearest N` are to_table()
    with a filter, or with the vector of row N as what is to be found; `row ids` is
    to_table(with_row_id=True), `row N` take by row id, `versions` the columns of created-at and
    last-updated, `transaction` read_transaction(). `append`, of one row, is last, and what begins
    with `then` is asked of what that left. Of messages the first 200 characters stand here, without
    `External error: ` and `Encountered internal error. Please file a bug report at …`; after ‖ is
    what a panic printed; `<dataset>` is the dataset's place.

    0.32.1 cannot read the pages of 2.1: it was given the same make in 2.0 (`in 2.0` below). In the
    first tables its column lists the calls that went wrong.
"""

REFUSED = """
    ## Refused by pylance 14.0.2

    - commit(Append) of a fragment with an id that is taken (not 0, which means that it has none):
      `The commit would produce two fragments with id 1`. So the fragments of another dataset go in
      only where their ids are 0 or free. 0.16.1 took them: fragment-id-duplicate-by-0.16.1.
    - commit(Append) of a fragment with row ids in a dataset without: `All fragments must have row ids`.

    ## Not found in a natural way

    - An index of a field that is gone: drop_columns(), and an overwrite, take the index away.
    - max_allocated_field_id: the crate has a call that sets it, pylance 14.0.2 has none.
"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--only", metavar="GLOB")
    parser.add_argument("--report", type=Path, default=HERE / "integrity-readers.md")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--no-make", action="store_true")
    parser.add_argument("--no-read", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.child:
        return child(json.loads(arguments.child))

    pythons = dict(item.split("=", 1) for item in arguments.python)
    out = arguments.out.resolve()
    chosen = [f for f in FIXTURES.values() if fnmatch.fnmatch(f.name, arguments.only or "*")]
    failed, results = 0, {fixture.name: {} for fixture in chosen}
    with (
        tempfile.TemporaryDirectory() as scratch,
        concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        twins = Path(scratch) / "twins"

        def batches(do, fixtures, release, place):
            """Yield (fixture, outcome)."""
            todo = [
                (do, pythons[release], fixtures[i : i + BATCH], place, scratch)
                for i in range(0, len(fixtures), BATCH)
            ]
            for (_, _, group, *_), outcome in zip(
                todo, pool.map(lambda t: batch(*t), todo), strict=True
            ):
                for fixture in group:
                    yield fixture, outcome[fixture.name]

        def make(fixtures, place, version):
            """Make them, step by step; return those that could be made."""
            for fixture in fixtures:
                target = place / fixture.name
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(parents=True, exist_ok=True)
            bad = set()
            for step in range(max(len(fixture.steps) for fixture in fixtures)):
                by_writer = {}
                for fixture in fixtures:
                    if step < len(fixture.steps) and fixture.name not in bad:
                        by_writer.setdefault(fixture.steps[step][0], []).append(fixture)
                for writer, group in by_writer.items():
                    for fixture, fault in batches(f"make {step} {version}", group, writer, place):
                        if fault:
                            bad.add(fixture.name)
                            shutil.rmtree(place / fixture.name, ignore_errors=True)
                            print(
                                f"could not make {fixture.name} ({version}):\n{fault}",
                                file=sys.stderr,
                            )
            return len(bad)

        if not arguments.no_make:
            missing = {writer for f in chosen for writer, _ in f.steps} - set(pythons)
            if missing:
                parser.error(f"no interpreter given for: {', '.join(sorted(missing))}")
            failed += make(chosen, out, "own")
        chosen = [fixture for fixture in chosen if (out / fixture.name).exists()]
        if not arguments.no_read:
            twinned = [fixture for fixture in chosen if fixture.twin]
            others = [fixture for fixture in chosen if not fixture.twin]
            if twinned:
                failed += make(twinned, twins, TWIN)
            for fixtures, release, place in (
                (chosen, READER, out),
                (twinned, OLD_READER, twins),
                (others, OLD_READER, out),
            ):
                for fixture, found in batches("read", fixtures, release, place):
                    results[fixture.name][release] = list(judged(found))
            fixed = set()
            for fixture in chosen:
                for release in (READER, OLD_READER):
                    (_, word, _), *answers = results[fixture.name][release]
                    results[fixture.name][release] = answers
                    if (word, release) == ("ok", READER):
                        fixed.add(fixture.name)
                words = {word for _, word, _ in results[fixture.name][READER]}
                if fixture.name.startswith("clean/") and words != {"ok"}:
                    failed += 1
                    print(f"{fixture.name}: {words}", file=sys.stderr)
            if arguments.json:
                arguments.json.write_text(json.dumps(results, indent=1))
            text = "\n".join(report(chosen, results, fixed)) + "\n"
            if arguments.only:
                print(text)
            else:
                arguments.report.write_text(text)
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
