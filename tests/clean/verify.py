"""Says whether the newest Lance reads a dataset well.

    READER/bin/python verify.py

Reads one JSON document a line from standard input: {"path", "versions", "branches"}, as
generate.py answers them. Answers {"problems": […], "fragments": […], "version": N, …}: reading well
is having no problem. Every column alone, all columns, row ids, takes, filters and validate() must
work and give the values that the writer was given (PATH.shadow). With "quick", all columns and
validate() are enough.
"""

import json
import os
import pickle
import sys

import lance
import pyarrow as pa
from values import canonical, digest, quoted


def message(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:400]


class Reading:
    def __init__(self, job):
        self.job = job
        self.problems = []
        self.empty_blobs = []  # paths of blobs that are all null or empty

    def step(self, name, function):
        """What a reader returns, or None where it fails."""
        try:
            return function()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic is no Exception
            self.problems.append(f"{name}: {message(error)}")
            return None

    def expect(self, name, holds):
        if not holds:
            self.problems.append(name)

    def run(self):
        path = self.job["path"]
        with open(path + ".shadow", "rb") as file:
            shadow = pickle.load(file)
        want, key = shadow["columns"], shadow["key"]
        ds = self.step("open", lambda: lance.dataset(path))
        if ds is None:
            return {"problems": self.problems}
        answer = {"problems": self.problems, "version": ds.version}
        answer["fragments"] = [fragment.fragment_id for fragment in ds.get_fragments()]
        answer["storage"] = ds.data_storage_version
        rows = len(next(iter(want.values())))
        self.expect("count_rows", self.step("count_rows", ds.count_rows) == rows)
        self.expect("columns", sorted(ds.schema.names) == sorted(want))
        self.step("validate", ds.validate)
        full = self.step("all columns", ds.to_table)
        if full is None or self.problems:
            return answer
        binary = full
        if any(has_blob(field) for field in ds.schema):
            binary = self.step("all columns, blobs as bytes", lambda: all_binary(ds))
            if binary is None:
                return answer
        self.values(want, key, binary)
        if self.job.get("quick"):
            return answer
        self.each_column(ds, full)
        self.row_ids(ds, full, key)
        self.filters(ds, want, key, full)
        self.blobs(ds, full, binary)
        self.versions(ds, answer)
        self.indices(ds)
        answer["empty_blobs"] = self.empty_blobs
        return answer

    def values(self, want, key, read):
        order = None
        if key:
            keys = read.column(key).to_pylist()
            self.expect("keys", sorted(keys) == want[key])
            order = sorted(range(len(keys)), key=keys.__getitem__)
        for name in want:
            got = canonical(read.column(name))
            got = [got[i] for i in order] if order is not None else sorted(got, key=repr)
            expected = want[name] if order is not None else sorted(want[name], key=repr)
            if got != expected:
                at = next(
                    (i for i, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), None
                )
                pair = (
                    "" if at is None else f": {str(expected[at])[:60]} read as {str(got[at])[:60]}"
                )
                self.problems.append(f"values of {name} ({read.column(name).type}){pair}")

    def each_column(self, ds, full):
        for name in full.column_names:
            alone = self.step(f"column {name}", lambda: ds.to_table(columns=[quoted(name)]))
            if alone is not None:
                self.expect(
                    f"column {name} alone differs",
                    canonical(alone.column(0)) == canonical(full.column(name)),
                )
            field = ds.schema.field(name)
            if pa.types.is_struct(field.type) and not has_blob(field) and not is_packed(field):
                self.children(ds, field.type, quoted(name), full.column(name))

    def children(self, ds, kind, path, column):
        """Every child of a struct by itself, as SQL names it."""
        for i, child in enumerate(kind):
            if is_packed(child):
                continue
            inner = f"{path}.{quoted(child.name)}"
            alone = self.step(f"column {inner}", lambda: ds.to_table(columns={"it": inner}))
            if alone is not None:
                want = [value for chunk in column.chunks for value in canonical(chunk.flatten()[i])]
                self.expect(f"column {inner} alone differs", canonical(alone.column(0)) == want)

    def row_ids(self, ds, full, key):
        for option in ("with_row_id", "with_row_address"):
            with_ids = self.step(
                option,
                lambda: ds.to_table(
                    columns=[quoted(n) for n in full.column_names[:3]], **{option: True}
                ),
            )
            if with_ids is not None:
                ids = with_ids.column(with_ids.num_columns - 1).to_pylist()
                self.expect(f"{option} repeats", len(set(ids)) == len(ids) == full.num_rows)
                if option == "with_row_id" and ids:
                    self.taken(
                        "take by row id",
                        lambda: ds._take_rows(ids[-3:]),
                        full,
                        range(len(ids))[-3:],
                    )
        if full.num_rows:
            n = full.num_rows
            picks = sorted({0, n // 3, n // 2, n - 1})
            self.taken("take", lambda: ds.take(picks), full, picks)

    def taken(self, name, function, full, picks):
        taken = self.step(name, function)
        if taken is None:
            return
        if isinstance(taken, pa.RecordBatch):
            taken = pa.Table.from_batches([taken])
        for column in full.column_names:
            values = canonical(full.column(column))
            if canonical(taken.column(column)) != [values[i] for i in picks]:
                self.problems.append(f"{name}: {column} differs")

    def filters(self, ds, want, key, full):
        names = [name for name in want if not has_blob(ds.schema.field(name))]
        for name in names[:12]:
            values = want[name]
            nulls = sum(value is None for value in values)
            found = self.step(
                f"filter {name} is null", lambda: ds.count_rows(filter=f"{quoted(name)} IS NULL")
            )
            if found is not None:
                self.expect(f"filter {name} is null finds {found} of {nulls}", found == nulls)
            kind = full.schema.field(name).type
            # SQL has no literals of the greatest numbers.
            known = next(
                (v for v in values if v is not None and (isinstance(v, str) or is_small(v))), None
            )
            literal = None
            if known is not None and pa.types.is_integer(kind):
                literal = str(known)
            elif known is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                literal = "'" + known + "'"
            if literal is not None:
                found = self.step(
                    f"filter {name}",
                    lambda: ds.to_table(
                        columns=[quoted(n) for n in full.column_names[:2]],
                        filter=f"{quoted(name)} = {literal}",
                    ),
                )
                if found is not None:
                    self.expect(
                        f"filter {name} finds other rows", found.num_rows == values.count(known)
                    )
        if key:
            found = self.step("filter, all columns", lambda: ds.to_table(filter=f"{key} % 2 = 0"))
            if found is not None:
                self.expect(
                    "filter finds other rows", found.num_rows == sum(k % 2 == 0 for k in want[key])
                )

    def blobs(self, ds, full, binary):
        """Each blob, also in structs, as a file."""
        for field in ds.schema:
            if full.num_rows:
                self.blob(ds, field, quoted(field.name), binary.column(field.name))

    def blob(self, ds, field, path, column):
        if not is_blob(field):
            if pa.types.is_struct(field.type):
                for i, child in enumerate(field.type):
                    if has_blob(child):
                        inner = pa.chunked_array([chunk.flatten()[i] for chunk in column.chunks])
                        self.blob(ds, child, f"{path}.{quoted(child.name)}", inner)
            return
        values = canonical(column)
        if not any(values):
            # Nothing to fetch: what lies where take_blobs() does not look is not missed.
            self.empty_blobs.append(path.replace("`", ""))
        indices = list(range(len(values)))
        files = self.step(f"take_blobs {path}", lambda: ds.take_blobs(path, indices=indices))
        if files is None:
            return
        got = self.step("blob", lambda: [f.readall() if f is not None else None for f in files])
        values = values if len(files) == len(values) else [v for v in values if v is not None]
        if got is not None:
            self.expect(f"take_blobs {path} differs", got == values)

    def versions(self, ds, answer):
        bad = answer["bad_versions"] = []
        known = {int(version): values for version, values in self.job["versions"].items()}
        for version in [v["version"] for v in ds.versions()]:
            try:
                old = lance.dataset(self.job["path"], version=version)
                old.validate()
                read = all_binary(old) if any(has_blob(f) for f in old.schema) else old.to_table()
                for name in read.column_names:
                    old.to_table(columns=[quoted(name)])
                blobs = Reading(self.job)
                blobs.blobs(old, read, read)
                if blobs.problems:
                    raise ValueError(blobs.problems[0])
                want = known.get(version)
                if want is not None and "k" in want:
                    keys = read.column("k").to_pylist()
                    order = sorted(range(len(keys)), key=keys.__getitem__)
                    for name in read.column_names:
                        got = canonical(read.column(name))
                        if digest([got[i] for i in order]) != want.get(name):
                            raise ValueError(f"values of {name}")
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                bad.append([version, message(error)])
        # A branch that is not read well does not make the dataset bad, only itself.
        problems, answer["bad_branches"] = self.problems, {}
        for name, branch in self.job["branches"].items():
            self.problems = []
            self.branch(ds, name, branch["rows"])
            if self.problems:
                answer["bad_branches"][name] = self.problems
        self.problems = problems

    def branch(self, ds, name, rows):
        side = self.step(f"branch {name}", lambda: ds.checkout_version((name, None)))
        full = side and self.step(f"branch {name}", side.to_table)
        if full is None:
            return
        self.expect(f"rows of branch {name}", full.num_rows == rows)
        self.step("validate", side.validate)
        self.each_column(side, full)
        if any(has_blob(field) for field in side.schema):
            binary = self.step("blobs as bytes", lambda: all_binary(side))
            if binary is not None:
                self.blobs(side, full, binary)

    def indices(self, ds):
        for index in self.step("list_indices", ds.list_indices) or []:
            self.step(
                f"index_statistics {index['name']}",
                lambda: ds.stats.index_stats(index["name"]) if hasattr(ds, "stats") else None,
            )


def is_packed(field):
    """Whether a struct is packed: the newest Lance reads its children alone wrong, or hangs."""
    metadata = field.metadata or {}
    return b"packed" in metadata or b"lance-encoding:packed" in metadata


def is_small(value):
    return not isinstance(value, int) or abs(value) < 1 << 31


def all_binary(ds):
    return ds.scanner(blob_handling="all_binary").to_table()


def is_blob(field):
    metadata = field.metadata or {}
    extension = metadata.get(b"ARROW:extension:name", b"").decode()
    known = extension, getattr(field.type, "extension_name", "")
    return b"lance-encoding:blob" in metadata or "lance.blob.v2" in known


def has_blob(field):
    if is_blob(field):
        return True
    kind = field.type
    if pa.types.is_nested(kind) and not isinstance(kind, pa.BaseExtensionType):
        return any(has_blob(kind.field(i)) for i in range(kind.num_fields))
    return False


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(Reading(json.loads(line)).run()) + "\n")


if __name__ == "__main__":
    main()
