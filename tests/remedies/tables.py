"""Healthy datasets of the shapes that a remedy must not damage.

Each scenario is one way in which a real table differs from one that was written in one go. A column
`gone` is written first and dropped, so that the ids of all others have a gap before them.
"""

import shutil

import lance
import numpy as np
import pyarrow as pa

SCENARIOS = ("plain", "gap", "deletions", "indices", "stable", "fragments", "branch", "all")
ROWS = 96

# What each scenario has of: gap, deletions, indices, stable row ids, several fragments, a branch.
PARTS = {
    "plain": "",
    "gap": "g",
    "deletions": "d",
    "indices": "i",
    "stable": "s",
    "fragments": "f",
    "branch": "b",
    "all": "gdisf",
}


def has_v2_blobs(version):
    return version >= "2.2"


def table(version):
    """One column of each kind that a remedy is about."""
    n = ROWS
    values = [None if i % 9 == 4 else b"value %d" % i for i in range(n)]
    structs = [{"u": None if i % 5 == 2 else i, "v": f"v{i}", "data": b"in %d" % i} for i in range(n)]
    struct = pa.struct([("u", pa.int64()), ("v", pa.string()), ("data", pa.large_binary())])
    pair = pa.struct([("a", pa.int32()), ("b", pa.int32())])
    vectors = pa.array(np.random.default_rng(0).random(n * 8).astype("f4"))
    fields, columns = [], []

    def add(field, values):
        fields.append(field)
        columns.append(values)

    add(pa.field("gone", pa.string()), pa.array(["g"] * n))
    add(pa.field("id", pa.int64()), pa.array(range(n), pa.int64()))
    add(pa.field("name", pa.string()), pa.array([f"n{i % 7}" for i in range(n)]))
    add(pa.field("x", pa.int32()), pa.array(range(n), pa.int32()))
    if has_v2_blobs(version):
        add(lance.blob_field("blob"), lance.blob_array(values))
    else:
        blob = pa.field("blob", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
        add(blob, pa.array(values, pa.large_binary()))
    add(pa.field("s", struct), pa.array(structs, struct))
    packed = pa.field("p", pair, metadata={"packed": "true"})
    add(packed, pa.array([{"a": i, "b": -i} for i in range(n)], pair))
    add(pa.field("l", pa.list_(pa.int32())), pa.array([[i, i + 1] for i in range(n)], pa.list_(pa.int32())))
    add(pa.field("vec", pa.list_(pa.float32(), 8)), pa.FixedSizeListArray.from_arrays(vectors, 8))
    add(pa.field("data", pa.large_binary()), pa.array(values, pa.large_binary()))
    add(pa.field("req", pa.int32()), pa.array([None if i % 4 == 1 else i for i in range(n)], pa.int32()))
    add(pa.field("text", pa.string()), pa.array([f"text {i}" for i in range(n)]))
    add(pa.field("last", pa.int32()), pa.array([7 * i for i in range(n)], pa.int32()))
    return pa.table(columns, pa.schema(fields, metadata={"owner": "tests"}))


def build(path, version, scenario):
    """Writes a healthy dataset and opens it, on its branch where it has one."""
    parts = PARTS[scenario]
    shutil.rmtree(path, ignore_errors=True)
    data = table(version)
    if "g" not in parts:
        data = data.drop_columns(["gone"])
    ds = lance.write_dataset(
        data,
        path,
        data_storage_version=version,
        enable_stable_row_ids="s" in parts,
        max_rows_per_file=ROWS // 3 if "f" in parts else ROWS,
    )
    if "g" in parts:
        ds.drop_columns(["gone"])
    if "i" in parts:
        ds.create_scalar_index("id", "BTREE")
        ds.create_scalar_index("name", "BITMAP")
        ds.create_index("vec", "IVF_PQ", num_partitions=2, num_sub_vectors=2, num_bits=4)
    if "d" in parts:
        ds.delete("id % 10 = 3")
    if "b" in parts:
        ds.create_branch("dev")
    return open_dataset(path, scenario)


def open_dataset(path, scenario):
    ds = lance.dataset(path)
    return ds.checkout_version(("dev", None)) if "b" in PARTS[scenario] else ds


def plain(value):
    """A value as Python compares it: the bytes of a blob are bytes, whatever their type."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def read(ds):
    """All rows by `id`: column to value. Blobs as their bytes."""
    rows = ds.scanner(blob_handling="all_binary", with_row_id=True).to_table().to_pylist()
    return {row["id"]: {name: plain(value) for name, value in row.items()} for row in rows}


def answers(ds):
    """What queries that can use an index say, next to what a scan says of the same."""
    found = []
    for where in ("id = 42", "id >= 17 and id < 30", "name = 'n3'"):
        columns = ["id"]
        with_index = ds.to_table(columns=columns, filter=where)
        scanned = ds.scanner(columns=columns, filter=where, use_scalar_index=False).to_table()
        found.append((sorted(with_index["id"].to_pylist()), sorted(scanned["id"].to_pylist())))
    if "vec" not in ds.schema.names:
        return found
    query = np.zeros(8, "f4")
    nearest = ds.to_table(columns=["id"], nearest={"column": "vec", "q": query, "k": 5, "nprobes": 2, "refine_factor": 20})
    flat = ds.to_table(columns=["id"], nearest={"column": "vec", "q": query, "k": 5, "use_index": False})
    found.append((sorted(nearest["id"].to_pylist()), sorted(flat["id"].to_pylist())))
    return found
