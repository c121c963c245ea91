"""Makes plans: JSON documents that say which dataset to write, step by step.

A plan depends on its seed and its writer alone. The interpreter in generate.py runs it; shrink.py
edits it.
"""

import random

KEY = "k"

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
STRINGS = ["string", "large_string"]
BINARIES = ["binary", "large_binary"]
TIMES = [
    "date32", "date64", "time32[s]", "time32[ms]", "time64[us]", "time64[ns]", "timestamp[s]",
    "timestamp[ms]", "timestamp[us]", "timestamp[ns]", "timestamp[us, UTC]",
    "timestamp[ms, America/New_York]", "duration[s]", "duration[us]",
]  # fmt: skip
DECIMALS = ["decimal128(12, 3)", "decimal128(38, 10)", "decimal256(60, 5)"]
SIZED = ["fixed_size_binary(1)", "fixed_size_binary(4)", "fixed_size_binary(16)"]
DICTIONARIES = [
    "dictionary(int8, string)", "dictionary(int16, string)", "dictionary(int32, string)",
    "dictionary(uint8, string)", "dictionary(int32, large_string)", "dictionary(int32, int64)",
]  # fmt: skip
EXTENSIONS = ["json", "uuid", "bfloat16"]
PLAIN_NAMES = (  # noqa: SIM905
    "amber basil cedar delta ember fjord grove haven iris jasper karst lumen maple "
    "nadir ochre pearl"
).split()
# Names that mean something in Lance or Arrow, or have to be quoted.
HARD_NAMES = [
    "data", "uri", "kind", "position", "size", "blob_id", "blob_uri", "item", "key", "value",
    "entries", "element", "offsets", "two words", "Überzahl", "UPPER", "a-b", "_hidden", "select",
    "0start", "id", "image", "vector",
]  # fmt: skip


def release(writer):
    """The numbers of a release, of pylance or of the Lance in another writer."""
    if writer in ("lancedb", "daft"):
        return (14, 0, 2)
    return tuple(int(part) for part in writer.split("."))


def file_versions(writer):
    """Names and weights of the file versions that a writer offers (None: its default)."""
    if writer == "lancedb":
        return [(None, 4), ("2.0", 1), ("2.1", 2), ("2.2", 2)]
    number = release(writer)
    if number < (0, 16, 0):
        return [("0.1", 1)]
    choices = [(None, 4), ("0.1", 1), ("2.0", 3)]
    if number >= (0, 38, 0):
        choices.append(("2.1", 4))
    if number >= (2, 0, 0):
        choices.append(("2.2", 4))
    if number >= (14, 0, 0):
        choices.append(("2.3", 2))
    return choices


def default_version(writer):
    number = release(writer)
    if number < (0, 17, 0):
        return "0.1"
    return "2.0" if number < (5, 0, 0) else "2.1" if number < (14, 0, 0) else "2.2"


def pick(rng, weighted):
    return rng.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


class Maker:
    def __init__(self, seed, writer):
        self.rng = random.Random(f"{seed} {writer}")
        self.seed, self.writer = seed, writer
        self.release = release(writer)
        self.version = pick(self.rng, file_versions(writer))
        self.effective = self.version or default_version(writer)
        # Which kinds of columns the schema draws from, apart from one kind that there are many of.
        self.names = set()

    # Types ------------------------------------------------------------------

    def has(self, version):
        """Whether files are of this version or a later one."""
        return self.effective >= version

    def flat(self):
        rng = self.rng
        pools = [
            (INTS, 6),
            (FLOATS, 3),
            (STRINGS, 5),
            (BINARIES, 2),
            (["bool"], 2),
            (TIMES, 3),
            (SIZED, 1),
        ]
        pools.append((["decimal128(12, 3)", "decimal128(38, 10)"], 1))
        if self.has("2.0"):
            pools.append((DICTIONARIES, 1))
            pools.append((["decimal256(60, 5)"], 0.3))
            pools.append((["null"], 0.4))
        if self.release >= (11, 0, 0) and self.has("2.1"):
            pools.append((["json"], 0.7))
        if self.has("2.0"):
            pools.append((["uuid", "bfloat16"], 0.3))
        return rng.choice(pick(rng, pools))

    def nested(self, depth):
        rng = self.rng
        kinds = [
            ("struct", 4),
            ("list", 4),
            ("fixed_size_list", 3),
            ("packed", 0.4),
            ("large_list", 0.7),
        ]
        if self.has("2.2"):
            kinds.append(("map", 2))
        if self.effective == "0.1":
            kinds = [("struct", 3), ("list", 3), ("fixed_size_list", 3)]
        kind = pick(rng, kinds)
        if kind == "struct":
            return {"struct": self.children(depth)}
        if kind == "packed":
            pool = INTS + FLOATS + ["timestamp[us]", "fixed_size_binary(4)"]
            fields = [self.plain_field(f"p{i}", rng.choice(pool)) for i in range(rng.randint(1, 4))]
            for field in fields:
                field["nullable"], field["nulls"] = rng.random() < 0.5, 0
            if self.has("2.2") and rng.random() < 0.4:
                fields.append(self.plain_field("s", "string"))
            return {"struct": fields, "packed": True}
        if kind in ("list", "large_list"):
            item = self.field("item", depth + 1)
            if self.effective == "0.1":
                item.update(nullable=True, nulls=0)
            return {kind: item}
        if kind == "map":
            entry = self.plain_field("key", rng.choice(["string", "int32", "int64"]))
            entry.update(nullable=False, nulls=0, values="random")
            return {"map": [entry, self.field("value", depth + 1)]}
        pool = [*FLOATS, "int8", "uint8", "int32", "float32", "float32"]
        item = self.plain_field("item", rng.choice(pool))
        if rng.random() < 0.7 or not self.has("2.1"):
            item["nulls"] = 0
        if self.has("2.2") and rng.random() < 0.03:
            item = {
                "name": "item",
                "type": {"struct": self.children(2)},
                "nullable": True,
                "nulls": 0,
            }
        elif self.has("2.1") and rng.random() < 0.1:
            inner = {"fixed_size_list": dict(item, nulls=0), "size": rng.randint(1, 3)}
            item = {"name": "item", "type": inner, "nullable": True, "nulls": 0}
        return {"fixed_size_list": item, "size": rng.choice([1, 2, 3, 4, 8, 8, 16])}

    def children(self, depth):
        rng = self.rng
        names = rng.sample(
            ["x", "y", "z", "data", "item", "size", "caption", "n0", "n1", "inner"], 6
        )
        return [self.field(name, depth + 1) for name in names[: rng.choice([1, 2, 2, 3, 5])]]

    def type(self, depth):
        deep = 0.25 if depth == 0 else 0.22 if depth < 3 else 0
        return self.nested(depth) if self.rng.random() < deep else self.flat()

    # Fields -----------------------------------------------------------------

    def plain_field(self, name, kind):
        rng = self.rng
        nullable = rng.random() < 0.75
        nulls = rng.choice([0, 0, 0.1, 0.5, 0.9, 1]) if nullable else 0
        values = pick(
            rng, [("random", 6), ("constant", 1), ("runs", 1), ("sequence", 1), ("few", 1)]
        )
        return {"name": name, "type": kind, "nullable": nullable, "nulls": nulls, "values": values}

    def field(self, name, depth=0, kind=None):
        rng = self.rng
        kind = kind or self.type(depth)
        field = self.plain_field(name, kind)
        if isinstance(kind, dict):
            # Files of 2.0 have no place for the null of a struct, those of 0.1 for none of these.
            if (not self.has("2.1") and "struct" in kind) or self.effective == "0.1":
                field["nulls"] = 0
            if kind.get("packed"):
                key = rng.choice(["packed", "lance-encoding:packed"])
                field["metadata"] = {key: "true"}
        elif kind == "null":
            field.update(nullable=True, nulls=1)
        elif self.effective == "0.1" and kind not in STRINGS + BINARIES:
            # Files of 0.1 have no place for the nulls of types of a fixed width.
            field["nulls"] = 0
        elif self.effective == "0.1":
            # And none for the difference between a null and an empty value.
            field["values"] = "filled"
        elif rng.random() < 0.12:
            field["metadata"] = self.encoding_keys(kind)
        if rng.random() < 0.03:
            field.setdefault("metadata", {})["doc"] = "a note"
        return field

    def encoding_keys(self, kind):
        rng = self.rng
        if self.effective == "0.1":
            return {}
        if self.effective == "2.0":
            if kind in ("string", "binary"):
                return {"lance-encoding:compression": "zstd"}
            return {}
        keys = {}
        if rng.random() < 0.7:
            schemes = ["zstd", "lz4", "none"] + (["fsst"] if kind in STRINGS + BINARIES else [])
            keys["lance-encoding:compression"] = rng.choice(schemes)
            if keys["lance-encoding:compression"] == "zstd" and rng.random() < 0.3:
                keys["lance-encoding:compression-level"] = str(rng.randint(1, 9))
        if rng.random() < 0.3:
            keys["lance-encoding:structural-encoding"] = rng.choice(["miniblock", "fullzip"])
        if rng.random() < 0.15:
            keys["lance-encoding:rle-threshold"] = rng.choice(["0.5", "0.1"])
        if rng.random() < 0.1:
            keys["lance-encoding:dict-divisor"] = rng.choice(["2", "20"])
        if kind in ("int32", "int64", "float32", "float64") and rng.random() < 0.2:
            keys["lance-encoding:bss"] = rng.choice(["on", "off", "auto"])
        return keys

    def blob(self, name):
        """A blob column of the kind that the file version has."""
        rng = self.rng
        kind = "blob2" if self.has("2.2") else "blob"
        nullable = kind == "blob" or rng.random() < 0.8
        nulls = rng.choice([0, 0, 0.2, 0.7, 1]) if nullable else 0
        field = {
            "name": name,
            "type": kind,
            "nullable": nullable,
            "nulls": nulls,
            "values": "random",
        }
        if kind == "blob2" and rng.random() < 0.25:
            field["thresholds"] = {"inline_size_threshold": 16, "dedicated_size_threshold": 150}
        return field

    def can_blob(self):
        return (
            self.has("2.0")
            and self.release >= (0, 17, 0)
            and not (self.has("2.2") and self.release < (2, 0, 0))
        )

    def name(self):
        rng = self.rng
        while True:
            kind = rng.random()
            if kind < 0.75:
                name = f"c{len(self.names)}"
            elif kind < 0.9:
                name = rng.choice(PLAIN_NAMES)
            else:
                name = rng.choice(HARD_NAMES)
            if name.lower() in self.names or name == KEY:
                name = f"c{len(self.names)}"
            if name.lower() not in self.names:
                self.names.add(name.lower())
                return name

    def columns(self):
        rng = self.rng
        width = pick(rng, [((1, 3), 3), ((4, 12), 5), ((13, 40), 3), ((41, 100), 1)])
        width = rng.randint(*width)
        profile = pick(
            rng, [("mixed", 4), ("many of one", 3), ("flat", 2), ("nested", 2), ("few kinds", 2)]
        )
        if profile == "many of one":
            one = self.type(0)
            makers = [(lambda name: self.field(name, kind=one), 0.85), (self.field, 0.15)]
        elif profile == "flat":
            makers = [(lambda name: self.field(name, kind=self.flat()), 1)]
        elif profile == "nested":
            makers = [(lambda name: self.field(name, kind=self.nested(0)), 0.7), (self.field, 0.3)]
        elif profile == "few kinds":
            kinds = [self.type(0) for _ in range(3)]
            makers = [(lambda name: self.field(name, kind=rng.choice(kinds)), 1)]
        else:
            makers = [(self.field, 1)]
        fields = [pick(rng, makers)(self.name()) for _ in range(width)]
        if self.can_blob() and rng.random() < 0.4:
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                fields.insert(rng.randint(0, len(fields)), self.blob(self.name()))
            if rng.random() < 0.2:
                # A blob in a struct.
                inside = [self.blob("payload"), self.field("mime", 3, "string")]
                rng.shuffle(inside)
                struct = {
                    "name": self.name(),
                    "type": {"struct": inside},
                    "nullable": True,
                    "nulls": 0,
                }
                fields.insert(rng.randint(0, len(fields)), struct)
        if rng.random() < 0.93:
            key = {"name": KEY, "type": "int64", "nullable": rng.random() < 0.5, "nulls": 0}
            fields.insert(rng.choice([0, 0, 0, rng.randint(0, len(fields))]), key)
        return fields

    # Steps ------------------------------------------------------------------

    def rows(self):
        most = max(6, min(300, 3000 // max(1, len(self.fields))))
        return self.rng.choice([0, 1, 2]) if self.rng.random() < 0.03 else self.rng.randint(5, most)

    def where(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.6:
            m = rng.randint(2, 7)
            return {"mod": [m, rng.randrange(m)]}
        if kind < 0.97:
            start = rng.randint(0, 100)
            return {"range": [start, start + rng.randint(1, 40)]}
        return {"all": True}

    def plan(self):
        rng = self.rng
        self.fields = self.columns()
        first = {"op": "write", "rows": self.rows(), "batches": rng.choice([1, 1, 2, 5])}
        # Some old releases lose values in arrays that come in several parts.
        whole = self.release < (0, 23, 0) and rng.random() < 0.8
        if whole:
            first["batches"] = 1
        if rng.random() < 0.4 and not whole:
            first["max_rows_per_file"] = max(3, first["rows"] // rng.randint(1, 4))
        plan = {
            "seed": self.seed,
            "writer": self.writer,
            "version": self.version,
            "stable_row_ids": self.release >= (0, 20, 0) and rng.random() < 0.3,
            "schema": [dict(field) for field in self.fields],
            "steps": [first],
        }
        if rng.random() < 0.1:
            plan["manifest_paths_v2"] = rng.random() < 0.5
        if rng.random() < 0.2 and self.has("2.0"):
            # Several pages a column.
            plan["page_bytes"] = rng.choice([64, 256, 1024, 4096])
        if rng.random() < 0.05:
            plan["schema_metadata"] = {"origin": "a test"}
        steps = pick(
            rng, [(0, 2), (rng.randint(1, 3), 4), (rng.randint(4, 9), 3), (rng.randint(10, 16), 1)]
        )
        for number in range(steps):
            step = self.step(number)
            if step:
                plan["steps"].append(step)
        return plan

    def others(self):
        return [field for field in self.fields if field["name"] != KEY]

    def step(self, number):
        rng = self.rng
        kinds = {
            "append": 5, "append_subset": 2, "append_reordered": 1, "delete": 4, "update": 3,
            "add_sql": 2, "add_null": 2, "add_values": 2, "merge": 1, "drop": 2, "rename": 1.5,
            "cast": 1.5, "nullable": 1, "upsert": 3, "upsert_columns": 1.5, "compact": 3,
            "index": 2.5, "optimize_indices": 1.5, "drop_index": 0.4, "tag": 0.8,
            "shallow_clone": 0.3, "deep_clone": 0.15, "config": 0.7, "schema_metadata": 0.4,
            "field_metadata": 0.5, "branch": 0.8, "cleanup": 0.7, "overwrite": 0.4, "migrate": 0.15,
            "fragments": 1, "from_file": 0.7, "update_columns": 0.5, "drop_child": 0.8, "base": 0.4,
            "truncate": 0.1, "restore": 1, "auto_cleanup": 0.2, "mem_wal": 0.15,
        }  # fmt: skip
        if self.effective == "0.1":  # which has no nulls of most types
            kinds.update(append_subset=0, add_null=0)
        op = pick(rng, list(kinds.items()))
        step = {"op": op}
        names = [field["name"] for field in self.fields]
        others = self.others()
        if op in ("append", "append_reordered", "fragments"):
            step["rows"] = max(2, self.rows() // 3)
            if rng.random() < 0.2:
                step["max_rows_per_file"] = max(2, step["rows"] // 2)
            if op == "append_reordered":
                rng.shuffle(names)
                step.update(op="append", columns=names)
        elif op == "append_subset":
            kept = [
                f["name"]
                for f in self.fields
                if f["name"] == KEY or rng.random() < 0.6 or not f["nullable"]
            ]
            step.update(op="append", rows=max(2, self.rows() // 3), columns=kept or names)
        elif op == "delete":
            step["where"] = self.where()
        elif op == "update":
            able = [f for f in others if f["type"] in INTS + FLOATS + STRINGS + ["bool"]]
            if not able:
                return None
            field = rng.choice(able)
            step.update(column=field["name"], type=field["type"], where=self.where())
            step["value"] = self.literal(field)
        elif op == "add_sql":
            kind = rng.choice(["int64", "string", "bool", "float32", "int32", "constant", "some"])
            name = self.name()
            step.update(name=name, kind=kind)
            types = {"constant": "string", "some": "int64"}
            self.fields.append(
                {"name": name, "type": types.get(kind, kind), "nullable": True, "nulls": 0}
            )
        elif op in ("add_null", "add_values", "merge"):
            fields = []
            for _ in range(rng.choice([1, 1, 2, 4])):
                blob = self.can_blob() and op == "add_values" and rng.random() < 0.15
                field = self.blob(self.name()) if blob else self.field(self.name())
                if op != "add_values":
                    field["nullable"] = True
                fields.append(field)
            step["fields"] = fields
            self.fields += [dict(field) for field in fields]
        elif op == "drop":
            if len(others) < 2:
                return None
            gone = rng.sample(
                [f["name"] for f in others], min(rng.choice([1, 1, 2, 5]), len(others) - 1)
            )
            step["columns"] = gone
            self.fields = [f for f in self.fields if f["name"] not in gone]
        elif op == "rename":
            if not others:
                return None
            field = rng.choice(others)
            if isinstance(field["type"], dict) and "struct" in field["type"] and rng.random() < 0.6:
                child = rng.choice(field["type"]["struct"])
                step.update(column=field["name"], child=child["name"], to=f"r{number}")
            else:
                name = self.name()
                step.update(column=field["name"], to=name)
                self.fields = [dict(f, name=name) if f is field else f for f in self.fields]
        elif op == "cast":
            casts = {
                "int8": ["int16", "int32", "int64"], "int16": ["int32", "int64"],
                "int32": ["int64"], "uint8": ["uint16", "int32", "uint64"],
                "uint16": ["uint32"], "uint32": ["uint64"],
                "string": ["large_string"], "large_string": ["string"], "binary": ["large_binary"],
                "large_binary": ["binary"], "float16": ["float32"], "float32": ["float64"],
            }  # fmt: skip
            able = [f for f in others if isinstance(f["type"], str) and f["type"] in casts]
            if not able:
                return None
            field = rng.choice(able)
            to = rng.choice(casts[field["type"]])
            step.update(column=field["name"], to=to)
            self.fields = [dict(f, type=to) if f is field else f for f in self.fields]
        elif op == "nullable":
            able = [f for f in others if not f["nullable"]]
            if not able:
                return None
            field = rng.choice(able)
            step["column"] = field["name"]
            self.fields = [dict(f, nullable=True) if f is field else f for f in self.fields]
        elif op in ("upsert", "upsert_columns"):
            step.update(old=rng.randint(0, 12), new=rng.randint(1, 10))
            if op == "upsert":
                step["variant"] = pick(
                    rng, [("all", 5), ("insert", 1), ("update", 1), ("replace", 1)]
                )
            if op == "upsert_columns":
                some = [f["name"] for f in others if rng.random() < 0.4]
                if not some:
                    return None
                step["columns"] = [KEY, *some]
        elif op == "compact":
            step["target_rows_per_fragment"] = rng.choice([None, None, 20, 1000])
            if rng.random() < 0.3:
                step["materialize_deletions_threshold"] = 0.0
            if rng.random() < 0.15:
                step["compaction_mode"] = "try_binary_copy"
            if rng.random() < 0.05 and self.has("2.0"):
                step["data_storage_version"] = rng.choice(["2.1", "2.2"])
        elif op == "index":
            scalar = [
                f
                for f in self.fields
                if isinstance(f["type"], str) and f["type"] not in ("blob", "blob2", "json", "null")
            ]
            vectors = [f for f in others if self.is_vector(f)]
            lists = [
                f
                for f in others
                if isinstance(f["type"], dict)
                and "list" in f["type"]
                and f["type"]["list"]["type"] in ("string", "int32", "int64")
            ]
            if vectors and rng.random() < 0.5:
                field, kinds = rng.choice(vectors), ["IVF_FLAT", "IVF_PQ", "IVF_SQ", "IVF_HNSW_SQ"]
            elif lists and rng.random() < 0.3:
                field, kinds = rng.choice(lists), ["LABEL_LIST"]
            elif scalar:
                field = rng.choice(scalar)
                kinds = ["BTREE", "BTREE", "BITMAP"]
                if field["type"] in STRINGS:
                    kinds += ["INVERTED", "NGRAM", "INVERTED"]
                kinds += ["ZONEMAP", "BLOOMFILTER"]
            else:
                return None
            step.update(column=field["name"], kind=rng.choice(kinds))
        elif op == "drop_child":
            able = [
                f
                for f in others
                if "struct" in f["type"]
                and len(f["type"]["struct"]) > 1
                and not f["type"].get("packed")
            ]
            if not able:
                return None
            field = rng.choice(able)
            child = rng.choice(field["type"]["struct"])["name"]
            step.update(column=field["name"], child=child)
            kept = [c for c in field["type"]["struct"] if c["name"] != child]
            self.fields = [dict(f, type={"struct": kept}) if f is field else f for f in self.fields]
        elif op in ("from_file", "base"):
            step["rows"] = max(2, self.rows() // 3)
        elif op == "update_columns":
            able = [
                f
                for f in others
                if isinstance(f["type"], str) and f["type"] not in ("blob", "blob2")
            ]
            if not able:
                return None
            step.update(column=rng.choice(able)["name"], rows=rng.randint(1, 9))
        elif op == "branch":
            step.update(name=f"b{number}", rows=rng.choice([0, 5]))
        elif op == "tag":
            step.update(name=f"t{number}", back=rng.choice([0, 0, 1]))
        elif op == "restore":
            step["back"] = rng.randint(1, 3)
        elif op == "field_metadata":
            if not others:
                return None
            step.update(column=rng.choice(others)["name"])
        elif op == "overwrite":
            self.names.clear()
            self.fields = self.columns()
            step.update(schema=[dict(f) for f in self.fields], rows=self.rows())
        return step

    @staticmethod
    def is_vector(field):
        kind = field["type"]
        return (
            isinstance(kind, dict)
            and "fixed_size_list" in kind
            and kind["size"] % 8 == 0
            and kind["fixed_size_list"]["type"] in ("float32", "float16")
            and kind["fixed_size_list"]["nulls"] == 0
        )

    def literal(self, field):
        rng = self.rng
        if field["nullable"] and rng.random() < 0.25 and self.effective != "0.1":
            return None
        if field["type"] in INTS:
            return rng.randint(0, 100)
        if field["type"] in FLOATS:
            return rng.randint(-40, 40) / 2
        if field["type"] == "bool":
            return rng.random() < 0.5
        return rng.choice(
            ["new", "" if self.has("2.0") else "old", "a longer text that was set by an update"]
        )


def make(seed, writer):
    """The plan of a seed."""
    return Maker(seed, writer).plan()
