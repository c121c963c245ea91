"""Plans run with LanceDB and with Daft: what pylance does in generate.py, through their own calls.

Reading and versions go through pylance, which is installed beside them.
"""

import os

import pyarrow as pa
from generate import KEY, Run, call
from values import Refused, arrow_type, canonical, quoted, schema


class LanceDB(Run):
    """One table being written with LanceDB."""

    def table(self):
        import lancedb

        folder, name = os.path.split(self.path)
        return lancedb.connect(folder).open_table(name[: -len(".lance")])

    def write(self, data, mode, path=None, **options):
        import lancedb

        folder, name = os.path.split(path or self.path)
        name = name.replace(".lance.try", "-try")
        database = lancedb.connect(folder)
        if mode == "append":
            return self.table().add(data)
        storage = {}
        if self.plan.get("version"):
            storage["new_table_data_storage_version"] = self.plan["version"]
        if self.plan.get("stable_row_ids"):
            storage["new_table_enable_stable_row_ids"] = "true"
        if "manifest_paths_v2" in self.plan:
            storage["new_table_enable_v2_manifest_paths"] = str(
                self.plan["manifest_paths_v2"]
            ).lower()
        name = name[: -len(".lance")] if name.endswith(".lance") else name
        made = database.create_table(name, data, mode=mode, storage_options=storage or None)
        if path:
            database.drop_table(name)
        return made

    def do_fragments(self, step, number):
        raise Refused("LanceDB writes no fragments by themselves")

    do_from_file = do_update_columns = do_base = do_truncate = do_mem_wal = do_fragments

    def do_delete(self, step, number):
        where, keys = self.matching(step["where"])
        self.table().delete(where)
        for key in keys:
            del self.rows[key]

    def do_update(self, step, number):
        field = self.field(step["column"])
        where, keys = self.matching(step["where"])
        value = step["value"]
        if value is None and not field["nullable"]:
            raise Refused("not nullable")
        self.table().update(where=where, values={quoted(step["column"]): value})
        held = canonical(pa.array([value], arrow_type(field["type"])))[0]
        for key in keys:
            self.rows[key] = {**self.rows[key], step["column"]: held}

    def do_merge(self, step, number):
        raise Refused("LanceDB has no merge")

    def do_add_values(self, step, number):
        raise Refused("LanceDB adds no columns from a stream")

    def do_add_null(self, step, number):
        self.table().add_columns(list(schema(step["fields"])))
        self.add(
            step["fields"], {field["name"]: dict.fromkeys(self.rows) for field in step["fields"]}
        )

    def do_upsert(self, step, number):
        self.need_key()
        keys = sorted(self.rows)[: step["old"]] + self.new_keys(step["new"])
        data = self.data(keys, number)
        self.merge_insert(self.table(), step, keys, data)

    def do_compact(self, step, number):
        self.table().optimize()

    def do_optimize_indices(self, step, number):
        self.table().optimize()

    def do_index(self, step, number):
        kind, column = step["kind"], step["column"]
        field = self.field(column)
        table = self.table()
        if "IVF" in kind:
            options = {"num_partitions": 1}
            if "PQ" in kind:
                options["num_sub_vectors"] = field["type"]["size"] // 4
            table.create_index(metric="l2", vector_column_name=column, index_type=kind, **options)
        elif kind == "INVERTED":
            table.create_fts_index(column)
        else:
            table.create_scalar_index(column, index_type=kind)

    def do_tag(self, step, number):
        self.table().tags.create(step["name"], self.back(step))

    def do_restore(self, step, number):
        version = self.back(step)
        table = self.table()
        table.checkout(version)
        table.restore()
        kept = self.snapshots[version]
        self.rows, self.fields = dict(kept["rows"]), list(kept["fields"])

    def do_branch(self, step, number):
        branch = call(call(self.table(), "__getattribute__", "branches"), "create", step["name"])
        if step["rows"]:
            branch.add(self.data(self.new_keys(step["rows"]), number))
        self.branches[step["name"]] = {"rows": len(self.rows) + step["rows"]}


class Daft(Run):
    """One dataset being written with Daft, and with daft-lance where Daft has no call."""

    def write(self, data, mode, path=None, **options):
        import daft

        options = {name: value for name, value in options.items() if value is not None}
        if mode != "append" and self.plan.get("version"):
            version = self.plan["version"]
            options["data_storage_version"] = "legacy" if version == "0.1" else version
        if mode == "create" and self.plan.get("stable_row_ids"):
            options["enable_stable_row_ids"] = True
        daft.from_arrow(data).write_lance(path or self.path, mode=mode, **options)

    def do_fragments(self, step, number):
        raise Refused("Daft commits by itself")

    def do_compact(self, step, number):
        import daft_lance

        daft_lance.compact_files(self.path)

    def do_index(self, step, number):
        import daft_lance

        self.field(step["column"])
        if step["kind"] not in ("BTREE", "BITMAP", "INVERTED"):
            raise Refused("no such index")
        daft_lance.create_scalar_index(self.path, column=step["column"], index_type=step["kind"])

    def do_optimize_indices(self, step, number):
        import daft_lance

        daft_lance.optimize_indices(self.path)

    def do_add_sql(self, step, number):
        """A column from a function of the key."""
        import daft_lance

        self.need_key()
        name = step["name"]

        def double(batch):
            values = [value * 2 for value in batch.column(KEY).to_pylist()]
            return pa.record_batch([pa.array(values, pa.int64())], [name])

        daft_lance.merge_columns(self.path, transform=double, read_columns=[KEY])
        field = {"name": name, "type": "int64", "nullable": True, "nulls": 0}
        self.add([field], {name: {key: key * 2 for key in self.rows}})
