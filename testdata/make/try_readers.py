#!/usr/bin/env python3
"""Try which releases of pylance can read what, and keep that as evidence.

    python testdata/make/try_readers.py --venvs DIR --out testdata/readers.json [--only RELEASE]...

Each release gets a virtual environment DIR/RELEASE (one that is there already is used as it is).
In it a child process opens each of the datasets below and reads all of it. What comes out is
compared with what the newest release reads: a reader that returns other rows without an error
has not read the dataset.

The datasets are fixtures of testdata/clean and small datasets that the newest release writes
here and now, each with one thing in it that a reader may not know. They are copied to a temporary
folder for every release, since readers may write.

    --only RELEASE   only these releases (and the newest, which all are compared with); the
                     others keep what the output file says of them
    --match GLOB     only the datasets whose name matches; prints the outcomes and keeps none
    --keep-written DIR  leave a copy of the datasets that are written here in DIR

A child that dies or hangs is replaced, and goes on with the call after the fatal one. The output
has no times and no paths. Datasets that all releases take alike make one group in it: what is in
each of them, then for each range of releases either `reads`, or those of these calls that went
otherwise, how, and the number of the message:

    open     lance.dataset(path)
    count    count_rows()
    schema   schema: names and types
    scan     to_table()
    take     take([0]), where there are rows
    blobs    take_blobs() of each row of a blob column, and all bytes of what it returns (without
             empty ones: releases disagree about what nulls are)

    other    another answer than the newest release's, and no error; nulls: the answer has
             nulls where the newest release has values
    error    an exception; panic: one that began with a panic, in whichever thread
    died     the process ended; hang: no answer within TIMEOUT seconds

Numbers of lines, which differ from release to release, are left out of messages, and lengths and
offsets are N. A failure of the same kind as that of the call before has no message. Which of
several fragments fails first is chance; all else comes out the same each time.
"""

import argparse
import contextlib
import fnmatch
import hashlib
import inspect
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTDATA = HERE.parent
TIMEOUT = 60  # seconds for one call
MESSAGE_LIMIT = 160
STEPS = ("open", "count", "schema", "scan", "take", "blobs")

# Ascending. From 0.10.18 on these are all that are on PyPI.
RELEASES = """
    0.9.19 0.10.18 0.11.0 0.11.1 0.12.0 0.12.1 0.12.2 0.12.3 0.13.0 0.14.0 0.14.1 0.15.0 0.16.0
    0.16.1 0.17.0 0.18.0 0.18.2 0.19.1 0.19.2 0.20.0 0.21.0 0.22.0 0.23.0 0.23.1 0.23.2 0.24.0
    0.24.1 0.25.0 0.25.1 0.25.2 0.26.0 0.26.1 0.27.0 0.27.1 0.27.2 0.28.0 0.29.0 0.30.0 0.31.0
    0.31.1 0.32.0 0.32.1 0.33.0 0.34.0 0.35.0 0.36.0 0.37.0 0.38.0 0.38.1 0.38.2 0.38.3 0.39.0
    1.0.0 1.0.1 1.0.2 1.0.3 1.0.4 2.0.0 2.0.1 3.0.0 3.0.1 3.0.2 4.0.0 4.0.1 4.0.2 6.0.0 6.0.1
    6.1.0 7.0.0 7.1.0 8.0.0 8.0.1 9.0.0 9.0.1 10.0.0 11.0.0 12.0.0 13.0.0 14.0.0 14.0.2
""".split()
NEWEST = RELEASES[-1]

# What has to be beside pylance, up to and with a release. Each row says what it is for.
PINS = [
    ("0.14.1", ["numpy==1.26.4", "pyarrow==15.0.0"]),  # they demand pyarrow < 15.0.1
    ("0.19.2", ["numpy==1.26.4", "pyarrow==17.0.0"]),  # some of them demand numpy < 2
    (NEWEST, ["numpy==2.2.6", "pyarrow==21.0.0"]),
]


# --------------------------------------------------------------------------------------
# Fixtures: what is in them that a reader may not know
# --------------------------------------------------------------------------------------

CHOSEN = """
    by-pylance-0.9.19-0.1          file 0.1
    by-pylance-0.15.0-2.0          file 2.0, by an early writer
    by-pylance-0.20.0-0.1          file 0.1
    by-pylance-0.20.0-2.0          file 2.0
    by-pylance-0.32.1-0.1          file 0.1
    by-pylance-0.32.1-2.0          file 2.0
    by-pylance-0.39.0-2.0          file 2.0
    by-pylance-0.39.0-2.1          file 2.1
    by-pylance-1.0.4-2.1           file 2.1
    by-pylance-4.0.2-2.0           file 2.0
    by-pylance-4.0.2-2.1           file 2.1
    by-pylance-4.0.2-2.2           file 2.2
    by-pylance-9.0.1-2.1           file 2.1
    by-pylance-9.0.1-2.2           file 2.2
    by-pylance-14.0.2-0.1          file 0.1, many types
    by-pylance-14.0.2-2.0          file 2.0, many types
    by-pylance-14.0.2-2.1          file 2.1, many types
    by-pylance-14.0.2-2.2          file 2.2, many types, map
    by-pylance-14.0.2-2.3          file 2.3, many types, map
    by-daft-0.5.11-append          file 2.0, by Daft
    by-daft-0.5.11-create          file 2.0, by Daft
    by-daft-latest-append          file 2.2, by Daft
    by-daft-latest-create          file 2.2, by Daft
    by-lancedb                     file 2.2, by lancedb
    blob-v1-2.0                    file 2.0, blob v1
    blob-v1-by-0.32.1-2.0          file 2.0, blob v1, by an early writer
    blob-v1-2.1                    file 2.1, blob v1
    blob-v1-all-null-2.1           file 2.1, blob v1
    blob-in-struct-2.0             file 2.0, blob v1, in a struct
    blob-in-struct-2.1             file 2.1, blob v1, in a struct
    blob-in-list-2.0               file 2.0, blob v1, in a list
    blob-v1-key-upgraded-2.2       file 2.2, blob v2
    blob-v2-2.2                    file 2.2, blob v2
    blob-v2-2.3                    file 2.3, blob v2
    blob-v2-sidecar-2.2            file 2.2, blob v2, sidecar files
    blob-v2-in-struct-2.2          file 2.2, blob v2, in a struct
    blob-v2-in-list-2.2            file 2.2, blob v2, in a list
    blob-v2-over-v1-2.0            file 2.0, blob v2 over v1 pages
    blob-v2-over-v1-2.1            file 2.1, blob v2 over v1 pages
    blob-v2-clone-2.2              file 2.2, blob v2, shallow clone
    fixed-size-list-of-structs-2.2 file 2.2, fixed-size list of structs
    fixed-size-list-of-structs-2.3 file 2.3, fixed-size list of structs
    keys-honoured-2.0              file 2.0, many codecs
    keys-honoured-2.1              file 2.1, many codecs
    keys-honoured-2.2              file 2.2, many codecs
    keys-honoured-2.3              file 2.3, many codecs
    null-column-2.0                file 2.0, null columns
    null-column-2.1                file 2.1, null columns
    null-column-2.2                file 2.2, null columns
    op-add-column-2.1              file 2.1, two data files in a fragment
    op-add-column-nulls-2.1        file 2.1, column in no data file
    op-btree-index-2.1             file 2.1, btree index
    op-delete-arrow-0.1            file 0.1, deletion file (arrow), manifest names V2
    op-delete-arrow-2.0            file 2.0, deletion file (arrow)
    op-delete-arrow-2.1            file 2.1, deletion file (arrow)
    op-delete-arrow-2.2            file 2.2, deletion file (arrow)
    op-delete-bitmap-2.2           file 2.2, deletion file (bitmap)
    op-detached-commit-2.1         file 2.1, detached commit
    op-manifest-names-v1-2.1       file 2.1, manifest names V1
    op-manifest-names-v2-2.1       file 2.1, manifest names V2
    op-mixed-versions-2.0-2.1      file 2.0 and 2.1, mixed file versions
    op-mixed-versions-2.1-2.2      file 2.0 and 2.1 and 2.2, mixed file versions
    op-shallow-clone-2.0/clone.lance  file 2.0, shallow clone
    op-shallow-clone-2.1/clone.lance  file 2.1, shallow clone
    op-stable-row-ids-2.0          file 2.0, stable row ids, deletion file (arrow)
    op-stable-row-ids-2.1          file 2.1, stable row ids, deletion file (arrow)
    op-stable-row-ids-2.2          file 2.2, stable row ids, deletion file (arrow)
    op-tag-branch-2.1              file 2.1, tag and branch
    packed-struct-2.0              file 2.0, packed struct
    packed-struct-2.1              file 2.1, packed struct
    packed-struct-2.2              file 2.2, packed struct
    trap-packed-string-child-2.2   file 2.2, packed struct with a string child
    trap-packed-nested-struct-2.3  file 2.3, packed struct with a struct child
    trap-bitpacked-2.1             file 2.1, bitpacked
    trap-byte-stream-split-2.1     file 2.1, byte-stream-split
    trap-constant-2.2              file 2.2, constant
    trap-dictionary-page-2.0       file 2.0, dictionary page
    trap-dictionary-page-2.1       file 2.1, dictionary page
    trap-fsst-page-2.1             file 2.1, fsst
    trap-fullzip-2.1               file 2.1, fullzip
    trap-fullzip-2.3               file 2.3, fullzip
    trap-json-utf8-2.0             file 2.0, json
    trap-runs-2.1                  file 2.1, rle
    trap-sparse-2.3                file 2.3, sparse
    trap-struct-with-nulls-2.1     file 2.1, struct with nulls
    empty-struct-last-2.0          file 2.0, struct without children
    empty-struct-last-2.1          file 2.1, struct without children
    zero-rows-0.1                  file 0.1, no rows
    zero-rows-2.0                  file 2.0, no rows
    zero-rows-2.1                  file 2.1, no rows
    zero-rows-2.2                  file 2.2, no rows
"""


def chosen_fixtures():
    """{name: [where it is below testdata/, features, the dataset that it must read like]}"""
    fixtures = {}
    for line in CHOSEN.strip().splitlines():
        place, features = line.split(maxsplit=1)
        place = "blob-v2-clone-2.2/clone.lance" if place == "blob-v2-clone-2.2" else place
        name = place.partition("/")[0]
        fixtures[f"clean/{name}"] = [f"clean/{place}", features.split(", "), f"clean/{name}"]
    return fixtures


# --------------------------------------------------------------------------------------
# Datasets that are written here, by the newest release
# --------------------------------------------------------------------------------------

VERSIONS = ("0.1", "2.0", "2.1", "2.2", "2.3")
KEY = "lance-encoding:"
WORDS = ["amber", "basil", "cedar", "delta"]


def type_columns():
    """(feature, first file version, Arrow type, values): the types, one column each."""
    import datetime
    import decimal

    import pyarrow as pa

    day = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000)
    number = decimal.Decimal
    pair = pa.struct([("x", pa.int32()), ("y", pa.string())])
    pairs = [{"x": 1, "y": "u"}, {"x": 2, "y": "v"}, {"x": 3, "y": ""}]
    yield "bool", "0.1", pa.bool_(), [True, None, False]
    for bits in (8, 16, 32, 64):
        for kind in (f"int{bits}", f"uint{bits}"):
            yield kind, "0.1", getattr(pa, kind)(), [1, None, 2]
    yield "float16", "0.1", pa.float16(), [1.5, None, -2.0]
    yield "float32", "0.1", pa.float32(), [1.5, None, -2.0]
    yield "float64", "0.1", pa.float64(), [1.5, None, -2.0]
    yield "decimal128", "0.1", pa.decimal128(12, 2), [number("1.25"), None, number("-2.50")]
    yield "decimal256", "0.1", pa.decimal256(60, 2), [number("1.25"), None, number("-2.50")]
    yield "date32", "0.1", pa.date32(), [day.date(), None, datetime.date(1969, 7, 20)]
    yield "date64", "0.1", pa.date64(), [day.date(), None, datetime.date(1969, 7, 20)]
    yield "time32", "0.1", pa.time32("ms"), [day.time(), None, datetime.time(1)]
    yield "time64", "0.1", pa.time64("us"), [day.time(), None, datetime.time(1)]
    yield "timestamp", "0.1", pa.timestamp("us"), [1, None, -2]
    yield "timestamp with zone", "0.1", pa.timestamp("us", "UTC"), [1, None, -2]
    yield "duration", "0.1", pa.duration("ms"), [1, None, -2]
    yield "string", "0.1", pa.string(), ["amber", None, ""]
    yield "large string", "0.1", pa.large_string(), ["amber", None, "λ"]
    yield "binary", "0.1", pa.binary(), [b"\0\1", None, b""]
    yield "large binary", "0.1", pa.large_binary(), [b"\0\1", None, b""]
    yield "fixed-size binary", "0.1", pa.binary(4), [b"abcd", b"efgh", b"ijkl"]
    yield "fixed-size binary with nulls", "2.0", pa.binary(4), [b"abcd", None, b"ijkl"]
    dictionary = pa.dictionary(pa.int32(), pa.string())
    yield "dictionary", "0.1", dictionary, ["red", "blue", "red"]
    yield "dictionary with nulls", "2.0", dictionary, ["red", None, "red"]
    yield "dictionary of int64", "0.1", pa.dictionary(pa.int8(), pa.int64()), [7, 8, 7]
    yield "list", "0.1", pa.list_(pa.int32()), [[1, 2], None, []]
    yield "list with null items", "2.0", pa.list_(pa.int32()), [[1, None, 2], None, []]
    yield "list of strings", "0.1", pa.list_(pa.string()), [["a", "b"], None, []]
    yield "large list", "0.1", pa.large_list(pa.float64()), [[1.5], None, [2.5, 3.5]]
    yield "list of lists", "0.1", pa.list_(pa.list_(pa.int16())), [[[1], [2, 3]], [], [[]]]
    yield "list of structs", "0.1", pa.list_(pair), [pairs, [], pairs[:1]]
    yield "list of structs with nulls", "2.1", pa.list_(pair), [pairs, None, [None, pairs[0]]]
    yield "struct", "0.1", pair, pairs
    yield "struct with nulls", "2.1", pair, [pairs[0], None, {"x": None, "y": None}, pairs[1]]
    nested = pa.struct([("a", pa.int32()), ("in", pa.struct([("b", pa.string())]))])
    yield "struct in a struct", "0.1", nested, [{"a": i, "in": {"b": WORDS[i]}} for i in range(3)]
    holder = pa.struct([("l", pa.list_(pa.int64()))])
    yield "list in a struct", "0.1", holder, [{"l": [1]}, {"l": []}, {"l": [2, 3]}]
    vector = pa.list_(pa.float32(), 2)
    yield "fixed-size list", "0.1", vector, [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]]
    yield "fixed-size list with nulls", "2.0", vector, [[0.5, 1.5], None, [4.5, 5.5]]
    yield "fixed-size list with null items", "2.0", vector, [[0.5, None], [2.5, 3.5], [4.5, 5.5]]
    matrix = pa.list_(pa.list_(pa.float32(), 2), 2)
    yield "fixed-size list of fixed-size lists", "0.1", matrix, [[[0.5, 1.5], [2.5, 3.5]]] * 3
    yield "list of fixed-size lists", "0.1", pa.list_(vector), [[[0.5, 1.5]], [], [[2.5, 3.5]] * 2]
    yield "fixed-size list of bool", "2.0", pa.list_(pa.bool_(), 3), [[True, False, True]] * 3
    structs = pa.list_(pair, 2)
    yield "fixed-size list of structs", "2.2", structs, [pairs[:2], pairs[1:], pairs[:2]]
    yield "map", "2.2", pa.map_(pa.string(), pa.int64()), [[("a", 1), ("b", 2)], [], None]
    nulls = [[("a", 1), ("b", None), ("c", 2)], [], None]
    yield "map with null values", "2.2", pa.map_(pa.string(), pa.int64()), nulls
    yield "null", "0.1", pa.null(), [None] * 3
    yield "nulls only", "0.1", pa.int32(), [None] * 3
    yield "strings, nulls only", "0.1", pa.string(), [None] * 3
    yield "struct without children", "2.0", pa.struct([]), [{}] * 3
    yield "string view", "0.1", pa.string_view(), ["amber", None, ""]


def codec_columns():
    """(feature, file versions, Arrow type, values, field metadata): the encodings."""
    import random

    import pyarrow as pa

    chance = random.Random(7)

    def key(**keys):
        return {KEY + name.replace("_", "-"): value for name, value in keys.items()}

    def text(size, count=400):
        return ["".join(chance.choices("abcdefgh ", k=size)) for _ in range(count)]

    many = [chance.randrange(2**31) for _ in range(20_000)]
    small = [i * 7 % 13 for i in range(2048)]
    runs = [70_001] * 300 + [80_002] * 300
    floats = [i / 8 for i in range(300)]
    words = [WORDS[i * i % 4] * 3 for i in range(1000)]
    wide = [[chance.randrange(2**40) for _ in range(i % 5)] for i in range(5000)]
    vectors = [[float(i + j) for j in range(1024)] for i in range(6)]
    pair = pa.struct([("x", pa.int32()), ("y", pa.float64())])
    labelled = pa.struct([("x", pa.int32()), ("y", pa.string())])
    nested = pa.struct([("x", pa.int32()), ("in", pa.struct([("y", pa.int32())]))])
    grid = pa.struct([("x", pa.int32()), ("y", pa.list_(pa.float32(), 2))])
    packed = {"packed": "true", KEY + "packed": "true"}
    blob = {KEY + "blob": "true"}
    full = key(structural_encoding="fullzip")
    from_20, from_21, from_22 = VERSIONS[1:], VERSIONS[2:], VERSIONS[3:]
    yield "many numbers", VERSIONS, pa.int32(), many, {}
    yield "many numbers with nulls", from_20, pa.int32(), [n if n % 3 else None for n in many], {}
    yield "many strings", VERSIONS, pa.string(), text(30, 5000), {}
    yield "many lists", VERSIONS, pa.list_(pa.int64()), wide, {}
    gaps = [None if i % 7 == 3 else row for i, row in enumerate(wide)]
    yield "many lists with nulls", from_20, pa.list_(pa.int64()), gaps, {}
    squeezed = pa.list_(pa.field("item", pa.int64(), metadata=key(compression="zstd")))
    yield "zstd lists", from_21, squeezed, gaps, {}
    yield "long strings", VERSIONS, pa.string(), text(3000, 12), {}
    yield "long vectors", VERSIONS, pa.list_(pa.float32(), 1024), vectors, {}
    yield "strings of one length", from_20, pa.string(), text(8, 200), {}
    yield "small numbers", VERSIONS, pa.int32(), small, {}
    yield "bitpacked", from_21, pa.int32(), small, {}
    yield "rle", from_21, pa.int32(), runs, {}
    yield "dictionary page", from_20, pa.string(), words, {}
    spread = [2**60 + n * 10**15 for n in small]
    yield "dictionary page of numbers", from_22, pa.int64(), spread, {}
    yield "fsst", from_20, pa.string(), text(24), key(compression="fsst")
    yield "zstd strings", from_20, pa.string(), text(24), key(compression="zstd")
    yield "lz4 strings", from_20, pa.string(), text(24), key(compression="lz4")
    yield "zstd numbers", from_21, pa.int64(), many[:3000], key(compression="zstd")
    yield "lz4 numbers", from_21, pa.int64(), many[:3000], key(compression="lz4")
    yield "byte-stream-split", from_21, pa.float32(), floats, key(compression="lz4", bss="on")
    yield "fullzip numbers", from_21, pa.int32(), [1, None, 3], full
    yield "fullzip strings", from_21, pa.string(), ["amber", None, ""], full
    yield "fullzip lists", from_21, pa.list_(pa.string()), [["a", "b"], None, [], ["c"]], full
    squeezed = key(structural_encoding="fullzip", compression="zstd")
    yield "fullzip zstd", from_21, pa.string(), text(3000, 40), squeezed
    squeezed = key(structural_encoding="fullzip", compression="fsst")
    yield "fullzip fsst", from_21, pa.string(), text(300, 200), squeezed
    yield "fullzip vectors with nulls", from_21, pa.list_(pa.float32(), 2), [[1, 2], None], full
    yield "constant number", from_22, pa.int32(), [70_001] * 4, {}
    yield "constant number with nulls", from_22, pa.int32(), [70_001, None, 70_001], {}
    yield "constant string", ("2.2",), pa.string(), ["amber"] * 4, {}
    yield "constant long string", ("2.2",), pa.string(), ["amber" * 20] * 4, {}
    yield "constant in lists", from_22, pa.list_(pa.int32()), [[5, 5], [], [5]], {}
    yield "large chunks", from_22, pa.string(), text(30, 4000), key(minichunk_size="65536")
    squeezed = key(dict_size_ratio="1.0", dict_values_compression="zstd")
    yield "compressed dictionary", from_22, pa.string(), words, squeezed
    rows = [{"x": i, "y": i / 2} for i in range(4)]
    yield "packed struct", from_20, pair, rows, packed
    rows = [{"x": i, "y": WORDS[i]} for i in range(4)]
    yield "packed struct with a string child", from_22, labelled, rows, packed
    rows = [{"x": i, "y": [i / 2, i / 4]} for i in range(4)]
    yield "packed struct with a vector child", ("2.0", *from_22), grid, rows, packed
    rows = [{"x": i, "in": {"y": i}} for i in range(4)]
    yield "packed struct with a struct child", ("2.3",), nested, rows, packed
    yield "blob v1", ("2.0", "2.1"), pa.large_binary(), [b"amber", b"", b"cedar"], blob
    yield "blob v1 with nulls", ("2.0", "2.1"), pa.large_binary(), [b"amber", None, b"cedar"], blob
    sparse = key(structural_encoding="sparse")
    yield "sparse lists", ("2.3",), pa.list_(pa.int32()), [[1, 2], None, [], [3]], sparse


def write(table, to, version, mode="create", **options):
    """V1 names of manifests, and nothing else that old readers do not know."""
    import lance

    known = inspect.signature(lance.write_dataset).parameters
    if "enable_v2_manifest_paths" in known:
        options.setdefault("enable_v2_manifest_paths", False)
    if "data_storage_version" in known:
        options["data_storage_version"] = "legacy" if version == "0.1" else version
    elif "use_legacy_format" in known and version in ("0.1", "2.0"):
        options["use_legacy_format"] = version == "0.1"
    elif version != "0.1":
        raise ValueError(f"lance {lance.__version__} has no way to ask for {version}")
    return lance.write_dataset(table, str(to), mode=mode, **options)


def single_column(kind, values, metadata=None):
    import pyarrow as pa

    field = pa.field("v", kind, metadata=metadata or None)
    if pa.types.is_dictionary(kind):
        column = pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    elif pa.types.is_float16(kind):
        column = pa.array(values, pa.float32()).cast(kind)
    else:
        column = pa.array(values, kind)
    return pa.table([column], schema=pa.schema([field]))


def words(start=0, count=4):
    import pyarrow as pa

    numbers = range(start, start + count)
    names = [WORDS[n % len(WORDS)] for n in numbers]
    return pa.table({"id": pa.array(numbers, pa.int64()), "name": pa.array(names, pa.string())})


def several():
    import pyarrow as pa

    lists = pa.array([[1, 2], None, [], [3]], pa.list_(pa.int32()))
    more = words().append_column("n", pa.array([70_001, None, 90_003, 70_004], pa.int32()))
    return more.append_column("l", lists)


def several_columns(to, version):
    write(several(), to, version)


def two_columns(to, version):
    write(words(), to, version)


def sparse_column(to, version):
    import pyarrow as pa

    metadata = {KEY + "structural-encoding": "sparse"}
    values = [70_001, None, 90_003, 70_004]
    write(single_column(pa.int32(), values, metadata), to, version)


def many_columns(to, version):
    """The manifest is longer than the 4 KiB that are read first."""
    import pyarrow as pa

    write(pa.table({f"column {i}": [i, i + 1] for i in range(200)}), to, version)


def delete_a_row(to, version):
    write(words(), to, version).delete("id = 2")


def delete_many_rows(to, version):
    write(words(0, 8000), to, version).delete("id % 4 != 0")


def stable_row_ids(to, version):
    write(words(), to, version, enable_stable_row_ids=True)


def spilled_row_lineage(to, version):
    """Row ids and versions in columns of the data files instead of the manifest."""
    dataset = write(words(), to, version, enable_stable_row_ids=True)
    dataset.update_config(
        {"lance.row_lineage.spill": "true", "lance.row_lineage.inline_max_bytes": "0"}
    )
    write(words(4), to, version, mode="append")
    import lance

    dataset = lance.dataset(str(to))
    dataset.update({"name": "'updated'"}, where="id = 1")
    lance.dataset(str(to)).optimize.compact_files()


def table_config(to, version):
    write(words(), to, version).update_config({"owner": "nobody"})


def table_metadata(to, version):
    write(words(), to, version).update_metadata({"owner": "nobody"})


def manifest_names_v2(to, version):
    write(words(), to, version, enable_v2_manifest_paths=True)
    write(words(4), to, version, mode="append")


def detached_commit(to, version):
    import lance

    write(words(), to, version, enable_v2_manifest_paths=True)
    storage = "legacy" if version == "0.1" else version
    fragments = lance.fragment.write_fragments(words(4), str(to), data_storage_version=storage)
    operation = lance.LanceOperation.Append(fragments)
    lance.LanceDataset.commit(str(to), operation, read_version=1, detached=True)


def btree_index(to, version):
    write(words(), to, version).create_scalar_index("id", index_type="BTREE")


def bitmap_index(to, version):
    write(words(), to, version).create_scalar_index("name", index_type="BITMAP")


def inverted_index(to, version):
    write(words(), to, version).create_scalar_index("name", index_type="INVERTED")


def vector_index(to, version):
    import pyarrow as pa

    vectors = [[float(i), float(i * i % 11)] * 4 for i in range(300)]
    dataset = write(single_column(pa.list_(pa.float32(), 8), vectors), to, version)
    dataset.create_index("v", "IVF_PQ", num_partitions=1, num_sub_vectors=2, num_bits=4)


def fragment_reuse_index(to, version):
    import lance

    dataset = write(words(), to, version, max_rows_per_file=2)
    dataset.create_scalar_index("id", index_type="BTREE")
    lance.dataset(str(to)).optimize.compact_files(defer_index_remap=True)


def tag_and_branch(to, version):
    dataset = write(words(), to, version)
    dataset.tags.create("first", 1)
    dataset.create_branch("side")


def no_transaction_file(to, version):
    """Edit: what a commit without a transaction file leaves (Python has no option for it)."""
    from make_blob_fixtures import ManifestFile

    write(words(), to, version)
    manifest = ManifestFile(to)
    manifest.drop_transaction()
    manifest.message.set(10, manifest.message.get(10, 0) | 32)
    manifest.save()
    shutil.rmtree(Path(to) / "_transactions")


def shallow_clone(to, version):
    """The base path is made relative to the working directory of the readers."""
    import lance
    from make_blob_fixtures import ManifestFile

    source = Path(to) / "source.lance"
    write(words(), source, version)
    dataset = lance.dataset(str(source))
    dataset.shallow_clone(str(Path(to) / "clone.lance"), dataset.version)
    manifest = ManifestFile(Path(to) / "clone.lance")
    manifest.drop_transaction()
    relative = f"testdata/written/{Path(to).name}/source.lance"
    manifest.message.edit(18, lambda base: base.set(4, relative))
    manifest.save()
    shutil.rmtree(Path(to) / "clone.lance" / "_transactions")


def managed_blobs(to, version):
    import pyarrow as pa
    from lance.blob import blob_array, blob_field

    schema = pa.schema([blob_field("v")], metadata={"lance.blob.managed": "true"})
    write(pa.table([blob_array([b"amber", b"basil"])], schema=schema), to, version)


def blob_v2(to, version):
    import pyarrow as pa
    from lance.blob import blob_array, blob_field

    values = [b"amber", None, b"", b"cedar"]
    write(pa.table([blob_array(values)], schema=pa.schema([blob_field("v")])), to, version)


def json_column(to, version):
    import pyarrow as pa

    texts = ['{"a":1}', None, '{"b":[true,null]}']
    column = pa.ExtensionArray.from_storage(pa.json_(pa.string()), pa.array(texts))
    write(pa.table({"v": column}), to, version)


def bfloat16(to, version):
    import pyarrow as pa

    values = [b"\xc0\x3f", b"\x00\x00", b"\x00\xc0"]
    metadata = {"ARROW:extension:name": "lance.bfloat16", "ARROW:extension:metadata": ""}
    write(single_column(pa.binary(2), values, metadata), to, version)


def mixed_versions(first, second):
    def make(to, version):
        write(words(), to, first)
        write(words(4), to, second, mode="append")

    return make


FLAG_BASES = {"0.1": "by-pylance-0.9.19-0.1", "2.0": "by-pylance-0.20.0-2.0"}


def feature_flag(bit):
    """Edit: a bit in both flag words of a manifest by an old writer."""

    def make(to, version):
        from make_blob_fixtures import edit_manifest

        def change(manifest):
            for number in (9, 10):
                manifest.set(number, manifest.get(number, 0) | 1 << bit)

        shutil.copytree(TESTDATA / "clean" / FLAG_BASES[version], to)
        edit_manifest(to, change)

    return make


def operations():
    """(feature, file versions, function): what concerns the table, not one column."""
    yield "several columns", VERSIONS, several_columns
    yield "two columns", VERSIONS, two_columns
    yield "sparse", ("2.3",), sparse_column
    yield "many columns", VERSIONS, many_columns
    yield "deletion file (arrow)", ("0.1", "2.0", "2.2"), delete_a_row
    yield "deletion file (bitmap)", ("0.1", "2.0", "2.2"), delete_many_rows
    yield "stable row ids", ("2.0", "2.2"), stable_row_ids
    yield "spilled row lineage", ("2.0", "2.2"), spilled_row_lineage
    yield "table config", ("0.1", "2.0"), table_config
    yield "table metadata", ("0.1", "2.0"), table_metadata
    yield "manifest names V2", ("0.1", "2.0"), manifest_names_v2
    yield "detached commit", ("0.1", "2.0"), detached_commit
    yield "btree index", ("0.1", "2.0", "2.2"), btree_index
    yield "bitmap index", ("0.1", "2.0"), bitmap_index
    yield "inverted index", ("0.1", "2.0"), inverted_index
    yield "vector index", ("0.1", "2.0"), vector_index
    yield "fragment reuse index", ("0.1", "2.0", "2.2"), fragment_reuse_index
    yield "tag and branch", ("0.1", "2.0"), tag_and_branch
    yield "no transaction file", ("0.1", "2.0"), no_transaction_file
    yield "shallow clone", ("0.1", "2.0"), shallow_clone
    yield "managed blobs", ("2.2",), managed_blobs
    yield "blob v2", ("2.2", "2.3"), blob_v2
    yield "json", VERSIONS, json_column
    yield "bfloat16", VERSIONS, bfloat16
    yield "mixed file versions", ("2.0 and 2.1",), mixed_versions("2.0", "2.1")
    yield "mixed file versions", ("2.0 and 2.2",), mixed_versions("2.0", "2.2")
    yield "mixed file versions", ("2.1 and 2.2",), mixed_versions("2.1", "2.2")
    for bit in range(20):
        yield f"feature flag {1 << bit}", tuple(FLAG_BASES), feature_flag(bit)


# Datasets by other releases, in versions of the file format that were not finished then. "Two
# columns" is what releases write that have no lists yet.
OLD_WRITERS = {
    "0.12.3": {"several columns": ["2.0"]},
    "0.14.1": {"several columns": ["2.0"]},
    "0.16.1": {"several columns": ["2.0", "2.1"]},
    "0.19.1": {"two columns": ["2.1"]},
    "0.19.2": {"several columns": ["2.0"], "two columns": ["2.1"]},
    "0.20.0": {"two columns": ["2.1"]},
    "0.21.0": {"several columns": ["2.1"]},
    "0.25.2": {"several columns": ["2.1"]},
    "0.26.0": {"several columns": ["2.1"]},
    "0.32.1": {"several columns": ["2.1"]},
    "0.33.0": {"several columns": ["2.1"]},
    "0.36.0": {"several columns": ["2.1", "2.2"]},
    "0.38.0": {"several columns": ["2.1", "2.2"]},
    "1.0.4": {"several columns": ["2.1", "2.2"]},
    "2.0.1": {"several columns": ["2.2"], "blob v2": ["2.2"]},
    "3.0.1": {"several columns": ["2.2", "2.3"], "blob v2": ["2.2"]},
    "6.0.1": {"several columns": ["2.3"]},
    "9.0.1": {"several columns": ["2.3"], "blob v2": ["2.2"]},
    "10.0.0": {"several columns": ["2.3"], "sparse": ["2.3"]},
    "11.0.0": {"several columns": ["2.3"], "sparse": ["2.3"]},
    "12.0.0": {"several columns": ["2.3"], "sparse": ["2.3"]},
    "13.0.0": {"several columns": ["2.3"], "sparse": ["2.3"]},
}
# What writes them, and the dataset of the newest release that holds the same.
OLD_KINDS = {
    "several columns": (several_columns, "written/several-columns-2.0"),
    "two columns": (two_columns, "written/two-columns-2.0"),
    "sparse": (sparse_column, "written/sparse-2.3"),
    "blob v2": (blob_v2, None),  # the releases write nulls differently
}


def old_datasets(to):
    """As extra_datasets(), under one of the other releases."""
    import lance

    jobs = []
    for kind, versions in OLD_WRITERS[lance.__version__].items():
        make, like = OLD_KINDS[kind]
        for version in versions:
            name = f"{kind.replace(' ', '-')}-by-{lance.__version__}-{version}"
            features = [f"file {version}", kind, f"by pylance {lance.__version__}"]
            jobs.append((name, name, version, make, features, like))
    return write_all(jobs, to)


def write_all(jobs, to):
    """Returns what is there and why the rest is not.

    {"datasets": {name: [place, features, the dataset that it must read like]}, "refused":
    {name: message}}
    """
    datasets, refused = {}, {}
    for name, place, version, make, features, like in jobs:
        full = f"written/{name}"
        try:
            make(Path(to) / name, version)
        except BaseException as failure:
            if isinstance(failure, KeyboardInterrupt):
                raise
            shutil.rmtree(Path(to) / name, ignore_errors=True)
            refused[full] = first_line(failure)
        else:
            datasets[full] = [f"written/{place}", features, like or full]
    return {"datasets": datasets, "refused": refused}


def extra_datasets(to):
    """Write the datasets of the newest release, one thing in each."""
    cases = []
    for feature, first, kind, values in type_columns():
        for version in VERSIONS[VERSIONS.index(first) :]:
            cases.append((feature, version, columns_writer(kind, values, {})))
    for feature, versions, kind, values, metadata in codec_columns():
        for version in versions:
            cases.append((feature, version, columns_writer(kind, values, metadata)))
    for feature, versions, make in operations():
        cases += [(feature, version, make) for version in versions]

    jobs = []
    for feature, version, make in cases:
        name = re.sub(r"[^a-z0-9.]+", "-", f"{feature} {version}".lower())
        place = f"{name}/clone.lance" if make is shallow_clone else name
        flag = feature.startswith("feature flag")
        like = f"clean/{FLAG_BASES[version]}" if flag else None
        jobs.append((name, place, version, make, [f"file {version}", feature], like))
    return write_all(jobs, to)


def columns_writer(kind, values, metadata):
    return lambda to, version: write(single_column(kind, values, metadata), to, version)


# --------------------------------------------------------------------------------------
# The child process: reads datasets in the environment of one release
# --------------------------------------------------------------------------------------


def plain(value):
    """A Python value whose repr() is the same under every numpy and pyarrow."""
    if isinstance(value, dict):
        return [(name, plain(inner)) for name, inner in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, str, bytes)):
        return value
    if isinstance(value, float) or type(value).__name__.startswith(("float", "bfloat")):
        return float(value)
    return str(value)


def column_values(column):
    """Temporal values as numbers: nanoseconds do not fit Python's types, zones need a database."""
    import pyarrow as pa

    values = []
    for chunk in column.chunks:
        while isinstance(chunk, pa.ExtensionArray):
            chunk = chunk.storage
        if pa.types.is_temporal(chunk.type) and chunk.type.bit_width in (32, 64):
            chunk = chunk.cast(pa.int32() if chunk.type.bit_width == 32 else pa.int64())
        values += chunk.to_pylist()
    return plain(values)


def digest(answer):
    return hashlib.sha256(repr(answer).encode()).hexdigest()[:16]


def nulls_in(values):
    if isinstance(values, (list, tuple)):
        return sum(map(nulls_in, values))
    return int(values is None)


def table_digest(table):
    """[what is in it, how many nulls]"""
    pairs = zip(table.column_names, table.columns, strict=True)
    columns = [(name, column_values(column)) for name, column in pairs]
    return [digest(columns), nulls_in(columns)]


def blob_columns(schema):
    """Paths of the blob columns outside of lists."""

    def below(field, path):
        metadata = field.metadata or {}
        if (
            KEY.encode() + b"blob" in metadata
            or metadata.get(b"ARROW:extension:name") == b"lance.blob.v2"
            or str(field.type).startswith("extension<lance.blob.v2")
        ):
            yield path
        elif str(field.type).startswith("struct"):
            for inner in field.type:
                yield from below(inner, f"{path}.{inner.name}")

    for field in schema:
        yield from below(field, field.name)


def read_blobs(dataset, column, rows):
    """All bytes of a blob column, by whichever signature the release has."""
    if not hasattr(dataset, "take_blobs"):
        return "no such call"
    parameters = list(inspect.signature(dataset.take_blobs).parameters)
    which = list(range(rows))
    if "indices" in parameters:
        files = dataset.take_blobs(column, indices=which)
    elif parameters[0] == "row_ids":
        files = dataset.take_blobs(which, column)
    else:
        files = dataset.take_blobs(column, which)
    contents = [b"" if file is None else file.readall() for file in files]
    return [content for content in contents if content]


def first_line(failure):
    lines = [line.strip() for line in str(failure).splitlines()]
    return next((line for line in lines if line), type(failure).__name__)


class Reading:
    """The calls on one dataset."""

    def __init__(self, path, column):
        self.path, self.column = path, column

    def open(self):
        import lance

        self.dataset = lance.dataset(self.path)

    def count(self):
        self.rows = self.dataset.count_rows()
        return self.rows

    def schema(self):
        return digest([(field.name, str(field.type)) for field in self.dataset.schema])

    def scan(self):
        return table_digest(self.dataset.to_table())

    def take(self):
        return table_digest(self.dataset.take([0]))

    def blobs(self):
        column, rows = self.column
        return digest(read_blobs(self.dataset, column, rows))


def child():
    """Jobs come in as lines of JSON; each call is announced, and its answer goes out.

    The next call waits for a line, so that what is on stderr until then belongs to this one.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    import lance

    say(ready=lance.__version__)
    for line in iter(sys.stdin.readline, ""):
        job = json.loads(line)
        reading = Reading(job["path"], job["blobs"])
        for step in job["steps"]:
            say(begin=step)
            try:
                say(step=step, answer=getattr(reading, step)())
            except BaseException as failure:
                panic = type(failure).__name__ == "PanicException"
                say(step=step, panic=panic, message=first_line(failure))
                if step == "open":
                    break
            finally:
                sys.stdin.readline()
        say(done=True)


def describe(path):
    """In the newest release: rows, fragments, and the first blob column."""
    import lance

    try:
        dataset = lance.dataset(path)
        rows = dataset.count_rows()
    except ValueError:  # a feature flag that the newest release refuses
        return {"rows": 1, "fragments": 1, "blobs": None}
    columns = list(blob_columns(dataset.schema))
    blobs = [columns[0], rows] if columns and rows else None
    return {"rows": rows, "fragments": len(dataset.get_fragments()), "blobs": blobs}


# --------------------------------------------------------------------------------------
# The driver
# --------------------------------------------------------------------------------------


def pins(release):
    return next(pins for last, pins in PINS if order(release) <= order(last))


def order(release):
    return tuple(int(part) for part in release.split("."))


def environment(venvs, release):
    """The interpreter of a release; its environment is made if it is not there.

    Returns (interpreter, None) or (None, why it cannot be had).
    """
    python = venvs / release / "bin" / "python"
    check = [str(python), "-c", "import lance; print(lance.__version__)"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venvs / release)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        command = [*install, "--disable-pip-version-check", f"pylance=={release}", *pins(release)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(venvs / release)
            return None, done.stderr.strip().splitlines()[0][:MESSAGE_LIMIT]
    done = subprocess.run(check, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1][:MESSAGE_LIMIT]
    return python, None


PANIC = re.compile(
    # Rust before 1.73: panicked at 'message', place; since then: panicked at place:\nmessage
    r"panicked at (?:'(?P<old>.*?)', (?P<old_place>\S+?):\d+:\d+$"
    r"|(?P<place>\S+?):\d+:\d+:\n(?P<text>.*?)$)",
    re.MULTILINE | re.DOTALL,
)
# Messages whose numbers are lengths and places in a file.
NUMBERS = re.compile(r"(?i)index|range|slice|offset|length|size|buffer|bytes|left == right")
SOURCE = re.compile(r"(?:\S*/)?([\w-]+?)(?:-\d+\.\d[\w.-]*)?(/src/[\w/-]+\.rs)(?::\d+)*")


def tidy(message, root, name):
    """Without what differs from run to run, machine to machine, or release to release."""
    for before, after in (
        (re.escape(str(root)), ""),
        (re.escape(str(root).lstrip("/")), ""),
        (r"(file://)?/*\btestdata/" + re.escape(name), name),
        (r"(file://)?/*\btestdata/", ""),
        (SOURCE, r"\1\2"),
        (r",? location: Location \{.*", ""),
        (r" Please file a bug report at \S+", ""),
        (r"called `Result::unwrap\(\)` on an `Err` value:", "unwrap() of"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,}", "ID"),
        (r"\b(Id\(|task )\d+", r"\1N"),
        (r"\s+", " "),
    ):
        message = re.sub(before, after, message)
    if NUMBERS.search(message):
        message = re.sub(r"(?<![\w.`])\d+(?![\w.])", "N", message)
    message = message.strip()
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"


def panic_text(noise, root, name):
    """The panic that came first, and not the one of whoever waited for that thread."""
    texts = []
    for match in PANIC.finditer(noise):
        text = match["old"] if match["old"] is not None else match["text"]
        place = SOURCE.sub(r"\1\2", match["old_place"] or match["place"])
        text = text.splitlines()[0] if text else ""
        texts.append(f"{tidy(text, root, name)} ({place})")
    return min(texts, key=lambda text: ("JoinError" in text, text), default=None)


ABORTED = re.compile(r"Task was aborted|JoinError|panicked|terminated before end")


class Child:
    """A child process and what it says, with a limit on how long it may be silent."""

    def __init__(self, python, root):
        # Two handles: the child's place in the file is not to move when this side reads.
        path = root / "noise"
        noise = path.open("wb")
        self.noise = path.open("rb")
        self.process = subprocess.Popen(
            [str(python), str(Path(__file__).resolve()), "--child"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            env={**os.environ, "RUST_BACKTRACE": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        noise.close()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.buffer = b""
        ready = self.listen()
        if not ready or "ready" not in ready:
            raise RuntimeError(f"{python} does not start: {self.new_noise()[-300:]}")

    def send(self, job=None):
        """A job, or leave to go on."""
        self.process.stdin.write((json.dumps(job) if job else "").encode() + b"\n")
        self.process.stdin.flush()

    def listen(self):
        """The next message; None at the end of the process or of the time."""
        end = time.monotonic() + TIMEOUT
        while b"\n" not in self.buffer:
            if not self.selector.select(max(0, end - time.monotonic())):
                return None
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def new_noise(self):
        return self.noise.read().decode(errors="replace")

    def panic_noise(self):
        """What is said when a task ended by a panic: the caller may hear of it before this side."""
        noise, end = "", time.monotonic() + 2
        while "panicked at" not in noise and time.monotonic() < end:
            time.sleep(0.01)
            noise += self.new_noise()
        time.sleep(0.01)
        return noise + self.new_noise()

    def end(self):
        """Ends the process. How it ended by itself, if it did."""
        time.sleep(0.05)
        code = self.process.poll()
        if code is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.noise):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        return code


def read_all(python, root, datasets):
    """{dataset: {step: answer, or {"kind":, "message":}}} of one release."""
    outcomes, running = {}, None
    for name, what in datasets.items():
        steps = [s for s in STEPS if not (s == "take" and not what["rows"])]
        steps = [s for s in steps if not (s == "blobs" and not what["blobs"])]
        outcomes[name] = results = {}
        while steps:
            running = running or Child(python, root)
            path = str(root / "testdata" / what["place"])
            running.send({"path": path, "blobs": what["blobs"], "steps": steps})
            fatal = read_one(running, results, root, what)
            if fatal is None:
                break
            running = None
            if fatal == "open":
                break
            steps = ["open", *steps[steps.index(fatal) + 1 :]]
            if len(steps) == 1:
                break
    if running:
        running.end()
    return outcomes


def read_one(running, results, root, what):
    """Takes down the answers for one dataset. Returns the call that was fatal, if one was."""
    current, noise, name = "open", "", what["place"]
    while True:
        message = running.listen()
        noise += running.new_noise()
        if message is None:
            results[current] = fatal_result(running.end(), noise, root, name)
            return current
        if "done" in message:
            return None
        if "begin" in message:
            current = message["begin"]
            continue
        if "message" in message:
            if ABORTED.search(message["message"]) and "panicked at" not in noise:
                noise += running.panic_noise()
            if what["fragments"] > 1:  # each may have a panic of its own, in any order
                time.sleep(0.05)
                noise += running.new_noise()
            panic = panic_text(noise, root, name)
            kind = "panic" if message["panic"] or panic else "error"
            text = tidy(message["message"], root, name)
            results[current] = {"kind": kind, "message": panic or text}
        else:
            results[current] = {"answer": message["answer"]}
        noise = ""
        running.send()


def fatal_result(code, noise, root, name):
    panic = panic_text(noise, root, name)
    if code is None:
        return {"kind": "hang", "message": panic or ""}
    end = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    lines = [line for line in noise.splitlines() if line.strip()]
    last = tidy(lines[-1], root, name) if lines else ""
    return {"kind": "died", "message": f"{end}: {panic or last}"}


def more_nulls(result, expected):
    tables = isinstance(result["answer"], list) and isinstance(expected.get("answer"), list)
    return tables and result["answer"][1] > expected["answer"][1]


NO_CALL = {"answer": digest("no such call")}


def judge(results, expected):
    """One release's outcome on one dataset, as the output has it.

    A call that fails in the way in which the one before it failed is not quoted again.
    """
    wrong, before = {}, None
    for step in STEPS:
        if step not in expected or step not in results:
            continue
        result = results[step]
        if "kind" in result:
            again = before == result["kind"] or not result["message"]
            wrong[step] = result["kind"] if again else f"{result['kind']}: {result['message']}"
            before = result["kind"]
        elif result == NO_CALL:
            wrong[step] = "no such call"
        elif result != expected[step]:
            wrong[step] = "nulls" if more_nulls(result, expected[step]) else "other"
    return wrong or "reads"


def ranges(by_release, releases):
    """Neighbours with one outcome become one entry, `first..last`."""
    out, start = {}, None
    tried = [release for release in releases if release in by_release]
    for i, release in enumerate(tried):
        start = start or release
        following = tried[i + 1] if i + 1 < len(tried) else None
        if following is None or by_release[following] != by_release[release]:
            out[start if start == release else f"{start}..{release}"] = by_release[release]
            start = None
    return out


def expand(outcomes, releases):
    by_release = {}
    for key, outcome in outcomes.items():
        first, _, last = key.partition("..")
        last = last or first
        for release in releases:
            if order(first) <= order(release) <= order(last):
                by_release[release] = outcome
    return by_release


def save(path, releases, missing, features, outcomes):
    """A line for each fact. Each message is there once, each dataset in the group of those that
    all releases take alike, and an outcome is `scan panic 07fe1, take panic`: a call, what came
    of it, and which message."""

    def block(name, entries, end):
        lines = [f"    {line(key)}: {line(value)}" for key, value in entries.items()]
        return [f'   "{name}": {{', ",\n".join(lines), f"   }}{end}"]

    def line(value):
        return json.dumps(value, ensure_ascii=False)

    def short(outcome):
        if outcome == "reads":
            return outcome
        parts = [(step, *text.partition(": ")) for step, text in outcome.items()]
        return ", ".join(
            f"{step} {kind} {messages[text]}" if text else f"{step} {kind}"
            for step, kind, _, text in parts
        )

    texts = {
        text.partition(": ")[2]
        for by_release in outcomes.values()
        for outcome in by_release.values()
        if outcome != "reads"
        for text in outcome.values()
    }
    messages = {text: digest(text)[:5] for text in sorted(texts - {""})}
    if len(set(messages.values())) < len(messages):
        raise ValueError("two messages have one number: take more digits")
    groups = {}
    for name in sorted(outcomes):
        entries = {k: short(o) for k, o in ranges(outcomes[name], releases).items()}
        groups.setdefault(line(entries), (entries, {}))[1][name] = ", ".join(features[name])

    out = ["{"]
    out.append(f' "newest": {line(NEWEST)},')
    out.append(f' "releases": {line(releases)},')
    out.append(f' "not_installed": {line(missing)},')
    out += block("messages", {number: text for text, number in messages.items()}, ",")
    out.append(' "groups": [')
    for i, (entries, datasets) in enumerate(groups.values()):
        out.append("  {")
        out += block("datasets", datasets, ",")
        out += block("outcomes", entries, "")
        out.append("  }," if i + 1 < len(groups) else "  }")
    out += [" ]", "}"]
    text = "\n".join(out) + "\n"
    json.loads(text)
    path.write_text(text)


def load(path):
    """What save() wrote: (missing, {dataset: {release: outcome}})."""
    before = json.loads(path.read_text())

    def long(outcome):
        if outcome == "reads":
            return outcome
        steps = {}
        for part in outcome.split(", "):
            step, kind = part.split(" ", 1)
            words, _, number = kind.rpartition(" ")
            if number in before["messages"]:
                kind = f"{words}: {before['messages'][number]}"
            steps[step] = kind
        return steps

    outcomes = {
        name: {
            release: long(outcome)
            for release, outcome in expand(group["outcomes"], before["releases"]).items()
        }
        for group in before["groups"]
        for name in group["datasets"]
    }
    return before["not_installed"], outcomes


def ask(python, *arguments):
    command = [str(python), str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def copy_for(release, scratch, fixtures, written):
    """testdata/clean/… and testdata/written/… in a folder that one release may write to."""
    root = scratch / f"reader-{release}"
    for place, _, _ in fixtures.values():
        top = Path(*Path(place).parts[:2])
        target = root / "testdata" / top
        if not target.exists():
            shutil.copytree(TESTDATA / top, target)
    shutil.copytree(written, root / "testdata" / "written")
    return root


def main():
    if "--child" in sys.argv:
        return child()
    if "--write" in sys.argv:
        return print(json.dumps(extra_datasets(sys.argv[-1])))
    if "--write-old" in sys.argv:
        return print(json.dumps(old_datasets(sys.argv[-1])))
    if "--describe" in sys.argv:
        return print(json.dumps([describe(path) for path in json.load(open(sys.argv[-1]))]))

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venvs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], choices=RELEASES)
    parser.add_argument("--match")
    parser.add_argument("--keep-written", type=Path)
    options = parser.parse_args()
    venvs = options.venvs.absolute()

    newest, why = environment(venvs, NEWEST)
    if not newest:
        sys.exit(f"pylance {NEWEST}: {why}")
    with tempfile.TemporaryDirectory() as scratch:
        run(options, venvs, newest, Path(scratch).resolve())


def run(options, venvs, newest, scratch):
    written = scratch / "written"
    written.mkdir()
    made = ask(newest, "--write", str(written))
    for release in OLD_WRITERS:
        python, why = environment(venvs, release)
        old = ask(python, "--write-old", str(written)) if python else {}
        for kind in old:
            made[kind] |= old[kind]
    if options.keep_written:
        shutil.copytree(written, options.keep_written, dirs_exist_ok=True)
    for name, why in made["refused"].items():
        print(f"not written: {name}: {why}", flush=True)
    fixtures = chosen_fixtures()
    places = {**fixtures, **made["datasets"]}
    if options.match:
        chosen = {n for n in places if fnmatch.fnmatch(n, options.match)}
        chosen |= {places[name][2] for name in chosen}
        places = {n: p for n, p in places.items() if n in chosen}
    features = {name: features for name, (_, features, _) in places.items()}

    # What the newest release reads is what all are compared with.
    root = copy_for("newest", scratch, fixtures, written)
    paths = scratch / "paths.json"
    ordered = sorted(places)
    paths.write_text(json.dumps([str(root / "testdata" / places[name][0]) for name in ordered]))
    os.chdir(root)
    described = ask(newest, "--describe", str(paths))
    datasets = {
        name: {"place": places[name][0], **what}
        for name, what in zip(ordered, described, strict=True)
    }
    answers = read_all(newest, root, datasets)
    expected = {name: answers[like] for name, (_, _, like) in places.items() if like in answers}
    for name, results in answers.items():
        if any("kind" in result for result in results.values()):
            print(f"{NEWEST} does not read {name}", flush=True)

    missing, outcomes = {}, {name: {} for name in datasets}
    releases = set(options.only or RELEASES) | {NEWEST}
    out = Path(options.out)
    out = out if out.is_absolute() else Path(START) / out
    if options.only and not options.match and out.exists():
        missing, before = load(out)
        outcomes = {name: before.get(name, {}) for name in datasets}
    for release in sorted(releases, key=order):
        started = time.monotonic()
        python, why = environment(venvs, release)
        if not python:
            missing[release] = why
            print(f"{release}: not installed: {why}", flush=True)
            continue
        missing.pop(release, None)
        root = copy_for(release, scratch, fixtures, written)
        for name, results in read_all(python, root, datasets).items():
            outcomes[name][release] = judge(results, expected.get(name, {}))
        shutil.rmtree(root)
        reads = sum(outcomes[name][release] == "reads" for name in datasets)
        seconds = time.monotonic() - started
        print(f"{release}: reads {reads} of {len(datasets)} ({seconds:.0f} s)", flush=True)
        if not options.match:
            tried = [r for r in RELEASES if any(r in o for o in outcomes.values())]
            save(out, tried, missing, features, outcomes)
    if options.match:
        for name in sorted(outcomes):
            print(name)
            for key, outcome in ranges(outcomes[name], RELEASES).items():
                print(f"    {key:20} {outcome}")


START = os.getcwd()

if __name__ == "__main__":
    main()
