"""Writes datasets of file version 0.1 whose metadata is damaged, each by one named edit.

    python testdata/make/make_legacy_fixtures.py [--out testdata] [--only GLOB]

Runs under pylance 14.0.2, which still writes 0.1 files. A page table has a position and a length, 8
bytes each, for every batch of every field (lance-file `page_table.rs`).
"""

import argparse
import fnmatch
import shutil
import struct
from pathlib import Path

import lance
import pyarrow as pa
from make_blob_fixtures import Message, edit_manifest, edit_manifest_field

HERE = Path(__file__).resolve().parent


def write(to):
    """Two batches of four rows."""
    shutil.rmtree(to, ignore_errors=True)
    schema = pa.schema([("id", pa.int64()), ("n", pa.int32()), ("name", pa.string())])
    batches = [
        pa.record_batch([range(4 * b, 4 * b + 4), range(4), ["a", "bc", "def", "g"]], schema)
        for b in range(2)
    ]
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    lance.write_dataset(reader, to, data_storage_version="legacy", max_rows_per_group=4)
    return next((to / "data").glob("*.lance"))


def metadata(path):
    """The position of the file's metadata, and the message."""
    data = path.read_bytes()
    (at,) = struct.unpack("<q", data[-16:-8])
    (length,) = struct.unpack_from("<I", data, at)
    return at, Message.parse(data[at + 4 : at + 4 + length])


def cell(path, field, batch, change):
    """Changes position and length of one page."""
    _, message = metadata(path)
    data = bytearray(path.read_bytes())
    at = message.get(3) + (field * 2 + batch) * 16
    struct.pack_into("<qq", data, at, *change(*struct.unpack_from("<qq", data, at)))
    path.write_bytes(data)


def page_table_at(position):
    """Puts another position of the page table into the metadata."""
    return edit_metadata(lambda message: message.set(3, position))


def edit_metadata(change):
    def make(to):
        path = write(to)
        at, message = metadata(path)
        change(message)
        data, encoded = path.read_bytes(), message.encode()
        path.write_bytes(data[:at] + struct.pack("<I", len(encoded)) + encoded + data[-16:])
        size = path.stat().st_size

        def stated(file):
            if file.get(6):
                file.set(6, size)

        edit_manifest(to, lambda m: m.edit(2, lambda fragment: fragment.edit(2, stated)))

    return make


def page(field, batch, change):
    return lambda to: cell(write(to), field, batch, change)


def retyped(name, logical_type):
    def make(to):
        write(to)
        edit_manifest_field(to, name, lambda field: field.set(5, logical_type.encode()))

    return make


def dictionary_moved(to):
    """A column of texts in a dictionary, which the schema puts a byte before where it is."""
    shutil.rmtree(to, ignore_errors=True)
    names = pa.array(["ash", "birch", "ash"]).dictionary_encode()
    lance.write_dataset(pa.table({"name": names}), to, data_storage_version="legacy")

    def change(field):
        dictionary = field.sub(8)
        dictionary.set(1, dictionary.get(1) - 1)
        field.set(8, dictionary)

    edit_manifest_field(to, "name", change)


def no_statistics(message):
    """No column is left in the statistics."""
    statistics = message.sub(5)
    statistics.drop(2)
    message.set(5, statistics)


FIXTURES = {
    "legacy-dictionary-moved-0.1": dictionary_moved,
    "legacy-statistics-of-nothing-0.1": edit_metadata(no_statistics),
    "legacy-page-table-at-zero-0.1": page_table_at(0),
    "legacy-page-behind-the-end-0.1": page(0, 1, lambda position, length: (1 << 40, length)),
    "legacy-page-short-0.1": page(1, 0, lambda position, length: (position, length - 1)),
    "legacy-page-moved-0.1": page(1, 0, lambda position, length: (position + 4, length)),
    "legacy-type-widened-0.1": retyped("n", "int64"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--only", default="*", help="only the fixtures whose name matches")
    options = parser.parse_args()
    out = options.out
    for name, make in FIXTURES.items():
        if fnmatch.fnmatch(name, options.only):
            make(out / "broken" / name)


if __name__ == "__main__":
    main()
