#!/usr/bin/env python3
"""Make the fixtures of the rules on metadata keys.

Every dataset is as a real writer left it: metadata can be set to anything through public calls,
so none of them is edited. It has the options of make_rule_fixtures.py, whose helpers it uses:

    make_key_fixtures.py --python 14.0.2=VENV/bin/python --python 4.0.2=VENV/bin/python \
                         --python 0.20.0=VENV/bin/python --python 0.9.19=VENV/bin/python \
                         --lint ../../target/release/lance-lint
"""

import random
import sys
from pathlib import Path

import make_rule_fixtures as rules

# Only the fixtures of this file.
rules.FIXTURES.clear()

KEY = "lance-encoding:"
COMPRESSION = KEY + "compression"
LEVEL = KEY + "compression-level"
STRUCTURE = KEY + "structural-encoding"
AGAIN = "its rows appended again"


def append_again(path):
    """What a write does with the metadata as it is."""
    import lance

    table = lance.dataset(path).to_table()
    return f"version {lance.write_dataset(table, path, mode='append').version}"


rules.CALLS[AGAIN] = append_again


def column(field, values):
    import pyarrow as pa

    return pa.table([pa.array(values, field.type)], schema=pa.schema([field]))


def write(to, version, field, values, **options):
    return rules.write(column(field, values), to, version, **options)


def write_then_set(to, version, field, values, metadata, path=None):
    """Metadata that no write takes, or that comes after it."""
    write(to, version, field, values).update_field_metadata({path or field.name: metadata})


def texts(count, size=24):
    """Strings that differ, and that a compression makes smaller."""
    return [f"{'the same words again ' * (size // 21)}{i:04}" for i in range(count)]


def noise(count):
    """Numbers that no encoding makes smaller."""
    import struct

    source = random.Random(7)
    return [struct.unpack("<d", source.randbytes(7) + b"\x40")[0] for _ in range(count)]


def field(arrow_type, name="c", **keys):
    import pyarrow as pa

    metadata = {KEY + key.replace("_", "-"): value for key, value in keys.items()}
    return pa.field(name, getattr(pa, arrow_type)(), metadata=metadata or None)


# --------------------------------------------------------------------------------------
# metadata-key-unknown
# --------------------------------------------------------------------------------------

# name: (key, value, what)
UNKNOWN = {
    "typo": (KEY + "compresion", "zstd", "a key with a slip of the pen"),
    "case": ("Lance-Encoding:Compression", "zstd", "a key with other capitals"),
    "separator": ("lance_encoding:structural_encoding", "fullzip", "a key with other separators"),
    "made-up": (KEY + "encryption", "aes", "a key that is like none"),
    "schema": ("lance-schema:unenforced-primary-keys", "true", "a key of the schema with a slip"),
}


def unknown(name, key, value, how):
    @rules.broken(f"key-unknown-{name}", "metadata-key-unknown", how, severity="warning")
    def make(out):
        import pyarrow as pa

        text = pa.field("c", pa.string(), nullable=False, metadata={key: value})
        write(out, "2.1", text, texts(3))


for _name, (_key, _value, _how) in UNKNOWN.items():
    unknown(_name, _key, _value, _how)

# --------------------------------------------------------------------------------------
# metadata-value-invalid
# --------------------------------------------------------------------------------------

# name: (version, type, key, value, what)
VALUES = {
    "scheme-2.0": ("2.0", "string", "compression", "ZSTD", "a scheme in capitals, ignored by 2.0"),
    "scheme-2.1": ("2.1", "int32", "compression", "snappy", "a scheme that 2.1 refuses"),
    "scheme-text-2.1": ("2.1", "string", "compression", "zst", "a scheme that 2.1 refuses"),
    "fsst-2.0": ("2.0", "large_string", "compression", "fsst", "fsst on what 2.0 cannot"),
    "level": ("2.1", "int32", "compression-level", "max", "a level that is no number"),
    "rle": ("2.1", "int32", "rle-threshold", "half", "a threshold that is no number"),
    "minichunk": ("2.1", "string", "minichunk-size", "4KB", "a size with a unit"),
    "structure-2.1": ("2.1", "string", "structural-encoding", "full-zip", "no such layout"),
    "sparse-2.1": ("2.1", "string", "structural-encoding", "sparse", "a layout of 2.3"),
    "divisor": ("2.1", "string", "dict-divisor", "-1", "a divisor below 0"),
    "ratio": ("2.1", "string", "dict-size-ratio", "1.5", "a ratio above 1"),
    "ratio-text": ("2.1", "string", "dict-size-ratio", "80%", "a ratio that is no number"),
    "max-size": ("2.1", "string", "dict-max-size", "8MB", "a size with a unit"),
    "dictionary-2.2": ("2.2", "string", "dict-values-compression", "fsst", "fsst for dictionaries"),
}


def invalid(name, version, arrow_type, key, value, how):
    @rules.broken(
        f"value-invalid-{name}",
        "metadata-value-invalid",
        how,
        severity="warning",
        calls=("to_table()", AGAIN),
    )
    def make(out):
        numbers = arrow_type == "int32"
        # A hundred values, which is where dictionaries begin.
        values = [i % 7 for i in range(120)] if numbers else texts(7) * 18
        if key == "structural-encoding":
            values = texts(9)
        beside = {COMPRESSION: "zstd"} if key == "compression-level" else {}
        write_then_set(out, version, field(arrow_type), values, {**beside, KEY + key: value})


for _name, (_version, _type, _key, _value, _how) in VALUES.items():
    invalid(_name, _version, _type, _key, _value, _how)


@rules.broken(
    "value-invalid-bss",
    "metadata-value-invalid",
    "a byte stream split that is neither on nor off",
    severity="warning",
    calls=("to_table()", AGAIN),
)
def value_invalid_bss(out):
    write(out, "2.1", field("float32", compression="lz4", bss="true"), [1.5, 2.5, 3.5])


@rules.broken(
    "value-invalid-blob-threshold-2.1",
    "metadata-value-invalid",
    "a threshold with a unit, on a v1 blob (on v2 blobs Lance refuses it)",
    severity="warning",
)
def value_invalid_blob(out):
    keys = {"blob": "true", "blob_inline_size_threshold": "64KiB"}
    write(out, "2.1", field("large_binary", **keys), [b"amber", b"basil"])


# --------------------------------------------------------------------------------------
# metadata-key-ineffective
# --------------------------------------------------------------------------------------


def idle(name, how, writer=rules.READER):
    return rules.broken(
        f"key-idle-{name}", "metadata-key-ineffective", how, severity="info", writer=writer
    )


@idle("in-0.1", "a compression in a 0.1 file", writer="0.9.19")
def idle_in_0_1(out):
    write(out, "0.1", field("string", compression="zstd"), texts(3))


@idle("in-2.0", "keys that came with 2.1, in a 2.0 file")
def idle_in_2_0(out):
    keys = {"rle_threshold": "0.9", "structural_encoding": "fullzip", "dict_divisor": "4"}
    write(out, "2.0", field("int64", **keys), [1, 1, 2])


@idle("number-2.0", "a compression on numbers, which 2.0 does not compress")
def idle_number(out):
    write(out, "2.0", field("int64", compression="zstd", compression_level="9"), [1, 2, 3])


@idle("vector-2.1", "a compression on vectors, which Lance does not compress")
def idle_vector(out):
    import pyarrow as pa

    vectors = pa.field("c", pa.list_(pa.float32(), 4), metadata={COMPRESSION: "zstd"})
    write(out, "2.1", vectors, [[1.0, 2.0, 3.0, 4.0]] * 3)


@idle("list-2.1", "a compression on a list, whose items do not inherit it")
def idle_list(out):
    import pyarrow as pa

    lists = pa.field("c", pa.list_(pa.string()), metadata={COMPRESSION: "zstd"})
    write(out, "2.1", lists, [texts(2), texts(1), []])


@idle("struct-2.1", "a run length threshold on a struct with two fields")
def idle_struct(out):
    import pyarrow as pa

    inner = pa.struct([pa.field("a", pa.int32()), pa.field("b", pa.int32())])
    metadata = {KEY + "rle-threshold": "0.9"}
    write(out, "2.1", pa.field("c", inner, metadata=metadata), [{"a": 1, "b": 2}] * 3)


@idle("layout-below-2.1", "a layout on a field that is not at the top")
def idle_layout(out):
    import pyarrow as pa

    inner = pa.struct([field("string", name="a", structural_encoding="fullzip")])
    write(out, "2.1", pa.field("c", inner), [{"a": text} for text in texts(3)])


@idle("level-2.1", "a level without a compression")
def idle_level(out):
    write(out, "2.1", field("string", compression_level="9"), texts(3))


@idle("bss-2.1", "a byte stream split without a compression")
def idle_bss(out):
    write(out, "2.1", field("float32", bss="on"), [1.5, 2.5, 3.5])


@idle("minichunk-2.1", "a chunk size that 2.1 ignores")
def idle_minichunk(out):
    write(out, "2.1", field("string", minichunk_size="65536"), texts(3))


@idle("dictionary-2.1", "a compression of dictionaries, which 2.1 does not compress")
def idle_dictionary(out):
    write(out, "2.1", field("string", dict_values_compression="zstd"), texts(4) * 30)


@idle("blob-2.1", "a compression on blobs, which are stored as they are")
def idle_blob(out):
    keys = {"blob": "true", "compression": "zstd"}
    write(out, "2.1", field("large_binary", **keys), [b"amber", b"basil", None])


@idle("packed-2.1", "a compression below a packed struct, which is stored as it is")
def idle_packed(out):
    import pyarrow as pa

    inner = pa.struct([field("int32", name="a", compression="zstd"), pa.field("b", pa.int32())])
    packed = pa.field("c", inner, metadata={KEY + "packed": "true"})
    write(out, "2.1", packed, [{"a": i, "b": i} for i in range(3)])


@idle("schema", "a compression in the schema's own metadata")
def idle_schema(out):
    table = column(field("string"), texts(3)).replace_schema_metadata({COMPRESSION: "zstd"})
    rules.write(table, out, "2.1")


# --------------------------------------------------------------------------------------
# requested-encoding-unused
# --------------------------------------------------------------------------------------


def asked(name, how, writer=rules.READER):
    return rules.broken(
        f"asked-{name}", "requested-encoding-unused", how, severity="info", writer=writer
    )


@asked("later-2.0", "a compression that was set after the data was written")
def asked_later_2_0(out):
    write_then_set(out, "2.0", field("string"), texts(120), {COMPRESSION: "zstd"})


@asked("later-2.1", "a compression and a layout that were set after the data was written")
def asked_later_2_1(out):
    keys = {COMPRESSION: "zstd", STRUCTURE: "fullzip"}
    write_then_set(out, "2.1", field("string"), texts(240), keys)


@asked("later-changed-2.1", "a compression that was changed after the data was written")
def asked_later_changed(out):
    text = field("string", compression="lz4")
    write_then_set(out, "2.1", text, texts(240), {COMPRESSION: "zstd"})


@asked("later-one-fragment-2.1", "a compression that was set between two writes")
def asked_later_one(out):
    write_then_set(out, "2.1", field("string"), texts(240), {COMPRESSION: "zstd"})
    write(out, "2.1", field("string"), texts(240), mode="append")


@asked("lz4-in-full-zip-2.1", "lz4 for long values, which get zstd")
def asked_lz4(out):
    write(out, "2.1", field("string", compression="lz4"), texts(120, 400))


@asked("level-in-full-zip-2.1", "a level that older writers ignore for long values", "4.0.2")
def asked_level(out):
    keys = {"compression": "zstd", "compression_level": "9"}
    write(out, "2.1", field("string", **keys), texts(120, 400))


@asked("lz4-2.0", "lz4, by a writer that knows zstd only", "0.20.0")
def asked_lz4_2_0(out):
    write(out, "2.0", field("string", compression="lz4"), texts(120))


@asked("full-zip-2.1", "full-zip for few distinct values, which get a dictionary")
def asked_full_zip(out):
    write(out, "2.1", field("string", structural_encoding="fullzip"), texts(4) * 40)


@asked("full-zip-numbers-2.2", "a compression and full-zip, which do not go together for numbers")
def asked_full_zip_numbers(out):
    keys = {"compression": "zstd", "structural_encoding": "fullzip"}
    write(out, "2.2", field("float64", **keys), noise(600))


@asked("no-gain-2.1", "a compression that does not make the values smaller")
def asked_no_gain(out):
    write(out, "2.1", field("float64", compression="lz4"), noise(600))


@asked("fsst-of-numbers-2.1", "fsst for numbers")
def asked_fsst(out):
    write(out, "2.1", field("int32", compression="fsst"), list(range(2000)))


# --------------------------------------------------------------------------------------
# Healthy ones
# --------------------------------------------------------------------------------------


def honoured(version):
    """Fields whose keys the writer honours, with values that make it worth while."""
    import pyarrow as pa

    # Below 4 KiB nothing is compressed, and below 32 KiB no long values.
    long, short = texts(180, 200), texts(180)
    columns = [
        (field("string", name="zstd", compression="zstd"), short),
        (field("string", name="zstd9", compression="zstd", compression_level="9"), short),
        (field("binary", name="lz4", compression="lz4"), [s.encode() for s in short]),
        (field("string", name="fsst", compression="fsst"), short),
        (field("large_string", name="none", compression="none"), short),
    ]
    inner = pa.list_(field("string", name="item", compression="zstd"))
    columns.append((pa.field("list", inner), [[text] for text in short]))
    if version >= "2.1":
        keys = {"compression": "zstd", "compression_level": "9"}
        chunked = {"structural_encoding": "miniblock", "dict_divisor": "100000"}
        runs = [i // 60 for i in range(180)]
        columns += [
            (field("string", name="long", structural_encoding="fullzip", **keys), long),
            (field("string", name="zip", structural_encoding="FullZip"), short),
            (field("string", name="mini", **chunked), texts(12, 300) + [None] * 168),
            (field("int32", name="runs", rle_threshold="0.9"), runs),
            (field("float64", name="split", bss="on", compression="lz4"), [i / 8 for i in runs]),
            (field("string", name="chunks", minichunk_size="1024"), short),
            (field("string", name="plain", dict_divisor="100000"), texts(4) * 45),
            (field("string", name="dict", dict_size_ratio="1.0"), texts(4) * 45),
        ]
    if version >= "2.2":
        keys = {"dict_values_compression": "zstd", "dict_values_compression_level": "3"}
        columns.append((field("string", name="words", **keys), texts(4) * 45))
    arrays = [pa.array(values, of.type) for of, values in columns]
    return pa.table(arrays, schema=pa.schema([of for of, _ in columns]))


def healthy(version):
    @rules.clean(f"keys-honoured-{version}", f"every key that {version} knows, honoured")
    def make(out):
        rules.write(honoured(version), out, version)


for _version in ("2.0", "2.1", "2.2", "2.3"):
    healthy(_version)


@rules.clean("keys-small-2.1", "keys on values that are too few to compress")
def keys_small(out):
    import pyarrow as pa

    fields = [
        field("string", name="text", compression="zstd", compression_level="19"),
        field("int64", name="number", compression="lz4"),
        field("string", name="zipped", compression="zstd", structural_encoding="fullzip"),
        field("string", name="null", compression="lz4"),
    ]
    values = [texts(5), [1, 2, 3, 4, 5], texts(5), [None] * 5]
    arrays = [pa.array(v, of.type) for of, v in zip(fields, values, strict=True)]
    rules.write(pa.table(arrays, schema=pa.schema(fields)), out, "2.1")


@rules.clean("keys-one-fragment-2.1", "a compression that helps in one fragment of two")
def keys_one_fragment(out):
    number = field("float64", compression="lz4")
    write(out, "2.1", number, noise(600))
    write(out, "2.1", number, [float(i % 9) + i // 9 for i in range(600)], mode="append")


@rules.clean("keys-of-others", "metadata that is not for Lance, some of it nearly")
def keys_of_others(out):
    import pyarrow as pa

    metadata = {
        "compression": "snappy",
        "encoding": "PLAIN",
        "packed": "false",
        "lance": "yes",
        "lancedb:source": "x",
        "balance-encoding": "utf-8",
        "PARQUET:field_id": "1",
    }
    write(out, "2.1", pa.field("c", pa.string(), metadata=metadata), texts(3))


@rules.clean("keys-schema", "keys of Lance's that ask for no encoding")
def keys_schema(out):
    import pyarrow as pa

    metadata = {"lance-schema:unenforced-primary-key": "true"}
    identity = pa.field("c", pa.int64(), nullable=False, metadata=metadata)
    write(out, "2.1", identity, [1, 2, 3])


def report(rows, whole=rules.report):
    """The report of make_rule_fixtures.py, under the name of this script."""
    for line in whole(rows):
        line = line.replace("make_rule_fixtures.py", "make_key_fixtures.py")
        yield line.replace("the other rules", "the rules on metadata keys")


if __name__ == "__main__":
    # What the helpers start again as a child, show as help and write as a report is this script's.
    rules.__file__, rules.__doc__, rules.report = __file__, __doc__, report
    sys.argv[1:1] = ["--report", str(Path(__file__).resolve().with_name("key-readers.md"))]
    sys.exit(rules.main())
