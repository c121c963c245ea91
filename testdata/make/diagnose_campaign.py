#!/usr/bin/env python3
"""Measure `lance-lint diagnose` on thousands of messages that it was not written for.

    python testdata/make/diagnose_campaign.py make  --venvs DIR --work DIR --seeds 1000 1040
    python testdata/make/diagnose_campaign.py read  --venvs DIR --work DIR [--only RELEASE]...
    python testdata/make/diagnose_campaign.py judge --work DIR --binary BIN [--distinct] [--list FILE]
    python testdata/make/diagnose_campaign.py keep  --work DIR --binary BIN --most N

`make` writes, for each seed, a dataset with a random schema and history by one of WRITERS, and
MUTANTS damaged copies of it: one change of a footer, column metadata, page encoding, file schema,
manifest, schema, fragment list, index, deletion file or transaction. Everything follows from the
seed. DIR/RELEASE is a virtual environment with that release of pylance.

`read` makes some of CALLS on each copy with three of READERS, and keeps what goes to the
terminal where a call fails that does not fail on the undamaged dataset.

`judge` gives each log to `diagnose`, with the dataset, and counts. Two logs count as one when they
are the same without numbers, names and paths. It prints how many of the messages are recognised,
of those how many are traced to a finding of the dataset, and of those, where one column was
damaged, how many to that column. Messages of the undamaged part, of a reader that is older than the
dataset, and of the call itself are left out.

`keep` writes MOST of the judged messages, spread over kinds of damage, to testdata/panics/campaign, with
the rule that they were traced to.

Rules for a fair figure: tune on seeds below 1000, report seeds of 1000 and above.
"""

import argparse
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import collect_panics as panics

WRITERS = [
    ("0.20.0", "0.1"), ("0.20.0", "2.0"), ("0.32.1", "2.0"), ("2.0.1", "2.1"), ("6.0.0", "2.0"),
    ("6.0.0", "2.1"), ("11.0.0", "2.2"), ("14.0.2", "0.1"), ("14.0.2", "2.0"), ("14.0.2", "2.1"),
    ("14.0.2", "2.2"), ("14.0.2", "2.3"),
]  # fmt: skip
READERS = "14.0.2 11.0.0 6.0.0 2.0.1 0.32.1 0.20.0".split()
MUTANTS = 30

# --------------------------------------------------------------------------------------
# Datasets
# --------------------------------------------------------------------------------------

WRITE = r'''
import contextlib, datetime, decimal, random, sys
import lance
import numpy as np
import pyarrow as pa

path, version, seed = PATH, VERSION, SEED
rng = random.Random(seed)
R = 300
half = lambda make: [None if rng.random() < 0.3 else make() for _ in range(R)]
word = lambda: "".join(rng.choice("abcdefgh") for _ in range(rng.randrange(1, 12)))
struct_of = lambda: {"x": rng.randrange(99), "y": word()}
meta = lambda name, type, **m: pa.field(name, type, metadata={k.replace("__", "-").replace("_of_", ":"): v for k, v in m.items()})
kinds = {
    "i32": lambda n: (pa.field(n, pa.int32()), half(lambda: rng.randrange(2**20))),
    "small": lambda n: (pa.field(n, pa.int64()), [rng.randrange(17) for _ in range(R)]),
    "runs": lambda n: (pa.field(n, pa.int32()), [i // 40 for i in range(R)]),
    "same": lambda n: (pa.field(n, pa.int64()), [7] * R),
    "nulls": lambda n: (pa.field(n, pa.int64()), [None] * R),
    "f32": lambda n: (pa.field(n, pa.float32()), half(rng.random)),
    "f64": lambda n: (pa.field(n, pa.float64()), [rng.random() for _ in range(R)]),
    "bool": lambda n: (pa.field(n, pa.bool_()), half(lambda: rng.random() < 0.5)),
    "string": lambda n: (pa.field(n, pa.string()), half(word)),
    "few": lambda n: (pa.field(n, pa.string()), [rng.choice(["amber", "basil", "cedar"]) for _ in range(R)]),
    "long": lambda n: (pa.field(n, pa.large_string()), [word() * 40 for _ in range(R)]),
    "binary": lambda n: (pa.field(n, pa.binary()), half(lambda: word().encode())),
    "large": lambda n: (pa.field(n, pa.large_binary()), [word().encode() * 60 for _ in range(R)]),
    "dict": lambda n: (pa.field(n, pa.dictionary(pa.int8(), pa.string())), [rng.choice("xyz") for _ in range(R)]),
    "list": lambda n: (pa.field(n, pa.list_(pa.int32())), half(lambda: [rng.randrange(9) for _ in range(rng.randrange(4))])),
    "words": lambda n: (pa.field(n, pa.list_(pa.string())), half(lambda: [word() for _ in range(rng.randrange(4))])),
    "struct": lambda n: (pa.field(n, pa.struct([("x", pa.int32()), ("y", pa.string())])), [struct_of() for _ in range(R)]),
    "packed": lambda n: (pa.field(n, pa.struct([("x", pa.int32()), ("z", pa.float64())]), metadata={"packed": "true", "lance-encoding:packed": "true"}),
                         [{"x": 1, "z": rng.random()} for _ in range(R)]),
    "structs": lambda n: (pa.field(n, pa.list_(pa.struct([("x", pa.int32()), ("y", pa.string())]))), [[struct_of()] * rng.randrange(3) for _ in range(R)]),
    "vector": lambda n: (pa.field(n, pa.list_(pa.float32(), 8)), [[rng.random() for _ in range(8)] for _ in range(R)]),
    "fixed": lambda n: (pa.field(n, pa.binary(16)), [rng.randbytes(16) for _ in range(R)]),
    "time": lambda n: (pa.field(n, pa.timestamp("us")), half(lambda: rng.randrange(2**40))),
    "money": lambda n: (pa.field(n, pa.decimal128(12, 2)), half(lambda: decimal.Decimal(rng.randrange(9999)))),
    "blob": lambda n: (pa.field(n, pa.large_binary(), metadata={"lance-encoding:blob": "true"}), half(lambda: word().encode() * 9)),
    "map": lambda n: (pa.field(n, pa.map_(pa.string(), pa.int32())), [[("a", 1), ("b", 2)][: rng.randrange(3)] for _ in range(R)]),
    "zstd": lambda n: (pa.field(n, pa.string(), metadata={"lance-encoding:compression": "zstd"}), [word() * 9 for _ in range(R)]),
    "lz4": lambda n: (pa.field(n, pa.int64(), metadata={"lance-encoding:compression": "lz4"}), [rng.randrange(2**40) for _ in range(R)]),
    "rle": lambda n: (pa.field(n, pa.int64(), metadata={"lance-encoding:rle-threshold": "0.99"}), [i // 9 for i in range(R)]),
    "bss": lambda n: (pa.field(n, pa.float32(), metadata={"lance-encoding:bss": "on", "lance-encoding:compression": "lz4"}), [float(i) for i in range(R)]),
}
old = version in ("0.1", "2.0")
left_out = {"0.1": {"map", "packed", "zstd", "lz4", "rle", "bss", "blob", "nulls"},
            "2.0": {"map", "rle", "bss"}, "2.1": {"map"}, "2.2": {"blob"}, "2.3": {"blob", "packed"}}
chosen = [k for k in kinds if k not in left_out.get(version, ())]
rng.shuffle(chosen)
chosen = chosen[: rng.randrange(5, 12)]
for wanted in ("vector", "string", "small"):
    if wanted not in chosen and rng.random() < 0.7:
        chosen.append(wanted)
fields, arrays = [pa.field("key", pa.int64(), nullable=False)], [list(range(R))]
for at, kind in enumerate(chosen):
    field, values = kinds[kind](f"{kind}_{at}")
    fields.append(field)
    arrays.append(values)
schema = pa.schema(fields)
def table(start):
    columns = []
    for field, values in zip(fields, arrays):
        values = [v + start for v in values] if field.name == "key" else values
        columns.append(pa.array(values, pa.string()).cast(field.type) if pa.types.is_dictionary(field.type) else pa.array(values, field.type))
    return pa.table(columns, schema=schema)
options = dict(data_storage_version={"0.1": "legacy"}.get(version, version), max_rows_per_group=128)
if rng.random() < 0.3 and not old:
    for name in ("enable_stable_row_ids", "enable_move_stable_row_ids"):
        try:
            ds = lance.write_dataset(table(0), path, **options, **{name: True})
            break
        except TypeError:
            continue
    else:
        ds = lance.write_dataset(table(0), path, **options)
else:
    ds = lance.write_dataset(table(0), path, **options)
ds = lance.write_dataset(table(R), path, mode="append", max_rows_per_group=128)
if rng.random() < 0.6:
    ds.delete("key % 10 = 3 and key < 300")
if rng.random() < 0.3:
    ds = lance.dataset(path)
    with contextlib.suppress(Exception):
        ds.add_columns({"added": "key * 2"})
ds = lance.dataset(path)
def index(kind, column):
    with contextlib.suppress(BaseException):
        ds.create_scalar_index(column, kind)
names = {k: f"{k}_{at}" for at, k in enumerate(chosen)}
if rng.random() < 0.6:
    index("BTREE", "key")
for kind, column in (("BITMAP", "small"), ("LABEL_LIST", "words"), ("INVERTED", "string"), ("ZONEMAP", "runs"), ("BLOOMFILTER", "f64"), ("NGRAM", "few")):
    if column in names and rng.random() < 0.7:
        index(kind, names[column])
if "vector" in names and rng.random() < 0.6:
    with contextlib.suppress(BaseException):
        kind = rng.choice(["IVF_PQ", "IVF_FLAT", "IVF_HNSW_SQ"])
        extra = {"num_sub_vectors": 2} if kind == "IVF_PQ" else {}
        ds.create_index(names["vector"], kind, num_partitions=2, **extra)
if rng.random() < 0.3:
    ds = lance.dataset(path)
    extra = table(2 * R)
    with contextlib.suppress(Exception):
        if "added" in ds.schema.names:
            extra = extra.append_column("added", pa.array([0] * R, pa.int64()))
        lance.write_dataset(extra, path, mode="append")
with contextlib.suppress(Exception):
    lance.dataset(path).tags.create("kept", 1)
'''

# --------------------------------------------------------------------------------------
# The wire format, without a schema
# --------------------------------------------------------------------------------------


def varint(value):
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        if not value:
            return bytes(out) + bytes([low])
        out.append(low | 0x80)


def take_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError


def parse(data, depth=0):
    """Fields as [number, wire type, value]; a value that parses as a message is one."""
    fields, at = [], 0
    while at < len(data):
        tag, at = take_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 64:
            raise ValueError
        if kind == 0:
            value, at = take_varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at : at + size], at + size
        elif kind == 2:
            size, at = take_varint(data, at)
            value, at = data[at : at + size], at + size
            if len(value) != size:
                raise ValueError
            value = nested(value, depth + 1)
        else:
            raise ValueError
        if at > len(data):
            raise ValueError
        fields.append([number, kind, value])
    return fields


def nested(value, depth):
    if not value or is_text(value) or depth > 20:
        return value
    try:
        return parse(value, depth)
    except (ValueError, IndexError):
        return value


def is_text(value):
    return all(32 <= byte < 127 for byte in value)


def emit(fields):
    out = bytearray()
    for number, kind, value in fields:
        out += varint(number << 3 | kind)
        if kind == 0:
            out += varint(value & (1 << 64) - 1)
        elif kind == 2:
            value = emit(value) if isinstance(value, list) else value
            out += varint(len(value)) + value
        else:
            out += value
    return bytes(out)


def get(fields, number):
    return [value for each, _, value in fields if each == number]


def one(fields, number, default=None):
    return next(iter(get(fields, number)), default)


def put(fields, number, kind, value):
    for field in fields:
        if field[0] == number:
            field[1:] = [kind, value]
            return
    fields.append([number, kind, value])


def packed(value):
    """The numbers of a packed field, which may have been taken for a message."""
    data = emit(value) if isinstance(value, list) else value or b""
    numbers, at = [], 0
    while at < len(data):
        number, at = take_varint(data, at)
        numbers.append(number - (1 << 64) if number >> 63 else number)
    return numbers


def pack(numbers):
    return b"".join(varint(number & (1 << 64) - 1) for number in numbers)


def nodes(fields, path=()):
    for at, (number, _, value) in enumerate(fields):
        here = (*path, (number, at))
        yield here, fields, at
        if isinstance(value, list):
            yield from nodes(value, here)


WORDS = "int32 int64 string large_string binary large_binary float double bool struct list null timestamp:us:- "
WORDS += "dict:string:int8:false fixed_size_list:float:8 fixed_size_list:float:0 decimal:128:10:2 json made_up"


def mutate(fields, rng, within=None):
    """Changes one place of a message, and says which: path, what was done."""
    all_nodes = [node for node in nodes(fields) if not within or node[0][: len(within)] == within]
    if not all_nodes:
        fields.append([rng.randrange(1, 30), 0, rng.randrange(1 << 20)])
        return (), "added"
    path, holder, at = rng.choice(all_nodes)
    number, kind, value = holder[at]
    what = rng.random()
    if what < 0.12:
        del holder[at]
        return path, "removed"
    if what < 0.18:
        holder.insert(at, json_copy(holder[at]))
        return path, "doubled"
    if kind == 0:
        small = [0, 1, 2, 3, 4, 7, 8, 16, 32, 64, 255, value + 1, max(value - 1, 0), value * 2, value // 2]
        huge = [1 << 20, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1]
        holder[at][2] = rng.choice(small if rng.random() < 0.8 else huge)
        return path, f"number {value} -> {holder[at][2]}"
    if isinstance(value, list):
        others = [node for node in all_nodes if isinstance(node[1][node[2]][2], list) and node[0] != path]
        if others and what < 0.7:
            _, other, index = rng.choice(others)
            holder[at][2] = json_copy(other[index][2])
            return path, "replaced by another part"
        if what < 0.85:
            holder[at][2] = b""
            return path, "emptied"
        holder[at][2] = emit(value)[: rng.randrange(len(emit(value)) or 1)]
        return path, "cut"
    if kind == 2 and is_text(value) and value:
        holder[at][2] = rng.choice([b"", value[:-1], value + b"x", rng.choice(WORDS.split()).encode()])
        return path, "text"
    if kind == 2:
        numbers = rng.choice(["cut", "empty", "flip"])
        if numbers == "cut":
            holder[at][2] = value[: len(value) // 2]
        elif numbers == "empty":
            holder[at][2] = b""
        elif value:
            index = rng.randrange(len(value))
            holder[at][2] = value[:index] + bytes([value[index] ^ 1 << rng.randrange(8)]) + value[index + 1 :]
        return path, numbers
    holder[at][2] = bytes(len(value))
    return path, "zero"


def json_copy(value):
    return [json_copy(each) for each in value] if isinstance(value, list) else value


# --------------------------------------------------------------------------------------
# Files
# --------------------------------------------------------------------------------------


class File:
    """A data file or index file of 2.x, whose metadata can be written back changed."""

    def __init__(self, path):
        self.path, self.data = path, path.read_bytes()
        head = struct.unpack("<QQQIIHH4s", self.data[-40:])
        self.starts, self.column_table, self.buffer_table, buffers, columns, self.major, self.minor, magic = head
        assert magic == b"LANC" and self.minor + self.major > 2
        self.columns = self.parts(self.column_table, columns)
        self.buffers = self.parts(self.buffer_table, buffers)

    def parts(self, table, count):
        spans = [struct.unpack("<QQ", self.data[table + 16 * i : table + 16 * i + 16]) for i in range(count)]
        return [self.data[start : start + size] for start, size in spans]

    def span(self, table, index):
        return struct.unpack("<QQ", self.data[table + 16 * index : table + 16 * index + 16])

    def write(self):
        """The pages as they are; buffers and column metadata behind them."""
        out = bytearray(self.data[: self.starts])
        def place(parts):
            spans = []
            for part in parts:
                out.extend(bytes(-len(out) % 64))
                spans.append((len(out), len(part)))
                out.extend(part)
            return spans
        buffers = place(self.buffers)
        starts = len(out) + -len(out) % 64
        columns = place(self.columns)
        tables = []
        for spans in (columns, buffers):
            tables.append(len(out))
            for start, size in spans:
                out.extend(struct.pack("<QQ", start, size))
        counts = len(buffers), len(columns)
        out += struct.pack("<QQQIIHH4s", starts, *tables, *counts, self.major, self.minor, b"LANC")
        self.path.write_bytes(out)


class Manifest:
    """The newest manifest of a dataset."""

    def __init__(self, folder):
        self.path = max(folder.glob("_versions/*.manifest"), key=version_of)
        self.data = self.path.read_bytes()
        self.position, self.major, self.minor, _ = struct.unpack("<QHH4s", self.data[-16:])
        size = struct.unpack("<I", self.data[self.position : self.position + 4])[0]
        self.message = parse(self.data[self.position + 4 : self.position + 4 + size])

    def write(self):
        body = emit(self.message)
        tail = struct.pack("<QHH4s", self.position, self.major, self.minor, b"LANC")
        self.path.write_bytes(self.data[: self.position] + struct.pack("<I", len(body)) + body + tail)

    def fields(self):
        return get(self.message, 1)

    def fragments(self):
        return get(self.message, 2)

    def files(self):
        for fragment in self.fragments():
            for file in get(fragment, 2):
                yield fragment, file

    def top(self, field_id):
        """The column, not below another, that a field is of."""
        by_id = {number(one(f, 3, 0)): f for f in self.fields()}
        field = by_id.get(field_id)
        for _ in range(20):
            if field is None:
                return None
            parent = number(one(field, 4, 0))
            if parent < 0 or parent not in by_id or parent == number(one(field, 3, 0)):
                return text(one(field, 2, b""))
            field = by_id[parent]
        return None


def number(value):
    value = value if isinstance(value, int) else 0
    return value - (1 << 64) if value >> 63 else value


def text(value):
    return (emit(value) if isinstance(value, list) else value or b"").decode("utf-8", "replace")


def version_of(path):
    value = int(path.stem) if path.stem.isdigit() else -1
    return (1 << 64) - 1 - value if value > 1 << 60 else value


# --------------------------------------------------------------------------------------
# Damage. Each takes a copy of a dataset and says what it did, and of which columns.
# --------------------------------------------------------------------------------------


def pick_file(manifest, folder, rng):
    fragment, entry = rng.choice(list(manifest.files()))
    return fragment, entry, folder / "data" / text(one(entry, 1))


def resized(manifest, entry, path):
    if one(entry, 6):
        put(entry, 6, 0, path.stat().st_size)
        manifest.write()


def column_of(manifest, entry, index):
    numbers = packed(one(entry, 3, b""))
    fields = packed(one(entry, 2, b""))
    for field, column in zip(fields, numbers):
        if column == index:
            return manifest.top(field)
    return None


def with_column(folder, rng, change):
    manifest = Manifest(folder)
    _, entry, path = pick_file(manifest, folder, rng)
    file = File(path)
    index = rng.randrange(len(file.columns))
    what = change(file, index)
    file.write()
    resized(manifest, entry, path)
    return what, {column_of(manifest, entry, index)}


def column_metadata(folder, rng):
    def change(file, index):
        message = parse(file.columns[index])
        path, what = mutate(message, rng)
        file.columns[index] = emit(message)
        return f"{[n for n, _ in path]} {what}"
    return with_column(folder, rng, change)


def page_encoding(folder, rng):
    """As column_metadata, but in the encoding of a page, where most of the variety is."""
    def change(file, index):
        message = parse(file.columns[index])
        places = [path for path, holder, at in nodes(message) if [n for n, _ in path] == [2, 4]]
        path, what = mutate(message, rng, rng.choice(places) if places else None)
        file.columns[index] = emit(message)
        return f"{[n for n, _ in path]} {what}"
    return with_column(folder, rng, change)


def page(folder, rng):
    def change(file, index):
        message = parse(file.columns[index])
        pages = [at for at, field in enumerate(message) if field[0] == 2]
        if not pages:
            return "no pages"
        at = rng.choice(pages)
        fields = message[at][2]
        what = rng.choice("drop double rows fewer-buffers more-buffers offset size encoding".split())
        if what == "drop":
            del message[at]
        elif what == "double":
            message.insert(at, json_copy(message[at]))
        elif what == "rows":
            put(fields, 3, 0, rng.choice([0, 1, one(fields, 3, 0) + 1, one(fields, 3, 0) // 2, 1 << 33]))
        elif what in ("fewer-buffers", "more-buffers"):
            for each in (1, 2):
                numbers = packed(one(fields, each, b""))
                put(fields, each, 2, pack(numbers[:-1] if what == "fewer-buffers" else [*numbers, 64]))
        elif what in ("offset", "size"):
            each = 1 if what == "offset" else 2
            numbers = packed(one(fields, each, b"")) or [0]
            spot = rng.randrange(len(numbers))
            numbers[spot] = rng.choice([0, numbers[spot] + 64, numbers[spot] // 2, len(file.data), 1 << 40])
            put(fields, each, 2, pack(numbers))
        else:
            other = parse(rng.choice(file.columns))
            taken = [one(page, 4) for page in get(other, 2) if isinstance(page, list)]
            put(fields, 4, 2, rng.choice(taken) if taken else b"")
        file.columns[index] = emit(message)
        return what
    return with_column(folder, rng, change)


def columns_exchanged(folder, rng):
    manifest = Manifest(folder)
    _, entry, path = pick_file(manifest, folder, rng)
    file = File(path)
    one_, other = rng.sample(range(len(file.columns)), 2)
    file.columns[one_], file.columns[other] = file.columns[other], file.columns[one_]
    file.write()
    resized(manifest, entry, path)
    return "exchanged", {column_of(manifest, entry, one_), column_of(manifest, entry, other)}


def file_schema(folder, rng):
    manifest = Manifest(folder)
    _, entry, path = pick_file(manifest, folder, rng)
    file = File(path)
    message = parse(file.buffers[0])
    where, what = mutate(message, rng)
    file.buffers[0] = emit(message)
    file.write()
    resized(manifest, entry, path)
    return f"{[n for n, _ in where]} {what}", set()


def footer(folder, rng):
    manifest = Manifest(folder)
    _, _, path = pick_file(manifest, folder, rng)
    return damage_footer(path, rng), set()


def damage_footer(path, rng):
    data = bytearray(path.read_bytes())
    legacy = data[-8:-6] + data[-6:-4] in (bytes(4), b"\0\0\1\0", b"\0\0\2\0")
    spots = {"position": (16, 8)} if legacy else {
        "starts": (40, 8), "column-table": (32, 8), "buffer-table": (24, 8), "buffers": (16, 4), "columns": (12, 4),
    }  # fmt: skip
    spots |= {"major": (8, 2), "minor": (6, 2), "magic": (4, 4)}
    name = rng.choice(list(spots))
    back, size = spots[name]
    at = len(data) - back
    value = int.from_bytes(data[at : at + size], "little")
    value = rng.choice([0, value + 1, max(value - 1, 0), value + 16, value // 2, len(data), (1 << 8 * size) - 1, 3, 9])
    data[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    path.write_bytes(data)
    return f"{name} -> {value}"


def tables(folder, rng):
    """An entry of the table of columns or of global buffers."""
    manifest = Manifest(folder)
    _, entry, path = pick_file(manifest, folder, rng)
    file = File(path)
    of_columns = rng.random() < 0.6
    table, count = (file.column_table, len(file.columns)) if of_columns else (file.buffer_table, len(file.buffers))
    index = rng.randrange(count)
    at = table + 16 * index + rng.choice([0, 8])
    data = bytearray(file.data)
    value = int.from_bytes(data[at : at + 8], "little")
    value = rng.choice([0, value + 1, value + 64, value - 1, value // 2, value * 2, len(data), len(data) - 8, 1 << 62])
    data[at : at + 8] = (value & (1 << 64) - 1).to_bytes(8, "little")
    path.write_bytes(data)
    return f"columns {of_columns} -> {value}", {column_of(manifest, entry, index)} if of_columns else set()


def spoil(path, rng, folder):
    """What happens to whole files."""
    data = path.read_bytes()
    what = rng.choice(["gone", "empty", "cut", "cut-little", "zeros", "zero-tail", "pointer", "other", "longer", "flip"])
    if what == "gone":
        path.unlink()
        return what
    same_kind = [p for p in folder.rglob("*" + path.suffix) if p != path] or [path]
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {len(data)}\n".encode()
    flipped = bytearray(data)
    for _ in range(3):
        if flipped:
            flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes({
        "empty": b"", "cut": data[: len(data) // 2], "cut-little": data[:-7], "zeros": bytes(len(data)),
        "zero-tail": data[: -len(data) // 3] + bytes(len(data) // 3 + 1), "pointer": pointer,
        "other": rng.choice(same_kind).read_bytes(), "longer": data + bytes(64), "flip": bytes(flipped),
    }[what])  # fmt: skip
    return what


def data_file(folder, rng):
    _, _, path = pick_file(Manifest(folder), folder, rng)
    what = spoil(path, rng, folder)
    while what == "flip":
        what = "flip twice"
    return what, set()


def legacy_metadata(folder, rng):
    manifest = Manifest(folder)
    _, entry, path = pick_file(manifest, folder, rng)
    data = bytearray(path.read_bytes())
    position = struct.unpack("<q", data[-16:-8])[0]
    size = struct.unpack("<I", data[position : position + 4])[0]
    message = parse(bytes(data[position + 4 : position + 4 + size]))
    where, what = mutate(message, rng)
    body = emit(message)
    path.write_bytes(bytes(data[:position]) + struct.pack("<I", len(body)) + body + bytes(data[-16:]))
    resized(manifest, entry, path)
    return f"{[n for n, _ in where]} {what}", set()


def legacy_page_table(folder, rng):
    manifest = Manifest(folder)
    _, entry, path = pick_file(manifest, folder, rng)
    data = bytearray(path.read_bytes())
    position = struct.unpack("<q", data[-16:-8])[0]
    size = struct.unpack("<I", data[position : position + 4])[0]
    message = parse(bytes(data[position + 4 : position + 4 + size]))
    table = one(message, 3, 0)
    batches = len(packed(one(message, 2, b""))) - 1
    fields = sorted(packed(one(entry, 2, b"")))
    first = fields[0]
    column = rng.choice([f for f in fields])
    at = table + 16 * ((column - first) * batches + rng.randrange(max(batches, 1))) + rng.choice([0, 8])
    value = int.from_bytes(data[at : at + 8], "little")
    value = rng.choice([0, value + 1, value + 64, value // 2, value * 2, len(data), 1 << 40, (1 << 64) - 1])
    data[at : at + 8] = (value & (1 << 64) - 1).to_bytes(8, "little")
    path.write_bytes(data)
    return f"-> {value}", {manifest.top(column)}


def manifest_message(folder, rng):
    manifest = Manifest(folder)
    names = [manifest.top(number(one(field, 3, 0))) for field in manifest.fields()]
    where, what = mutate(manifest.message, rng)
    manifest.write()
    columns = set()
    if where and where[0][0] == 1 and where[0][1] < len(names):
        # A field that another took the place of is under that one's name now.
        columns = {names[where[0][1]], *(text(one(f, 2)) for f in manifest.fields()[where[0][1] :][:1] if isinstance(f, list))}
    return f"{[n for n, _ in where]} {what}", columns


def schema_field(folder, rng):
    manifest = Manifest(folder)
    field = rng.choice(manifest.fields())
    column = manifest.top(number(one(field, 3, 0)))
    what = rng.choice("type type type name same-name required id parent blob packed drop dictionary swap swap-types".split())
    columns = {column}
    others = [f for f in manifest.fields() if f is not field] or [field]
    other = rng.choice(others)
    if what == "type":
        put(field, 5, 2, rng.choice(WORDS.split()).encode())
    elif what == "name":
        put(field, 2, 2, rng.choice([b"", b"a.b", b"\x01\xff", b"Key", b"_rowid", b"x" * 300]))
    elif what == "same-name":
        put(field, 2, 2, one(other, 2))
        columns.add(text(one(other, 2)))
    elif what == "required":
        put(field, 6, 0, 0)
    elif what == "id":
        put(field, 3, 0, rng.choice([0, number(one(other, 3, 0)) & (1 << 64) - 1, 99, (1 << 64) - 1]))
    elif what == "parent":
        put(field, 4, 0, rng.choice([0, 1, 99, number(one(field, 3, 0)) & (1 << 64) - 1, (1 << 64) - 1]))
    elif what == "blob":
        field.append([10, 2, [[1, 2, b"lance-encoding:blob"], [2, 2, b"true"]]])
    elif what == "packed":
        field.append([10, 2, [[1, 2, b"packed"], [2, 2, b"true"]]])
    elif what == "drop":
        manifest.message[:] = [f for f in manifest.message if f[2] is not field]
    elif what == "dictionary":
        put(field, 8, 2, [[1, 0, rng.choice([0, 64, 1 << 40])], [2, 0, rng.choice([0, 2, 1 << 20])]])
    else:
        columns.add(manifest.top(number(one(other, 3, 0))))
        for each in (3, 5) if what == "swap" else (5,):
            kind = 0 if each == 3 else 2
            mine, theirs = one(field, each, 0 if kind == 0 else b""), one(other, each, 0 if kind == 0 else b"")
            put(field, each, kind, theirs)
            put(other, each, kind, mine)
    # A field is told by the name that it has now.
    columns.add(text(one(field, 2, b"")))
    manifest.write()
    return what, columns


def fragment_entry(folder, rng):
    manifest = Manifest(folder)
    fragment, entry = rng.choice(list(manifest.files()))
    deletion = one(fragment, 3)
    what = rng.choice("drop double id rows rows deleted columns columns fields fields version path size no-files file-twice".split())
    columns = set()
    if what == "drop":
        manifest.message[:] = [f for f in manifest.message if f[2] is not fragment]
    elif what == "double":
        manifest.message.append([2, 2, json_copy(fragment)])
    elif what == "id":
        put(fragment, 1, 0, rng.choice([0, 1, 7, (1 << 32) + 1]))
    elif what == "rows":
        rows = one(fragment, 4, 0)
        put(fragment, 4, 0, rng.choice([0, rows - 1, rows + 1, rows * 2, 1, 1 << 40]))
    elif what == "deleted":
        if not isinstance(deletion, list):
            fragment.append([3, 2, [[1, 0, rng.choice([0, 1])], [2, 0, 1], [3, 0, 12345], [4, 0, 3]]])
        else:
            put(deletion, rng.choice([1, 2, 3, 4]), 0, rng.choice([0, 1, 2, 31, 1 << 20]))
    elif what in ("columns", "fields"):
        each = 3 if what == "columns" else 2
        numbers = packed(one(entry, each, b""))
        if numbers:
            at = rng.randrange(len(numbers))
            fields = packed(one(entry, 2, b""))
            columns.add(manifest.top(fields[at]) if at < len(fields) else None)
            how = rng.random()
            if how < 0.3:
                numbers[at] = rng.choice([99, -1, -2, 0])
            elif how < 0.6 and len(numbers) > 1:
                other = rng.randrange(len(numbers))
                columns.add(manifest.top(fields[other]) if other < len(fields) else None)
                numbers[at], numbers[other] = numbers[other], numbers[at]
            elif how < 0.8:
                del numbers[at]
            else:
                numbers.append(numbers[at])
            put(entry, each, 2, pack(numbers))
    elif what == "version":
        put(entry, rng.choice([4, 5]), 0, rng.choice([0, 1, 2, 3, 9]))
    elif what == "path":
        put(entry, 1, 2, rng.choice([b"", b"none.lance", b"../x.lance"]))
    elif what == "size":
        put(entry, 6, 0, rng.choice([1, 39, one(entry, 6, 0) + 8, one(entry, 6, 0) // 2, 1 << 40]))
    elif what == "no-files":
        fragment[:] = [f for f in fragment if f[0] != 2]
    else:
        fragment.append([2, 2, json_copy(entry)])
    manifest.write()
    return what, columns


def manifest_file(folder, rng):
    manifest = Manifest(folder)
    if rng.random() < 0.5:
        data = bytearray(manifest.data)
        what = rng.choice(["position", "length", "magic", "version"])
        at, size = {"position": (-16, 8), "length": (manifest.position, 4), "magic": (-4, 4), "version": (-8, 2)}[what]
        at = at % len(data)
        value = int.from_bytes(data[at : at + size], "little")
        value = rng.choice([0, value + 1, value // 2, len(data), (1 << 8 * size) - 1])
        data[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        manifest.path.write_bytes(data)
        return f"{what} -> {value}", set()
    return spoil(manifest.path, rng, folder), set()


def index_section(folder, rng):
    manifest = Manifest(folder)
    at = one(manifest.message, 6)
    if at is None:
        return None
    data = bytearray(manifest.data)
    size = struct.unpack("<I", data[at : at + 4])[0]
    message = parse(bytes(data[at + 4 : at + 4 + size]))
    if not message:
        return None
    where, what = mutate(message, rng)
    # The section goes to the end, where there is room.
    body = emit(message)
    put(manifest.message, 6, 0, len(data[: manifest.position]))
    manifest.data = bytes(data[: manifest.position]) + struct.pack("<I", len(body)) + body
    manifest.position = len(manifest.data)
    manifest.write()
    return f"{[n for n, _ in where]} {what}", set()


def index_file(folder, rng):
    files = [p for p in folder.glob("_indices/*/*") if p.is_file()]
    if not files:
        return None
    path = rng.choice(files)
    how = rng.random()
    if how < 0.5 or path.suffix != ".lance":
        return f"{path.name} {spoil(path, rng, folder)}", set()
    if how < 0.65:
        return f"{path.name} footer {damage_footer(path, rng)}", set()
    try:
        file = File(path)
    except AssertionError:
        return None
    part = file.columns if file.columns and rng.random() < 0.7 else file.buffers
    if not part:
        return None
    index = rng.randrange(len(part))
    try:
        message = parse(part[index])
    except (ValueError, IndexError):
        return None
    where, what = mutate(message, rng)
    part[index] = emit(message)
    file.write()
    return f"{path.name} {[n for n, _ in where]} {what}", set()


def deletion_file(folder, rng):
    files = sorted(folder.glob("_deletions/*"))
    if not files:
        return None
    return spoil(rng.choice(files), rng, folder), set()


def around(folder, rng):
    """Transactions, tags, folders, and fragments that are gone behind an index."""
    what = rng.choice(["transactions", "transaction", "tag", "index-folder", "fragments-gone", "versions", "type-url"])
    if what == "transactions":
        shutil.rmtree(folder / "_transactions", ignore_errors=True)
    elif what == "transaction":
        files = sorted(folder.glob("_transactions/*"))
        if not files:
            return None
        spoil(rng.choice(files), rng, folder)
    elif what == "tag":
        tags = sorted(folder.glob("_refs/tags/*.json"))
        if not tags:
            return None
        tags[0].write_text(rng.choice(['{"version": 77, "manifestSize": 5}', "{", ""]))
    elif what == "index-folder":
        folders = sorted(folder.glob("_indices/*"))
        if not folders:
            return None
        shutil.rmtree(rng.choice(folders))
    elif what == "versions":
        for manifest in sorted(folder.glob("_versions/*.manifest"), key=version_of)[:-1]:
            manifest.unlink()
    elif what == "fragments-gone":
        manifest = Manifest(folder)
        kept = rng.choice(manifest.fragments())
        manifest.message[:] = [f for f in manifest.message if f[0] != 2 or f[2] is kept]
        manifest.write()
    else:
        manifest = Manifest(folder)
        put(manifest.message, rng.choice([9, 10]), 0, rng.choice([1, 2, 4, 8, 16, 64, 1 << 20]))
        manifest.write()
    return what, set()


DAMAGE = [
    (column_metadata, 5), (page_encoding, 8), (page, 4), (columns_exchanged, 1), (file_schema, 1), (footer, 2),
    (tables, 2), (data_file, 2), (manifest_message, 4), (schema_field, 6), (fragment_entry, 4), (manifest_file, 1),
    (index_section, 2), (index_file, 3), (deletion_file, 1), (around, 2),
]  # fmt: skip
LEGACY = {column_metadata: legacy_metadata, page_encoding: legacy_page_table, page: legacy_page_table,
          columns_exchanged: legacy_page_table, file_schema: schema_field, tables: legacy_page_table}  # fmt: skip


def make(options):
    work = Path(options.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "cases.jsonl", "a") as cases:
        for seed in range(*options.seeds):
            release, version = WRITERS[seed % len(WRITERS)]
            base = work / "data" / f"s{seed}-base"
            shutil.rmtree(base, ignore_errors=True)
            base.parent.mkdir(exist_ok=True)
            source = WRITE.replace("PATH", repr(str(base))).replace("VERSION", repr(version)).replace("SEED", str(seed))
            python = Path(options.venvs) / release / "bin" / "python"
            done = subprocess.run([python, "-c", source], capture_output=True, text=True)
            if done.returncode != 0:
                print(seed, release, version, done.stderr[-600:], file=sys.stderr)
                continue
            case(cases, base.name, base.name, seed, release, version, "none", "", set())
            for mutant in range(MUTANTS):
                damage(cases, work, base, seed, mutant, release, version)


def damage(cases, work, base, seed, mutant, release, version):
    rng = random.Random(f"{seed}-{mutant}")
    folder = work / "data" / f"s{seed}-{mutant}"
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        kind = rng.choices([k for k, _ in DAMAGE], [w for _, w in DAMAGE])[0]
        kind = LEGACY.get(kind, kind) if version == "0.1" else kind
        try:
            done = kind(folder, rng)
        except (ValueError, IndexError, AssertionError, struct.error, TypeError, AttributeError, OSError):
            done = None
        if done is not None and done[0] != "flip twice":
            what, columns = done
            case(cases, folder.name, base.name, seed, release, version, kind.__name__, what, columns)
            return


def case(out, name, base, seed, release, version, kind, what, columns):
    columns = sorted(column for column in columns if column)
    json.dump({"name": name, "base": base, "seed": seed, "writer": release, "version": version, "kind": kind,
               "what": what, "columns": columns}, out)  # fmt: skip
    out.write("\n")
    out.flush()


# --------------------------------------------------------------------------------------
# Reading
# --------------------------------------------------------------------------------------

OPEN = "import lance\n\nds = lance.dataset(PATH)\n"
CALLS = {
    "to_table": "print(ds.to_table().num_rows)",
    "one_column": "print(ds.to_table(columns=['COLUMN']).num_rows)",
    "take": "print(ds.take([0, 350]).num_rows)",
    "count": "print(ds.count_rows(), ds.schema)",
    "validate": "ds.validate()",
    "row_ids": "print(ds.to_table(columns=['key'], with_row_id=True).num_rows)",
    "filter": "print(ds.to_table(filter='key = 310').num_rows)",
    "filter_column": "print(ds.to_table(filter='`COLUMN` IS NOT NULL', columns=['key']).num_rows)",
    "filter_small": "print(ds.to_table(filter='INDEXED').num_rows)",
    "search": "print(ds.to_table(nearest={'column': 'VECTOR', 'q': [0.5] * 8, 'k': 5}).num_rows)",
    "text": "print(ds.to_table(full_text_query='abc').num_rows)",
    "blobs": "for blob in ds.take_blobs('BLOB', indices=[0]):\n    print(len(blob.readall()))",
    "tag": "print(lance.dataset(PATH, version='kept').count_rows())",
    "indices": "print([ds.stats.index_stats(i['name']) for i in ds.list_indices()])",
    "append": "import pyarrow as pa\n\nlance.write_dataset(ds.schema.empty_table(), PATH, mode='append')",
    "append_rows": "lance.write_dataset(ds.to_table(limit=3), PATH, mode='append')",
    "delete": "ds.delete('key = 5')",
    "compact": "ds.optimize.compact_files()",
    "optimize": "ds.optimize.optimize_indices()",
    "update": "ds.update({'key': 'key + 1'}, where='key < 3')",
    "cleanup": "ds.cleanup_old_versions()\nprint(ds.versions())",
}
WRITING = {"append", "append_rows", "delete", "compact", "optimize", "update", "cleanup"}


def calls_of(case, names):
    """What a user may do with a damaged dataset: common reads, and a few others that the seed chooses."""
    rng = random.Random(case["name"])
    column = case["columns"][0] if case["columns"] else rng.choice(names)
    chosen = ["to_table", "one_column", "take", "filter_column"]
    if case["kind"] in ("index_section", "index_file", "around", "fragment_entry", "manifest_message"):
        chosen += ["filter", "filter_small", "search", "text", "indices"]
    chosen += rng.sample([call for call in CALLS if call not in chosen], 4)
    return sources(chosen, [column], names)


def sources(calls, columns, names):
    """The scripts of calls, those on a column for each of some columns."""
    find = lambda kind: next((name for name in names if name.startswith(kind + "_")), None)
    vector, blob = find("vector"), find("blob")
    conditions = (("runs", "{} = 3"), ("few", "contains({}, 'amb')"), ("words", "array_has_any({}, ['abc'])"),
                  ("f64", "{} = 0.5"), ("small", "{} = 3"))  # fmt: skip
    indexed = next((text.format(find(kind)) for kind, text in conditions if find(kind)), None)
    made = {}
    for call in calls:
        source = CALLS[call]
        if "VECTOR" in source and not vector or "BLOB" in source and not blob or "INDEXED" in source and not indexed:
            continue
        source = source.replace("VECTOR", vector or "").replace("BLOB", blob or "").replace("INDEXED", indexed or "")
        for column in columns if "COLUMN" in source else columns[:1]:
            made[f"{call} {column}" if "COLUMN" in source else call] = OPEN + source.replace("COLUMN", column)
    return made


def serve():
    """Makes the calls of one dataset after another, each dataset in a process of its own."""
    import os
    import resource
    import signal
    import traceback

    import lance  # noqa: F401  (children have it)

    def make_calls(job):
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (panics.MEMORY, panics.MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for at, (call, source) in enumerate(job["calls"]):
            log = os.open(f"{job['logs']}/{at}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            path = job["path"]
            if call.split()[0] in WRITING:
                path = f"{job['scratch']}/{Path(path).name}"
                shutil.rmtree(path, ignore_errors=True)
                shutil.copytree(job["path"], path)
            try:
                source = source.replace("PATH", repr(path))
                exec(compile(source, "/srv/app/read.py", "exec"), {"__name__": "__main__"})
                sys.stdout.flush()
                os.write(log, b"\nended well")
            except BaseException as failure:
                sys.stdout.flush()
                traceback.print_exception(type(failure), failure, failure.__traceback__.tb_next)
            sys.stderr.flush()
        os._exit(0)

    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            make_calls(job)
        end = time.monotonic() + 60
        while time.monotonic() < end and not os.waitpid(child, os.WNOHANG)[0]:
            time.sleep(0.01)
        else:
            if time.monotonic() >= end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        print("done", flush=True)


def read(options):
    work = Path(options.work).resolve()
    cases = [json.loads(line) for line in open(work / "cases.jsonl")]
    cases = [case for case in cases if options.seeds[0] <= case["seed"] < options.seeds[1]]
    names = {case["base"]: names_of(work / "data" / case["base"]) for case in cases}
    for release in options.only or READERS:
        started = time.monotonic()
        scratch = work / f"scratch-{release}"
        python = str(Path(options.venvs) / release / "bin" / "python")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("RUST", "LANCE"))}
        server = subprocess.Popen([python, "-u", "-W", "ignore", __file__, "serve"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, env=environment)  # fmt: skip
        with open(work / f"raw-{release}.jsonl", "a") as raw:
            for case in cases:
                if release not in readers_of(case):
                    continue
                columns = names[case["base"]]
                whole = case["kind"] == "none"
                calls = sources(CALLS, columns, columns) if whole else calls_of(case, columns)
                shutil.rmtree(scratch, ignore_errors=True)
                scratch.mkdir()
                job = {"path": str(work / "data" / case["name"]), "calls": list(calls.items()), "logs": str(scratch),
                       "scratch": str(scratch)}  # fmt: skip
                server.stdin.write(json.dumps(job) + "\n")
                server.stdin.flush()
                server.stdout.readline()
                for at, call in enumerate(calls):
                    log = scratch / str(at)
                    said = log.read_bytes().decode("utf-8", "replace") if log.is_file() else "\nended well"
                    if not said.endswith("\nended well") or "panicked" in said:
                        said = neutral(neutral(said, work / "data", python), scratch, python)
                        json.dump([release, case["name"], call, 1, said[-60000:]], raw)
                        raw.write("\n")
                raw.flush()
        server.stdin.close()
        server.wait()
        shutil.rmtree(scratch, ignore_errors=True)
        print(release, f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def names_of(base):
    manifest = Manifest(base)
    return [text(one(f, 2)) for f in manifest.fields() if number(one(f, 4, 0)) < 0]


def readers_of(case):
    """The releases that read a case: all read the undamaged ones, three each damaged one."""
    if case["kind"] == "none":
        return READERS
    return [READERS[0], *random.Random("readers" + case["name"]).sample(READERS[1:], 2)]


def neutral(said, parent, python):
    said = said.replace(str(parent), "/data").replace(str(parent)[1:], "data")
    return said.replace(str(Path(python).parent.parent), "/srv/app/venv")


# --------------------------------------------------------------------------------------
# Judging
# --------------------------------------------------------------------------------------

# What a call says that was wrong by itself, whatever the dataset holds.
OF_THE_CALL = re.compile(
    r"unexpected keyword|has no attribute|No module named|cannot import name|positional argument|KeyError|ModuleNotFound"
    r"|convert negative int|Python int too large|IndexError|ArrowNotImplementedError: extension"
)


def gathered(options):
    """The logs, each with its case: one of each message and dataset."""
    work = Path(options.work).resolve()
    cases = {case["name"]: case for case in map(json.loads, open(work / "cases.jsonl"))}
    logs = []
    for release in READERS:
        raw = work / f"raw-{release}.jsonl"
        if not raw.is_file():
            continue
        known = defaultdict(set)
        lines = [json.loads(line) for line in open(raw)]
        for _, name, _, _, said in lines:
            if cases[name]["kind"] == "none":
                known[name] |= set(panics.messages(said))
        for _, name, call, _, said in lines:
            case = cases[name]
            messages = set(panics.messages(said))
            if case["kind"] == "none" or not options.seeds[0] <= case["seed"] < options.seeds[1]:
                continue
            if not messages or messages <= known[case["base"]] or OF_THE_CALL.search(said):
                continue
            if panics.TOO_OLD.search(said):
                continue
            loud = {m for m in messages if not panics.WRAPPING.search(m)} or messages
            logs.append((tuple(sorted(loud)), release, case, call, said))
    return work, logs


def judge(options):
    work, logs = gathered(options)
    pairs = {}
    for log in logs:
        # Otherwise a message is judged on each dataset that gives it.
        pairs.setdefault(log[0] if options.distinct else (log[0], log[2]["name"]), log)
    print(len(logs), "logs,", len({log[0] for log in logs}), "messages,", len(pairs), "of a dataset", file=sys.stderr)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda log: ask(options, work, log), pairs.values()))
    count = Counter()
    lists = defaultdict(list)
    by_message = {}
    for log, answer in zip(pairs.values(), results):
        key, release, case, call, said = log
        verdict = weigh(case, answer)
        count.update(verdict)
        by_message.setdefault(key, verdict)
        worst = next((v for v in ("unrecognised", "crash", "untraced-clean", "untraced", "other-column") if v in verdict), None)
        if worst:
            found = [(x["rule"], x["column"]) for x in answer.get("located", [])][:4]
            others = [(x["rule"], (x.get("location") or {}).get("column")) for x in answer.get("unrelated", [])][:5]
            lists[worst].append({"key": key, "release": release, "case": case, "call": call, "found": found,
                                 "unrelated": others, "rules": answer.get("rules", [])[:4],
                                 "text": (answer.get("message") or {}).get("text", "")[:500],
                                 "source": (answer.get("message") or {}).get("source"),
                                 "said": said[-1500:] if worst == "unrecognised" else ""})  # fmt: skip
    distinct = Counter(v for verdict in by_message.values() for v in verdict)
    for title, numbers in (("messages of a dataset", count), ("distinct messages", distinct)):
        show(title, numbers)
    if options.list:
        Path(options.list).write_text(json.dumps(lists, indent=1))


def keep(options):
    work, logs = gathered(options)
    first = {}
    for log in logs:
        first.setdefault(log[0], log)
    groups = defaultdict(list)
    for log in first.values():
        groups[log[2]["kind"], log[1]].append(log)
    folder = panics.TESTDATA / "panics/campaign"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    index = []
    while any(groups.values()) and len(index) < options.most:
        for (kind, release), waiting in sorted(groups.items()):
            answer, log = None, None
            while waiting and not (answer or {}).get("located"):
                log = waiting.pop()
                answer = ask(options, work, log)
            if not (answer or {}).get("located") or len(index) == options.most:
                continue
            name = f"{log[2]['name']}.{log[3].split()[0]}.{release}.txt"
            lines = [panics.cut(line) for line in log[4].splitlines()]
            (folder / name).write_text("\n".join(lines).strip() + "\n")
            index.append({"file": name, "damage": kind, "release": release, "by_place": answer["by_place"],
                          "rule": answer["located"][0]["rule"]})  # fmt: skip
    lines = ",\n".join(json.dumps(entry) for entry in index)
    (folder / "index.json").write_text(f"[\n{lines}\n]\n")


def show(title, count):
    ratio = lambda a, b: f"{a} of {b} ({100 * a / max(b, 1):.1f} %)"
    traced = count["traced"]
    print(f"{title}: recognised {ratio(count['recognised'], count['recognised'] + count['unrecognised'])}, "
          f"by their words {count['by-words']}")  # fmt: skip
    print(f"  traced {ratio(traced, count['recognised'])}; of those in datasets with any finding "
          f"{ratio(traced, count['recognised'] - count['untraced-clean'])}")  # fmt: skip
    print(f"  to the right column {ratio(count['column'], count['column'] + count['other-column'])}")
    if count["crash"]:
        print("  crashes:", count["crash"])


def ask(options, work, log):
    _, _, case, _, said = log
    done = subprocess.run([options.binary, "diagnose", str(work / "data" / case["name"]), "--format", "json"],
                          input=said.encode(), capture_output=True)  # fmt: skip
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"crash": done.stderr.decode("utf-8", "replace"), "code": done.returncode}


def weigh(case, answer):
    """The verdicts on one answer."""
    if "recognised" not in answer:
        return ["crash"]
    if not answer["recognised"]:
        return ["unrecognised"]
    verdict = ["recognised"]
    if not answer.get("by_place") and not answer.get("wrapper"):
        verdict.append("by-words")
    if not answer["found"]:
        return [*verdict, "untraced" if answer["unrelated"] else "untraced-clean"]
    verdict.append("traced")
    columns = [x["column"].split(".")[0] for x in answer["located"] if x["column"]]
    if len(case["columns"]) and columns:
        # Of an exchange of two columns either is right.
        right = columns[0] in case["columns"]
        verdict.append("column" if right else "other-column")
    return verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("make", make), ("read", read), ("judge", judge), ("keep", keep)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--work", required=True)
        if name == "keep":
            command.add_argument("--most", type=int, default=36)
        if name in ("judge", "keep"):
            command.add_argument("--binary", required=True)
            command.add_argument("--list")
            command.add_argument("--distinct", action="store_true")
        else:
            command.add_argument("--venvs", required=True)
        command.add_argument("--seeds", nargs=2, type=int, default=[0, 1 << 30])
        if name == "read":
            command.add_argument("--only", action="append")
    commands.add_parser("serve").set_defaults(run=lambda _: serve())
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
