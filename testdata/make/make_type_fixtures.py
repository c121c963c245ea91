#!/usr/bin/env python3
"""Make the fixtures of the type rules: what the schema says, and what the pages hold.

Every dataset is written by a real Lance writer. The natural ones are as public calls left
them; the others are changed afterwards by one named edit. Those under clean/ (trap-…) look
wrong and are healthy: pylance 14.0.2 reads from them what was written.

    make_type_fixtures.py --python 14.0.2=VENV/bin/python --python 0.9.19=VENV/bin/python …

Each --python is an interpreter that has that release of pylance; 14.0.2 reads the result.
This script itself needs only the standard library: it starts itself again under those
interpreters, which import lance and then fork, one process for each call.

    --out DIR      where to put the datasets (default: the testdata/ above this file)
    --only GLOB    only the fixtures whose name matches (then no report is written, the
                   outcomes go to standard output)
    --report FILE  where to put the report (default: type-readers.md next to this file)
    --no-make      read what is already there
    --no-read      make the datasets, read nothing
    --no-fix      try no fixes
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import signal
import struct
import sys
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

import make_rule_fixtures
from make_blob_fixtures import (
    PANIC,
    Message,
    commit_schema,
    edit_column_encoding,
    edit_data_file,
    edit_manifest,
    edit_manifest_field,
    edit_page_encoding,
    read_varint,
    tidy,
)
from make_rule_fixtures import (
    READER,
    edit_data_bytes,
    edit_entries,
    edit_fragments,
    packed,
    reopen,
    run,
    write,
)

HERE = Path(__file__).resolve().parent
MESSAGE_LIMIT = 250  # of what is kept (--json)
CELL_LIMIT = 110  # of what the report shows

# run() starts the script of the module that it stands in; the children have to be this one.
make_rule_fixtures.__file__ = __file__
make_rule_fixtures.TIMEOUT_SECONDS = 3600  # of a whole batch
CALL_SECONDS = 25
BATCH = 24

FIXTURES = {}


class Fixture:
    def __init__(self, name, how, make, table, writer, truth):
        self.name = name
        self.how = " ".join(textwrap.dedent(how).split())
        self.make = make
        self.table = table  # what was written
        self.writer = writer  # one of the --python names
        self.truth = truth  # what should come back


# Made and read, in a scratch folder, and not kept: not broken after all, or no other than a
# fixture of the same family that is kept.
TRIED = """
    flat-buffer-size-2.0 packed-buffer-too-small-2.0 packed-inner-more-2.0
    packed-inner-width-2.0 primitive-has-list-encoding-2.0 fullzip-bits-per-value-2.1
    fullzip-bits-unaligned-2.1 fullzip-items-2.1 fullzip-visible-items-2.1 fullzip-data-size-2.1
    miniblock-extra-buffer-2.1 layer-list-on-leaf-2.1 layers-vs-levels-2.1 list-items-*-2.0
    rep-index-depth-0-2.1 rep-index-missing-2.1 rep-index-on-leaf-2.1 planar-layers-list-2.3
    planar-zipped-width-2.3 json-in-struct-by-4.0.2-2.0

    fields-reordered-types-commit-2.2 packed-children-reordered-commit-2.2 struct-child-*-commit-2.2
    struct-to-*-commit-2.2 list-to-*-commit-2.2 leaf-to-*-commit-2.2 fsl-*-commit-2.2
    dict-*-commit-2.2 string-to-dict-commit-2.2 null-to-int-commit-2.2
    required-field-without-column-2.2 packed-child-*-commit-2.2 large-to-string-commit-2.[23]
    string-to-large-commit-2.[23] type-widened-commit-2.3 type-*-string-commit-2.[23]
    required-struct-with-nulls-2.[23] required-with-nulls-2.3 json-by-0.15.0-0.1 json-by-0.20.0-2.0
    dict-all-null-by-0.20.0-0.1 dict-all-null-by-1.0.4-0.1 list-null-by-4.0.2-2.1 packed-yes-2.3
    packed-1-2.[23] packed-on-list-2.3 packed-on-list-by-metadata-2.[23] packed-added-commit-2.[123]
    packed-added-by-metadata-2.3 packed-bool-child-2.3 merge-insert-columns-by-4.0.2-0.1
    struct-header-pages-by-0.15.0-2.0 json-in-struct-by-4.0.2-2.1 json-utf8-2.[23]
    dict-all-null-in-struct-by-*-2.0
    flat-*-2.2 schema-*-2.0 fragment-*-2.0 column-indices-long-* global-buffers-none-2.0
    file-schema-absent-2.0 column-encoding-missing-2.0 column-buffer-count-mismatch-2.0
    page-doubled-2.0 page-length-zero-2.0 page-buffer-misaligned-2.2 column-index-swapped-2.2
    field-id-minus-one-2.1 constant-no-scalar-2.1 fsst-symbol-table-2.0 planar-scalar-long-2.3
    planar-*-unset-2.3 fields-reordered-commit-2.3 struct-children-reordered-commit-2.3
    packed-empty-struct-2.3 column-pages-missing-2.0 miniblock-no-buffers-2.1
""".split()


def _register(folder, name, how, table, writer, truth):
    if folder == "broken" and any(fnmatch.fnmatch(name, pattern) for pattern in TRIED):
        folder = "tried"

    def register(make):
        full = f"{folder}/{name}"
        assert full not in FIXTURES, full
        FIXTURES[full] = Fixture(full, how, make, table, writer, truth or table)
        return make

    return register


def broken(name, how, table, writer=READER, truth=None):
    return _register("broken", name, how, table, writer, truth)


def clean(name, how, table, writer=READER, truth=None):
    return _register("clean", f"trap-{name}", how, table, writer, truth)


def edited(name, how, table, change, folder="broken", truth=None):
    """A fixture of one edit; the file version is the end of its name."""
    version = name[-3:]

    def make(out):
        write(table(), out, version)
        change(out)

    register = broken if folder == "broken" else clean
    register(name, how, table, truth=truth)(make)


def trap(name, how, table, change, truth=None):
    edited(name, how, table, change, "clean", truth)


# --------------------------------------------------------------------------------------
# Tables
# --------------------------------------------------------------------------------------


def fields_of(*pairs):
    """A function that makes a table of (field, values) pairs, given a function of pyarrow."""

    def table(of):
        def make():
            import pyarrow as pa

            fields, columns = zip(*of(pa), strict=True)
            arrays = [pa.array(v, f.type) for f, v in zip(fields, columns, strict=True)]
            return pa.table(arrays, schema=pa.schema(fields))

        return make

    return table


table = fields_of()

WORDS = ["amber", "basil", "cedar", "delta"]
NAME = ["u", "v", "w", "x"]
LARGE = [2**33 + 5, 2**34 + 6, 2**35 + 7, 2**36 + 8]

two_ints = table(
    lambda pa: [
        (pa.field("a", pa.int32()), [1, 2, 3, 4]),
        (pa.field("b", pa.int32()), [10, 20, 30, 40]),
    ]
)
int_and_word = table(
    lambda pa: [
        (pa.field("id", pa.int64()), LARGE),
        (pa.field("name", pa.string()), WORDS),
    ]
)
int32_and_word = table(
    lambda pa: [
        (pa.field("n", pa.int32()), [70001, 80002, 90003, 70004]),
        (pa.field("name", pa.string()), WORDS),
    ]
)
word_and_int = table(
    lambda pa: [
        (pa.field("name", pa.string()), WORDS),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
large_word = table(
    lambda pa: [
        (pa.field("name", pa.large_string()), WORDS),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
with_null = table(
    lambda pa: [
        (pa.field("n", pa.int32()), [70001, None, 90003, 70004]),
        (pa.field("name", pa.string()), [*WORDS[:3], None]),
    ]
)
vectors = table(
    lambda pa: [
        (pa.field("id", pa.int64()), LARGE),
        (
            pa.field("v", pa.list_(pa.float32(), 2)),
            [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5], [7.5, 8.5]],
        ),
    ]
)
lists = table(
    lambda pa: [
        (pa.field("l", pa.list_(pa.int32())), [[70001, 70002], [3], [90004, 5, 6], []]),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
full_lists = table(
    lambda pa: [
        (pa.field("l", pa.list_(pa.int32())), [[70001, 70002], [3], [90004, 5, 6], [7]]),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
dictionaries = table(
    lambda pa: [
        (
            pa.field("d", pa.dictionary(pa.int32(), pa.string())),
            pa.array(["red", "blue", "red", "green"]).dictionary_encode(),
        ),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
few_words = table(lambda pa: [(pa.field("s", pa.string()), ["aaaaaaaa", "bbbbbbbb"] * 100)])
constants = table(
    lambda pa: [
        (pa.field("c", pa.int32()), [70001] * 4),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
all_null = table(
    lambda pa: [
        (pa.field("c", pa.int32()), [None] * 4),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
runs = table(lambda pa: [(pa.field("r", pa.int32()), [70001] * 300 + [80002] * 300)])
small_ints = table(lambda pa: [(pa.field("n", pa.int32()), [i % 13 for i in range(1024)])])


def splits():
    return table(
        lambda pa: [
            (
                pa.field(
                    "f",
                    pa.float32(),
                    metadata={"lance-encoding:bss": "on", "lance-encoding:compression": "lz4"},
                ),
                [i / 8 for i in range(300)],
            )
        ]
    )()


def lz4_words():
    lz4 = {"lance-encoding:compression": "lz4"}
    words = [f"{'amber' * 12}{i}" for i in range(120)]
    return table(lambda pa: [(pa.field("s", pa.string(), metadata=lz4), words)])()


XY = [{"x": i + 1, "y": 10 * i + 10} for i in range(4)]


def struct_of(metadata=None, x="int32", y="int32", order=("x", "y"), name="s"):
    import pyarrow as pa

    kinds = {"x": getattr(pa, x)(), "y": getattr(pa, y)()}
    return pa.field(name, pa.struct([(k, kinds[k]) for k in order]), metadata=metadata)


def struct_table(metadata=None, x="int32", y="int32"):
    """A struct between two columns."""
    return table(
        lambda pa: [
            (pa.field("id", pa.int64()), LARGE),
            (struct_of(metadata, x, y), XY),
            (pa.field("name", pa.string()), WORDS),
        ]
    )


def around(field):
    import pyarrow as pa

    return [pa.field("id", pa.int64()), field, pa.field("name", pa.string())]


plain_struct = struct_table()
PACKED = {"packed": "true", "lance-encoding:packed": "true"}
packed_struct = struct_table(PACKED, "int32", "int64")
struct_with_nulls = table(
    lambda pa: [
        (
            pa.field("s", pa.struct([("x", pa.int32()), ("y", pa.int32())])),
            [XY[0], None, XY[2], {"x": None, "y": 4}],
        )
    ]
)


def _zipped():
    full = {"lance-encoding:structural-encoding": "fullzip"}
    return table(
        lambda pa: [
            (pa.field("id", pa.int64(), metadata=full), LARGE),
            (pa.field("name", pa.string(), metadata=full), WORDS),
            (pa.field("n", pa.int32(), metadata=full), [70001, None, 90003, 70004]),
        ]
    )()


def _sparse():
    how = {"lance-encoding:structural-encoding": "sparse"}
    return table(
        lambda pa: [
            (pa.field("n", pa.int32(), metadata=how), [70001, None, 90003, 70004]),
            (pa.field("id", pa.int64()), LARGE),
        ]
    )()


def _sparse_lists():
    how = {"lance-encoding:structural-encoding": "sparse"}
    return table(
        lambda pa: [
            (
                pa.field("l", pa.list_(pa.field("item", pa.int32(), metadata=how)), metadata=how),
                [[70001, 70002], [3], None, []],
            ),
            (pa.field("id", pa.int64()), LARGE),
        ]
    )()


# --------------------------------------------------------------------------------------
# Edits
# --------------------------------------------------------------------------------------


def at(message, path, change):
    """Change the message at the end of a path of field numbers."""
    if not path:
        return change(message)
    assert message.get(path[0]) is not None, path
    message.edit(path[0], lambda inner: at(inner, path[1:], change))
    return None


def layout(column, path, change):
    """An edit of the page encoding of a column, at a path of field numbers."""
    return lambda out: edit_page_encoding(out, column, lambda m: at(m, path, change))


def sets(number, value):
    return lambda message: message.set(number, value)


def drops(*numbers):
    return lambda message: message.drop(*numbers)


def becomes(**fields):
    return lambda _: Message.of(**fields)


def numbers_in(data):
    numbers, position = [], 0
    while position < len(data):
        number, position = read_varint(data, position)
        numbers.append(number)
    return numbers


def repeated(number, change):
    """Change a packed repeated field as a list of numbers."""

    def edit(message):
        message.set(number, packed(*change(numbers_in(message.get(number, b"")))))

    return edit


def pages(column, change):
    """An edit of the `Page` messages of a column."""
    return lambda out: edit_data_file(out, lambda file: file.columns[column].edit(2, change))


def every(*changes):
    def change(out):
        for one in changes:
            one(out)

    return change


def column(index, change):
    return lambda out: edit_data_file(out, lambda file: change(file.columns[index]))


def entries(change):
    return lambda out: edit_entries(out, change)


def of_page(change):
    """An edit of a page by its lists of buffer offsets and sizes."""

    def edit(page):
        offsets, sizes = numbers_in(page.get(1, b"")), numbers_in(page.get(2, b""))
        change(offsets, sizes)
        page.set(1, packed(*offsets))
        page.set(2, packed(*sizes))

    return edit


def drop_buffer(index):
    def change(offsets, sizes):
        del offsets[index]
        del sizes[index]

    return of_page(change)


def drop_all_buffers(page):
    page.drop(1, 2)


def resize(index, by):
    def change(_offsets, sizes):
        sizes[index] += by

    return of_page(change)


def field(name, change):
    return lambda out: edit_manifest_field(out, name, change)


ALL = ("2.0", "2.1", "2.2", "2.3")
STRUCTURAL = ("2.1", "2.2", "2.3")

# --------------------------------------------------------------------------------------
# Natural: another schema committed over the same files
# --------------------------------------------------------------------------------------


def recommitted(name, versions, how, table, fields, folder="broken", truth=None):
    """Written, then the same fragments committed under other fields."""
    register = broken if folder == "broken" else clean
    for v in versions:

        @register(f"{name}-{v}", f"{how} By commit(Overwrite); no edit.", table, truth=truth)
        def make(out, v=v):
            import pyarrow as pa

            commit_schema(write(table(), out, v), *fields(pa))


recommitted(
    "fields-reordered-commit",
    ALL,
    "Two int32 fields a, b become b, a.",
    two_ints,
    lambda pa: [pa.field("b", pa.int32()), pa.field("a", pa.int32())],
)
recommitted(
    "fields-reordered-types-commit",
    ("2.0", "2.1", "2.2"),
    "Fields id int64, name string become name, id.",
    int_and_word,
    lambda pa: [pa.field("name", pa.string()), pa.field("id", pa.int64())],
)
recommitted(
    "struct-children-reordered-commit",
    ALL,
    "struct<x int32, y int32> becomes struct<y, x>.",
    plain_struct,
    lambda _: around(struct_of(order=("y", "x"))),
)
recommitted(
    "packed-children-reordered-commit",
    ("2.0", "2.1", "2.2"),
    "Packed struct<x int32, y int32> becomes packed struct<y, x>.",
    struct_table(PACKED),
    lambda _: around(struct_of(PACKED, order=("y", "x"))),
)
recommitted(
    "type-narrowed-commit",
    ALL,
    "int64 becomes int32.",
    int_and_word,
    lambda pa: [pa.field("id", pa.int32()), pa.field("name", pa.string())],
)
recommitted(
    "type-widened-commit",
    ALL,
    "int32 becomes int64.",
    int32_and_word,
    lambda pa: [pa.field("n", pa.int64()), pa.field("name", pa.string())],
)
recommitted(
    "type-changed-commit",
    ALL,
    "int32 becomes float.",
    int32_and_word,
    lambda pa: [pa.field("n", pa.float32()), pa.field("name", pa.string())],
)
recommitted(
    "type-unsigned-commit",
    ("2.0", "2.1"),
    "int32 (with a negative value) becomes uint32.",
    table(lambda pa: [(pa.field("n", pa.int32()), [-1, 70001, 80002, 3])]),
    lambda pa: [pa.field("n", pa.uint32())],
)
recommitted(
    "type-narrowed-constant-commit",
    ("2.2", "2.3"),
    "An int32 of one value becomes int16.",
    constants,
    lambda pa: [pa.field("c", pa.int16()), pa.field("id", pa.int64())],
)
recommitted(
    "type-widened-constant-commit",
    ("2.2", "2.3"),
    "An int32 of one value becomes int64.",
    constants,
    lambda pa: [pa.field("c", pa.int64()), pa.field("id", pa.int64())],
)
recommitted(
    "type-to-string-commit",
    ALL,
    "int32 becomes string.",
    int32_and_word,
    lambda pa: [pa.field("n", pa.string()), pa.field("name", pa.string())],
)
recommitted(
    "type-from-string-commit",
    ALL,
    "string becomes int32.",
    word_and_int,
    lambda pa: [pa.field("name", pa.int32()), pa.field("id", pa.int64())],
)
recommitted(
    "string-to-large-commit",
    STRUCTURAL,
    "string becomes large_string.",
    word_and_int,
    lambda pa: [pa.field("name", pa.large_string()), pa.field("id", pa.int64())],
)
recommitted(
    "large-to-string-commit",
    STRUCTURAL,
    "large_string becomes string.",
    large_word,
    lambda pa: [pa.field("name", pa.string()), pa.field("id", pa.int64())],
)
recommitted(
    "struct-child-type-commit",
    ("2.0", "2.1", "2.2"),
    "The first child of a struct, int32, becomes int64.",
    plain_struct,
    lambda _: around(struct_of(x="int64")),
)
recommitted(
    "struct-child-added-commit",
    ("2.0", "2.1", "2.2"),
    "struct<x int32, y int32> becomes struct<x, y, z>: the ids of what follows shift.",
    plain_struct,
    lambda pa: around(
        pa.field("s", pa.struct([("x", pa.int32()), ("y", pa.int32()), ("z", pa.int32())]))
    ),
)
recommitted(
    "struct-to-leaf-commit",
    ("2.0", "2.1", "2.2"),
    "struct<x int32, y int32> becomes int32.",
    plain_struct,
    lambda pa: around(pa.field("s", pa.int32())),
)
recommitted(
    "leaf-to-struct-commit",
    ("2.0",),
    "int64 becomes struct<x int64>.",
    int_and_word,
    lambda pa: [pa.field("id", pa.struct([("x", pa.int64())])), pa.field("name", pa.string())],
)
recommitted(
    "list-to-leaf-commit",
    ("2.0", "2.1", "2.2"),
    "list<int32> becomes int32.",
    lists,
    lambda pa: [pa.field("l", pa.int32()), pa.field("id", pa.int64())],
)
recommitted(
    "leaf-to-list-commit",
    ("2.0",),
    "The last field, int64, becomes list<int64>.",
    word_and_int,
    lambda pa: [pa.field("name", pa.string()), pa.field("id", pa.list_(pa.int64()))],
)
recommitted(
    "list-to-struct-commit",
    ("2.0", "2.1", "2.2"),
    "list<int32> becomes struct<item int32>.",
    full_lists,
    lambda pa: [
        pa.field("l", pa.struct([("item", pa.int32())])),
        pa.field("id", pa.int64()),
    ],
)
recommitted(
    "struct-to-list-commit",
    ("2.0", "2.1", "2.2"),
    "struct<item int32> becomes list<int32>.",
    table(
        lambda pa: [
            (
                pa.field("s", pa.struct([("item", pa.int32())])),
                [{"item": 70001 + i} for i in range(4)],
            ),
            (pa.field("id", pa.int64()), LARGE),
        ]
    ),
    lambda pa: [pa.field("s", pa.list_(pa.int32())), pa.field("id", pa.int64())],
)
recommitted(
    "fsl-smaller-commit",
    ("2.0", "2.1", "2.2"),
    "fixed_size_list<float, 2> becomes fixed_size_list<float, 1>.",
    vectors,
    lambda pa: [pa.field("id", pa.int64()), pa.field("v", pa.list_(pa.float32(), 1))],
)
recommitted(
    "fsl-larger-commit",
    ("2.0", "2.1", "2.2"),
    "fixed_size_list<float, 2> becomes fixed_size_list<float, 4>.",
    vectors,
    lambda pa: [pa.field("id", pa.int64()), pa.field("v", pa.list_(pa.float32(), 4))],
)
recommitted(
    "fsl-item-narrower-commit",
    ("2.0", "2.1", "2.2"),
    "fixed_size_list<float, 2> becomes fixed_size_list<halffloat, 2>.",
    vectors,
    lambda pa: [pa.field("id", pa.int64()), pa.field("v", pa.list_(pa.float16(), 2))],
)
recommitted(
    "fsl-to-leaf-commit",
    ("2.0", "2.1", "2.2"),
    "fixed_size_list<float, 2> becomes int64.",
    vectors,
    lambda pa: [pa.field("id", pa.int64()), pa.field("v", pa.int64())],
)
recommitted(
    "leaf-to-fsl-commit",
    ("2.0", "2.1", "2.2"),
    "int64 becomes fixed_size_list<float, 2>.",
    int_and_word,
    lambda pa: [pa.field("id", pa.list_(pa.float32(), 2)), pa.field("name", pa.string())],
)
recommitted(
    "dict-key-narrower-commit",
    ("2.0", "2.1", "2.2"),
    "dictionary<int32, string> becomes dictionary<int8, string>.",
    dictionaries,
    lambda pa: [
        pa.field("d", pa.dictionary(pa.int8(), pa.string())),
        pa.field("id", pa.int64()),
    ],
)
recommitted(
    "dict-value-type-commit",
    ("2.0", "2.1", "2.2"),
    "dictionary<int32, string> becomes dictionary<int32, int64>.",
    dictionaries,
    lambda pa: [
        pa.field("d", pa.dictionary(pa.int32(), pa.int64())),
        pa.field("id", pa.int64()),
    ],
)
recommitted(
    "dict-to-string-commit",
    ("2.0",),
    "dictionary<int32, string> becomes string.",
    dictionaries,
    lambda pa: [pa.field("d", pa.string()), pa.field("id", pa.int64())],
)
recommitted(
    "string-to-dict-commit",
    ("2.0", "2.1", "2.2"),
    "string becomes dictionary<int32, string>.",
    word_and_int,
    lambda pa: [
        pa.field("name", pa.dictionary(pa.int32(), pa.string())),
        pa.field("id", pa.int64()),
    ],
)
recommitted(
    "null-to-int-commit",
    ("2.0", "2.1", "2.2"),
    "int32 becomes null.",
    int32_and_word,
    lambda pa: [pa.field("n", pa.null()), pa.field("name", pa.string())],
)
recommitted(
    "required-with-nulls",
    ALL,
    "Two columns with nulls become nullable = false.",
    with_null,
    lambda pa: [
        pa.field("n", pa.int32(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
    ],
)
recommitted(
    "required-struct-with-nulls",
    STRUCTURAL,
    "A struct that is null in one row becomes nullable = false.",
    struct_with_nulls,
    lambda pa: [pa.field("s", pa.struct([("x", pa.int32()), ("y", pa.int32())]), nullable=False)],
)
recommitted(
    "required-field-without-column",
    ("2.0", "2.1", "2.2"),
    "One more field, nullable = false, that no data file has.",
    int_and_word,
    lambda pa: [
        pa.field("id", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("more", pa.int32(), nullable=False),
    ],
)
recommitted(
    "packed-added-commit",
    ("2.0", "2.1", "2.2", "2.3"),
    "A plain struct becomes packed.",
    plain_struct,
    lambda _: around(struct_of(PACKED)),
)
recommitted(
    "packed-removed-commit",
    ("2.0",),
    "A packed struct becomes plain.",
    packed_struct,
    lambda _: around(struct_of(y="int64")),
)
recommitted(
    "packed-child-narrower-commit",
    ("2.0", "2.1", "2.2"),
    "The second child of a packed struct, int64, becomes int32.",
    packed_struct,
    lambda _: around(struct_of(PACKED)),
)
recommitted(
    "packed-child-wider-commit",
    ("2.0", "2.1", "2.2"),
    "The first child of a packed struct, int32, becomes int64.",
    packed_struct,
    lambda _: around(struct_of(PACKED, x="int64", y="int64")),
)
recommitted(
    "packed-child-removed-commit",
    ("2.0", "2.1", "2.2"),
    "A packed struct of two children loses the second one.",
    packed_struct,
    lambda _: around(struct_of(PACKED, order=("x",))),
)
recommitted(
    "packed-child-changed-commit",
    ("2.1",),
    "The first child of a packed struct, int32, becomes float.",
    packed_struct,
    lambda _: around(struct_of(PACKED, x="float32", y="int64")),
)

json_text = table(
    lambda pa: [
        (pa.field("j", pa.string()), ['{"a":1}', '{"b":[2]}', '"c"', "null"]),
        (pa.field("id", pa.int64()), LARGE),
    ]
)


# --------------------------------------------------------------------------------------
# Natural: what a writer takes and no reader gives back
# --------------------------------------------------------------------------------------


def written(name, versions, how, table, writer=READER, folder="broken"):
    """Written as it is asked for; no more."""
    register = broken if folder == "broken" else clean
    for v in versions:

        @register(f"{name}-{v}", f"{how} No edit.", table, writer=writer)
        def make(out, v=v):
            write(table(), out, v)


def struct_field(of, metadata=None):
    """A struct field of anything, with ids before and words after it."""

    def make(pa):
        kind, rows = of(pa)
        return [
            (pa.field("id", pa.int64()), LARGE),
            (pa.field("s", kind, metadata=metadata), rows),
            (pa.field("name", pa.string()), WORDS),
        ]

    return table(make)


def outgrown_keys():
    """dictionary<int8, string> in batches that have 140 values together, which 8 bits cannot number."""
    import pyarrow as pa

    kind = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema([pa.field("c", kind), pa.field("id", pa.int32())])
    batches = []
    for batch in range(4):
        values = pa.array([f"{batch}-{i}" for i in range(35)])
        keys = pa.array(range(35), pa.int8())
        codes = pa.DictionaryArray.from_arrays(keys, values)
        batches.append(pa.record_batch([codes, pa.array(range(35), pa.int32())], schema))
    return pa.Table.from_batches(batches)


written(
    "dict-keys-outgrown",
    ("2.1", "2.2"),
    "dictionary<int8, string> whose batches have 140 values together: the pages hold 32-bit indices.",
    outgrown_keys,
)
recommitted(
    "dict-keys-outgrown-repaired",
    ("2.1", "2.2"),
    "dict-keys-outgrown, then int32 keys, with which every value comes back.",
    outgrown_keys,
    lambda pa: [
        pa.field("c", pa.dictionary(pa.int32(), pa.string())),
        pa.field("id", pa.int32()),
    ],
    "clean",
)
NO_CHILDREN = struct_field(lambda pa: (pa.struct([]), [{}] * 4))
written(
    "empty-struct-first",
    STRUCTURAL,
    "A struct without children, then two columns.",
    table(
        lambda pa: [
            (pa.field("nothing", pa.struct([])), [{}] * 4),
            (pa.field("id", pa.int64()), LARGE),
            (pa.field("other", pa.int64()), [4, 3, 2, 1]),
        ]
    ),
)
written(
    "empty-struct-middle", STRUCTURAL, "A struct without children between two columns.", NO_CHILDREN
)
written(
    "empty-struct-nested",
    STRUCTURAL,
    "A struct<a int32, in struct<>, b int32>, and a column after it.",
    struct_field(
        lambda pa: (
            pa.struct([("a", pa.int32()), ("in", pa.struct([])), ("b", pa.int32())]),
            [{"a": i, "in": {}, "b": 10 * i + 70} for i in range(4)],
        )
    ),
)
written(
    "empty-struct-in-list",
    ("2.3",),
    "A list<struct<>>, and a column after it.",
    struct_field(lambda pa: (pa.list_(pa.struct([])), [[{}], [], [{}, {}], [{}]])),
)
written(
    "packed-empty-struct",
    STRUCTURAL,
    "A packed struct without children.",
    struct_field(lambda pa: (pa.struct([]), [{}] * 4), PACKED),
)
for value in ("yes", "1"):
    written(
        f"packed-{value}",
        STRUCTURAL,
        f"A struct with `packed` = {value}.",
        struct_table({"packed": value}),
    )
written(
    "packed-false",
    ("2.0",),
    "A struct with `lance-encoding:packed` = false and no `packed`.",
    struct_table({"lance-encoding:packed": "false"}),
)
written(
    "packed-keys-conflict",
    ("2.0",),
    "A struct with `packed` = false and `lance-encoding:packed` = true.",
    struct_table({"packed": "false", "lance-encoding:packed": "true"}),
)
packed_list = table(
    lambda pa: [
        (
            pa.field("l", pa.list_(pa.int32()), metadata=PACKED),
            [[70001, 70002], [3], [90004, 5, 6], []],
        ),
        (pa.field("id", pa.int64()), LARGE),
    ]
)
written("packed-on-list", ALL, "A list<int32> with the packed keys.", packed_list)
written(
    "packed-on-map",
    ("2.2",),
    "A map<string, int64> with the packed keys.",
    table(
        lambda pa: [
            (
                pa.field("m", pa.map_(pa.string(), pa.int64()), metadata=PACKED),
                [[("a", 1)], [("b", 2), ("c", 3)], [], [("d", 4)]],
            ),
            (pa.field("id", pa.int64()), LARGE),
        ]
    ),
)
written(
    "packed-on-fsl-struct",
    ("2.2",),
    "A fixed_size_list<struct<x int32>, 2> with the packed keys.",
    table(
        lambda pa: [
            (
                pa.field("v", pa.list_(pa.struct([("x", pa.int32())]), 2), metadata=PACKED),
                [[{"x": i}, {"x": -i}] for i in range(4)],
            )
        ]
    ),
)
written(
    "packed-bool-child",
    STRUCTURAL,
    "A packed struct<a int32, b bool>.",
    struct_field(
        lambda pa: (
            pa.struct([("a", pa.int32()), ("b", pa.bool_())]),
            [{"a": i, "b": i % 2 == 0} for i in range(4)],
        ),
        PACKED,
    ),
)
NESTED = struct_field(
    lambda pa: (
        pa.struct([("a", pa.int32()), ("in", pa.struct([("c", pa.int32())]))]),
        [{"a": i, "in": {"c": i}} for i in range(4)],
    ),
    PACKED,
)
written("packed-nested-struct", ("2.0",), "A packed struct<a int32, in struct<c int32>>.", NESTED)
PACKED_STRING = struct_field(
    lambda pa: (
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
        [{"a": i, "b": WORDS[i]} for i in range(4)],
    ),
    PACKED,
)
FSL_STRUCT = table(
    lambda pa: [
        (pa.field("id", pa.int64()), LARGE),
        (
            pa.field("v", pa.list_(pa.struct([("x", pa.int32()), ("y", pa.int32())]), 2)),
            [[{"x": i, "y": 70 + i}, {"x": -i, "y": 90 - i}] for i in range(4)],
        ),
    ]
)
written("fsl-struct", ("2.0",), "A fixed_size_list<struct, 2> beside an int64.", FSL_STRUCT)
written(
    "fsl-struct-beside", ("2.2", "2.3"), "A fixed_size_list<struct, 2> beside an int64.", FSL_STRUCT
)
FSL_STRING = table(
    lambda pa: [
        (pa.field("id", pa.int64()), LARGE),
        (pa.field("v", pa.list_(pa.string(), 2)), [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]),
    ]
)
written(
    "fsl-string",
    ("2.0",),
    "A fixed_size_list<string, 2> beside an int64, by pylance 0.20.0.",
    FSL_STRING,
    writer="0.20.0",
)

for v in ALL:

    @broken(
        f"packed-added-by-metadata-{v}",
        "A plain struct, then update_field_metadata() with the packed keys. No edit.",
        plain_struct,
    )
    def packed_added_by_metadata(out, v=v):
        write(plain_struct(), out, v).update_field_metadata({"s": PACKED})


for v in ("2.1", "2.2", "2.3"):

    @broken(
        f"packed-on-list-by-metadata-{v}",
        "A list<int32>, then update_field_metadata() with the packed keys. No edit.",
        full_lists,
    )
    def packed_on_list_by_metadata(out, v=v):
        write(full_lists(), out, v).update_field_metadata({"l": PACKED})


def json_column(kind):
    def make():
        import pyarrow as pa

        text = ['{"a":1}', '{"b":[2]}', '"c"', "null"]
        metadata = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
        name = pa.field("j", getattr(pa, kind)(), metadata=metadata)
        return pa.table(
            [pa.array(text, name.type), pa.array(LARGE)],
            schema=pa.schema([name, pa.field("id", pa.int64())]),
        )

    return make


def json_in_struct():
    import pyarrow as pa

    metadata = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
    kind = pa.struct([pa.field("n", pa.int32()), pa.field("doc", pa.string(), metadata=metadata)])
    rows = [{"n": i, "doc": f'{{"a":{i}}}'} for i in range(4)]
    return pa.table({"s": pa.array(rows, kind), "id": LARGE})


for release in ("4.0.2",):
    for v in ("2.1", "2.2"):

        @broken(
            f"packed-removed-by-{release}-{v}",
            f"A packed struct becomes plain. By commit(Overwrite) with pylance {release}; no edit.",
            packed_struct,
            writer=release,
        )
        def packed_removed_by_old(out, v=v):
            commit_schema(write(packed_struct(), out, v), *around(struct_of(y="int64")))


for release, v in (
    ("0.15.0", "0.1"),
    ("0.15.0", "2.0"),
    ("0.20.0", "2.0"),
    ("0.32.1", "0.1"),
    ("0.32.1", "2.0"),
):
    written(
        f"json-by-{release}",
        (v,),
        f"A string column tagged arrow.json, by pylance {release}.",
        json_column("string"),
        writer=release,
    )
for release, v in (("1.0.4", "2.1"), ("4.0.2", "2.0"), ("4.0.2", "2.1"), ("4.0.2", "2.2")):
    written(
        f"json-in-struct-by-{release}",
        (v,),
        f"A struct<n int32, doc string tagged arrow.json>, by pylance {release}.",
        json_in_struct,
        writer=release,
    )


REFUSED = """
## Refused by pylance 14.0.2

- write: map (2.0, 2.1); fixed_size_list<struct> (2.1); fixed_size_list<string> (2.0 to 2.3: panics, except
  that 0.15.0 and 0.20.0 wrote it in 2.0); fixed_size_list<list> (all); packed struct with a child string
  (2.0, 2.1), struct (2.1, 2.2), fixed_size_list (2.1), list (all: panics), dictionary (all: panics), bool
  (2.0), or with nulls (all); list<struct<>> (2.1, 2.2); large_string with fsst (2.0: panics); null structs (2.0).
- commit(Overwrite) in 2.1 and later, where a field that the DataFile puts in a column is no leaf any more
  (packed struct to plain, int64 to struct or list): `Non-leaf field 'id' (id=0) in data file … has
  column_index=0, but non-leaf fields should have column_index=-1`. pylance 9.0.1 refuses it too,
  4.0.2 takes it (packed-removed-by-4.0.2).
"""


def json_commit(pa, kind="string"):
    metadata = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
    return [pa.field("j", getattr(pa, kind)(), metadata=metadata), pa.field("id", pa.int64())]


recommitted(
    "json-utf8",
    STRUCTURAL,
    "A string column becomes one tagged arrow.json.",
    json_text,
    json_commit,
)


def dict_all_null():
    import pyarrow as pa

    kind = pa.dictionary(pa.int32(), pa.string())
    keys = pa.array([None] * 4, pa.int32())
    array = pa.DictionaryArray.from_arrays(keys, pa.array([], pa.string()))
    return pa.table({"d": array.cast(kind), "id": LARGE})


for release in ("0.9.19", "0.20.0", "1.0.4", READER):
    written(
        f"dict-all-null-by-{release}",
        ("0.1",),
        f"A dictionary<int32, string> of nothing but nulls, by pylance {release}.",
        dict_all_null,
        writer=release,
    )


def legacy(name, how, of, writer=READER):
    written(
        name,
        ("0.1",),
        how,
        table(lambda pa: [(pa.field("id", pa.int64()), LARGE), of(pa)]),
        writer=writer,
    )


legacy(
    "list-item-renamed",
    "A list<int64> whose item is named `element`.",
    lambda pa: (pa.field("v", pa.list_(pa.field("element", pa.int64()))), [[1], [2, 3], [4], [5]]),
)
legacy(
    "list-item-required",
    "A list<int64> whose item is nullable = false.",
    lambda pa: (
        pa.field("v", pa.list_(pa.field("item", pa.int64(), nullable=False))),
        [[1], [2, 3], [4], [5]],
    ),
)
legacy(
    "list-item-metadata",
    "A list<int64> whose item has metadata.",
    lambda pa: (
        pa.field("v", pa.list_(pa.field("item", pa.int64(), metadata={"doc": "items"}))),
        [[1], [2, 3], [4], [5]],
    ),
)
legacy(
    "fsl-bool",
    "A fixed_size_list<bool, 11>.",
    lambda pa: (
        pa.field("v", pa.list_(pa.bool_(), 11)),
        [[True, False, False] * 3 + [True] * 2] * 4,
    ),
)
legacy(
    "dict-required",
    "A dictionary<int32, string>, nullable = false, one value of which is empty.",
    lambda pa: (
        pa.field("d", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.array(["red", "", "red", "green"]).dictionary_encode(),
    ),
)
legacy(
    "empty-struct-last",
    "A struct without children as the last column.",
    lambda pa: (pa.field("nothing", pa.struct([])), [{}] * 4),
)
legacy(
    "empty-struct-in-list",
    "A list<struct<>>.",
    lambda pa: (pa.field("v", pa.list_(pa.struct([]))), [[{}], [], [{}, {}], [{}]]),
)
legacy(
    "empty-struct-nested",
    "A struct<a int32, in struct<>>.",
    lambda pa: (
        pa.field("s", pa.struct([("a", pa.int32()), ("in", pa.struct([]))])),
        [{"a": i, "in": {}} for i in range(4)],
    ),
)


def rows_in_batches():
    return struct_table()()


for release in ("0.15.0", "0.20.0"):

    @broken(
        f"struct-header-pages-by-{release}-2.0",
        f"""Record batches of a struct column, two rows each, by pylance {release}: the struct's
        own column has one page per batch, or its length is that of one. No edit.""",
        plain_struct,
        writer=release,
    )
    def struct_in_batches(out):
        import pyarrow as pa

        rows = plain_struct()
        reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(max_chunksize=2))
        write(reader, out, "2.0")


for release in ("1.0.4", "4.0.2"):
    written(
        f"list-null-by-{release}",
        ("2.1",) if release == "1.0.4" else ("2.1", "2.2"),
        f"A list<null> of nothing but nulls, by pylance {release}.",
        table(
            lambda pa: [
                (pa.field("v", pa.list_(pa.null())), [None] * 4),
                (pa.field("id", pa.int64()), LARGE),
            ]
        ),
        writer=release,
    )


def dict_in_struct():
    import pyarrow as pa

    keys = pa.array([None] * 4, pa.int8())
    nothing = pa.DictionaryArray.from_arrays(keys, pa.array([], pa.string()))
    return pa.table({"s": pa.StructArray.from_arrays([nothing], ["d"]), "id": LARGE})


for release in ("0.20.0", "9.0.1"):
    written(
        f"dict-all-null-in-struct-by-{release}",
        ("2.0",),
        f"""A struct<d dictionary<int8, string>> of nothing but null keys and without items, by
        pylance {release}.""",
        dict_in_struct,
        writer=release,
    )


@broken(
    "files-of-two-versions-by-0.15.0-2.0",
    "A 2.0 dataset by pylance 0.15.0, one row updated: the new file is 0.1. No edit.",
    table(
        lambda pa: [
            (pa.field("id", pa.int64()), [1, 2, 3]),
            (pa.field("name", pa.string()), WORDS[:3]),
        ]
    ),
    writer="0.15.0",
)
def files_of_two_versions(out):
    import pyarrow as pa

    rows = pa.table({"id": [1, 2, 3], "name": WORDS[:3]})
    write(rows, out, "2.0").update({"name": "'cedar'"}, where="id = 3")


@broken(
    "packed-in-list-by-0.15.0-2.0",
    """A list<struct<x int32, y int32>> whose item has `lance-encoding:packed`, by pylance 0.15.0,
    which knows `packed` alone and writes a plain struct. No edit.""",
    lambda: packed_items(),
    writer="0.15.0",
)
def packed_in_list(out):
    write(packed_items(), out, "2.0")


def packed_items():
    import pyarrow as pa

    kind = pa.list_(struct_of({"lance-encoding:packed": "true"}, name="item"))
    return pa.table({"l": pa.array([XY[:1], XY[1:], [], XY[:2]], kind), "id": LARGE})


@broken(
    "packed-by-0.15.0-2.0",
    """A struct with `lance-encoding:packed`, by pylance 0.15.0, which knows `packed` alone and
    writes a plain struct. No edit.""",
    lambda: struct_table({"lance-encoding:packed": "true"})(),
    writer="0.15.0",
)
def packed_by_old(out):
    write(struct_table({"lance-encoding:packed": "true"})(), out, "2.0")


for release in ("0.20.0", "4.0.2"):

    @broken(
        f"merge-insert-columns-by-{release}-0.1",
        f"""merge_insert() with a part of the columns, by pylance {release}: the rest of them is in
        another data file. No edit.""",
        table(
            lambda pa: [
                (pa.field("id", pa.int64()), [1, 2, 3, 4]),
                (pa.field("name", pa.string()), ["amber", "new", "new", "delta"]),
                (pa.field("n", pa.int64()), [10, 20, 30, 40]),
            ]
        ),
        writer=release,
    )
    def merge_insert_columns(out):
        import pyarrow as pa

        rows = pa.table({"id": [1, 2, 3, 4], "name": WORDS, "n": [10, 20, 30, 40]})
        new = pa.table({"id": [2, 3], "name": ["new", "new"]})
        write(rows, out, "0.1").merge_insert("id").when_matched_update_all().execute(new)


def long_words(kind="string"):
    def make():
        import pyarrow as pa

        text = [f"{'amberbasil' * 9}{i:04}" for i in range(400)]  # 32 KiB, or FSST is not used
        name = pa.field("s", getattr(pa, kind)(), metadata={"lance-encoding:compression": "fsst"})
        return pa.table([pa.array(text, name.type)], schema=pa.schema([name]))

    return make


recommitted(
    "fsst-large",
    ("2.0", "2.1"),
    "A string column compressed with FSST becomes large_string.",
    long_words(),
    lambda pa: [pa.field("s", pa.large_string())],
)

# What the datasets of write_matrix.py, by twelve writers, came to: those that a reader failed on
# and lance-lint (before the type rules) was silent on. Counted once, by hand of another script.
MATRIX = """
## Datasets of write_matrix.py that a reader fails on and lance-lint was silent on

Of 31,946 datasets by twelve writers 414 (commit 9c3ac31), read again with pylance 14.0.2; its message is that
of the fixture.

| cause | writers | footer | datasets | count | for example | fixture |
|---|---|---|---|---|---|---|
| 0.1: dictionary without items (all keys null); 0.1 stores no validity, keys read 0 | all but daft-0.5.11, daft-latest | 0.1, 0.2 | dict-int16-string-allnull, dict-int32-int64-allnull, dict-int32-large_string-allnull, dict-int32-string-allnull… | 70 | lancedb-latest/type-dict-int8-string-allnull-v0.1; pylance-9.0.1/type-struct-dict-allnull-v0.1 | dict-all-null-by-*-0.1 |
| 0.1: fixed_size_list<bool>: scan reads, take() panics | all | 0.1, 0.2 | fsl-bool-allnull, fsl-bool-leafnulls, fsl-bool-nulls, fsl-bool-plain… | 60 | daft-0.5.11/type-fsl-bool-plain-v0.1; pylance-9.0.1/type-fsl-bool-allnull-v0.1 | fsl-bool-0.1 |
| 0.1: a struct without children anywhere | all but daft-0.5.11 | 0.1, 0.2 | empty-struct-in-list, empty-struct-last, empty-struct-middle, empty-struct-nested | 43 | daft-latest/type-empty-struct-last-v0.1; pylance-9.0.1/type-empty-struct-in-list-v0.1 | empty-struct-{last,in-list,nested}-0.1 |
| 0.1: list item not named `item`/nullable=false: the reader rebuilds it as nullable `item` | all but daft-0.5.11, daft-latest | 0.1, 0.2 | list-int64-item-allnull, list-int64-item-nulls, list-int64-item-plain, list-int64-item-topnulls | 40 | lancedb-latest/type-list-int64-item-plain-v0.1; pylance-9.0.1/type-list-int64-item-allnull-v0.1 | list-item-{renamed,required}-0.1 |
| arrow.json tag over logical_type string (writers before JSONB) | 0.15.0, 0.20.0, 0.32.1, 0.9.19 | 0.1, 0.2, 0.3 | json-allnull, json-in-struct, json-nulls, json-plain… | 29 | pylance-0.15.0/type-json-tagged-plain-v0.1; pylance-0.9.19/type-json-tagged-allnull-v0.1 | json-by-*-{0.1,2.0} |
| no data_format, files of 0.1 and 2.0 together | 0.15.0 | 0.2, 0.3 | op-alter-nullable, op-compact-deletes, op-delete-append, op-delete-last-fragment… | 28 | pylance-0.15.0/op-delete-last-fragment-v2.0; pylance-0.15.0/op-sequence-random5-v2.0 | files-of-two-versions-by-0.15.0-2.0 |
| pylance 14.0.2 reads it; only daft cannot cast it (uuid, json, blob in struct or list) | daft-latest | 0.2, 0.3, 2.1, 2.2, 2.3 | blob1-in-struct, blob2-in-list, blob2-in-struct, json-plain… | 22 | daft-latest/type-uuid-plain-v0.1; daft-latest/type-blob2-in-list-v2.3 | none: not the file's fault |
| 2.0: fixed_size_list of string | all but 0.9.19 | 0.3 | fsl-string-allnull, fsl-string-leafnulls, fsl-string-nulls, fsl-string-plain… | 19 | daft-0.5.11/type-fsl-string-allnull-v2.0; pylance-9.0.1/type-fsl-string-allnull-v2.0 | fsl-string-2.0 |
| 0.1: list item with metadata (incl. packed key) | all but daft-0.5.11, daft-latest | 0.1, 0.2 | op-schema-metadata-create, packed-in-list-plain | 19 | lancedb-latest/type-packed-in-list-plain-v0.1; pylance-9.0.1/op-schema-metadata-create-v0.1 | list-item-metadata-0.1 |
| an OLD version of the dataset (current one is empty/other): unfinished 2.1 or 2.3 pages | 0.32.1, 4.0.2, 9.0.1 | 0.3, 2.1, 2.3 | op-delete-all, op-empty-columns, op-overwrite-empty, op-overwrite-version… | 14 | pylance-0.32.1/op-empty-columns-v2.1; pylance-9.0.1/op-overwrite-version-v2.3 | (pre-stable-*; lint --version N finds it) |
| 2.0: fixed_size_list<struct> | 14.0.2, 4.0.2, 9.0.1, daft-latest, lancedb-latest | 0.3 | fsl-struct-allnull, fsl-struct-plain, fsl-struct-topnulls | 13 | daft-latest/type-fsl-struct-plain-v2.0; pylance-9.0.1/type-fsl-struct-allnull-v2.0 | fsl-struct-2.0 |
| 0.1: required dictionary column with an empty string among the items | all but daft-0.5.11, daft-latest | 0.1, 0.2 | dict-int32-string-required | 10 | lancedb-latest/type-dict-int32-string-required-v0.1; pylance-9.0.1/type-dict-int32-string-required-v0.1 | dict-required-0.1 |
| an OLD version: unfinished 2.2 pages | 0.39.0, 1.0.4 | 2.1, 2.2 | op-delete-all, op-empty-columns, op-overwrite-empty, op-overwrite-version | 8 | pylance-0.39.0/op-empty-columns-v2.2; pylance-1.0.4/op-overwrite-version-v2.2 | (pre-stable-2.2; lint --version N) |
| 2.0: struct own column of another length than its children (batches, slices, many pages) | 0.15.0, 0.20.0 | 0.3 | chunks-struct-many, op-create-batches, op-create-sliced | 6 | pylance-0.15.0/type-chunks-struct-many-v2.0; pylance-0.20.0/op-create-sliced-v2.0 | struct-header-pages-by-*-2.0 |
| 2.0: dictionary of 0 items below a struct | all but 0.15.0, 0.9.19, 14.0.2, daft-0.5.11, daft-latest, lancedb-latest | 0.3 | struct-dict-allnull | 6 | pylance-0.20.0/type-struct-dict-allnull-v2.0; pylance-9.0.1/type-struct-dict-allnull-v2.0 | none: four rows read well |
| 2.1/2.2: list<null> of nulls: constant layout with too few layers | 0.39.0, 1.0.4, 4.0.2 | 2.1, 2.2 | list-null-allnull | 6 | pylance-0.39.0/type-list-null-allnull-v2.1; pylance-4.0.2/type-list-null-allnull-v2.2 | list-null-by-* |
| 2.0: packed struct with a struct child | 0.20.0, 14.0.2, 9.0.1, daft-latest, lancedb-latest | 0.3 | packed-nested-plain | 5 | daft-latest/type-packed-nested-plain-v2.0; pylance-9.0.1/type-packed-nested-plain-v2.0 | packed-nested-struct-2.0 |
| 0.1: merge_insert of part of the columns (two files per fragment) | 0.20.0, 0.32.1, 0.39.0, 1.0.4, 4.0.2 | 0.2 | op-merge-insert-columns | 5 | pylance-0.20.0/op-merge-insert-columns-v0.1; pylance-4.0.2/op-merge-insert-columns-v0.1 | merge-insert-columns-by-*-0.1 |
| 2.1/2.2: json child stored with 32-bit offsets | 0.39.0, 1.0.4, 4.0.2 | 2.1, 2.2 | json-in-struct | 4 | pylance-0.39.0/type-json-in-struct-v2.1; pylance-4.0.2/type-json-in-struct-v2.2 | json-in-struct-by-* |
| 2.3: struct without children, not last | 14.0.2, daft-latest | 2.3 | empty-struct-middle | 2 | daft-latest/type-empty-struct-middle-v2.3; pylance-14.0.2/type-empty-struct-middle-v2.3 | empty-struct-middle-2.3 |
| 2.3: list<struct<>> | 14.0.2, daft-latest | 2.3 | empty-struct-in-list | 2 | daft-latest/type-empty-struct-in-list-v2.3; pylance-14.0.2/type-empty-struct-in-list-v2.3 | empty-struct-in-list-2.3 |
| 0.1: page table / offsets damaged by a sequence of operations | 0.9.19 | 0.1 | op-sequence-random0, op-sequence-random1 | 2 | pylance-0.9.19/op-sequence-random0-v0.1; pylance-0.9.19/op-sequence-random1-v0.1 | none (values in pages) |
| 2.0: `lance-encoding:packed` on a list item, by a writer that knew only `packed` | 0.15.0 | 0.3 | packed-in-list-plain | 1 | pylance-0.15.0/type-packed-in-list-plain-v2.0 | packed-in-list-by-0.15.0-2.0 |
"""

# --------------------------------------------------------------------------------------
# Edits: the data file as a container
# --------------------------------------------------------------------------------------


def shift(by):
    def change(offsets, _sizes):
        offsets[-1] += by

    return of_page(change)


for v in ("2.0", "2.1", "2.2"):
    edited(
        f"page-buffer-misaligned-{v}",
        "The last buffer of the first column's page starts 8 bytes later.",
        two_ints,
        pages(0, shift(8)),
    )
for v in ("2.0", "2.1"):
    edited(
        f"page-buffer-out-of-file-{v}",
        "The last buffer of the first column's page is put 64 MiB further.",
        two_ints,
        pages(0, shift(1 << 26)),
    )
    edited(
        f"page-buffer-into-metadata-{v}",
        """The last buffer of the second column's page is put 64 bytes before the column
        metadata ends, where other things are.""",
        two_ints,
        lambda out: edit_data_file(
            out,
            lambda file: file.columns[1].edit(
                2, of_page(lambda o, _s: o.__setitem__(-1, len(file.head) // 64 * 64 + 64))
            ),
        ),
    )
    edited(
        f"page-buffer-shared-{v}",
        "The second column's page has the buffers of the first column's.",
        two_ints,
        lambda out: edit_data_file(
            out,
            lambda file: file.columns[1].edit(
                2, lambda page: page.set(1, file.columns[0].sub(2).get(1))
            ),
        ),
    )
    edited(
        f"buffer-count-mismatch-{v}",
        "The last buffer size of the first column's page goes, its offset stays.",
        two_ints,
        pages(0, repeated(2, lambda sizes: sizes[:-1])),
    )
    edited(
        f"column-buffer-count-mismatch-{v}",
        "The first column gets a column buffer's offset without a size.",
        two_ints,
        column(0, lambda c: c.set(3, packed(0))),
    )
    edited(
        f"column-length-unequal-{v}",
        "The second column's page says 3 rows of 4.",
        two_ints,
        every(pages(1, sets(3, 3)), *([layout(1, [1], sets(9, 3))] if v > "2.0" else [])),
    )
    edited(
        f"column-pages-missing-{v}",
        "The second column has no pages.",
        two_ints,
        column(1, drops(2)),
    )
    edited(
        f"first-column-empty-{v}",
        "The first column has no pages.",
        two_ints,
        column(0, drops(2)),
    )
    edited(
        f"struct-child-length-{v}",
        "The page of a struct's second child says 3 rows of 4.",
        plain_struct,
        every(
            pages(3 if v == "2.0" else 2, sets(3, 3)),
            *([layout(2, [1], sets(9, 3))] if v > "2.0" else []),
        ),
    )
    edited(
        f"column-encoding-missing-{v}",
        "The second column has no column encoding.",
        int_and_word,
        column(1, drops(1)),
    )
    edited(
        f"page-length-zero-{v}",
        "The page of every column says 0 rows.",
        two_ints,
        every(pages(0, sets(3, 0)), pages(1, sets(3, 0))),
    )
    edited(
        f"page-doubled-{v}",
        "The second column's page stands twice in the column metadata.",
        two_ints,
        column(1, lambda c: c.add(2, c.get(2))),
    )
edited(
    "row-count-overflow-2.1",
    "Both columns' pages say 2^64 - 1 rows and stand twice.",
    two_ints,
    every(*(every(pages(i, sets(3, -1)), column(i, lambda c: c.add(2, c.get(2)))) for i in (0, 1))),
)


def footer_edit(change):
    return lambda out: edit_data_bytes(out, change)


for v in ("2.0", "2.1"):
    edited(
        f"global-buffers-none-{v}",
        "The footer counts no global buffers.",
        two_ints,
        footer_edit(lambda data, _: struct.pack_into("<I", data, len(data) - 16, 0)),
    )


def rename_descriptor_field(file):
    def change(descriptor):
        descriptor.fields = [(9 if n == 1 else n, w, x) for n, w, x in descriptor.fields]

    file.edit_descriptor(change)


for v in ("2.0", "2.1"):
    edited(
        f"file-schema-absent-{v}",
        "In the file's own descriptor the schema stands under a field number that nothing knows.",
        two_ints,
        lambda out: edit_data_file(out, rename_descriptor_field),
    )

# --------------------------------------------------------------------------------------
# Edits: 2.0 page encodings
# --------------------------------------------------------------------------------------

FLAT = [2, 1, 1, 1]  # nullable, no_nulls, values, flat

for name, how, bits in (
    ("flat-narrower", "32 bits of 64", 32),
    ("flat-wider", "128 bits of 64", 128),
    ("flat-bits-zero", "0 bits", 0),
    ("flat-bits-seven", "7 bits", 7),
    ("flat-one-bit", "1 bit", 1),
):
    edited(
        f"{name}-2.0",
        f"The flat encoding of an int64 says {how}.",
        int_and_word,
        layout(0, FLAT, sets(1, bits)),
    )


def longer(rows):
    """All pages and the fragment have more rows than were written."""

    def change(out):
        edit_data_file(out, lambda file: [c.edit(2, sets(3, rows)) for c in file.columns])
        edit_fragments(out, sets(4, rows))

    return change


edited(
    "flat-buffer-too-small-2.0",
    "Pages and fragment say 6 rows, the buffers hold 4.",
    two_ints,
    longer(6),
)
edited(
    "flat-buffer-size-2.0",
    "The size of the first column's buffer is half of what it was.",
    two_ints,
    pages(0, resize(0, -8)),
)
edited(
    "buffer-index-out-of-range-2.0",
    "The flat encoding of an int64 refers to page buffer 5.",
    int_and_word,
    layout(0, [*FLAT, 2], sets(1, 5)),
)
for name, number in (("column", 1), ("file", 2), ("unknown", 7)):
    edited(
        f"buffer-type-{name}-2.0",
        f"The flat encoding of an int64 refers to a buffer of type {number}.",
        int_and_word,
        layout(0, [*FLAT, 2], sets(2, number)),
    )
edited(
    "buffer-missing-2.0",
    "The flat encoding of an int64 refers to no buffer.",
    int_and_word,
    layout(0, FLAT, drops(2)),
)
edited(
    "compression-scheme-unknown-2.0",
    "The flat encoding of an int64 names the compression `snappy`.",
    int_and_word,
    layout(0, FLAT, sets(3, Message.of(f1="snappy"))),
)
edited(
    "compression-fsst-2.0",
    "The flat encoding of an int64 names the compression `fsst`.",
    int_and_word,
    layout(0, FLAT, sets(3, Message.of(f1="fsst"))),
)
FSL = [2, 1, 1, 3]
for name, number in (("larger", 4), ("smaller", 1), ("zero", 0)):
    edited(
        f"fsl-dimension-{name}-2.0",
        f"The page of a fixed_size_list<float, 2> says dimension {number}.",
        vectors,
        layout(1, FSL, sets(1, number)),
    )
edited(
    "fsl-under-leaf-2.0",
    "The page of an int64 becomes a fixed_size_list(2 × flat(32)).",
    int_and_word,
    layout(
        0,
        [2, 1, 1],
        becomes(
            f3=Message.of(
                f1=2,
                f2=Message.of(
                    f2=Message.of(
                        f1=Message.of(f1=Message.of(f1=Message.of(f1=32, f2=Message.of(f1=0))))
                    )
                ),
            )
        ),
    ),
)


def dictionary_of(encoding):
    return encoding.get(7) is not None


def in_dictionary(change):
    """The dictionary stands at the top of a 2.0 page encoding, or under `nullable`."""

    def edit(encoding):
        if dictionary_of(encoding):
            encoding.edit(7, change)
        else:
            at(encoding, [2, 1, 1, 7], change)

    return edit


def indices_width(bits):
    def change(dictionary):
        def in_array(array):
            if array.get(1) is not None:
                array.edit(1, sets(1, bits))
            else:
                at(array, [2, 1, 1, 1], sets(1, bits))

        dictionary.edit(1, in_array)

    return change


edited(
    "dictionary-key-width-2.0",
    "The keys of a dictionary<int32, string> page say 8 bits.",
    dictionaries,
    layout(0, [], in_dictionary(indices_width(8))),
)
edited(
    "dictionary-items-fewer-2.0",
    "A dictionary page says 1 item of 3.",
    dictionaries,
    layout(0, [], in_dictionary(sets(3, 1))),
)
edited(
    "dictionary-items-more-2.0",
    "A dictionary page says 9 items of 3.",
    dictionaries,
    layout(0, [], in_dictionary(sets(3, 9))),
)
for name, how, change in (
    ("list-null-adjustment-zero", "a null adjustment of 0", sets(2, 0)),
    ("list-null-adjustment-small", "a null adjustment of 2 for 6 items", sets(2, 2)),
    ("list-items-fewer", "5 items of 6", sets(3, 5)),
    ("list-items-more", "9 items of 6", sets(3, 9)),
    ("list-offsets-missing", "no offsets encoding", drops(1)),
):
    edited(f"{name}-2.0", f"A list page has {how}.", lists, layout(0, [4], change))
edited(
    "list-offsets-width-2.0",
    "The offsets of a list page say 32 bits.",
    lists,
    layout(0, [4, 1, *FLAT], sets(1, 32)),
)
edited(
    "list-not-list-2.0",
    "The offsets page of a list becomes plain nullable(flat(64)).",
    lists,
    layout(0, [], lambda encoding: encoding.sub(4).sub(1)),
)
edited(
    "list-item-length-2.0",
    "The page of a list's items says 5 items of 6.",
    lists,
    pages(1, sets(3, 5)),
)
for name, how, change in (
    ("binary-null-adjustment-zero", "a null adjustment of 0", sets(3, 0)),
    ("binary-null-adjustment-small", "a null adjustment of 6 for 20 bytes", sets(3, 6)),
    ("binary-indices-missing", "no encoding of its offsets", drops(1)),
    ("binary-bytes-missing", "no encoding of its bytes", drops(2)),
):
    edited(
        f"{name}-2.0", f"A binary page of strings has {how}.", int_and_word, layout(1, [6], change)
    )
edited(
    "binary-indices-width-2.0",
    "The offsets of a binary page say 32 bits.",
    int_and_word,
    layout(1, [6, 1, *FLAT], sets(1, 32)),
)
edited(
    "binary-bytes-width-2.0",
    "The bytes of a binary page say 16 bits.",
    int_and_word,
    layout(1, [6, 2, 1], sets(1, 16)),
)
edited(
    "fixed-size-binary-on-int-2.0",
    "The page of an int64 becomes fixed_size_binary(8).",
    int_and_word,
    layout(
        0,
        [],
        becomes(f11=Message.of(f1=Message.of(f1=Message.of(f1=8, f2=Message.of(f1=0))), f2=8)),
    ),
)
edited(
    "primitive-has-struct-encoding-2.0",
    "The page of an int64 becomes struct.",
    int_and_word,
    layout(0, [], becomes(f5=Message())),
)
edited(
    "primitive-has-list-encoding-2.0",
    "The page of an int64 becomes a list's, over the same flat.",
    int_and_word,
    layout(0, [], lambda e: Message.of(f4=Message.of(f1=e, f2=100, f3=4))),
)
edited(
    "struct-header-not-struct-2.0",
    "The page of a struct's own column becomes nullable(all_nulls).",
    plain_struct,
    layout(1, [], becomes(f2=Message.of(f3=Message()))),
)
edited(
    "struct-header-two-pages-2.0",
    "A struct's own column has its page twice.",
    plain_struct,
    column(1, lambda c: c.add(2, c.get(2))),
)
edited(
    "struct-header-halves-2.0",
    "A struct's own column has two pages of 2 rows each.",
    plain_struct,
    every(pages(1, sets(3, 2)), column(1, lambda c: c.add(2, c.get(2)))),
)
edited(
    "struct-header-no-page-2.0",
    "A struct's own column has no page.",
    plain_struct,
    column(1, drops(2)),
)
edited(
    "packed-inner-fewer-2.0",
    "A packed struct's page names one child of two.",
    packed_struct,
    layout(1, [9], lambda p: p.fields.remove(next(f for f in p.fields if f[0] == 1))),
)
edited(
    "packed-inner-more-2.0",
    "A packed struct's page names its first child twice.",
    packed_struct,
    layout(1, [9], lambda p: p.add(1, p.get(1))),
)
edited(
    "packed-inner-width-2.0",
    "A packed struct's page says 64 bits of its first child, an int32.",
    packed_struct,
    layout(1, [9], lambda p: p.set(1, Message.of(f1=Message.of(f1=64, f2=Message())))),
)
edited(
    "packed-buffer-too-small-2.0",
    "The size of a packed struct's buffer is 8 bytes less.",
    packed_struct,
    pages(1, resize(0, -8)),
)
for name, how, compressed, number in (
    ("bitpacked-zero", "bitpacked to 0 bits", 0, 10),
    ("bitpacked-too-wide", "bitpacked to 72 bits", 72, 10),
    ("bitpack-nonneg-width", "bitpacked_for_non_neg of 24 bits", 8, 12),
):
    width = 24 if number == 12 else 64
    edited(
        f"{name}-2.0",
        f"The page of an int64 becomes {how}.",
        int_and_word,
        layout(
            0,
            [2, 1, 1],
            becomes(**{f"f{number}": Message.of(f1=compressed, f2=width, f3=Message.of(f1=0))}),
        ),
    )
edited(
    "encoding-constant-in-2.0",
    "The page of an int64 becomes constant, which is of 2.1 and later.",
    int_and_word,
    layout(0, [], becomes(f13=Message.of(f1=b"\x07" + bytes(7)))),
)
edited(
    "validity-width-2.0",
    "The validity of an int32 page says 8 bits.",
    with_null,
    layout(0, [2, 2, 1, 1], sets(1, 8)),
)
edited(
    "validity-missing-2.0",
    "An int32 page with nulls has no encoding of its validity.",
    with_null,
    layout(0, [2, 2], drops(1)),
)
edited(
    "nullable-unset-2.0",
    "The page of an int64 is a nullable without a variant.",
    int_and_word,
    layout(0, [2], becomes()),
)
edited(
    "required-all-nulls-2.0",
    "The page of a required int64 becomes nullable(all_nulls).",
    table(lambda pa: [(pa.field("id", pa.int64(), nullable=False), LARGE)]),
    layout(0, [], becomes(f2=Message.of(f3=Message()))),
)
edited(
    "fsst-symbol-table-2.0",
    "The symbol table of an FSST page is 100 bytes short.",
    long_words(),
    layout(0, [8], lambda fsst: fsst.set(2, fsst.get(2)[:-100])),
)
edited(
    "column-encoding-unset-2.0",
    "The column encoding of a string column is without a variant.",
    int_and_word,
    lambda out: edit_column_encoding(out, 1, becomes()),
)
edited(
    "column-encoding-unset-int-2.0",
    "The column encoding of an int64 column is without a variant.",
    int_and_word,
    lambda out: edit_column_encoding(out, 0, becomes()),
)
edited(
    "column-encoding-unset-struct-2.0",
    "The column encoding of a struct's own column is without a variant.",
    plain_struct,
    lambda out: edit_column_encoding(out, 1, becomes()),
)
edited(
    "column-encoding-zone-index-2.0",
    "The column encoding of an int64 column becomes a zone index over its values.",
    int_and_word,
    lambda out: edit_column_encoding(out, 0, lambda e: Message.of(f2=Message.of(f1=100, f3=e))),
)
edited(
    "page-lengths-short-2.0",
    "Of two pages of a column the second goes: it has fewer rows than the fragment.",
    two_ints,
    every(pages(0, sets(3, 2)), pages(1, sets(3, 2))),
)

# --------------------------------------------------------------------------------------
# Edits: 2.1 and 2.2 page layouts
# --------------------------------------------------------------------------------------

MINI = [1]
VALUE = [1, 3]  # mini_block_layout, value_compression
ZIP = [3]


def flat(bits):
    return Message.of(f1=Message.of(f1=bits))


for v in ("2.1", "2.2"):
    for name, how, bits in (
        ("flat-narrower", "32 bits of 64", 32),
        ("flat-wider", "128 bits of 64", 128),
        ("flat-bits-zero", "0 bits", 0),
        ("flat-bits-seven", "7 bits", 7),
    ):
        if v == "2.1" or name in ("flat-narrower", "flat-wider"):
            edited(
                f"{name}-{v}",
                f"The flat codec of an int64 says {how}.",
                int_and_word,
                layout(0, [*VALUE, 1], sets(1, bits)),
            )
edited(
    "flat-compressed-2.1",
    "The flat codec of an int64 says that its data is compressed with LZ4.",
    int_and_word,
    layout(0, [*VALUE, 1], sets(2, Message.of(f1=1))),
)
edited(
    "large-chunk-2.1",
    "The mini-block layout of an int64 says large chunks.",
    int_and_word,
    layout(0, MINI, sets(10, 1)),
)
edited(
    "small-chunk-2.2",
    "The mini-block layout of an int64 says small chunks.",
    int_and_word,
    layout(0, MINI, drops(10)),
)
edited(
    "constant-inline-2.1",
    "The layout of an int64 becomes constant with an inline value; its buffers go.",
    int_and_word,
    every(
        layout(0, [], becomes(f2=Message.of(f5=packed(1), f6=b"\x07" + bytes(7)))),
        pages(0, drop_all_buffers),
    ),
)
edited(
    "constant-levels-2.1",
    "The constant layout of a column of nulls gets a definition codec.",
    all_null,
    layout(0, [2], sets(8, flat(16))),
)
for v in ("2.1", "2.2"):
    edited(
        f"constant-no-scalar-{v}",
        "The layout of an int64 becomes constant, all valid, without a value and without buffers.",
        int_and_word,
        every(layout(0, [], becomes(f2=Message.of(f5=packed(1)))), pages(0, drop_all_buffers)),
    )
for name, size in (("short", 2), ("long", 8), ("too-long", 40)):
    edited(
        f"constant-scalar-{name}-2.2",
        f"The inline value of an int32's constant layout has {size} bytes.",
        constants,
        layout(0, [2], sets(6, bytes(size))),
    )
edited(
    "constant-on-string-2.2",
    "The layout of a string column becomes constant with an inline value of 5 bytes.",
    word_and_int,
    every(
        layout(0, [], becomes(f2=Message.of(f5=packed(1), f6=b"amber"))),
        pages(0, drop_all_buffers),
    ),
)
edited(
    "constant-buffers-2.2",
    "The page of a constant layout with an inline value gets a buffer.",
    constants,
    pages(0, of_page(lambda o, s: (o.append(0), s.append(8)))),
)
edited(
    "constant-null-layers-2.2",
    "The constant layout of a column of nulls gets an all-valid list layer.",
    all_null,
    layout(0, [2], repeated(5, lambda layers: [*layers, 2])),
)
for name, how, message in (
    ("constant", "a Constant", Message.of(f3=Message.of(f1=bytes(8)))),
    ("out-of-line", "an OutOfLineBitpacking", Message.of(f4=Message.of(f1=64, f3=flat(8)))),
    ("dictionary", "a Dictionary", Message.of(f7=Message.of(f1=flat(8), f2=flat(64), f3=2))),
    ("variable-packed", "a VariablePackedStruct", Message.of(f13=Message())),
):
    edited(
        f"codec-wrong-position-{name}-2.1",
        f"The mini-block values of an int64 become {how}.",
        int_and_word,
        layout(0, VALUE, lambda _, message=message: message),
    )
edited(
    "codec-wrong-position-fullzip-2.1",
    "The full-zip values of an int64 become an InlineBitpacking.",
    _zipped,
    layout(0, [*ZIP, 7], becomes(f5=Message.of(f1=64))),
)
edited(
    "codec-wrong-position-offsets-2.1",
    "The full-zip values of a string column become a Flat.",
    _zipped,
    layout(1, [*ZIP, 7], becomes(f1=Message.of(f1=8))),
)
edited(
    "codec-wrong-position-levels-2.1",
    "The definition levels of an int32 become a ByteStreamSplit.",
    with_null,
    layout(0, [*MINI, 2], becomes(f9=Message.of(f1=flat(32)))),
)
edited(
    "value-compression-missing-2.1",
    "A mini-block layout without a codec of its values.",
    int_and_word,
    layout(0, MINI, drops(3)),
)
edited(
    "value-variable-on-fixed-2.1",
    "The values of an int64 become a Variable.",
    int_and_word,
    layout(0, VALUE, becomes(f2=Message.of(f1=flat(32)))),
)
edited(
    "value-flat-on-string-2.1",
    "The values of a string column become a Flat of 8 bits.",
    int_and_word,
    layout(1, VALUE, lambda _: flat(8)),
)
for bits in (64, 16):
    edited(
        f"offset-width-{bits}-2.1",
        f"The offsets of a string column say {bits} bits.",
        int_and_word,
        layout(1, [*VALUE, 2, 1, 1], sets(1, bits)),
    )
edited(
    "offsets-not-flat-2.1",
    "The offsets of a string column become an InlineBitpacking.",
    int_and_word,
    layout(1, [*VALUE, 2, 1], becomes(f5=Message.of(f1=32))),
)
edited(
    "variable-values-compressed-2.1",
    "The Variable of a string column says that its values are compressed with LZ4.",
    int_and_word,
    layout(1, [*VALUE, 2], sets(2, Message.of(f1=1))),
)
edited(
    "dictionary-missing-2.1",
    "A dictionary column's layout loses its dictionary.",
    dictionaries,
    layout(0, MINI, drops(4, 5)),
)
edited(
    "dictionary-missing-string-2.1",
    "A string column's dictionary layout loses its dictionary.",
    few_words,
    layout(0, MINI, drops(4, 5)),
)
edited(
    "dictionary-buffer-missing-2.1",
    "The page of a dictionary column loses its last buffer, the dictionary.",
    dictionaries,
    pages(0, drop_buffer(-1)),
)
for name, number in (("fewer", 1), ("more", 9)):
    edited(
        f"dictionary-items-{name}-2.1",
        f"A dictionary layout says {number} items of 3.",
        dictionaries,
        layout(0, MINI, sets(5, number)),
    )
edited(
    "dictionary-key-width-2.1",
    "The values of a dictionary<int32, string> layout, its keys, say 8 bits.",
    dictionaries,
    layout(0, VALUE, lambda _: flat(8)),
)
edited(
    "dictionary-codec-2.1",
    "The dictionary of a dictionary column becomes a PackedStruct.",
    dictionaries,
    layout(0, [*MINI, 4], becomes(f12=Message.of(f1=packed(8), f2=flat(8)))),
)
edited(
    "dictionary-on-int-2.1",
    "The dictionary of a string column becomes Flat of 64 bits: the items are integers.",
    few_words,
    layout(0, [*MINI, 4], lambda _: flat(64)),
)
for number in (0, 2):
    edited(
        f"miniblock-num-buffers-{number}-2.1",
        f"A mini-block layout of one flat says {number} value buffers.",
        int_and_word,
        layout(0, MINI, sets(7, number)),
    )
for name, number in (("fewer", 3), ("more", 5)):
    edited(
        f"miniblock-items-{name}-2.1",
        f"A mini-block layout says {number} items of 4.",
        int_and_word,
        layout(0, MINI, sets(9, number)),
    )
edited(
    "miniblock-items-list-2.1",
    "The mini-block layout of a list's items says 3 items of 7.",
    full_lists,
    layout(0, MINI, sets(9, 3)),
)
edited(
    "miniblock-one-buffer-2.1",
    "A mini-block page loses its second buffer.",
    int_and_word,
    pages(0, drop_buffer(1)),
)
edited(
    "miniblock-no-buffers-2.1",
    "A mini-block page loses its buffers.",
    int_and_word,
    pages(0, drop_all_buffers),
)
edited(
    "miniblock-chunk-words-2.1",
    "The first buffer of a mini-block page, its chunk words, has one byte less.",
    int_and_word,
    pages(0, resize(0, -1)),
)
edited(
    "miniblock-chunk-words-2.2",
    "The first buffer of a mini-block page, its chunk words, has two bytes less.",
    int_and_word,
    pages(0, resize(0, -2)),
)
edited(
    "miniblock-extra-buffer-2.1",
    "A mini-block page gets a third buffer that its layout does not speak of.",
    int_and_word,
    pages(0, of_page(lambda o, s: (o.append(0), s.append(8)))),
)
for name, how, layers in (
    ("layer-unspecified", "[unspecified]", [0]),
    ("layer-unknown", "[99]", [99]),
    ("layer-list-on-leaf", "[all-valid item, all-valid list]", [1, 2]),
):
    edited(
        f"{name}-2.1",
        f"The layers of an int64 become {how}.",
        int_and_word,
        layout(0, MINI, sets(6, packed(*layers))),
    )
edited(
    "layers-missing-for-list-2.1",
    "The layers of a list's items lose the list.",
    full_lists,
    layout(0, MINI, repeated(6, lambda layers: layers[:1])),
)
edited(
    "layers-order-2.1",
    "The layers of a list's items are turned round.",
    full_lists,
    layout(0, MINI, repeated(6, lambda layers: layers[::-1])),
)
edited(
    "layers-missing-for-struct-2.1",
    "The layers of a struct's child, nullable as the struct is, lose the struct.",
    struct_with_nulls,
    layout(0, MINI, repeated(6, lambda layers: layers[:1])),
)
edited(
    "layers-empty-with-levels-2.1",
    "The layers of an int32 with nulls go; its definition levels stay.",
    with_null,
    layout(0, MINI, drops(6)),
)
edited(
    "layers-vs-levels-2.1",
    "The layers of an int64 become [nullable item]; there are no definition levels.",
    int_and_word,
    layout(0, MINI, sets(6, packed(3))),
)
edited(
    "layers-vs-levels-reverse-2.1",
    "The layers of an int32 with nulls become [all-valid item]; the definition levels stay.",
    with_null,
    layout(0, MINI, sets(6, packed(1))),
)
edited(
    "levels-codec-dropped-2.1",
    "The layout of an int32 with nulls loses the codec of its definition levels.",
    with_null,
    layout(0, MINI, drops(2)),
)
edited(
    "levels-repetition-dropped-2.1",
    "The layout of a list's items loses the codec of its repetition levels.",
    full_lists,
    layout(0, MINI, drops(1)),
)
edited(
    "levels-width-2.1",
    "The definition levels of an int32 with nulls say 8 bits.",
    with_null,
    layout(0, [*MINI, 2], lambda _: flat(8)),
)
for number in (0, 2):
    edited(
        f"rep-index-depth-{number}-2.1",
        f"The layout of a list's items says a repetition index of depth {number}.",
        full_lists,
        layout(0, MINI, sets(8, number)),
    )
edited(
    "rep-index-missing-2.1",
    "The page of a list's items loses its last buffer, the repetition index.",
    full_lists,
    pages(0, drop_buffer(-1)),
)
edited(
    "rep-index-size-2.1",
    "The repetition index of a list's items has 8 bytes less.",
    full_lists,
    pages(0, resize(-1, -8)),
)
edited(
    "rep-index-on-leaf-2.1",
    "The layout of an int64 says a repetition index of depth 1.",
    int_and_word,
    layout(0, MINI, sets(8, 1)),
)
edited(
    "sibling-layers-2.1",
    "Of the two children of a nullable struct, the second has its layers turned round.",
    struct_with_nulls,
    layout(1, MINI, repeated(6, lambda layers: layers[::-1] if layers[0] != layers[1] else [3, 1])),
)
edited(
    "fullzip-details-2.1",
    "The full-zip layout of an int64 says neither bits per value nor per offset.",
    _zipped,
    layout(0, ZIP, drops(3)),
)
for name, how, number, bits in (
    ("fullzip-bits-def", "1 bit of definition", 2, 1),
    ("fullzip-bits-rep", "1 bit of repetition", 1, 1),
    ("fullzip-bits-overflow", "300 bits of definition", 2, 300),
    ("fullzip-bits-per-value", "32 bits per value", 3, 32),
    ("fullzip-bits-unaligned", "63 bits per value", 3, 63),
    ("fullzip-items", "9 items of 4", 5, 9),
    ("fullzip-visible-items", "9 visible items of 4", 6, 9),
):
    edited(
        f"{name}-2.1",
        f"The full-zip layout of an int64 says {how}.",
        _zipped,
        layout(0, ZIP, sets(number, bits)),
    )
edited(
    "fullzip-bits-none-2.1",
    "The full-zip layout of an int32 with nulls says 0 bits of definition.",
    _zipped,
    layout(2, ZIP, sets(2, 0)),
)
edited(
    "fullzip-layers-2.1",
    "The full-zip layout of an int32 with nulls says that it is all valid; the bit stays.",
    _zipped,
    layout(2, ZIP, sets(8, packed(1))),
)
for bits in (16, 64):
    edited(
        f"fullzip-offset-bits-{bits}-2.1",
        f"The full-zip layout of a string column says {bits} bits per offset.",
        _zipped,
        layout(1, ZIP, sets(4, bits)),
    )
edited(
    "fullzip-kind-2.1",
    "The full-zip layout of an int64 says bits per offset, not per value.",
    _zipped,
    layout(0, ZIP, lambda m: (m.drop(3), m.add(4, 32))[0]),
)
edited(
    "fullzip-kind-reverse-2.1",
    "The full-zip layout of a string column says bits per value, not per offset.",
    _zipped,
    layout(1, ZIP, lambda m: (m.drop(4), m.add(3, 64))[0]),
)
edited(
    "fullzip-rep-index-missing-2.1",
    "The full-zip page of a string column loses its second buffer.",
    _zipped,
    pages(1, drop_buffer(1)),
)
edited(
    "fullzip-rep-index-size-2.1",
    "The second buffer of a string column's full-zip page has a byte less.",
    _zipped,
    pages(1, resize(1, -1)),
)
edited(
    "fullzip-data-size-2.1",
    "The buffer of an int64's full-zip page has 8 bytes less.",
    _zipped,
    pages(0, resize(0, -8)),
)
edited(
    "fullzip-no-buffers-2.1",
    "The full-zip page of an int64 loses its buffer.",
    _zipped,
    pages(0, drop_all_buffers),
)
edited(
    "fullzip-flat-width-2.1",
    "The flat codec of an int64's full-zip layout says 32 bits.",
    _zipped,
    layout(0, [*ZIP, 7, 1], sets(1, 32)),
)
PACKED_AT = [*VALUE, 12]
for name, how, widths in (
    ("packed-widths-sum", "32 and 32 bits of 32 and 64", [32, 32]),
    ("packed-widths-count", "one child of 96 bits", [96]),
    ("packed-widths-swapped", "64 and 32 bits of 32 and 64", [64, 32]),
    ("packed-widths-odd", "33 and 63 bits of 32 and 64", [33, 63]),
):
    edited(
        f"{name}-2.1",
        f"The codec of a packed struct says {how}.",
        packed_struct,
        layout(1, PACKED_AT, sets(1, packed(*widths))),
    )
edited(
    "packed-flat-width-2.1",
    "The Flat under a packed struct's codec says 64 bits of 96.",
    packed_struct,
    layout(1, [*PACKED_AT, 2, 1], sets(1, 64)),
)
edited(
    "packed-not-packed-2.1",
    "The codec of a packed struct becomes its Flat alone.",
    packed_struct,
    layout(1, VALUE, lambda _: flat(96)),
)
edited(
    "packed-on-leaf-2.1",
    "The codec of an int64 becomes that of a packed struct of one child.",
    int_and_word,
    layout(0, VALUE, becomes(f12=Message.of(f1=packed(64), f2=flat(64)))),
)
for name, number in (("larger", 4), ("smaller", 1), ("zero", 0)):
    edited(
        f"fsl-dimension-{name}-2.1",
        f"The codec of a fixed_size_list<float, 2> says {number} items.",
        vectors,
        layout(1, [*VALUE, 11], sets(1, number)),
    )
edited(
    "fsl-flat-2.1",
    "The codec of a fixed_size_list<float, 2> becomes a Flat of 64 bits.",
    vectors,
    layout(1, VALUE, lambda _: flat(64)),
)
edited(
    "fsl-item-width-2.1",
    "The items of a fixed_size_list<float, 2> say 16 bits.",
    vectors,
    layout(1, [*VALUE, 11, 2, 1], sets(1, 16)),
)
edited(
    "fsl-validity-2.1",
    "The codec of a fixed_size_list<float, 2> says that it has validity.",
    vectors,
    layout(1, [*VALUE, 11], sets(3, 1)),
)
edited(
    "fsl-on-leaf-2.1",
    "The codec of an int64 becomes a fixed_size_list(2 × flat(32)).",
    int_and_word,
    layout(0, VALUE, becomes(f11=Message.of(f1=2, f2=flat(32)))),
)


def codec_of(number, change):
    """Find a codec below the value compression, through General."""

    def edit(compression):
        if compression.get(number) is not None:
            compression.edit(number, change)
        else:
            at(compression, [10, 3], edit)

    return edit


edited(
    "bss-width-2.1",
    "The flat under a ByteStreamSplit says 16 bits.",
    splits,
    layout(0, VALUE, codec_of(9, lambda m: at(m, [1, 1], sets(1, 16)))),
)
edited(
    "bss-width-64-2.1",
    "The flat under a ByteStreamSplit of float says 64 bits.",
    splits,
    layout(0, VALUE, codec_of(9, lambda m: at(m, [1, 1], sets(1, 64)))),
)
edited(
    "bss-not-flat-2.1",
    "Under a ByteStreamSplit is an InlineBitpacking.",
    splits,
    layout(0, VALUE, codec_of(9, lambda m: m.edit(1, becomes(f5=Message.of(f1=32))))),
)
edited(
    "general-scheme-2.1",
    "A General says compression scheme 7.",
    lz4_words,
    layout(0, [*VALUE, 10], sets(1, Message.of(f1=7))),
)
edited(
    "general-scheme-unset-2.1",
    "A General does not say its compression.",
    lz4_words,
    layout(0, [*VALUE, 10], drops(1)),
)
edited(
    "general-inner-missing-2.1",
    "A General has no codec within.",
    lz4_words,
    layout(0, [*VALUE, 10], drops(3)),
)
for name, how, path, bits in (
    ("rle-lengths", "run lengths of 16 bits", [2, 1], 16),
    ("rle-values", "values of 24 bits", [1, 1], 24),
    ("rle-narrower", "values of 16 bits for an int32", [1, 1], 16),
    ("rle-wider", "values of 64 bits for an int32", [1, 1], 64),
):
    edited(f"{name}-2.1", f"An Rle says {how}.", runs, layout(0, [*VALUE, 8, *path], sets(1, bits)))
edited(
    "rle-lengths-missing-2.1",
    "An Rle has no codec of its run lengths.",
    runs,
    layout(0, [*VALUE, 8], drops(2)),
)
edited(
    "rle-num-buffers-2.1",
    "A mini-block layout of an Rle says 1 buffer.",
    runs,
    layout(0, MINI, sets(7, 1)),
)
for name, how, bits in (("width", "12", 12), ("narrower", "16", 16), ("wider", "64", 64)):
    edited(
        f"bitpacking-{name}-2.1",
        f"The InlineBitpacking of an int32 says {how} uncompressed bits.",
        small_ints,
        layout(0, [*VALUE, 5], sets(1, bits)),
    )
edited(
    "bitpacking-compressed-2.1",
    "The InlineBitpacking of an int32 says that its values are compressed with LZ4.",
    small_ints,
    layout(0, [*VALUE, 5], sets(2, Message.of(f1=1))),
)
edited(
    "fsst-symbol-table-2.1",
    "The symbol table of an Fsst is 100 bytes short.",
    long_words(),
    layout(0, VALUE, codec_of(6, lambda fsst: fsst.set(1, fsst.get(1)[:-100]))),
)
edited(
    "fsst-values-2.1",
    "Under an Fsst is a Flat.",
    long_words(),
    layout(0, VALUE, codec_of(6, lambda fsst: fsst.set(2, flat(8)))),
)

# --------------------------------------------------------------------------------------
# Edits: 2.3 planar layouts
# --------------------------------------------------------------------------------------

edited(
    "planar-structure-missing-2.3",
    "A page has no structural plane.",
    int_and_word,
    layout(0, [], drops(1)),
)
edited(
    "planar-structure-unset-2.3",
    "A page's structural plane has no variant.",
    int_and_word,
    layout(0, [1], becomes()),
)
edited(
    "planar-values-missing-2.3", "A page has no value plane.", int_and_word, layout(0, [], drops(2))
)
edited(
    "planar-values-unset-2.3",
    "A page's value plane has no variant.",
    int_and_word,
    layout(0, [2], becomes()),
)
edited(
    "planar-layers-empty-2.3",
    "A page's dense structure has no layers.",
    int_and_word,
    layout(0, [1, 1], drops(1)),
)
edited(
    "planar-layers-unknown-2.3",
    "A page's dense layers are [99].",
    int_and_word,
    layout(0, [1, 1], sets(1, packed(99))),
)
edited(
    "planar-layers-list-2.3",
    "An int64's dense layers are [all-valid item, all-valid list].",
    int_and_word,
    layout(0, [1, 1], sets(1, packed(1, 2))),
)
for number in (0, 2):
    edited(
        f"planar-num-buffers-{number}-2.3",
        f"A chunked plane of one flat says {number} value buffers.",
        int_and_word,
        layout(0, [2, 1], sets(5, number)),
    )
edited(
    "planar-items-2.3",
    "A chunked plane says 5 items of 4.",
    int_and_word,
    layout(0, [2, 1], sets(6, 5)),
)
edited(
    "planar-buffer-count-2.3",
    "A chunked page gets a third buffer.",
    int_and_word,
    pages(0, of_page(lambda o, s: (o.append(0), s.append(8)))),
)
edited(
    "planar-buffer-missing-2.3",
    "A chunked page loses its second buffer.",
    int_and_word,
    pages(0, drop_buffer(1)),
)
edited(
    "planar-levels-dropped-2.3",
    "A chunked plane of an int32 with nulls loses its levels.",
    with_null,
    layout(0, [2, 1], drops(2)),
)
edited(
    "planar-dictionary-count-2.3",
    "A chunked plane's dictionary says 0 items.",
    dictionaries,
    layout(0, [2, 1], drops(4)),
)
edited(
    "planar-flat-narrower-2.3",
    "The flat codec of an int64 says 32 bits.",
    int_and_word,
    layout(0, [2, 1, 1, 1], sets(1, 32)),
)
edited(
    "planar-flat-wider-2.3",
    "The flat codec of an int64 says 128 bits.",
    int_and_word,
    layout(0, [2, 1, 1, 1], sets(1, 128)),
)
edited(
    "planar-codec-range-2.3",
    "The values of an int64 become a Range.",
    int_and_word,
    layout(0, [2, 1, 1], becomes(f14=Message.of(f1=64, f2=1, f3=1))),
)
for name, size in (("short", 2), ("long", 8), ("empty", 0), ("too-long", 40)):
    edited(
        f"planar-scalar-{name}-2.3",
        f"The scalar of an int32's constant plane has {size} bytes.",
        constants,
        layout(0, [2, 3], sets(1, bytes(size))),
    )
edited(
    "planar-constant-nullable-2.3",
    "The dense layers of a constant plane are [nullable item].",
    constants,
    layout(0, [1, 1], sets(1, packed(3))),
)
edited(
    "planar-indexed-dense-2.3",
    "The value plane of an int64 becomes indexed, under a dense structure.",
    int_and_word,
    layout(0, [2], becomes(f5=Message.of(f1=flat(8)))),
)
edited(
    "planar-zipped-addressing-2.3",
    "A zipped plane of an int64 says neither bits per value nor per offset.",
    _zipped,
    layout(0, [2, 2], drops(3)),
)
edited(
    "planar-zipped-levels-2.3",
    "The levels of a zipped plane say 300 bits of definition.",
    _zipped,
    layout(2, [2, 2, 2], sets(2, 300)),
)
edited(
    "planar-zipped-width-2.3",
    "A zipped plane of an int64 says 32 bits per value.",
    _zipped,
    layout(0, [2, 2], sets(3, 32)),
)
edited(
    "planar-sparse-levels-2.3",
    "A chunked plane under a sparse structure gets dense levels.",
    _sparse,
    layout(0, [2, 1], sets(2, Message.of(f2=flat(16)))),
)
edited(
    "planar-sparse-no-layers-2.3",
    "A sparse structure loses its layers.",
    _sparse,
    layout(0, [1, 2], drops(1)),
)
edited(
    "planar-sparse-layer-more-2.3",
    "A sparse structure has its layer twice.",
    _sparse,
    layout(0, [1, 2], lambda m: m.add(1, m.get(1))),
)
edited(
    "planar-sparse-layer-unset-2.3",
    "A layer of a sparse structure is without a variant.",
    _sparse,
    layout(0, [1, 2, 1], becomes()),
)
edited(
    "planar-sparse-meaning-2.3",
    "A validity set of a sparse structure says meaning 7.",
    _sparse,
    layout(0, [1, 2, 1, 1], sets(1, 7)),
)
edited(
    "planar-sparse-list-on-leaf-2.3",
    "The layer of an int32's sparse structure becomes that of a fixed size list of 2.",
    _sparse,
    layout(0, [1, 2], sets(1, Message.of(f3=Message.of(f1=2)))),
)

# --------------------------------------------------------------------------------------
# Edits: the manifest's data files and schema
# --------------------------------------------------------------------------------------

for v in ("2.0", "2.1", "2.2"):
    edited(
        f"column-index-swapped-{v}",
        "The manifest puts field 0 in column 1 and field 1 in column 0.",
        two_ints,
        entries(sets(3, packed(1, 0))),
    )
for v in ("2.0", "2.1"):
    edited(
        f"column-index-duplicate-{v}",
        "The manifest puts both fields in column 0.",
        two_ints,
        entries(sets(3, packed(0, 0))),
    )
    edited(
        f"column-indices-empty-{v}",
        "The DataFile's list of columns goes.",
        two_ints,
        entries(drops(3)),
    )
    edited(
        f"column-indices-short-{v}",
        "The DataFile has two fields and one column.",
        two_ints,
        entries(sets(3, packed(0))),
    )
    edited(
        f"column-indices-long-{v}",
        "The DataFile has two fields and three columns.",
        two_ints,
        entries(sets(3, packed(0, 1, 1))),
    )
    edited(
        f"field-id-unknown-{v}",
        "The DataFile lists field 7 in place of field 1.",
        two_ints,
        entries(sets(2, packed(0, 7))),
    )
    edited(
        f"field-id-minus-one-{v}",
        "The DataFile lists field -1 in place of field 1.",
        two_ints,
        entries(sets(2, packed(0, -1))),
    )
    edited(
        f"field-twice-in-file-{v}",
        "The DataFile lists field 0 in columns 0 and 1.",
        two_ints,
        entries(sets(2, packed(0, 0))),
    )
    edited(
        f"physical-rows-larger-{v}",
        "The fragment says 5 rows of 4.",
        two_ints,
        lambda out: edit_fragments(out, sets(4, 5)),
    )
    edited(
        f"physical-rows-smaller-{v}",
        "The fragment says 3 rows of 4.",
        two_ints,
        lambda out: edit_fragments(out, sets(4, 3)),
    )
    edited(
        f"fragment-no-files-{v}",
        "The fragment has no data file.",
        two_ints,
        lambda out: edit_fragments(out, drops(2)),
    )
    edited(
        f"fragment-doubled-{v}",
        "The fragment stands twice in the manifest.",
        two_ints,
        lambda out: edit_manifest(out, lambda m: m.add(2, m.get(2))),
    )
edited(
    "nonleaf-with-column-2.1",
    "The DataFile lists a struct's own id, in column 1.",
    plain_struct,
    entries(lambda e: (e.set(2, packed(0, 1, 2, 3, 4)), e.set(3, packed(0, 1, 1, 2, 3)))[0]),
)
edited(
    "struct-header-unlisted-2.0",
    "The DataFile does not list the struct's own id.",
    plain_struct,
    entries(lambda e: (e.set(2, packed(0, 2, 3, 4)), e.set(3, packed(0, 2, 3, 4)))[0]),
)
edited(
    "struct-child-unlisted-2.0",
    "The DataFile does not list a struct's second child.",
    plain_struct,
    entries(lambda e: (e.set(2, packed(0, 1, 2, 4)), e.set(3, packed(0, 1, 2, 4)))[0]),
)
edited(
    "struct-child-unlisted-2.1",
    "The DataFile does not list a struct's second child.",
    plain_struct,
    entries(lambda e: (e.set(2, packed(0, 2, 4)), e.set(3, packed(0, 1, 3)))[0]),
)
edited(
    "list-item-unlisted-2.0",
    "The DataFile does not list a list's item.",
    lists,
    entries(lambda e: (e.set(2, packed(0, 2)), e.set(3, packed(0, 2)))[0]),
)


def with_added():
    import pyarrow as pa

    return two_ints().append_column("c", pa.array([7, 8, 9, 10], pa.int32()))


for v in ("2.0", "2.1"):

    @broken(
        f"field-in-two-files-{v}",
        """Two columns, then add_columns() with two more, the second of which is dropped again;
        edit: the second data file is said to hold field 1 where it holds the dropped one, and
        stands first. (Where it stands second, every call reads what was written.)""",
        with_added,
    )
    def field_in_two_files(out, v=v):
        more = {"c": "cast(a + 6 as int)", "d": "cast(b + 1 as int)"}
        write(two_ints(), out, v).add_columns(more)
        reopen(out).drop_columns(["d"])

        def change(entry):
            if numbers_in(entry.get(2)) == [2, 3]:
                entry.set(2, packed(2, 1))

        def turn(fragment):
            files = [x for x in fragment.fields if x[0] == 2][::-1]
            fragment.fields = [files.pop(0) if x[0] == 2 else x for x in fragment.fields]

        edit_entries(out, change)
        edit_fragments(out, turn)


for v in ("2.0", "2.1"):
    edited(
        f"schema-duplicate-id-{v}",
        "The second field of the manifest gets the first one's id.",
        two_ints,
        field("b", sets(3, 0)),
    )
    edited(
        f"schema-duplicate-name-{v}",
        "The second field of the manifest gets the first one's name.",
        two_ints,
        field("b", sets(2, "a")),
    )
    edited(
        f"schema-orphan-parent-{v}",
        "The second field of the manifest gets the parent 9.",
        two_ints,
        field("b", sets(4, 9)),
    )
    edited(
        f"schema-type-unknown-{v}",
        "The second field of the manifest gets the type `interval`.",
        two_ints,
        field("b", sets(5, "interval")),
    )
    edited(
        f"schema-type-empty-{v}",
        "The second field of the manifest has no type.",
        two_ints,
        field("b", sets(5, "")),
    )
    edited(
        f"schema-negative-id-{v}",
        "The second field of the manifest gets the id -7.",
        two_ints,
        field("b", sets(3, -7)),
    )
edited(
    "schema-list-without-child-2.1",
    "The second field of the manifest becomes a list without a child.",
    two_ints,
    field("b", sets(5, "list")),
)
edited(
    "schema-fsl-dimension-zero-2.1",
    "A fixed_size_list of the manifest gets dimension 0.",
    vectors,
    field("v", sets(5, "fixed_size_list:float:0")),
)
edited(
    "schema-fsl-dimension-negative-2.1",
    "A fixed_size_list of the manifest gets dimension -2.",
    vectors,
    field("v", sets(5, "fixed_size_list:float:-2")),
)
edited(
    "schema-dot-in-name-2.1",
    "The second field of the manifest is named `b.c`.",
    two_ints,
    field("b", sets(2, "b.c")),
)
edited(
    "schema-empty-name-2.1",
    "The second field of the manifest has no name.",
    two_ints,
    field("b", sets(2, "")),
)
edited(
    "schema-timestamp-without-zone-2.1",
    "A field of the manifest gets the type `timestamp:us`.",
    int_and_word,
    field("id", sets(5, "timestamp:us")),
)
edited(
    "schema-dict-three-parts-2.1",
    "A field of the manifest gets the type `dict:string:int32`.",
    dictionaries,
    field("d", sets(5, "dict:string:int32")),
)
edited(
    "schema-leaf-with-child-2.1",
    "A child is put below an int32 field of the manifest.",
    two_ints,
    lambda out: edit_manifest(
        out,
        lambda m: m.add(1, Message.of(f1=2, f2="x", f3=2, f4=1, f5="int32", f6=1)),
    ),
)
edited(
    "schema-child-before-parent-2.1",
    "A struct's first child stands before it in the manifest.",
    plain_struct,
    lambda out: edit_manifest(
        out,
        lambda m: m.fields.insert(
            0,
            m.fields.pop(
                next(
                    i
                    for i, f in enumerate(m.fields)
                    if f[0] == 1 and Message.parse(f[2]).get(2) == b"x"
                )
            ),
        ),
    ),
)

# --------------------------------------------------------------------------------------
# Healthy, though it looks wrong
# --------------------------------------------------------------------------------------

for v in ("2.1", "2.2"):
    trap(
        f"struct-minus-one-{v}",
        "The DataFile lists a struct's own id too, in column -1, as older writers do.",
        plain_struct,
        entries(lambda e: (e.set(2, packed(0, 1, 2, 3, 4)), e.set(3, packed(0, -1, 1, 2, 3)))[0]),
    )
for v in ("2.0", "2.1"):
    trap(
        f"columns-permuted-{v}",
        "Fields and columns of the DataFile both stand in another order.",
        int_and_word,
        entries(lambda e: (e.set(2, packed(1, 0)), e.set(3, packed(1, 0)))[0]),
    )
    trap(
        f"size-unknown-{v}",
        "The manifest does not know the data file's size.",
        int_and_word,
        entries(drops(6)),
    )

    def columns_swapped_in_file(file):
        file.columns.reverse()

    trap(
        f"columns-stored-reversed-{v}",
        "The column metadata stand in the opposite order, and the DataFile's columns say so.",
        int_and_word,
        every(
            lambda out: edit_data_file(out, columns_swapped_in_file), entries(sets(3, packed(1, 0)))
        ),
    )
    trap(
        f"column-unnamed-{v}",
        "The data file has a third column, a copy of the first, that no field is in.",
        int_and_word,
        lambda out: edit_data_file(
            out, lambda file: file.columns.append(Message(file.columns[0].fields))
        ),
    )
    trap(
        f"metadata-not-of-lance-{v}",
        "The first field of the manifest gets metadata of somebody else's.",
        int_and_word,
        field("id", lambda f: f.add(10, Message.of(f1="PARQUET:field_id", f2="1"))),
    )
    edited(
        f"descriptor-length-{v}",
        "The file's own descriptor says 5 rows of 4.",
        int_and_word,
        lambda out: edit_data_file(out, lambda file: file.edit_descriptor(sets(2, 5))),
    )

for v in ("2.0", "2.1", "2.2"):

    @clean(
        f"column-replaced-{v}",
        "A column is dropped and another added under its name. No edit.",
        word_and_int,
    )
    def column_replaced(out, v=v):
        ids = word_and_int().select(["id"])
        dropped = table(
            lambda pa: [
                (pa.field("name", pa.string()), WORDS),
                (pa.field("id", pa.int32()), [1, 2, 3, 4]),
            ]
        )
        write(dropped(), out, v).drop_columns(["id"])
        reopen(out).add_columns(ids.to_reader())

    @clean(
        f"tombstone-{v}",
        "A column is dropped; edit: its place in the DataFile's list of fields becomes -2.",
        int_and_word,
    )
    def tombstone(out, v=v):
        import pyarrow as pa

        more = int_and_word().append_column("more", pa.array([1, 2, 3, 4], pa.int32()))
        write(more, out, v).drop_columns(["more"])
        edit_entries(out, sets(2, packed(0, 1, -2)))

    @clean(
        f"names-swapped-{v}",
        """Columns a and b, renamed through alter_columns() so that each has the other's name.
        No edit. The manifest's fields are those of fields-reordered-commit.""",
        two_ints,
        truth=table(
            lambda pa: [
                (pa.field("b", pa.int32()), [1, 2, 3, 4]),
                (pa.field("a", pa.int32()), [10, 20, 30, 40]),
            ]
        ),
    )
    def names_swapped(out, v=v):
        write(two_ints(), out, v)
        for old, new in (("a", "t"), ("b", "a"), ("t", "b")):
            reopen(out).alter_columns({"path": old, "name": new})


def renamed_words():
    return int_and_word().rename_columns(["id", "title"])


for v in ("2.0", "2.1", "2.2"):

    @clean(f"renamed-{v}", "A column renamed. No edit.", int_and_word, truth=renamed_words)
    def renamed(out, v=v):
        write(int_and_word(), out, v).alter_columns({"path": "name", "name": "title"})


recommitted(
    "string-to-large-commit",
    ("2.0",),
    "string becomes large_string.",
    word_and_int,
    lambda pa: [pa.field("name", pa.large_string()), pa.field("id", pa.int64())],
    "clean",
)
recommitted(
    "large-to-string-commit",
    ("2.0",),
    "large_string becomes string.",
    large_word,
    lambda pa: [pa.field("name", pa.string()), pa.field("id", pa.int64())],
    "clean",
)
recommitted(
    "dict-to-string-commit",
    ("2.1", "2.2"),
    "dictionary<int32, string> becomes string.",
    dictionaries,
    lambda pa: [pa.field("d", pa.string()), pa.field("id", pa.int64())],
    "clean",
)
recommitted(
    "json-utf8",
    ("2.0",),
    "A string column becomes one tagged arrow.json.",
    json_text,
    json_commit,
    "clean",
)
written(
    "empty-struct-nested",
    ("2.0",),
    "A struct<a int32, in struct<>, b int32>, and a column after it.",
    struct_field(
        lambda pa: (
            pa.struct([("a", pa.int32()), ("in", pa.struct([])), ("b", pa.int32())]),
            [{"a": i, "in": {}, "b": 10 * i + 70} for i in range(4)],
        )
    ),
    folder="clean",
)
written(
    "empty-struct-in-list",
    ("2.0",),
    "A list<struct<>>, and a column after it.",
    struct_field(lambda pa: (pa.list_(pa.struct([])), [[{}], [], [{}, {}], [{}]])),
    folder="clean",
)
recommitted(
    "list-to-large-list-commit",
    ("2.0", "2.1", "2.2"),
    "list<int32> becomes large_list<int32>.",
    lists,
    lambda pa: [pa.field("l", pa.large_list(pa.int32())), pa.field("id", pa.int64())],
    "clean",
)
recommitted(
    "string-to-binary-commit",
    ("2.0", "2.1", "2.2"),
    "string becomes binary.",
    word_and_int,
    lambda pa: [pa.field("name", pa.binary()), pa.field("id", pa.int64())],
    "clean",
    truth=lambda: table(
        lambda pa: [
            (pa.field("name", pa.binary()), [w.encode() for w in WORDS]),
            (pa.field("id", pa.int64()), LARGE),
        ]
    )(),
)
recommitted(
    "required-without-nulls",
    ("2.0", "2.1", "2.2"),
    "Two columns without nulls become nullable = false.",
    int_and_word,
    lambda pa: [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
    ],
    "clean",
)
recommitted(
    "nullable-never-null",
    ("2.0", "2.1"),
    "A required column becomes nullable.",
    table(lambda pa: [(pa.field("id", pa.int64(), nullable=False), LARGE)]),
    lambda pa: [pa.field("id", pa.int64())],
    "clean",
)
recommitted(
    "field-without-column",
    ("2.0", "2.1", "2.2"),
    "One more nullable field that no data file has.",
    int_and_word,
    lambda pa: [
        pa.field("id", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("more", pa.int32()),
    ],
    "clean",
    truth=lambda: table(
        lambda pa: [
            (pa.field("id", pa.int64()), LARGE),
            (pa.field("name", pa.string()), WORDS),
            (pa.field("more", pa.int32()), [None] * 4),
        ]
    )(),
)
recommitted(
    "struct-metadata-false",
    ("2.1", "2.2"),
    "A plain struct gets `packed` = false and `lance-encoding:packed` = no.",
    plain_struct,
    lambda _: around(struct_of({"packed": "false", "lance-encoding:packed": "no"})),
    "clean",
)
written(
    "packed-yes",
    ("2.0",),
    "A struct with `packed` = yes.",
    struct_table({"packed": "yes"}),
    folder="clean",
)
written(
    "packed-upper",
    ("2.1",),
    "A struct with `packed` = TRUE.",
    struct_table({"packed": "TRUE"}),
    folder="clean",
)
written(
    "packed-on-leaf",
    ("2.0", "2.1"),
    "An int64 and a string column with the packed keys.",
    table(
        lambda pa: [
            (pa.field("id", pa.int64(), metadata=PACKED), LARGE),
            (pa.field("name", pa.string(), metadata=PACKED), WORDS),
        ]
    ),
    folder="clean",
)
written(
    "packed-string-child",
    ("2.2",),
    "A packed struct<a int32, b string>.",
    PACKED_STRING,
    folder="clean",
)
written(
    "packed-nested-struct",
    ("2.3",),
    "A packed struct<a int32, in struct<c int32>>.",
    NESTED,
    folder="clean",
)
written(
    "empty-struct-middle",
    ("2.0",),
    "A struct without children between two columns.",
    NO_CHILDREN,
    folder="clean",
)
written(
    "constant",
    ("2.2",),
    "A column of one value, without nulls: constant layout.",
    constants,
    folder="clean",
)
written(
    "dictionary-page",
    ("2.0", "2.1"),
    "A string column of few values: dictionary pages.",
    few_words,
    folder="clean",
)
written(
    "fsst-page",
    ("2.1",),
    "A string column with `lance-encoding:compression` = fsst.",
    long_words(),
    folder="clean",
)
written(
    "fullzip",
    ("2.1", "2.3"),
    "Columns with `lance-encoding:structural-encoding` = fullzip.",
    _zipped,
    folder="clean",
)
written(
    "sparse",
    ("2.3",),
    "A column with `lance-encoding:structural-encoding` = sparse.",
    _sparse,
    folder="clean",
)
written("runs", ("2.1",), "A column of two runs: Rle.", runs, folder="clean")
written(
    "bitpacked",
    ("2.1",),
    "A column of small numbers: InlineBitpacking.",
    small_ints,
    folder="clean",
)
written(
    "byte-stream-split",
    ("2.1",),
    "A float column with `lance-encoding:bss` = on.",
    splits,
    folder="clean",
)
written(
    "struct-with-nulls",
    ("2.1",),
    "A struct that is null in one row.",
    struct_with_nulls,
    folder="clean",
)

for v in ("2.1", "2.2"):
    trap(
        f"layers-missing-{v}",
        "The layers of an int64 without nulls go.",
        int_and_word,
        layout(0, MINI, drops(6)),
    )
    trap(
        f"layers-extra-{v}",
        "The layers of an int64 without nulls get two more all-valid items.",
        int_and_word,
        layout(0, MINI, sets(6, packed(1, 1, 1))),
    )
    trap(
        f"layers-extra-fullzip-{v}",
        "The full-zip layers of an int64 without nulls get one more all-valid item.",
        _zipped,
        layout(0, ZIP, sets(8, packed(1, 1))),
    )
    for name, message in (
        ("blob", Message.of(f3=Message.of(f1=Message.of(f1=Message())))),
        ("zone-index", Message.of(f2=Message.of(f1=100))),
        ("unset", Message()),
    ):
        if v == "2.1" or name == "unset":
            trap(
                f"column-encoding-{name}-{v}",
                f"The column encoding of an int64 column becomes {name}, which 2.1 and later ignore.",
                int_and_word,
                lambda out, message=message: edit_column_encoding(out, 0, lambda _: message),
            )
trap(
    "bare-flat-2.0",
    "The page of an int64 loses the `nullable` around its flat.",
    int_and_word,
    layout(0, [], lambda e: at_value(e, [2, 1, 1])),
)
trap(
    "bare-flat-in-list-2.0",
    "The offsets of a list lose the `nullable` around their flat.",
    lists,
    layout(0, [4], lambda m: m.edit(1, lambda e: at_value(e, [2, 1, 1]))),
)
trap(
    "page-priority-2.1",
    "The second column's page says priority 1000.",
    two_ints,
    pages(1, sets(5, 1000)),
)
trap(
    "empty-page-2.0",
    "The second column has one more page, of 0 rows and without buffers.",
    two_ints,
    column(1, lambda c: c.add(2, empty_page(c))),
)


def at_value(message, path):
    for number in path:
        message = message.sub(number)
    return message


def empty_page(column_metadata):
    page = column_metadata.sub(2)
    page.drop(1, 2, 3)
    page.add(3, 0)
    page.set(
        4,
        Message.of(
            f2=Message.of(
                f1=Message.of(
                    f1="/lance.encodings.ArrayEncoding", f2=Message.of(f2=Message.of(f3=Message()))
                )
            )
        ),
    )
    return page.encode()


# --------------------------------------------------------------------------------------
# Fixes of what public calls alone did wrong
# --------------------------------------------------------------------------------------

REREAD = """
# the schema as the data files were written with, whatever it is called now
fields = [{fields}]
files = [f.metadata for f in lance.dataset(uri).get_fragments()]
op = lance.LanceOperation.Overwrite(pa.schema(fields), files)
lance.LanceDataset.commit(uri, op, read_version=lance.dataset(uri).version)
"""


def recommit(*fields):
    return REREAD.format(fields=", ".join(fields))


ID = 'pa.field("id", pa.int64())'
NAMED = 'pa.field("name", pa.string())'
S = 'pa.field("s", pa.struct([("x", pa.int32()), ("y", pa.int32())]){})'
PACKED_S = (
    'pa.field("s", pa.struct([("x", pa.int32()), ("y", pa.int64())]), '
    'metadata={"lance-encoding:packed": "true"})'
)
N = 'pa.field("n", pa.int32())'
V2 = 'pa.field("v", pa.list_(pa.float32(), 2))'
D = 'pa.field("d", pa.dictionary(pa.int32(), pa.string()))'
L = 'pa.field("l", pa.list_(pa.int32()))'


def metadata_of(name, value):
    return f'lance.dataset(uri).update_field_metadata({{"{name}": {value}}}, replace=True)'


DROP = 'lance.dataset(uri).drop_columns(["{}"])'
TO_CLASSIC = """
table = lance.dataset(uri).to_table(columns={columns})
lance.write_dataset(table, new_uri, data_storage_version="{version}")
"""

# (fixtures, columns that come back or None for all, lines)
Fixes = [
    (
        "fields-reordered-commit-*",
        None,
        recommit('pa.field("a", pa.int32())', 'pa.field("b", pa.int32())'),
    ),
    ("fields-reordered-types-commit-*", None, recommit(ID, NAMED)),
    ("struct-children-reordered-commit-*", None, recommit(ID, S.format(""), NAMED)),
    (
        "packed-children-reordered-commit-*",
        None,
        recommit(ID, S.format(', metadata={"lance-encoding:packed": "true"}'), NAMED),
    ),
    ("type-narrowed-commit-*", None, recommit(ID, NAMED)),
    ("type-widened-commit-*", None, recommit(N, NAMED)),
    (
        "type-widened-commit-*",
        None,
        recommit(N, NAMED)
        + 'lance.dataset(uri).alter_columns({"path": "n", "data_type": pa.int64()})  # as it was meant',
    ),
    ("type-changed-commit-*", None, recommit(N, NAMED)),
    ("type-unsigned-commit-*", None, recommit(N)),
    ("type-*-constant-commit-*", None, recommit('pa.field("c", pa.int32())', ID)),
    ("type-to-string-commit-*", None, recommit(N, NAMED)),
    ("type-from-string-commit-*", None, recommit(NAMED, ID)),
    ("string-to-large-commit-*", None, recommit(NAMED, ID)),
    ("large-to-string-commit-*", None, recommit('pa.field("name", pa.large_string())', ID)),
    ("struct-child-*-commit-*", None, recommit(ID, S.format(""), NAMED)),
    ("struct-to-leaf-commit-*", None, recommit(ID, S.format(""), NAMED)),
    ("leaf-to-struct-commit-*", None, recommit(ID, NAMED)),
    ("list-to-leaf-commit-*", None, recommit(L, ID)),
    ("leaf-to-list-commit-*", None, recommit(NAMED, ID)),
    ("list-to-struct-commit-*", None, recommit(L, ID)),
    (
        "struct-to-list-commit-*",
        None,
        recommit('pa.field("s", pa.struct([("item", pa.int32())]))', ID),
    ),
    ("fsl-*-commit-*", None, recommit(ID, V2)),
    ("leaf-to-fsl-commit-*", None, recommit(ID, NAMED)),
    ("dict-*-commit-*", None, recommit(D, ID)),
    ("string-to-dict-commit-*", None, recommit(NAMED, ID)),
    ("null-to-int-commit-*", None, recommit(N, NAMED)),
    ("required-with-nulls-*", None, recommit(N, NAMED)),
    (
        "required-with-nulls-*",
        None,
        'lance.dataset(uri).alter_columns({"path": "n", "nullable": True}, {"path": "name", "nullable": True})',
    ),
    ("required-struct-with-nulls-*", None, recommit(S.format(""))),
    ("required-field-without-column-*", None, recommit(ID, NAMED)),
    ("required-field-without-column-*", None, 'lance.dataset(uri).drop_columns(["more"])'),
    ("packed-added-*", None, metadata_of("s", "{}")),
    ("packed-removed-commit-*", None, recommit(ID, PACKED_S, NAMED)),
    ("packed-removed-commit-2.0", None, metadata_of("s", '{"packed": "true"}')),
    ("packed-child-*-commit-*", None, recommit(ID, PACKED_S, NAMED)),
    ("packed-on-list-by-metadata-*", None, metadata_of("l", "{}")),
    ("packed-on-list-2*", None, metadata_of("l", "{}")),
    ("packed-on-map-*", None, metadata_of("m", "{}")),
    ("packed-on-fsl-struct-*", None, metadata_of("v", "{}")),
    ("packed-by-0.15.0-2.0", None, metadata_of("s", "{}")),
    ("dict-all-null-in-struct-*", ["id"], DROP.format("s")),
    (
        "packed-removed-by-*",
        None,
        "lance.write_dataset(lance.dataset(uri, version=1).to_table(), new_uri)",
    ),
    ("packed-yes-*", None, metadata_of("s", '{"packed": "true"}')),
    ("packed-1-*", None, metadata_of("s", '{"packed": "true"}')),
    ("packed-false-2.0", None, metadata_of("s", '{"packed": "true"}')),
    ("packed-keys-conflict-2.0", None, metadata_of("s", "{}")),
    ("packed-bool-child-*", ["id", "name"], DROP.format("s")),
    ("packed-nested-struct-*", ["id", "name"], DROP.format("s")),
    ("packed-empty-struct-*", ["id", "name"], DROP.format("s")),
    ("packed-empty-struct-*", None, metadata_of("s", "{}")),
    ("empty-struct-first-*", ["id", "other"], DROP.format("nothing")),
    ("empty-struct-middle-*", ["id", "name"], DROP.format("s")),
    ("empty-struct-nested-*", None, DROP.format("s.in")),
    ("empty-struct-nested-2*", ["id", "name"], DROP.format("s")),
    ("empty-struct-in-list-2*", ["id", "name"], DROP.format("s")),
    ("empty-struct-in-list-0.1", ["id"], DROP.format("v")),
    ("empty-struct-last-*", ["id"], DROP.format("nothing")),
    ("fsl-struct-2.0", ["id"], DROP.format("v")),
    ("fsl-struct-beside-*", ["id"], DROP.format("v")),
    (
        "fsl-struct-beside-*",
        None,
        """
        ds = lance.dataset(uri)
        table = ds.to_table(columns=["id"]).append_column("v", ds.to_table(columns=["v"])["v"])
        items = table["v"].combine_chunks()
        lists = pa.ListArray.from_arrays(pa.array(range(0, 2 * len(items) + 1, 2), pa.int32()), items.flatten())
        lance.write_dataset(table.set_column(1, "v", lists), new_uri)  # a list in place of a fixed_size_list
        """,
    ),
    ("fsl-string-2.0", ["id"], DROP.format("v")),
    ("json-utf8-*", None, recommit('pa.field("j", pa.string())', ID)),
    ("json-by-*", None, recommit('pa.field("j", pa.string())', ID)),
    ("json-by-*", None, metadata_of("j", "{}")),
    (
        "json-in-struct-by-*",
        None,
        recommit('pa.field("s", pa.struct([("n", pa.int32()), ("doc", pa.string())]))', ID),
    ),
    ("json-in-struct-by-*", ["id"], DROP.format("s")),
    ("dict-all-null-by-*", ["id"], DROP.format("d")),
    ("list-item-*-0.1", None, recommit(ID, 'pa.field("v", pa.list_(pa.int64()))')),
    ("list-item-*-0.1", ["id"], DROP.format("v")),
    ("fsl-bool-0.1", ["id"], DROP.format("v")),
    (
        "dict-required-0.1",
        None,
        recommit(ID, 'pa.field("d", pa.dictionary(pa.int32(), pa.string()))'),
    ),
    ("dict-required-0.1", ["id"], DROP.format("d")),
    ("struct-header-pages-by-*", ["id", "name"], DROP.format("s")),
    ("list-null-by-*", ["id"], DROP.format("v")),
    ("fsst-large-*", None, recommit('pa.field("s", pa.string())')),
]


def rows_back(path, columns=None):
    """Each column by itself, as long as each can be read, then all of them at once."""
    import lance

    return lance.dataset(path).to_table(columns=columns).to_pylist()


def plain(value):
    """JSON documents come back as bytes or as text, views of text as text."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def fix(lines, path, fixture, columns):
    import lance
    import pyarrow as pa

    new = path + "-rewritten"
    exec(textwrap.dedent(lines), {"lance": lance, "pa": pa, "uri": path, "new_uri": new})
    result = new if Path(new).exists() else path
    rows = plain(rows_back(result))
    truth = plain(fixture.truth().to_pylist())
    if columns:
        truth = [{k: row[k] for k in columns} for row in truth]
    elif rows and truth and rows != truth:
        for name in set(truth[0]) - set(rows[0]):  # what the fix dropped on purpose
            truth = [{k: v for k, v in row.items() if k != name} for row in truth]
        for row in truth:
            for name, value in row.items():
                if isinstance(value, dict) and isinstance(rows[0].get(name), dict):
                    row[name] = {k: v for k, v in value.items() if k in rows[0][name]}
    word = "right" if rows == truth else "wrong"
    return f"{word}: {list(rows[0]) if rows else []} {rows[:2]}"


# --------------------------------------------------------------------------------------
# The child process
# --------------------------------------------------------------------------------------


def calls_of(names, rows, legacy):
    """What a reader is asked for."""
    yield "open"
    yield "count_rows"
    yield "to_table"
    if len(names) > 1:
        yield from (f"column {name}" for name in names)
    yield "take 0"
    if rows > 1:
        yield f"take {rows - 1}"
    if legacy:  # 0.1 files have another way for several rows
        yield f"take 0,{rows - 1}"


def ask(call, path, truth):
    import lance

    dataset = lance.dataset(path)
    what, _, which = call.partition(" ")
    if what == "open":
        return [True, "opened"]
    if what == "count_rows":
        count = dataset.count_rows()
        return [count == len(truth), str(count)]
    if what == "to_table":
        rows, wanted = dataset.to_table().to_pylist(), truth
    elif what == "column":
        rows = dataset.to_table(columns=[which]).to_pylist()
        wanted = [{which: row[which]} for row in truth]
    else:
        at = [int(number) for number in which.split(",")]
        rows, wanted = dataset.take(at).to_pylist(), [truth[number] for number in at]
    return [plain(rows) == plain(wanted), f"{rows[:4]}"]


def forked(work):
    """Do one piece of work in a process of its own; return (went well, its answer, panics)."""
    with tempfile.TemporaryDirectory() as scratch:
        answer, errors = Path(scratch) / "answer", Path(scratch) / "errors"
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
                try:
                    outcome = [True, work()]
                except BaseException as error:  # a panic arrives as a BaseException
                    outcome = [False, f"{type(error).__name__}: {error}"]
                    if isinstance(error, SyntaxError | NameError | AssertionError):
                        outcome[1] = traceback.format_exc()
                answer.write_text(json.dumps(outcome))
                status = 0
            finally:
                os._exit(status)
        for _ in range(CALL_SECONDS * 50):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.02)
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False, f"no answer within {CALL_SECONDS} seconds", []
        stderr = errors.read_text(errors="replace") if errors.exists() else ""
        panics = [f"panic at {at}: {text.strip()}" for at, text in PANIC.findall(stderr)]
        if not answer.exists():
            signalled = (
                signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else status
            )
            return False, f"the process ended with {signalled}: {stderr[-300:].strip()}", panics
        return (*json.loads(answer.read_text()), list(dict.fromkeys(panics)))


def read_all(fixture, path):
    """Every call on a copy of the fixture: [(call, went well, equal, text, panics)]."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = str(Path(scratch) / "dataset")
        shutil.copytree(path, copy)
        truth = fixture.truth()
        names, truth = truth.column_names, truth.to_pylist()
        for call in calls_of(names, len(truth), fixture.name.endswith("0.1")):
            done, answer, panics = forked(lambda call=call: ask(call, copy, truth))
            equal, text = answer if done else (False, answer)
            yield call, done, equal, text.replace(copy, "<dataset>"), panics
            if call == "open" and not done:
                break


def fix_all(fixture, path):
    for number, columns, lines in fixes_of(fixture.name):
        with tempfile.TemporaryDirectory() as scratch:
            copy = str(Path(scratch) / "dataset")
            shutil.copytree(path, copy)
            done, text, _ = forked(
                lambda copy=copy, lines=lines, columns=columns: fix(lines, copy, fixture, columns)
            )
            yield number, done, text.replace(copy, "<dataset>")


def child(job):
    """Do a batch of work and print its outcome as one line of JSON."""
    import lance  # noqa: F401  so that what forks off has it

    outcome = {}
    for name, path in job["fixtures"].items():
        fixture = FIXTURES[name]
        if job["do"] == "make":
            done, text, _ = forked(
                lambda fixture=fixture, path=path: [fixture.make(path), "made"][1]
            )
            outcome[name] = None if done else text
        elif job["do"] == "help":
            outcome[name] = list(fix_all(fixture, path))
        else:
            outcome[name] = list(read_all(fixture, path))
    print("\n" + json.dumps({"ok": True, "text": json.dumps(outcome)}), flush=True)


# --------------------------------------------------------------------------------------
# The parent process
# --------------------------------------------------------------------------------------


def shortened(text):
    text = tidy(text, "<dataset>").replace("rust/lance", "lance")
    return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + " …"


def place(fixture, out, scratch):
    return Path(scratch if fixture.name.startswith("tried/") else out) / fixture.name


def batch(do, python, fixtures, out, scratch):
    paths = {fixture.name: str(place(fixture, out, scratch)) for fixture in fixtures}
    went_well, text, _ = run(python, {"do": do, "name": do, "fixtures": paths}, scratch)
    if not went_well:
        raise SystemExit(f"{do} {list(paths)}: {text}")
    return json.loads(text.partition(" ‖ panic at ")[0])


def answers_of(rows):
    for call, done, equal, text, panics in rows:
        panicked = bool(panics) or "panicked" in text or "PanicException" in text
        word = "panics" if panicked else "fails" if not done else "ok" if equal else "WRONG"
        yield call, word, shortened(" ‖ ".join([text, *panics]))


def verdict(answers):
    words = {word for _, word, _ in answers}
    if words == {"ok"}:
        return "ok"
    if "panics" in words:
        return "panics"
    if "fails" in words:
        return "fails"
    return "SILENT"


def fixes_of(name):
    return [
        (i, columns, lines)
        for i, (pattern, columns, lines) in enumerate(Fixes)
        if fnmatch.fnmatch(name.partition("/")[2], pattern) and not name.startswith("clean/")
    ]


SHORT = (
    ("ArrowInvalid: External error: ", ""),
    ("OSError: External error: ", ""),
    ("Lance reader producer terminated before end of stream ‖ panic at ", "⊥ "),
    ("RuntimeError: Task was aborted ‖ panic at ", "⊥ "),
    ("PanicException: ", "PanicException ‖ "),
    (
        "Encountered internal error. Please file a bug report at "
        "https://github.com/lance-format/lance/issues. ",
        "⊥⊥ ",
    ),
    ("LanceError(Arrow): Invalid argument error: ", "Arrow: "),
    ("Encountered corrupt file ", "corrupt file "),
    ("Invalid user input: ", ""),
    ("called `Option::unwrap()` on a `None` value", "unwrap on None"),
    ("called `Result::unwrap()` on an `Err` value: ", "unwrap on Err: "),
    ("lance-encoding/src/", "e/"),
    ("lance-file/src/", "f/"),
    ("e/encodings/logical/primitive/", "e/l/p/"),
)


def first_fault(answers):
    """The message of the first call that went wrong, without what all of them begin with."""
    word, text = next((w, t) for _, w, t in answers if w != "ok")
    for long, short in SHORT:
        text = text.replace(long, short)
    if word == "WRONG":
        rows = text.split("}, {")
        return "}, {".join(rows[:2])[:110] + (" …" if len(rows) > 2 else "")
    text = text.partition(" (num_values: ")[0]
    if text.startswith("PanicException ‖ panic at "):
        text = text.replace(" ‖ panic at ", ": ", 1)
    text = text.replace("PanicException ‖ ", "PanicException: ").partition(" ‖ ")[0]
    text = text.removesuffix(" …")
    if len(text) > CELL_LIMIT:
        start, place = text[:CELL_LIMIT], re.search(r", (\S+\.rs:\d+):\d+$", text)
        text = f"{start[: -len(place[1])]} … {place[1]}" if place else f"{start} …"
    return text


def told(answers):
    """Which calls go wrong, in words."""
    by_word = {}
    for call, word, _ in answers:
        by_word.setdefault(word, []).append(call.replace("column ", "").replace("to_table", "scan"))
    fine = [c for c in by_word.get("ok", []) if c not in ("open", "count_rows")]
    wrong = {w: c for w, c in by_word.items() if w != "ok"}
    text = verdict(answers)
    if len(wrong) > 1:
        text = "; ".join(f"{w}: {', '.join(c)}" for w, c in wrong.items())
    return f"{text}; ok: {', '.join(fine)}" if fine else text


def shape(text):
    return re.sub(r"\d+", "#", re.sub(r"'\w{40,}\.lance'", "<file>", text))


def families(fixtures, results):
    """Group fixtures that differ in the file version alone and have the same outcome."""
    groups = {}
    for fixture in fixtures:
        answers = results[fixture.name]["calls"]
        fault = "" if verdict(answers) == "ok" else first_fault(answers)
        family = re.sub(r"-\d\.\d$", "", fixture.name.partition("/")[2])
        fixed = [m[:2] + [m[2].split(":")[0]] for m in results[fixture.name]["fixes"]]
        groups.setdefault((family, told(answers), shape(fault), str(fixed)), []).append(fixture)
    return groups


def cell(text):
    return text.replace("|", "\\|").replace("`", "'").replace("\n", " ")


def fix_name(number):
    """Most are the same: the fields as they were written, committed again."""
    head, _, tail = REREAD.partition("{fields}")
    lines = Fixes[number][2]
    if re.fullmatch(re.escape(DROP).replace(r"\{\}", ".*"), lines):
        return "drop"
    return "recommit" if lines.startswith(head) and lines.endswith(tail) else f"M{number + 1}"


def label(family, group):
    group = sorted(group, key=lambda f: f.name.startswith("tried/"))
    versions = [f"({f.name[-3:]})" if f.name.startswith("tried/") else f.name[-3:] for f in group]
    return f"{family}-{','.join(versions)}"


def row(family, group, results, seen, natural):
    """One line of a table; a message that stood before is referred to by where it stood."""
    first = min(group, key=lambda f: f.name.startswith("tried/"))
    answers = results[first.name]["calls"]
    fault = re.sub(r"'\w{40,}\.lance'", "<file>", first_fault(answers))
    if "WRONG" not in {w for _, w, t in answers if w != "ok"}:
        before = seen.setdefault(shape(fault), family)
        if before != family and len(fault) > len(before) + 4:
            fault = f"as {before}"
    line = f"| {label(family, group)} |"
    if natural:
        line += f" {cell(first.how.replace(' No edit.', '').replace(' By commit(Overwrite); no edit.', ' °'))} |"
    what = told(answers) if natural else told(answers).partition("; ok: ")[0]
    line += f" {what} | {cell(fault)} |"
    if natural:
        done = [
            f"{fix_name(number)} {text.split(':')[0] if went_well else 'fails'}"
            for number, went_well, text in results[first.name]["fixes"]
        ]
        line += f" {'; '.join(done) or '–'} |"
    return line


def report(fixtures, results):
    fine = [
        f for f in fixtures if f.name.startswith("tried/") and results[f.name]["verdict"] == "ok"
    ]
    bad = [f for f in fixtures if not f.name.startswith("clean/") and f not in fine]
    natural = [f for f in bad if "No edit." in f.how or "; no edit." in f.how]
    edits = [f for f in bad if f not in natural]
    yield f"# What pylance {READER} does with the fixtures of the type rules"
    yield ""
    yield "Written by `make_type_fixtures.py`; every line was seen, none is inferred. Each call ran in a"
    yield "process of its own: open, count_rows(), to_table() (`scan`), every top-level column alone, take"
    yield "of the first and of the last row. **SILENT**: no error, other values than were written (the"
    yield "message column then shows the first rows that came back). `ok:` lists the calls that gave the right"
    yield "values, in the first table."
    yield f"The message is that of the first call that went wrong, cut to {CELL_LIMIT} characters and its place, with these"
    yield "shortened: `⊥` = a panic behind `Lance reader producer terminated before end of stream` or (schema-*)"
    yield "`Task was aborted`, of which the first stands here; `⊥⊥` = `Encountered"
    yield "internal error. Please file a bug report at …`, `e/` = `lance-encoding/src/`, `f/` = `lance-file/src/`,"
    yield "`e/l/p/` = `…/encodings/logical/primitive/`; without"
    yield "`ArrowInvalid: External error: ` and `Invalid user input: `; `Arrow:` = `LanceError(Arrow): Invalid argument"
    yield "error:`."
    yield "Fixtures that differ in their version alone and have the same outcome share a line; those in"
    yield "brackets were made and read in a scratch folder and are not kept."
    yield "`as x` is the message of the line x, but for its numbers. °: by commit(Overwrite) of another"
    yield "schema over the same fragments. What each edit is stands beside its name in the script."
    seen, others = {}, []
    for title, chosen, is_natural in (
        ("Broken by public calls alone", natural, True),
        ("Broken by one edit", edits, False),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        if is_natural:
            yield "| fixture | made by | what it does | message | fix |"
            yield "|---|---|---|---|---|"
        else:
            yield "| fixture | what it does | message |"
            yield "|---|---|---|"
        for (family, *_), group in families(chosen, results).items():
            if any(f.name.startswith("broken/") for f in group):
                yield row(family, group, results, seen, is_natural)
            else:
                others.append(label(family, group))
    yield ""
    yield "## Fixes"
    yield ""
    yield "Each ran on a copy of the fixture, with `lance`, `pa`, `uri` and `new_uri` defined; `right`: the"
    yield "columns that it is meant to bring back have the written values. DS is `lance.dataset(uri)`; `recommit`, with the"
    yield "names, types, keys and order that were written (json: plain strings; the exact lists are in the script), is below;"
    yield "`drop` is DS.drop_columns() of the broken column, and `right` that all the others came back."
    yield ""
    yield "```python"
    yield REREAD.strip().replace("{fields}", "…")
    yield "```"
    yield ""
    for number, (pattern, columns, lines) in enumerate(Fixes):
        if fix_name(number) in ("recommit", "drop"):
            continue
        text = lines.strip().replace("lance.dataset(uri)", "DS")
        head, _, tail = REREAD.strip().replace("lance.dataset(uri)", "DS").partition("{fields}")
        if text.startswith(head):
            text = f"recommit; {text.partition(tail)[2].strip()}"
        text = "; ".join(line.strip() for line in text.splitlines())
        back = f" – gives back {', '.join(columns)}" if columns else ""
        yield f"- M{number + 1} {pattern}: `{text}`{back}"
    yield ""
    healthy = [f for f in fixtures if f.name.startswith("clean/")]
    for title, text, chosen in (
        (
            "Healthy, though it looks wrong",
            "In clean/; every call gave the written values:",
            healthy,
        ),
        ("Tried, and not broken", "Every call gave the written values; not kept:", fine),
    ):
        yield f"## {title}"
        yield ""
        names = [
            label(f, g).replace("(", "").replace(")", "")
            for (f, *_), g in families(chosen, results).items()
        ]
        yield from textwrap.wrap(f"{text} {', '.join(names)}.", 110, break_on_hyphens=False)
        yield ""
    text = f"Broken like their families, but for places and numbers in messages; not kept: {', '.join(others)}."
    yield from textwrap.wrap(text, 110, break_on_hyphens=False)
    yield ""
    yield from textwrap.dedent(REFUSED).strip().splitlines()
    yield ""
    yield from MATRIX.strip().splitlines()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--only", metavar="GLOB")
    parser.add_argument("--report", type=Path, default=HERE / "type-readers.md")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--no-make", action="store_true")
    parser.add_argument("--no-read", action="store_true")
    parser.add_argument("--no-fix", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.child:
        return child(json.loads(arguments.child))

    pythons = dict(item.split("=", 1) for item in arguments.python)
    out = arguments.out.resolve()
    chosen = [f for f in FIXTURES.values() if fnmatch.fnmatch(f.name, arguments.only or "*")]
    failed, results = 0, {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool,
    ):

        def batches(do, fixtures, writer=None):
            """Yield (fixture, outcome), in the order of the fixtures."""
            groups = {}
            for fixture in fixtures:
                groups.setdefault(writer or fixture.writer, []).append(fixture)
            todo = [
                (do, pythons[name], group[i : i + BATCH], out, scratch)
                for name, group in groups.items()
                for i in range(0, len(group), BATCH)
            ]
            outcomes = {}
            for outcome in pool.map(lambda t: batch(*t), todo):
                outcomes |= outcome
            return [(fixture, outcomes[fixture.name]) for fixture in fixtures]

        if not arguments.no_make:
            missing = {f.writer for f in chosen} - set(pythons)
            if missing:
                parser.error(f"no interpreter given for: {', '.join(sorted(missing))}")
            for fixture in chosen:
                target = place(fixture, out, scratch)
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(parents=True, exist_ok=True)
            for fixture, fault in batches("make", chosen):
                if fault:
                    failed += 1
                    shutil.rmtree(place(fixture, out, scratch), ignore_errors=True)
                    print(f"could not make {fixture.name}:\n{fault}", file=sys.stderr)
        chosen = [fixture for fixture in chosen if place(fixture, out, scratch).exists()]
        if not arguments.no_read:
            for fixture, rows in batches("read", chosen, READER):
                answer = list(answers_of(rows))
                word = verdict(answer)
                results[fixture.name] = {"verdict": word, "calls": answer, "fixes": []}
                folder = fixture.name.partition("/")[0]
                if folder != "tried" and (word == "ok") != (folder == "clean"):
                    failed += 1
                    print(f"{fixture.name}: {word} {answer[:3]}", file=sys.stderr)
        if not (arguments.no_mend or arguments.no_read):
            fixed = [fixture for fixture in chosen if fixes_of(fixture.name)]
            for fixture, rows in batches("help", fixed, READER):
                results[fixture.name]["fixes"] = [[n, w, shortened(t)] for n, w, t in rows]
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1))
        if not arguments.no_read:
            text = "\n".join(report(chosen, results)) + "\n"
            if arguments.only:
                print(text)
            else:
                arguments.report.write_text(text)
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())
