"""Write the base datasets of the reference test with whichever pylance is installed.

    python bases.py OUT VERSION [NAME ...]
    python bases.py --list

VERSION is the release of pylance that runs this, one of those that `--list` prints. Every
base becomes OUT/NAME/ds and OUT/NAME/spec.json, where the spec tells the reader which
queries fit the dataset. A base is small on purpose: what is tested is metadata, and every
case copies it.
"""

import inspect
import json
import shutil
import sys
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from bases_path import STAGE

BASES = {}

WORDS = [
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "iris",
    "jasper",
    "karst",
    "lumen",
]


def base(writers, **spec):
    """Register a base for some writers: `{"14.0.2": ["2.0", "2.1"], ...}`."""

    def register(build):
        kind = build.__name__.replace("_", "-")
        for writer, versions in writers.items():
            for version in versions:
                BASES[f"{kind}-{writer}-v{version}"] = (build, writer, version, spec)
        return build

    return register


def call(function, *args, **kwargs):
    """Call with the keyword arguments that this release knows."""
    try:
        known = inspect.signature(function).parameters
    except ValueError:
        return function(*args, **kwargs)
    if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        kwargs = {k: v for k, v in kwargs.items() if k in known}
    return function(*args, **kwargs)


def write(table, path, version, mode="create", **more):
    """Write a table in a file version, under the names that releases had for it."""
    known = inspect.signature(lance.write_dataset).parameters
    if "data_storage_version" in known:
        more["data_storage_version"] = {"0.1": "legacy"}.get(version, version)
    elif "use_legacy_format" in known:
        more["use_legacy_format"] = version == "0.1"
    elif version != "0.1":
        raise ValueError(f"this release writes no {version}")
    return lance.write_dataset(table, str(path), mode=mode, **more)


def vectors(start, count, size=4):
    values = (np.arange(start * size, (start + count) * size) * 37 % 101).astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(values), size)


def mixed(start, count, version, nulls=True):
    """Columns of many types, in an order that puts types of one width side by side."""

    def some(value, i):
        return None if nulls and i % 7 == 3 else value

    rows = range(start, start + count)
    columns = {
        "id": pa.array(rows, pa.int64()),
        "a": pa.array([some(i * 3, i) for i in rows], pa.int32()),
        "b": pa.array([some(i * 5, i) for i in rows], pa.int32()),
        "f": pa.array([i / 4 for i in rows], pa.float64()),
        "t": pa.array([i * 1000 for i in rows], pa.timestamp("us")),
        "flag": pa.array([i % 3 == 0 for i in rows], pa.bool_()),
        "s": pa.array([some(f"{WORDS[i % 12]} {i}", i) for i in rows], pa.string()),
        "bin": pa.array([bytes([i % 256]) * (i % 5) for i in rows], pa.binary()),
        "vec": vectors(start, count),
        "tags": pa.array(
            [[WORDS[(i + k) % 12] for k in range(i % 4)] for i in rows], pa.list_(pa.string())
        ),
        "meta": pa.array(
            [{"x": i, "y": f"y{i % 9}"} for i in rows],
            pa.struct([pa.field("x", pa.int64()), pa.field("y", pa.string())]),
        ),
        "cat": pa.DictionaryArray.from_arrays(
            pa.array([i % 4 for i in rows], pa.int32()), pa.array(WORDS[:4])
        ),
    }
    if version == "0.1" and nulls:
        # 0.1 keeps no nulls of fixed-width values.
        for name in ("a", "b"):
            columns[name] = columns[name].fill_null(7)
    return pa.table(columns)


@base(
    {
        "0.10.18": ["0.1"],
        "0.20.0": ["2.0"],
        "0.32.1": ["2.0"],
        "4.0.2": ["2.1"],
        "14.0.2": ["2.0", "2.1", "2.2", "2.3"],
    }
)
def plain(path, version):
    write(mixed(0, 30, version), path, version)
    write(mixed(30, 20, version), path, version, mode="append")
    ds = lance.dataset(str(path))
    ds.delete("id in (3, 4, 33)")


@base({"0.9.18": ["0.1"], "14.0.2": ["0.1"]})
def batches(path, version):
    """Several batches in a 0.1 file, and a wide struct."""
    table = mixed(0, 40, version).drop(
        ["cat", "tags"] if lance.__version__ != "0.9.18" else ["cat"]
    )
    call(write, table, path, version, max_rows_per_group=16)
    write(mixed(40, 10, version).select(table.column_names), path, version, mode="append")


@base({"0.20.0": ["2.0"], "0.32.1": ["2.0"], "4.0.2": ["2.1"], "14.0.2": ["2.0", "2.2", "2.3"]})
def evolved(path, version):
    """Columns dropped and added, so that ids have gaps and fragments have several files."""
    write(mixed(0, 24, version), path, version)
    write(mixed(24, 16, version), path, version, mode="append")
    ds = lance.dataset(str(path))
    ds.drop_columns(["b", "bin"])
    ds.add_columns({"twice": "a * 2", "name": "concat('n', cast(id as string))"})
    if hasattr(ds, "tags"):
        ds.tags.create("first", 1)
    ds = lance.dataset(str(path))
    ds.delete("id > 4 and id < 8")
    ds = lance.dataset(str(path))
    ds.update({"s": "'new'"}, where="id = 11")
    write(lance.dataset(str(path)).to_table(limit=5), path, version, mode="append")


@base({"0.32.1": ["2.0"], "4.0.2": ["2.1"], "14.0.2": ["2.1", "2.2"]})
def stable(path, version):
    """Stable row ids, after deletes, updates and an append."""
    known = inspect.signature(lance.write_dataset).parameters
    name = (
        "enable_stable_row_ids"
        if "enable_stable_row_ids" in known
        else "enable_move_stable_row_ids"
    )
    write(mixed(0, 20, version), path, version, **{name: True})
    write(mixed(20, 20, version), path, version, mode="append", **{name: True})
    ds = lance.dataset(str(path))
    ds.delete("id in (2, 25, 26)")
    ds = lance.dataset(str(path))
    ds.update({"a": "1"}, where="id = 21")
    ds = lance.dataset(str(path))
    call(ds.create_scalar_index, "id", "BTREE")


@base({"0.20.0": ["2.0"], "4.0.2": ["2.1"], "14.0.2": ["2.0", "2.1"]}, blobs=["blob"])
def blobs(path, version):
    """Blobs of the first kind."""

    def table(start, count):
        field = pa.field("blob", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
        values = [
            None if i % 6 == 5 else bytes([i]) * (i * 3 % 40) for i in range(start, start + count)
        ]
        return pa.table(
            [
                pa.array(range(start, start + count), pa.int64()),
                pa.array(values, pa.large_binary()),
                vectors(start, count),
            ],
            schema=pa.schema(
                [pa.field("id", pa.int64()), field, pa.field("vec", pa.list_(pa.float32(), 4))]
            ),
        )

    write(table(0, 20), path, version)
    write(table(20, 12), path, version, mode="append")
    lance.dataset(str(path)).delete("id = 21")


@base({"14.0.2": ["2.2", "2.3"]}, blobs=["blob"])
def blobs_v2(path, version):
    """Blobs of the second kind: inline, packed and in files of their own."""

    def table(start, count):
        sizes = {2: 70_000, 9: 90_000}
        values = [
            None if i % 6 == 5 else bytes([i]) * sizes.get(i, i * 3 % 40)
            for i in range(start, start + count)
        ]
        names = [f"c{k}" for k in range(6)]
        return pa.table(
            [pa.array(range(start, start + count), pa.int64()), lance.blob_array(values)]
            + [
                pa.array([i * (k + 1) for i in range(start, start + count)], pa.int64())
                for k in range(6)
            ],
            schema=pa.schema(
                [pa.field("id", pa.int64()), lance.blob_field("blob")]
                + [pa.field(n, pa.int64()) for n in names]
            ),
        )

    write(table(0, 16), path, version)
    write(table(16, 8), path, version, mode="append")
    lance.dataset(str(path)).delete("id = 17")


INDEXED = {
    "vector": "vec",
    "text": "s",
    "filters": ["cat = 'basil'", "id > 12 and id < 30", "array_has_any(tags, ['iris'])"],
}


@base({"0.20.0": ["2.0"], "4.0.2": ["2.1"], "14.0.2": ["2.1", "2.2"]}, **INDEXED)
def indexed(path, version):
    """Every common kind of index, with rows that no index covers."""
    write(small(0, 260, version), path, version)
    ds = lance.dataset(str(path))
    ds.create_scalar_index("id", "BTREE")
    ds.create_scalar_index("cat", "BITMAP")
    ds.create_scalar_index("tags", "LABEL_LIST")
    call(ds.create_scalar_index, "s", "INVERTED")
    ds = lance.dataset(str(path))
    ds.create_index("vec", "IVF_PQ", num_partitions=2, num_sub_vectors=2)
    write(small(260, 20, version), path, version, mode="append")
    lance.dataset(str(path)).delete("id in (13, 20, 265)")


@base({"0.10.18": ["0.1"]}, vector="vec", filters=["id > 12 and id < 30"])
def indexed_old(path, version):
    write(small(0, 260, version), path, version)
    ds = lance.dataset(str(path))
    ds.create_scalar_index("id", "BTREE")
    ds.create_index("vec", "IVF_PQ", num_partitions=2, num_sub_vectors=2)
    write(small(260, 20, version), path, version, mode="append")
    lance.dataset(str(path)).delete("id in (13, 20, 265)")


def small(start, count, version):
    columns = ["id", "s", "cat", "tags", "vec"] if version != "0.1" else ["id", "s", "vec"]
    table = mixed(start, count, version, nulls=False).select(columns)
    if "cat" in columns:
        table = table.set_column(2, "cat", table["cat"].cast(pa.string()))
    return table


@base({"14.0.2": ["2.2"]}, vector="vec")
def flat_index(path, version):
    """An IVF_FLAT index on few rows, and a zone map."""
    write(small(0, 40, version), path, version)
    ds = lance.dataset(str(path))
    ds.create_index("vec", "IVF_FLAT", num_partitions=2)
    ds.create_scalar_index("id", "ZONEMAP")
    write(small(40, 20, version), path, version, mode="append")
    lance.dataset(str(path)).optimize.optimize_indices()


@base({"4.0.2": ["2.1"], "14.0.2": ["2.2"]}, branch="dev")
def branched(path, version):
    """Versions, tags and a branch."""
    write(mixed(0, 20, version), path, version)
    write(mixed(20, 10, version), path, version, mode="append")
    ds = lance.dataset(str(path))
    ds.tags.create("second", 2)
    branch = ds.create_branch("dev", 2)
    lance.write_dataset(mixed(30, 5, version), branch, mode="append")
    lance.dataset(str(path)).delete("id < 3")


@base({"14.0.2": ["2.2"]})
def nested(path, version):
    """Lists of structs, structs of lists, maps, packed structs, required fields."""
    rows = range(30)
    packed = pa.struct([pa.field("p", pa.int32()), pa.field("q", pa.float32())])
    table = pa.table(
        [
            pa.array(rows, pa.int64()),
            pa.array([[{"k": i, "v": f"v{i}"}] * (i % 3) for i in rows]),
            pa.array(
                [{"l": list(range(i % 4)), "m": {"n": i / 2}} if i % 5 else None for i in rows]
            ),
            pa.array(
                [[(f"k{i}", i), (f"j{i}", None)] for i in rows], pa.map_(pa.string(), pa.int32())
            ),
            pa.array([{"p": i, "q": i / 8} for i in rows], packed),
            pa.array([f"r{i}" for i in rows], pa.string()),
            pa.nulls(30),
            pa.array([bytes([i] * 6) for i in rows], pa.binary(6)),
        ],
        schema=pa.schema(
            [
                pa.field("id", pa.int64(), nullable=False),
                pa.field(
                    "los",
                    pa.list_(pa.struct([pa.field("k", pa.int64()), pa.field("v", pa.string())])),
                ),
                pa.field(
                    "sol",
                    pa.struct(
                        [
                            pa.field("l", pa.list_(pa.int64())),
                            pa.field("m", pa.struct([pa.field("n", pa.float64())])),
                        ]
                    ),
                ),
                pa.field("map", pa.map_(pa.string(), pa.int32())),
                pa.field("packed", packed, metadata={"lance-encoding:packed": "true"}),
                pa.field("req", pa.string(), nullable=False),
                pa.field("none", pa.null()),
                pa.field("fsb", pa.binary(6)),
            ]
        ),
    )
    write(table.take(list(range(18))), path, version)
    write(table.take(list(range(18, 30))), path, version, mode="append")


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(sorted({by for _, by, _, _ in BASES.values()})))
        return
    out, writer, *names = sys.argv[1:]
    for name, (build, by, version, spec) in BASES.items():
        if by != writer or (names and name not in names):
            continue
        folder = Path(out) / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(STAGE, ignore_errors=True)
        build(STAGE, version)
        folder.mkdir(parents=True)
        shutil.move(STAGE, folder / "ds")
        (folder / "spec.json").write_text(
            json.dumps({"name": name, "writer": by, "version": version, **spec})
        )


if __name__ == "__main__":
    main()
