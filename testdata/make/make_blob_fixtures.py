#!/usr/bin/env python3
"""Make the blob fixtures of testdata/ and write down what real readers do with them.

Every dataset is written by a real Lance writer. Where no public API can produce the
wanted fault, a real dataset is changed afterwards by one named edit of its manifest
or of its column metadata (see "Lance containers" below).

    make_blob_fixtures.py --python 14.0.2=VENV/bin/python \
                          --python 0.32.1=VENV/bin/python \
                          --daft=VENV/bin/python

Each --python is an interpreter that has that release of pylance. 14.0.2 writes the
fixtures; every named release reads them. --daft is an interpreter with daft 0.5.11 and
pylance 0.32.1; it writes the founding case. This script itself needs only the standard
library: it starts itself again under those interpreters, one process for each call,
since a reader that meets a broken file may panic, abort or hang.

    --out DIR      where to put the datasets (default: the testdata/ above this file)
    --only GLOB    only the fixtures whose name matches (then no report is written,
                   the outcomes go to standard output)
    --report FILE  where to put the report (default: blob-readers.md next to this file)
    --no-make      read what is already there
    --no-read      make the datasets, read nothing
"""

import argparse
import ast
import concurrent.futures
import fnmatch
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
WRITER = "14.0.2"
OLD_READER = "0.32.1"
TIMEOUT_SECONDS = 90
MESSAGE_LIMIT = 600

BLOB_KEY = "lance-encoding:blob"
BLOB_V2_NAME = b"lance.blob.v2"


# --------------------------------------------------------------------------------------
# Protobuf wire format: just enough to change a field in place and keep all the others
# --------------------------------------------------------------------------------------

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def write_varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Message:
    """A protobuf message as an ordered list of (field number, wire type, value)."""

    def __init__(self, fields=()):
        self.fields = list(fields)

    @classmethod
    def parse(cls, data):
        message, at = cls(), 0
        while at < len(data):
            tag, at = read_varint(data, at)
            number, wire = tag >> 3, tag & 7
            if wire == VARINT:
                value, at = read_varint(data, at)
            elif wire in (FIXED64, FIXED32):
                size = 8 if wire == FIXED64 else 4
                value, at = data[at : at + size], at + size
            elif wire == BYTES:
                size, at = read_varint(data, at)
                value, at = data[at : at + size], at + size
            else:
                raise ValueError(f"wire type {wire} of field {number}")
            message.fields.append((number, wire, value))
        return message

    @classmethod
    def of(cls, **fields):
        """Message.of(f1=7, f2=b"x", f3=other) builds a message by field numbers."""
        message = cls()
        for name, value in fields.items():
            message.add(int(name[1:]), value)
        return message

    def encode(self):
        out = bytearray()
        for number, wire, value in self.fields:
            out += write_varint(number << 3 | wire)
            if wire == VARINT:
                out += write_varint(value)
            elif wire == BYTES:
                out += write_varint(len(value)) + value
            else:
                out += value
        return bytes(out)

    @staticmethod
    def _entry(number, value):
        if isinstance(value, (Message, str)):
            value = value.encode()
        return (number, VARINT if isinstance(value, int) else BYTES, value)

    def add(self, number, value):
        self.fields.append(self._entry(number, value))

    def get(self, number, default=None):
        return next((v for n, _, v in self.fields if n == number), default)

    def all(self, number):
        return [v for n, _, v in self.fields if n == number]

    def sub(self, number):
        value = self.get(number)
        if value is None:
            raise KeyError(f"no field {number}")
        return Message.parse(value)

    def set(self, number, value):
        """Replace the first occurrence of a field, or append the field."""
        entry = self._entry(number, value)
        for i, (n, _, _) in enumerate(self.fields):
            if n == number:
                self.fields[i] = entry
                return
        self.fields.append(entry)

    def drop(self, *numbers):
        self.fields = [f for f in self.fields if f[0] not in numbers]

    def edit(self, number, change):
        """Run `change` over every sub-message with this field number."""
        for i, (n, wire, value) in enumerate(self.fields):
            if n == number:
                inner = Message.parse(value)
                changed = change(inner)
                inner = inner if changed is None else changed
                self.fields[i] = (n, wire, inner.encode())


# --------------------------------------------------------------------------------------
# Lance containers: the 2.x data file and the manifest file
# --------------------------------------------------------------------------------------

MAGIC = b"LANC"


class DataFile:
    """A 2.x data file, taken apart at its footer. All integers are little endian.

    data buffers | global buffers | column metadata | offset table of the column
    metadata | offset table of the global buffers | 40 bytes of footer
    """

    FOOTER = struct.Struct("<QQQIIHH4s")

    def __init__(self, path):
        self.path = Path(path)
        data = self.path.read_bytes()
        (meta, columns_at, globals_at, globals_n, columns_n, *version, magic) = self.FOOTER.unpack(
            data[-self.FOOTER.size :]
        )
        if magic != MAGIC:
            raise ValueError(f"{path}: not a Lance file")
        self.version = version
        self.head = bytearray(data[:meta])
        self.global_buffers = data[globals_at : globals_at + 16 * globals_n]
        self.columns = []
        for i in range(columns_n):
            at, size = struct.unpack_from("<QQ", data, columns_at + 16 * i)
            self.columns.append(Message.parse(data[at : at + size]))

    def edit_descriptor(self, change):
        """Change `lance.file.FileDescriptor` (global buffer 0) without changing its length."""
        at, size = struct.unpack_from("<QQ", self.global_buffers)
        descriptor = Message.parse(bytes(self.head[at : at + size]))
        change(descriptor)
        encoded = descriptor.encode()
        if len(encoded) != size:
            raise ValueError("the descriptor would not fit its place")
        self.head[at : at + size] = encoded

    def save(self):
        out, table = bytearray(self.head), bytearray()
        for column in self.columns:
            encoded = column.encode()
            table += struct.pack("<QQ", len(out), len(encoded))
            out += encoded
        columns_at = len(out)
        out += table
        globals_at = len(out)
        out += self.global_buffers
        out += self.FOOTER.pack(
            len(self.head),
            columns_at,
            globals_at,
            len(self.global_buffers) // 16,
            len(self.columns),
            *self.version,
            MAGIC,
        )
        self.path.write_bytes(bytes(out))


class ManifestFile:
    """The newest manifest of a dataset.

    [index section] [transaction] | u32 length | Manifest | i64 position of that length |
    u16 0 | u16 2 | "LANC"
    """

    def __init__(self, dataset):
        self.path = newest_manifest(dataset)
        data = self.path.read_bytes()
        (at,) = struct.unpack("<q", data[-16:-8])
        (size,) = struct.unpack_from("<I", data, at)
        self.head = data[:at]
        self.tail = data[-8:]
        self.message = Message.parse(data[at + 4 : at + 4 + size])

    def drop_transaction(self):
        """Forget the inline copy of the transaction and the name of its file.

        Old writers wrote neither. Both may hold a copy of what an edit is about to change.
        """
        self.message.drop(12, 21, 23)
        if self.message.get(6) is not None:
            raise ValueError("the index section would have to move")
        self.head = b""

    def save(self):
        body = self.message.encode()
        self.path.write_bytes(
            self.head
            + struct.pack("<I", len(body))
            + body
            + struct.pack("<q", len(self.head))
            + self.tail
        )


def newest_manifest(dataset):
    """V1 names are `7.manifest`; V2 names are 20 digits that count down."""
    names = [p for p in (Path(dataset) / "_versions").glob("*.manifest")]
    return max(names, key=lambda p: int(p.stem) if len(p.stem) < 20 else 2**64 - int(p.stem))


def data_files(dataset):
    return sorted((Path(dataset) / "data").glob("*.lance"))


def edit_manifest(dataset, change):
    manifest = ManifestFile(dataset)
    change(manifest.message)
    manifest.save()


def edit_manifest_field(dataset, name, change):
    """Change one `lance.file.Field` of the manifest schema, found by its name."""

    def in_field(field):
        if field.get(2) == name.encode():
            change(field)

    edit_manifest(dataset, lambda m: m.edit(1, in_field))


def edit_data_file(dataset, change):
    """Change the column metadata of every data file; the manifest learns the new size."""
    sizes = {}
    for path in data_files(dataset):
        file = DataFile(path)
        change(file)
        file.save()
        sizes[path.name.encode()] = path.stat().st_size

    def in_data_file(entry):
        if entry.get(1) in sizes and entry.get(6):
            entry.set(6, sizes[entry.get(1)])

    def in_fragment(fragment):
        fragment.edit(2, in_data_file)

    edit_manifest(dataset, lambda m: m.edit(2, in_fragment))


def edit_encoding(envelope, change):
    """Change what sits in `lance.file.v2.Encoding { direct { Any { value } } }`."""

    def in_direct(direct):
        any_message = direct.sub(1)
        any_message.edit(2, change)
        direct.set(1, any_message)

    envelope.edit(2, in_direct)


def edit_column_encoding(dataset, column, change):
    def in_file(file):
        file.columns[column].edit(1, lambda e: edit_encoding(e, change))

    edit_data_file(dataset, in_file)


def edit_page_encoding(dataset, column, change):
    def in_page(page):
        page.edit(4, lambda e: edit_encoding(e, change))

    def in_file(file):
        file.columns[column].edit(2, in_page)

    edit_data_file(dataset, in_file)


# --------------------------------------------------------------------------------------
# Fixtures. The functions below run inside an interpreter that has pylance.
# --------------------------------------------------------------------------------------

FIXTURES = {}


class Fixture:
    def __init__(self, name, how, make, version, column, writer, dataset, truth):
        self.name = name
        self.how = " ".join(textwrap.dedent(how).split())
        self.make = make
        self.version = version  # of the data files
        self.column = column  # what take_blobs is asked for
        self.writer = writer  # pylance release, or "daft"
        self.dataset = dataset  # the dataset's place inside the fixture
        self.truth = truth  # the rows that were written


VALUES = [b"hello world", b"lance", b"three little blobs"]
WITH_GAPS = [b"hello world", None, b"", b"lance"]


def fixture(name, version, how, column="blob", writer=WRITER, dataset=".", truth=VALUES):
    def register(make):
        assert name not in FIXTURES, name
        FIXTURES[name] = Fixture(name, how, make, version, column, writer, dataset, truth)
        return make

    return register


def blob_metadata(value="true"):
    return {BLOB_KEY: value}


def binary_field(name="blob", key=None):
    """A large_binary field, with the v1 blob key when `key` is given."""
    import pyarrow as pa

    return pa.field(name, pa.large_binary(), metadata=blob_metadata(key) if key else None)


def table_of(field, values):
    import pyarrow as pa

    return pa.table([pa.array(values, field.type)], schema=pa.schema([field]))


def write(table, to, version, **options):
    import lance

    return lance.write_dataset(table, str(to), data_storage_version=version, **options)


def write_blob_v1(to, version, values=VALUES, key="true"):
    return write(table_of(binary_field(key=key), values), to, version)


def write_plain(to, version, values=VALUES):
    return write(table_of(binary_field(), values), to, version)


def write_blob_v2(to, version, values=VALUES, **thresholds):
    import pyarrow as pa
    from lance.blob import blob_array, blob_field

    field = blob_field("blob", **thresholds)
    return write(pa.table([blob_array(values)], schema=pa.schema([field])), to, version)


def commit_schema(dataset, *fields):
    """Commit the same fragments again under another schema. Nothing checks it."""
    import lance
    import pyarrow as pa

    fragments = [f.metadata for f in dataset.get_fragments()]
    operation = lance.LanceOperation.Overwrite(pa.schema(list(fields)), fragments)
    return lance.LanceDataset.commit(dataset.uri, operation, read_version=dataset.version)


def new_dataset(to, version, schema, *tables):
    """Write each table as fragments of its own and commit them together as version 1."""
    import lance
    from lance.fragment import write_fragments

    fragments = []
    for table in tables:
        fragments += write_fragments(table, str(to), mode="create", data_storage_version=version)
    return lance.LanceDataset.commit(str(to), lance.LanceOperation.Overwrite(schema, fragments))


# The founding case ---------------------------------------------------------------------


@fixture(
    "daft-blob.lance",
    "2.0",
    """Daft 0.5.11 with pylance 0.32.1: DataFrame.write_lance() with a schema whose field
    has the blob key. Daft hands its data to Lance without that schema and gives the
    schema only to the commit.""",
    writer="daft",
    truth=[b"hello world", b"goodbye"],
)
def daft_blob(out):
    import daft
    import pyarrow as pa

    schema = pa.schema([binary_field(key="true")])
    frame = daft.from_pydict({"blob": [b"hello world", b"goodbye"]})
    frame.write_lance(str(out), schema=daft.Schema.from_pyarrow_schema(schema))


# Manifest says blob, file holds plain binary -------------------------------------------

NEIGHBOURS = [{"id": i, "blob": VALUES[i], "name": "abc"[i]} for i in range(3)]


def between_neighbours(key):
    """A large_binary column with a healthy column on each side."""
    import pyarrow as pa

    schema = pa.schema(
        [pa.field("id", pa.int64()), binary_field(key=key), pa.field("name", pa.string())]
    )
    return pa.Table.from_pylist(NEIGHBOURS, schema=schema)


def in_struct(key):
    """A large_binary column below a struct, beside an int32."""
    import pyarrow as pa

    return pa.field("s", pa.struct([pa.field("n", pa.int32()), binary_field(key=key)]))


IN_STRUCT = [{"n": i, "blob": value} for i, value in enumerate(VALUES)]

for v in ("2.0", "2.1", "2.2", "2.3"):

    @fixture(
        f"broken/blob-plain-{v}",
        v,
        "Plain large_binary, then commit(Overwrite) with the blob key on the field.",
    )
    def blob_plain(out, v=v):
        commit_schema(write_plain(out, v), binary_field(key="true"))


for v in ("2.0", "2.1", "2.2"):

    @fixture(
        f"broken/blob-plain-three-fragments-{v}",
        v,
        """As blob-plain, with a healthy column on each side of the blob column and three
        fragments of one row.""",
        truth=NEIGHBOURS,
    )
    def blob_plain_three_fragments(out, v=v):
        dataset = write(between_neighbours(None), out, v, max_rows_per_file=1)
        commit_schema(dataset, *between_neighbours("true").schema)


for v in ("2.0", "2.1", "2.2", "2.3"):

    @fixture(
        # Nulls have no v2 descriptors that could be missing.
        f"{'clean' if v >= '2.2' else 'broken'}/blob-plain-all-null-{v}",
        v,
        "Plain large_binary of nothing but nulls, then commit(Overwrite) with the blob key.",
        truth=[None, None, None],
    )
    def blob_plain_all_null(out, v=v):
        commit_schema(write_plain(out, v, [None, None, None]), binary_field(key="true"))


for v in ("2.2", "2.3"):

    @fixture(
        f"broken/blob-plain-by-metadata-{v}",
        v,
        """Plain large_binary, then replace_field_metadata() with the blob key: unlike a
        commit it does not turn the field into a v2 blob.""",
    )
    def blob_plain_by_metadata(out, v=v):
        write_plain(out, v).replace_field_metadata("blob", blob_metadata())


for v in ("2.0", "2.1", "2.2", "2.3"):

    @fixture(
        f"broken/blob-v2-over-plain-{v}",
        v,
        "Plain large_binary, then commit(Overwrite) with a lance.blob.v2 field.",
    )
    def blob_v2_over_plain(out, v=v):
        from lance.blob import blob_field

        commit_schema(write_plain(out, v), blob_field("blob"))


OTHER_VALUES = {"int64": [1, 2, 3], "string": ["one", "two", "three"], "binary": VALUES}

for kind, other_values in OTHER_VALUES.items():
    for v in ("2.0", "2.1", "2.2"):

        @fixture(
            f"broken/blob-on-{kind}-{v}",
            v,
            f"A plain {kind} column, then commit(Overwrite) with the blob key on that field.",
            truth=other_values,
        )
        def blob_on_other_type(out, v=v, kind=kind):
            import pyarrow as pa

            arrow = getattr(pa, kind)()
            dataset = write(table_of(pa.field("blob", arrow), OTHER_VALUES[kind]), out, v)
            commit_schema(dataset, pa.field("blob", arrow, metadata=blob_metadata()))


# File holds blobs, manifest does not say so --------------------------------------------

for v in ("2.0", "2.1"):

    @fixture(
        f"broken/blob-unflagged-{v}",
        v,
        'A real v1 blob column, then replace_field_metadata("blob", {}).',
    )
    def blob_unflagged(out, v=v):
        write_blob_v1(out, v).replace_field_metadata("blob", {})

    @fixture(
        f"broken/blob-unflagged-commit-{v}",
        v,
        "A real v1 blob column, then commit(Overwrite) with a plain large_binary field.",
    )
    def blob_unflagged_commit(out, v=v):
        commit_schema(write_blob_v1(out, v), binary_field())


@fixture(
    "broken/blob-unflagged-2.2",
    "2.2",
    "A real v2 blob column, then commit(Overwrite) with a plain large_binary field.",
)
def blob_unflagged_v2(out):
    commit_schema(write_blob_v2(out, "2.2"), binary_field())


@fixture(
    "broken/blob-v2-as-struct-2.2",
    "2.2",
    """A real v2 blob column; edit of the manifest: the field loses its extension name
    and its metadata and stays a struct.""",
)
def blob_v2_as_struct(out):
    write_blob_v2(out, "2.2")
    edit_manifest_field(out, "blob", lambda field: field.drop(9, 10))


for v in ("2.2", "2.3"):

    @fixture(
        f"broken/blob-v1-key-on-{v}",
        v,
        """A real v2 blob column; edit of the manifest: the field becomes large_binary with
        the v1 key, its children and its extension name go.""",
    )
    def blob_v1_key_on_v2(out, v=v):
        write_blob_v2(out, v)

        def to_v1(field):
            field.set(5, "large_binary")
            field.drop(9, 10)
            field.add(10, Message.of(f1=BLOB_KEY, f2="true"))

        def only_top_level(manifest):
            for number, wire, value in list(manifest.fields):
                if number == 1 and Message.parse(value).get(4, 0) != 2**64 - 1:
                    manifest.fields.remove((number, wire, value))

        edit_manifest_field(out, "blob", to_v1)
        edit_manifest(out, only_top_level)


for kind in ("int64", "string", "struct"):
    for v in ("2.0",) if kind == "struct" else ("2.0", "2.1"):

        @fixture(
            f"broken/blob-encoding-on-{kind}-{v}",
            v,
            f"A real v1 blob column, then commit(Overwrite) with a plain {kind} field.",
        )
        def blob_encoding_on_other_type(out, v=v, kind=kind):
            import pyarrow as pa

            arrow = {
                "int64": pa.int64(),
                "string": pa.string(),
                "struct": pa.struct([pa.field("x", pa.int32())]),
            }[kind]
            commit_schema(write_blob_v1(out, v), pa.field("blob", arrow))


# The key says false --------------------------------------------------------------------

for v in ("2.0", "2.1", "2.2"):

    @fixture(
        # In 2.2 the writer turns the key into the extension, and its value is gone.
        f"{'clean' if v >= '2.2' else 'broken'}/blob-key-false-{v}",
        v,
        'Written with `lance-encoding:blob` = "false": the mere key makes it a blob.',
    )
    def blob_key_false(out, v=v):
        write_blob_v1(out, v, key="false")


for v in ("2.0", "2.1"):

    @fixture(
        f"broken/blob-key-false-plain-{v}",
        v,
        """Plain large_binary, then commit(Overwrite) with `lance-encoding:blob` = "false"
        on the field.""",
    )
    def blob_key_false_plain(out, v=v):
        commit_schema(write_plain(out, v), binary_field(key="false"))


# Columns added later -------------------------------------------------------------------

IDS = [1, 2, 3]
WITH_IDS = [{"id": i, "blob": value} for i, value in zip(IDS, VALUES, strict=True)]


def write_ids(to, version):
    import pyarrow as pa

    return write(pa.table({"id": IDS}), to, version)


@fixture(
    "broken/blob-add-columns-2.2",
    "2.2",
    """An id column, then add_columns() with a reader of a large_binary with the v1 key: the
    manifest gets a v2 field, the new data file a v1 BlobLayout.""",
    truth=WITH_IDS,
)
def blob_add_columns(out):
    reader = table_of(binary_field(key="true"), VALUES).to_reader()
    write_ids(out, "2.2").add_columns(reader)


for v in ("2.0", "2.1"):

    @fixture(
        f"clean/blob-add-columns-{v}",
        v,
        "An id column, then add_columns() with a reader of a large_binary with the v1 key.",
        truth=WITH_IDS,
    )
    def blob_add_columns_v1(out, v=v):
        reader = table_of(binary_field(key="true"), VALUES).to_reader()
        write_ids(out, v).add_columns(reader)


for v in ("2.2", "2.3"):

    @fixture(
        f"clean/blob-v2-add-columns-{v}",
        v,
        "An id column, then add_columns() with a reader of a lance.blob.v2 column.",
        truth=WITH_IDS,
    )
    def blob_add_columns_v2(out, v=v):
        import pyarrow as pa
        from lance.blob import blob_array, blob_field

        table = pa.table([blob_array(VALUES)], schema=pa.schema([blob_field("blob")]))
        write_ids(out, v).add_columns(table.to_reader())


for v in ("2.0", "2.1", "2.2"):

    @fixture(
        f"clean/blob-add-columns-empty-{v}",
        v,
        """An id column, then add_columns() with a field that has the v1 key: no data file
        holds the new column.""",
        truth=[{"id": i, "blob": None} for i in IDS],
    )
    def blob_add_columns_empty(out, v=v):
        write_ids(out, v).add_columns(binary_field(key="true"))

    @fixture(
        f"clean/blob-add-columns-empty-append-{v}",
        v,
        "As blob-add-columns-empty, and then a row is appended.",
        truth=[{"id": i, "blob": None} for i in IDS] + [{"id": 4, "blob": b"late"}],
    )
    def blob_add_columns_empty_append(out, v=v):
        import pyarrow as pa

        write_ids(out, v).add_columns(binary_field(key="true"))
        schema = pa.schema([pa.field("id", pa.int64()), binary_field(key="true")])
        rows = pa.Table.from_pylist([{"id": 4, "blob": b"late"}], schema=schema)
        write(rows, out, v, mode="append")


for v in ("2.0", "2.1"):

    @fixture(
        f"clean/blob-cast-to-binary-{v}",
        v,
        """A real v1 blob column, then alter_columns() to binary: the blob column stays in
        its data file without a live field.""",
    )
    def blob_cast_to_binary(out, v=v):
        import pyarrow as pa

        write_blob_v1(out, v).alter_columns({"path": "blob", "data_type": pa.binary()})

    @fixture(
        f"clean/blob-plain-compacted-{v}",
        v,
        """blob-plain-three-fragments, then compact_files(), which reads the plain bytes and
        writes real blobs.""",
        truth=NEIGHBOURS,
    )
    def blob_plain_compacted(out, v=v):
        dataset = write(between_neighbours(None), out, v, max_rows_per_file=1)
        commit_schema(dataset, *between_neighbours("true").schema).optimize.compact_files()


@fixture(
    "clean/blob-renamed-2.0",
    "2.0",
    'A real v1 blob column named "old", then alter_columns() renames it to "blob".',
)
def blob_renamed(out):
    dataset = write(table_of(binary_field("old", key="true"), VALUES), out, "2.0")
    dataset.alter_columns({"path": "old", "name": "blob"})


# Blobs below structs and lists ---------------------------------------------------------


IN_LIST = [VALUES[:2], [], VALUES[2:]]
NESTED = {"struct": ("s.blob", IN_STRUCT), "list": ("blobs.item", IN_LIST)}


def nested_v1(kind, rows=None):
    import pyarrow as pa

    if kind == "struct":
        field = in_struct("true")
    else:
        field = pa.field("blobs", pa.list_(binary_field("item", key="true")))
    return table_of(field, NESTED[kind][1] if rows is None else rows)


def nested_v2(kind, rows=None):
    import pyarrow as pa
    from lance.blob import blob_array, blob_field

    rows = NESTED[kind][1] if rows is None else rows
    absent = pa.array([row is None for row in rows])
    if kind == "struct":
        fields = [pa.field("n", pa.int32()), blob_field("blob")]
        numbers = pa.array([row and row["n"] for row in rows], pa.int32())
        blobs = blob_array([row and row["blob"] for row in rows])
        array = pa.StructArray.from_arrays([numbers, blobs], fields=fields, mask=absent)
        field = pa.field("s", pa.struct(fields))
    else:
        field = pa.field("blobs", pa.list_(blob_field("item")))
        offsets = [0]
        for row in rows:
            offsets.append(offsets[-1] + len(row or []))
        blobs = blob_array([value for row in rows for value in row or []])
        array = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), blobs, type=field.type, mask=absent
        )
    return pa.table([array], schema=pa.schema([field]))


for kind, v in (("struct", "2.0"), ("struct", "2.1"), ("struct", "2.2"), ("list", "2.0")):

    @fixture(
        f"clean/blob-in-{kind}-{v}",
        v,
        f"A large_binary with the v1 key below a {kind}, written by write_dataset().",
        column=NESTED[kind][0],
        truth=NESTED[kind][1],
    )
    def blob_nested(out, v=v, kind=kind):
        write(nested_v1(kind), out, v)


STRUCT_GAPS = [None, {"n": 1, "blob": None}, {"n": None, "blob": b""}, {"n": 3, "blob": b"lance"}]

for v in ("2.1", "2.2"):

    @fixture(
        f"clean/blob-in-struct-with-nulls-{v}",
        v,
        "The v1 key below a struct, with a null struct, a null blob and an empty blob.",
        column="s.blob",
        truth=STRUCT_GAPS,
    )
    def blob_in_struct_with_nulls(out, v=v):
        write(nested_v1("struct", STRUCT_GAPS), out, v)


LISTS = {
    "": ("broken", IN_LIST),
    "-with-null": ("broken", [[None], [b"hello world", b"lance"]]),
    "-all-empty": ("broken", [[], []]),
    "-all-null": ("broken", [None, None]),
}

for suffix, (folder, rows) in LISTS.items():

    @fixture(
        f"{folder}/blob-in-list{suffix}-2.1",
        "2.1",
        f"A large_binary with the v1 key below a list, with the rows {rows!r}.",
        column="blobs.item",
        truth=rows,
    )
    def blob_in_list(out, rows=rows):
        write(nested_v1("list", rows), out, "2.1")


@fixture(
    "clean/blob-in-list-with-null-2.0",
    "2.0",
    "A large_binary with the v1 key below a list, with a null among the items.",
    column="blobs.item",
    truth=[[None, b"hello world"], [b"lance"]],
)
def blob_in_list_with_null(out):
    write(nested_v1("list", [[None, b"hello world"], [b"lance"]]), out, "2.0")


V2_NESTED = {
    "struct": ("struct", IN_STRUCT),
    "struct-with-nulls": ("struct", STRUCT_GAPS),
    "list": ("list", IN_LIST),
    "list-with-nulls": ("list", [[None, b"hello world"], None, [], [b"lance"]]),
    "list-all-empty": ("list", [[], []]),
    "list-all-null": ("list", [None, None]),
}

for name, (kind, rows) in V2_NESTED.items():

    @fixture(
        f"clean/blob-v2-in-{name}-2.2",
        "2.2",
        f"A lance.blob.v2 field below a {kind}, with the rows {rows!r}.",
        column=NESTED[kind][0],
        truth=rows,
    )
    def blob_v2_nested(out, kind=kind, rows=rows):
        write(nested_v2(kind, rows), out, "2.2")


for v in ("2.0", "2.1", "2.2"):

    @fixture(
        f"broken/blob-plain-in-struct-{v}",
        v,
        "A plain large_binary below a struct, then commit(Overwrite) with the key on it.",
        column="s.blob",
        truth=IN_STRUCT,
    )
    def blob_plain_in_struct(out, v=v):
        commit_schema(write(table_of(in_struct(None), IN_STRUCT), out, v), in_struct("true"))


for v in ("2.0", "2.1", "2.2"):

    @fixture(
        f"broken/blob-plain-in-list-{v}",
        v,
        "A plain large_binary below a list, then commit(Overwrite) with the key on it.",
        column="blobs.item",
        truth=IN_LIST,
    )
    def blob_plain_in_list(out, v=v):
        import pyarrow as pa

        plain = pa.field("blobs", pa.list_(binary_field("item")))
        keyed = pa.field("blobs", pa.list_(binary_field("item", key="true")))
        commit_schema(write(table_of(plain, IN_LIST), out, v), keyed)


# Legacy files --------------------------------------------------------------------------


@fixture(
    "broken/blob-in-0.1",
    "0.1",
    "write_dataset() in format 0.1 with the blob key: written as plain binary.",
)
def blob_in_legacy(out):
    write_blob_v1(out, "0.1")


@fixture(
    "broken/blob-in-0.1-commit",
    "0.1",
    "Plain large_binary in format 0.1, then commit(Overwrite) with the blob key.",
)
def blob_in_legacy_commit(out):
    commit_schema(write_plain(out, "0.1"), binary_field(key="true"))


# Fragments that disagree with one another ----------------------------------------------

for v in ("2.0", "2.1", "2.2"):

    @fixture(
        f"broken/blob-mixed-fragments-{v}",
        v,
        """Two fragments of the same field, a real blob and a plain large_binary, made by
        write_fragments() and committed together under the schema with the key.""",
        truth=VALUES[:2] + VALUES[1:],
    )
    def blob_mixed_fragments(out, v=v):
        import pyarrow as pa

        flagged, plain = binary_field(key="true"), binary_field()
        new_dataset(
            out, v, pa.schema([flagged]), table_of(flagged, VALUES[:2]), table_of(plain, VALUES[1:])
        )


for v in ("2.0", "2.1"):

    @fixture(
        f"broken/blob-mixed-fragments-unflagged-{v}",
        v,
        "The fragments of blob-mixed-fragments, committed under the schema without the key.",
        truth=VALUES[:2] + VALUES[1:],
    )
    def blob_mixed_fragments_unflagged(out, v=v):
        import pyarrow as pa

        flagged, plain = binary_field(key="true"), binary_field()
        new_dataset(
            out, v, pa.schema([plain]), table_of(flagged, VALUES[:2]), table_of(plain, VALUES[1:])
        )


# Blobs behind a base path --------------------------------------------------------------


def clone(out, name):
    """Shallow-clone `source.lance` and make the reference to it relative.

    The clone's manifest holds the absolute path of its source. That path is replaced by
    one relative to the directory above testdata/, which readers resolve against their
    working directory.
    """
    import lance

    source = Path(out) / "source.lance"
    dataset = lance.dataset(str(source))
    target = Path(out) / "clone.lance"
    dataset.shallow_clone(str(target), dataset.version)
    manifest = ManifestFile(target)
    manifest.drop_transaction()
    manifest.message.edit(18, lambda base: base.set(4, f"testdata/{name}/source.lance"))
    manifest.save()
    shutil.rmtree(target / "_transactions")


for v in ("2.0", "2.1"):

    @fixture(
        f"broken/blob-clone-{v}",
        v,
        """A v1 blob column, shallow-cloned; edit of the clone's manifest: the base path
        becomes relative (to the directory above testdata/) and the copy of the
        transaction goes.""",
        dataset="clone.lance",
    )
    def blob_clone(out, v=v):
        write_blob_v1(Path(out) / "source.lance", v)
        clone(out, f"broken/blob-clone-{v}")


@fixture(
    "clean/blob-v2-clone-2.2",
    "2.2",
    "A v2 blob column, shallow-cloned; the base path edited as in blob-clone.",
    dataset="clone.lance",
)
def blob_v2_clone(out):
    write_blob_v2(Path(out) / "source.lance", "2.2")
    clone(out, "clean/blob-v2-clone-2.2")


# Faults inside the column metadata -----------------------------------------------------


@fixture(
    "broken/blob-inner-missing-2.0",
    "2.0",
    "A real v1 blob column; edit: ColumnEncoding.blob loses its inner encoding.",
)
def blob_inner_missing(out):
    write_blob_v1(out, "2.0")
    edit_column_encoding(out, 0, lambda _: Message.of(f3=Message()))


@fixture(
    "broken/blob-inner-empty-2.0",
    "2.0",
    "A real v1 blob column; edit: the inner encoding of ColumnEncoding.blob is empty.",
)
def blob_inner_empty(out):
    write_blob_v1(out, "2.0")
    edit_column_encoding(out, 0, lambda _: Message.of(f3=Message.of(f1=Message())))


@fixture(
    "broken/blob-page-not-packed-2.0",
    "2.0",
    """A plain large_binary committed with the key; edit: the column encoding becomes
    blob{values} while the page stays binary.""",
)
def blob_page_not_packed(out):
    commit_schema(write_plain(out, "2.0"), binary_field(key="true"))
    edit_column_encoding(out, 0, lambda values: Message.of(f3=Message.of(f1=values)))


@fixture(
    "broken/blob-values-over-packed-2.0",
    "2.0",
    """A real v1 blob column; edit: the column encoding becomes `values` while the page
    stays packed_struct.""",
)
def blob_values_over_packed(out):
    write_blob_v1(out, "2.0")
    edit_column_encoding(out, 0, lambda blob: blob.sub(3).sub(1))


def wrap_in_blob_layout(layout):
    return Message.of(f4=Message.of(f1=layout, f2=bytes([1])))  # layers: [ALL_VALID_ITEM]


@fixture(
    "broken/blob-layout-on-plain-2.1",
    "2.1",
    """A plain large_binary committed with the key; edit: a BlobLayout is put around the
    plain page layout.""",
)
def blob_layout_on_plain(out):
    commit_schema(write_plain(out, "2.1"), binary_field(key="true"))
    edit_page_encoding(out, 0, wrap_in_blob_layout)


@fixture(
    "broken/blob-layers-empty-2.1",
    "2.1",
    "A real v1 blob column; edit: BlobLayout loses its layers.",
)
def blob_layers_empty(out):
    write_blob_v1(out, "2.1")

    def no_layers(layout):
        layout.edit(4, lambda blob: blob.drop(2))

    edit_page_encoding(out, 0, no_layers)


@fixture(
    "broken/blob-layout-inner-missing-2.1",
    "2.1",
    "A real v1 blob column; edit: BlobLayout loses its inner layout.",
)
def blob_layout_inner_missing(out):
    write_blob_v1(out, "2.1")

    def no_inner(layout):
        layout.edit(4, lambda blob: blob.drop(1))

    edit_page_encoding(out, 0, no_inner)


def twice_the_rows(out):
    """Say in the manifest and in the data file that there are twice as many rows."""

    def in_fragment(fragment):
        fragment.set(4, 2 * fragment.get(4))

    def in_file(file):
        file.edit_descriptor(lambda descriptor: descriptor.set(2, 2 * descriptor.get(2)))

    edit_data_file(out, in_file)
    edit_manifest(out, lambda m: m.edit(2, in_fragment))


@fixture(
    "broken/blob-unwrapped-page-2.1",
    "2.1",
    """A real v1 blob column of one page; edit: the page is listed twice, the second time
    without the BlobLayout around its inner layout, and there are twice the rows.""",
    truth=VALUES + VALUES,
)
def blob_unwrapped_page(out):
    write_blob_v1(out, "2.1")

    def second_page(file):
        page = file.columns[0].sub(2)
        page.edit(4, lambda e: edit_encoding(e, lambda layout: layout.sub(4).sub(1)))
        page.set(5, page.get(3))
        file.columns[0].add(2, page)

    edit_data_file(out, second_page)
    twice_the_rows(out)


for v in ("2.0", "2.1"):

    @fixture(
        f"broken/blob-mixed-pages-{v}",
        v,
        """A real v1 blob column and a plain large_binary column; edit: each column gets the
        page of the plain column as its second page, and there are twice the rows.""",
        truth=[{"blob": value, "plain": value} for value in VALUES + VALUES],
    )
    def blob_mixed_pages(out, v=v):
        import pyarrow as pa

        table = pa.table(
            [pa.array(VALUES, pa.large_binary())] * 2,
            schema=pa.schema([binary_field(key="true"), binary_field("plain")]),
        )
        write(table, out, v)

        def second_page(file):
            page = file.columns[1].sub(2)
            page.set(5, page.get(3))
            for column in file.columns:
                column.add(2, page)

        edit_data_file(out, second_page)
        twice_the_rows(out)


def edit_blob_v2(change):
    """Change the VariablePackedStruct of a v2 blob page (full zip, value compression)."""

    def in_compression(compression):
        compression.edit(13, change)

    def in_full_zip(full_zip):
        full_zip.edit(7, in_compression)

    return lambda layout: layout.edit(3, in_full_zip)


@fixture(
    "broken/blob-v2-descriptor-width-2.2",
    "2.2",
    """A real v2 blob column; edit: the fourth descriptor field (blob_id) is declared 64
    bits wide instead of 32.""",
)
def blob_v2_descriptor_width(out):
    write_blob_v2(out, "2.2")

    def widen(descriptor):
        at = [i for i, f in enumerate(descriptor.fields) if f[0] == 1][3]
        field = Message.parse(descriptor.fields[at][2])
        assert field.get(2) == 32
        field.set(2, 64)
        field.edit(1, lambda value: value.edit(1, lambda flat: flat.set(1, 64)))
        descriptor.fields[at] = (1, BYTES, field.encode())

    edit_page_encoding(out, 0, edit_blob_v2(widen))


@fixture(
    "broken/blob-v2-descriptor-short-2.2",
    "2.2",
    "A real v2 blob column; edit: the descriptor loses its last field (blob_uri).",
)
def blob_v2_descriptor_short(out):
    write_blob_v2(out, "2.2")

    def drop_last(descriptor):
        descriptor.fields.pop()

    edit_page_encoding(out, 0, edit_blob_v2(drop_last))


# Sidecar files of v2 blobs -------------------------------------------------------------

SIDECAR_VALUES = [b"in", b"packed away", b"a dedicated file of its own"]
SIDECAR_THRESHOLDS = {"inline_size_threshold": 4, "dedicated_size_threshold": 16}


@fixture(
    "clean/blob-v2-sidecar-2.2",
    "2.2",
    """A v2 blob column with low thresholds: one value inline, one in a packed sidecar,
    one in a sidecar of its own.""",
    truth=SIDECAR_VALUES,
)
def blob_v2_sidecar(out):
    write_blob_v2(out, "2.2", SIDECAR_VALUES, **SIDECAR_THRESHOLDS)


@fixture(
    "beyond/blob-v2-sidecar-missing-2.2",
    "2.2",
    "The dataset blob-v2-sidecar without its .blob files.",
    truth=SIDECAR_VALUES,
)
def blob_v2_sidecar_missing(out):
    write_blob_v2(out, "2.2", SIDECAR_VALUES, **SIDECAR_THRESHOLDS)
    for path in data_files(out):
        shutil.rmtree(path.with_suffix(""))


# Damaged files -------------------------------------------------------------------------

GARBAGE = bytes((i * 197 + 31) % 251 for i in range(300))
LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)
DAMAGE = {
    "truncated": (
        "cut to its first half",
        lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    ),
    "empty": ("emptied", lambda p: p.write_bytes(b"")),
    "garbage": ("replaced by 300 meaningless bytes", lambda p: p.write_bytes(GARBAGE)),
    "lfs-pointer": ("replaced by a Git LFS pointer", lambda p: p.write_bytes(LFS_POINTER)),
    "missing": ("deleted", lambda p: p.unlink()),
}

for what in ("data", "manifest"):
    for damage, (words, do) in DAMAGE.items():
        if what == "manifest" and damage == "missing":
            continue

        @fixture(
            f"broken/damaged-{what}-{damage}",
            "2.0",
            f"A healthy v1 blob dataset whose {what} file was {words}.",
        )
        def damaged(out, what=what, do=do):
            write_blob_v1(out, "2.0")
            do(data_files(out)[0] if what == "data" else newest_manifest(out))


def forget_file_sizes(out):
    """Unset DataFile.file_size_bytes, as old writers left it."""

    def in_fragment(fragment):
        fragment.edit(2, lambda data_file: data_file.drop(6))

    edit_manifest(out, lambda m: m.edit(2, in_fragment))


for damage, (words, do) in DAMAGE.items():
    if damage == "missing":
        continue

    @fixture(
        f"broken/damaged-data-{damage}-size-unknown",
        "2.0",
        f"A healthy v1 blob dataset; the manifest forgets the data file's size, and the file was {words}.",
    )
    def damaged_size_unknown(out, do=do):
        write_blob_v1(out, "2.0")
        forget_file_sizes(out)
        do(data_files(out)[0])


# Healthy counterparts ------------------------------------------------------------------

CONTENTS = {
    "": WITH_GAPS,
    "-all-null": [None, None, None],
    "-all-empty": [b"", b"", b""],
    "-no-nulls": VALUES,
    "-one-row": VALUES[:1],
    "-equal-values": VALUES[:1] * 3,
}

for v in ("2.0", "2.1"):
    for suffix, values in CONTENTS.items():

        @fixture(
            f"clean/blob-v1{suffix}-{v}",
            v,
            f"A v1 blob column with the values {values!r}.",
            truth=values,
        )
        def clean_v1(out, v=v, values=values):
            write_blob_v1(out, v, values)


for v in ("2.2", "2.3"):
    for suffix, values in CONTENTS.items():

        @fixture(
            f"clean/blob-v2{suffix}-{v}",
            v,
            f"A v2 blob column with the values {values!r}.",
            truth=values,
        )
        def clean_v2(out, v=v, values=values):
            write_blob_v2(out, v, values)


@fixture(
    "clean/blob-v1-by-0.32.1-2.0",
    "2.0",
    f"A v1 blob column with the values {WITH_GAPS!r}, written by pylance 0.32.1.",
    writer=OLD_READER,
    truth=WITH_GAPS,
)
def blob_v1_by_old_writer(out):
    write_blob_v1(out, "2.0", WITH_GAPS)


@fixture(
    "clean/blob-v1-key-upgraded-2.2",
    "2.2",
    "write_dataset() in format 2.2 with the v1 key: the writer makes it a v2 blob.",
    truth=WITH_GAPS,
)
def blob_v1_key_upgraded(out):
    write_blob_v1(out, "2.2", WITH_GAPS)


for v in ("2.0", "2.1"):

    @fixture(
        f"clean/blob-v2-over-v1-{v}",
        v,
        "A real v1 blob column, then commit(Overwrite) with a lance.blob.v2 field.",
        truth=WITH_GAPS,
    )
    def blob_v2_over_v1(out, v=v):
        from lance.blob import blob_field

        commit_schema(write_blob_v1(out, v, WITH_GAPS), blob_field("blob"))


for v in ("2.0", "2.1"):

    @fixture(
        f"clean/blob-v1-three-fragments-{v}",
        v,
        "A v1 blob column between two plain columns, three fragments of one row.",
        truth=NEIGHBOURS,
    )
    def blob_v1_three_fragments(out, v=v):
        write(between_neighbours("true"), out, v, max_rows_per_file=1)


# --------------------------------------------------------------------------------------
# Attempts: other ways in which a blob column might go wrong. They leave no fixture; the
# report says whether the writer refused, and what the reader makes of the result.
# --------------------------------------------------------------------------------------

ATTEMPTS = {}


def attempt(name):
    def register(make):
        assert name not in ATTEMPTS, name
        ATTEMPTS[name] = make
        return make

    return register


for kind in OTHER_VALUES:
    for v in ("2.0", "2.1", "2.2"):

        @attempt(f"{v}: write_dataset() with the blob key on {kind}")
        def key_on_other_type(out, v=v, kind=kind):
            import pyarrow as pa

            field = pa.field("blob", getattr(pa, kind)(), metadata=blob_metadata())
            write(table_of(field, OTHER_VALUES[kind]), out, v)


for v in ("2.0", "2.1"):

    @attempt(f"{v}: write_dataset() with a lance.blob.v2 field")
    def v2_in_old_format(out, v=v):
        write_blob_v2(out, v)


@attempt("2.2: alter_columns() casts a v2 blob column to binary")
def cast_v2(out):
    import pyarrow as pa

    write_blob_v2(out, "2.2").alter_columns({"path": "blob", "data_type": pa.binary()})


@attempt("2.3: add_columns() with a reader whose schema has the v1 key")
def add_v1_column(out):
    write_ids(out, "2.3").add_columns(table_of(binary_field(key="true"), VALUES).to_reader())


for suffix in ("", "-with-null"):

    @attempt(f"2.1: blob-in-list{suffix}, then the key is taken off the item")
    def blob_in_list_without_key(out, rows=LISTS[suffix][1]):
        dataset = write(nested_v1("list", rows), out, "2.1")
        dataset.update_field_metadata({"blobs.item": {}}, replace=True)


@attempt("2.0: write_dataset() with the v1 key below a list, all lists empty")
def empty_lists(out):
    write(nested_v1("list", [[], []]), out, "2.0")


for kind in NESTED:
    for v in ("2.2", "2.3"):

        @attempt(f"{v}: write_dataset() with the v1 key below a {kind}")
        def v1_key_nested(out, v=v, kind=kind):
            write(nested_v1(kind), out, v)


for v in ("2.2", "2.3"):

    @attempt(f"{v}: write_fragments() with the v1 key, commit with the v1 key")
    def v1_key_fragments(out, v=v):
        table = table_of(binary_field(key="true"), VALUES)
        new_dataset(out, v, table.schema, table)


for v in ("2.1", "2.2"):

    @attempt(f"{v}: a real blob, commit(Overwrite) with a plain struct")
    def struct_over_blob(out, v=v):
        import pyarrow as pa

        dataset = write_blob_v1(out, v) if v == "2.1" else write_blob_v2(out, v)
        commit_schema(dataset, pa.field("blob", pa.struct([pa.field("x", pa.int32())])))


@attempt('2.2: a real v2 blob, replace_field_metadata("blob", {})')
def v2_without_metadata(out):
    write_blob_v2(out, "2.2").replace_field_metadata("blob", {})


for v in ("2.0", "2.1", "2.2"):

    @attempt(f"{v}: plain, replace_field_metadata() adds the blob key")
    def key_by_metadata(out, v=v):
        write_plain(out, v).replace_field_metadata("blob", blob_metadata())


def write_blob_plain(out, v):
    return commit_schema(write_plain(out, v), binary_field(key="true"))


BASES = {"plain": write_plain, "blob": write_blob_v1, "blob-plain": write_blob_plain}

for base, write_base in BASES.items():
    for rows, key in (("plain", None), ("keyed", "true")):
        for v in ("2.0", "2.1", "2.2"):

            @attempt(f"{v}: append of {rows} rows to a {base} dataset")
            def append(out, v=v, write_base=write_base, key=key):
                write_base(out, v)
                write(table_of(binary_field(key=key), VALUES), out, v, mode="append")


for v in ("2.0", "2.1", "2.2"):

    @attempt(f"{v}: add_columns() by SQL from a blob column")
    def add_column_by_sql(out, v=v):
        write_blob_v1(out, v).add_columns({"copy": "blob"})

    @attempt(f"{v}: update() of another column of a table with a blob column")
    def update(out, v=v):
        write(between_neighbours("true"), out, v).update({"id": "id + 10"}, where="id = 2")

    @attempt(f"{v}: merge_insert() into a table with a blob column")
    def merge_insert(out, v=v):
        dataset = write(between_neighbours("true"), out, v)
        merge = dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(between_neighbours("true").slice(1))

    @attempt(f"{v}: compact_files() of a blob column")
    def compact(out, v=v):
        dataset = write(between_neighbours("true"), out, v, max_rows_per_file=1)
        dataset.optimize.compact_files()

    @attempt(f"{v}: compact_files() of a blob-plain column")
    def compact_blob_plain(out, v=v):
        dataset = write(between_neighbours(None), out, v, max_rows_per_file=1)
        commit_schema(dataset, *between_neighbours("true").schema).optimize.compact_files()

    @attempt(f"{v}: update() of every row of a blob-plain column")
    def update_blob_plain(out, v=v):
        dataset = write(between_neighbours(None), out, v, max_rows_per_file=1)
        commit_schema(dataset, *between_neighbours("true").schema).update({"id": "id + 10"})

    @attempt(f"{v}: compact_files() of an unflagged blob column")
    def compact_unflagged(out, v=v):
        dataset = write(between_neighbours("true"), out, v, max_rows_per_file=1)
        commit_schema(dataset, *between_neighbours(None).schema).optimize.compact_files()

    @attempt(f"{v}: shallow_clone() of a blob column, then both directories are moved")
    def clone_then_move(out, v=v):
        away = Path(str(out) + "-before")
        dataset = write_blob_v1(away / "source.lance", v)
        dataset.shallow_clone(str(away / "clone.lance"), dataset.version)
        (away / "clone.lance").rename(out)
        shutil.rmtree(away)


# --------------------------------------------------------------------------------------
# Reader calls. Each runs in a process of its own.
# --------------------------------------------------------------------------------------


def describe_schema(schema):
    return ", ".join(
        f"{f.name}: {f.type}"
        + (
            f" { ({k.decode(): v.decode() for k, v in sorted(f.metadata.items())}) }"
            if f.metadata
            else ""
        )
        for f in schema
    )


def rows_of(table):
    names = table.column_names
    rows = table.to_pylist()
    return repr([row[names[0]] for row in rows] if len(names) == 1 else rows)


def two_rows(dataset):
    return [0, 1][: dataset.count_rows()]


def read_all(blobs):
    return repr([None if blob is None else blob.readall() for blob in blobs])


CALLS = {
    "lance.dataset(p)": lambda ds, _: (
        f"format {ds.data_storage_version}; {describe_schema(ds.schema)}"
    ),
    "count_rows()": lambda ds, _: ds.count_rows(),
    "to_table()": lambda ds, _: rows_of(ds.to_table()),
    'scanner(blob_handling="all_binary").to_table()': lambda ds, _: rows_of(
        ds.scanner(blob_handling="all_binary").to_table()
    ),
    "take_blobs(column, indices)": lambda ds, column: read_all(
        ds.take_blobs(column, indices=two_rows(ds))
    ),
    "read_blobs(column, indices)": lambda ds, column: repr(
        ds.read_blobs(column, indices=two_rows(ds))
    ),
    "validate()": lambda ds, _: ds.validate() or "passes",
}
NEW_CALLS = {
    'scanner(blob_handling="all_binary").to_table()',
    "read_blobs(column, indices)",
}
OVERVIEW = [
    (OLD_READER, "to_table()"),
    (OLD_READER, "take_blobs(column, indices)"),
    (WRITER, "to_table()"),
    (WRITER, 'scanner(blob_handling="all_binary").to_table()'),
    (WRITER, "take_blobs(column, indices)"),
    (WRITER, "validate()"),
]
# 0.32.1 cannot read files from 2.1 on; these calls are enough to see how it says so.
FEW_CALLS = {"lance.dataset(p)", "count_rows()", "to_table()"}


# --------------------------------------------------------------------------------------
# Fixes: the lines are run exactly as they are printed in the report
# --------------------------------------------------------------------------------------

PLAIN_FIXTURES = [
    "daft-blob.lance",
    "broken/blob-plain-2.0",
    "broken/blob-plain-2.1",
    "broken/blob-plain-2.2",
    "broken/blob-plain-three-fragments-2.0",
    "broken/blob-plain-three-fragments-2.1",
    "broken/blob-plain-three-fragments-2.2",
]
MIXED_FIXTURES = [f"broken/blob-mixed-fragments-{v}" for v in ("2.0", "2.1", "2.2")]
UNFLAGGED_FIXTURES = ["broken/blob-unflagged-2.0", "broken/blob-unflagged-2.1"]
V2_UNFLAGGED_FIXTURES = ["broken/blob-unflagged-2.2", "broken/blob-v1-key-on-2.2"]

Fixes = {
    "Take the key off: replace_field_metadata": (
        """\
        ds = lance.dataset(uri)
        ds.replace_field_metadata("blob", {})
        """,
        [
            *PLAIN_FIXTURES,
            "broken/blob-plain-by-metadata-2.2",
            "broken/blob-in-0.1",
            *MIXED_FIXTURES,
        ],
    ),
    "Take the key off: update_field_metadata": (
        """\
        ds = lance.dataset(uri)
        ds.update_field_metadata({"blob": {}}, replace=True)
        """,
        [
            *PLAIN_FIXTURES,
            "broken/blob-plain-by-metadata-2.2",
            "broken/blob-in-0.1",
            *MIXED_FIXTURES,
        ],
    ),
    "Take the key off: commit(Overwrite) with a plain schema": (
        """\
        ds = lance.dataset(uri)
        plain = pa.field("blob", pa.large_binary())
        schema = pa.schema([plain if field.name == "blob" else field for field in ds.schema])
        fragments = [f.metadata for f in ds.get_fragments()]
        lance.LanceDataset.commit(uri, lance.LanceOperation.Overwrite(schema, fragments), read_version=ds.version)
        """,
        [*PLAIN_FIXTURES, "broken/blob-in-0.1", *MIXED_FIXTURES, "broken/blob-add-columns-2.2"],
    ),
    "Make real blobs, in place: read as binary, overwrite": (
        """\
        table = lance.dataset(uri).scanner(blob_handling="all_binary").to_table()
        lance.write_dataset(table, uri, mode="overwrite", data_storage_version=VERSION)
        """,
        [*PLAIN_FIXTURES, *MIXED_FIXTURES],
    ),
    "Make real blobs, in place: compact_files (needs two fragments or more)": (
        """\
        ds = lance.dataset(uri)
        ds.optimize.compact_files()
        """,
        [*PLAIN_FIXTURES, *MIXED_FIXTURES],
    ),
    "Make real blobs, as a new dataset: read as binary, rewrite as blob v1": (
        """\
        table = lance.dataset(uri).scanner(blob_handling="all_binary").to_table()
        keyed = pa.field("blob", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
        schema = pa.schema([keyed if field.name == "blob" else field for field in table.schema])
        lance.write_dataset(table.cast(schema), uri + "-rewritten", data_storage_version=VERSION)
        """,
        [*PLAIN_FIXTURES, *MIXED_FIXTURES],
    ),
    "Make real blobs, as a new dataset: take the key off, read, rewrite as blob v1": (
        """\
        ds = lance.dataset(uri)
        ds.replace_field_metadata("blob", {})
        table = lance.dataset(uri).to_table()
        keyed = pa.field("blob", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
        schema = pa.schema([keyed if field.name == "blob" else field for field in table.schema])
        lance.write_dataset(table.cast(schema), uri + "-rewritten", data_storage_version=VERSION)
        """,
        [*PLAIN_FIXTURES, *MIXED_FIXTURES],
    ),
    "Make real blobs, as a new dataset: commit a plain schema, read, rewrite as blob v2": (
        """\
        ds = lance.dataset(uri)
        plain = pa.field("blob", pa.large_binary())
        schema = pa.schema([plain if field.name == "blob" else field for field in ds.schema])
        fragments = [f.metadata for f in ds.get_fragments()]
        ds = lance.LanceDataset.commit(uri, lance.LanceOperation.Overwrite(schema, fragments), read_version=ds.version)
        table = ds.to_table()
        blobs = lance.blob_array(table["blob"].to_pylist())
        table = table.set_column(table.schema.get_field_index("blob"), lance.blob_field("blob"), blobs)
        lance.write_dataset(table, uri + "-rewritten", data_storage_version="2.2")
        """,
        PLAIN_FIXTURES,
    ),
    "Put the key back: replace_field_metadata": (
        """\
        ds = lance.dataset(uri)
        ds.replace_field_metadata("blob", {"lance-encoding:blob": "true"})
        """,
        UNFLAGGED_FIXTURES,
    ),
    "Put the extension back: commit(Overwrite) with a blob v2 schema": (
        """\
        ds = lance.dataset(uri)
        blob = lance.blob_field("blob")
        schema = pa.schema([blob if field.name == "blob" else field for field in ds.schema])
        fragments = [f.metadata for f in ds.get_fragments()]
        lance.LanceDataset.commit(uri, lance.LanceOperation.Overwrite(schema, fragments), read_version=ds.version)
        """,
        [*UNFLAGGED_FIXTURES, *V2_UNFLAGGED_FIXTURES],
    ),
}


def fix(lines, dataset, fixture):
    import lance
    import pyarrow as pa

    names = {"lance": lance, "pa": pa, "uri": dataset, "VERSION": fixture.version}
    exec(textwrap.dedent(lines), names)
    rewritten = Path(dataset + "-rewritten")
    fixed = lance.dataset(str(rewritten) if rewritten.exists() else dataset)
    rows = rows_of(fixed.to_table())
    outcome = f"{describe_schema(fixed.schema)}; to_table() {rows}"
    right = agrees(ast.literal_eval(rows), fixture.truth)
    try:
        blobs = read_all(fixed.take_blobs("blob", indices=[0, 1]))
        outcome += f"; take_blobs() {blobs}"
        right = right and agrees(ast.literal_eval(blobs), blobs_of(fixture))
    except ValueError as error:
        outcome += f"; take_blobs() raises {error!r}"
    if not right:
        raise ValueError(f"wrong values: {outcome}")
    return outcome


# --------------------------------------------------------------------------------------
# The child process
# --------------------------------------------------------------------------------------


def child(job):
    """Do one piece of work and print its outcome as one line of JSON."""
    try:
        if job["do"] == "make":
            FIXTURES[job["name"]].make(job["path"])
            result = "made"
        elif job["do"] == "attempt":
            ATTEMPTS[job["name"]](job["path"])
            result = "accepted"
        elif job["do"] == "help":
            result = fix(Fixes[job["name"]][0], job["path"], FIXTURES[job["fixture"]])
        else:
            import lance

            result = CALLS[job["name"]](lance.dataset(job["path"]), job["column"])
        outcome = {"ok": True, "text": str(result)}
    except BaseException as error:  # a panic arrives as a BaseException
        outcome = {"ok": False, "text": f"{type(error).__name__}: {error}"}
        if job["do"] == "make":
            outcome["trace"] = traceback.format_exc()
    print("\n" + json.dumps(outcome), flush=True)


# --------------------------------------------------------------------------------------
# The parent process
# --------------------------------------------------------------------------------------

PANIC = re.compile(
    r"thread '[^']*'(?: \(\d+\))? panicked at ([^\n]+):\n(.*?)(?=\nstack backtrace:|\nnote: |\nthread '|\n\n|\Z)",
    re.DOTALL,
)


def run(python, job, cwd):
    """Run one job in a child; return (went well, text)."""
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
        return False, f"no answer within {TIMEOUT_SECONDS} seconds"
    stderr = done.stderr.decode(errors="replace")
    try:
        outcome = json.loads(done.stdout.decode(errors="replace").strip().splitlines()[-1])
    except (IndexError, ValueError):
        outcome = {
            "ok": False,
            "text": f"process ended with status {done.returncode}: {stderr[-300:]}",
        }
    if outcome.get("trace"):
        outcome["text"] = outcome["trace"]
    panics = [f"panic at {where}: {text.strip()}" for where, text in PANIC.findall(stderr)]
    panics = list(dict.fromkeys(panics))
    if outcome["ok"] and not panics:
        return True, outcome["text"]
    return outcome["ok"], " ‖ ".join([outcome["text"], *panics])


def tidy(text, path):
    """Take this machine's paths out of a message and cut it to size."""
    text = text.replace(str(path), "<dataset>").replace(str(path).lstrip("/"), "<dataset>")
    text = text.replace("/home/runner/work/lance/lance/", "")
    text = re.sub(r"/root/\.cargo/registry/src/[^/]*/", "", text)
    text = re.sub(r"/[^\s\"']*/site-packages/", "", text)
    text = " ".join(text.split())
    if len(text) > MESSAGE_LIMIT:
        text = text[: MESSAGE_LIMIT - 130] + " […] " + text[-120:]
    return text


def agrees(value, truth):
    """Whether a value that came back is, or at least describes, the one that was written."""
    if isinstance(value, dict) and "size" in value:
        if truth is None:
            return (value["position"], value["size"]) == (1, 0)  # how 2.0 stores a null
        return isinstance(truth, bytes) and value["size"] == len(truth)
    if isinstance(truth, dict):
        return isinstance(value, dict) and all(agrees(value.get(k), truth[k]) for k in truth)
    if isinstance(truth, list):
        return (
            isinstance(value, list)
            and len(value) == len(truth)
            and all(agrees(v, t) for v, t in zip(value, truth, strict=True))
        )
    return value == (
        truth.encode() if isinstance(value, bytes) and isinstance(truth, str) else truth
    )


def blobs_of(fixture):
    """The first two values of the fixture's blob column."""
    name = fixture.column.split(".")[-1]
    return [row[name] if isinstance(row, dict) else row for row in fixture.truth[:2]]


def verdict(fixture, call, outcome):
    """`ok`, `fails`, or `wrong` where something other than the written rows came back."""
    went_well, text = outcome
    if not went_well:
        return "**fails**"
    truth = fixture.truth
    if call == "count_rows()":
        return "ok" if int(text) == len(truth) else "**wrong**"
    if not text.startswith("[") or text.endswith("…"):
        return "ok"
    value = ast.literal_eval(text)
    if "_blobs(" in call:
        truth = blobs_of(fixture)
        if call.startswith("read_blobs"):
            value = [blob for _, blob in value]
    return "ok" if agrees(value, truth) else "**wrong**"


def cell(outcome, word=None):
    if outcome is None:
        return "–"
    went_well, text = outcome
    fence = "``" if "`" in text else "`"
    text = text.replace("|", "\\|") or " "
    return f"{word or ('ok' if went_well else '**fails**')} {fence} {text} {fence}"


def calls_for(release, version):
    old = release == OLD_READER
    for call in CALLS:
        if old and (call in NEW_CALLS or version not in ("0.1", "2.0") and call not in FEW_CALLS):
            continue
        yield call


def read_fixture(fixture, made, releases, pool, scratch):
    """Start every reader call on a copy of the fixture; return {(release, call): future}."""
    root = Path(tempfile.mkdtemp(dir=scratch))
    copy = root / "testdata" / fixture.name
    shutil.copytree(made, copy)
    dataset = copy / fixture.dataset

    def one(release, call):
        job = {"do": "read", "name": call, "path": str(dataset), "column": fixture.column}
        went_well, text = run(releases[release], job, cwd=root)
        return went_well, tidy(text, dataset)

    return {
        (release, call): pool.submit(one, release, call)
        for release in releases
        for call in calls_for(release, fixture.version)
    }


def report_fixtures(outcomes, releases):
    yield "# What the readers do with each blob fixture"
    yield ""
    yield "Written by `make_blob_fixtures.py`; every line was seen, none is inferred. A cell says"
    yield "`ok` and what came back, **wrong** and what came back where that is not what was written,"
    yield "or **fails** and the exception, followed after ‖ by the panics that went to standard error."
    yield f"Messages are cut to about {MESSAGE_LIMIT} characters, keeping both ends; `<dataset>` stands for the"
    yield "dataset's path. – : not tried (the call does not exist in that release, or the release"
    yield "cannot read that file version at all and the other calls already show it)."
    yield ""
    yield "`take_blobs` and `read_blobs` are asked for rows 0 and 1 (of a single row, for row 0)."
    yield ""
    titles = [
        f"{r} `{'all_binary' if 'all_binary' in c else c.split('(')[0]}`" for r, c in OVERVIEW
    ]
    yield "| fixture | " + " | ".join(titles) + " |"
    yield "|---" * (len(OVERVIEW) + 1) + "|"
    for name, (fixture, futures) in outcomes.items():
        words = []
        for key in OVERVIEW:
            outcome = futures[key].result() if key in futures else None
            word = verdict(fixture, key[1], outcome) if outcome else "–"
            words.append(
                "**panics**" if word == "**fails**" and "panic" in outcome[1].lower() else word
            )
        yield f"| [{name}](#{name.replace('/', '').replace('.', '')}) | " + " | ".join(words) + " |"
    for name, (fixture, futures) in outcomes.items():
        yield ""
        yield f"## {name}"
        yield ""
        yield f"{fixture.how} Data files {fixture.version}; asked for column `{fixture.column}`."
        yield ""
        yield "| call | " + " | ".join(releases) + " |"
        yield "|---" * (len(releases) + 1) + "|"
        seen = {}
        for call in CALLS:
            cells = []
            for release in releases:
                outcome = futures[release, call].result() if (release, call) in futures else None
                if outcome and not outcome[0]:
                    first = seen.setdefault((release, re.sub(r"^\w+: |\d+", "", outcome[1])), call)
                    if first != call:
                        cells.append(f"**fails** as `{first}` does")
                        continue
                cells.append(cell(outcome, outcome and verdict(fixture, call, outcome)))
            yield f"| `{call}` | " + " | ".join(cells) + " |"


def report_mends(releases, out, pool, scratch):
    yield ""
    yield "# Fixes"
    yield ""
    yield "Each was run on a copy of the fixture. `ok`: the fixed dataset (or the new one, at"
    yield '`uri + "-rewritten"`) gives back what was written; its schema, to_table() and'
    yield "take_blobs() follow. The lines are those that ran, after `import lance` and"
    yield "`import pyarrow as pa`, with `uri` the dataset's path and VERSION its file version."

    def one(name, fixture_name, release):
        if release == OLD_READER and FIXTURES[fixture_name].version not in ("0.1", "2.0"):
            return None
        copy = Path(tempfile.mkdtemp(dir=scratch)) / "dataset"
        shutil.copytree(out / fixture_name, copy)
        job = {"do": "help", "name": name, "path": str(copy), "fixture": fixture_name}
        went_well, text = run(releases[release], job, cwd=copy.parent)
        return went_well, tidy(text, copy)

    todo = {
        (name, fixture_name, release): pool.submit(one, name, fixture_name, release)
        for name, (_, fixture_names) in Fixes.items()
        for fixture_name in fixture_names
        for release in releases
    }
    for name, (lines, fixture_names) in Fixes.items():
        yield ""
        yield f"## {name}"
        yield ""
        yield "```python"
        yield textwrap.dedent(lines).rstrip()
        yield "```"
        yield ""
        yield "| fixture | " + " | ".join(releases) + " |"
        yield "|---" * (len(releases) + 1) + "|"
        for fixture_name in fixture_names:
            outcomes = [todo[name, fixture_name, release].result() for release in releases]
            yield f"| {fixture_name} | " + " | ".join(map(cell, outcomes)) + " |"


def report_attempts(python, pool, scratch):
    reads = ["to_table()", 'scanner(blob_handling="all_binary").to_table()']
    yield ""
    yield "# Other ways to go wrong"
    yield ""
    yield f"What {WRITER} does when it is asked to, and what it reads back from the result. Rows written"
    yield f"are {VALUES!r} unless the attempt says otherwise."
    yield ""
    yield "| attempt | outcome | " + " | ".join(f"`{call}`" for call in reads) + " |"
    yield "|---" * (len(reads) + 2) + "|"

    def one(name):
        path = Path(tempfile.mkdtemp(dir=scratch)) / "dataset"
        outcomes = [run(python, {"do": "attempt", "name": name, "path": str(path)}, scratch)]
        if outcomes[0][0]:
            for call in reads:
                job = {"do": "read", "name": call, "path": str(path), "column": "blob"}
                outcomes.append(run(python, job, scratch))
        return [(went_well, tidy(text, path)) for went_well, text in outcomes]

    for name, future in [(name, pool.submit(one, name)) for name in ATTEMPTS]:
        outcomes = future.result()
        cells = [cell(outcome) for outcome in outcomes] + ["–"] * (1 + len(reads) - len(outcomes))
        if outcomes[0][0]:
            cells[0] = "accepted"
        yield f"| {name} | " + " | ".join(cells) + " |"


def report_clones(clones, out, python, scratch):
    yield ""
    yield "# The clones read from another working directory"
    yield ""
    yield "The base path of the clone fixtures is relative (`testdata/…/source.lance`). The readers above"
    yield "ran in the directory above testdata/. In any other working directory:"
    yield ""
    yield f"| fixture | {WRITER} `to_table()` |"
    yield "|---|---|"
    for fixture in clones:
        path = out / fixture.name / fixture.dataset
        job = {"do": "read", "name": "to_table()", "path": str(path), "column": fixture.column}
        went_well, text = run(python, job, scratch)
        text = text.replace(str(scratch), "<working directory>")
        text = text.replace(str(scratch).lstrip("/"), "<working directory>")
        yield f"| {fixture.name} | {cell((went_well, tidy(text, path)))} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--python", action="append", default=[], metavar="RELEASE=PATH")
    parser.add_argument("--daft", metavar="PATH")
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--only", metavar="GLOB")
    parser.add_argument("--report", type=Path, default=HERE / "blob-readers.md")
    parser.add_argument("--no-make", action="store_true")
    parser.add_argument("--no-read", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.child:
        return child(json.loads(arguments.child))

    releases = dict(item.split("=", 1) for item in arguments.python)
    writers = dict(releases, daft=arguments.daft)
    chosen = [f for f in FIXTURES.values() if fnmatch.fnmatch(f.name, arguments.only or "*")]
    failed = 0
    with (
        tempfile.TemporaryDirectory() as scratch,
        concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        if not arguments.no_make:
            for fixture in chosen:
                target = arguments.out / fixture.name
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not writers.get(fixture.writer):
                    parser.error(f"{fixture.name} needs the interpreter of {fixture.writer}")
                went_well, text = run(
                    writers[fixture.writer],
                    {"do": "make", "name": fixture.name, "path": str(target)},
                    scratch,
                )
                if not went_well:
                    failed += 1
                    print(f"could not make {fixture.name}:\n{text}", file=sys.stderr)
        if arguments.no_read:
            return failed
        outcomes = {}
        for fixture in chosen:
            made = arguments.out / fixture.name
            if made.exists():
                outcomes[fixture.name] = (
                    fixture,
                    read_fixture(fixture, made, releases, pool, scratch),
                )
        report = io.StringIO()
        for line in report_fixtures(outcomes, releases):
            print(line, file=report)
        if arguments.only:
            print(report.getvalue())
        else:
            for line in report_mends(releases, arguments.out, pool, scratch):
                print(line, file=report)
            for line in report_attempts(releases[WRITER], pool, scratch):
                print(line, file=report)
            clones = [fixture for fixture in chosen if fixture.dataset != "."]
            for line in report_clones(clones, arguments.out, releases[WRITER], scratch):
                print(line, file=report)
            arguments.report.write_text(report.getvalue())
    return failed


if __name__ == "__main__":
    sys.exit(main())
