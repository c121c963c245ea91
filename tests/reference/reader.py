"""A worker that reads, and writes to, datasets with the newest pylance.

Takes one request a line from standard input: {"path", "spec", "ops"}. For every
operation it answers with the operation's name before it starts and with the outcome
after it, so that whoever waits knows which one a crash or a hang belongs to. An outcome
holds digests, never values: what matters is whether two datasets give the same.
"""

import contextlib
import datetime
import hashlib
import json
import os
import resource
import shutil
import sys
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa

MEMORY = 8 << 30


def plain(value):
    """A value without the names of structs' members."""
    if isinstance(value, dict):
        return [plain(v) for v in value.values()]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return f"{value:.6g}"
    return value


def digest(value):
    return hashlib.sha1(repr(value).encode()).hexdigest()[:12]


def values(array):
    if isinstance(array.type, pa.ExtensionType):
        array = pa.chunked_array([c.storage for c in array.chunks], array.type.storage_type)
    return plain(array.to_pylist())


def shape(kind):
    """A type without names and nullability."""
    if isinstance(kind, pa.ExtensionType):
        return f"{kind.extension_name}({shape(kind.storage_type)})"
    if pa.types.is_struct(kind):
        return f"struct({', '.join(shape(kind.field(i).type) for i in range(kind.num_fields))})"
    if pa.types.is_map(kind):
        return f"map({shape(kind.key_type)}, {shape(kind.item_type)})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"{'large_' if pa.types.is_large_list(kind) else ''}list({shape(kind.value_type)})"
    if pa.types.is_fixed_size_list(kind):
        return f"vector({shape(kind.value_type)}, {kind.list_size})"
    return str(kind)


class Reader:
    """One dataset and the operations on it."""

    def __init__(self, path, spec):
        self.path, self.spec = path, spec
        self.ds = None

    def open(self, path=None):
        ds = lance.dataset(path or self.path)
        if path is None:
            self.ds = ds
            self.names = {f.id(): f.name() for f in ds.lance_schema.fields()}
        return ds

    def op_open(self):
        return {"version": self.open().version}

    def op_describe(self):
        """What the other operations are told of a base."""
        return {"names": self.names, "rows": self.ds.count_rows()}

    def op_schema(self):
        schema = self.ds.schema
        return {
            "types": {str(i): shape(schema.field(n).type) for i, n in self.names.items()},
            "schema": digest(schema.to_string(show_field_metadata=True, show_schema_metadata=True)),
        }

    def op_versions(self):
        return {"values": [v["version"] for v in self.ds.versions()]}

    def op_count(self):
        return {"rows": self.ds.count_rows()}

    def op_fragments(self):
        fragments = self.ds.get_fragments()
        return {"values": [[f.fragment_id, f.count_rows(), f.physical_rows] for f in fragments]}

    def op_scan_fragments(self):
        return {"values": [self.table(f.to_table()) for f in self.ds.get_fragments()]}

    def op_validate(self):
        self.ds.validate()
        return {}

    def op_indices(self):
        return {"indices": sorted([d.name, d.num_rows_indexed] for d in self.ds.describe_indices())}

    def op_col(self, field):
        name = self.name(field)
        return self.table(self.ds.to_table(columns=[name]))

    def op_all(self):
        return self.table(self.ds.to_table())

    def op_all_binary(self):
        return self.table(self.ds.scanner(blob_handling="all_binary").to_table())

    def op_row_ids(self):
        table = self.ds.to_table(columns=[self.name(0)], with_row_id=True, with_row_address=True)
        return {"rows": len(table), "values": digest([values(c) for c in table.columns])}

    def op_take(self):
        rows = self.spec["rows"]
        return self.table(self.ds.take([0, rows // 3, rows // 2, rows - 1]))

    def op_filter(self, number, index=True):
        text = self.spec["filters"][int(number)]
        # The columns are named in the base; a field of another name is still the same field.
        for field, name in sorted(self.spec["names"].items(), key=lambda n: -len(n[1])):
            if name in text:
                text = text.replace(name, self.name(int(field)))
        return self.table(self.ds.to_table(filter=text, use_scalar_index=index))

    def op_filter_scan(self, number):
        return self.op_filter(number, index=False)

    def op_row_versions(self):
        """When rows were made and changed, where the dataset keeps it."""
        table = self.row_versions(self.ds)
        return {"rows": len(table), "values": digest([values(c) for c in table.columns])}

    def row_versions(self, ds):
        columns = [self.name(0), "_row_created_at_version", "_row_last_updated_at_version"]
        return ds.to_table(columns=columns)

    def op_transactions(self):
        return {"rows": len(self.ds.get_transactions(100))}

    def op_row_filter(self):
        """Which rows have a value, by their row ids."""
        table = self.ds.to_table(columns=[], filter=f"{self.name(0)} >= 7", with_row_id=True)
        return {"rows": len(table), "values": digest(sorted(values(table.column(0))))}

    def nearest(self, ds):
        field = next(int(i) for i, n in self.spec["names"].items() if n == self.spec["vector"])
        query = np.asarray([40.0, 10.0, 70.0, 20.0], dtype=np.float32)
        return ds.to_table(
            columns=[self.name(0), "_distance"],
            nearest={"column": self.name(field), "q": query, "k": 8, "nprobes": 2},
        )

    def op_vector(self):
        table = self.nearest(self.ds)
        return {"rows": len(table), "values": digest([values(c) for c in table.columns])}

    def op_text(self):
        table = self.ds.to_table(columns=[self.name(0), "_score"], full_text_query="iris")
        found = sorted(zip(*[values(c) for c in table.columns]))
        return {"rows": len(table), "values": digest(found)}

    def op_blobs(self, field):
        rows = self.spec["rows"]
        taken = [0, 2, 3, rows // 2, rows - 3]
        files = self.ds.take_blobs(self.name(int(field)), indices=taken)
        return {"values": digest([None if f is None else f.readall() for f in files])}

    def op_tags(self):
        found = {}
        for tag in sorted(self.ds.tags.list()):
            found[tag] = self.table(self.ds.checkout_version(tag).to_table())
        return {"values": found}

    def op_branch(self):
        """Every version of the branch, the latest as it is opened without a number."""
        branch = self.spec["branch"]
        ds = self.ds.checkout_version((branch, None))
        found = {"latest": self.whole(ds)}
        for version in ds.versions():
            older = self.ds.checkout_version((branch, version["version"]))
            found[str(version["version"])] = self.whole(older)
        return {"indices": sorted(self.ds.branches.list()), "values": found}

    def op_history(self):
        """Every version."""
        found = {}
        for version in self.ds.versions():
            ds = lance.dataset(self.path, version=version["version"])
            found[str(version["version"])] = self.whole(ds)
        return {"values": found}

    def op_history_validate(self):
        for version in self.ds.versions():
            lance.dataset(self.path, version=version["version"]).validate()
        return {}

    def whole(self, ds):
        """All of another version: its values, its row ids, and what a filter finds."""
        found = self.table(ds.to_table())
        found["count"] = ds.count_rows()
        name = self.name(0)
        ids = ds.to_table(columns=[name], with_row_id=True)
        found["row-ids"] = digest([values(c) for c in ids.columns])
        if ds.has_stable_row_ids:
            found["row-versions"] = digest([values(c) for c in self.row_versions(ds).columns])
        if self.spec.get("vector") in ds.schema.names and ds.describe_indices():
            found["vector"] = digest([values(c) for c in self.nearest(ds).columns])
        filtered = ds.to_table(columns=[name], filter=f"{name} >= 7")
        found["filtered"] = digest(sorted(values(filtered.column(0))))
        return found

    def name(self, field):
        """The name that a field of the base has now."""
        name = self.names.get(int(field))
        if name is None:
            raise Absent
        return name

    def table(self, table):
        """Row count, values and types, by field id where the field is known."""
        ids = {n: i for i, n in self.names.items()}
        columns = {str(ids.get(n, n)): c for n, c in zip(table.column_names, table.columns)}
        return {
            "rows": len(table),
            "columns": {i: digest(values(c)) for i, c in columns.items()},
            "types": {i: shape(c.type) for i, c in columns.items()},
        }

    @contextlib.contextmanager
    def copy(self):
        """A copy of the dataset in its own place, since manifests may hold absolute paths."""
        kept = self.path + "-kept"
        Path(self.path).rename(kept)
        try:
            shutil.copytree(kept, self.path, copy_function=os.link)
            yield lance.dataset(self.path)
        finally:
            shutil.rmtree(self.path, ignore_errors=True)
            Path(kept).rename(self.path)

    def new_rows(self, ds):
        columns, fields = [], []
        taken = ds.take([0, 1])
        for field in ds.schema:
            kind, array = field.type, None
            if isinstance(kind, pa.ExtensionType) and "blob" in kind.extension_name:
                array = lance.blob_array([b"new", None])
                field = lance.blob_field(field.name)
            elif pa.types.is_large_binary(kind) and pa.types.is_struct(taken[field.name].type):
                # A blob, which is read as its descriptor.
                array = pa.array([b"new", None], pa.large_binary())
            else:
                array = taken[field.name]
            columns.append(array)
            fields.append(field)
        return pa.table(columns, schema=pa.schema(fields))

    def op_append(self):
        with self.copy() as ds:
            rows = ds.count_rows()
            lance.write_dataset(self.new_rows(ds), self.path, mode="append")
            # Which ids the new rows get is the writer's choice.
            return self.after(lance.dataset(self.path), rows)

    def op_stale(self):
        """A commit by someone who has not seen the last version."""
        with self.copy() as ds:
            older = lance.dataset(self.path, version=ds.version - 1)
            lance.write_dataset(self.new_rows(older), older, mode="append")
            return {"rows": lance.dataset(self.path).count_rows()}

    def op_delete(self):
        with self.copy() as ds:
            ds.delete(f"{self.name(0)} in (5, 12)")
            return self.after(lance.dataset(self.path))

    def op_compact(self):
        with self.copy() as ds:
            ds.optimize.compact_files(target_rows_per_fragment=4096)
            return self.after(lance.dataset(self.path))

    def op_optimize_indices(self):
        with self.copy() as ds:
            ds.optimize.optimize_indices()
            kept, self.ds = self.ds, lance.dataset(self.path)
            try:
                return {"values": [self.op_filter(i) for i in range(len(self.spec["filters"]))]}
            finally:
                self.ds = kept

    def op_cleanup(self):
        with self.copy() as ds:
            ds.cleanup_old_versions(
                datetime.timedelta(0), delete_unverified=True, error_if_tagged_old_versions=False
            )
            return self.after(lance.dataset(self.path))

    def after(self, ds, rows=None):
        """What is read once a write is done; the first rows, or all, must keep their ids."""
        kept, self.ds = self.ds, ds
        try:
            found = self.table(ds.to_table())
            if self.spec.get("blobs"):
                found["blobs"] = [
                    self.op_blobs(i)
                    for i, n in self.spec["names"].items()
                    if n in self.spec["blobs"]
                ]
            if ds.has_stable_row_ids:
                ids = values(ds.to_table(columns=[], with_row_id=True)["_rowid"])
                found["row-ids"] = digest(ids[:rows])
                found["ids-in-use-twice"] = len(ids) - len(set(ids))
            return found
        finally:
            self.ds = kept


class Absent(Exception):
    """The dataset has no such field (any more)."""


def run(reader, op):
    name, _, argument = op.partition(":")
    function = getattr(reader, "op_" + name.replace("-", "_"))
    try:
        return {"ok": function(argument) if argument else function()}
    except Absent:
        return {"absent": True}
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        kind = "panic" if type(error).__name__ == "PanicException" else "error"
        return {kind: f"{type(error).__name__}: {error}"[:1500]}


def main():
    # Sizes that nothing can hold must end this process, not others.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # What Lance prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    if not os.environ.get("REFERENCE_VERBOSE"):
        os.dup2(null, 2)
    for line in sys.stdin:
        request = json.loads(line)
        reader = Reader(request["path"], request["spec"])
        for op in request["ops"]:
            answers.write(json.dumps({"start": op}) + "\n")
            if op != "open" and reader.ds is None:
                outcome = {"error": "not open"}
                if "open" not in request["ops"]:
                    run(reader, "open")
                    outcome = run(reader, op)
            else:
                outcome = run(reader, op)
            answers.write(json.dumps({"op": op, **outcome}) + "\n")
        del reader
        answers.write(json.dumps({"end": True}) + "\n")


if __name__ == "__main__":
    main()
