"""Named faults, each made of a healthy dataset by public calls or by an edit of its files."""

import glob
import os
import shutil

import lance
import pyarrow as pa
from lance import LanceOperation as Op

import tables


class Fault:
    """A fault: the rule that finds it, where it applies, and how it is made."""

    def __init__(self, name, rule, make, versions=("2.0", "2.1", "2.2"), options=(), scenarios=tables.SCENARIOS, deletes=(), adds=(), names=()):
        # Rows that the fault's own commit takes away and adds.
        self.deletes, self.adds = set(deletes), set(adds)
        # The names that the remedy gives to columns, by those that they had.
        self.names = dict(names)
        self.name, self.rule, self.make = name, rule, make
        self.versions, self.options, self.scenarios = versions, options, scenarios


def commit(ds, operation):
    return lance.LanceDataset.commit(ds, operation, read_version=ds.version)


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(number, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def field(name, id, parent, logical_type, nullable=True, metadata=()):
    """A schema field as a message."""
    out = text(2, name) + varint(3 << 3) + varint(id) + varint(4 << 3) + varint(parent) + text(5, logical_type)
    if nullable:
        out += varint(6 << 3) + varint(1)
    for key, value in metadata:
        out += text(10, text(1, key) + text(2, value))
    return out


def edit_schema(ds, path, new):
    """Commits the schema with the fields of one path replaced by others, ids as they are. `new` gets
    (name, id, parent id) and returns messages."""
    make, (metadata, *messages) = ds.lance_schema.__reduce__()
    places, at = {}, 0

    def walk(fields, above, parent):
        nonlocal at
        for one in fields:
            here, full = at, above + one.name()
            at += 1
            walk(one.children(), full + ".", one.id())
            places[full] = (here, at, one.name(), one.id(), parent)

    walk(ds.lance_schema.fields(), "", -1)
    first, end, name, id, parent = places[path]
    messages[first:end] = new(name, id, parent)
    return commit(ds, Op.Project(make(metadata, *messages)))


def metadata(path, values, replace=False):
    def make(ds):
        ds.update_field_metadata({path: values}, replace=replace)

    return make


def retyped(path, logical_type, nullable=True):
    return lambda ds: edit_schema(ds, path, lambda *at: [field(*at, logical_type, nullable)])


def renamed(path, name):
    return lambda ds: edit_schema(ds, path, lambda _, id, parent: [field(name, id, parent, "int32")])


def as_v2_blob(path):
    def new(ds):
        free = ds.max_field_id + 1
        kind = [("ARROW:extension:name", "lance.blob.v2")]
        return lambda name, id, parent: [
            field(name, id, parent, "struct", metadata=kind),
            field("data", free, id, "large_binary"),
            field("uri", free + 1, id, "string"),
        ]

    return lambda ds: edit_schema(ds, path, new(ds))


def swapped(one, other):
    """Commits the schema with two names exchanged, by an Overwrite: a Project would be a rename."""

    def make(ds):
        make, (metadata, *messages) = ds.lance_schema.__reduce__()
        named = lambda name: text(2, name)
        for at, message in enumerate(messages):
            if message.startswith(named(one)):
                messages[at] = message.replace(named(one), named(other), 1)
            elif message.startswith(named(other)):
                messages[at] = message.replace(named(other), named(one), 1)
        files = [fragment.metadata for fragment in ds.get_fragments()]
        commit(ds, Op.Overwrite(make(metadata, *messages), files))

    return make


def foreign_fragment(ds):
    """Appends a fragment of another dataset, in which two columns stand the other way round."""
    other = ds.uri.rstrip("/") + "-other"
    shutil.rmtree(other, ignore_errors=True)
    rows = ds.scanner(blob_handling="all_binary", limit=5).to_table()
    names = rows.schema.names
    x, last = names.index("x"), names.index("last")
    names[x], names[last] = "last", "x"
    rows = tables.table(ds.data_storage_version).drop_columns(["gone"]).slice(0, 5).select(names)
    rows = rows.set_column(names.index("id"), "id", pa.array(range(1000, 1005), pa.int64()))
    written = lance.write_dataset(rows, other, data_storage_version=ds.data_storage_version)
    fragment = written.get_fragments()[0].metadata
    name = fragment.files[0].path
    shutil.copy(f"{other}/data/{name}", f"{root(ds)}/data/{name}")
    commit(ds, Op.Append([fragment]))


def root(ds):
    """The folder whose data/, _versions/ and _indices/ are those of the dataset or branch."""
    return ds.uri.removeprefix("file://").rstrip("/")


def append_twice(ds):
    commit(ds, Op.Append([ds.get_fragments()[0].metadata]))


def without_files(ds):
    fragment = ds.get_fragments()[0].metadata
    fragment.files, fragment.deletion_file = [], None
    commit(ds, Op.Append([fragment]))


def remove_data_file(ds):
    os.remove(f"{root(ds)}/data/{ds.get_fragments()[-1].metadata.files[0].path}")


def remove_deletion_file(ds):
    ds.delete("id = 20")
    for path in glob.glob(f"{root(ds)}/_deletions/*"):
        os.remove(path)


def remove_index_files(ds):
    lost = next(index for index in ds.describe_indices() if index.name == "name_idx")
    for segment in lost.segments:
        shutil.rmtree(f"{root(ds)}/_indices/{segment.uuid}")


def newest_manifest(ds):
    return min(glob.glob(f"{root(ds)}/_versions/*.manifest"))


def cut_manifest(ds):
    ds.delete("id = 20")
    path = newest_manifest(ds)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)


def lose_magic(ds):
    ds.delete("id = 20")
    with open(newest_manifest(ds), "r+b") as file:
        file.seek(-4, 2)
        file.write(b"LANX")


def tag_lost(ds):
    first = max(glob.glob(f"{root(ds)}/_versions/*.manifest"))
    ds.tags.create("first", 1)
    ds.delete("id = 20")
    os.remove(first)


def add_v1_blob(ds):
    blob = pa.field("added", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
    schema = pa.schema([blob])
    values = pa.array([b"x" * 10] * ds.count_rows(), pa.large_binary())
    ds.add_columns(pa.RecordBatchReader.from_batches(schema, [pa.record_batch([values], schema)]))


def nothing(ds):
    pass


NO_BRANCH = tuple(name for name in tables.SCENARIOS if name != "branch")
NO_INDEX = ("plain", "gap", "deletions", "stable", "fragments", "branch")
INDEXED = ("indices", "all")

FAULTS = [
    Fault("v1 key on plain bytes", "blob-stored-plain", metadata("data", {"lance-encoding:blob": "true"}), ("2.0", "2.1")),
    Fault("v1 key on nested bytes", "blob-stored-plain", metadata("s.data", {"lance-encoding:blob": "true"}), ("2.0", "2.1")),
    Fault("v2 extension on plain bytes", "blob-stored-plain", as_v2_blob("data"), ("2.2",)),
    Fault("v2 extension on nested bytes", "blob-stored-plain", as_v2_blob("s.data"), ("2.2",)),
    Fault("v1 blobs added to 2.2", "blob-version-mismatch", add_v1_blob, ("2.2",)),
    Fault("blob key taken away", "blob-undeclared", metadata("blob", {}, True), ("2.0", "2.1")),
    Fault("extension taken away", "blob-undeclared", retyped("blob", "large_binary"), ("2.2",)),
    Fault("blob key on int32", "blob-on-wrong-type", metadata("x", {"lance-encoding:blob": "true"}), ("2.0", "2.1")),
    Fault("v2 extension on int32", "blob-stored-plain", as_v2_blob("x"), ("2.2",)),
    Fault("blob key false", "blob-key-false", metadata("blob", {"lance-encoding:blob": "false"}), ("2.0", "2.1")),
    Fault("required with nulls", "nulls-in-required-field", retyped("req", "int32", False)),
    Fault("nested required with nulls", "nulls-in-required-field", retyped("s.u", "int64", False)),
    Fault("int32 as float", "field-type-changed", retyped("x", "float")),
    Fault("int64 with an index as double", "field-type-changed", retyped("id", "double"), scenarios=()),
    Fault("nested int64 as double", "field-type-changed", retyped("s.u", "double")),
    Fault("string as binary", "field-type-changed", retyped("text", "large_string"), ("2.1", "2.2")),
    Fault("list of no items", "schema-invalid", retyped("vec", "fixed_size_list:float:0"), scenarios=NO_INDEX),
    Fault("name of a system column", "schema-invalid", renamed("x", "_rowid"), names={"x": "_rowid_column"}),
    Fault("names exchanged", "fields-swapped", swapped("x", "last"), scenarios=("plain", "gap", "fragments", "stable", "branch")),
    Fault("foreign fragment", "fields-swapped", foreign_fragment, scenarios=("plain", "indices", "fragments"), adds=range(1000, 1005)),
    Fault("packed key on a plain struct", "packed-struct-mismatch", metadata("s", {"packed": "true"}), ("2.0", "2.1", "2.2")),
    Fault("packed key taken away", "packed-struct-mismatch", metadata("p", {}, True), ("2.0",)),
    Fault("fragment twice", "fragment-list-invalid", append_twice, scenarios=("plain", "gap", "indices", "fragments", "deletions")),
    Fault("fragment without files", "fragment-list-invalid", without_files),
    Fault("data file gone", "data-file-missing", remove_data_file, scenarios=("fragments", "all")),
    Fault("deletion file gone", "deletion-file-missing", remove_deletion_file, scenarios=NO_BRANCH, deletes={20}),
    Fault("index files gone", "index-files-missing", remove_index_files, scenarios=INDEXED),
    Fault("manifest cut", "manifest-unreadable", cut_manifest, scenarios=NO_BRANCH, deletes={20}),
    Fault("manifest magic", "manifest-unreadable", lose_magic, scenarios=NO_BRANCH, deletes={20}),
    Fault("tag without version", "tag-without-version", tag_lost, scenarios=("gap", "all", "deletions"), deletes={20}),
    Fault("unknown key", "metadata-key-unknown", metadata("name", {"lance-encoding:encryption": "x"})),
    Fault("misspelt key", "metadata-key-unknown", metadata("s.v", {"lance-encoding:Compression": "zstd"}), ("2.1", "2.2")),
    Fault("invalid value", "metadata-value-invalid", metadata("name", {"lance-encoding:compression": "gzip"})),
    Fault("misspelt value", "metadata-value-invalid", metadata("name", {"lance-encoding:compression": "ZSTD"})),
    Fault("key without effect", "metadata-key-ineffective", metadata("blob", {"lance-encoding:compression": "zstd"})),
    Fault("key on a list", "metadata-key-ineffective", metadata("l", {"lance-encoding:compression": "zstd"})),
    Fault("asked later", "requested-encoding-unused", metadata("text", {"lance-encoding:compression": "zstd"}), ("2.0",)),
    Fault("blobs of a branch", "blob-behind-base-path", nothing, ("2.0", "2.1"), scenarios=("branch",)),
    Fault("old reader", "reader-too-old", nothing, options=("--reader", "0.10.0")),
]
