#!/usr/bin/env python3
"""Make the fixtures of the rules that are not about blobs, and healthy datasets of many writers.

Every dataset is written by a real Lance writer. A broken one is changed afterwards by one
named edit and has that one fault; a clean one is as its writer left it, but for paths of the
machine that it was written on.

    make_rule_fixtures.py --python 14.0.2=VENV/bin/python --python 0.9.19=VENV/bin/python … \
                          --python lancedb=VENV/bin/python --python daft-0.5.11=VENV/bin/python \
                          --python daft=VENV/bin/python --lint ../../target/release/lance-lint

Each --python is an interpreter that has that release of pylance, or lancedb, or daft.
pylance 14.0.2 reads the result. This script itself needs only the standard library: it starts
itself again under those interpreters, one process for each call.

    --out DIR      where to put the datasets (default: the testdata/ above this file)
    --only GLOB    only the fixtures whose name matches (then no report is written, the
                   outcomes go to standard output)
    --report FILE  where to put the report (default: rule-readers.md next to this file)
    --lint BINARY  hold what this linter finds against what each fixture is meant for
    --no-make      read what is already there
    --no-read      make the datasets, read nothing
"""

import argparse
import concurrent.futures
import fnmatch
import inspect
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import traceback
from pathlib import Path

from make_blob_fixtures import (
    PANIC,
    DataFile,
    ManifestFile,
    Message,
    clone,
    data_files,
    edit_data_file,
    edit_manifest,
    edit_page_encoding,
    newest_manifest,
    tidy,
    write_varint,
)

HERE = Path(__file__).resolve().parent
READER = "14.0.2"
TIMEOUT_SECONDS = 90
MESSAGE_LIMIT = 300

FIXTURES = {}


class Fixture:
    def __init__(self, name, how, make, writer, rule, severity, dataset, calls, options):
        self.name = name
        self.how = " ".join(textwrap.dedent(how).split())
        self.make = make
        self.writer = writer  # one of the --python names
        self.rule, self.severity = rule, severity  # None: clean
        self.dataset = dataset  # the dataset's place inside the fixture
        self.calls = calls  # what the reader is asked for
        self.options = options  # further linter runs, each with these options


def broken(name, rule, how, severity="error", writer=READER, calls=("to_table()",)):
    def register(make):
        full = f"broken/{name}"
        assert full not in FIXTURES, full
        FIXTURES[full] = Fixture(full, how, make, writer, rule, severity, ".", calls, ())
        return make

    return register


def clean(name, how, writer=READER, dataset=".", options=()):
    def register(make):
        full = f"clean/{name}"
        assert full not in FIXTURES, full
        calls = ("to_table()",)
        FIXTURES[full] = Fixture(full, how, make, writer, None, None, dataset, calls, options)
        return make

    return register


# --------------------------------------------------------------------------------------
# Writing. The functions below run inside an interpreter that has the writer.
# --------------------------------------------------------------------------------------

WORDS = ["amber", "basil", "cedar", "delta"]


def words(start=0, count=3):
    """Two columns: `id` counts from `start`, `name` is a word."""
    import pyarrow as pa

    numbers = range(start, start + count)
    names = [WORDS[i % len(WORDS)] for i in numbers]
    return pa.table({"id": pa.array(numbers, pa.int64()), "name": pa.array(names, pa.string())})


def write(table, to, version, **options):
    """write_dataset() in a file version, whatever this release calls that."""
    import lance

    if "data_storage_version" in inspect.signature(lance.write_dataset).parameters:
        options["data_storage_version"] = "legacy" if version == "0.1" else version
    elif "use_legacy_format" in inspect.signature(lance.write_dataset).parameters:
        options["use_legacy_format"] = version == "0.1"
    elif version != "0.1":
        raise ValueError(f"lance {lance.__version__} cannot write {version}")
    return lance.write_dataset(table, str(to), **options)


def reopen(to):
    import lance

    return lance.dataset(str(to))


# --------------------------------------------------------------------------------------
# Edits
# --------------------------------------------------------------------------------------


def edit_fragments(dataset, change):
    edit_manifest(dataset, lambda manifest: manifest.edit(2, change))


def edit_entries(dataset, change):
    """Change every `DataFile` of the manifest."""
    edit_fragments(dataset, lambda fragment: fragment.edit(2, change))


def edit_data_bytes(dataset, change):
    """Change the bytes of the only data file without changing their number."""
    (path,) = data_files(dataset)
    data = bytearray(path.read_bytes())
    size = len(data)
    change(data, DataFile.FOOTER.unpack(data[-DataFile.FOOTER.size :]))
    assert len(data) == size
    path.write_bytes(data)


def edit_envelope(dataset, column, change):
    """Change or replace the `Encoding` of every page of a column."""
    edit_data_file(
        dataset, lambda file: file.columns[column].edit(2, lambda page: page.edit(4, change))
    )


def of_type(type_url, message):
    """An `Encoding { direct { Any { type_url, value } } }`."""
    return Message.of(f2=Message.of(f1=Message.of(f1=type_url, f2=message)))


def packed(*numbers):
    return b"".join(write_varint(number) for number in numbers)


# --------------------------------------------------------------------------------------
# Broken: the data file as a whole
# --------------------------------------------------------------------------------------


@broken(
    "size-larger-2.1",
    "file-size-mismatch",
    "The manifest states 100 bytes too many for the data file.",
)
def size_larger(out):
    write(words(), out, "2.1")
    edit_entries(out, lambda entry: entry.set(6, entry.get(6) + 100))


@broken(
    "size-smaller-2.1",
    "file-size-mismatch",
    "The manifest states 100 bytes too few for the data file.",
)
def size_smaller(out):
    write(words(), out, "2.1")
    edit_entries(out, lambda entry: entry.set(6, entry.get(6) - 100))


@broken(
    "footer-columns-out-of-range-2.1",
    "file-metadata-corrupt",
    """The footer puts the table of column metadata 1000 bytes beyond the end of the file.
    There are twelve columns: reading few of many columns is what uses that position.""",
    calls=("to_table()", 'to_table(columns=["c3"])'),
)
def footer_columns_out_of_range(out):
    import pyarrow as pa

    write(pa.table({f"c{i}": pa.array([i], pa.int8()) for i in range(12)}), out, "2.1")

    def move(data, _footer):
        struct.pack_into("<Q", data, len(data) - 32, len(data) + 1000)

    edit_data_bytes(out, move)


@broken(
    "column-metadata-garbage-2.1",
    "file-metadata-corrupt",
    "The metadata of the second column is overwritten with 0xff.",
)
def column_metadata_garbage(out):
    write(words(), out, "2.1")

    def overwrite(data, footer):
        at, size = struct.unpack_from("<QQ", data, footer[1] + 16)
        data[at : at + size] = b"\xff" * size

    edit_data_bytes(out, overwrite)


@broken(
    "file-schema-garbage-2.1",
    "file-metadata-corrupt",
    "Global buffer 0, the schema of the file itself, is overwritten with 0xff.",
)
def file_schema_garbage(out):
    write(words(), out, "2.1")

    def overwrite(data, footer):
        at, size = struct.unpack_from("<QQ", data, footer[2])
        data[at : at + size] = b"\xff" * size

    edit_data_bytes(out, overwrite)


@broken(
    "global-buffer-range-2.1",
    "file-metadata-corrupt",
    "The size of global buffer 0 is made a million bytes.",
)
def global_buffer_range(out):
    write(words(), out, "2.1")

    def grow(data, footer):
        struct.pack_into("<Q", data, footer[2] + 8, 1_000_000)

    edit_data_bytes(out, grow)


@broken(
    "footer-version-other-2.1",
    "file-version-mismatch",
    "The footer says 2.2, the manifest 2.1.",
)
def footer_version_other(out):
    write(words(), out, "2.1")
    edit_data_bytes(out, lambda data, _: struct.pack_into("<HH", data, len(data) - 8, 2, 2))


@broken(
    "footer-version-other-2.2",
    "file-version-mismatch",
    "The footer says 2.1, the manifest 2.2.",
)
def footer_version_other_2_2(out):
    write(words(), out, "2.2")
    edit_data_bytes(out, lambda data, _: struct.pack_into("<HH", data, len(data) - 8, 2, 1))


@broken("footer-version-unknown", "file-version-mismatch", "The footer of a 2.1 file says 9.9.")
def footer_version_unknown(out):
    write(words(), out, "2.1")
    edit_data_bytes(out, lambda data, _: struct.pack_into("<HH", data, len(data) - 8, 9, 9))


# --------------------------------------------------------------------------------------
# Broken: deletion files
# --------------------------------------------------------------------------------------


def write_and_delete(out):
    write(words(0, 4), out, "2.1").delete("id = 2")


def edit_deletion_entry(out, change):
    edit_fragments(out, lambda fragment: fragment.edit(3, change))


@broken(
    "deletion-file-missing",
    "deletion-file-missing",
    "One row is deleted; the deletion file is removed.",
)
def deletion_file_missing(out):
    write_and_delete(out)
    for path in (Path(out) / "_deletions").iterdir():
        path.unlink()


@broken(
    "deletion-file-garbage",
    "deletion-file-missing",
    """One row is deleted; the deletion file is overwritten with 0xff, and the manifest says
    0 deleted rows, which means that the file must be read to know.""",
)
def deletion_file_garbage(out):
    write_and_delete(out)
    for path in (Path(out) / "_deletions").iterdir():
        path.write_bytes(b"\xff" * path.stat().st_size)
    edit_deletion_entry(out, lambda entry: entry.drop(4))


@broken(
    "deletion-file-type-unknown",
    "deletion-file-missing",
    "One row is deleted; the deletion file is of type 7.",
)
def deletion_file_type_unknown(out):
    write_and_delete(out)
    edit_deletion_entry(out, lambda entry: entry.set(1, 7))


# --------------------------------------------------------------------------------------
# Broken: where a field's column is
# --------------------------------------------------------------------------------------


@broken(
    "column-index-out-of-range-2.1",
    "column-index-invalid",
    "The manifest puts the second field in column 99 of a file of two columns.",
)
def column_index_out_of_range(out):
    write(words(), out, "2.1")
    edit_entries(out, lambda entry: entry.set(3, packed(0, 99)))


for v in ("2.0", "2.1"):

    @broken(
        f"column-index-none-{v}",
        "column-index-invalid",
        "The manifest gives the second field, a leaf, the column -1.",
    )
    def column_index_none(out, v=v):
        write(words(), out, v)
        edit_entries(out, lambda entry: entry.set(3, packed(0, -1)))


# --------------------------------------------------------------------------------------
# Broken: encodings
# --------------------------------------------------------------------------------------


@broken(
    "encoding-missing-2.1", "encoding-unreadable", "The page of the second column has no encoding."
)
def encoding_missing(out):
    write(words(), out, "2.1")
    edit_data_file(out, lambda file: file.columns[1].edit(2, lambda page: page.drop(4)))


@broken(
    "encoding-none-2.1",
    "encoding-unreadable",
    "The encoding of the second column's page is at `none`.",
)
def encoding_none(out):
    write(words(), out, "2.1")
    edit_envelope(out, 1, lambda _: Message.of(f3=Message()))


@broken(
    "encoding-indirect-2.1",
    "encoding-unreadable",
    "The encoding of the second column's page is said to be elsewhere in the file.",
)
def encoding_indirect(out):
    write(words(), out, "2.1")
    edit_envelope(out, 1, lambda _: Message.of(f1=Message.of(f1=0, f2=16)))


@broken(
    "encoding-not-any-2.1",
    "encoding-unreadable",
    "In place of the `Any` around the second column's page encoding are four bytes 0xff.",
)
def encoding_not_any(out):
    write(words(), out, "2.1")
    edit_envelope(out, 1, lambda _: Message.of(f2=Message.of(f1=b"\xff" * 4)))


@broken(
    "encoding-of-2.0-in-2.1",
    "encoding-unreadable",
    "The second column's page has the encoding, type URL and message, that it has in a 2.0 file.",
)
def encoding_of_2_0(out):
    write(words(), out, "2.1")
    with tempfile.TemporaryDirectory() as scratch:
        write(words(), scratch + "/other", "2.0")
        (other,) = data_files(scratch + "/other")
        encoding = DataFile(other).columns[1].sub(2).sub(4)
    edit_envelope(out, 1, lambda _: encoding)


@broken(
    "encoding-type-unknown-2.1",
    "encoding-unreadable",
    "The type URL of the second column's page encoding becomes /lance.encodings99.PageLayout.",
    severity="warning",
)
def encoding_type_unknown(out):
    write(words(), out, "2.1")

    def rename(encoding):
        message = encoding.sub(2).sub(1).get(2)
        return of_type("/lance.encodings99.PageLayout", message)

    edit_envelope(out, 1, rename)


@broken(
    "layout-unset-2.1",
    "encoding-unreadable",
    "The PageLayout of the second column's page is empty.",
)
def layout_unset(out):
    write(words(), out, "2.1")
    edit_page_encoding(out, 1, lambda _: Message())


@broken(
    "compression-unset-2.1",
    "encoding-unreadable",
    """The second column's page is mini-block, its values are of variable width, and the
    compression of their offsets is a CompressiveEncoding without a variant.""",
)
def compression_unset(out):
    write(words(), out, "2.1")

    def in_variable(variable):
        assert variable.get(1) is not None
        variable.set(1, Message())

    def in_layout(layout):
        layout.edit(1, lambda mini_block: mini_block.edit(3, lambda c: c.edit(2, in_variable)))

    edit_page_encoding(out, 1, in_layout)


@broken(
    "array-encoding-unset-2.0",
    "encoding-unreadable",
    "The values of the first column's page are an ArrayEncoding without a variant.",
)
def array_encoding_unset(out):
    write(words(), out, "2.0")

    def in_no_nulls(no_nulls):
        assert no_nulls.get(1) is not None
        no_nulls.set(1, Message())

    edit_page_encoding(
        out, 0, lambda array: array.edit(2, lambda nullable: nullable.edit(1, in_no_nulls))
    )


# --------------------------------------------------------------------------------------
# Newer than the linter
# --------------------------------------------------------------------------------------


@broken(
    "layout-newer-2.1",
    "unknown-protobuf-field",
    "The PageLayout of the second column's page holds nothing but a field 15.",
    severity="info",
)
def layout_newer(out):
    write(words(), out, "2.1")
    edit_page_encoding(out, 1, lambda _: Message.of(f15=Message.of(f1=7)))


@broken(
    "unknown-field-in-manifest",
    "unknown-protobuf-field",
    "The manifest has one more field, 99.",
    severity="info",
)
def unknown_field_in_manifest(out):
    write(words(), out, "2.1")
    edit_manifest(out, lambda manifest: manifest.add(99, 7))


@broken(
    "unknown-field-in-column-metadata",
    "unknown-protobuf-field",
    "The metadata of the second column has one more field, 99.",
    severity="info",
)
def unknown_field_in_column_metadata(out):
    write(words(), out, "2.1")
    edit_data_file(out, lambda file: file.columns[1].add(99, 7))


@broken(
    "unknown-field-in-page",
    "unknown-protobuf-field",
    "The MiniBlockLayout of the second column's page has one more field, 99.",
    severity="info",
)
def unknown_field_in_page(out):
    write(words(), out, "2.1")
    edit_page_encoding(
        out, 1, lambda layout: layout.edit(1, lambda mini_block: mini_block.add(99, 7))
    )


# --------------------------------------------------------------------------------------
# Broken: feature flags
# --------------------------------------------------------------------------------------


def set_flag(out, bit, *words_of_flags):
    def change(manifest):
        for number in words_of_flags:
            manifest.set(number, manifest.get(number, 0) | 1 << bit)

    edit_manifest(out, change)


@broken("flag-overlay", "feature-flag", "Bit 6 (data overlay files) is set in both flag words.")
def flag_overlay(out):
    write(words(), out, "2.1")
    set_flag(out, 6, 9, 10)


@broken(
    "flag-unknown-reader", "feature-flag", "Bit 40 is set in the reader flags.", severity="warning"
)
def flag_unknown_reader(out):
    write(words(), out, "2.1")
    set_flag(out, 40, 9)


@broken(
    "flag-unknown-writer",
    "feature-flag",
    "Bit 40 is set in the writer flags.",
    severity="info",
    calls=("to_table()", 'write_dataset(…, mode="append")'),
)
def flag_unknown_writer(out):
    write(words(), out, "2.1")
    set_flag(out, 40, 10)


# --------------------------------------------------------------------------------------
# Broken: files from before their version was finished
# --------------------------------------------------------------------------------------

for release, v in (("0.32.1", "2.1"), ("1.0.4", "2.2"), ("9.0.1", "2.3")):

    @broken(
        f"pre-stable-{v}",
        "pre-stable-pages",
        f"Written by pylance {release} as {v}; no edit.",
        writer=release,
    )
    def pre_stable(out, v=v):
        write(words(), out, v)


# --------------------------------------------------------------------------------------
# Broken: the manifest
# --------------------------------------------------------------------------------------


@broken(
    "manifest-one-fragment-damaged",
    "manifest-unreadable",
    "Of three fragments, the path in the second one's DataFile is not UTF-8.",
)
def manifest_one_fragment_damaged(out):
    write(words(), out, "2.1", max_rows_per_file=1)

    def damage(fragment):
        if fragment.get(1) == 1:
            fragment.edit(2, lambda entry: entry.set(1, b"\xff" * len(entry.get(1))))

    edit_fragments(out, damage)


@broken(
    "manifest-length-prefix",
    "manifest-unreadable",
    "The length before the manifest message is 10 too small.",
)
def manifest_length_prefix(out):
    write(words(), out, "2.1")
    path = newest_manifest(out)
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack("<q", data[-16:-8])
    (size,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", data, at, size - 10)
    path.write_bytes(data)


@broken(
    "manifest-newest-truncated",
    "manifest-unreadable",
    "Of two versions, the newest manifest is cut in half.",
)
def manifest_newest_truncated(out):
    write(words(), out, "2.1")
    write(words(3), out, "2.1", mode="append")
    path = newest_manifest(out)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@broken("no-manifest", "manifest-unreadable", "The folder _versions is removed.")
def no_manifest(out):
    write(words(), out, "2.1")
    shutil.rmtree(Path(out) / "_versions")


@broken(
    "base-path-unknown",
    "data-file-missing",
    "The DataFile refers to base path 9; the manifest has no base paths.",
)
def base_path_unknown(out):
    write(words(), out, "2.1")
    edit_entries(out, lambda entry: entry.set(7, 9))


# --------------------------------------------------------------------------------------
# Clean: many writers
# --------------------------------------------------------------------------------------

for release, versions in {
    "0.9.19": ("0.1",),
    "0.15.0": ("2.0",),
    "0.20.0": ("0.1", "2.0"),
    "0.32.1": ("0.1", "2.0"),
    "0.39.0": ("2.0", "2.1"),
    "1.0.4": ("2.1",),
    "4.0.2": ("2.0", "2.1", "2.2"),
    "9.0.1": ("2.1", "2.2"),
}.items():
    for v in versions:

        @clean(f"by-pylance-{release}-{v}", f"Written by pylance {release}.", writer=release)
        def by_pylance(out, v=v):
            write(common_types(), out, v)


def common_types():
    """A few columns that every release and file version can hold."""
    import pyarrow as pa

    return pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "name": pa.array(["amber", "", "cedar"], pa.string()),
            "vector": pa.array([[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]], pa.list_(pa.float32(), 2)),
            "tags": pa.array([["a", "b"], [], ["c"]], pa.list_(pa.string())),
            "pair": pa.array([{"x": 1, "y": "u"}, {"x": 2, "y": "v"}, {"x": 3, "y": "w"}]),
        }
    )


def all_types(version):
    """One column for each kind of type that files of this version hold, with nulls where they may be."""
    import datetime
    import decimal

    import pyarrow as pa

    legacy = version == "0.1"

    def gap(first, last):
        """Three values, a null in the middle; 0.1 files have no nulls but in strings and lists."""
        return [first, last if legacy else None, last]

    day = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000)
    integers = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    columns = {name: pa.array(gap(1, 2), getattr(pa, name)()) for name in integers}
    columns |= {
        "bool": pa.array(gap(True, False)),
        "float16": pa.array(gap(1, 2), pa.float32()).cast(pa.float16()),
        "float32": pa.array(gap(0.5, -1.5), pa.float32()),
        "float64": pa.array(gap(0.5, -1.5), pa.float64()),
        "required": pa.array([1, 2, 3], pa.int32()),
        "decimal128": pa.array(
            gap(decimal.Decimal("1.25"), decimal.Decimal("-2.50")), pa.decimal128(12, 2)
        ),
        "decimal256": pa.array(
            gap(decimal.Decimal("1.25"), decimal.Decimal("-2.50")), pa.decimal256(60, 2)
        ),
        "date32": pa.array(gap(day.date(), day.date()), pa.date32()),
        "date64": pa.array(gap(day.date(), day.date()), pa.date64()),
        "time32": pa.array(gap(day.time(), day.time()), pa.time32("ms")),
        "time64": pa.array(gap(day.time(), day.time()), pa.time64("us")),
        "timestamp_s": pa.array(gap(1, 2), pa.timestamp("s")),
        "timestamp_us_utc": pa.array(gap(1, 2), pa.timestamp("us", "UTC")),
        "timestamp_ns_zone": pa.array(gap(1, 2), pa.timestamp("ns", "Europe/Berlin")),
        "duration": pa.array(gap(1, 2), pa.duration("ms")),
        "string": pa.array(["amber", None, ""], pa.string()),
        "large_string": pa.array(["amber", None, "λ"], pa.large_string()),
        "binary": pa.array([b"\x00\x01", None, b""], pa.binary()),
        "large_binary": pa.array([b"\x00\x01", None, b""], pa.large_binary()),
        "fixed_size_binary": pa.array([b"abcd", b"efgh", b"ijkl"], pa.binary(4)),
        "dictionary": pa.array(["red", "blue", "red"]).dictionary_encode(),
        "list": pa.array([[1, 2], None, []], pa.list_(pa.int32())),
        "list_of_strings": pa.array([["a", "b"], [], ["c"]], pa.list_(pa.string())),
        "large_list": pa.array([[1.5], [], [2.5, 3.5]], pa.large_list(pa.float64())),
        "list_of_lists": pa.array([[[1], [2, 3]], [], [[]]], pa.list_(pa.list_(pa.int16()))),
        "list_of_structs": pa.array(
            [[{"x": 1, "y": "u"}], [], [{"x": 2, "y": "v"}, {"x": 3, "y": "w"}]],
            pa.list_(pa.struct([("x", pa.int32()), ("y", pa.string())])),
        ),
        "struct": pa.array(
            [{"x": 1, "in": {"y": "u"}}, {"x": 2, "in": {"y": "v"}}, {"x": 3, "in": {"y": "w"}}],
            pa.struct([("x", pa.int32()), ("in", pa.struct([("y", pa.string())]))]),
        ),
        "struct_of_list": pa.array(
            [{"l": [1]}, {"l": []}, {"l": [2, 3]}], pa.struct([("l", pa.list_(pa.int64()))])
        ),
        "fixed_size_list": pa.array([[0.5, 1.5]] * 3, pa.list_(pa.float32(), 2)),
        "fixed_size_list_uint8": pa.array([[1, 2, 3]] * 3, pa.list_(pa.uint8(), 3)),
    }
    if not legacy:
        columns["null"] = pa.nulls(3)
        columns["all_null"] = pa.nulls(3, pa.int32())
    if version >= "2.1":
        columns["struct_with_nulls"] = pa.array(
            [{"x": 1}, None, {"x": None}], pa.struct([("x", pa.int32())])
        )
    if version >= "2.2":
        columns["map"] = pa.array(
            [[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int64())
        )
    fields = [
        pa.field(name, column.type, nullable=name != "required") for name, column in columns.items()
    ]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


for v in ("0.1", "2.0", "2.1", "2.2", "2.3"):

    @clean(f"by-pylance-14.0.2-{v}", "Written by pylance 14.0.2, a column for each kind of type.")
    def by_newest_pylance(out, v=v):
        write(all_types(v), out, v)


@clean(
    "by-lancedb",
    "A table of lancedb, in the file version that it chooses, appended to.",
    writer="lancedb",
)
def by_lancedb(out):
    import lancedb

    out = Path(out)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        table = lancedb.connect(scratch).create_table("t", common_types())
        table.add(common_types())
        shutil.move(Path(scratch) / "t.lance", out)


for writer in ("daft-0.5.11", "daft"):
    for mode in ("create", "append"):

        @clean(
            f"by-{writer if '-' in writer else 'daft-latest'}-{mode}",
            "Written by Daft"
            + (", twice: the second time in append mode." if mode == "append" else "."),
            writer=writer,
        )
        def by_daft(out, mode=mode):
            import daft

            daft.from_arrow(common_types()).write_lance(str(out))
            if mode == "append":
                daft.from_arrow(common_types()).write_lance(str(out), mode="append")


# --------------------------------------------------------------------------------------
# Clean: operations
# --------------------------------------------------------------------------------------

for v in ("0.1", "2.0", "2.1", "2.2"):

    @clean(f"op-delete-arrow-{v}", "One row of four deleted: an Arrow deletion file.")
    def op_delete_arrow(out, v=v):
        write(words(0, 4), out, v).delete("id = 2")


@clean("op-delete-bitmap-2.2", "6000 rows of 8000 deleted: a bitmap deletion file.")
def op_delete_bitmap(out):
    import pyarrow as pa

    flags = [i >= 6000 for i in range(8000)]
    write(pa.table({"keep": pa.array(flags, pa.bool_())}), out, "2.2").delete("NOT keep")
    assert list((Path(out) / "_deletions").glob("*.bin"))


for v in ("2.0", "2.1", "2.2"):

    @clean(f"op-update-{v}", "One row of three updated.")
    def op_update(out, v=v):
        write(words(), out, v).update({"name": "'updated'"}, where="id = 1")

    @clean(
        f"op-add-column-nulls-{v}",
        "A column of nulls added without any data, then one row appended.",
    )
    def op_add_column_nulls(out, v=v):
        import pyarrow as pa

        write(words(), out, v).add_columns(pa.field("extra", pa.int32()))
        row = words(3, 1).append_column("extra", pa.array([7], pa.int32()))
        write(row, out, v, mode="append")

    @clean(f"op-add-column-{v}", "A column computed by SQL added: a second data file.")
    def op_add_column(out, v=v):
        write(words(), out, v).add_columns({"twice": "id * 2"})

    @clean(f"op-drop-column-{v}", "The second of three columns dropped.")
    def op_drop_column(out, v=v):
        import pyarrow as pa

        table = words().append_column("last", pa.array([0.5, 1.5, 2.5]))
        write(table, out, v).drop_columns(["name"])


@clean("op-rename-column-2.1", "A column renamed.")
def op_rename_column(out):
    write(words(), out, "2.1").alter_columns({"path": "name", "name": "title"})


@clean("op-cast-column-2.1", "A column cast from int64 to int32.")
def op_cast_column(out):
    import pyarrow as pa

    write(words(), out, "2.1").alter_columns({"path": "id", "data_type": pa.int32()})


for v in ("2.1", "2.2"):

    @clean(f"op-merge-{v}", "A column merged in by a key that two of three rows have.")
    def op_merge(out, v=v):
        import pyarrow as pa

        extra = pa.table({"id": pa.array([0, 2], pa.int64()), "score": [0.5, 2.5]})
        write(words(), out, v).merge(extra, "id")


@clean("op-merge-insert-2.1", "merge_insert(): one row updated, two inserted.")
def op_merge_insert(out):
    builder = write(words(), out, "2.1").merge_insert("id")
    builder.when_matched_update_all().when_not_matched_insert_all().execute(words(2, 3))


@clean("op-compaction-2.1", "Three fragments with a deletion compacted into one.")
def op_compaction(out):
    dataset = write(words(0, 4), out, "2.1", max_rows_per_file=2)
    dataset.delete("id = 1")
    reopen(out).optimize.compact_files()
    assert len(reopen(out).get_fragments()) == 1


@clean("op-btree-index-2.1", "A BTREE index, then an append that it does not cover.")
def op_btree_index(out):
    write(words(), out, "2.1").create_scalar_index("id", index_type="BTREE")
    write(words(3), out, "2.1", mode="append")


@clean(
    "op-overwrite-schema-2.1",
    "Overwritten with another schema; version 1 has the old one.",
    options=[["--version", "1"]],
)
def op_overwrite_schema(out):
    import pyarrow as pa

    write(words(), out, "2.1")
    write(pa.table({"v": [0.5, 1.5]}), out, "2.1", mode="overwrite")


@clean(
    "op-restore-2.1",
    "Version 1 restored over an append and a delete.",
    options=[["--version", "3"]],
)
def op_restore(out):
    import lance

    write(words(), out, "2.1")
    write(words(3), out, "2.1", mode="append").delete("id = 0")
    lance.dataset(str(out), version=1).restore()


@clean(
    "op-tag-branch-2.1",
    """A tag on version 1 and a branch with an append of its own; edit of the branch's
    manifest: the base path becomes relative (to the directory above testdata/), the copy
    of the transaction goes, and so does the branch's first version.""",
    options=[["--tag", "first"], ["--branch", "dev"]],
)
def op_tag_branch(out):
    import lance

    dataset = write(words(), out, "2.1")
    dataset.tags.create("first", 1)
    branch = dataset.create_branch("dev", 1)
    lance.write_dataset(words(3), branch, mode="append")
    write(words(10), out, "2.1", mode="append")
    folder = Path(out) / "tree" / "dev"
    newest = newest_manifest(folder)
    for path in (folder / "_versions").glob("*.manifest"):
        if path != newest:
            path.unlink()
    manifest = ManifestFile(folder)
    manifest.drop_transaction()
    manifest.message.edit(18, lambda base: base.set(4, "testdata/clean/op-tag-branch-2.1"))
    manifest.save()
    shutil.rmtree(folder / "_transactions")


for v in ("2.0", "2.1"):

    @clean(
        f"op-shallow-clone-{v}",
        """Shallow-cloned; edit of the clone's manifest: the base path becomes relative (to the
        directory above testdata/) and the copy of the transaction goes.""",
        dataset="clone.lance",
    )
    def op_shallow_clone(out, v=v):
        write(words(), Path(out) / "source.lance", v)
        clone(out, f"clean/op-shallow-clone-{v}")


for v in ("2.0", "2.1", "2.2"):

    @clean(f"op-stable-row-ids-{v}", "Stable row ids, one row updated, one deleted.")
    def op_stable_row_ids(out, v=v):
        dataset = write(words(0, 4), out, v, enable_stable_row_ids=True)
        dataset.update({"name": "'updated'"}, where="id = 1")
        reopen(out).delete("id = 2")


@clean("op-manifest-names-v1-2.1", "V1 names of manifests.")
def op_manifest_names_v1(out):
    write(words(), out, "2.1", enable_v2_manifest_paths=False)
    write(words(3), out, "2.1", mode="append")


@clean("op-manifest-names-v2-2.1", "V2 names of manifests.")
def op_manifest_names_v2(out):
    write(words(), out, "2.1", enable_v2_manifest_paths=True)
    write(words(3), out, "2.1", mode="append")


@clean("op-detached-commit-2.1", "A detached commit beside the main line.")
def op_detached_commit(out):
    import lance

    write(words(), out, "2.1", enable_v2_manifest_paths=True)
    fragments = lance.fragment.write_fragments(words(3), str(out), data_storage_version="2.1")
    operation = lance.LanceOperation.Append(fragments)
    lance.LanceDataset.commit(str(out), operation, read_version=1, detached=True)
    assert list((Path(out) / "_versions").glob("d*.manifest"))


@clean("op-mixed-versions-2.0-2.1", "A 2.0 dataset, appended to in 2.1.")
def op_mixed_versions(out):
    write(words(), out, "2.0")
    write(words(3), out, "2.1", mode="append")


@clean("op-mixed-versions-2.1-2.2", "A 2.1 dataset, appended to in 2.2 and in 2.0.")
def op_mixed_versions_three(out):
    write(words(), out, "2.1")
    write(words(3), out, "2.2", mode="append")
    write(words(6), out, "2.0", mode="append")


for v in ("0.1", "2.0", "2.1", "2.2"):

    @clean(f"zero-rows-{v}", "A dataset of no rows.")
    def zero_rows(out, v=v):
        write(words(0, 0), out, v)


@clean("zero-rows-fragment-2.1", "All rows of one of two fragments deleted.")
def zero_rows_fragment(out):
    write(words(0, 2), out, "2.1")
    write(words(2, 2), out, "2.1", mode="append").delete("id < 2")


for v in ("2.0", "2.1", "2.2"):

    @clean(f"packed-struct-{v}", "A packed struct between two columns.")
    def packed_struct(out, v=v):
        import pyarrow as pa

        kind = pa.struct([("x", pa.int32()), ("y", pa.float64())])
        metadata = {"packed": "true", "lance-encoding:packed": "true"}
        schema = pa.schema(
            [("id", pa.int64()), pa.field("pair", kind, metadata=metadata), ("name", pa.string())]
        )
        rows = [{"id": i, "pair": {"x": i, "y": i / 2}, "name": WORDS[i]} for i in range(3)]
        write(pa.Table.from_pylist(rows, schema=schema), out, v)


for v in ("2.0", "2.1"):

    @clean(f"empty-struct-last-{v}", "A struct without children as the last column.")
    def empty_struct_last(out, v=v):
        import pyarrow as pa

        write(words().append_column("nothing", pa.array([{}, {}, {}], pa.struct([]))), out, v)


for v in ("2.0", "2.1", "2.2"):

    @clean(f"null-column-{v}", "A column of type null, and one of int32 that holds only nulls.")
    def null_column(out, v=v):
        import pyarrow as pa

        table = words().append_column("null", pa.nulls(3))
        write(table.append_column("all_null", pa.nulls(3, pa.int32())), out, v)


for v in ("2.2", "2.3"):

    @clean(
        f"fixed-size-list-of-structs-{v}",
        """A fixed size list of structs and nothing else: beside another column the reader
        takes its items for rows and refuses to read both at once.""",
    )
    def fixed_size_list_of_structs(out, v=v):
        import pyarrow as pa

        kind = pa.list_(pa.struct([("x", pa.int32()), ("y", pa.string())]), 2)
        rows = [[{"x": i, "y": "u"}, {"x": -i, "y": None}] for i in range(3)]
        write(pa.table([pa.array(rows, kind)], names=["pairs"]), out, v)


# --------------------------------------------------------------------------------------
# The child process
# --------------------------------------------------------------------------------------


def read_rows(path):
    import lance

    return f"{lance.dataset(path).to_table().to_pylist()}"


def read_one_column(path):
    import lance

    return f"{lance.dataset(path).to_table(columns=['c3']).to_pylist()}"


def append_rows(path):
    import lance

    return f"version {lance.write_dataset(words(), path, mode='append').version}"


CALLS = {
    "to_table()": read_rows,
    'to_table(columns=["c3"])': read_one_column,
    'write_dataset(…, mode="append")': append_rows,
}


def child(job):
    """Do one piece of work and print its outcome as one line of JSON."""
    try:
        if job["do"] == "make":
            FIXTURES[job["name"]].make(job["path"])
            text = "made"
        else:
            text = CALLS[job["name"]](job["path"])
        outcome = {"ok": True, "text": text}
    except BaseException as error:  # a panic arrives as a BaseException
        outcome = {"ok": False, "text": f"{type(error).__name__}: {error}"}
        if job["do"] == "make":
            outcome["text"] = traceback.format_exc()
    print("\n" + json.dumps(outcome), flush=True)


# --------------------------------------------------------------------------------------
# The parent process
# --------------------------------------------------------------------------------------


def run(python, job, cwd):
    """Run one job in a child; return (went well, text, panicked)."""
    environment = dict(os.environ, RUST_BACKTRACE="0", PYTHONWARNINGS="ignore", LANCE_LOG="error")
    command = [str(python), str(Path(__file__).resolve()), "--child", json.dumps(job)]
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=cwd,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {TIMEOUT_SECONDS} seconds", False
    stderr = done.stderr.decode(errors="replace")
    try:
        outcome = json.loads(done.stdout.decode(errors="replace").strip().splitlines()[-1])
    except (IndexError, ValueError):
        text = f"process ended with status {done.returncode}: {stderr[-300:]}"
        outcome = {"ok": False, "text": text}
    panics = [f"panic at {where}: {text.strip()}" for where, text in PANIC.findall(stderr)]
    text = " ‖ ".join([outcome["text"], *dict.fromkeys(panics)])
    return outcome["ok"], text, bool(panics) or "PanicException" in outcome["text"]


def make_fixture(fixture, pythons, out, scratch):
    """Make one fixture; return what went wrong, or nothing."""
    target = out / fixture.name
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    job = {"do": "make", "name": fixture.name, "path": str(target)}
    went_well, text, _ = run(pythons[fixture.writer], job, scratch)
    return None if went_well else text


def read_fixture(fixture, call, python, out):
    """Ask the reader for one thing on a copy of the fixture; return (word, message)."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "testdata" / fixture.name
        shutil.copytree(out / fixture.name, copy)
        path = copy / fixture.dataset if fixture.dataset != "." else copy
        went_well, text, panicked = run(
            python, {"do": "read", "name": call, "path": str(path)}, scratch
        )
        text = tidy(text, path)
    if len(text) > MESSAGE_LIMIT:
        text = text[: MESSAGE_LIMIT - 105] + " […] " + text[-100:]
    return "**panics**" if panicked else "ok" if went_well else "**fails**", text


def lint_fixture(fixture, linter, out):
    """What the linter says that it should not, or does not say that it should."""
    path = Path(out.name) / fixture.name / fixture.dataset
    wanted = [(fixture.rule, fixture.severity)] if fixture.rule else []
    for options in [[], *fixture.options]:
        command = [str(linter), "--format", "json", *options, str(path)]
        done = subprocess.run(command, check=False, cwd=out.parent, capture_output=True)
        status = 1 if fixture.severity == "error" else 0
        if done.returncode != status:
            yield f"{' '.join(options)} exit status {done.returncode}, not {status}: {done.stderr.decode()}"
        try:
            findings = json.loads(done.stdout)["findings"]
        except ValueError:
            continue
        if [(f["rule"], f["severity"]) for f in findings] != wanted:
            yield f"{' '.join(options)} wanted {wanted}, got: "
            for finding in findings:
                yield f"  {finding['severity']} {finding['rule']}: {finding['message']}"


def report(rows):
    yield f"# What pylance {READER} does with the fixtures of the other rules"
    yield ""
    yield "Written by `make_rule_fixtures.py`; every line was seen, none is inferred. Messages are cut"
    yield f"to {MESSAGE_LIMIT} characters, keeping both ends; `<dataset>` stands for the dataset's path; after"
    yield "‖ is what a panic printed. The call is `lance.dataset(uri).to_table()` unless another is named."
    yield ""
    yield f"| fixture | edit | {READER} | message or rows |"
    yield "|---|---|---|---|"
    for fixture, call, word, text in rows:
        if call != "to_table()":
            word = f"`{call}` {word}"
        fence = "``" if "`" in text else "`"
        text = text.replace("|", "\\|") or " "
        yield f"| {fixture.name} | {fixture.how} | {word} | {fence} {text} {fence} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--only", metavar="GLOB")
    parser.add_argument("--report", type=Path, default=HERE / "rule-readers.md")
    parser.add_argument("--lint", type=Path, metavar="BINARY")
    parser.add_argument("--no-make", action="store_true")
    parser.add_argument("--no-read", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.child:
        return child(json.loads(arguments.child))

    pythons = dict(item.split("=", 1) for item in arguments.python)
    out = arguments.out.resolve()
    chosen = [f for f in FIXTURES.values() if fnmatch.fnmatch(f.name, arguments.only or "*")]
    failed = 0
    with (
        tempfile.TemporaryDirectory() as scratch,
        concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        if not arguments.no_make:
            missing = {f.writer for f in chosen} - set(pythons)
            if missing:
                parser.error(f"no interpreter given for: {', '.join(sorted(missing))}")
            faults = pool.map(lambda f: make_fixture(f, pythons, out, scratch), chosen)
            for fixture, fault in zip(chosen, faults, strict=True):
                if fault:
                    failed += 1
                    print(f"could not make {fixture.name}:\n{fault}", file=sys.stderr)
        chosen = [fixture for fixture in chosen if (out / fixture.name).exists()]
        if arguments.lint:
            linter = arguments.lint.resolve()
            for fixture in chosen:
                for line in lint_fixture(fixture, linter, out):
                    failed += 1
                    print(f"{fixture.name}: {line}", file=sys.stderr)
        if not arguments.no_read:
            asked = [(fixture, call) for fixture in chosen for call in fixture.calls]
            answers = pool.map(lambda a: read_fixture(*a, pythons[READER], out), asked)
            rows = [(*pair, *answer) for pair, answer in zip(asked, answers, strict=True)]
            for fixture, call, word, text in rows:
                if fixture.rule is None and word != "ok":
                    failed += 1
                    print(f"{fixture.name}: {call} {word} {text}", file=sys.stderr)
            text = "\n".join(report(rows)) + "\n"
            if arguments.only:
                print(text)
            else:
                arguments.report.write_text(text)
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
