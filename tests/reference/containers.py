"""The files of a dataset, taken apart so that they can be put together again.

Every container has `trees`: the messages that mutations change, by name. `build` puts
the file together with framing that is right for what the trees have become.
"""

import struct

from wire import parse

MAGIC = b"LANC"


class Manifest:
    """[index section] [transaction] | u32 length | manifest | i64 position | u16 0, 2 | LANC"""

    def __init__(self, data):
        (self.at,) = struct.unpack("<q", data[-16:-8])
        (size,) = struct.unpack_from("<I", data, self.at)
        self.data, self.tail = data, data[-8:]
        manifest = parse(data[self.at + 4 : self.at + 4 + size], "lance.table.Manifest")
        self.gap = data[self.at + 4 + size : -16]
        self.trees = {"manifest": manifest}
        # Name → (position, bytes with their length prefix).
        self.sections = {}
        for name, field, of in (
            ("index-section", "index_section", "lance.table.IndexSection"),
            ("transaction", "transaction_section", "lance.table.Transaction"),
            ("transaction", "transaction_section_deprecated", "lance.table.Transaction"),
        ):
            position = manifest.get(field)
            if position is None or position + 4 > len(data) or name in self.sections:
                continue
            (size,) = struct.unpack_from("<I", data, position)
            self.sections[name] = (position, size, field)
            self.trees[name] = parse(data[position + 4 : position + 4 + size], of)

    def build(self, trees):
        manifest = trees["manifest"]
        original = self.trees["manifest"]
        out, done = bytearray(), 0
        for name, (position, size, field) in sorted(self.sections.items(), key=lambda s: s[1][0]):
            out += self.data[done:position]
            # The manifest follows a section that moved, unless the mutation is about that field.
            if manifest.get(field) == original.get(field):
                manifest.set(field, len(out))
            body = trees[name].encode()
            out += struct.pack("<I", len(body)) + body
            done = position + 4 + size
        if done <= self.at:
            out += self.data[done : self.at]
        at = len(out)
        body = manifest.encode()
        return (
            bytes(out)
            + struct.pack("<I", len(body))
            + body
            + self.gap
            + struct.pack("<q", at)
            + self.tail
        )


class Bare:
    """A file that is one message: a transaction."""

    def __init__(self, data, of):
        self.trees = {"transaction": parse(data, of)}

    def build(self, trees):
        return trees["transaction"].encode()


class DataFile:
    """A 2.x data file.

    data buffers | global buffers | column metadata | table of the columns | table of the
    global buffers | 40 bytes of footer
    """

    FOOTER = struct.Struct("<QQQIIHH4s")
    NAMES = (
        "column_meta_0",
        "column_table",
        "global_table",
        "num_globals",
        "num_columns",
        "major",
        "minor",
    )

    def __init__(self, data):
        self.data = data
        *self.footer, magic = self.FOOTER.unpack(data[-40:])
        if magic != MAGIC:
            raise ValueError("no Lance file")
        meta, columns_at, globals_at, globals_n, columns_n, _, _ = self.footer
        self.head = data[:meta]
        self.trees = {}
        self.columns_n = columns_n
        for i in range(columns_n):
            at, size = struct.unpack_from("<QQ", data, columns_at + 16 * i)
            self.trees[f"column[{i}]"] = parse(data[at : at + size], "lance.file.v2.ColumnMetadata")
        self.globals = [
            struct.unpack_from("<QQ", data, globals_at + 16 * i) for i in range(globals_n)
        ]
        if self.globals:
            at, size = self.globals[0]
            self.descriptor = data[at : at + size]
            self.trees["descriptor"] = parse(self.descriptor, "lance.file.FileDescriptor")

    def build(self, trees, order=None, footer=(), columns=(), tables=()):
        """The file; `footer`, `columns` and `tables` change what points: {place: function}.

        `order` lists the columns to write; `footer` is keyed by position in NAMES, the
        others by (row, 0 position or 1 length) of the table of columns or global buffers.
        """
        head, places = bytearray(self.head), list(self.globals)
        if self.globals:
            encoded = trees["descriptor"].encode()
            if encoded != self.descriptor:
                at, size = self.globals[0]
                if len(encoded) <= size:
                    head[at : at + len(encoded)] = encoded
                else:
                    head += bytes(-len(head) % 64)
                    at = len(head)
                    head += encoded
                places[0] = (at, len(encoded))
        out = bytearray(head)
        order = range(self.columns_n) if order is None else order
        column_places = []
        for i in order:
            body = trees[f"column[{i}]"].encode()
            column_places.append((len(out), len(body)))
            out += body
        column_table = len(out)
        for place in changed(column_places, columns):
            out += struct.pack("<QQ", *place)
        global_table = len(out)
        for place in changed(places, tables):
            out += struct.pack("<QQ", *place)
        numbers = [
            len(head),
            column_table,
            global_table,
            len(places),
            len(column_places),
            *self.footer[5:],
        ]
        for place, change in dict(footer).items():
            numbers[place] = change(numbers[place]) & (
                (1 << (64, 64, 64, 32, 32, 16, 16)[place]) - 1
            )
        return bytes(out) + self.FOOTER.pack(*numbers, MAGIC)


def changed(table, changes):
    table = [list(row) for row in table]
    for (row, place), change in dict(changes).items():
        table[row][place] = change(table[row][place]) & ((1 << 64) - 1)
    return table


class OldDataFile:
    """A 0.1 data file.

    pages | page table | ... | u32 length | Metadata | i64 position | versions | LANC
    """

    def __init__(self, data):
        self.data = data
        (self.at,) = struct.unpack("<q", data[-16:-8])
        (size,) = struct.unpack_from("<I", data, self.at)
        self.tail = data[-8:]
        self.gap = data[self.at + 4 + size : -16]
        metadata = parse(data[self.at + 4 : self.at + 4 + size], "lance.file.Metadata")
        self.trees = {"metadata": metadata}
        self.batches = metadata.get("batch_offsets") or []
        self.table = metadata.get("page_table_position")

    def build(self, trees):
        body = trees["metadata"].encode()
        return (
            self.data[: self.at]
            + struct.pack("<I", len(body))
            + body
            + self.gap
            + struct.pack("<q", self.at)
            + self.tail
        )


def data_file(data):
    """The container of a data file of either kind, or of an index file."""
    if data[-4:] != MAGIC:
        raise ValueError("no Lance file")
    major, minor = struct.unpack("<HH", data[-8:-4])
    if (major, minor) in ((0, 0), (0, 1), (0, 2)):
        return OldDataFile(data)
    return DataFile(data)
