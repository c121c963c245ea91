#!/usr/bin/env python3
"""Write a matrix of small, valid Lance datasets with whichever writer is installed.

    python write_matrix.py OUT [--only GLOB] [--rows N] [--writer pylance|lancedb|daft]
    python write_matrix.py OUT --reread

Every dataset holds deterministic data. Two families are written, once per storage
version the writer knows:

  type-<type>-<variant>-v<version>.lance   one logical type or one encoding each
  op-<operation>-v<version>.lance          one table operation (or a sequence) each

Each dataset is then read back by a second process and compared with what was
written. OUT/results.json records, for every dataset, whether it could be written,
whether it could be read and whether the values survived. A dataset that this
writer cannot produce is recorded with the writer's error and left out of OUT.

The script runs under any pylance from 0.9 on, so nothing about the API is taken for
granted: a missing function, parameter or Arrow type makes a case "not writable",
never an error of the script. Writers of these formats may also panic or abort, which
is why all of the work happens in two child processes (one that writes and one that
reads) that are replaced when they die.
"""

import argparse
import decimal
import fnmatch
import functools
import glob
import inspect
import json
import math
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from datetime import timedelta

import numpy as np
import pyarrow as pa

STORAGE_VERSIONS = ("0.1", "2.0", "2.1", "2.2", "2.3")
# Names that leave the choice of the storage version to the writer.
ALIASES = ("default", "stable", "next")
JOB_TIMEOUT = 120  # seconds
PAGE_BYTES_ENV = "LANCE_FILE_WRITER_MAX_PAGE_BYTES"


class Unsupported(Exception):
    """This writer has no API for the case."""


# ---------------------------------------------------------------------------
# Values
# ---------------------------------------------------------------------------

WORDS = (
    "amber basil cedar delta ember fjord grove haven iris jasper karst lumen maple "
    "nadir ochre pearl quartz raven slate tidal umber velvet willow xenon yarrow zephyr"
).split()

INT_BITS = {
    pa.int8(): (True, 8), pa.int16(): (True, 16), pa.int32(): (True, 32),
    pa.int64(): (True, 64), pa.uint8(): (False, 8), pa.uint16(): (False, 16),
    pa.uint32(): (False, 32), pa.uint64(): (False, 64),
}  # fmt: skip


def text(rng):
    kind = rng.random()
    if kind < 0.08:
        return ""
    if kind < 0.16:
        return "naïve-λ-日本-" + rng.choice(WORDS)
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 4)))


def blob(rng, size):
    return bytes(rng.getrandbits(8) for _ in range(size))


def _float(rng):
    if rng.random() < 0.08:
        return rng.choice([float("nan"), float("inf"), float("-inf"), -0.0, 0.0])
    return round(rng.uniform(-1000, 1000), 3)


def value(t, rng, levels, depth=0):
    """A random Python value for Arrow type `t`.

    `levels(depth, is_leaf)` is the probability of a null at that place.
    """
    nested = t.num_fields > 0 and not pa.types.is_dictionary(t)
    if rng.random() < levels(depth, not nested):
        return None
    down = functools.partial(value, rng=rng, levels=levels, depth=depth + 1)
    p = pa.types
    if p.is_null(t):
        return None
    if p.is_boolean(t):
        return rng.random() < 0.5
    if t in INT_BITS:
        signed, bits = INT_BITS[t]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if rng.random() < 0.1:
            return rng.choice([low, high, 0])
        return rng.randint(low, high)
    if p.is_float16(t):
        return np.float16(_float(rng))
    if p.is_floating(t):
        return _float(rng)
    if p.is_decimal(t):
        limit = 10**t.precision - 1
        return decimal.Decimal(rng.randint(-limit, limit)).scaleb(-t.scale, DIGITS)
    if p.is_date32(t):
        return rng.randint(-20000, 40000)
    if p.is_date64(t):
        return rng.randint(-20000, 40000) * 86_400_000
    if p.is_time(t):
        return rng.randint(0, 86_400 * PER_SECOND[t.unit] - 1)
    if p.is_timestamp(t) or p.is_duration(t):
        return rng.randint(-(10**9), 4 * 10**9) * PER_SECOND[t.unit] + rng.randint(0, PER_SECOND[t.unit] - 1)
    if str(t) == "month_day_nano_interval":
        return (rng.randint(-12, 12), rng.randint(-30, 30), rng.randint(0, 10**9))
    if p.is_fixed_size_binary(t):
        return blob(rng, t.byte_width)
    if p.is_dictionary(t):
        keys = random.Random(7)
        choices = [value(t.value_type, keys, _never, depth + 1) for _ in range(9)]
        return rng.choice(choices)
    if str(t) in ("string", "large_string", "string_view"):
        return text(rng)
    if str(t) in ("binary", "large_binary", "binary_view"):
        return blob(rng, rng.choice([0, 1, 5, 40]))
    if p.is_map(t):
        pairs = {}
        for _ in range(rng.randint(0, 4)):
            key = value(t.key_type, rng, _never)
            pairs[key] = down(t.item_type)
        return list(pairs.items())
    if p.is_fixed_size_list(t):
        return [down(t.value_type) for _ in range(t.list_size)]
    if "list" in str(t).split("<")[0]:
        return [down(t.value_type) for _ in range(rng.choice([0, 1, 2, 3, 7]))]
    if p.is_struct(t):
        return {t.field(i).name: down(t.field(i).type) for i in range(t.num_fields)}
    raise Unsupported(f"no generator for {t}")


PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# The default decimal context would round values of more than 28 digits.
DIGITS = decimal.Context(prec=80)


def _never(_depth, _is_leaf):
    return 0.0


LEVELS = {
    "plain": _never,
    "nulls": lambda depth, leaf: 0.2,
    "topnulls": lambda depth, leaf: 0.3 if depth == 0 else 0.0,
    "leafnulls": lambda depth, leaf: 0.3 if leaf else 0.0,
}


def column(t, rng, n, levels):
    """An array of type `t`; extension types are built over their storage."""
    storage = t.storage_type if isinstance(t, pa.BaseExtensionType) else t
    if pa.types.is_dictionary(t):  # older pyarrows convert few dictionary types themselves
        data = pa.array([value(t, rng, levels) for _ in range(n)], t.value_type).dictionary_encode()
        return pa.DictionaryArray.from_arrays(data.indices.cast(t.index_type), data.dictionary)
    data = pa.array([value(storage, rng, levels) for _ in range(n)], storage)
    return pa.ExtensionArray.from_storage(t, data) if storage is not t else data


def one(array, nullable=True, metadata=None):
    """A one-column table."""
    field = pa.field("v", array.type, nullable=nullable, metadata=metadata)
    return pa.Table.from_arrays([array], schema=pa.schema([field]))


# ---------------------------------------------------------------------------
# Type cases
# ---------------------------------------------------------------------------

TYPE_CASES = {}


class TypeCase:
    """A one-dataset case for a type.

    `env` and `options` are set for the write; `hints` are options too, but the case
    still makes sense for a writer that has none of them. `asks` marks the cases that
    ask for an encoding in the metadata of the field.
    """

    def __init__(
        self, name, what, build, since="0.1", env=None, options=None, hints=None, asks=False, compare="values"
    ):
        self.name, self.what, self.build = name, what, build
        self.since, self.env, self.options = since, env or {}, options or {}
        self.hints, self.asks, self.compare = hints or {}, asks, compare


@functools.lru_cache(maxsize=1)  # a case is written for one version after the other
def table_of(case, rows):
    return case.build(random.Random(zlib.crc32(case.name.encode())), rows)


def type_case(name, what, build, **kw):
    assert name not in TYPE_CASES, name
    TYPE_CASES[name] = TypeCase(name, what, build, **kw)


def lazy(make, build):
    """Resolve the Arrow type only when the case runs: older pyarrows lack some."""

    def run(rng, n):
        try:
            t = make()
        except (AttributeError, TypeError) as e:
            raise Unsupported(f"pyarrow {pa.__version__}: {e}") from None
        return build(t, rng, n)

    return run


FLAT_TYPES = {
    "bool": pa.bool_,
    "int8": pa.int8, "int16": pa.int16, "int32": pa.int32, "int64": pa.int64,
    "uint8": pa.uint8, "uint16": pa.uint16, "uint32": pa.uint32, "uint64": pa.uint64,
    "float16": pa.float16, "float32": pa.float32, "float64": pa.float64,
    "decimal32": lambda: pa.decimal32(7, 2),
    "decimal64": lambda: pa.decimal64(15, 3),
    "decimal128": lambda: pa.decimal128(12, 3),
    "decimal128max": lambda: pa.decimal128(38, 10),
    "decimal256": lambda: pa.decimal256(60, 5),
    "date32": pa.date32, "date64": pa.date64,
    "time32s": lambda: pa.time32("s"), "time32ms": lambda: pa.time32("ms"),
    "time64us": lambda: pa.time64("us"), "time64ns": lambda: pa.time64("ns"),
    "string": pa.string, "large_string": pa.large_string,
    "string_view": lambda: pa.string_view(),
    "binary": pa.binary, "large_binary": pa.large_binary,
    "binary_view": lambda: pa.binary_view(),
    "fixed_size_binary1": lambda: pa.binary(1), "fixed_size_binary16": lambda: pa.binary(16),
    "interval": lambda: pa.month_day_nano_interval(),
    "dict-int8-string": lambda: pa.dictionary(pa.int8(), pa.string()),
    "dict-int16-string": lambda: pa.dictionary(pa.int16(), pa.string()),
    "dict-int32-string": lambda: pa.dictionary(pa.int32(), pa.string()),
    "dict-uint8-string": lambda: pa.dictionary(pa.uint8(), pa.string()),
    "dict-int32-large_string": lambda: pa.dictionary(pa.int32(), pa.large_string()),
    "dict-int32-int64": lambda: pa.dictionary(pa.int32(), pa.int64()),
    "bfloat16": lambda: __import__("lance.arrow").arrow.BFloat16Type(),
    "uuid": lambda: pa.uuid(),
    "bool8": lambda: pa.bool8(),
}  # fmt: skip
for _u in ("s", "ms", "us", "ns"):
    FLAT_TYPES[f"timestamp_{_u}"] = functools.partial(pa.timestamp, _u)
    FLAT_TYPES[f"timestamp_{_u}_utc"] = functools.partial(pa.timestamp, _u, "UTC")
    FLAT_TYPES[f"duration_{_u}"] = functools.partial(pa.duration, _u)
FLAT_TYPES["timestamp_us_newyork"] = lambda: pa.timestamp("us", "America/New_York")
FLAT_TYPES["timestamp_ms_offset"] = lambda: pa.timestamp("ms", "+02:00")

# Kept to the shapes that differ in the file: each level of nesting adds its own
# repetition and definition levels.
DEEP_TYPES = {
    "fsl-float32": lambda: pa.list_(pa.float32(), 8),
    "fsl-float16": lambda: pa.list_(pa.float16(), 8),
    "fsl-float64": lambda: pa.list_(pa.float64(), 4),
    "fsl-int8": lambda: pa.list_(pa.int8(), 8),
    "fsl-uint8": lambda: pa.list_(pa.uint8(), 8),
    "fsl-bool": lambda: pa.list_(pa.bool_(), 11),
    "fsl-dim1": lambda: pa.list_(pa.int32(), 1),
    "fsl-nested": lambda: pa.list_(pa.list_(pa.float32(), 3), 2),
    "fsl-string": lambda: pa.list_(pa.string(), 2),
    "fsl-struct": lambda: pa.list_(pa.struct([("a", pa.int32()), ("b", pa.float32())]), 3),
    "fsl-list": lambda: pa.list_(pa.list_(pa.int32()), 2),
    "list-int32": lambda: pa.list_(pa.int32()),
    "list-int64-item": lambda: pa.list_(pa.field("element", pa.int64(), nullable=False)),
    "list-bool": lambda: pa.list_(pa.bool_()),
    "list-string": lambda: pa.list_(pa.string()),
    "list-binary": lambda: pa.list_(pa.large_binary()),
    "list-decimal": lambda: pa.list_(pa.decimal128(20, 4)),
    "list-timestamp": lambda: pa.list_(pa.timestamp("us", "UTC")),
    "list-fsl": lambda: pa.list_(pa.list_(pa.float32(), 4)),
    "list-list": lambda: pa.list_(pa.list_(pa.int32())),
    "list-list-string": lambda: pa.list_(pa.list_(pa.string())),
    "list-list-list": lambda: pa.list_(pa.list_(pa.list_(pa.int16()))),
    "list-struct": lambda: pa.list_(pa.struct([("a", pa.int32()), ("b", pa.string())])),
    "list-struct-list": lambda: pa.list_(pa.struct([("a", pa.list_(pa.int32())), ("b", pa.bool_())])),
    "list-dict": lambda: pa.list_(pa.dictionary(pa.int32(), pa.string())),
    "list-map": lambda: pa.list_(pa.map_(pa.string(), pa.int32())),
    "list-null": lambda: pa.list_(pa.null()),
    "large_list-int64": lambda: pa.large_list(pa.int64()),
    "large_list-struct": lambda: pa.large_list(pa.struct([("a", pa.int32()), ("b", pa.string())])),
    "list_view-int32": lambda: pa.list_view(pa.int32()),
    "struct": lambda: pa.struct([("a", pa.int32()), ("b", pa.string())]),
    "struct-one": lambda: pa.struct([("only", pa.float64())]),
    "struct-required": lambda: pa.struct(
        [pa.field("a", pa.int32(), nullable=False), pa.field("b", pa.string(), nullable=False)]
    ),
    "struct-struct": lambda: pa.struct(
        [("a", pa.int32()), ("in", pa.struct([("x", pa.float32()), ("y", pa.string())]))]
    ),
    "struct-list": lambda: pa.struct([("a", pa.list_(pa.int32())), ("b", pa.int64())]),
    "struct-list-struct": lambda: pa.struct(
        [("l", pa.list_(pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))]))), ("k", pa.int8())]
    ),
    "struct-fsl": lambda: pa.struct([("v", pa.list_(pa.float32(), 4)), ("b", pa.int8())]),
    "struct-dict": lambda: pa.struct([("d", pa.dictionary(pa.int8(), pa.string()))]),
    "struct-null": lambda: pa.struct([("a", pa.int32()), ("z", pa.null())]),
    "struct-deep": lambda: functools.reduce(
        lambda t, i: pa.struct([(f"f{i}", t), (f"n{i}", pa.int8())]), range(6), pa.string()
    ),
    "map-string-int": lambda: pa.map_(pa.string(), pa.int64()),
    "map-int-struct": lambda: pa.map_(pa.int32(), pa.struct([("a", pa.float32()), ("b", pa.string())])),
    "map-string-list": lambda: pa.map_(pa.string(), pa.list_(pa.int32())),
    "map-map": lambda: pa.map_(pa.string(), pa.map_(pa.string(), pa.int8())),
    "struct-map": lambda: pa.struct([("m", pa.map_(pa.string(), pa.string())), ("k", pa.int8())]),
}  # fmt: skip


def register_basic_types():
    for name, make in FLAT_TYPES.items():
        for variant in ("plain", "nulls"):
            type_case(
                f"{name}-{variant}",
                f"{name} column, {'no nulls' if variant == 'plain' else 'with nulls'}",
                lazy(make, functools.partial(_random_column, LEVELS[variant])),
            )
    for name, make in DEEP_TYPES.items():
        for variant, levels in LEVELS.items():
            if variant == "nulls" and name == "struct-required":
                continue
            if variant == "leafnulls" and name in ("struct-required", "list-int64-item", "list-null"):
                continue
            # The all-levels variant would put nulls into the non-nullable children.
            pick = LEVELS["topnulls"] if name == "list-int64-item" and variant == "nulls" else levels
            type_case(
                f"{name}-{variant}",
                f"{name} column, "
                + {
                    "plain": "no nulls",
                    "nulls": "nulls at every level",
                    "topnulls": "nulls at the outermost level only",
                    "leafnulls": "nulls at the leaves only",
                }[variant],
                lazy(make, functools.partial(_random_column, pick)),
            )
    every = {**FLAT_TYPES, **DEEP_TYPES}
    for name, make in every.items():
        type_case(
            f"{name}-allnull",
            f"{name} column, every value null",
            lazy(make, lambda t, rng, n: one(column(t, rng, n, lambda d, leaf: 1.0))),
        )
    flat = "bool int32 uint64 float64 string binary decimal128 fixed_size_binary16 timestamp_us dict-int32-string"
    deep = "fsl-float32 list-int32 list-string struct list-struct map-string-int"
    for name in f"{flat} {deep}".split():
        make = every[name]
        type_case(f"{name}-constant", f"{name} column, one value repeated", lazy(make, _constant_column))
        type_case(
            f"{name}-required",
            f"{name} column, field not nullable",
            lazy(make, lambda t, rng, n: one(column(t, rng, n, _never), nullable=False)),
        )
        type_case(
            f"{name}-onerow",
            f"{name} column, a single row",
            lazy(make, lambda t, rng, n: one(column(t, rng, 1, _never))),
        )
    for name in (
        "list-int32",
        "list-string",
        "list-struct",
        "list-list",
        "large_list-int64",
        "map-string-int",
    ):
        make = DEEP_TYPES[name]
        type_case(
            f"{name}-empties",
            f"{name} column, every list empty",
            lazy(make, lambda t, rng, n: one(pa.array([[]] * n, t))),
        )
        type_case(
            f"{name}-emptyornull",
            f"{name} column, lists empty or null",
            lazy(make, lambda t, rng, n: one(pa.array([rng.choice([[], None]) for _ in range(n)], t))),
        )

    type_case("null-allnull", "column of the null type", lambda rng, n: one(pa.nulls(n)))
    type_case(
        "null-mixed",
        "null column between two others",
        lambda rng, n: pa.table({"a": pa.array(range(n)), "n": pa.nulls(n), "b": pa.array(["x"] * n)}),
    )


def _random_column(levels, t, rng, n):
    return one(column(t, rng, n, levels))


def _constant_column(t, rng, n):
    item = value(t, rng, _never)
    while item in ("", b"", [], 0, False):
        item = value(t, rng, _never)
    if pa.types.is_dictionary(t):
        return one(
            pa.DictionaryArray.from_arrays(pa.array([0] * n, t.index_type), pa.array([item], t.value_type))
        )
    return one(pa.array([item] * n, t))


def register_structs():
    pair = [("a", pa.int32()), ("b", pa.float32())]
    packable = {
        "ints": pair,
        "mixed": [("a", pa.int8()), ("b", pa.int64()), ("c", pa.float64())],
        "fsl": [("a", pa.int32()), ("v", pa.list_(pa.float32(), 4))],
        "string": [("a", pa.int32()), ("s", pa.string())],
        "nested": [("a", pa.int32()), ("in", pa.struct(pair))],
        "list": [("a", pa.int32()), ("l", pa.list_(pa.int32()))],
    }
    for label, fields in packable.items():
        for variant in ("plain", "nulls", "topnulls"):
            type_case(
                f"packed-{label}-{variant}",
                f"packed struct ({label}), {variant}",
                lambda rng, n, f=fields, v=variant: one(
                    column(pa.struct(f), rng, n, LEVELS[v]),
                    metadata={"packed": "true", "lance-encoding:packed": "true"},
                ),
            )

    type_case(
        "packed-in-list-plain",
        "list of packed structs",
        lambda rng, n: one(
            column(
                pa.list_(pa.field("item", pa.struct(pair), metadata={"lance-encoding:packed": "true"})),
                rng,
                n,
                _never,
            )
        ),
    )

    def empties(n, mask=None):
        validity = None if mask is None else pa.array(mask).buffers()[1]
        return pa.Array.from_buffers(pa.struct([]), n, [validity])

    type_case("empty-struct-only", "struct without fields, the only column", lambda rng, n: one(empties(n)))
    type_case(
        "empty-struct-nulls",
        "struct without fields, with nulls",
        lambda rng, n: one(empties(n, [i % 3 > 0 for i in range(n)])),
    )
    type_case(
        "empty-struct-last",
        "struct without fields after other columns",
        lambda rng, n: pa.table({"a": list(range(n)), "s": [text(rng) for _ in range(n)], "v": empties(n)}),
    )
    type_case(
        "empty-struct-middle",
        "struct without fields between other columns",
        lambda rng, n: pa.table({"a": list(range(n)), "v": empties(n), "b": [text(rng) for _ in range(n)]}),
    )
    type_case(
        "empty-struct-nested",
        "struct holding an empty struct",
        lambda rng, n: one(pa.StructArray.from_arrays([pa.array(range(n)), empties(n)], names=["a", "e"])),
    )
    type_case(
        "empty-struct-in-list",
        "list of structs without fields",
        lambda rng, n: one(pa.ListArray.from_arrays(list(range(n + 1)), empties(n))),
    )


def register_extensions():
    def documents(rng, n, nulls):
        make = lambda: {"id": rng.randint(0, 99), "tags": [rng.choice(WORDS)], "x": round(rng.random(), 3)}  # noqa: E731
        return [
            None if nulls and rng.random() < 0.2 else json.dumps(make(), separators=(",", ":"))
            for _ in range(n)
        ]

    for variant in ("plain", "nulls", "allnull"):

        def build(rng, n, v=variant):
            if not hasattr(pa, "json_"):
                raise Unsupported(f"pyarrow {pa.__version__} has no json_")
            data = [None] * n if v == "allnull" else documents(rng, n, v == "nulls")
            return one(pa.ExtensionArray.from_storage(pa.json_(pa.utf8()), pa.array(data, pa.utf8())))

        type_case(f"json-{variant}", f"JSON extension (pa.json_), {variant}", build, compare="json")

        def tagged(rng, n, v=variant):
            data = [None] * n if v == "allnull" else documents(rng, n, v == "nulls")
            return one(pa.array(data, pa.utf8()), metadata={"ARROW:extension:name": "arrow.json"})

        type_case(
            f"json-tagged-{variant}",
            f"JSON extension through field metadata, {variant}",
            tagged,
            compare="json",
        )

    def json_struct(rng, n):
        if not hasattr(pa, "json_"):
            raise Unsupported(f"pyarrow {pa.__version__} has no json_")
        doc = pa.ExtensionArray.from_storage(pa.json_(pa.utf8()), pa.array(documents(rng, n, False)))
        return one(pa.StructArray.from_arrays([pa.array(range(n)), doc], names=["a", "doc"]))

    type_case("json-in-struct", "JSON extension inside a struct", json_struct)

    def tensors(rng, n, t, shape):
        kind = pa.fixed_shape_tensor(t, shape)
        return one(column(kind, rng, n, _never))

    type_case(
        "tensor-uint8-image",
        "fixed_shape_tensor 8x8x3 of uint8",
        lambda rng, n: tensors(rng, n // 4, pa.uint8(), [8, 8, 3]),
    )
    type_case(
        "tensor-float32",
        "fixed_shape_tensor 4x4 of float32",
        lambda rng, n: tensors(rng, n, pa.float32(), [4, 4]),
    )
    type_case(
        "tensor-float32-nulls",
        "fixed_shape_tensor 4x4 of float32, with nulls",
        lambda rng, n: one(column(pa.fixed_shape_tensor(pa.float32(), [4, 4]), rng, n, LEVELS["topnulls"])),
    )

    def bf16_vectors(rng, n):
        bf16 = __import__("lance.arrow").arrow.BFloat16Type()
        items = column(bf16, rng, n * 8, _never)
        return one(pa.FixedSizeListArray.from_arrays(items, 8))

    type_case("bfloat16-vector", "fixed_size_list of bfloat16", bf16_vectors)

    def geo_points(rng, n):
        points = column(
            pa.struct(
                [pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]
            ),
            rng,
            n,
            _never,
        )
        return one(
            points, metadata={"ARROW:extension:name": "geoarrow.point", "ARROW:extension:metadata": "{}"}
        )

    type_case("geoarrow-point", "geoarrow.point through field metadata", geo_points)


def register_blobs():
    legacy = {"lance-encoding:blob": "true"}

    def payloads(rng, n, nulls=False, sizes=(0, 3, 200, 5000)):
        return [None if nulls and rng.random() < 0.25 else blob(rng, rng.choice(sizes)) for _ in range(n)]

    def with_ids(array, field_metadata=None, field=None):
        field = field or pa.field("v", array.type, metadata=field_metadata)
        return pa.Table.from_arrays(
            [pa.array(range(len(array))), array],
            schema=pa.schema([pa.field("id", pa.int64()), field]),
        )

    def v1(rng, n, **kw):
        return with_ids(pa.array(payloads(rng, n // 4, **kw), pa.large_binary()), legacy)

    v1_case = functools.partial(type_case, since="2.0", compare="blob")
    v1_case("blob1-plain", "blob v1 column", v1)
    v1_case("blob1-nulls", "blob v1 column with nulls", lambda rng, n: v1(rng, n, nulls=True))
    v1_case("blob1-large", "blob v1 column, values of 100 kB", lambda rng, n: v1(rng, 24, sizes=(100_000,)))
    v1_case(
        "blob1-allnull",
        "blob v1 column, all null",
        lambda rng, n: with_ids(pa.array([None] * n, pa.large_binary()), legacy),
    )
    v1_case(
        "blob1-empties",
        "blob v1 column, all values empty",
        lambda rng, n: with_ids(pa.array([b""] * n, pa.large_binary()), legacy),
    )
    v1_case(
        "blob1-only",
        "blob v1 as the only column",
        lambda rng, n: one(pa.array(payloads(rng, 20), pa.large_binary()), metadata=legacy),
    )
    v1_case(
        "blob1-in-struct",
        "blob v1 inside a struct",
        compare="none",
        build=lambda rng, n: with_ids(
            pa.StructArray.from_arrays(
                [pa.array(payloads(rng, 20), pa.large_binary()), pa.array(range(20))],
                fields=[pa.field("data", pa.large_binary(), metadata=legacy), pa.field("k", pa.int64())],
            )
        ),
    )

    def blob_api():
        try:
            import lance
        except ImportError:
            raise Unsupported("needs pylance") from None
        if not hasattr(lance, "blob_array"):
            raise Unsupported("lance has no blob_array")
        return lance

    def lancedb_blobs(values):
        """LanceDB has the type, but no way of its own to make an array of it."""
        try:
            from lancedb import blob as field
        except ImportError:
            raise Unsupported("no blob v2") from None
        kind = field("v").type
        rows = [None if v is None else {"data": v} for v in values]
        return pa.ExtensionArray.from_storage(kind, pa.array(rows, kind.storage_type))

    def v2(values, **thresholds):
        try:
            array = blob_api().blob_array(values)
        except Unsupported:
            array = lancedb_blobs(values)
        field = None
        if thresholds:
            lance = blob_api()
            known = inspect.signature(lance.blob_field).parameters
            if not set(thresholds) <= set(known):
                raise Unsupported(f"lance.blob_field has no {sorted(thresholds)}")
            field = lance.blob_field("v", **thresholds)
        return with_ids(array, field=field)

    v2_case = functools.partial(type_case, since="2.2", compare="blob")
    v2_case("blob2-inline", "blob v2, inline", lambda rng, n: v2(payloads(rng, n // 4)))
    v2_case("blob2-nulls", "blob v2, with nulls", lambda rng, n: v2(payloads(rng, n // 4, nulls=True)))
    v2_case("blob2-allnull", "blob v2, all null", lambda rng, n: v2([None] * n))
    v2_case("blob2-empties", "blob v2, all empty", lambda rng, n: v2([b""] * n))
    v2_case(
        "blob2-packed",
        "blob v2, values above the inline limit go to a pack file",
        lambda rng, n: v2([noise(rng, 100_000) for _ in range(6)] + [b"small", None, b""]),
    )
    v2_case(
        "blob2-dedicated",
        "blob v2, a value above the pack limit gets a file of its own",
        lambda rng, n: v2([noise(rng, 4_250_000), b"small", None, noise(rng, 70_000)]),
    )
    v2_case(
        "blob2-thresholds",
        "blob v2, all placements through lowered thresholds",
        lambda rng, n: v2(
            payloads(rng, n // 4, nulls=True, sizes=(0, 10, 500, 3000)),
            inline_size_threshold=100,
            dedicated_size_threshold=2000,
        ),
    )
    v2_case(
        "blob2-packfiles",
        "blob v2, several pack files",
        lambda rng, n: v2(
            payloads(rng, n // 4, sizes=(2000, 4000)),
            inline_size_threshold=100,
            pack_file_size_threshold=20_000,
        ),
    )

    def external(rng, n, sliced=False):
        lance = blob_api()
        uri = "file://" + external_file()
        if sliced:
            return v2([lance.Blob.from_uri(uri, 10 * i + 1, 20 + i) for i in range(8)] + [None])
        return v2([uri, b"inline", None])

    outside = {"allow_external_blob_outside_bases": True}
    v2_case(
        "blob2-external", "blob v2, references to external files", external, options=outside, compare="none"
    )
    v2_case(
        "blob2-external-ranges",
        "blob v2, references to ranges of an external file",
        lambda rng, n: external(rng, n, True),
        options=outside,
        compare="none",
    )

    def nested(rng, n, kind):
        array = blob_api().blob_array(payloads(rng, 20, nulls=kind == "list"))
        if kind == "struct":
            return with_ids(pa.StructArray.from_arrays([array, pa.array(range(20))], names=["data", "k"]))
        return with_ids(pa.ListArray.from_arrays(pa.array([0, 3, 3, 10, 20], pa.int32()), array))

    for kind in ("struct", "list"):
        v2_case(
            f"blob2-in-{kind}",
            f"blob v2 inside a {kind}",
            compare="none",
            build=lambda rng, n, k=kind: nested(rng, n, k),
        )


OUT = None  # the output directory, known to the child processes


def external_file():
    """A file outside of every dataset, for blobs that only refer to their bytes."""
    path = os.path.join(OUT, "external-blobs.bin")
    if not os.path.exists(path):
        with open(path, "wb") as f:
            f.write(bytes(range(256)) * 8)
    return path


def noise(rng, size):
    """`size` deterministic bytes, made quickly."""
    return np.random.default_rng(rng.getrandbits(32)).integers(0, 256, size, np.uint8).tobytes()


# --- columns that are long enough to trigger the various encodings ----------


def big(n):
    return 25 * n


def ints(rng, n, low, high, dtype):
    return np.random.default_rng(rng.getrandbits(32)).integers(low, high, n).astype(dtype)


def runs(rng, n, dtype, kinds=9):
    return np.repeat(ints(rng, n // 25 + 1, 0, kinds, dtype), 25)[:n]


def smooth(rng, n, dtype):
    jitter = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.01, n)
    return (20 + np.sin(np.arange(n) / 50) + jitter).astype(dtype)


def sentences(rng, n, low=2, high=9):
    return [" ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high))) for _ in range(n)]


def sparse(array, keep):
    """Null out every value for which `keep(i)` is false."""
    mask = np.array([not keep(i) for i in range(len(array))])
    return pa.array(array, mask=mask)


def vectors(rng, n, dim, dtype=np.float32, nulls=False):
    gen = np.random.default_rng(rng.getrandbits(32))
    if np.issubdtype(dtype, np.floating):
        items = gen.normal(0, 1, n * dim).astype(dtype)
    else:
        items = gen.integers(0, 100, n * dim).astype(dtype)
    array = pa.FixedSizeListArray.from_arrays(pa.array(items), dim)
    if nulls:
        gaps = np.arange(n) % 5 == 2
        # Gathering with null indices is the portable way to get null lists.
        array = array.take(pa.array(np.arange(n), mask=gaps))
    return array


def lists(rng, values, low, high):
    offsets = [0]
    while offsets[-1] < len(values):
        offsets.append(min(len(values), offsets[-1] + rng.randint(low, high)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


LARGE_COLUMNS = {
    "int32-runs": ("runs of equal values", lambda r, n: pa.array(runs(r, big(n), np.int32))),
    "int64-runs-nulls": ("runs of equal values, some null",
                         lambda r, n: sparse(runs(r, big(n), np.int64), lambda i: i % 40 < 30)),
    "uint8-runs": ("runs of equal values", lambda r, n: pa.array(runs(r, big(n), np.uint8))),
    "bool-runs": ("runs of equal booleans", lambda r, n: pa.array(runs(r, big(n), np.int8, 2).astype(bool))),
    "bool-random": ("random booleans", lambda r, n: pa.array(ints(r, big(n), 0, 2, np.int8).astype(bool))),
    "bool-random-nulls": ("random booleans, some null",
                          lambda r, n: sparse(ints(r, big(n), 0, 2, np.int8).astype(bool), lambda i: i % 3)),
    "uint8-narrow": ("few significant bits", lambda r, n: pa.array(ints(r, big(n), 0, 7, np.uint8))),
    "uint16-narrow": ("few significant bits", lambda r, n: pa.array(ints(r, big(n), 0, 2000, np.uint16))),
    "uint32-narrow": ("few significant bits", lambda r, n: pa.array(ints(r, big(n), 0, 13, np.uint32))),
    "uint64-narrow": ("forty significant bits", lambda r, n: pa.array(ints(r, big(n), 0, 1 << 40, np.uint64))),
    "int32-signed": ("small positive and negative numbers", lambda r, n: pa.array(ints(r, big(n), -9, 9, np.int32))),
    "int64-sequence": ("a sequence", lambda r, n: pa.array(np.arange(big(n), dtype=np.int64))),
    "int64-random": ("incompressible", lambda r, n: pa.array(ints(r, big(n), -(1 << 62), 1 << 62, np.int64))),
    "int64-bigzero": ("all zero", lambda r, n: pa.array(np.zeros(big(n), np.int64))),
    "int32-outlier": ("one large value among small ones",
                      lambda r, n: pa.array(np.where(np.arange(big(n)) == 77, 1 << 30, 3).astype(np.int32))),
    "int32-fewnulls": ("a single null", lambda r, n: sparse(ints(r, big(n), 0, 99, np.int32), lambda i: i != 1234)),
    "int32-mostnull": ("nearly all null", lambda r, n: sparse(ints(r, big(n), 0, 99, np.int32), lambda i: i % 500 == 9)),
    "int32-bigallnull": ("all null, many rows", lambda r, n: pa.nulls(big(n), pa.int32())),
    "string-bigallnull": ("all null, many rows", lambda r, n: pa.nulls(big(n), pa.string())),
    "timestamp-sequence": ("one per minute", lambda r, n: pa.array(
        np.arange(big(n)) * 60_000_000 + 1_700_000_000_000_000, pa.timestamp("us", "UTC"))),
    "decimal128-many": ("small amounts", lambda r, n: pa.array(
        [decimal.Decimal(int(x)).scaleb(-2) for x in ints(r, big(n), 0, 10**6, np.int64)], pa.decimal128(12, 2))),
    "float64-smooth": ("slowly changing", lambda r, n: pa.array(smooth(r, big(n), np.float64))),
    "float32-smooth": ("slowly changing", lambda r, n: pa.array(smooth(r, big(n), np.float32))),
    "float16-smooth": ("slowly changing", lambda r, n: pa.array(smooth(r, big(n), np.float16))),
    "float32-runs": ("runs of equal values", lambda r, n: pa.array(runs(r, big(n), np.float32))),
    "float64-random-nulls": ("random bits, some null",
                             lambda r, n: sparse(smooth(r, big(n), np.float64), lambda i: i % 7)),
    "string-lowcard": ("ten different values", lambda r, n: pa.array([r.choice(WORDS[:10]) for _ in range(big(n))])),
    "string-lowcard-nulls": ("ten different values and nulls",
                             lambda r, n: pa.array([r.choice(WORDS[:10] + [None]) for _ in range(big(n))])),
    "string-lowcard-long": ("few, long values", lambda r, n: pa.array(
        [r.choice([w * 60 for w in WORDS[:8]]) for _ in range(big(n) // 10)])),
    "large_string-lowcard": ("ten different values", lambda r, n: pa.array(
        [r.choice(WORDS[:10]) for _ in range(big(n))], pa.large_string())),
    "int64-lowcard": ("few, wide values", lambda r, n: pa.array(
        np.array([10**12, 7, -(10**15), 10**18])[ints(r, big(n), 0, 4, np.int64)])),
    "fixed_size_binary-lowcard": ("few values", lambda r, n: pa.array(
        [r.choice([b"0123456789abcdef", b"fedcba9876543210"]) for _ in range(big(n))], pa.binary(16))),
    "string-sentences": ("natural text", lambda r, n: pa.array(sentences(r, big(n)))),
    "string-sentences-nulls": ("natural text, some null", lambda r, n: pa.array(
        [None if i % 9 == 4 else s for i, s in enumerate(sentences(r, big(n)))])),
    "large_string-sentences": ("natural text", lambda r, n: pa.array(sentences(r, big(n)), pa.large_string())),
    "string-long": ("texts of about a kilobyte", lambda r, n: pa.array(sentences(r, n, 100, 200))),
    "string-long-nulls": ("texts of about a kilobyte, some null", lambda r, n: pa.array(
        [None if i % 4 == 1 else s for i, s in enumerate(sentences(r, n, 100, 200))])),
    "large_string-long": ("texts of about a kilobyte", lambda r, n: pa.array(
        sentences(r, n, 100, 200), pa.large_string())),
    "string-verylong": ("texts of about 40 kB", lambda r, n: pa.array(sentences(r, 6, 6000, 7000))),
    "string-giant": ("one text of 300 kB among short ones", lambda r, n: pa.array(
        ["a", "b" * 300_000, None, "", "c"])),
    "string-mixedsize": ("short and long texts", lambda r, n: pa.array(
        [s * (200 if i % 50 == 0 else 1) for i, s in enumerate(sentences(r, n * 4))])),
    "binary-random": ("random bytes", lambda r, n: pa.array([noise(r, r.randint(0, 60)) for _ in range(n * 20)])),
    "binary-long": ("random bytes, 1 kB each", lambda r, n: pa.array([noise(r, 1024) for _ in range(n)])),
    "large_binary-long-nulls": ("random bytes, 1 kB each, some null", lambda r, n: pa.array(
        [None if i % 3 == 0 else noise(r, 1024) for i in range(n)], pa.large_binary())),
    "dict-many": ("dictionary array, many rows", lambda r, n: pa.array(
        [r.choice(WORDS) for _ in range(big(n))]).dictionary_encode()),
    "dict-many-nulls": ("dictionary array, many rows, some null", lambda r, n: pa.array(
        [r.choice(WORDS + [None]) for _ in range(big(n))]).dictionary_encode()),
    "vector-float32-128": ("vectors", lambda r, n: vectors(r, n * 2, 128)),
    "vector-float32-1024": ("wide vectors", lambda r, n: vectors(r, n // 4, 1024)),
    "vector-float32-1024-nulls": ("wide vectors, some null", lambda r, n: vectors(r, n // 4, 1024, nulls=True)),
    "vector-float16-768": ("wide vectors", lambda r, n: vectors(r, n // 4, 768, np.float16)),
    "vector-float64-300": ("wide vectors", lambda r, n: vectors(r, n // 2, 300, np.float64)),
    "vector-uint8-768": ("wide vectors", lambda r, n: vectors(r, n, 768, np.uint8)),
    "vector-int8-768-nulls": ("wide vectors, some null", lambda r, n: vectors(r, n, 768, np.int8, nulls=True)),
    "vector-float32-16-many": ("many short vectors", lambda r, n: vectors(r, big(n) // 4, 16)),
    "list-int32-many": ("short lists", lambda r, n: lists(r, pa.array(ints(r, big(n), 0, 999, np.int32)), 0, 9)),
    "list-int32-long": ("long lists", lambda r, n: lists(r, pa.array(ints(r, big(n) * 2, 0, 99, np.int32)), 500, 3000)),
    "list-int32-giant": ("one list of 50 000 values between short ones", lambda r, n: pa.array(
        [[1, 2], list(range(50_000)), [], None, [3]], pa.list_(pa.int32()))),
    "list-string-many": ("lists of words", lambda r, n: lists(r, pa.array(
        [r.choice(WORDS) for _ in range(big(n))]), 0, 9)),
    "list-string-long": ("lists of long texts", lambda r, n: lists(r, pa.array(sentences(r, n, 100, 200)), 0, 5)),
    "list-float32-many": ("lists of floats", lambda r, n: lists(r, pa.array(smooth(r, big(n), np.float32)), 0, 40)),
    "list-mostempty": ("nearly all lists empty", lambda r, n: pa.array(
        [[i] if i % 300 == 7 else [] for i in range(big(n))], pa.list_(pa.int32()))),
    "list-mostnull": ("nearly all lists null", lambda r, n: pa.array(
        [[i, None] if i % 300 == 7 else None for i in range(big(n))], pa.list_(pa.int32()))),
    "list-vector-many": ("lists of vectors", lambda r, n: lists(r, vectors(r, n * 6, 32), 0, 5)),
    "list-vector-wide": ("lists of wide vectors", lambda r, n: lists(r, vectors(r, n // 4, 1024), 0, 5)),
    "struct-many": ("struct of several encodings", lambda r, n: pa.StructArray.from_arrays(
        [pa.array(runs(r, big(n), np.int32)), pa.array([r.choice(WORDS) for _ in range(big(n))]),
         pa.array(smooth(r, big(n), np.float32))], names=["runs", "words", "curve"])),
    "list-struct-many": ("lists of structs", lambda r, n: lists(r, pa.StructArray.from_arrays(
        [pa.array(ints(r, big(n), 0, 99, np.int32)), pa.array([r.choice(WORDS) for _ in range(big(n))])],
        names=["k", "w"]), 0, 6)),
    "list-list-many": ("lists of lists", lambda r, n: lists(r, lists(r, pa.array(
        ints(r, big(n), 0, 99, np.int32)), 0, 5), 0, 6)),
}  # fmt: skip


def register_large():
    for name, (what, build) in LARGE_COLUMNS.items():
        type_case(name, f"{name}: {what}", lambda r, n, b=build: one(b(r, n)))

    # A small page limit spreads one column over several pages.
    for name in (
        "int64-random",
        "int32-runs",
        "int32-fewnulls",
        "int32-mostnull",
        "int32-bigallnull",
        "float32-smooth",
        "bool-random",
        "string-sentences",
        "string-lowcard-nulls",
        "string-long",
        "vector-float32-128",
        "vector-float32-1024-nulls",
        "list-int32-many",
        "list-string-many",
        "list-int32-giant",
        "list-list-many",
        "struct-many",
        "dict-many",
    ):
        build = LARGE_COLUMNS[name][1]
        type_case(
            f"pages-{name}",
            f"{name}, several pages",
            lambda r, n, b=build: one(b(r, n)),
            since="2.0",
            env={PAGE_BYTES_ENV: "4096"},
        )
        type_case(
            f"chunks-{name}",
            f"{name}, fed in many batches with a small write cache",
            lambda r, n, b=build: _rechunk(one(b(r, n)), 500),
            since="2.0",
            hints={"data_cache_bytes": 8192, "max_page_bytes": 4096},
        )


def _rechunk(table, size):
    return pa.Table.from_batches(table.to_batches(max_chunksize=size), table.schema)


def register_encodings():
    """Columns whose field metadata asks for a particular encoding."""
    key = "lance-encoding:"

    def ask(name, base, **settings):
        build = LARGE_COLUMNS[base][1]
        meta = {key + k.replace("_", "-"): v for k, v in settings.items()}
        what = ", ".join(f"{k}={v}" for k, v in settings.items())
        type_case(
            f"{base}-{name}",
            f"{base} with {what}",
            lambda r, n: one(build(r, n), metadata=meta),
            since="2.0",
            asks=True,
        )

    for scheme in ("zstd", "lz4", "fsst", "none"):
        for base in (
            "int64-sequence",
            "int32-fewnulls",
            "float32-smooth",
            "string-sentences",
            "string-lowcard",
            "string-long",
            "string-long-nulls",
            "binary-random",
            "vector-float32-128",
            "vector-float32-1024",
            "list-string-many",
            "list-int32-many",
            "bool-random",
        ):
            ask(scheme, base, compression=scheme)
    for level in ("1", "19"):
        ask(f"zstd{level}", "string-sentences", compression="zstd", compression_level=level)
        ask(f"zstd{level}", "int64-random", compression="zstd", compression_level=level)
    for threshold in ("0.0", "0.5", "1.0"):
        for base in (
            "int32-runs",
            "int64-runs-nulls",
            "bool-runs",
            "float32-runs",
            "uint8-runs",
            "int32-signed",
        ):
            ask(f"rle{threshold}", base, rle_threshold=threshold)
    for mode in ("on", "off", "auto"):
        for base in ("float32-smooth", "float64-smooth", "float64-random-nulls"):
            ask(f"bss-{mode}", base, bss=mode)
        ask(f"bss-{mode}-zstd", "float64-smooth", bss=mode, compression="zstd")
    for divisor in ("1", "100000"):
        for base in ("string-lowcard", "string-sentences", "int64-lowcard"):
            ask(f"dictdivisor{divisor}", base, dict_divisor=divisor)
    for ratio in ("0.1", "1.0"):
        ask(f"dictratio{ratio}", "string-lowcard-nulls", dict_size_ratio=ratio)
    for scheme in ("lz4", "zstd", "none"):
        ask(f"dictvalues-{scheme}", "string-lowcard", dict_values_compression=scheme)
        ask(f"dictvalues-{scheme}", "string-lowcard-long", dict_values_compression=scheme)
        ask(f"dictvalues-{scheme}", "int64-lowcard", dict_values_compression=scheme)
    for size in ("128", "1024", "8192", "65536"):
        ask(f"minichunk{size}", "string-sentences", minichunk_size=size)
        ask(f"minichunk{size}", "list-int32-many", minichunk_size=size)
    for layout in ("miniblock", "fullzip"):
        for base in (
            "int32-signed",
            "int32-fewnulls",
            "int32-mostnull",
            "bool-random",
            "string-lowcard",
            "string-sentences-nulls",
            "string-long",
            "binary-random",
            "vector-float32-128",
            "vector-float32-1024-nulls",
            "list-int32-many",
            "list-string-many",
            "list-vector-many",
            "list-mostnull",
            "list-list-many",
            "decimal128-many",
        ):
            ask(layout, base, structural_encoding=layout)
    for scheme in ("zstd", "lz4"):
        for base in ("string-long", "vector-float32-1024", "list-string-many", "int32-fewnulls"):
            ask(f"fullzip-{scheme}", base, structural_encoding="fullzip", compression=scheme)

    def child_metadata(rng, n):
        t = pa.struct(
            [
                pa.field("z", pa.string(), metadata={key + "compression": "zstd"}),
                pa.field("l", pa.list_(pa.field("item", pa.string(), metadata={key + "compression": "lz4"}))),
            ]
        )
        return one(column(t, rng, n * 5, LEVELS["nulls"]))

    type_case("struct-child-compression", "compression set on the children", child_metadata, since="2.0")


register_basic_types()
register_structs()
register_extensions()
register_blobs()
register_large()
register_encodings()


# ---------------------------------------------------------------------------
# Tables for the operations
# ---------------------------------------------------------------------------


PEOPLE = pa.schema(
    [
        ("id", pa.int64()),
        ("cat", pa.string()),
        ("name", pa.string()),
        ("x", pa.float64()),
        ("tags", pa.list_(pa.string())),
        ("s", pa.struct([("a", pa.int32()), ("b", pa.string())])),
    ]
)


def people(start, n):
    ids = range(start, start + n)
    columns = [
        ids,
        [f"cat{i % 5}" for i in ids],
        [f"name-{i:06d}" for i in ids],
        [None if i % 7 == 3 else i * 0.5 for i in ids],
        [[WORDS[i % 26], WORDS[(i * 7) % 26]] for i in ids],
        [{"a": i % 100, "b": WORDS[i % 26]} for i in ids],
    ]
    arrays = [pa.array(data, field.type) for data, field in zip(columns, PEOPLE)]
    return pa.Table.from_arrays(arrays, schema=PEOPLE)


def documents(start, n, dim=16):
    rng = random.Random(start + 1)
    return pa.table(
        {
            "id": pa.array(range(start, start + n), pa.int64()),
            "text": sentences(rng, n),
            "vec": vectors(rng, n, dim),
        }
    )


# ---------------------------------------------------------------------------
# Operations with pylance
# ---------------------------------------------------------------------------

OPS = {"pylance": {}, "lancedb": {}, "daft": {}}


def op(name, what, since="0.1", versions=None, writer="pylance"):
    def register(func):
        assert name not in OPS[writer], name
        OPS[writer][name] = (what, since, versions, func)
        return func

    return register


def call(obj, method, *args, **kw):
    """Call a method that this version of the library may not have."""
    func = getattr(obj, method, None)
    if func is None:
        raise Unsupported(f"{type(obj).__name__} has no {method}")
    return func(*args, **kw)


def accepts(func, name):
    return name in inspect.signature(func).parameters


class Context:
    """One operation dataset being written with pylance."""

    def __init__(self, path, version, rows):
        import lance

        self.lance, self.path, self.version, self.rows = lance, path, version, rows
        self.notes = []

    def version_kwargs(self, func, version=None):
        version = version or self.version
        if accepts(func, "data_storage_version"):
            if version == "default":
                return {}
            return {"data_storage_version": "legacy" if version == "0.1" else version}
        if version in ("stable", "next"):
            raise Unsupported("no data_storage_version")
        if accepts(func, "use_legacy_format"):
            return {} if version == "default" else {"use_legacy_format": version == "0.1"}
        return {}

    def write(self, table, path=None, mode="create", version=None, **kw):
        write_dataset = self.lance.write_dataset
        for name in kw:
            if not accepts(write_dataset, name):
                raise Unsupported(f"write_dataset has no {name}")
        # Newer APIs take the version of an existing dataset when appending, which
        # is what nearly every caller relies on.
        if mode != "append" or version or not accepts(write_dataset, "data_storage_version"):
            kw.update(self.version_kwargs(write_dataset, version))
        return write_dataset(table, path or self.path, mode=mode, **kw)

    def append(self, table, **kw):
        return self.write(table, mode="append", **kw)

    def open(self, **kw):
        return self.lance.dataset(self.path, **kw)

    def aux(self, suffix):
        """A directory that belongs to this dataset but lies next to it."""
        path = self.path[: -len(".lance")] + "-" + suffix
        shutil.rmtree(path, ignore_errors=True)
        return path

    def commit(self, operation, read_version=None, **kw):
        func = self.lance.LanceDataset.commit
        for name in kw:
            if not accepts(func, name):
                raise Unsupported(f"LanceDataset.commit has no {name}")
        if read_version is None and os.path.exists(os.path.join(self.path, "_versions")):
            read_version = self.open().version
        return func(self.path, operation, read_version=read_version, **kw)

    def operation(self, name, *args, **kw):
        cls = getattr(self.lance.LanceOperation, name, None)
        if cls is None:
            raise Unsupported(f"LanceOperation has no {name}")
        return cls(*args, **kw)

    def fragments(self, table, version=None, **kw):
        func = self.lance.fragment.write_fragments
        for name in kw:
            if not accepts(func, name):
                raise Unsupported(f"write_fragments has no {name}")
        return func(table, self.path, **self.version_kwargs(func, version), **kw)

    def stable_ids(self):
        for name in ("enable_stable_row_ids", "enable_move_stable_row_ids"):
            if accepts(self.lance.write_dataset, name):
                return {name: True}
        raise Unsupported("write_dataset cannot enable stable row ids")

    def four_fragments(self, **kw):
        """`rows` rows in four fragments."""
        n = self.rows
        return self.write(people(0, n), max_rows_per_file=n // 4, max_rows_per_group=n // 4, **kw)

    def compact(self, **kw):
        func = self.open().optimize.compact_files
        for name in kw:
            if not accepts(func, name):
                raise Unsupported(f"compact_files has no {name}")
        return func(**kw)

    def scalar_index(self, col, kind, **kw):
        self.open().create_scalar_index(col, index_type=kind, **kw)

    def category_index(self):
        """A second scalar index, on the column with few values."""
        try:
            self.scalar_index("cat", "BITMAP")
        except NotImplementedError:  # the oldest versions know BTREE only
            self.scalar_index("cat", "BTREE")


def ids(*ranges):
    return sorted(i for r in ranges for i in r)


# --- creating and appending ---


@op("create", "one write", versions=(*STORAGE_VERSIONS, *ALIASES))
def _(c):
    c.write(people(0, c.rows))
    return {"ids": ids(range(c.rows))}


@op("create-fragments", "one write, four fragments", versions=(*STORAGE_VERSIONS, "default"))
def _(c):
    c.four_fragments()
    return {"ids": ids(range(c.rows))}


@op("create-groups", "one write, small row groups")
def _(c):
    c.write(people(0, c.rows), max_rows_per_group=16)
    return {"ids": ids(range(c.rows))}


@op("create-batches", "from a stream of batches of uneven sizes, one of them empty")
def _(c):
    whole = people(0, c.rows).to_batches()[0]
    cuts = [0, 1, 1, 20, 21, c.rows]
    batches = [whole.slice(i, j - i) for i, j in zip(cuts, cuts[1:])]
    c.write(pa.RecordBatchReader.from_batches(whole.schema, batches))
    return {"ids": ids(range(c.rows))}


@op("create-sliced", "from a table that is a slice of a larger one")
def _(c):
    c.write(people(0, c.rows * 3).slice(c.rows + 3, c.rows))
    return {"ids": ids(range(c.rows + 3, 2 * c.rows + 3))}


@op("create-message", "with a commit message and transaction properties")
def _(c):
    c.write(people(0, c.rows), commit_message="first load", transaction_properties={"job": "42"})
    c.append(people(c.rows, 5), commit_message="more", transaction_properties={"job": "43"})
    return {"ids": ids(range(c.rows + 5))}


@op("empty", "schema only, no rows")
def _(c):
    c.write(people(0, 0))
    return {"ids": []}


@op("empty-from-schema", "no batches at all, only a schema")
def _(c):
    c.write(pa.RecordBatchReader.from_batches(PEOPLE, []))
    return {"ids": []}


@op("empty-append", "schema only, then appended to")
def _(c):
    c.write(people(0, 0))
    c.append(people(0, c.rows))
    c.append(people(0, 0))
    return {"ids": ids(range(c.rows))}


@op("empty-columns", "rows deleted and appended until empty again")
def _(c):
    c.write(people(0, 10))
    c.open().delete("true")
    c.append(people(10, 5))
    c.open().delete("id >= 10")
    return {"ids": []}


@op("append", "three appends", versions=(*STORAGE_VERSIONS, "default"))
def _(c):
    c.write(people(0, c.rows))
    for i in (1, 2, 3):
        c.append(people(i * c.rows, c.rows))
    return {"ids": ids(range(4 * c.rows))}


@op("append-many", "twenty small appends")
def _(c):
    c.write(people(0, 3))
    for i in range(1, 21):
        c.append(people(3 * i, 3))
    return {"ids": ids(range(63))}


@op("append-subschema", "append that lacks a nullable column")
def _(c):
    c.write(people(0, c.rows))
    c.append(people(c.rows, 10).drop(["x"]))
    return {"ids": ids(range(c.rows + 10))}


@op("append-reordered", "append with the columns in another order")
def _(c):
    table = people(0, c.rows)
    c.write(table)
    more = people(c.rows, 10)
    c.append(more.select(list(reversed(more.column_names))))
    return {"ids": ids(range(c.rows + 10))}


@op("insert", "LanceDataset.insert")
def _(c):
    ds = c.write(people(0, c.rows))
    call(ds, "insert", people(c.rows, 10))
    return {"ids": ids(range(c.rows + 10))}


@op("wide-schema", "300 columns of many types")
def _(c):
    rng = random.Random(5)
    makers = [FLAT_TYPES[k] for k in ("int8", "int32", "float64", "string", "bool", "date32", "timestamp_us")]
    columns = {f"col_{i:03d}": column(makers[i % 7](), rng, 20, _never) for i in range(300)}
    c.write(pa.table(columns))
    return {"rows": 20, "cols": list(columns)}


@op("odd-names", "column names with spaces, dots, quotes, non-ASCII letters and other case")
def _(c):
    names = [
        "with space",
        "ünï-cödé",
        "quote'd",
        'double"quote',
        "UPPER",
        "upper",
        "日本",
        "a" * 200,
        "select",
    ]
    c.write(pa.table({n: pa.array(range(10)) for n in names}))
    return {"rows": 10, "cols": names}


@op("dotted-name", "a column name with a dot")
def _(c):
    c.write(pa.table({"id": [1, 2, 3], "a.b": [4, 5, 6]}))
    return {"rows": 3}


@op("same-child-names", "structs whose children have equal names")
def _(c):
    inner = pa.struct([("id", pa.int32()), ("name", pa.string())])
    rows = [{"id": i, "name": str(i)} for i in range(10)]
    c.write(pa.table({"id": list(range(10)), "name": pa.array(rows, inner), "other": pa.array(rows, inner)}))
    return {"ids": ids(range(10))}


@op("schema-metadata-create", "metadata on schema, fields and children")
def _(c):
    child = pa.field("a", pa.int32(), metadata={"unit": "kg"})
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False, metadata={"doc": "the key", "lang": "naïve"}),
            pa.field("s", pa.struct([child]), metadata={"doc": "nested"}),
            pa.field("l", pa.list_(pa.field("item", pa.string(), metadata={"doc": "items"}))),
        ],
        metadata={"owner": "somebody", "empty": ""},
    )
    c.write(pa.table([list(range(9)), [{"a": i} for i in range(9)], [["x"]] * 9], schema=schema))
    return {"ids": ids(range(9))}


@op("primary-key", "unenforced primary key in the field metadata")
def _(c):
    schema = pa.schema(
        [
            pa.field(
                "id", pa.int64(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"}
            ),
            pa.field("v", pa.string()),
        ]
    )
    c.write(pa.table([list(range(20)), ["v"] * 20], schema=schema))
    return {"ids": ids(range(20))}


# --- deleting ---


@op("delete", "some rows deleted from every fragment")
def _(c):
    c.four_fragments()
    c.open().delete("id % 10 = 3")
    return {"ids": [i for i in range(c.rows) if i % 10 != 3]}


@op("delete-one", "a single row deleted")
def _(c):
    c.write(people(0, c.rows))
    c.open().delete("id = 0")
    return {"ids": ids(range(1, c.rows))}


@op("delete-most", "most rows deleted")
def _(c):
    c.write(people(0, c.rows))
    c.open().delete("id % 10 != 3")
    return {"ids": ids(range(3, c.rows, 10))}


@op("delete-bitmap", "so many rows deleted that the deletion vector becomes a bitmap")
def _(c):
    n = 12_000
    c.write(pa.table({"id": pa.array(range(n), pa.int64())}))
    c.open().delete("id % 8 < 5")
    return {"ids": [i for i in range(n) if i % 8 >= 5]}


@op("delete-range-bitmap", "a contiguous half deleted, kept as a bitmap")
def _(c):
    n = 12_000
    c.write(pa.table({"id": pa.array(range(n), pa.int64())}))
    c.open().delete("id >= 100 AND id < 8100")
    return {"ids": ids(range(100), range(8100, n))}


@op("delete-twice", "two deletes, the second replaces the deletion file")
def _(c):
    c.four_fragments()
    c.open().delete("id % 10 = 3")
    c.open().delete("id % 10 = 4")
    return {"ids": [i for i in range(c.rows) if i % 10 not in (3, 4)]}


@op("delete-fragment", "all rows of one fragment deleted")
def _(c):
    c.four_fragments()
    quarter = c.rows // 4
    c.open().delete(f"id >= {quarter} AND id < {2 * quarter}")
    return {"ids": ids(range(quarter), range(2 * quarter, c.rows))}


@op("delete-last-fragment", "last fragment deleted, then an append (fragment ids must not be reused)")
def _(c):
    c.four_fragments()
    c.open().delete(f"id >= {3 * (c.rows // 4)}")
    c.append(people(c.rows, 10))
    return {"ids": ids(range(3 * (c.rows // 4)), range(c.rows, c.rows + 10))}


@op("delete-all", "all rows deleted")
def _(c):
    c.four_fragments()
    c.open().delete("true")
    return {"ids": []}


@op("delete-none", "a delete that matches nothing")
def _(c):
    c.write(people(0, c.rows))
    c.open().delete("id < 0")
    return {"ids": ids(range(c.rows))}


@op("delete-append", "delete, append and delete again")
def _(c):
    c.write(people(0, c.rows))
    c.open().delete("id < 10")
    c.append(people(c.rows, c.rows))
    c.open().delete("id % 2 = 1")
    return {"ids": [i for i in range(10, 2 * c.rows) if i % 2 == 0]}


@op("truncate", "truncate_table")
def _(c):
    call(c.four_fragments(), "truncate_table")
    return {"ids": []}


@op("fragment-delete", "LanceFragment.delete committed by hand")
def _(c):
    c.four_fragments()
    ds, changed, gone = c.open(), [], []
    predicate = f"id % 10 = 3 OR id < {c.rows // 4}"
    for fragment in ds.get_fragments():
        result = fragment.delete(predicate)
        if result is None:
            gone.append(fragment.fragment_id)
        else:
            changed.append(getattr(result, "metadata", result))
    c.commit(c.operation("Delete", changed, gone, predicate))
    return {"ids": [i for i in range(c.rows // 4, c.rows) if i % 10 != 3]}


@op("fragment-delete-rows", "LanceFragment.delete_rows by offset, committed by hand")
def _(c):
    c.four_fragments()
    fragment = c.open().get_fragment(0)
    result = call(fragment, "delete_rows", [0, 5, 6])
    c.commit(c.operation("Delete", [result], [], "by offset"))
    return {"ids": [i for i in range(c.rows) if i not in (0, 5, 6)]}


# --- updating and merging ---


@op("update", "some rows updated")
def _(c):
    c.four_fragments()
    call(c.open(), "update", {"name": "'renamed'"}, where="id < 10")
    return {"ids": ids(range(c.rows)), "filters": [["name = 'renamed'", 10]]}


@op("update-all", "all rows updated with an expression")
def _(c):
    c.four_fragments()
    call(c.open(), "update", {"x": "CAST(id AS double) / 4", "name": "upper(name)"})
    return {"ids": ids(range(c.rows)), "filters": [["x = CAST(id AS double) / 4", c.rows]]}


@op("update-twice", "rows updated, and some of them updated again")
def _(c):
    c.four_fragments()
    call(c.open(), "update", {"name": "'first'"}, where="id % 3 = 0")
    call(c.open(), "update", {"name": "'second'", "cat": "'new'"}, where="id % 9 = 0")
    return {"ids": ids(range(c.rows)), "filters": [["name = 'second'", -(-c.rows // 9)]]}


def _upsert(c, builder):
    return call(builder, "when_matched_update_all").when_not_matched_insert_all()


@op("merge-insert-upsert", "merge_insert: update matched, insert the others")
def _(c):
    c.four_fragments()
    new = people(c.rows - 20, 40)
    new = new.set_column(1, "cat", pa.array(["upserted"] * 40))
    _upsert(c, call(c.open(), "merge_insert", "id")).execute(new)
    return {"ids": ids(range(c.rows + 20)), "filters": [["cat = 'upserted'", 40]]}


@op("merge-insert-new", "merge_insert: insert only what is missing")
def _(c):
    c.four_fragments()
    call(c.open(), "merge_insert", "id").when_not_matched_insert_all().execute(people(c.rows - 20, 40))
    return {"ids": ids(range(c.rows + 20))}


@op("merge-insert-replace", "merge_insert: also delete what the source lacks")
def _(c):
    c.four_fragments()
    builder = _upsert(c, call(c.open(), "merge_insert", "id"))
    call(builder, "when_not_matched_by_source_delete", f"id < {c.rows // 2}").execute(people(c.rows - 20, 40))
    return {"ids": ids(range(c.rows // 2, c.rows + 20))}


@op("merge-insert-condition", "merge_insert: update under a condition")
def _(c):
    c.four_fragments()
    new = people(0, 30).set_column(1, "cat", pa.array(["upserted"] * 30))
    call(call(c.open(), "merge_insert", "id"), "when_matched_update_all", "source.id < 10").execute(new)
    return {"ids": ids(range(c.rows)), "filters": [["cat = 'upserted'", 10]]}


@op("merge-insert-columns", "merge_insert with a part of the columns, rewritten in place")
def _(c):
    c.four_fragments()
    new = pa.table({"id": pa.array(range(10, 30), pa.int64()), "name": ["partial"] * 20})
    call(call(c.open(), "merge_insert", "id"), "when_matched_update_all").execute(new)
    return {"ids": ids(range(c.rows)), "filters": [["name = 'partial'", 20]]}


@op("merge-insert-delete", "merge_insert: delete matched rows")
def _(c):
    c.four_fragments()
    call(call(c.open(), "merge_insert", "id"), "when_matched_delete").execute(people(5, 20))
    return {"ids": ids(range(5), range(25, c.rows))}


@op("merge-insert-write-mode", "merge_insert in the column rewriting mode")
def _(c):
    c.four_fragments()
    new = pa.table({"id": pa.array(range(10, 30), pa.int64()), "name": ["partial"] * 20})
    builder = call(call(c.open(), "merge_insert", "id"), "when_matched_update_all")
    call(builder, "write_mode", "rewrite_columns").execute(new)
    return {"ids": ids(range(c.rows)), "filters": [["name = 'partial'", 20]]}


@op("fragment-update-columns", "LanceFragment.update_columns committed by hand")
def _(c):
    c.four_fragments()
    fragment = c.open().get_fragment(0)
    new = pa.table({"id": pa.array([0, 4], pa.int64()), "name": ["changed"] * 2})
    metadata, fields = call(fragment, "update_columns", new, left_on="id", right_on="id")[:2]
    c.commit(c.operation("Update", updated_fragments=[metadata], fields_modified=fields))
    return {"ids": ids(range(c.rows)), "filters": [["name = 'changed'", 2]]}


# --- columns ---


@op("add-column-sql", "add_columns with SQL expressions")
def _(c):
    c.four_fragments()
    c.open().add_columns({"double": "id * 2", "shout": "upper(name)"})
    return {"ids": ids(range(c.rows)), "cols": [*PEOPLE.names, "double", "shout"]}


@op("add-column-udf", "add_columns with a Python function")
def _(c):
    c.four_fragments()

    @c.lance.batch_udf()
    def triple(batch):
        return pa.record_batch([pa.array([v * 3 for v in batch.column("id").to_pylist()])], ["triple"])

    c.open().add_columns(triple, read_columns=["id"])
    return {"ids": ids(range(c.rows)), "filters": [["triple = id * 3", c.rows]]}


@op("add-column-null", "add_columns with a field: all null, metadata only")
def _(c):
    c.four_fragments()
    c.open().add_columns(pa.field("later", pa.int32()))
    return {"ids": ids(range(c.rows)), "cols": [*PEOPLE.names, "later"]}


@op("add-column-null-many", "all-null columns of nested types, then an append and an update")
def _(c):
    c.four_fragments()
    new = [("l", pa.list_(pa.string())), ("vec", pa.list_(pa.float32(), 4))]
    if c.version != "2.0":  # which has no null structs
        new.append(("st", pa.struct([("p", pa.int8()), ("q", pa.string())])))
    c.open().add_columns(pa.schema(new))
    call(c.open(), "update", {"name": "'after'"}, where="id < 3")
    return {"ids": ids(range(c.rows)), "cols": [*PEOPLE.names, *(name for name, _ in new)]}


@op("add-column-null-filled", "an all-null column filled by an update")
def _(c):
    c.four_fragments()
    c.open().add_columns(pa.field("later", pa.int64()))
    call(c.open(), "update", {"later": "id + 1"}, where="id % 2 = 0")
    return {"ids": ids(range(c.rows)), "filters": [["later = id + 1", c.rows // 2]]}


@op("add-column-reader", "add_columns from a stream")
def _(c):
    c.four_fragments()
    data = pa.table({"streamed": pa.array(range(c.rows), pa.int32())})
    c.open().add_columns(pa.RecordBatchReader.from_batches(data.schema, data.to_batches(max_chunksize=13)))
    return {"ids": ids(range(c.rows)), "filters": [["streamed = id", c.rows]]}


@op("add-column-after-delete", "add_columns on a dataset with deleted rows")
def _(c):
    c.four_fragments()
    c.open().delete("id % 4 = 1")
    c.open().add_columns({"double": "id * 2"})
    kept = [i for i in range(c.rows) if i % 4 != 1]
    return {"ids": kept, "filters": [["double = id * 2", len(kept)]]}


@op("add-column-nested", "add_columns of a new child of a struct")
def _(c):
    c.four_fragments()
    child = pa.schema([("s", pa.struct([("c", pa.int64())]))])
    c.open().add_columns(child)
    return {"ids": ids(range(c.rows))}


@op("drop-column", "drop_columns")
def _(c):
    c.four_fragments()
    c.open().drop_columns(["name", "tags"])
    return {"ids": ids(range(c.rows)), "cols": ["id", "cat", "x", "s"]}


@op("drop-column-nested", "drop_columns of a child of a struct")
def _(c):
    c.four_fragments()
    c.open().drop_columns(["s.a"])
    return {"ids": ids(range(c.rows))}


@op("drop-column-readd", "a column dropped and another added under its name")
def _(c):
    c.four_fragments()
    c.open().drop_columns(["name"])
    c.open().add_columns({"name": "id + 1"})
    return {"ids": ids(range(c.rows)), "filters": [["name = id + 1", c.rows]]}


@op("drop-column-file", "every column of a data file dropped")
def _(c):
    c.four_fragments()
    c.open().add_columns({"double": "id * 2"})
    c.open().drop_columns(["double"])
    return {"ids": ids(range(c.rows)), "cols": PEOPLE.names}


@op("drop-column-compact", "drop_columns and compaction")
def _(c):
    c.four_fragments()
    c.open().drop_columns(["name", "s"])
    c.compact()
    return {"ids": ids(range(c.rows)), "cols": ["id", "cat", "x", "tags"]}


@op("rename-column", "alter_columns: new names, also of a child")
def _(c):
    c.four_fragments()
    c.open().alter_columns({"path": "name", "name": "label"})
    c.open().alter_columns({"path": "s.a", "name": "renamed"})
    return {"ids": ids(range(c.rows)), "cols": ["id", "cat", "label", "x", "tags", "s"]}


@op("alter-nullable", "alter_columns: nullability")
def _(c):
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), pa.field("v", pa.string(), nullable=False)]
    )
    c.write(pa.table([list(range(20)), ["v"] * 20], schema=schema))
    c.open().alter_columns({"path": "v", "nullable": True})
    table = pa.table({"id": pa.array([20], pa.int64()), "v": pa.array([None], pa.string())})
    c.append(table.cast(c.open().schema))
    return {"ids": ids(range(21))}


@op("alter-cast", "alter_columns: casts of several types")
def _(c):
    n = c.rows
    table = pa.table(
        {
            "id": pa.array(range(n), pa.int64()),
            "i": pa.array(range(n), pa.int32()),
            "f": pa.array([i / 2 for i in range(n)], pa.float32()),
            "t": [str(i) for i in range(n)],
        }
    )
    c.write(table, max_rows_per_file=n // 4)
    c.open().alter_columns({"path": "i", "data_type": pa.int64()}, {"path": "f", "data_type": pa.float64()})
    c.open().alter_columns({"path": "t", "data_type": pa.large_string()})
    return {"ids": ids(range(n))}


@op("alter-cast-vector", "alter_columns: float32 vectors to float16")
def _(c):
    c.write(documents(0, c.rows))
    c.open().alter_columns({"path": "vec", "data_type": pa.list_(pa.float16(), 16)})
    return {"ids": ids(range(c.rows))}


@op("merge", "LanceDataset.merge: join new columns")
def _(c):
    c.four_fragments()
    extra = pa.table(
        {"id": pa.array(range(0, c.rows, 2), pa.int64()), "extra": [str(i) for i in range(0, c.rows, 2)]}
    )
    c.open().merge(extra, "id")
    return {"ids": ids(range(c.rows)), "cols": [*PEOPLE.names, "extra"]}


@op("merge-columns-fragment", "columns added fragment by fragment, committed by hand")
def _(c):
    c.four_fragments()

    def compute(batch):
        return pa.record_batch([pa.array([v * 3 for v in batch.column("id").to_pylist()])], ["triple"])

    fragments, schema = [], None
    for fragment in c.open().get_fragments():
        if hasattr(fragment, "merge_columns"):
            result = fragment.merge_columns(compute, columns=["id"])
        else:
            result = call(fragment, "add_columns", compute, columns=["id"])
        if isinstance(result, tuple):
            result, schema = result
        fragments.append(result)
    if schema is None:
        schema = c.open().schema.append(pa.field("triple", pa.int64()))
    c.commit(c.operation("Merge", fragments, schema))
    return {"ids": ids(range(c.rows)), "filters": [["triple = id * 3", c.rows]]}


@op("merge-fragment", "LanceFragment.merge committed by hand")
def _(c):
    c.four_fragments()
    fragments, schema = [], None
    extra = pa.table({"id": pa.array(range(c.rows), pa.int64()), "extra": [str(i) for i in range(c.rows)]})
    for fragment in c.open().get_fragments():
        result, schema = call(fragment, "merge", extra, left_on="id")
        fragments.append(result)
    c.commit(c.operation("Merge", fragments, schema))
    return {"ids": ids(range(c.rows))}


@op("project", "LanceOperation.Project: names of two columns swapped")
def _(c):
    c.write(pa.table({"id": [1, 2, 3], "a": ["x", "y", "z"], "b": ["u", "v", "w"]}))
    schema = __import__("lance.schema").schema
    if not hasattr(schema, "LanceSchema"):
        raise Unsupported("no LanceSchema")
    wanted = pa.schema([("id", pa.int64()), ("b", pa.string()), ("a", pa.string())])
    c.commit(c.operation("Project", call(schema.LanceSchema, "from_pyarrow", wanted)))
    return {"ids": [1, 2, 3]}


@op("data-replacement", "LanceOperation.DataReplacement: a data file replaced", since="2.0")
def _(c):
    c.write(people(0, c.rows))
    c.open().add_columns({"double": "id * 2"})
    fragment = c.open().get_fragments()[0].metadata
    files = fragment.files if hasattr(fragment, "files") else fragment.data_files()
    old = files[-1]
    _write_file(c, "replacement.lance", pa.table({"double": pa.array(range(c.rows), pa.int64())}))
    cls = type(old)
    if not hasattr(old, "column_indices"):
        raise Unsupported("DataFile has no column indices")
    new = cls(
        "replacement.lance",
        list(old.fields),
        list(old.column_indices),
        old.file_major_version,
        old.file_minor_version,
    )
    group = c.operation("DataReplacementGroup", 0, new)
    c.commit(c.operation("DataReplacement", [group]))
    return {"ids": ids(range(c.rows)), "filters": [["double = id", c.rows]]}


def _write_file(c, name, table):
    """A data file written outside of write_dataset."""
    try:
        from lance.file import LanceFileWriter
    except ImportError:
        raise Unsupported("no lance.file") from None
    if not accepts(LanceFileWriter.__init__, "version"):
        raise Unsupported("LanceFileWriter has no version")
    path = os.path.join(c.path, "data", name)
    with LanceFileWriter(path, table.schema, version=c.version) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)


@op("create-from-file", "a data file of LanceFileWriter committed as a fragment", since="2.0")
def _(c):
    return _create_from_file(c, lambda start, n: people(start, n).select(["id", "cat", "x"]))


@op("create-from-file-nested", "a data file of LanceFileWriter with nested columns", since="2.0")
def _(c):
    return _create_from_file(c, people)


def _create_from_file(c, make):
    c.write(make(0, c.rows))
    _write_file(c, "extern.lance", make(c.rows, 50))
    ds = c.open()
    func = c.lance.LanceFragment.create_from_file
    fragment = func("extern.lance", ds, 1) if accepts(func, "dataset") else func("extern.lance", ds.schema, 1)
    c.commit(c.operation("Append", [fragment]))
    return {"ids": ids(range(c.rows + 50))}


@op("data-overlay", "LanceOperation.DataOverlay: cells replaced without a rewrite", since="2.0")
def _(c):
    c.write(people(0, c.rows))
    overlay = getattr(c.lance.LanceOperation, "DataOverlayFile", None)
    if overlay is None:
        raise Unsupported("LanceOperation has no DataOverlayFile")
    _write_file(c, "overlay.lance", pa.table({"name": ["overlaid", "overlaid"]}))
    data_file = call(c.lance.fragment.DataFile, "create", c.open(), "overlay.lance")
    group = c.operation("DataOverlayGroup", 0, [overlay(data_file, [2, 5])])
    c.commit(c.operation("DataOverlay", [group]))
    return {"ids": ids(range(c.rows)), "filters": [["name = 'overlaid'", 2]]}


@op("data-overlay-sparse", "an overlay with a set of rows of its own per column", since="2.0")
def _(c):
    c.write(people(0, c.rows))
    overlay = getattr(c.lance.LanceOperation, "DataOverlayFile", None)
    if overlay is None:
        raise Unsupported("LanceOperation has no DataOverlayFile")
    _write_file(c, "overlay.lance", pa.table({"cat": ["o", "o"], "name": ["overlaid", "overlaid"]}))
    data_file = call(c.lance.fragment.DataFile, "create", c.open(), "overlay.lance")
    group = c.operation("DataOverlayGroup", 0, [overlay(data_file, [[1, 2], [5, 9]])])
    c.commit(c.operation("DataOverlay", [group]))
    return {"ids": ids(range(c.rows)), "filters": [["name = 'overlaid'", 2], ["cat = 'o'", 2]]}


# --- compaction ---


@op("compact", "compaction of many fragments", versions=(*STORAGE_VERSIONS, "default"))
def _(c):
    c.write(people(0, 30))
    for i in range(1, 6):
        c.append(people(30 * i, 30))
    c.compact()
    return {"ids": ids(range(180))}


@op("compact-target", "compaction to several fragments of a given size")
def _(c):
    c.write(people(0, 30))
    for i in range(1, 8):
        c.append(people(30 * i, 30))
    c.compact(target_rows_per_fragment=70)
    return {"ids": ids(range(240))}


@op("compact-deletes", "compaction after deletes and updates")
def _(c):
    c.four_fragments()
    c.open().delete("id % 3 = 1")
    call(c.open(), "update", {"name": "'u'"}, where="id % 5 = 0")
    c.compact()
    return {"ids": [i for i in range(c.rows) if i % 3 != 1]}


@op("compact-keep-deletes", "compaction that leaves deleted rows in place")
def _(c):
    c.four_fragments()
    c.open().delete("id % 20 = 1")
    c.compact(materialize_deletions=False, target_rows_per_fragment=c.rows // 4)
    return {"ids": [i for i in range(c.rows) if i % 20 != 1]}


@op("compact-index", "compaction with indices that must be remapped")
def _(c):
    c.four_fragments()
    c.scalar_index("id", "BTREE")
    c.category_index()
    c.open().delete("id % 3 = 1")
    c.compact()
    return {"ids": [i for i in range(c.rows) if i % 3 != 1], "filters": [["id = 30", 1], ["id = 31", 0]]}


@op("compact-defer-remap", "compaction with the remapping of indices deferred")
def _(c):
    c.four_fragments()
    c.scalar_index("id", "BTREE")
    c.open().delete("id % 3 = 1")
    c.compact(defer_index_remap=True)
    return {"ids": [i for i in range(c.rows) if i % 3 != 1], "filters": [["id = 30", 1], ["id = 31", 0]]}


@op("compact-binary-copy", "compaction that copies pages instead of encoding again")
def _(c):
    c.four_fragments()
    c.compact(compaction_mode="force_binary_copy")
    return {"ids": ids(range(c.rows))}


@op("compact-other-version", "compaction into another file version", since="2.0")
def _(c):
    c.four_fragments()
    c.compact(data_storage_version="2.1" if c.version != "2.1" else "2.0")
    return {"ids": ids(range(c.rows))}


@op("compact-tasks", "compaction planned, executed and committed task by task")
def _(c):
    c.four_fragments()
    from lance.optimize import Compaction

    ds = c.open()
    plan = Compaction.plan(ds, options={"target_rows_per_fragment": c.rows})
    results = [task.execute(ds) for task in plan.tasks]
    Compaction.commit(ds, results)
    return {"ids": ids(range(c.rows))}


@op("compact-blob1", "deletes and compaction with a blob v1 column", since="2.0")
def _(c):
    table = TYPE_CASES["blob1-nulls"].build(random.Random(3), 160)
    c.write(table, max_rows_per_file=10)
    c.open().delete("id % 4 = 1")
    c.compact()
    return {"ids": [i for i in range(40) if i % 4 != 1]}


@op("compact-blob2", "deletes and compaction with a blob v2 column", since="2.2")
def _(c):
    table = TYPE_CASES["blob2-thresholds"].build(random.Random(3), 160)
    c.write(table, max_rows_per_file=10)
    c.open().delete("id % 4 = 1")
    c.compact()
    return {"ids": [i for i in range(40) if i % 4 != 1]}


@op("append-blob2", "appends to a blob v2 column", since="2.2")
def _(c):
    for i in range(3):
        table = TYPE_CASES["blob2-packed"].build(random.Random(i), 10)
        table = table.set_column(0, "id", pa.array(range(9 * i, 9 * i + 9), pa.int64()))
        c.write(table, mode="append" if i else "create")
    return {"ids": ids(range(27))}


# --- indices ---


def _scalar_index_ops():
    specs = [
        ("btree-int", "id", "BTREE", {}, [["id = 7", 1]]),
        ("btree-string", "name", "BTREE", {}, [["name = 'name-000007'", 1]]),
        ("btree-float", "x", "BTREE", {}, [["x = 3.5", 1]]),
        ("btree-nested", "s.a", "BTREE", {}, []),
        ("bitmap", "cat", "BITMAP", {}, [["cat = 'cat2'", "rows/5"]]),
        ("label-list", "tags", "LABEL_LIST", {}, []),
        ("inverted", "name", "INVERTED", {}, []),
        ("inverted-list", "tags", "INVERTED", {}, []),
        ("inverted-positions", "name", "INVERTED", {"with_position": True}, []),
        ("inverted-v1", "name", "INVERTED", {"format_version": 1}, []),
        ("inverted-v2", "name", "INVERTED", {"format_version": 2}, []),
        ("inverted-v3", "name", "INVERTED", {"format_version": 3, "block_size": 256}, []),
        ("inverted-ngram", "name", "INVERTED", {"base_tokenizer": "ngram"}, []),
        ("fts", "name", "FTS", {}, []),
        ("ngram", "name", "NGRAM", {}, [["contains(name, '00007')", "match"]]),
        ("zonemap", "id", "ZONEMAP", {}, [["id = 7", 1]]),
        ("zonemap-nulls", "x", "ZONEMAP", {}, [["x = 3.5", 1]]),
        ("bloomfilter", "id", "BLOOMFILTER", {}, [["id = 7", 1]]),
        ("untrained", "id", "BTREE", {"train": False}, [["id = 7", 1]]),
    ]
    for label, col, kind, kw, filters in specs:

        def run(c, col=col, kind=kind, kw=kw, filters=filters):
            c.four_fragments()
            c.scalar_index(col, kind, **kw)
            counts = {"rows/5": c.rows // 5, "match": sum("00007" in f"name-{i:06d}" for i in range(c.rows))}
            return {
                "ids": ids(range(c.rows)),
                "indices": 1,
                "filters": [[f, counts.get(k, k)] for f, k in filters],
            }

        op(f"index-{label}", f"{kind} index on {col} {kw or ''}".strip())(run)

        def grow(c, col=col, kind=kind, kw=kw):
            c.four_fragments()
            c.scalar_index(col, kind, **kw)
            c.append(people(c.rows, 30))
            c.open().delete("id % 6 = 1")
            call(c.open().optimize, "optimize_indices")
            kept = [i for i in range(c.rows + 30) if i % 6 != 1]
            return {"ids": kept, "indices": 1, "filters": [[f"id = {c.rows + 4 - (c.rows + 4) % 6}", 1]]}

        if label in (
            "btree-int",
            "btree-string",
            "bitmap",
            "label-list",
            "inverted",
            "inverted-positions",
            "inverted-v3",
            "ngram",
            "zonemap",
            "bloomfilter",
            "untrained",
        ):
            op(
                f"index-{label}-optimize",
                f"{kind} index on {col} {kw or ''}, append, delete, optimize_indices",
            )(grow)


_scalar_index_ops()


def _scalar_type_index_ops():
    for name in (
        "bool",
        "int8",
        "uint64",
        "float16",
        "decimal128",
        "date32",
        "time64us",
        "timestamp_us_utc",
        "binary",
        "large_string",
        "fixed_size_binary16",
    ):
        for kind in ("BTREE", "BITMAP"):

            def run(c, name=name, kind=kind):
                data = column(FLAT_TYPES[name](), random.Random(8), c.rows, LEVELS["nulls"])
                c.write(pa.table({"id": pa.array(range(c.rows), pa.int64()), "v": data}))
                c.scalar_index("v", kind)
                return {"ids": ids(range(c.rows)), "indices": 1, "filters": [["v IS NULL", data.null_count]]}

            op(f"index-{kind.lower()}-of-{name}", f"{kind} index on a {name} column with nulls")(run)


_scalar_type_index_ops()


@op("index-json", "scalar index on a path of a JSON column")
def _(c):
    try:
        from lance.indices import IndexConfig
    except ImportError:
        raise Unsupported("no lance.indices.IndexConfig") from None
    if not hasattr(pa, "json_"):
        raise Unsupported("pyarrow has no json_")
    docs = pa.array([json.dumps({"x": i % 10, "w": WORDS[i % 26]}) for i in range(c.rows)])
    table = pa.table(
        {
            "id": pa.array(range(c.rows), pa.int64()),
            "doc": pa.ExtensionArray.from_storage(pa.json_(pa.utf8()), docs),
        }
    )
    c.write(table)
    config = IndexConfig(index_type="json", parameters={"target_index_type": "btree", "path": "x"})
    c.open().create_scalar_index("doc", config)
    return {"ids": ids(range(c.rows)), "indices": 1}


@op("index-rtree", "RTREE index on geoarrow points")
def _(c):
    points = [{"x": float(i), "y": float(i * 7 % 50)} for i in range(c.rows)]
    coords = pa.struct(
        [pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]
    )
    field = pa.field(
        "p", coords, metadata={"ARROW:extension:name": "geoarrow.point", "ARROW:extension:metadata": "{}"}
    )
    table = pa.table(
        [pa.array(range(c.rows), pa.int64()), pa.array(points, coords)],
        schema=pa.schema([pa.field("id", pa.int64()), field]),
    )
    c.write(table)
    c.scalar_index("p", "RTREE")
    return {"ids": ids(range(c.rows)), "indices": 1}


@op("index-several", "several indices on several columns, one replaced, one dropped")
def _(c):
    c.four_fragments()
    c.scalar_index("id", "BTREE")
    c.category_index()
    c.scalar_index("name", "BTREE", name="by_name")
    c.scalar_index("id", "BTREE")
    ds = c.open()
    call(ds, "drop_index", "by_name")
    return {"ids": ids(range(c.rows)), "indices": 2}


@op("index-update", "updates and deletes of indexed rows")
def _(c):
    c.four_fragments()
    c.scalar_index("id", "BTREE")
    c.category_index()
    call(c.open(), "update", {"cat": "'moved'"}, where="id < 10")
    c.open().delete("id = 11")
    return {"ids": [i for i in range(c.rows) if i != 11], "filters": [["cat = 'moved'", 10], ["id = 11", 0]]}


@op("index-drop-column", "an indexed column dropped")
def _(c):
    c.four_fragments()
    c.scalar_index("id", "BTREE")
    c.category_index()
    c.open().drop_columns(["cat"])
    return {"ids": ids(range(c.rows)), "indices": 1}


@op("index-empty", "index on a dataset without rows, then an append and optimize_indices")
def _(c):
    c.write(people(0, 0))
    c.scalar_index("id", "BTREE")
    c.append(people(0, c.rows))
    call(c.open().optimize, "optimize_indices")
    return {"ids": ids(range(c.rows))}


@op("index-delta", "optimize_indices that adds a delta index instead of merging")
def _(c):
    n = 320
    c.write(documents(0, n))
    c.open().create_index("vec", "IVF_PQ", num_partitions=2, num_sub_vectors=4)
    c.append(documents(n, 100))
    call(c.open().optimize, "optimize_indices", num_indices_to_merge=0)
    return {"ids": ids(range(n + 100)), "nearest": "vec"}


@op("index-segments", "scalar index built in segments, one per fragment")
def _(c):
    c.four_fragments()
    ds = c.open()
    segments = [
        call(ds, "create_index_uncommitted", "id", "BTREE", name="id_idx", fragment_ids=[f.fragment_id])
        for f in ds.get_fragments()
    ]
    call(ds, "commit_existing_index_segments", "id_idx", "id", segments)
    return {"ids": ids(range(c.rows)), "filters": [["id = 7", 1]]}


@op("index-segments-vector", "vector index built in segments, one per fragment")
def _(c):
    c.write(documents(0, 320), max_rows_per_file=160)
    ds = c.open()
    segments = [
        call(
            ds,
            "create_index_uncommitted",
            "vec",
            "IVF_FLAT",
            name="vec_idx",
            num_partitions=2,
            fragment_ids=[f.fragment_id],
        )
        for f in ds.get_fragments()
    ]
    call(ds, "commit_existing_index_segments", "vec_idx", "vec", segments)
    return {"ids": ids(range(320)), "nearest": "vec"}


def _vector_index_ops():
    specs = [
        ("ivf-flat", "IVF_FLAT", {}),
        ("ivf-pq", "IVF_PQ", {"num_sub_vectors": 4}),
        ("ivf-pq-cosine", "IVF_PQ", {"num_sub_vectors": 4, "metric": "cosine"}),
        ("ivf-pq-dot", "IVF_PQ", {"num_sub_vectors": 4, "metric": "dot"}),
        ("ivf-pq-4bit", "IVF_PQ", {"num_sub_vectors": 4, "num_bits": 4}),
        ("ivf-pq-v1", "IVF_PQ", {"num_sub_vectors": 4, "index_file_version": "Legacy"}),
        ("ivf-sq", "IVF_SQ", {}),
        ("ivf-rq", "IVF_RQ", {}),
        ("ivf-hnsw-flat", "IVF_HNSW_FLAT", {}),
        ("ivf-hnsw-pq", "IVF_HNSW_PQ", {"num_sub_vectors": 4}),
        ("ivf-hnsw-sq", "IVF_HNSW_SQ", {}),
    ]
    for label, kind, kw in specs:

        def run(c, kind=kind, kw=kw):
            c.write(documents(0, 320), max_rows_per_file=160)
            c.open().create_index("vec", kind, num_partitions=2, **kw)
            return {"ids": ids(range(320)), "nearest": "vec", "indices": 1}

        op(f"index-{label}", f"{kind} index {kw or ''}".strip())(run)

        def grow(c, kind=kind, kw=kw):
            c.write(documents(0, 320), max_rows_per_file=160)
            c.open().create_index("vec", kind, num_partitions=2, **kw)
            c.append(documents(320, 50))
            c.open().delete("id % 7 = 1")
            call(c.open().optimize, "optimize_indices")
            return {"ids": [i for i in range(370) if i % 7 != 1], "nearest": "vec"}

        op(f"index-{label}-optimize", f"{kind} index {kw or ''}, append, delete, optimize_indices")(grow)

        def compact(c, kind=kind, kw=kw):
            c.write(documents(0, 320), max_rows_per_file=160)
            c.open().create_index("vec", kind, num_partitions=2, **kw)
            c.open().delete("id % 7 = 1")
            c.compact()
            return {"ids": [i for i in range(320) if i % 7 != 1], "nearest": "vec"}

        if label in ("ivf-flat", "ivf-pq", "ivf-pq-v1", "ivf-rq", "ivf-hnsw-sq"):
            op(f"index-{label}-compact", f"{kind} index {kw or ''}, delete, compact")(compact)


_vector_index_ops()


@op("index-ivf-pq-nulls", "IVF_PQ index over vectors with nulls")
def _(c):
    vec = vectors(random.Random(4), 800, 16, nulls=True)
    c.write(pa.table({"id": pa.array(range(800), pa.int64()), "vec": vec}))
    c.open().create_index("vec", "IVF_PQ", num_partitions=2, num_sub_vectors=4)
    return {"ids": ids(range(800)), "nearest": "vec"}


@op("index-ivf-pq-float16", "IVF_PQ index over float16 vectors")
def _(c):
    vec = vectors(random.Random(4), 600, 16, np.float16)
    c.write(pa.table({"id": pa.array(range(600), pa.int64()), "vec": vec}))
    c.open().create_index("vec", "IVF_PQ", num_partitions=2, num_sub_vectors=4)
    return {"ids": ids(range(600))}


@op("index-ivf-flat-hamming", "IVF_FLAT index over uint8 vectors, Hamming distance")
def _(c):
    vec = vectors(random.Random(4), 600, 16, np.uint8)
    c.write(pa.table({"id": pa.array(range(600), pa.int64()), "vec": vec}))
    c.open().create_index("vec", "IVF_FLAT", metric="hamming", num_partitions=2)
    return {"ids": ids(range(600))}


@op("index-multivector", "IVF_PQ index over lists of vectors")
def _(c):
    vec = pa.ListArray.from_arrays(
        pa.array(range(0, 1201, 2), pa.int32()), vectors(random.Random(4), 1200, 16)
    )
    c.write(pa.table({"id": pa.array(range(600), pa.int64()), "vec": vec}))
    c.open().create_index("vec", "IVF_PQ", metric="cosine", num_partitions=2, num_sub_vectors=4)
    return {"ids": ids(range(600))}


# --- versions, tags, branches, clones ---


@op("overwrite", "overwritten with the same schema")
def _(c):
    c.four_fragments()
    c.write(people(1000, 50), mode="overwrite")
    return {"ids": ids(range(1000, 1050))}


@op("overwrite-schema", "overwritten with another schema")
def _(c):
    c.four_fragments()
    c.write(pa.table({"id": [1, 2, 3], "other": [True, False, None]}), mode="overwrite")
    return {"ids": [1, 2, 3], "cols": ["id", "other"]}


@op("overwrite-empty", "overwritten with no rows")
def _(c):
    c.four_fragments()
    c.write(people(0, 0), mode="overwrite")
    return {"ids": []}


@op("overwrite-index", "an indexed dataset overwritten")
def _(c):
    c.four_fragments()
    c.scalar_index("id", "BTREE")
    c.write(people(1000, 50), mode="overwrite")
    return {"ids": ids(range(1000, 1050)), "indices": 0}


@op("overwrite-version", "overwritten with another storage version", since="2.0")
def _(c):
    c.four_fragments()
    c.write(people(1000, 50), mode="overwrite", version="2.1" if c.version != "2.1" else "2.0")
    return {"ids": ids(range(1000, 1050))}


@op("restore", "an old version restored")
def _(c):
    c.write(people(0, c.rows))
    c.append(people(c.rows, 20))
    c.open().delete("id < 30")
    c.open(version=1).restore()
    c.append(people(500, 5))
    return {"ids": ids(range(c.rows), range(500, 505))}


@op("tags", "tags created, moved and deleted")
def _(c):
    c.write(people(0, c.rows))
    c.append(people(c.rows, 20))
    tags = getattr(c.open(), "tags", None)
    if tags is None:
        raise Unsupported("no tags")
    tags.create("first", 1)
    tags.create("second", 2)
    tags.create("doomed", 1)
    call(tags, "update", "first", 2)
    tags.delete("doomed")
    return {"ids": ids(range(c.rows + 20))}


def _tip(c, branch):
    """[rows, version] of a branch, once it has been written to."""
    ds = c.lance.dataset(branch.uri)
    return [ds.count_rows(), ds.version]


@op("branch", "a branch with commits of its own")
def _(c):
    c.write(people(0, c.rows))
    c.append(people(c.rows, 20))
    branch = call(c.open(), "create_branch", "dev", 2)
    c.lance.write_dataset(people(2000, 10), branch, mode="append")
    c.append(people(c.rows + 20, 5))
    return {"ids": ids(range(c.rows + 25)), "branches": {"dev": _tip(c, branch)}}


@op("branch-old", "a branch from an old version, another from that branch")
def _(c):
    c.write(people(0, c.rows))
    c.append(people(c.rows, 20))
    first = call(c.open(), "create_branch", "feature/one", 1)
    c.lance.write_dataset(people(2000, 10), first, mode="append")
    c.lance.dataset(first.uri).delete("id < 5")
    second = c.lance.dataset(first.uri).create_branch("two", _tip(c, first)[1])
    c.lance.write_dataset(people(3000, 10), second, mode="append")
    return {
        "ids": ids(range(c.rows + 20)),
        "branches": {"feature/one": _tip(c, first), "two": _tip(c, second)},
    }


@op("branch-tag", "a branch from a tag, a tag on a branch, a deleted branch")
def _(c):
    c.write(people(0, c.rows))
    ds = c.open()
    if not hasattr(ds, "create_branch"):
        raise Unsupported("no branches")
    ds.tags.create("base", 1)
    kept = ds.create_branch("kept", "base")
    ds.create_branch("gone", "base")
    call(c.open().branches, "delete", "gone")
    try:
        c.open().tags.create("onbranch", ("kept", _tip(c, kept)[1]))
    except TypeError as e:
        c.notes.append(f"tag on a branch: {e}")
    return {"ids": ids(range(c.rows)), "branches": {"kept": _tip(c, kept)}}


@op("shallow-clone", "a shallow clone, appended to")
def _(c):
    source = c.aux("source.lance")
    c.write(people(0, c.rows), path=source)
    c.write(people(c.rows, 20), path=source, mode="append")
    call(c.lance.dataset(source), "shallow_clone", c.path, 1)
    c.append(people(5000, 10))
    c.open().delete("id < 5")
    return {"ids": ids(range(5, c.rows), range(5000, 5010))}


@op("shallow-clone-tag", "a shallow clone of a tagged version with deletes and an index")
def _(c):
    source = c.aux("source.lance")
    c.write(people(0, c.rows), path=source)
    ds = c.lance.dataset(source)
    ds.delete("id < 10")
    ds.create_scalar_index("id", index_type="BTREE")
    ds = c.lance.dataset(source)
    if not hasattr(ds, "shallow_clone"):
        raise Unsupported("no shallow_clone")
    ds.tags.create("base", ds.version)
    ds.shallow_clone(c.path, "base")
    return {"ids": ids(range(10, c.rows)), "filters": [["id = 30", 1]]}


@op("deep-clone", "a deep clone")
def _(c):
    source = c.aux("source.lance")
    c.write(people(0, c.rows), path=source)
    ds = c.lance.dataset(source)
    ds.delete("id < 10")
    call(c.lance.dataset(source), "deep_clone", c.path, 2)
    return {"ids": ids(range(10, c.rows))}


@op("cleanup", "old versions cleaned up")
def _(c):
    c.four_fragments()
    c.open().delete("id % 10 = 3")
    c.compact()
    c.append(people(c.rows, 10))
    c.open().cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)
    return {"ids": [i for i in range(c.rows) if i % 10 != 3] + list(range(c.rows, c.rows + 10))}


@op("cleanup-tagged", "cleanup that keeps a tagged version")
def _(c):
    c.write(people(0, c.rows))
    for i in range(3):
        c.append(people(c.rows + 10 * i, 10))
    tags = getattr(c.open(), "tags", None)
    if tags is None:
        raise Unsupported("no tags")
    tags.create("keep", 2)
    c.open().cleanup_old_versions(older_than=timedelta(0), error_if_tagged_old_versions=False)
    return {"ids": ids(range(c.rows + 30))}


@op("auto-cleanup", "automatic cleanup configured at creation")
def _(c):
    c.write(people(0, c.rows), auto_cleanup_options={"interval": 2, "older_than_seconds": 0})
    for i in range(5):
        c.append(people(c.rows + 10 * i, 10))
    return {"ids": ids(range(c.rows + 50))}


# --- stable row ids ---


def _stable_ops():
    def base(c):
        return c.four_fragments(**c.stable_ids())

    def plain(c):
        base(c)
        return ids(range(c.rows))

    def append(c):
        base(c)
        c.append(people(c.rows, 20))
        return ids(range(c.rows + 20))

    def update(c):
        base(c)
        call(c.open(), "update", {"name": "'u'"}, where="id % 4 = 1")
        call(c.open(), "update", {"name": "'v'"}, where="id % 8 = 1")
        return ids(range(c.rows))

    def delete(c):
        base(c)
        c.open().delete("id % 4 = 1 OR id < 30")
        return [i for i in range(30, c.rows) if i % 4 != 1]

    def compact(c):
        base(c)
        c.open().delete("id % 4 = 1")
        c.compact()
        return [i for i in range(c.rows) if i % 4 != 1]

    def merge_insert(c):
        base(c)
        _upsert(c, c.open().merge_insert("id")).execute(people(c.rows - 20, 40))
        return ids(range(c.rows + 20))

    def columns(c):
        base(c)
        c.open().add_columns({"double": "id * 2"})
        c.open().drop_columns(["name"])
        return ids(range(c.rows))

    def index(c):
        base(c)
        c.scalar_index("id", "BTREE")
        c.open().delete("id % 4 = 1")
        c.compact()
        c.append(people(c.rows, 20))
        call(c.open().optimize, "optimize_indices")
        return [i for i in range(c.rows) if i % 4 != 1] + list(range(c.rows, c.rows + 20))

    def overwrite(c):
        base(c)
        c.write(people(500, 20), mode="overwrite")
        return ids(range(500, 520))

    def everything(c):
        base(c)
        c.append(people(c.rows, 20))
        call(c.open(), "update", {"name": "'u'"}, where="id % 4 = 1")
        c.open().delete("id % 5 = 1")
        c.compact()
        c.append(people(c.rows + 20, 20))
        _upsert(c, c.open().merge_insert("id")).execute(people(0, 12))
        kept = {i for i in range(c.rows + 20) if i % 5 != 1}
        return sorted(kept | set(range(c.rows + 20, c.rows + 40)) | set(range(12)))

    for func, what in (
        (plain, "created"),
        (append, "appended to"),
        (update, "updated twice"),
        (delete, "deleted from"),
        (compact, "compacted after a delete"),
        (merge_insert, "merge_insert"),
        (columns, "columns added and dropped"),
        (index, "indexed, compacted and the index optimized"),
        (overwrite, "overwritten"),
        (everything, "append, update, delete, compact, append, merge_insert"),
    ):
        name = func.__name__.replace("_", "-")
        op(f"stable-rowids-{name}", f"stable row ids: {what}")(lambda c, f=func: {"ids": f(c)})


_stable_ops()


# --- manifests and metadata ---


@op("manifest-v1-paths", "V1 names of manifests")
def _(c):
    c.write(people(0, c.rows), enable_v2_manifest_paths=False)
    c.append(people(c.rows, 10))
    return {"ids": ids(range(c.rows + 10))}


@op("manifest-v2-paths", "V2 names of manifests")
def _(c):
    c.write(people(0, c.rows), enable_v2_manifest_paths=True)
    c.append(people(c.rows, 10))
    return {"ids": ids(range(c.rows + 10))}


@op("manifest-migrate", "manifests migrated from V1 to V2 names")
def _(c):
    c.write(people(0, c.rows), enable_v2_manifest_paths=False)
    c.append(people(c.rows, 10))
    call(c.open(), "migrate_manifest_paths_v2")
    c.append(people(c.rows + 10, 10))
    return {"ids": ids(range(c.rows + 20))}


@op("detached", "a detached commit next to the main line")
def _(c):
    c.write(people(0, c.rows), enable_v2_manifest_paths=True)
    fragments = c.fragments(people(c.rows, 10))
    c.commit(c.operation("Append", fragments), detached=True)
    c.append(people(c.rows, 5))
    return {"ids": ids(range(c.rows + 5))}


@op("config", "configuration set, changed and deleted")
def _(c):
    c.write(people(0, c.rows))
    call(
        c.open(),
        "update_config",
        {"answer": "42", "doomed": "1", "lance.compaction.target_rows_per_fragment": "99"},
    )
    call(c.open(), "update_config", {"answer": "43"})
    call(c.open(), "delete_config_keys", ["doomed"])
    return {"ids": ids(range(c.rows))}


@op("table-metadata", "table metadata set, changed and replaced")
def _(c):
    c.write(people(0, c.rows))
    call(c.open(), "update_metadata", {"author": "somebody", "x": "1"})
    call(c.open(), "update_metadata", {"x": None, "y": "2"})
    call(c.open(), "update_metadata", {"z": "3"}, replace=True)
    return {"ids": ids(range(c.rows))}


@op("schema-metadata", "schema metadata replaced")
def _(c):
    c.write(people(0, c.rows))
    call(c.open(), "replace_schema_metadata", {"origin": "sensor", "naïve": "λ"})
    return {"ids": ids(range(c.rows))}


@op("field-metadata", "replace_field_metadata and update_field_metadata")
def _(c):
    c.write(people(0, c.rows))
    call(c.open(), "replace_field_metadata", "name", {"doc": "full name"})
    if hasattr(c.open(), "update_field_metadata"):
        c.open().update_field_metadata({"id": {"doc": "key"}, "s.a": {"doc": "child"}})
    return {"ids": ids(range(c.rows))}


@op("update-config-op", "LanceOperation.UpdateConfig committed by hand")
def _(c):
    c.write(people(0, c.rows))
    change = c.operation("UpdateMap", {"k": "v"})
    c.commit(c.operation("UpdateConfig", config_updates=change, schema_metadata_updates=change))
    return {"ids": ids(range(c.rows))}


def _base_path(c, path, name, **kw):
    cls = getattr(c.lance, "DatasetBasePath", None)
    if cls is None:
        raise Unsupported("lance has no DatasetBasePath")
    os.makedirs(path, exist_ok=True)
    return cls(path, name=name, **kw)


@op("base-paths-create", "data files in base paths given at creation")
def _(c):
    one_, two = _base_path(c, c.aux("base1"), "one"), _base_path(c, c.aux("base2"), "two")
    c.write(people(0, c.rows), initial_bases=[one_, two], target_bases=["one"], max_rows_per_file=50)
    c.append(people(c.rows, 20), target_bases=["two"])
    c.append(people(c.rows + 20, 20))
    return {"ids": ids(range(c.rows + 40))}


@op("base-paths-root", "a base path laid out like a dataset, with deletes")
def _(c):
    base = _base_path(c, c.aux("base1"), "root", is_dataset_root=True)
    c.write(people(0, c.rows), initial_bases=[base], target_bases=["root"], max_rows_per_file=50)
    c.open().delete("id % 6 = 1")
    return {"ids": [i for i in range(c.rows) if i % 6 != 1]}


@op("base-paths-add", "base paths added later")
def _(c):
    c.write(people(0, c.rows))
    base = _base_path(c, c.aux("base1"), "later")
    call(c.open(), "add_bases", [base])
    c.append(people(c.rows, 20), target_bases=["later"])
    return {"ids": ids(range(c.rows + 20))}


# --- fragments and transactions by hand ---


@op("write-fragments", "write_fragments and a commit")
def _(c):
    os.makedirs(c.path, exist_ok=True)
    fragments = c.fragments(people(0, c.rows), max_rows_per_file=c.rows // 4)
    c.commit(c.operation("Overwrite", PEOPLE, fragments), read_version=None)
    fragments = c.fragments(people(c.rows, 20))
    c.commit(c.operation("Append", fragments))
    return {"ids": ids(range(c.rows + 20))}


@op("fragment-create", "LanceFragment.create and a commit")
def _(c):
    func = c.lance.LanceFragment.create
    kw = c.version_kwargs(func)
    fragments = [func(c.path, people(30 * i, 30), fragment_id=i, **kw) for i in range(3)]
    fragments = [getattr(f, "metadata", f) for f in fragments]
    c.commit(c.operation("Overwrite", PEOPLE, fragments), read_version=None)
    return {"ids": ids(range(90))}


@op("fragment-create-unordered", "fragments committed with ids of their own, with gaps and out of order")
def _(c):
    func = c.lance.LanceFragment.create
    kw = c.version_kwargs(func)
    fragments = [func(c.path, people(30 * i, 30), fragment_id=j, **kw) for i, j in enumerate((7, 2, 11))]
    fragments = [getattr(f, "metadata", f) for f in fragments]
    c.commit(c.operation("Overwrite", PEOPLE, fragments), read_version=None)
    c.append(people(90, 10))
    return {"ids": ids(range(100))}


@op("commit-batch", "several transactions committed as one")
def _(c):
    c.write(people(0, c.rows))
    transactions = [
        c.fragments(people(c.rows + 10 * i, 10), return_transaction=True, mode="append") for i in range(3)
    ]
    call(c.lance.LanceDataset, "commit_batch", c.path, transactions)
    return {"ids": ids(range(c.rows + 30))}


@op("commit-uncommitted-merge", "merge_insert executed first and committed later")
def _(c):
    c.four_fragments()
    builder = _upsert(c, c.open().merge_insert("id"))
    transaction = call(builder, "execute_uncommitted", people(c.rows - 10, 20))
    transaction = transaction[0] if isinstance(transaction, tuple) else transaction
    c.lance.LanceDataset.commit(c.open(), transaction)
    return {"ids": ids(range(c.rows + 10))}


@op("mixed-versions-append", "an append in another file version", since="2.0")
def _(c):
    c.write(people(0, c.rows))
    c.append(people(c.rows, 10), version="2.1" if c.version != "2.1" else "2.0")
    return {"ids": ids(range(c.rows + 10))}


@op("mixed-versions-many", "appends in several file versions", since="2.0")
def _(c):
    c.write(people(0, c.rows))
    others = [v for v in ("2.0", "2.1", "2.2") if v != c.version]
    for i, other in enumerate(others):
        c.append(people(c.rows + 10 * i, 10), version=other)
    return {"ids": ids(range(c.rows + 10 * len(others)))}


@op("mixed-versions-fragments", "fragments of another file version committed by hand", since="2.0")
def _(c):
    c.write(people(0, c.rows))
    fragments = c.fragments(people(c.rows, 10), version="2.1" if c.version != "2.1" else "2.0", mode="append")
    c.commit(c.operation("Append", fragments))
    return {"ids": ids(range(c.rows + 10))}


@op("mixed-versions-legacy", "legacy and v2 fragments in one dataset")
def _(c):
    c.write(people(0, c.rows))
    fragments = c.fragments(people(c.rows, 10), version="2.0" if c.version == "0.1" else "0.1", mode="append")
    c.commit(c.operation("Append", fragments))
    return {"ids": ids(range(c.rows + 10))}


@op("mem-wal", "a MemWAL index and a write that is still in the log")
def _(c):
    schema = pa.schema(
        [
            pa.field(
                "id", pa.int64(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"}
            ),
            pa.field("v", pa.string()),
        ]
    )
    ds = c.write(pa.table([list(range(20)), ["v"] * 20], schema=schema))
    call(ds, "initialize_mem_wal", unsharded=True)
    with c.open().mem_wal_writer("00000000-0000-4000-8000-000000000001") as writer:
        writer.put(pa.table([[20, 21], ["w", "w"]], schema=schema))
    return {"ids": ids(range(20))}


# --- sequences ---


def _attempt(c, label, func):
    """A step of a sequence, left out where this version has no such API."""
    try:
        func()
        return True
    except Unsupported as e:
        c.notes.append(f"{label}: {e}")
        return False


@op("sequence-long", "many operations one after the other")
def _(c):
    n = c.rows
    kept = set(range(n))
    c.four_fragments()
    c.append(people(n, 40))
    kept |= set(range(n, n + 40))
    c.scalar_index("id", "BTREE")
    c.open().delete("id % 9 = 2")
    kept -= {i for i in kept if i % 9 == 2}
    _attempt(c, "update", lambda: call(c.open(), "update", {"name": "'u'"}, where="id % 4 = 0"))
    c.open().add_columns({"double": "id * 2"})
    _attempt(c, "tag", lambda: call(getattr(c.open(), "tags", None), "create", "middle", c.open().version))
    _attempt(c, "config", lambda: call(c.open(), "update_config", {"k": "v"}))
    c.open().alter_columns({"path": "name", "name": "label"})
    _upsert(c, c.open().merge_insert("id")).execute(c.open().to_table(filter="id < 20"))
    c.open().drop_columns(["tags"])
    c.compact()
    _attempt(c, "optimize_indices", lambda: call(c.open().optimize, "optimize_indices"))
    more = c.open().to_table(filter="id >= 20 AND id < 30")
    shifted = pa.array([v + 1000 for v in more.column("id").to_pylist()], pa.int64())
    c.append(more.set_column(more.column_names.index("id"), "id", shifted))
    kept |= set(shifted.to_pylist())
    _attempt(c, "branch", lambda: call(c.open(), "create_branch", "side"))
    _attempt(c, "field metadata", lambda: call(c.open(), "replace_field_metadata", "x", {"doc": "x"}))
    c.open().delete("id < 7")
    kept -= set(range(7))
    return {"ids": sorted(kept)}


def _random_sequence(seed):
    def run(c):
        rng = random.Random(seed)
        kept, following, extra = set(range(40)), 40, 0
        c.write(people(0, 40), max_rows_per_file=rng.choice([10, 40]))
        columns = PEOPLE.names
        indexed = False

        def rows(start, n):
            table = people(start, n)
            for name in columns:
                if name not in table.column_names:
                    table = table.append_column(name, pa.array(range(start, start + n), pa.int64()))
            return table.select(columns)

        for _ in range(14):
            step = rng.choice(
                "append append delete update compact add drop upsert index optimize restore".split()
            )
            if step == "append":
                n = rng.randint(1, 30)
                c.append(rows(following, n))
                kept |= set(range(following, following + n))
                following += n
            elif step == "delete":
                k = rng.randint(2, 9)
                c.open().delete(f"id % {k} = 1")
                kept -= {i for i in kept if i % k == 1}
            elif step == "update" and hasattr(c.open(), "update"):
                c.open().update({"cat": "'upd'"}, where=f"id % {rng.randint(2, 9)} = 0")
            elif step == "compact":
                c.compact()
            elif step == "add":
                c.open().add_columns({f"extra{extra}": "id"})
                columns.append(f"extra{extra}")
                extra += 1
            elif step == "drop" and len(columns) > 3:
                name = columns.pop(rng.randint(2, len(columns) - 1))
                c.open().drop_columns([name])
            elif step == "upsert":
                low, n = rng.randint(0, following), rng.randint(1, 20)
                _upsert(c, c.open().merge_insert("id")).execute(rows(low, n))
                kept |= set(range(low, low + n))
                following = max(following, low + n)
            elif step == "index":
                c.scalar_index("id", "BTREE")
                indexed = True
            elif step == "optimize" and indexed:
                call(c.open().optimize, "optimize_indices")
            elif step == "restore":
                ds = c.open()
                c.open(version=ds.version).restore()
        return {"ids": sorted(kept)}

    return run


for _seed in range(6):
    op(f"sequence-random{_seed}", f"fourteen random operations (seed {_seed})")(_random_sequence(_seed))


# ---------------------------------------------------------------------------
# Operations with LanceDB
# ---------------------------------------------------------------------------


class LanceDBContext:
    def __init__(self, path, version, rows):
        import lancedb

        self.lancedb, self.version, self.rows, self.path = lancedb, version, rows, path
        folder, name = os.path.split(path)
        self.db, self.name = lancedb.connect(folder), name[: -len(".lance")]
        self.notes = []

    def create(self, data, mode="create", **kw):
        if self.version != "default":
            kw["data_storage_version"] = "legacy" if self.version == "0.1" else self.version
        # The option moved from an argument into the storage options and back over time.
        func = self.db.create_table
        for name in [k for k in kw if not accepts(func, k)]:
            options = kw.setdefault("storage_options", {})
            options["new_table_" + name] = str(kw.pop(name)).lower()
        return func(self.name, data, mode=mode, **kw)

    def table(self):
        return self.db.open_table(self.name)


lancedb_op = functools.partial(op, writer="lancedb")


@lancedb_op("create", "create_table", versions=(*STORAGE_VERSIONS, "default"))
def _(c):
    c.create(people(0, c.rows))
    return {"ids": ids(range(c.rows))}


@lancedb_op("create-pylist", "create_table from Python dictionaries")
def _(c):
    c.create([{"id": i, "vector": [float(i), 1.0, 2.0], "item": {"name": str(i)}} for i in range(20)])
    return {"ids": ids(range(20))}


@lancedb_op("create-empty", "create_table from a schema")
def _(c):
    kw = {} if c.version == "default" else {"data_storage_version": c.version}
    c.db.create_table(c.name, schema=PEOPLE, **kw)
    c.table().add(people(0, 10))
    return {"ids": ids(range(10))}


@lancedb_op("create-v1-manifests", "create_table with V1 manifest names, then migrated")
def _(c):
    c.create(people(0, c.rows), storage_options={"new_table_enable_v2_manifest_paths": "false"})
    c.table().add(people(c.rows, 10))
    try:
        call(c.table(), "migrate_v2_manifest_paths")
    except AttributeError as e:  # offered by the class, missing in what it wraps
        c.notes.append(f"migrate_v2_manifest_paths: {e}")
    return {"ids": ids(range(c.rows + 10))}


@lancedb_op("stable-rowids", "create_table with stable row ids, then an update and optimize")
def _(c):
    c.create(people(0, c.rows), enable_stable_row_ids=True)
    c.table().update(where="id < 10", values={"name": "u"})
    c.table().optimize()
    return {"ids": ids(range(c.rows))}


@lancedb_op("overwrite", "create_table in overwrite mode")
def _(c):
    c.create(people(0, c.rows))
    c.create(pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]}), mode="overwrite")
    return {"ids": [1, 2, 3]}


@lancedb_op("add", "add, also in overwrite mode")
def _(c):
    c.create(people(0, c.rows))
    c.table().add(people(c.rows, 20))
    c.table().add(people(500, 20), mode="overwrite")
    c.table().add(people(520, 5))
    return {"ids": ids(range(500, 525))}


@lancedb_op("delete", "delete")
def _(c):
    c.create(people(0, c.rows))
    c.table().delete("id % 5 = 1")
    return {"ids": [i for i in range(c.rows) if i % 5 != 1]}


@lancedb_op("update", "update by values and by SQL")
def _(c):
    c.create(people(0, c.rows))
    c.table().update(where="id < 10", values={"name": "u"})
    c.table().update(values_sql={"x": "CAST(id AS double) / 4"})
    return {"ids": ids(range(c.rows))}


@lancedb_op("merge-insert", "merge_insert: upsert")
def _(c):
    c.create(people(0, c.rows))
    c.table().merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(
        people(c.rows - 10, 20)
    )
    return {"ids": ids(range(c.rows + 10))}


@lancedb_op("merge-insert-replace", "merge_insert: replace a range")
def _(c):
    c.create(people(0, c.rows))
    builder = c.table().merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    builder.when_not_matched_by_source_delete("id < 50").execute(people(c.rows - 10, 20))
    return {"ids": ids(range(50, c.rows + 10))}


@lancedb_op("columns", "add_columns (SQL and null), alter_columns, drop_columns")
def _(c):
    c.create(people(0, c.rows))
    c.table().add_columns({"double": "id * 2"})
    c.table().add_columns(pa.field("later", pa.int32()))
    c.table().alter_columns({"path": "name", "rename": "label"})
    c.table().alter_columns({"path": "double", "data_type": pa.int32()})
    c.table().drop_columns(["tags"])
    return {"ids": ids(range(c.rows)), "cols": ["id", "cat", "label", "x", "s", "double", "later"]}


@lancedb_op("columns-computed", "add_columns of a computed column, refreshed")
def _(c):
    c.create(people(0, c.rows))
    table = c.table()
    if not accepts(table.add_columns, "computed"):
        raise Unsupported("add_columns has no computed")
    table.add_columns(computed={"double": "id * 2"})
    table.refresh_column("double")
    return {"ids": ids(range(c.rows))}


@lancedb_op("index-scalar", "BTREE, BITMAP and LABEL_LIST indices")
def _(c):
    c.create(people(0, c.rows))
    c.table().create_scalar_index("id")
    c.table().create_scalar_index("cat", index_type="BITMAP")
    c.table().create_scalar_index("tags", index_type="LABEL_LIST")
    c.table().add(people(c.rows, 20))
    c.table().optimize()
    return {"ids": ids(range(c.rows + 20))}


@lancedb_op("index-fts", "full text index")
def _(c):
    c.create(documents(0, 100))
    c.table().create_fts_index("text")
    c.table().add(documents(100, 20))
    c.table().optimize()
    return {"ids": ids(range(120))}


@lancedb_op("index-fts-positions", "full text index with positions")
def _(c):
    c.create(documents(0, 100))
    c.table().create_fts_index("text", with_position=True)
    return {"ids": ids(range(100))}


for _kind in ("IVF_FLAT", "IVF_PQ", "IVF_SQ", "IVF_RQ", "IVF_HNSW_SQ", "IVF_HNSW_PQ", "IVF_HNSW_FLAT"):

    def _vector(c, kind=_kind):
        c.create(documents(0, 320))
        kw = {"num_sub_vectors": 4} if "PQ" in kind else {}
        c.table().create_index(metric="l2", num_partitions=2, vector_column_name="vec", index_type=kind, **kw)
        c.table().add(documents(320, 40))
        c.table().optimize()
        return {"ids": ids(range(360))}

    lancedb_op(f"index-{_kind.lower().replace('_', '-')}", f"{_kind} index, add, optimize")(_vector)


@lancedb_op("optimize", "many small adds, deletes, optimize with cleanup")
def _(c):
    c.create(people(0, 30))
    for i in range(1, 6):
        c.table().add(people(30 * i, 30))
    c.table().delete("id % 4 = 1")
    c.table().optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
    return {"ids": [i for i in range(180) if i % 4 != 1]}


@lancedb_op("restore-tags", "tags and restore")
def _(c):
    c.create(people(0, c.rows))
    c.table().add(people(c.rows, 10))
    c.table().tags.create("first", 1)
    table = c.table()
    table.checkout(1)
    table.restore()
    return {"ids": ids(range(c.rows))}


@lancedb_op("branch", "a branch with a commit of its own")
def _(c):
    c.create(people(0, c.rows))
    branches = getattr(c.table(), "branches", None)
    if branches is None:
        raise Unsupported("no branches")
    branches.create("dev").add(people(c.rows, 10))
    return {"ids": ids(range(c.rows))}


@lancedb_op("primary-key", "set_unenforced_primary_key")
def _(c):
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("v", pa.string())])
    c.create(pa.table([list(range(9)), ["v"] * 9], schema=schema))
    call(c.table(), "set_unenforced_primary_key", ["id"])
    return {"ids": ids(range(9))}


@lancedb_op("field-metadata", "replace_field_metadata")
def _(c):
    c.create(people(0, c.rows))
    call(c.table(), "replace_field_metadata", "name", {"doc": "full name"})
    return {"ids": ids(range(c.rows))}


@lancedb_op("sequence", "several operations one after the other")
def _(c):
    c.create(people(0, c.rows))
    c.table().create_scalar_index("id")
    c.table().add(people(c.rows, 20))
    c.table().delete("id % 5 = 1")
    c.table().update(where="id < 10", values={"name": "u"})
    c.table().add_columns({"double": "id * 2"})
    c.table().optimize()
    return {"ids": [i for i in range(c.rows + 20) if i % 5 != 1]}


# ---------------------------------------------------------------------------
# Operations with Daft
# ---------------------------------------------------------------------------


class DaftContext:
    def __init__(self, path, version, rows):
        import daft

        self.daft, self.path, self.version, self.rows = daft, path, version, rows
        self.notes = []

    def write(self, data, mode="create", **kw):
        if self.version != "default" and mode != "append":
            kw["data_storage_version"] = "legacy" if self.version == "0.1" else self.version
        frame = self.daft.from_arrow(data) if isinstance(data, pa.Table) else data
        frame.write_lance(self.path, mode=mode, **kw)

    def plugin(self, name):
        try:
            import daft_lance
        except ImportError:
            raise Unsupported("daft_lance is not installed") from None
        if not hasattr(daft_lance, name):
            raise Unsupported(f"daft_lance has no {name}")
        return getattr(daft_lance, name)


daft_op = functools.partial(op, writer="daft")


@daft_op("create", "write_lance", versions=(*STORAGE_VERSIONS, "default"))
def _(c):
    c.write(people(0, c.rows))
    return {"ids": ids(range(c.rows))}


@daft_op("create-fragments", "write_lance with small files")
def _(c):
    c.write(people(0, c.rows), max_rows_per_file=30)
    return {"ids": ids(range(c.rows))}


@daft_op("create-partitions", "write_lance of several partitions")
def _(c):
    frame = c.daft.from_arrow([people(30 * i, 30) for i in range(4)])
    c.write(frame.into_partitions(4) if hasattr(frame, "into_partitions") else frame)
    return {"ids": ids(range(120))}


@daft_op("empty", "write_lance of no rows")
def _(c):
    c.write(people(0, 0))
    return {"ids": []}


@daft_op("append", "write_lance, twice in append mode", versions=(*STORAGE_VERSIONS, "default"))
def _(c):
    c.write(people(0, c.rows))
    c.write(people(c.rows, 20), mode="append")
    c.write(people(c.rows + 20, 20), mode="append")
    return {"ids": ids(range(c.rows + 40))}


@daft_op("overwrite", "write_lance in overwrite mode")
def _(c):
    c.write(people(0, c.rows))
    c.write(people(500, 20), mode="overwrite")
    return {"ids": ids(range(500, 520))}


@daft_op("overwrite-schema", "write_lance in overwrite mode with another schema")
def _(c):
    c.write(people(0, c.rows))
    c.write(pa.table({"id": [1, 2], "v": ["a", "b"]}), mode="overwrite")
    return {"ids": [1, 2]}


@daft_op("insert-overwrite", "daft_lance.write_lance in insert_overwrite mode")
def _(c):
    c.write(people(0, c.rows))
    write = c.plugin("write_lance")
    if not accepts(write, "overwrite_where"):
        raise Unsupported("write_lance has no overwrite_where")
    write(c.daft.from_arrow(people(0, 5)), c.path, mode="insert_overwrite", overwrite_where="id < 20")
    return {"ids": ids(range(5), range(20, c.rows))}


@daft_op("merge-columns", "daft_lance.merge_columns: new columns from a function")
def _(c):
    c.write(people(0, c.rows), max_rows_per_file=30)

    def double(batch):
        return pa.record_batch([pa.array([v * 2 for v in batch.column("id").to_pylist()])], ["double"])

    c.plugin("merge_columns")(c.path, transform=double, read_columns=["id"])
    return {"ids": ids(range(c.rows))}


@daft_op("merge-columns-df", "daft_lance.merge_columns_df: new columns from a data frame")
def _(c):
    c.write(people(0, c.rows), max_rows_per_file=30)
    frame = c.plugin("read_lance")(
        c.path, default_scan_options={"with_row_address": True}, include_fragment_id=True
    )
    frame = frame.select("_rowaddr", "fragment_id", (frame["id"] * 2).alias("double"))
    c.plugin("merge_columns_df")(frame, c.path)
    return {"ids": ids(range(c.rows))}


@daft_op("merge", "write_lance in merge mode")
def _(c):
    c.write(people(0, c.rows), max_rows_per_file=30)
    frame = c.daft.read_lance(
        c.path, default_scan_options={"with_row_address": True}, include_fragment_id=True
    )
    frame = frame.select("_rowaddr", "fragment_id", (frame["id"] * 2).alias("double"))
    frame.write_lance(c.path, mode="merge")
    return {"ids": ids(range(c.rows))}


@daft_op("update-columns-df", "daft_lance.update_columns_df")
def _(c):
    c.write(people(0, c.rows), max_rows_per_file=30)
    frame = c.plugin("read_lance")(
        c.path, default_scan_options={"with_row_address": True}, include_fragment_id=True
    )
    frame = frame.where(frame["id"] < 10).select("_rowaddr", "fragment_id", (frame["x"] * 2).alias("x"))
    c.plugin("update_columns_df")(frame, c.path, columns=["x"])
    return {"ids": ids(range(c.rows))}


for _kind, _col in (("BTREE", "id"), ("BITMAP", "cat"), ("INVERTED", "name")):

    def _index(c, kind=_kind, col=_col):
        c.write(people(0, c.rows), max_rows_per_file=30)
        c.plugin("create_scalar_index")(c.path, column=col, index_type=kind)
        c.write(people(c.rows, 20), mode="append")
        c.plugin("optimize_indices")(c.path)
        return {"ids": ids(range(c.rows + 20))}

    daft_op(f"index-{_kind.lower()}", f"daft_lance.create_scalar_index {_kind}, append, optimize_indices")(
        _index
    )


@daft_op("compact", "daft_lance.compact_files")
def _(c):
    c.write(people(0, 30))
    for i in range(1, 5):
        c.write(people(30 * i, 30), mode="append")
    c.plugin("compact_files")(c.path)
    return {"ids": ids(range(150))}


CONTEXTS = {"pylance": Context, "lancedb": LanceDBContext, "daft": DaftContext}


# ---------------------------------------------------------------------------
# Child processes: writing
# ---------------------------------------------------------------------------


def write_type(writer, case, path, version, rows):
    table, notes = table_of(case, rows), []
    for name, setting in case.env.items():
        os.environ[name] = setting
    try:
        ctx = CONTEXTS[writer](path, version, rows)
        if writer == "pylance":
            hints = {k: v for k, v in case.hints.items() if accepts(ctx.lance.write_dataset, k)}
            notes = [f"write_dataset has no {k}" for k in case.hints if k not in hints]
            ctx.write(table, **case.options, **hints)
        elif case.options or case.env:
            raise Unsupported("needs an option of pylance")
        elif writer == "lancedb":
            ctx.create(table)
        else:
            ctx.write(table)
    finally:
        for name in case.env:
            os.environ.pop(name, None)
    return {"rows": table.num_rows}, notes


def do_write(job):
    path, version, rows = job["path"], job["version"], job["rows"]
    if job["kind"] == "type":
        expect, notes = write_type(job["writer"], TYPE_CASES[job["case"]], path, version, rows)
    else:
        context = CONTEXTS[job["writer"]](path, version, rows)
        expect = OPS[job["writer"]][job["case"]][3](context)
        notes = context.notes
    if not os.path.isdir(os.path.join(path, "_versions")):
        raise Unsupported("nothing was written")
    return {"expect": expect, "notes": notes}


# ---------------------------------------------------------------------------
# Child processes: reading and comparing
# ---------------------------------------------------------------------------


def comparable(v):
    """A form of a Python value in which equal data is equal (NaN included)."""
    if isinstance(v, (float, np.floating)):
        return "nan" if math.isnan(v) else (float(v), math.copysign(1, v))
    if isinstance(v, dict):
        return {k: comparable(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [comparable(x) for x in v]
    if isinstance(v, np.ndarray):
        return [comparable(x) for x in v.tolist()]
    # Scalars of an extension type need not support equality.
    return str(v) if type(v).__module__.startswith("lance") else v


def plain_values(array):
    out = []
    for chunk in array.chunks if isinstance(array, pa.ChunkedArray) else [array]:
        while isinstance(chunk, pa.ExtensionArray):
            chunk = chunk.storage
        out.extend(chunk.to_pylist())
    return out


def first_difference(want, got):
    if len(want) != len(got):
        return f"{len(got)} values instead of {len(want)}"
    for i, (a, b) in enumerate(zip(want, got)):
        if a != b:
            return f"row {i}: wrote {str(a)[:120]}, read {str(b)[:120]}"
    return None


def compare_type(case, rows, table, ds):
    """(equal, note) for a type dataset that has been read as `table`."""
    want = table_of(case, rows)
    if case.compare == "none":
        return None, None
    if table.column_names != want.column_names:
        return False, f"columns {table.column_names} instead of {want.column_names}"
    notes = []
    for name in want.column_names:
        expected, actual = want.column(name), table.column(name)
        if case.compare == "blob" and name == "v" and pa.types.is_struct(actual.type):
            if not hasattr(ds, "take_blobs"):
                return None, "no take_blobs to compare with"
            difference = compare_blobs(ds, expected)
            if difference:
                return False, f"{name}: {difference}"
            continue
        if expected.type != actual.type:
            notes.append(f"type of {name}: {expected.type} read as {actual.type}")
        try:
            if expected.type == actual.type and expected.equals(actual):
                continue
        except pa.ArrowNotImplementedError:
            pass
        a, b = plain_values(expected), plain_values(actual)
        if case.compare == "json":
            a, b = [[None if v is None else json.loads(v) for v in x] for x in (a, b)]
        difference = first_difference([comparable(v) for v in a], [comparable(v) for v in b])
        if difference:
            return False, "; ".join([*notes, f"{name}: {difference}"])
    return True, "; ".join(notes) or None


def compare_blobs(ds, expected):
    """Blobs come back as descriptors, so their bytes are fetched separately."""
    values = []
    for chunk in expected.chunks:
        storage = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
        values += [v["data"] if isinstance(v, dict) else v for v in storage.to_pylist()]
    kwargs = {"indices": list(range(len(values)))} if accepts(ds.take_blobs, "indices") else None
    files = ds.take_blobs("v", **kwargs) if kwargs else ds.take_blobs(list(range(len(values))), "v")
    present = [v for v in values if v is not None]
    got = [None if f is None else f.readall() for f in files]
    # Whether take_blobs leaves nulls out has changed between versions.
    wanted = values if len(got) == len(values) else present
    if len(got) == len(values):
        wanted = [v if g is not None else v for v, g in zip(values, got)]
    difference = first_difference(wanted, got)
    if difference and [v or b"" for v in wanted] == [v or b"" for v in got]:
        return "empty and null blobs are mixed up: " + difference
    return difference


def check_expectations(ds, table, expect):
    """None, or how an operation's result differs from what it should be."""
    if "ids" in expect and sorted(table.column("id").to_pylist()) != expect["ids"]:
        want, got = set(expect["ids"]), table.column("id").to_pylist()
        return (
            f"ids differ: {len(got)} rows instead of {len(want)}, missing {sorted(want - set(got))[:5]}, "
            f"unexpected {sorted(set(got) - want)[:5]}"
        )
    if "cols" in expect and table.column_names != expect["cols"]:
        return f"columns {table.column_names} instead of {expect['cols']}"
    for text_, count in expect.get("filters", ()):
        got = ds.to_table(filter=text_).num_rows
        if got != count:
            return f"filter {text_!r} finds {got} rows instead of {count}"
    if "indices" in expect and len(ds.list_indices()) != expect["indices"]:
        return f"{len(ds.list_indices())} indices instead of {expect['indices']}"
    return None


def step(name, func):
    try:
        return func()
    except Exception as e:
        raise RuntimeError(f"{name}: {describe(e)}") from None


def read_pylance(job):
    import lance

    path, rows, expect = job["path"], job["rows"], job["expect"]
    ds = step("open", lambda: lance.dataset(path))
    count = step("count_rows", ds.count_rows)
    table = step("to_table", ds.to_table)
    if count != table.num_rows:
        raise RuntimeError(f"count_rows is {count}, to_table has {table.num_rows} rows")
    taken_equal = True
    if count and len(table.column_names):
        picks = sorted({0, count // 3, count // 2, count - 1})
        taken = step("take", lambda: ds.take(picks))
        want = [
            [comparable(table.column(i).slice(p, 1).to_pylist()[0]) for i in range(table.num_columns)]
            for p in picks
        ]
        columns = [[comparable(v) for v in taken.column(i).to_pylist()] for i in range(taken.num_columns)]
        taken_equal = want == [list(row) for row in zip(*columns)]
    out = {"rows": count, "take": "ok" if taken_equal else "other rows or values than to_table"}
    if job["kind"] == "type":
        if len(table.column_names):
            step("scan in small batches", lambda: sum(b.num_rows for b in ds.to_batches(batch_size=7)))
        out["values_equal"], out["note"] = step(
            "compare", lambda: compare_type(TYPE_CASES[job["case"]], rows, table, ds)
        )
        return out
    problem = step("check", lambda: check_expectations(ds, table, expect))
    out["values_equal"], out["note"] = problem is None, problem
    for version in [v["version"] for v in ds.versions()][-15:]:
        step(f"version {version}", lambda v=version: lance.dataset(path, version=v).to_table())
    for branch, (n, version) in expect.get("branches", {}).items():
        side = step(f"branch {branch}", lambda b=branch, v=version: ds.checkout_version((b, v)).to_table())
        if side.num_rows != n:
            raise RuntimeError(f"branch {branch} has {side.num_rows} rows instead of {n}")
    if "nearest" in expect:
        name = expect["nearest"]
        query = next(v for v in table.column(name).to_pylist() if v is not None)
        found = step(
            "nearest", lambda: ds.to_table(nearest={"column": name, "q": np.array(query, np.float32), "k": 5})
        )
        if found.num_rows != 5:
            raise RuntimeError(f"nearest finds {found.num_rows} rows instead of 5")
    return out


def read_lancedb(job):
    import lancedb

    folder, name = os.path.split(job["path"])
    table = step("open", lambda: lancedb.connect(folder).open_table(name[: -len(".lance")]))
    count = step("count_rows", table.count_rows)
    data = step("to_arrow", table.to_arrow)
    if count != data.num_rows:
        raise RuntimeError(f"count_rows is {count}, to_arrow has {data.num_rows} rows")
    out = {"rows": count}
    if job["kind"] == "type":
        case = TYPE_CASES[job["case"]]
        if case.compare == "blob":
            out["values_equal"], out["note"] = None, None
        else:
            out["values_equal"], out["note"] = step(
                "compare", lambda: compare_type(case, job["rows"], data, None)
            )
        return out
    expect = {k: v for k, v in job["expect"].items() if k in ("ids", "cols")}
    problem = step("check", lambda: check_expectations(None, data, expect))
    out["values_equal"], out["note"] = problem is None, problem
    for version in [v["version"] for v in table.list_versions()][-10:]:
        step(f"version {version}", lambda v=version: (table.checkout(v), table.to_arrow()))
    return out


def read_daft(job):
    import daft

    out = read_pylance(job)
    frame = step("daft.read_lance", lambda: daft.read_lance(job["path"]).to_arrow())
    if frame.num_rows != out["rows"]:
        raise RuntimeError(f"daft reads {frame.num_rows} rows, lance {out['rows']}")
    return out


READERS = {"pylance": read_pylance, "lancedb": read_lancedb, "daft": read_daft}


def describe(e):
    kind = type(e).__name__
    message = " ".join(str(e).split())
    return message if kind == "RuntimeError" else f"{kind}: {message}"


def child_main(role, out):
    """Answer one JSON job per line of stdin with one JSON line on the original stdout."""
    global OUT
    OUT = out
    # Without this the versions that can write overlays refuse to read them.
    os.environ.setdefault("LANCE_ENABLE_UNSTABLE_DATA_OVERLAY_FILES", "1")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not end up among the answers
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = do_write(job) if role == "write" else READERS[job["writer"]](job)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # a panic arrives as a PanicException
            answer = {"error": describe(e)[:600], "unsupported": isinstance(e, Unsupported)}
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


class Child:
    """A child process that survives the jobs that do not kill it."""

    def __init__(self, role, out, log):
        self.role, self.out, self.log, self.process = role, out, log, None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--child", self.role, self.out],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def run(self, job):
        if self.process is None:
            self.start()
        timer = threading.Timer(JOB_TIMEOUT, self.process.kill)
        timer.start()
        begun = time.time()
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line:
            return json.loads(line)
        code = self.process.wait()
        self.process = None
        if time.time() - begun >= JOB_TIMEOUT:
            return {"error": f"no answer within {JOB_TIMEOUT} s"}
        name = signal.Signals(-code).name if code < 0 else str(code)
        return {"error": f"the process ended with {name}"}

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


# ---------------------------------------------------------------------------
# The parent
# ---------------------------------------------------------------------------


def file_versions(path):
    """(major, minor) in the footers of a dataset's data files, as in the file."""
    found = set()
    for name in glob.glob(os.path.join(glob.escape(path), "**", "data", "**", "*.lance"), recursive=True):
        with open(name, "rb") as f:
            f.seek(0, os.SEEK_END)
            if f.tell() < 8:
                continue
            f.seek(-8, os.SEEK_END)
            major, minor, magic = struct.unpack("<HH4s", f.read(8))
        found.add(f"{major}.{minor}" if magic == b"LANC" else "?")
    return sorted(found)


def library_versions(writer):
    from importlib import metadata

    names = {"pylance": ["pylance"], "lancedb": ["lancedb"], "daft": ["daft", "daft-lance", "pylance"]}[
        writer
    ]
    out = {}
    for name in [*names, "pyarrow", "numpy"]:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return out


def probe_job(writer, out, version, rows):
    return {
        "writer": writer,
        "kind": "op",
        "case": "create",
        "version": version,
        "rows": rows,
        "path": os.path.join(out, f"probe-v{version}.lance"),
    }


def plan(writer, writable):
    """(name, job fields) of every dataset, cases in order and versions within a case."""
    for case in TYPE_CASES.values():
        if writer != "pylance" and (case.env or case.options or case.hints):
            continue
        if writer == "daft" and case.asks:  # Daft drops the metadata of fields
            continue
        for version in STORAGE_VERSIONS:
            if version in writable and version >= case.since:
                yield (
                    f"type-{case.name}-v{version}.lance",
                    {"kind": "type", "case": case.name, "what": case.what, "version": version},
                )
    for name, (what, since, versions, _func) in OPS[writer].items():
        for version in versions or STORAGE_VERSIONS:
            if version in writable and (version in ALIASES or version >= since):
                yield (
                    f"op-{name}-v{version}.lance",
                    {"kind": "op", "case": name, "what": what, "version": version},
                )


def remove(path):
    """Drop what a failed write left behind, together with its side directories."""
    for found in [path, *glob.glob(glob.escape(path[: -len(".lance")]) + "-*")]:
        if found == path or found.rsplit("-", 1)[1] in ("source.lance", "base1", "base2"):
            shutil.rmtree(found, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", help="directory to write the datasets into")
    parser.add_argument("--only", default="*", metavar="GLOB", help="datasets whose name matches")
    parser.add_argument("--rows", type=int, default=120, help="rows of a small dataset (default 120)")
    parser.add_argument("--writer", choices=sorted(CONTEXTS), default="pylance")
    parser.add_argument(
        "--reread",
        action="store_true",
        help="read the datasets that another pylance has written into OUT and list what differs from its own results",
    )
    args = parser.parse_args()
    if args.rows < 60:
        parser.error("--rows must be at least 60")

    out = os.path.abspath(args.out)
    os.makedirs(out, exist_ok=True)
    # A message of a library's progress or of a panic is worth keeping, not showing.
    log = open(os.path.join(out, "reread.log" if args.reread else "stderr.log"), "w")
    writing, reading = Child("write", out, log), Child("read", out, log)
    begun = time.time()
    if args.reread:
        reread(out, reading)
        return

    versions = {}
    for version in (*STORAGE_VERSIONS, *ALIASES):
        job = probe_job(args.writer, out, version, args.rows)
        shutil.rmtree(job["path"], ignore_errors=True)
        answer = writing.run(job)
        versions[version] = answer.get("error", "ok")
        written = file_versions(job["path"])
        # An API that ignores what it does not know would pass for supporting it.
        if versions[version] == "ok" and version in STORAGE_VERSIONS and not honours(version, written):
            versions[version] = f"not honoured: writes files of version {', '.join(written)}"
        shutil.rmtree(job["path"], ignore_errors=True)
    writable = {v for v, state in versions.items() if state == "ok"}
    print("storage versions:", ", ".join(v for v in versions if v in writable), flush=True)

    datasets = []
    for name, job in plan(args.writer, writable):
        if not fnmatch.fnmatch(name, args.only):
            continue
        path = os.path.join(out, name)
        remove(path)
        record = {
            "name": name,
            "path": name,
            "storage_version": job["version"],
            "what": job.pop("what"),
            "write": "ok",
            "read": None,
            "values_equal": None,
        }
        datasets.append(record)
        job.update(writer=args.writer, path=path, rows=args.rows)
        answer = writing.run(job)
        if "error" in answer:
            record["write"] = ("not supported: " if answer.get("unsupported") else "") + answer["error"]
            record["path"] = None
            remove(path)
            continue
        record["file_versions"] = file_versions(path)
        if answer["notes"]:
            record["skipped_steps"] = answer["notes"]
        job["expect"] = answer["expect"]
        answer = reading.run(job)
        record["read"] = answer.get("error", "ok")
        record["values_equal"] = answer.get("values_equal")
        for key in ("rows", "take", "note"):
            if answer.get(key) is not None:
                record[key] = answer[key]
    writing.stop()
    reading.stop()
    log.close()

    results = {
        "writer": {"name": args.writer, **library_versions(args.writer)},
        "rows": args.rows,
        "storage_versions": versions,
        "datasets": datasets,
    }
    with open(os.path.join(out, "results.json"), "w") as f:
        json.dump(results, f, indent=1)
        f.write("\n")
    written = [d for d in datasets if d["write"] == "ok"]
    print(
        f"{len(datasets)} datasets: {len(written)} written, {len(datasets) - len(written)} not writable; "
        f"{sum(d['read'] != 'ok' for d in written)} not readable, "
        f"{sum(d['values_equal'] is False for d in written)} with other values; {time.time() - begun:.0f} s"
    )


def reread(out, reading):
    """Read a whole matrix with this pylance instead of the one that wrote it."""
    with open(os.path.join(out, "results.json")) as f:
        results = json.load(f)
    differing = []
    for record in results["datasets"]:
        if record["write"] != "ok":
            continue
        kind, case = record["name"].rsplit("-v", 1)[0].split("-", 1)
        # What an operation should have led to is known to its writer only.
        answer = reading.run(
            {
                "writer": "pylance",
                "kind": kind,
                "case": case,
                "rows": results["rows"],
                "path": os.path.join(out, record["path"]),
                "expect": {},
            }
        )
        now = {"read": answer.get("error", "ok")}
        same = (record["read"] == "ok") == (now["read"] == "ok")
        if kind == "type":
            now["values_equal"] = answer.get("values_equal")
            same = same and record["values_equal"] == now["values_equal"]
        if not same:
            was = {key: record[key] for key in now}
            differing.append({"name": record["name"], "was": was, "now": now, "note": answer.get("note")})
    reading.stop()
    reader = library_versions("pylance")
    name = os.path.join(out, f"reread-{reader['pylance']}.json")
    with open(name, "w") as f:
        json.dump({"reader": reader, "differing": differing}, f, indent=1)
        f.write("\n")
    print(f"{len(differing)} datasets read differently, see {name}")


def honours(version, written):
    """Whether files with these footers are of the requested storage version."""
    # 0.1 files are marked 0.1 or 0.2, and 2.0 files are marked 0.3 or 2.0.
    known = {"0.1": {"0.0", "0.1", "0.2"}, "2.0": {"0.3", "2.0"}}.get(version, {version})
    return set(written) <= known


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child_main(*sys.argv[2:4])
    else:
        main()
