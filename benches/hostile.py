"""Time a lance-lint binary on manifests and files of hostile shapes, each at two sizes.

    python hostile.py --lint PATH_TO_BINARY [--only SHAPE] [--size N]

Every shape is written at N and at 4 N elements. The table shows bytes and seconds of both, and the
slope: the exponent of growth with the bytes, 1 where time is in proportion to them. A run whose
slope is over 1.4, and that takes over a second, or that is over the limit, is a fault, and the exit
status 1.

Nothing here needs pylance: the shapes are protobuf by hand.
"""

import argparse
import json
import math
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

LIMIT = 60


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return data(field, b"".join(map(varint, values)))


def field(id, name="", parent=-1, type="int32", metadata=()):
    pairs = b"".join(data(10, data(1, key) + data(2, value)) for key, value in metadata)
    kind = number(1, 2 if type != "struct" else 0)
    return data(1, kind + data(2, name) + number(3, id) + number(4, parent) + data(5, type) + pairs)


def data_file(path="x.lance", fields=(0,), columns=(0,), base=None):
    more = b"" if base is None else number(7, base)
    return data(2, data(1, path) + packed(2, fields) + packed(3, columns) + number(4, 2) + number(5, 1) + more)


def fragment(id, files=(), rows=1, more=b""):
    return data(2, number(1, id) + b"".join(files) + number(4, rows) + more)


def manifest_file(message, sections=b""):
    body = struct.pack("<I", len(message)) + message
    return sections + body + struct.pack("<QHH", len(sections), 0, 2) + b"LANC"


def dataset(root, message, sections=b"", version=1):
    (root / "_versions").mkdir(parents=True, exist_ok=True)
    name = f"{2**64 - 1 - version:020}.manifest"
    message = message + number(3, version) + data(15, data(1, "lance") + data(2, "2.1"))
    path = root / "_versions" / name
    path.write_bytes(manifest_file(message, sections))
    return path.stat().st_size


ONE = field(0, "a")


def mini_file(columns):
    """A 2.1 file of so many columns that all share the bytes of one."""
    meta = b""
    table_at = len(meta)
    table = b"".join(struct.pack("<QQ", 0, table_at) for _ in range(columns))
    end = table_at + len(table)
    footer = struct.pack("<QQQIIHH", 0, table_at, end, 0, columns, 2, 1)
    return meta + table + footer + b"LANC"


def overlapping(columns, size):
    """A 2.1 file whose columns all state the same metadata, of `size` bytes."""
    # Pages without anything in them.
    meta = data(2, b"") * (size // 2)
    table = b"".join(struct.pack("<QQ", 0, len(meta)) for _ in range(columns))
    footer = struct.pack("<QQQIIHH", 0, len(meta), len(meta) + len(table), 0, columns, 2, 1)
    return meta + table + footer + b"LANC"


def shapes():
    """Name, what writes it at a size, options."""
    alls = {}

    def shape(make, *options, name=None):
        alls[name or make.__name__] = (make, options)

    def manifest(name, message, *options):
        shape(lambda root, n: dataset(root, message(n)), *options, name=name)

    manifest("fields, empty", lambda n: data(1, b"") * n)
    manifest("fields, absent", lambda n: b"".join(field(i, f"c{i}") for i in range(n)) + fragment(0, [data_file()]))
    manifest("fields, absent from all of 50 fragments", lambda n: b"".join(field(i, f"c{i}") for i in range(n)) + b"".join(fragment(f, [data_file(f"{f}.lance")]) for f in range(50)))
    manifest("fields of one name", lambda n: b"".join(field(i, "c") for i in range(n)) + fragment(0, [data_file()]))
    manifest("fields of one id", lambda n: b"".join(field(1, f"c{i}") for i in range(n)) + fragment(0, [data_file()]))
    manifest("fields in a chain", lambda n: b"".join(field(i, f"c{i}", i - 1, "struct") for i in range(n)))
    manifest("fields in a chain, last first", lambda n: b"".join(field(i, f"c{i}", i - 1, "struct") for i in reversed(range(n))))
    manifest("fields in a ring", lambda n: b"".join(field(i, f"c{i}", (i + 1) % n, "struct") for i in range(n)))
    manifest("fields below one", lambda n: field(0, "s", -1, "struct") + b"".join(field(i, f"c{i}", 0) for i in range(1, n)))
    manifest("fields below one, of one name", lambda n: field(0, "s", -1, "struct") + b"".join(field(i, "c", 0) for i in range(1, n)))
    manifest("fields without their parents", lambda n: b"".join(field(i, f"c{i}", i + n) for i in range(n)))
    manifest("fields of unknown types", lambda n: b"".join(field(i, f"c{i}", -1, f"t{i}") for i in range(n)))
    manifest("fields, descending", lambda n: b"".join(field(n - i, f"c{i}") for i in range(n)))
    manifest("a long name", lambda n: field(0, "x" * n * 20, -1, "struct") + b"".join(field(i, "y", 0) for i in range(1, 40)))
    manifest("long names", lambda n: b"".join(field(i, "x" * 1000 + str(i)) for i in range(n // 20)))
    manifest("a long type", lambda n: field(0, "a", -1, "fixed_size_list:" * n + "int32:4"))
    manifest("long unknown types", lambda n: b"".join(field(i, f"c{i}", -1, "x" * 500 + str(i)) for i in range(n // 20)))
    manifest("metadata keys", lambda n: field(0, "a", metadata=[(f"lance-encoding:k{i}", "v") for i in range(n)]))
    manifest("a long metadata key", lambda n: field(0, "a", metadata=[("lance-encoding:" + "k" * n * 20, "v")]))
    manifest("a long metadata value", lambda n: field(0, "a", metadata=[("lance-encoding:compression", "v" * n * 20)]))
    manifest("many rules to ignore", lambda n: field(0, "a", metadata=[("lance-lint:ignore", ",".join(f"rule-{i}" for i in range(n)))]))
    manifest("one long rule to ignore", lambda n: field(0, "a", metadata=[("lance-lint:ignore", "x" * n * 20)]))
    manifest("schema metadata", lambda n: ONE + b"".join(data(5, data(1, f"k{i}") + data(2, "v")) for i in range(n)))
    manifest("config", lambda n: ONE + b"".join(data(16, data(1, f"k{i}") + data(2, "v")) for i in range(n)))
    manifest("fragments, empty", lambda n: ONE + data(2, b"") * n)
    manifest("fragments of one id", lambda n: ONE + b"".join(fragment(1, [data_file(f"{i}.lance")]) for i in range(n)))
    manifest("fragments of one file", lambda n: ONE + b"".join(fragment(i, [data_file()]) for i in range(n)))
    manifest("fragments, descending", lambda n: ONE + b"".join(fragment(n - i, [data_file(f"{i}.lance")]) for i in range(n)))
    manifest("files of a fragment", lambda n: ONE + fragment(0, [data_file(f"{i}.lance", (i,)) for i in range(n)]))
    manifest("files of a fragment, of one field", lambda n: ONE + fragment(0, [data_file(f"{i}.lance") for i in range(n)]))
    manifest("fields of a file", lambda n: ONE + fragment(0, [data_file("x.lance", range(n), range(n))]))
    manifest("one field, listed often", lambda n: ONE + fragment(0, [data_file("x.lance", [0] * n, [0] * n)]))
    manifest("fields × files", lambda n: b"".join(field(i, f"c{i}") for i in range(n // 4)) + fragment(0, [data_file(f"{i}.lance", (i,)) for i in range(n // 4)]))
    manifest("overlays", lambda n: ONE + fragment(0, [data_file()], more=b"".join(data(11, data(1, data(1, f"{i}.lance") + packed(2, [0]))) for i in range(n))))
    manifest("base paths", lambda n: ONE + b"".join(data(18, number(1, i) + data(4, f"/nowhere/{i}")) for i in range(n)))
    manifest("base paths of one id", lambda n: ONE + b"".join(data(18, number(1, 1) + data(4, f"/nowhere/{i}")) for i in range(n)))
    manifest("files behind base paths", lambda n: ONE + b"".join(data(18, number(1, i) + data(4, f"/nowhere/{i}")) for i in range(n)) + b"".join(fragment(i, [data_file(f"{i}.lance", base=i)]) for i in range(n)))
    manifest("deletion files", lambda n: ONE + b"".join(fragment(i, [data_file(f"{i}.lance")], more=data(3, number(1, 1) + number(2, i) + number(3, i) + number(4, 1))) for i in range(n)))

    def rows(segments):
        # RowIdSequence { segments { range { start, end } } }
        return b"".join(data(1, data(1, number(1, 2 * i) + number(2, 2 * i + 1))) for i in range(segments))

    manifest("row ids in segments", lambda n: ONE + number(9, 2) + fragment(0, [data_file()], n, data(5, rows(n))))
    manifest("row ids of fragments, alike", lambda n: ONE + number(9, 2) + b"".join(fragment(i, [data_file(f"{i}.lance")], 1, data(5, rows(1))) for i in range(n)))
    manifest("unknown fields", lambda n: ONE + number(900, 1) * n)
    manifest("unknown fields, all different", lambda n: ONE + b"".join(number(900 + i, 1) for i in range(n)))
    manifest("groups within groups", lambda n: ONE + varint(900 << 3 | 3) * n)
    manifest("messages within messages", lambda n: ONE + nested(n))

    def nested(depth):
        inner = b""
        for _ in range(min(depth, 2000)):
            inner = data(1, inner)
        return inner * max(depth // 2000, 1)

    def indices(entry, root, n):
        section = b"".join(data(1, entry(i, n)) for i in range(n))
        prefix = struct.pack("<I", len(section)) + section
        return dataset(root, ONE + number(6, 0), prefix)

    def index(i, name, fields=(0,), bitmap=b"", uid=None):
        return data(1, data(1, uid or uuid.UUID(int=i).bytes)) + packed(2, fields) + data(3, name) + data(5, bitmap)

    shape(lambda root, n: indices(lambda i, n: index(i, f"i{i}"), root, n), name="indices")
    shape(lambda root, n: indices(lambda i, n: index(i, "i"), root, n), name="indices of one name")
    shape(lambda root, n: indices(lambda i, n: index(0, f"i{i}"), root, n), name="indices of one uuid")
    shape(lambda root, n: indices(lambda i, n: index(i, f"i{i}", range(n)), root, int(n**0.5) * 4), name="indices × fields")

    def bitmap(fragments):
        values = sorted(fragments)
        head = struct.pack("<II", 12346, 1) + struct.pack("<HH", 0, len(values) - 1) + struct.pack("<I", 16)
        return head + b"".join(struct.pack("<H", v) for v in values)

    shape(lambda root, n: indices(lambda i, n: index(i, "i", bitmap=bitmap(range(1000))), root, n // 20), name="indices of one name, all overlapping")

    def refs(kind, content, root, n):
        size = dataset(root, ONE)
        folder = root / "_refs" / kind
        folder.mkdir(parents=True)
        for i in range(n // 10):
            (folder / f"r{i}.json").write_text(content(i))
        return size + n // 10 * len(content(0))

    shape(lambda root, n: refs("tags", lambda i: json.dumps({"version": i, "manifestSize": 1}), root, n), name="tags")
    shape(lambda root, n: refs("branches", lambda i: json.dumps({"parentVersion": i, "createAt": 1, "manifestSize": 1}), root, n), name="branches")

    def one_ref(content, root, n):
        size = dataset(root, ONE)
        folder = root / "_refs" / "tags"
        folder.mkdir(parents=True)
        (folder / "r.json").write_text(content(n))
        return size + len(content(n))

    shape(lambda root, n: one_ref(lambda n: "[" * n * 20, root, n), name="JSON within JSON")
    shape(lambda root, n: one_ref(lambda n: '{"a":' * n, root, n), name="objects within objects")

    def versions(root, n):
        return sum(dataset(root, ONE + b"".join(fragment(i, [data_file(f"{i}.lance")]) for i in range(20)), version=v) for v in range(1, n // 20))

    shape(versions, "--all-versions", name="versions")
    shape(versions, name="versions, the latest alone")

    def one_file(content, root, n):
        file = content(n)
        size = dataset(root, ONE + fragment(0, [data_file()]))
        (root / "data").mkdir()
        (root / "data" / "x.lance").write_bytes(file)
        return size + len(file)

    shape(lambda root, n: one_file(mini_file, root, n), name="columns of a file, empty")
    shape(lambda root, n: one_file(lambda n: overlapping(int(n**0.5) * 4, int(n**0.5) * 64), root, n), name="columns of a file, of the same bytes")

    def many_schemas(root, n):
        size = 0
        (root / "data").mkdir(parents=True)
        files = []
        for i in range(n // 50):
            (root / "data" / f"{i}.lance").write_bytes(mini_file(50))
            files.append(fragment(i, [data_file(f"{i}.lance")]))
            size += 900
        return size + dataset(root, ONE + b"".join(files))

    shape(many_schemas, name="small files")

    def transaction(message, root, n):
        section = message(n)
        prefix = struct.pack("<I", len(section)) + section
        return dataset(root, ONE + number(23, 0), prefix)

    shape(lambda root, n: transaction(lambda n: number(1, 1) + data(100, data(1, fragments(n))), root, n), name="a transaction of fragments")
    shape(lambda root, n: transaction(lambda n: number(1, 1) + data(102, b"".join(field(i, f"c{i}") for i in range(n))), root, n), name="a transaction of fields")

    def fragments(n):
        return b"".join(fragment(i, [data_file(f"{i}.lance")])[1:] for i in range(1)) * n

    return alls


def run(lint, root, options):
    start = time.perf_counter()
    try:
        done = subprocess.run([lint, str(root), *options], capture_output=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return math.inf, 0, b""
    return time.perf_counter() - start, done.returncode, done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lint", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--size", type=int, default=20_000)
    args = parser.parse_args()
    lint = str(Path(args.lint).resolve())
    faults = []
    print(f"{'shape':45} {'bytes':>10} {'s':>7} {'bytes':>11} {'s':>7} {'slope':>6} {'printed':>9}")
    for name, (make, options) in shapes().items():
        if args.only not in name:
            continue
        row = []
        for size in (args.size, 4 * args.size):
            with tempfile.TemporaryDirectory() as scratch:
                root = Path(scratch) / "d.lance"
                root.mkdir()
                written = make(root, size)
                seconds, status, output = run(lint, root, options)
                row.append((written, seconds, status, len(output)))
                if status not in (0, 1, 2):
                    faults.append(f"{name}: ended with {status}")
        (b1, s1, _, _), (b2, s2, _, printed) = row
        slope = math.inf if math.isinf(s2) else math.log(max(s2, 1e-3) / max(s1, 1e-3)) / math.log(b2 / b1)
        if s2 > 1 and slope > 1.4:
            faults.append(f"{name}: {s1:.2f} s, {s2:.2f} s, slope {slope:.2f}")
        print(f"{name:45} {b1:>10} {s1:>7.2f} {b2:>11} {s2:>7.2f} {slope:>6.2f} {printed:>9}", flush=True)
    print("\n".join(faults) or "no fault")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
