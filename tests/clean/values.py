"""Arrow types, random arrays, and values in a form that compares, for any pyarrow."""

import hashlib
import json
import math
import random
import re

import numpy as np
import pyarrow as pa

WORDS = (  # noqa: SIM905
    "amber basil cedar delta ember fjord grove haven iris jasper karst lumen maple "
    "nadir ochre pearl quartz raven slate tidal umber velvet willow xenon yarrow zephyr"
).split()
BLOB_KEY = {"lance-encoding:blob": "true"}


class Refused(Exception):
    """The writer has no means to do this."""


# Types ----------------------------------------------------------------------


def flat_type(name):
    match = re.fullmatch(r"(\w+)(?:[\[(](.*)[\])])?", name)
    kind, rest = match.group(1), match.group(2)
    arguments = [part.strip() for part in rest.split(",")] if rest else []
    if kind in ("timestamp", "duration", "time32", "time64"):
        return getattr(pa, kind)(*arguments)
    if kind in ("decimal128", "decimal256"):
        return getattr(pa, kind)(int(arguments[0]), int(arguments[1]))
    if kind == "fixed_size_binary":
        return pa.binary(int(arguments[0]))
    if kind == "dictionary":
        return pa.dictionary(flat_type(arguments[0]), flat_type(arguments[1]))
    if kind == "blob":
        return pa.large_binary()
    if kind == "blob2":
        return blob2_field({"name": "b", "nullable": True}).type
    if kind == "json":
        return pa.json_(pa.utf8())
    if kind == "uuid":
        return pa.uuid()
    if kind == "bfloat16":
        from lance.arrow import BFloat16Type

        return BFloat16Type()
    return {
        "float16": pa.float16,
        "float32": pa.float32,
        "float64": pa.float64,
        "bool": pa.bool_,
    }.get(kind, getattr(pa, kind, None))()


def arrow_type(kind):
    if isinstance(kind, str):
        return flat_type(kind)
    if "struct" in kind:
        return pa.struct([arrow_field(field) for field in kind["struct"]])
    if "list" in kind:
        return pa.list_(arrow_field(kind["list"]))
    if "large_list" in kind:
        return pa.large_list(arrow_field(kind["large_list"]))
    if "map" in kind:
        key, value = kind["map"]
        return pa.map_(arrow_field(key), arrow_field(value))
    return pa.list_(arrow_field(kind["fixed_size_list"]), kind["size"])


def blob2_field(field):
    thresholds = field.get("thresholds", {})
    try:
        from lance import blob_field
    except ImportError:
        raise Refused("no blob v2") from None
    made = blob_field(field["name"], **thresholds)
    return made.with_nullable(field["nullable"])


def arrow_field(field):
    metadata = dict(field.get("metadata", {}))
    if field["type"] == "blob2":
        made = blob2_field(field)
        kept = {key.decode(): value.decode() for key, value in (made.metadata or {}).items()}
        return made.with_metadata({**kept, **metadata}) if metadata else made
    if field["type"] == "blob":
        metadata.update(BLOB_KEY)
    return pa.field(field["name"], arrow_type(field["type"]), field["nullable"], metadata or None)


def schema(fields, metadata=None):
    return pa.schema([arrow_field(field) for field in fields], metadata)


# Random arrays --------------------------------------------------------------


def text(rng):
    kind = rng.random()
    if kind < 0.08:
        return ""
    if kind < 0.14:
        return "naïve-λ-日本-" + rng.choice(WORDS)
    if kind < 0.17:
        return " ".join(rng.choice(WORDS) for _ in range(60))
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 4)))


def floating(rng):
    if rng.random() < 0.05:
        return rng.choice([float("nan"), float("inf"), float("-inf"), -0.0, 0.0])
    return rng.randint(-2000, 2000) / 8


def scalar(t, rng):
    p = pa.types
    if p.is_boolean(t):
        return rng.random() < 0.5
    if p.is_integer(t):
        bits = t.bit_width
        low, high = (
            (-(1 << bits - 1), (1 << bits - 1) - 1)
            if p.is_signed_integer(t)
            else (0, (1 << bits) - 1)
        )
        kind = rng.random()
        if kind < 0.05:
            return rng.choice([low, high, 0])
        return (
            rng.randint(max(low, -1000), min(high, 1000)) if kind < 0.6 else rng.randint(low, high)
        )
    if p.is_float16(t):
        return np.float16(floating(rng))
    if p.is_floating(t):
        return floating(rng)
    if p.is_decimal(t):
        import decimal

        limit = 10 ** min(t.precision, 28) - 1
        return decimal.Decimal(rng.randint(-limit, limit)).scaleb(
            -t.scale, decimal.Context(prec=80)
        )
    if p.is_date32(t):
        return rng.randint(-2000, 40000)
    if p.is_date64(t):
        return rng.randint(-2000, 40000) * 86_400_000
    if p.is_time(t):
        return rng.randint(0, 86_399) * PER_SECOND[t.unit]
    if p.is_timestamp(t) or p.is_duration(t):
        return rng.randint(-(10**8), 2 * 10**9) * PER_SECOND[t.unit]
    if p.is_fixed_size_binary(t):
        return rng.randbytes(t.byte_width)
    if p.is_string(t) or p.is_large_string(t):
        return text(rng)
    return rng.randbytes(rng.choice([0, 1, 5, 12, 40, 300 if rng.random() < 0.1 else 9]))


PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def items(t, rng, n, style):
    """n values of a flat type."""
    if style == "constant":
        return [scalar(t, rng)] * n
    if style == "few":
        some = [scalar(t, rng) for _ in range(3)]
        return [rng.choice(some) for _ in range(n)]
    if style == "runs":
        out = []
        while len(out) < n:
            out += [scalar(t, rng)] * rng.randint(1, 30)
        return out[:n]
    if style == "sequence" and pa.types.is_integer(t):
        start = rng.randint(0, 20)
        return [(start + i) % 120 for i in range(n)]
    if style == "filled":
        # No empty text or bytes.
        return [scalar(t, rng) or ("-" if "string" in str(t) else b"-") for _ in range(n)]
    return [scalar(t, rng) for _ in range(n)]


def make(field, rng, n):
    """A random array of n values of a field."""
    kind, nulls = field["type"], field.get("nulls", 0)
    style = field.get("values", "random")
    absent = [rng.random() < nulls for _ in range(n)]
    mask = pa.array(absent, pa.bool_()) if any(absent) else None
    if isinstance(kind, dict):
        return nested(field, kind, rng, n, absent, mask)
    if kind == "null":
        return pa.nulls(n)
    if kind in ("blob", "blob2"):
        sizes = [0, 1, 30, 200] if rng.random() < 0.5 else [5, 60, 1000]
        values = [None if gone else rng.randbytes(rng.choice(sizes)) for gone in absent]
        if kind == "blob":
            return pa.array(values, pa.large_binary())
        from lance import blob_array

        return blob_array(values)
    t = flat_type(kind)
    if isinstance(t, pa.BaseExtensionType):
        return extension(kind, t, rng, n, absent)
    if pa.types.is_dictionary(t):
        words = list(dict.fromkeys(items(t.value_type, rng, rng.randint(1, 9), "random")))
        indices = [None if gone else rng.randrange(len(words)) for gone in absent]
        return pa.DictionaryArray.from_arrays(
            pa.array(indices, t.index_type), pa.array(words, t.value_type)
        )
    values = items(t, rng, n, style)
    return pa.array([None if gone else value for gone, value in zip(absent, values)], t)


def extension(kind, t, rng, n, absent):
    if kind == "json":
        values = [
            json.dumps({"id": rng.randint(0, 99), "tag": rng.choice(WORDS)}) for _ in range(n)
        ]
    else:
        values = [rng.randbytes(16 if kind == "uuid" else 2) for _ in range(n)]
    if kind == "bfloat16":  # no NaN, which is not equal to itself
        values = [value[:1] + b"\x3f" for value in values]
    values = [None if gone else value for gone, value in zip(absent, values)]
    return pa.ExtensionArray.from_storage(t, pa.array(values, t.storage_type))


def nested(field, kind, rng, n, absent, mask):
    t = arrow_type(kind)
    if "struct" in kind:
        children = [make(child, rng, n) for child in kind["struct"]]
        return pa.StructArray.from_arrays(children, fields=list(t), mask=mask)
    if "fixed_size_list" in kind:
        values = make(kind["fixed_size_list"], rng, n * kind["size"])
        return pa.FixedSizeListArray.from_arrays(values, type=t, mask=mask)
    most = rng.choice([1, 3, 3, 6])
    empty = rng.random() < 0.1
    lengths = [0 if gone or empty else rng.randint(0, most) for gone in absent]
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    if "map" in kind:
        key, value = kind["map"]
        keys = [make(dict(key, values="random"), rng, length) for length in lengths]
        distinct = [list(dict.fromkeys(part.to_pylist())) for part in keys]
        offsets = [0]
        for part in distinct:
            offsets.append(offsets[-1] + len(part))
        flat = pa.array([item for part in distinct for item in part], arrow_type(key["type"]))
        values = make(value, rng, offsets[-1])
        entries = pa.StructArray.from_arrays([flat, values], fields=[t.key_field, t.item_field])
        buffers = [validity(absent), pa.array(offsets, pa.int32()).buffers()[1]]
        return pa.Array.from_buffers(t, n, buffers, children=[entries])
    child = kind.get("list") or kind.get("large_list")
    values = make(child, rng, offsets[-1])
    large = "large_list" in kind
    of = pa.LargeListArray if large else pa.ListArray
    return of.from_arrays(
        pa.array(offsets, pa.int64() if large else pa.int32()), values, type=t, mask=mask
    )


def validity(absent):
    if not any(absent):
        return None
    return pa.array([not gone for gone in absent], pa.bool_()).buffers()[1]


def table(fields, keys, seed, metadata=None):
    """A table with the given keys; each column depends on the seed and its own name alone."""
    arrays = []
    for field in fields:
        if field["name"] == "k" and field["type"] == "int64":
            arrays.append(pa.array(keys, pa.int64()))
        else:
            arrays.append(make(field, random.Random(f"{seed} {field['name']}"), len(keys)))
    return pa.Table.from_arrays(arrays, schema=schema(fields, metadata))


# Values that compare --------------------------------------------------------


def canonical(array):
    """A list of values in which equal data is equal, whatever type it is held in."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in canonical(chunk)]
    t, p = array.type, pa.types
    if isinstance(t, pa.BaseExtensionType) or isinstance(array, pa.ExtensionArray):
        name = getattr(t, "extension_name", "")
        storage = canonical(array.storage)
        if "json" in name:
            return [value and json_text(value) for value in storage]
        if name == "lance.blob.v2":
            return [
                value and (value[0] if isinstance(value, tuple) else value) for value in storage
            ]
        return storage
    if p.is_dictionary(t):
        return canonical(array.dictionary_decode())
    if p.is_date32(t) or p.is_time32(t):
        return array.view(pa.int32()).to_pylist()
    if p.is_temporal(t):
        return array.view(pa.int64()).to_pylist()
    if p.is_floating(t):
        return [None if value is None else number(float(value)) for value in array.to_pylist()]
    if p.is_decimal(t):
        return [None if value is None else str(value) for value in array.to_pylist()]
    if p.is_struct(t):
        valid = array.is_valid().to_pylist()
        children = [canonical(child) for child in array.flatten()]
        rows = list(zip(*children)) if children else [()] * len(array)
        return [row if ok else None for ok, row in zip(valid, rows)]
    if p.is_map(t):
        valid, offsets = array.is_valid().to_pylist(), array.offsets.to_pylist()
        entries = list(zip(canonical(array.keys), canonical(array.items)))
        base = offsets[0] if len(entries) < offsets[-1] else 0
        return [
            tuple(entries[offsets[i] - base : offsets[i + 1] - base]) if ok else None
            for i, ok in enumerate(valid)
        ]
    if p.is_fixed_size_list(t):
        valid = array.is_valid().to_pylist()
        values, size, start = canonical(array.values), t.list_size, array.offset
        if len(values) == len(array) * size:
            start = 0
        return [
            tuple(values[(start + i) * size : (start + i + 1) * size]) if ok else None
            for i, ok in enumerate(valid)
        ]
    if p.is_list(t) or p.is_large_list(t):
        valid, offsets = array.is_valid().to_pylist(), array.offsets.to_pylist()
        values = canonical(array.values)
        return [
            tuple(values[offsets[i] : offsets[i + 1]]) if ok else None for i, ok in enumerate(valid)
        ]
    return array.to_pylist()


def json_text(value):
    if isinstance(value, bytes):
        return value
    try:
        return json.dumps(json.loads(value), sort_keys=True)
    except ValueError:
        return value


def number(value):
    return "nan" if math.isnan(value) else value if value or math.copysign(1, value) > 0 else "-0"


def digest(values):
    return hashlib.sha1(repr(values).encode()).hexdigest()


def quoted(name):
    return name if re.fullmatch(r"[a-z][a-z0-9_]*", name) else f"`{name}`"
