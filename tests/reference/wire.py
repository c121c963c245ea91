"""Protobuf messages as trees that can be changed anywhere and encoded again.

What a number means is read from the project's own .proto files; where they declare
bytes, or say nothing, a value that parses as a message is taken for one.
"""

import re
from pathlib import Path

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MASK = (1 << 64) - 1

VERSIONS = "lance.table.RowDatasetVersionSequence"
# Bytes whose message the .proto files do not declare.
INSIDE = {
    "lance.file.v2.DirectEncoding.encoding": "lance.file.v2.Any",
    "lance.table.DataFragment.inline_row_ids": "lance.table.RowIdSequence",
    "lance.table.DataFragment.inline_created_at_versions": VERSIONS,
    "lance.table.DataFragment.inline_last_updated_at_versions": VERSIONS,
    "lance.table.Manifest.timestamp": "lance.table.Timestamp",
    "lance.table.Transaction.append": "operation.Append",
    "lance.table.Transaction.delete": "operation.Delete",
    "lance.table.Transaction.overwrite": "operation.Overwrite",
    "lance.table.Transaction.create_index": "operation.CreateIndex",
    "lance.table.Transaction.merge": "operation.Merge",
    "lance.table.Transaction.project": "operation.Project",
    "lance.table.Transaction.update": "operation.Update",
}

# The operations of a transaction, as far as the bases have them.
OPERATIONS = """
package operation;
message Append { repeated lance.table.DataFragment fragments = 1; }
message Delete {
  repeated lance.table.DataFragment updated_fragments = 1;
  repeated uint64 deleted_fragment_ids = 2;
  string predicate = 3;
}
message Overwrite {
  repeated lance.table.DataFragment fragments = 1;
  repeated lance.file.Field schema = 2;
  map<string, bytes> schema_metadata = 3;
}
message CreateIndex {
  repeated lance.table.IndexMetadata new_indices = 1;
  repeated lance.table.IndexMetadata removed_indices = 2;
}
message Merge {
  repeated lance.table.DataFragment fragments = 1;
  repeated lance.file.Field schema = 2;
  map<string, bytes> schema_metadata = 3;
}
message Project { repeated lance.file.Field schema = 1; }
message Update {
  repeated uint64 removed_fragment_ids = 1;
  repeated lance.table.DataFragment updated_fragments = 2;
  repeated lance.table.DataFragment new_fragments = 3;
  repeated uint32 fields_modified = 4;
}
"""

INTEGERS = {"int32", "int64", "uint32", "uint64", "sint32", "sint64"}
SCALARS = INTEGERS | {"bool", "string", "bytes", "double", "float", "fixed64", "fixed32"}


class Known:
    """A declared field: its name, its type's name (of a message, else of a scalar), repeated."""

    def __init__(self, name, kind, repeated):
        self.name, self.kind, self.repeated = name, kind, repeated


TYPES = {}


def load(folder):
    """Read every .proto file of a folder into TYPES: full name → number → Known."""
    texts = [p.read_text() for p in sorted(Path(folder).glob("*.proto"))] + [OPERATIONS]
    found = []
    for text in texts:
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
        package = re.search(r"package\s+([\w.]+);", text).group(1)
        tokens = re.findall(r'"[^"]*"|[\w.]+|[{}<>=;,\[\]]', text)
        scope, at = [package], 0
        while at < len(tokens):
            token = tokens[at]
            if token == "message":
                scope.append(tokens[at + 1])
                TYPES[".".join(s for s in scope if s)] = {}
                at += 3
            elif token in ("oneof", "enum"):
                scope.append("")
                at += 3
            elif token == "}":
                scope.pop()
                at += 1
            elif token == "=" and len(scope) > 1 and tokens[at + 1].isdigit():
                name, back, repeated = tokens[at - 1], at - 2, False
                if tokens[back] == ">":
                    key, value = tokens[back - 3], tokens[back - 1]
                    kind, repeated = f"map {key} {value}", True
                else:
                    kind = tokens[back]
                    repeated = tokens[back - 1] == "repeated"
                found.append(
                    (".".join(s for s in scope if s), int(tokens[at + 1]), name, kind, repeated)
                )
                at += 1
            else:
                at += 1
    for where, number, name, kind, repeated in found:
        if kind.startswith("map "):
            _, key, value = kind.split()
            kind = f"{where}.{name}"
            TYPES[kind] = {
                1: Known("key", key, False),
                2: Known("value", resolve(value, where), False),
            }
        TYPES[where][number] = Known(name, resolve(kind, where), repeated)
    for name, inner in INSIDE.items():
        where, field = name.rsplit(".", 1)
        for known in TYPES[where].values():
            if known.name == field:
                known.kind = inner


def resolve(kind, where):
    if kind in SCALARS or kind in TYPES:
        return kind
    scope = where.split(".")
    while scope:
        name = ".".join([*scope, kind])
        if name in TYPES:
            return name
        scope.pop()
    raise ValueError(f"no type {kind} in {where}")


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & MASK, at
        shift += 7
        if shift > 63:
            raise ValueError("varint too long")


def write_varint(value):
    value &= MASK
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Packed(list):
    """Packed integers of a repeated field."""


class Entry:
    """A field of a message: its number, its wire type, its value and what is known of it."""

    __slots__ = ("known", "number", "value", "wire")

    def __init__(self, number, wire, value, known=None):
        self.number, self.wire, self.value, self.known = number, wire, value, known

    @property
    def name(self):
        return self.known.name if self.known else f"field{self.number}"

    def copy(self):
        value = self.value
        if isinstance(value, Message):
            value = value.copy()
        elif isinstance(value, Packed):
            value = Packed(value)
        return Entry(self.number, self.wire, value, self.known)


class Message:
    """A message: its type's name and its entries, in the order of the bytes."""

    __slots__ = ("entries", "of")

    def __init__(self, of, entries=()):
        self.of, self.entries = of, list(entries)

    def copy(self):
        return Message(self.of, [e.copy() for e in self.entries])

    def get(self, name):
        return next((e.value for e in self.entries if e.name == name), None)

    def all(self, name):
        return [e.value for e in self.entries if e.name == name]

    def entry(self, name):
        return next((e for e in self.entries if e.name == name), None)

    def set(self, name, value):
        """Set an integer that is there; tells whether it was."""
        entry = self.entry(name)
        if entry is not None:
            entry.value = value
        return entry is not None

    def encode(self):
        out = bytearray()
        for e in self.entries:
            out += write_varint(e.number << 3 | e.wire)
            if e.wire == VARINT:
                out += write_varint(e.value)
            elif e.wire == BYTES:
                value = e.value
                if isinstance(value, Message):
                    value = value.encode()
                elif isinstance(value, Packed):
                    value = b"".join(write_varint(v) for v in value)
                out += write_varint(len(value)) + value
            else:
                out += e.value
        return bytes(out)


def parse(data, of=None, depth=0):
    """Parse a message of a known type, or of none."""
    if depth > 60:
        raise ValueError("too deep")
    known_fields = TYPES.get(of, {})
    entries, at = [], 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        known = known_fields.get(number)
        if wire == VARINT:
            value, at = read_varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            value, at = data[at : at + size], at + size
        elif wire == BYTES:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise ValueError("beyond the end")
            value = inside(value, known, depth)
        else:
            raise ValueError(f"wire type {wire}")
        if at > len(data):
            raise ValueError("beyond the end")
        entries.append(Entry(number, wire, value, known))
    message = Message(of, entries)
    if of in ("lance.file.v2.Any", "lance.table.IndexDetails"):
        open_any(message, depth)
    return message


def inside(value, known, depth):
    if known is None or known.kind == "bytes":
        return guess(value, depth)
    if known.kind in INTEGERS or known.kind == "bool":
        numbers, at = Packed(), 0
        while at < len(value):
            number, at = read_varint(value, at)
            numbers.append(number)
        return numbers
    if known.kind in TYPES:
        return parse(value, known.kind, depth + 1)
    return value


def guess(value, depth):
    """A message if the bytes parse as one and do not read as text."""
    if len(value) < 2 or all(32 <= b < 127 for b in value):
        return value
    try:
        message = parse(value, None, depth + 1)
    except (ValueError, IndexError):
        return value
    if any(e.number > 300 for e in message.entries) or message.encode() != value:
        return value
    return message


def open_any(message, depth):
    """Give the value of an Any the type that its URL names."""
    url, value = message.entry("type_url"), message.entry("value")
    if url is None or value is None or not isinstance(url.value, bytes):
        return
    name = url.value.decode("utf-8", "replace").rsplit("/", 1)[-1]
    raw = value.value.encode() if isinstance(value.value, Message) else value.value
    if name in TYPES:
        try:
            value.value = parse(raw, name, depth + 1)
        except (ValueError, IndexError):
            value.value = raw
