#!/usr/bin/env python3
"""Make the datasets of testdata/advisories: what releases with a known bug write.

    make_advisory_fixtures.py --venvs DIR [--out DIR] [--only ID]

DIR/RELEASE is a virtual environment with that release of pylance, as try_readers.py makes them.
Each dataset is written by the release beside its name below, through public calls alone. This
script needs only the standard library: it starts itself again under those interpreters.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BLOBS = [b"P0" * 40, None, b"", b"P3" * 40, b"P4" * 40, b"P5" * 40]
EMPTY_FIRST = [b"", None, b"P2" * 40, b"", b"", b"P5" * 40]
TEXTS = ['{"a":1}', None, '{"b":[1,2]}', '{"c":"xyz"}']


def v1(values, start=0):
    """A table of an id and a blob of the first generation."""
    import pyarrow as pa

    key = {"lance-encoding:blob": "true"}
    schema = pa.schema([("id", pa.int64()), pa.field("blob", pa.large_binary(), metadata=key)])
    ids = pa.array(range(start, start + len(values)), pa.int64())
    return pa.table([ids, pa.array(values, pa.large_binary())], schema=schema)


def v2(values, start=0):
    """A table of an id and a blob of the second generation."""
    import lance
    import pyarrow as pa

    schema = pa.schema([("id", pa.int64()), lance.blob_field("blob")])
    ids = pa.array(range(start, start + len(values)), pa.int64())
    return pa.Table.from_arrays([ids, lance.blob_array(values)], schema=schema)


def write(tables, to, version=None):
    """Writes a version for each table, and opens the last."""
    import lance

    options = {} if version is None else {"data_storage_version": version}
    for at, table in enumerate(tables):
        lance.write_dataset(table, to, mode="append" if at else "create", **options)
    return lance.dataset(to)


def compacted(tables, to, version, **options):
    write(tables, to, version).optimize.compact_files(**options)


def refused(ds):
    """A compaction that fails, which is the bug."""
    try:
        ds.optimize.compact_files()
    except Exception:
        return
    raise SystemExit("this release compacts them")


def blobs_compacted(to):
    compacted([v1(BLOBS[:4]), v1(BLOBS[4:], 4)], to, "2.0")


def empty_blobs_compacted(to):
    compacted([v2(EMPTY_FIRST[:4]), v2(EMPTY_FIRST[4:], 4)], to, "2.2")


def null_blobs_compacted(to):
    compacted([v1([BLOBS[0]]), v1([None], 1)], to, "2.1", materialize_deletions_threshold=0.0)


def null_blobs_in_batches(to):
    import lance
    import pyarrow as pa

    batches = [*v1([BLOBS[0]] * 2).to_batches(), *v1([None, BLOBS[0]], 2).to_batches()]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    lance.write_dataset(reader, to, data_storage_version="2.1")


def empty_blobs(to):
    refused(write([v1(BLOBS[:4]), v1(BLOBS[4:], 4)], to, "2.1"))


def noise(row):
    """256 bytes that no codec makes shorter."""
    return bytes((row * 7 + at * 31) % 251 for at in range(256))


def merged(to, version, value):
    """Gives each of two rows its value by a merge_insert() of two of three columns."""
    import lance
    import pyarrow as pa

    key = pa.field("id", pa.int64(), nullable=False)
    long = pa.field("a", pa.array([value(0)]).type)
    schema = pa.schema([key, long, pa.field("b", pa.string())])
    nulls = [[0, 1], pa.nulls(2, long.type), pa.nulls(2, pa.string())]
    lance.write_dataset(pa.table(nulls, schema=schema), to, data_storage_version=version)
    for row in range(2):
        part = pa.table([[row], [value(row)]], schema=pa.schema([key, long]))
        lance.dataset(to).merge_insert("id").when_matched_update_all().execute(part)


def json_array():
    import pyarrow as pa

    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(TEXTS, pa.string()))


def json_structs():
    import pyarrow as pa

    numbers = pa.array(range(len(TEXTS)), pa.int32())
    fields = [pa.field("k", pa.int32()), pa.field("j", pa.json_())]
    return pa.StructArray.from_arrays([numbers, json_array()], fields=fields)


def json_in_lists(to):
    import pyarrow as pa

    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 4], pa.int32()), json_structs())
    write([pa.table({"id": list(range(3)), "c": lists})], to, "2.1")


def json_in_structs(to):
    import pyarrow as pa

    write([pa.table({"id": list(range(len(TEXTS))), "c": json_structs()})], to, "2.2")


def json_by_file_writer(to):
    import lance
    import pyarrow as pa
    from lance.file import LanceFileWriter

    table = pa.table({"j": json_array()})
    ds = write([table.slice(0, 0)], to, "2.1")
    path = Path(to) / "data" / "x.lance"
    path.parent.mkdir(exist_ok=True)
    with LanceFileWriter(str(path), table.schema, version="2.1") as writer:
        writer.write_batch(table)
    file = {
        "path": path.name,
        "fields": [0],
        "column_indices": [0],
        "file_major_version": 2,
        "file_minor_version": 1,
    }
    text = json.dumps({"id": 0, "files": [file], "physical_rows": len(TEXTS)})
    fragment = lance.fragment.FragmentMetadata.from_json(text)
    append = lance.LanceOperation.Append([fragment])
    lance.LanceDataset.commit(to, append, read_version=ds.version)


def nested_blobs(to):
    import lance
    import pyarrow as pa

    def part(ids, values):
        fields = [pa.field("mime", pa.string()), lance.blob_field("payload")]
        names = pa.array([f"m{i}" for i in ids])
        structs = pa.StructArray.from_arrays([names, lance.blob_array(values)], fields=fields)
        schema = pa.schema([("id", pa.int64()), pa.field("asset", structs.type)])
        return pa.Table.from_arrays([pa.array(ids, pa.int64()), structs], schema=schema)

    refused(write([part([0, 1], [b"p0" * 30, b""]), part([2, 3], [None, b"p3" * 30])], to, "2.2"))


def rows_of_old(to):
    import pyarrow as pa

    write([pa.table({"x": list(range(100))})], to).delete("x >= 10 and x < 20")


def appended(to):
    import lance
    import pyarrow as pa

    lance.write_dataset(pa.table({"x": list(range(100, 105))}), to, mode="append")


def unfinished(to):
    import pyarrow as pa

    words = [None if i % 7 == 3 else f"v{i}" for i in range(50)]
    write([pa.table({"i": list(range(50)), "s": words})], to, "2.1")


def blobs_not_compacted(to):
    values = [bytes([65 + i]) * 50 for i in range(8)]
    refused(write([v2(values[:4]), v2(values[4:], 4)], to, "2.2"))


def last_stored_column_dropped(to):
    import lance
    import pyarrow as pa

    write([pa.table({"a": list(range(5))})], to).add_columns(pa.schema([("b", pa.int64())]))
    lance.dataset(to).drop_columns(["a"])


def metadata_replaced(to):
    import pyarrow as pa

    ds = write([pa.table({"a": list(range(10)), "b": list(range(10))})], to)
    ds.replace_field_metadata("a", {"k": "v"})


def binary_copied(to):
    import pyarrow as pa

    def part(start, count, names):
        numbers = list(range(start, start + count))
        columns = {"a": numbers, "b": [n + 100 for n in numbers]}
        types = pa.schema([(name, pa.int64()) for name in names])
        return pa.table([columns[name] for name in names], schema=types)

    parts = [part(0, 0, "ab"), part(5, 5, "ba"), part(10, 5, "ba")]
    compacted(parts, to, "2.1", compaction_mode="try_binary_copy")


def binary_copied_after_drop(to):
    import lance
    import pyarrow as pa

    def part(start):
        numbers = list(range(start, start + 5))
        return pa.table({n: [i + 100 * at for i in numbers] for at, n in enumerate("abc")})

    write([part(0), part(5)], to, "2.1").drop_columns(["a"])
    lance.dataset(to).add_columns(pa.schema([("d", pa.int64())]))
    lance.dataset(to).optimize.compact_files(compaction_mode="try_binary_copy")


def id_used_again(to):
    import lance
    import pyarrow as pa

    table = pa.table({"a": list(range(5)), "b": list(range(50, 55))})
    write([table], to).drop_columns(["b"])
    lance.dataset(to).add_columns({"c": "a+1000"})


def null_blobs_v2(to):
    write([v2(EMPTY_FIRST[:4]), v2(EMPTY_FIRST[4:], 4)], to, "2.2")


def packed(to, wide):
    """A packed struct of two children, the first of which is wide or as narrow as the second."""
    import pyarrow as pa

    first = pa.array([[float(i)] * 4 for i in range(3)], pa.list_(pa.float32(), 4))
    children = [first if wide else pa.array([10, 11, 12], pa.int64()), pa.array([20, 21, 22])]
    structs = pa.StructArray.from_arrays(children, names=["x", "y"])
    field = pa.field("s", structs.type, metadata={"packed": "true"})
    schema = pa.schema([("id", pa.int64()), field])
    write([pa.table([pa.array(range(3)), structs], schema=schema)], to, "2.2")


def slices(to, values):
    """Appends a slice that does not begin where the array does."""
    import pyarrow as pa

    table = pa.table({"c": pa.array([values(i) for i in range(12)])})
    write([table.slice(0, 4), table.slice(4, 8)], to, "2.0")


def null_struct(to):
    import pyarrow as pa

    write([pa.table({"s": pa.array([{"a": 1}, None, {"a": None}])})], to, "2.0")


# For each dataset the calls, each with the release that makes it.
DATASETS = {
    "LL-0001": [("9.0.1", blobs_compacted)],
    "LL-0002": [("9.0.1", empty_blobs_compacted)],
    "LL-0003": [("9.0.1", null_blobs_compacted)],
    "LL-0003-write": [("8.0.1", null_blobs_in_batches)],
    "LL-0004": [("8.0.1", empty_blobs)],
    "LL-0005": [("4.0.2", lambda to: merged(to, "2.2", noise))],
    "LL-0005-string-2.1": [("4.0.2", lambda to: merged(to, "2.1", lambda row: noise(row).hex()))],
    "LL-0006": [("7.1.0", json_in_lists)],
    "LL-0006-struct": [("7.1.0", json_in_structs)],
    "LL-0007": [("12.0.0", json_by_file_writer)],
    "LL-0008": [("10.0.0", nested_blobs)],
    "LL-0009": [("0.7.5", rows_of_old), ("0.8.0", appended)],
    "LL-0009-append-lost": [("0.7.5", rows_of_old), ("0.8.12", appended)],
    "LL-0010": [("0.32.1", unfinished)],
    "LL-0011": [("7.1.0", blobs_not_compacted)],
    "LL-0012": [("14.0.2", last_stored_column_dropped)],
    "LL-0013": [("0.22.0", metadata_replaced)],
    "LL-0014": [("11.0.0", binary_copied)],
    "LL-0014-drop-add": [("11.0.0", binary_copied_after_drop)],
    "LL-0015": [("0.10.6", id_used_again)],
    "LL-0016": [("8.0.1", null_blobs_v2)],
    "LL-0017": [("14.0.2", lambda to: packed(to, True))],
    "LL-0018": [("14.0.2", lambda to: packed(to, False))],
    "LL-0019": [("0.20.0", lambda to: slices(to, lambda i: i if i % 3 else None))],
    "LL-0020": [("11.0.0", null_struct)],
    "LL-0021": [("0.27.2", lambda to: slices(to, lambda i: {"a": i, "b": str(i)}))],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--venvs", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE.parent / "advisories")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    for name, calls in DATASETS.items():
        if arguments.only not in (None, name):
            continue
        to = arguments.out / name
        shutil.rmtree(to, ignore_errors=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        for at, (release, _) in enumerate(calls):
            python = arguments.venvs / release / "bin" / "python"
            subprocess.run([python, __file__, "--call", name, str(at), to], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--call"]:
        DATASETS[sys.argv[2]][int(sys.argv[3])][1](sys.argv[4])
    else:
        main()
