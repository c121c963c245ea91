"""Runs plans with the writer that is installed beside it, and keeps the values that must come out.

    WRITER/bin/python generate.py pylance|lancedb|daft

Reads one JSON document a line from standard input: {"plan": …, "path": …}. Answers each with one
line: {"ok": true, "skipped": […], "branches": {…}, …}, or {"ok": false, "reason": …}. The values
are written beside the dataset, to PATH.shadow.
"""

import inspect
import json
import os
import pickle
import shutil
import sys
from datetime import timedelta

import pyarrow as pa
from values import Refused, arrow_type, canonical, digest, quoted, schema, table

KEY = "k"


def accepts(function, name):
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def call(thing, name, *arguments, **options):
    function = getattr(thing, name, None)
    if function is None:
        raise Refused(f"{type(thing).__name__} has no {name}")
    return function(*arguments, **options)


def message(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


class Run:
    """One dataset being written with pylance, beside the values that it must hold."""

    def __init__(self, plan, path):
        import lance

        self.lance, self.plan, self.path = lance, plan, path
        self.fields = []  # in the order of the schema
        self.rows = {}  # the key of a row, or its number, to its values by column
        self.following = 0  # the next key
        self.snapshots = {}  # digests by version
        self.branches = {}
        self.skipped, self.removed = [], []
        self.done = []
        self.clones = 0
        self.bases = 0
        # For releases without the option, which also takes hold where a step has none.
        os.environ.pop("LANCE_FILE_WRITER_MAX_PAGE_BYTES", None)
        if "page_bytes" in plan:
            os.environ["LANCE_FILE_WRITER_MAX_PAGE_BYTES"] = str(plan["page_bytes"])

    # The dataset ------------------------------------------------------------

    def open(self, **options):
        return self.lance.dataset(self.path, **options)

    def version_options(self, function):
        version = self.plan.get("version")
        if version is None:
            return {}
        if accepts(function, "data_storage_version"):
            return {"data_storage_version": "legacy" if version == "0.1" else version}
        if accepts(function, "use_legacy_format"):
            if version not in ("0.1", "2.0"):
                raise Refused(f"no version {version}")
            return {"use_legacy_format": version == "0.1"}
        if version != "0.1":
            raise Refused(f"no version {version}")
        return {}

    def write_options(self):
        write = self.lance.write_dataset
        options = self.version_options(write)
        if self.plan.get("stable_row_ids"):
            for name in ("enable_stable_row_ids", "enable_move_stable_row_ids"):
                if accepts(write, name):
                    options[name] = True
                    break
        if "manifest_paths_v2" in self.plan and accepts(write, "enable_v2_manifest_paths"):
            options["enable_v2_manifest_paths"] = self.plan["manifest_paths_v2"]
        return options

    def write(self, data, mode, path=None, **options):
        options = {name: value for name, value in options.items() if value is not None}
        if options.get("max_rows_per_file") and accepts(
            self.lance.write_dataset, "max_rows_per_group"
        ):
            options["max_rows_per_group"] = min(1024, options["max_rows_per_file"])
        if mode != "append":
            options.update(self.write_options())
        elif not accepts(self.lance.write_dataset, "data_storage_version"):
            options.update(self.version_options(self.lance.write_dataset))
        return self.lance.write_dataset(data, path or self.path, mode=mode, **options)

    # Values -----------------------------------------------------------------

    def keyed(self):
        return any(field["name"] == KEY for field in self.fields)

    def need_key(self):
        if not self.keyed():
            raise Refused("needs the key column")

    def names(self):
        return [field["name"] for field in self.fields]

    def field(self, name):
        for field in self.fields:
            if field["name"] == name:
                return field
        raise Refused(f"no column {name}")

    def new_keys(self, n):
        keys = list(range(self.following, self.following + n))
        self.following += n
        return keys

    def insert(self, keys, data):
        columns = {name: canonical(data.column(name)) for name in data.column_names}
        missing = {name: None for name in self.names() if name not in columns}
        for i, key in enumerate(keys):
            self.rows[key] = {**{name: values[i] for name, values in columns.items()}, **missing}

    def data(self, keys, seed, names=None):
        fields = self.fields if names is None else [self.field(name) for name in names]
        return table(fields, keys, f"{self.plan['seed']} {seed}")

    def in_batches(self, keys, number, batches):
        """Rows in several arrays a column, none of them a slice: some releases lose their nulls."""
        size = max(1, -(-len(keys) // batches))
        starts = range(0, max(1, len(keys)), size)
        parts = [self.data(keys[at : at + size], f"{number} {at}") for at in starts]
        return pa.concat_tables(parts)

    def matching(self, where):
        if "all" in where:
            return "true", list(self.rows)
        self.need_key()
        if "mod" in where:
            m, r = where["mod"]
            return f"{KEY} % {m} = {r}", [key for key in self.rows if key % m == r]
        low, high = where["range"]
        return f"{KEY} >= {low} AND {KEY} < {high}", [key for key in self.rows if low <= key < high]

    def columns(self):
        order = sorted(self.rows)
        return {name: [self.rows[key][name] for key in order] for name in self.names()}

    def snapshot(self):
        version = self.open().version
        # A commit that changed nothing that is visible has the values of the one before.
        values = {name: digest(column) for name, column in self.columns().items()}
        self.snapshots[version] = {
            "values": values, "rows": dict(self.rows), "fields": list(self.fields)
        }  # fmt: skip

    # Steps ------------------------------------------------------------------

    def run(self):
        for number, step in enumerate(self.plan["steps"]):
            before = (dict(self.rows), list(self.fields), self.following)
            try:
                getattr(self, "do_" + step["op"])(step, number)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # a panic is no Exception
                self.rows, self.fields, self.following = before
                if number == 0:
                    raise
                self.skipped.append([number, step["op"], message(error)])
                continue
            self.done.append(step["op"])
            self.snapshot()

    def do_write(self, step, number):
        self.fields = [dict(field) for field in self.plan["schema"]]
        self.create(step, number, "create")

    def do_overwrite(self, step, number):
        self.fields = [dict(field) for field in step["schema"]]
        self.create(step, number, "overwrite")

    def create(self, step, number, mode):
        """Write a whole dataset; columns that the writer refuses are left out of it."""
        self.rows = {}
        keys = self.new_keys(step["rows"])
        options = {"max_rows_per_file": step.get("max_rows_per_file")}
        for attempt in range(2):
            try:
                data = self.in_batches(keys, number, step.get("batches", 1))
                data = data.replace_schema_metadata(self.plan.get("schema_metadata"))
                self.write(data, mode, **options)
                break
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:
                if attempt:
                    raise
                if mode == "create":
                    shutil.rmtree(self.path, ignore_errors=True)
                kept = [field for field in self.fields if self.writes(field, keys, number)]
                if len(kept) == len(self.fields):
                    raise
                self.removed += [f["name"] for f in self.fields if f not in kept]
                if not kept:
                    raise
                self.fields = kept
        self.insert(keys, data)

    def writes(self, field, keys, number):
        """Whether the writer takes a column by itself."""
        path = self.path + ".try"
        try:
            self.write(table([field], keys, f"{self.plan['seed']} {number}"), "create", path)
            return True
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            return False
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def do_append(self, step, number):
        keys = self.new_keys(step["rows"])
        names = step.get("columns")
        if names is not None:
            names = [name for name in names if name in self.names()]
            if not names:
                raise Refused("no such columns")
        data = self.data(keys, number, names)
        self.write(data, "append", max_rows_per_file=step.get("max_rows_per_file"))
        self.insert(keys, data)

    def do_fragments(self, step, number):
        """Fragments written by themselves and committed by hand."""
        keys = self.new_keys(step["rows"])
        data = self.data(keys, number)
        write = self.lance.fragment.write_fragments
        options = (
            {}
            if accepts(self.lance.write_dataset, "data_storage_version")
            else self.version_options(write)
        )
        ds = self.open()
        if not options and accepts(write, "data_storage_version"):
            options = {"data_storage_version": call(ds, "__getattribute__", "data_storage_version")}
        parts = write(data, self.path, schema=ds.schema, **options)
        operation = self.lance.LanceOperation.Append(parts)
        self.lance.LanceDataset.commit(self.path, operation, read_version=ds.version)
        self.insert(keys, data)

    def do_from_file(self, step, number):
        """A data file of LanceFileWriter, committed as a fragment."""
        from lance.file import LanceFileWriter

        ds = self.open()
        keys = self.new_keys(step["rows"])
        data = self.data(keys, number)
        name = f"written{number}.lance"
        path = os.path.join(self.path, "data", name)
        with LanceFileWriter(path, ds.schema, version=ds.data_storage_version) as writer:
            for batch in data.cast(ds.schema).to_batches():
                writer.write_batch(batch)
        create = self.lance.LanceFragment.create_from_file
        part = create(name, ds if accepts(create, "dataset") else ds.schema, 0)
        operation = self.lance.LanceOperation.Append([part])
        self.lance.LanceDataset.commit(self.path, operation, read_version=ds.version)
        self.insert(keys, data)

    def do_update_columns(self, step, number):
        """Values of one column replaced in one fragment, committed by hand."""
        self.need_key()
        ds = self.open()
        fragment = ds.get_fragments()[-1]
        keys = fragment.to_table(columns=[KEY]).column(KEY).to_pylist()[: step["rows"]]
        data = self.data(keys, number, [KEY, step["column"]])
        part, changed = call(fragment, "update_columns", data, left_on=KEY, right_on=KEY)[:2]
        operation = self.lance.LanceOperation.Update(
            updated_fragments=[part], fields_modified=changed
        )
        self.lance.LanceDataset.commit(self.path, operation, read_version=ds.version)
        for key, value in zip(keys, canonical(data.column(step["column"]))):
            self.rows[key] = {**self.rows[key], step["column"]: value}

    def do_base(self, step, number):
        """Rows in a base path of their own."""
        from lance import DatasetBasePath

        self.bases += 1
        name = f"base{self.bases}"
        folder = os.path.join(os.path.dirname(self.path), name)
        os.makedirs(folder)
        call(self.open(), "add_bases", [DatasetBasePath("file://" + folder, name=name)])
        keys = self.new_keys(step["rows"])
        data = self.data(keys, number)
        self.write(data, "append", target_bases=[name])
        self.insert(keys, data)

    def do_truncate(self, step, number):
        call(self.open(), "truncate_table")
        self.rows = {}

    def do_auto_cleanup(self, step, number):
        optimize = self.open().optimize
        call(optimize, "enable_auto_cleanup", {"interval": 3, "older_than_seconds": 0})

    def do_mem_wal(self, step, number):
        call(self.open(), "initialize_mem_wal", unsharded=True)

    def do_delete(self, step, number):
        where, keys = self.matching(step["where"])
        self.open().delete(where)
        for key in keys:
            del self.rows[key]

    def do_update(self, step, number):
        field = self.field(step["column"])
        where, keys = self.matching(step["where"])
        value = step["value"]
        if value is None and not field["nullable"]:
            raise Refused("not nullable")
        sql = (
            "NULL"
            if value is None
            else "'" + value + "'"
            if isinstance(value, str)
            else str(value).lower()
        )
        call(self.open(), "update", {quoted(step["column"]): sql}, where=where)
        held = canonical(pa.array([value], arrow_type(field["type"])))[0]
        for key in keys:
            self.rows[key] = {**self.rows[key], step["column"]: held}

    def add(self, fields, values):
        self.fields += fields
        for key, row in self.rows.items():
            self.rows[key] = {**row, **{name: of[key] for name, of in values.items()}}

    def do_add_sql(self, step, number):
        self.need_key()
        sql, make, kind = {
            "int64": (f"{KEY} * 2", lambda k: k * 2, "int64"),
            "int32": (f"cast({KEY} as int)", lambda k: k, "int32"),
            "string": (f"cast({KEY} as string)", str, "string"),
            "bool": (f"{KEY} % 3 = 0", lambda k: k % 3 == 0, "bool"),
            "float32": (f"cast({KEY} as float)", float, "float32"),
            "constant": ("'same'", lambda k: "same", "string"),
            "some": (f"nullif({KEY} % 3, 0)", lambda k: k % 3 or None, "int64"),
        }[step["kind"]]  # fmt: skip
        call(self.open(), "add_columns", {step["name"]: sql})
        field = {"name": step["name"], "type": kind, "nullable": True, "nulls": 0}
        self.add([field], {step["name"]: {key: make(key) for key in self.rows}})

    def do_add_null(self, step, number):
        fields = step["fields"]
        call(self.open(), "add_columns", schema(fields))
        self.add(fields, {field["name"]: dict.fromkeys(self.rows) for field in fields})

    def new_values(self, fields, keys, number):
        data = table(fields, keys, f"{self.plan['seed']} {number}")
        values = {name: dict(zip(keys, canonical(data.column(name)))) for name in data.column_names}
        return data, values

    def do_add_values(self, step, number):
        """Columns from a stream, in the order in which the rows are read."""
        self.need_key()
        keys = self.open().to_table(columns=[KEY]).column(KEY).to_pylist()
        data, values = self.new_values(step["fields"], keys, number)
        reader = pa.RecordBatchReader.from_batches(data.schema, data.to_batches(max_chunksize=13))
        call(self.open(), "add_columns", reader)
        self.add(step["fields"], values)

    def do_merge(self, step, number):
        self.need_key()
        keys = sorted(self.rows)
        data, values = self.new_values(step["fields"], keys, number)
        data = data.append_column(pa.field(KEY, pa.int64()), pa.array(keys, pa.int64()))
        self.open().merge(data, KEY)
        self.add(step["fields"], values)

    def do_drop(self, step, number):
        gone = [name for name in step["columns"] if name in self.names()]
        if not gone or len(gone) >= len(self.fields):
            raise Refused("nothing to drop")
        call(self.open(), "drop_columns", [quoted(n) if "." in n else n for n in gone])
        self.fields = [field for field in self.fields if field["name"] not in gone]
        self.rows = {
            key: {name: value for name, value in row.items() if name not in gone}
            for key, row in self.rows.items()
        }

    def do_drop_child(self, step, number):
        field = self.field(step["column"])
        children = field["type"]["struct"]
        at = [child["name"] for child in children].index(step["child"])
        if len(children) < 2:
            raise Refused("the only child")
        call(self.open(), "drop_columns", [quoted(step["column"]) + "." + quoted(step["child"])])
        kept = [child for child in children if child["name"] != step["child"]]
        new = dict(field, type=dict(field["type"], struct=kept))
        self.fields = [new if one is field else one for one in self.fields]
        for key, row in self.rows.items():
            value = row[step["column"]]
            value = value and value[:at] + value[at + 1 :]
            self.rows[key] = {**row, step["column"]: value}

    def do_rename(self, step, number):
        field = self.field(step["column"])
        if "child" in step:
            path = quoted(step["column"]) + "." + quoted(step["child"])
            call(self.open(), "alter_columns", {"path": path, "name": step["to"]})
            children = [
                dict(child, name=step["to"]) if child["name"] == step["child"] else child
                for child in field["type"]["struct"]
            ]
            new = dict(field, type=dict(field["type"], struct=children))
        else:
            call(self.open(), "alter_columns", {"path": quoted(step["column"]), "name": step["to"]})
            new = dict(field, name=step["to"])
            for key, row in self.rows.items():
                row = dict(row)
                row[step["to"]] = row.pop(step["column"])
                self.rows[key] = row
        self.fields = [new if one is field else one for one in self.fields]

    def do_cast(self, step, number):
        field = self.field(step["column"])
        to = arrow_type(step["to"])
        call(self.open(), "alter_columns", {"path": quoted(step["column"]), "data_type": to})
        self.fields = [dict(one, type=step["to"]) if one is field else one for one in self.fields]

    def do_nullable(self, step, number):
        field = self.field(step["column"])
        call(self.open(), "alter_columns", {"path": quoted(step["column"]), "nullable": True})
        self.fields = [dict(one, nullable=True) if one is field else one for one in self.fields]

    def do_upsert(self, step, number):
        self.need_key()
        keys = sorted(self.rows)[: step["old"]] + self.new_keys(step["new"])
        data = self.data(keys, number)
        self.merge_insert(self.open(), step, keys, data)

    def merge_insert(self, ds, step, keys, data):
        """One of the ways to merge; `ds` has merge_insert()."""
        variant = step.get("variant", "all")
        builder = ds.merge_insert(KEY)
        if variant != "insert":
            builder.when_matched_update_all()
        if variant != "update":
            builder.when_not_matched_insert_all()
        gone = []
        if variant == "replace":
            limit = sorted(self.rows)[len(self.rows) // 2] if self.rows else 0
            builder.when_not_matched_by_source_delete(f"{KEY} < {limit}")
            gone = [key for key in self.rows if key < limit and key not in keys]
        builder.execute(data)
        for key in gone:
            del self.rows[key]
        old = dict(self.rows)
        self.insert(keys, data)
        for key in keys:
            if variant == "insert" and key in old:
                self.rows[key] = old[key]
            elif variant == "update" and key not in old:
                del self.rows[key]

    def do_upsert_columns(self, step, number):
        self.need_key()
        keys = sorted(self.rows)[: step["old"]]
        names = [name for name in step["columns"] if name in self.names()]
        if len(names) < 2 or not keys:
            raise Refused("no columns or rows")
        data = self.data(keys, number, names)
        self.open().merge_insert(KEY).when_matched_update_all().execute(data)
        for name in names:
            for key, value in zip(keys, canonical(data.column(name))):
                self.rows[key] = {**self.rows[key], name: value}

    def do_compact(self, step, number):
        compact = self.open().optimize.compact_files
        options = {
            name: step[name]
            for name in (
                "target_rows_per_fragment",
                "materialize_deletions_threshold",
                "compaction_mode",
                "data_storage_version",
            )
            if step.get(name) is not None
        }
        compact(**options)

    def do_index(self, step, number):
        field = self.field(step["column"])
        ds = self.open()
        column = quoted(step["column"]) if "." in step["column"] else step["column"]
        if "IVF" in step["kind"]:
            options = {"num_partitions": 1}
            if "PQ" in step["kind"]:
                options["num_sub_vectors"] = field["type"]["size"] // 4
            ds.create_index(column, step["kind"], **options)
        else:
            ds.create_scalar_index(column, step["kind"])

    def do_optimize_indices(self, step, number):
        call(self.open().optimize, "optimize_indices")

    def do_drop_index(self, step, number):
        ds = self.open()
        call(ds, "drop_index", ds.list_indices()[0]["name"])

    def back(self, step):
        versions = sorted(self.snapshots)
        return versions[max(0, len(versions) - 1 - step["back"])]

    def do_tag(self, step, number):
        tags = getattr(self.open(), "tags", None)
        call(tags, "create", step["name"], self.back(step))

    def do_branch(self, step, number):
        ds = self.open()
        branch = call(ds, "create_branch", step["name"], ds.version)
        if step["rows"]:
            data = self.data(self.new_keys(step["rows"]), number)
            branch = self.lance.write_dataset(data, branch, mode="append")
        self.branches[step["name"]] = {"rows": len(self.rows) + step["rows"]}

    def do_restore(self, step, number):
        version = self.back(step)
        self.open(version=version).restore()
        kept = self.snapshots[version]
        self.rows, self.fields = dict(kept["rows"]), list(kept["fields"])

    def clone(self, name):
        self.clones += 1
        target = os.path.join(os.path.dirname(self.path), f"clone{self.clones}.lance")
        ds = self.open()
        call(ds, name, target, ds.version)
        self.path = target
        self.snapshots.clear()
        self.branches.clear()

    def do_shallow_clone(self, step, number):
        self.clone("shallow_clone")

    def do_deep_clone(self, step, number):
        self.clone("deep_clone")

    def do_config(self, step, number):
        call(self.open(), "update_config", {"team": "tests", "lance.note": str(number)})

    def do_schema_metadata(self, step, number):
        ds = self.open()
        if hasattr(ds, "update_schema_metadata"):
            ds.update_schema_metadata({"origin": str(number)})
        else:
            call(ds, "replace_schema_metadata", {"origin": str(number)})

    def do_field_metadata(self, step, number):
        self.field(step["column"])
        ds = self.open()
        call(ds, "update_field_metadata", {quoted(step["column"]): {"doc": str(number)}})

    def do_cleanup(self, step, number):
        options = (
            {"delete_unverified": True}
            if accepts(self.open().cleanup_old_versions, "delete_unverified")
            else {}
        )
        if accepts(self.open().cleanup_old_versions, "error_if_tagged_old_versions"):
            options["error_if_tagged_old_versions"] = False
        self.open().cleanup_old_versions(older_than=timedelta(0), **options)

    def do_migrate(self, step, number):
        call(self.open(), "migrate_manifest_paths_v2")

    def answer(self):
        with open(self.path + ".shadow", "wb") as file:
            pickle.dump({"columns": self.columns(), "key": KEY if self.keyed() else None}, file)
        return {
            "ok": True,
            "path": self.path,
            "skipped": self.skipped,
            "removed": self.removed,
            "done": self.done,
            "branches": self.branches,
            "versions": {version: kept["values"] for version, kept in self.snapshots.items()},
        }


def main():
    kinds = {"pylance": Run}
    if sys.argv[1] != "pylance":
        import others

        kinds = {"lancedb": others.LanceDB, "daft": others.Daft}
    kind = kinds[sys.argv[1]]
    # What libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            run = kind(job["plan"], job["path"])
            run.run()
            answer = run.answer()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            answer = {"ok": False, "reason": message(error)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
