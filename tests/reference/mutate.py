"""Mutations of every message and file of a base dataset.

A candidate is one change, named by the base, the part of the dataset, the place and what
is done: `plain-14.0.2-v2.0/manifest/fragments[0].physical_rows/+1`. Parts are named by
their role, since file names are random; a candidate's name is therefore the same in
every run, and the seed only chooses among them.
"""

import io
import json
import re
import struct
import zlib
from pathlib import Path

import containers
from bases_path import STAGE
from wire import BYTES, INTEGERS, TYPES, VARINT, Entry, Message, Packed

LARGE = 1 << 62
# A place of the same length where no dataset is.
MOVED = "/nowhere".ljust(len(STAGE), "x")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize %d\n"

# Logical types that a field may be given.
LOGICAL_TYPES = [
    "null",
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "halffloat",
    "float",
    "double",
    "string",
    "large_string",
    "binary",
    "large_binary",
    "date32:day",
    "date64:ms",
    "time32:s",
    "time64:us",
    "timestamp:us:-",
    "timestamp:ns:UTC",
    "duration:s",
    "decimal:128:10:2",
    "decimal:256:40:2",
    "fixed_size_binary:4",
    "fixed_size_binary:8",
    "fixed_size_list:float:4",
    "fixed_size_list:float:2",
    "fixed_size_list:int32:4",
    "list",
    "list.struct",
    "large_list",
    "struct",
    "map",
    "json",
    "blob",
    "dict:string:int32:false",
    "dict:string:int8:false",
    "nonsense",
]


class Candidate:
    """One mutation: `change()` gives the files that become other ones, None for removed."""

    __slots__ = ("base", "harmless", "part", "place", "run", "what")

    def __init__(self, base, part, place, what, run, harmless=False):
        self.base, self.part, self.place, self.what = base, part, place, what
        self.run, self.harmless = run, harmless

    @property
    def name(self):
        return f"{self.base.name}/{self.part}/{self.place}/{self.what}"

    def number(self, below):
        """A number that is the same for the same candidate."""
        return zlib.crc32(f"{self.part}/{self.place}/{self.what}".encode()) % below

    def change(self):
        return self.run(self)


def plain_label(label):
    return re.sub(r"\[of [^]]*\]?\]|\[\d+\]", "[]", label)


class Base:
    """A base dataset in memory, and its parts by role."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.name = self.folder.name
        self.spec = json.loads((self.folder / "spec.json").read_text())
        root = self.folder / "ds"
        self.files = {
            str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()
        }
        self.containers = {}
        manifests = [
            p for p in self.files if p.startswith("_versions/") and p.endswith(".manifest")
        ]
        manifests.sort(key=manifest_version)
        self.latest = manifests[-1]
        self.parts = {}
        for path in manifests:
            back = len(manifests) - 1 - manifests.index(path)
            self.parts[path] = f"manifest-{back}" if back else "manifest"
        branch = sorted(
            (p for p in self.files if re.match(r"tree/.*\.manifest$", p)), key=manifest_version
        )
        for path in branch:
            back = len(branch) - 1 - branch.index(path)
            self.parts[path] = f"branch-manifest-{back}" if back else "branch-manifest"
        manifest = self.container(self.latest).trees["manifest"]
        for fragment in manifest.all("fragments"):
            for file in fragment.all("files"):
                path = "data/" + file.get("path").decode()
                if path in self.files and path not in self.parts:
                    self.number(path, "data")
            deletion = fragment.get("deletion_file")
            if deletion is not None:
                numbers = (fragment.get("id"), deletion.get("read_version"), deletion.get("id"))
                name = "_deletions/" + "-".join(str(n or 0) for n in numbers)
                for path in (name + ".arrow", name + ".bin"):
                    if path in self.files:
                        self.number(path, "deletion")
        section = self.container(self.latest).trees.get("index-section")
        for index in section.all("indices") if section else ():
            raw = index.get("uuid").get("uuid")
            folder = "_indices/{}-{}-{}-{}-{}/".format(
                *(raw.hex()[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
            )
            for path in self.files:
                if path.startswith(folder) and path not in self.parts:
                    name = f"index {index.get('name').decode()} {path[len(folder) :]}"
                    while name in self.parts.values():
                        name += "'"
                    self.parts[path] = name
        kinds = {
            "_transactions/": "transaction-file",
            "data/": "old-data",
            "_deletions/": "old-deletion",
            "_indices/": "old-index",
        }
        for path in self.files:
            if path in self.parts:
                continue
            kind = next((k for prefix, k in kinds.items() if path.startswith(prefix)), None)
            if path.endswith(".blob"):
                kind = "sidecar"
            if path.startswith("tree/"):
                kind = "branch-file"
            if kind is None or path.startswith("_refs/"):
                self.parts[path] = path.replace("/", " ")
                continue
            self.number(path, kind)
        self.manifests = manifests + branch

    def number(self, path, kind):
        """Name a file as the next one of its kind."""
        self.parts[path] = f"{kind}[{sum(p.startswith(kind + '[') for p in self.parts.values())}]"

    def container(self, path):
        if path not in self.containers:
            data = self.files[path]
            try:
                if path.endswith(".manifest"):
                    made = containers.Manifest(data)
                elif path.endswith(".txn"):
                    made = containers.Bare(data, "lance.table.Transaction")
                elif path.endswith((".lance", ".idx")):
                    made = containers.data_file(data)
                else:
                    made = None
            except (ValueError, struct.error, IndexError):
                made = None
            self.containers[path] = made
        return self.containers[path]

    def resized(self, path, data):
        """The changes that make a file other, and every manifest that states its size."""
        changes = {path: data}
        if len(data) == len(self.files[path]):
            return changes
        file_name = path.rsplit("/", 1)[-1].encode()
        for name in self.manifests:
            container = self.container(name)
            trees = {k: t.copy() for k, t in container.trees.items()}
            found = False
            for tree in trees.values():
                for message in messages(tree):
                    if message.get("path") != file_name:
                        continue
                    for field in ("file_size_bytes", "size_bytes"):
                        if message.get(field) == len(self.files[path]):
                            message.set(field, len(data))
                            found = True
            if found:
                changes[name] = container.build(trees)
        return changes

    def sites(self):
        """Every place that can be changed: (part, place, a function that gives its candidates)."""
        for folder in sorted(
            {p.rsplit("/", n)[0] for p in self.files for n in range(1, p.count("/") + 1)}
        ):
            yield (
                "dataset",
                folder_role(self, folder),
                lambda folder=folder: self.folder_candidates(folder),
            )
        for path, part in self.parts.items():
            yield part, "file", lambda path=path, part=part: self.file_candidates(path, part)
            container = self.container(path)
            if container is None:
                if part.startswith("deletion["):
                    yield (
                        part,
                        "rows",
                        lambda path=path, part=part: deletion_candidates(self, path, part),
                    )
                if path.endswith(".json"):
                    yield (
                        part,
                        "json",
                        lambda path=path, part=part: json_candidates(self, path, part),
                    )
                continue
            if part.startswith(("old-", "branch-file", "_latest")):
                continue
            index = part.startswith("index ")
            for name, tree in container.trees.items():
                if index and name not in ("column[0]", "descriptor", "metadata"):
                    continue
                for place, candidates in tree_sites(tree):
                    label = f"{name}.{place}" if place else name
                    yield part, label, self.tree_candidates(path, part, container, name, candidates)
            make = {
                containers.Manifest: manifest_candidates,
                containers.DataFile: data_file_candidates,
                containers.OldDataFile: old_file_candidates,
            }.get(type(container))
            if make:
                # Places that are no messages: by the first word of the place.
                found = {}
                for candidate in make(self, path, part, container):
                    found.setdefault(candidate.place, []).append(candidate)
                for place, candidates in found.items():
                    yield part, place, lambda candidates=candidates: candidates

    def tree_candidates(self, path, part, container, name, candidates):
        def make():
            for place, what, run, harmless in candidates():
                label = f"{name}.{place}" if place else name
                yield Candidate(
                    self, part, label, what, tree_change(path, container, name, run), harmless
                )

        return make

    def folder_candidates(self, folder):
        """What happens to whole folders: not copied, or copied without what they contain."""
        files = [p for p in self.files if p.startswith(folder + "/")]
        place = folder_role(self, folder)

        def one(what, change):
            return Candidate(self, "dataset", place, what, change)

        yield one("removed", lambda c: dict.fromkeys(files))
        yield one("zeroed", lambda c: {p: bytes(len(self.files[p])) for p in files})
        yield one("emptied", lambda c: dict.fromkeys(files, b""))
        if folder == "_versions":
            yield one(
                "only-the-latest",
                lambda c: {
                    p: None for p in self.manifests if p.startswith(folder) and p != self.latest
                },
            )
            yield one("without-the-latest", lambda c: {self.latest: None})
        if folder == "tree":
            yield one(
                "moved",
                lambda c: {
                    p: self.files[p].replace(STAGE.encode()[1:], MOVED.encode()[1:])
                    for p in self.files
                    if p.startswith(("tree/", "_refs/"))
                },
            )

    def file_candidates(self, path, part):
        data = self.files[path]
        cuts = {
            0: "emptied",
            len(data) // 2: "halved",
            len(data) - 1: "one-byte-less",
            len(data) - 16: "16-bytes-less",
        }

        def one(what, change, harmless=False):
            return Candidate(self, part, "file", what, change, harmless)

        yield one("removed", lambda c: {path: None})
        for size, what in cuts.items():
            yield one(what, lambda c, size=size: {path: data[: max(size, 0)]})
        yield one("zeroed", lambda c: {path: bytes(len(data))})
        yield one("tail-zeroed", lambda c: {path: data[:-24] + bytes(24)})
        yield one("lfs-pointer", lambda c: {path: LFS % (c.number(10**9), len(data))})
        yield one(
            "lfs-pointer-of-the-size",
            lambda c: {
                path: (LFS % (c.number(10**9), len(data))).ljust(len(data), b"\0")[: len(data)]
            },
        )
        yield one("byte-appended", lambda c: {path: data + b"\0"})
        yield one("64-bytes-appended", lambda c: {path: data + bytes(64)})
        yield one("twice", lambda c: {path: data + data})
        yield one("prefixed", lambda c: {path: b"\xef\xbb\xbf" + data})
        yield one("renamed", lambda c: {path: None, path + ".bak": data})
        yield one("copied-beside", lambda c: {path + ".bak": data}, harmless=True)
        kind = re.sub(r"\[\d+\]|-\d+$", "", part)
        for other, role in self.parts.items():
            if (
                other != path
                and re.sub(r"\[\d+\]|-\d+$", "", role) == kind
                and self.files[other] != data
            ):
                yield one(f"replaced-by {role}", lambda c, other=other: {path: self.files[other]})
                yield one(
                    f"exchanged-with {role}",
                    lambda c, other=other: {path: self.files[other], other: data},
                )


def folder_role(base, folder):
    """The name of a folder, without the parts that are random."""
    inside = sorted(r for p, r in base.parts.items() if p.startswith(folder + "/"))
    of = inside[0].replace("/", " ")
    return re.sub(r"[01]{20,}[0-9a-f]+|[0-9a-f-]{36}", f"[of {of}]", folder).replace("/", " ")


def manifest_version(path):
    number = int(re.search(r"(\d+)\.manifest$", path).group(1))
    return number if number < 1 << 62 else (1 << 64) - 1 - number


def messages(tree):
    yield tree
    for entry in tree.entries:
        if isinstance(entry.value, Message):
            yield from messages(entry.value)


def tree_change(path, container, name, run):
    def change(candidate):
        trees = dict(container.trees)
        trees[name] = trees[name].copy()
        run(trees[name], candidate)
        return candidate.base.resized(path, container.build(trees))

    return change


def walk(tree, path=(), label=""):
    """Every entry: its message's place, its position, its label."""
    seen = {}
    for at, entry in enumerate(tree.entries):
        number = seen.get(entry.number, 0)
        seen[entry.number] = number + 1
        repeated = (
            entry.known.repeated
            if entry.known
            else sum(e.number == entry.number for e in tree.entries) > 1
        )
        own = (
            f"{entry.name}[{number}]"
            if repeated and not isinstance(entry.value, Packed)
            else entry.name
        )
        full = f"{label}.{own}" if label else own
        yield path, at, full, entry, tree
        if isinstance(entry.value, Message):
            yield from walk(entry.value, (*path, at), full)


def at_path(tree, path):
    for at in path:
        tree = tree.entries[at].value
    return tree


def on(path, at, change):
    """A change of the value of one entry."""

    def run(tree, candidate):
        entry = at_path(tree, path).entries[at]
        entry.value = change(entry.value)

    return run


def tree_sites(tree):
    """(place, function) of a message and all below it.

    The function gives (place, what, change, harmless) of everything that can be done there.
    """
    entries = list(walk(tree))
    cousins = {}
    for path, at, label, entry, _ in entries:
        cousins.setdefault(plain_label(label), []).append((path, at, entry))
    yield "", lambda: message_candidates(tree, (), "")
    for path, at, label, entry, parent in entries:
        yield (
            label,
            lambda p=path, a=at, lb=label, e=entry, pa=parent: entry_candidates(
                p, a, lb, e, pa, cousins
            ),
        )


def entry_candidates(path, at, label, entry, parent, cousins):
    value = entry.value
    kind = entry.known.kind if entry.known else None
    if entry.wire == VARINT:
        yield from ((label, w, on(path, at, c), False) for w, c in number_changes(value, kind))
        for other, sibling in enumerate(parent.entries):
            if other > at and sibling.wire == VARINT and sibling.value != value:
                yield label, f"exchanged-with {sibling.name}", swap_values(path, at, other), False
    elif isinstance(value, Packed):
        yield from ((label, w, on(path, at, c), h) for w, c, h in packed_changes(value, kind))
        yield label, "unpacked", unpack(path, at), True
    elif isinstance(value, Message):
        yield from message_candidates(value, (*path, at), label)
        yield label, "emptied", on(path, at, lambda v: Message(v.of)), False
        yield label, "bytes-cut", on(path, at, lambda v: v.encode()[:-1]), False
    elif entry.wire == BYTES:
        yield from ((label, w, on(path, at, c), False) for w, c in text_changes(value, entry.name))
        yield label, "byte-flipped", flip(path, at), False
    yield label, "removed", edit_entries(path, lambda entries: entries.pop(at)), False
    yield (
        label,
        "twice",
        edit_entries(path, lambda entries: entries.insert(at, entries[at].copy())),
        False,
    )
    same = [i for i, e in enumerate(parent.entries) if e.number == entry.number]
    if len(same) > 1:
        after = [i for i in same if i > at]
        if after:
            yield label, "swapped-with-next", swap_entries(path, at, after[0]), False
        if at == same[0]:
            yield (
                label,
                "all-removed",
                edit_entries(path, lambda entries: remove_all(entries, same)),
                False,
            )
            yield (
                label,
                "all-reversed",
                edit_entries(path, lambda entries: reverse(entries, same)),
                False,
            )
            yield (
                label,
                "moved-last",
                edit_entries(path, lambda entries: entries.append(entries.pop(at))),
                False,
            )
    others = [
        c
        for c in cousins[plain_label(label)]
        if (c[0], c[1]) > (path, at) and c[0] != path and encoded(c[2].value) != encoded(value)
    ]
    for other_path, other_at, _ in others[:2]:
        place = ".".join(map(str, (*other_path, other_at)))
        yield (
            label,
            f"exchanged-with-cousin {place}",
            exchange((path, at), (other_path, other_at)),
            False,
        )
        yield (
            label,
            f"copied-from-cousin {place}",
            copy_from((path, at), (other_path, other_at)),
            False,
        )


def encoded(value):
    return value.encode() if isinstance(value, Message) else value


def number_changes(value, kind):
    if kind == "bool":
        yield "flipped", lambda v: 1 - min(v, 1)
        return
    yield "+1", lambda v: v + 1
    yield "-1", lambda v: v - 1
    if value:
        yield "=0", lambda v: 0
        yield "doubled", lambda v: v * 2
        yield "halved", lambda v: v // 2
    yield "=large", lambda v: LARGE
    yield "=2^31", lambda v: 1 << 31
    yield "+1000", lambda v: v + 1000


def packed_changes(value, kind):
    for i, number in enumerate(value):
        for what, change in number_changes(number, kind):
            if what in ("halved", "+1000", "=2^31"):
                continue

            def apply(v, i=i, change=change):
                v = Packed(v)
                v[i] = change(v[i])
                return v

            yield f"[{i}]{what}", apply, False
        yield f"[{i}]removed", lambda v, i=i: Packed(v[:i] + v[i + 1 :]), False
        yield f"[{i}]twice", lambda v, i=i: Packed(v[: i + 1] + v[i:]), False
        yield f"[{i}]=-1", lambda v, i=i: Packed([*v[:i], -1, *v[i + 1 :]]), False
        yield f"[{i}]=-2", lambda v, i=i: Packed([*v[:i], -2, *v[i + 1 :]]), False
        if i + 1 < len(value) and value[i] != value[i + 1]:
            yield (
                f"[{i}]swapped-with-next",
                lambda v, i=i: Packed([*v[:i], v[i + 1], v[i], *v[i + 2 :]]),
                False,
            )
    if len(value) > 1:
        yield "reversed", lambda v: Packed(v[::-1]), False
        yield "rotated", lambda v: Packed(v[1:] + v[:1]), False
    yield "emptied", lambda v: Packed(), False
    yield "one-more", lambda v: Packed([*v, 7]), False


def text_changes(value, name):
    yield "emptied", lambda v: b""
    yield "longer", lambda v: v + b"x"
    if value:
        yield "shorter", lambda v: v[:-1]
        yield "halved", lambda v: v[: len(v) // 2]
        yield "zeroed", lambda v: bytes(len(v))
        if value.upper() != value:
            yield "upper", lambda v: v.upper()
    yield "not-utf8", lambda v: b"\xff\xfe" + v[2:]
    if name == "logical_type":
        for kind in LOGICAL_TYPES:
            if kind.encode() != value:
                yield f"type={kind}", lambda v, kind=kind: kind.encode()
    if re.fullmatch(rb"\d+(\.\d+)*", value):
        for text in (b"0.1", b"2.0", b"2.1", b"2.2", b"2.3", b"9.9", b"stable"):
            if text != value:
                yield f"text={text.decode()}", lambda v, text=text: text
    if value in (b"true", b"false"):
        yield "negated", lambda v: b"false" if v == b"true" else b"true"


def flip(path, at):
    def run(tree, candidate):
        entry = at_path(tree, path).entries[at]
        if entry.value:
            data = bytearray(entry.value)
            data[candidate.number(len(data))] ^= 1 << candidate.number(8)
            entry.value = bytes(data)

    return run


def swap_values(path, a, b):
    def run(tree, candidate):
        entries = at_path(tree, path).entries
        entries[a].value, entries[b].value = entries[b].value, entries[a].value

    return run


def swap_entries(path, a, b):
    def run(tree, candidate):
        entries = at_path(tree, path).entries
        entries[a], entries[b] = entries[b], entries[a]

    return run


def edit_entries(path, change):
    def run(tree, candidate):
        change(at_path(tree, path).entries)

    return run


def remove_all(entries, positions):
    entries[:] = [e for i, e in enumerate(entries) if i not in positions]


def reverse(entries, positions):
    taken = [entries[i] for i in positions]
    for i, entry in zip(positions, reversed(taken)):
        entries[i] = entry


def exchange(one, other):
    def run(tree, candidate):
        a, b = (at_path(tree, path).entries[at] for path, at in (one, other))
        a.value, b.value = encoded(b.value), encoded(a.value)

    return run


def copy_from(one, other):
    def run(tree, candidate):
        a, b = (at_path(tree, path).entries[at] for path, at in (one, other))
        a.value = encoded(b.value)

    return run


def unpack(path, at):
    """Each number by itself: the other way to write a repeated field."""

    def run(tree, candidate):
        entries = at_path(tree, path).entries
        entry = entries[at]
        entries[at : at + 1] = [Entry(entry.number, VARINT, v, entry.known) for v in entry.value]

    return run


def message_candidates(message, path, label):
    """What can be done to a message as a whole."""

    def add(entry):
        return edit_entries(path, lambda entries: entries.append(entry.copy()))

    yield label, "unknown-field", add(Entry(9999, VARINT, 1)), True
    yield label, "unknown-message", add(Entry(9998, BYTES, b"\x08\x01")), True
    numbers = {e.number for e in message.entries}
    if len(numbers) > 1:
        yield (
            label,
            "fields-reordered",
            edit_entries(path, lambda entries: entries.sort(key=lambda e: -e.number)),
            True,
        )
    for number, known in TYPES.get(message.of, {}).items():
        if number in numbers:
            continue
        if known.kind in INTEGERS or known.kind == "bool":
            if not known.repeated:
                yield (
                    f"{label}.{known.name}".lstrip("."),
                    "inserted=0",
                    add(Entry(number, VARINT, 0, known)),
                    False,
                )
            yield (
                f"{label}.{known.name}".lstrip("."),
                "inserted=1",
                add(Entry(number, VARINT, 1, known)),
                False,
            )
            yield (
                f"{label}.{known.name}".lstrip("."),
                "inserted=5",
                add(Entry(number, VARINT, 5, known)),
                False,
            )
        elif known.kind in ("string", "bytes"):
            yield (
                f"{label}.{known.name}".lstrip("."),
                "inserted=x",
                add(Entry(number, BYTES, b"x", known)),
                False,
            )
        else:
            yield (
                f"{label}.{known.name}".lstrip("."),
                "inserted-empty",
                add(Entry(number, BYTES, b"", known)),
                False,
            )


def manifest_candidates(base, path, part, container):
    data = base.files[path]
    at = container.at

    def patched(position, form, change):
        size = struct.calcsize(form)
        (value,) = struct.unpack(form, data[position : position + size])
        new = change(value) & ((1 << 8 * size) - 1)
        return data[:position] + new.to_bytes(size, "little") + data[position + size :]

    places = {
        "manifest-position": (len(data) - 16, "<Q"),
        "length": (at, "<I"),
        "major": (len(data) - 8, "<H"),
        "minor": (len(data) - 6, "<H"),
    }
    for name, (position, _, _) in container.sections.items():
        places[f"{name}-length"] = (position, "<I")
    for place, (position, form) in places.items():
        for what, change in number_changes(1, None):
            yield Candidate(
                base,
                part,
                "framing." + place,
                what,
                lambda c, p=position, f=form, ch=change: {path: patched(p, f, ch)},
            )
    yield Candidate(base, part, "framing.magic", "changed", lambda c: {path: data[:-4] + b"LANX"})
    yield Candidate(
        base, part, "framing.gap", "16-bytes", lambda c: {path: data[:-16] + bytes(16) + data[-16:]}
    )

    def spare(c):
        built = containers.Manifest(data)
        body = built.trees["manifest"].encode()
        out = data[:at] + bytes(32)
        return {
            path: out
            + struct.pack("<I", len(body))
            + body
            + struct.pack("<q", len(out))
            + built.tail
        }

    yield Candidate(base, part, "framing.spare", "32-bytes-before", spare, harmless=True)
    for name, (_, _, field) in container.sections.items():

        def without(c, field=field):
            trees = {k: t.copy() for k, t in container.trees.items()}
            manifest = trees["manifest"]
            manifest.entries = [e for e in manifest.entries if e.name != field]
            return {path: container.build(trees)}

        yield Candidate(base, part, f"framing.{name}", "forgotten", without)


def data_file_candidates(base, path, part, container):
    def built(place, what, harmless=False, **options):
        return Candidate(
            base,
            part,
            place,
            what,
            lambda c: base.resized(path, container.build(container.trees, **options)),
            harmless,
        )

    for i, name in enumerate(container.NAMES):
        for what, change in number_changes(1, None):
            yield built(f"footer.{name}", what, footer={i: change})
    for table, option, rows in (
        ("column-table", "columns", container.columns_n),
        ("global-table", "tables", len(container.globals)),
    ):
        for row in range(rows):
            for place, name in enumerate(("position", "length")):
                for what, change in number_changes(1, None):
                    yield built(f"{table}[{row}].{name}", what, **{option: {(row, place): change}})
    if part.startswith("index "):
        return
    n = container.columns_n
    for i in range(n):
        order = list(range(n))
        yield built(f"columns[{i}]", "removed", order=order[:i] + order[i + 1 :])
        yield built(f"columns[{i}]", "twice", order=order[: i + 1] + order[i:])
        yield built(f"columns[{i}]", "appended-again", order=[*order, i], harmless=False)
        for j in range(i + 1, min(i + 3, n)):
            swapped = list(order)
            swapped[i], swapped[j] = j, i
            yield built(f"columns[{i}]", f"swapped-with [{j}]", order=swapped)
    yield built("columns", "all-removed", order=[])

    def with_head(extra, more_globals=()):
        def change(c):
            other = containers.DataFile(base.files[path])
            other.head = other.head + extra
            other.globals = other.globals + list(more_globals)
            return base.resized(path, other.build(other.trees))

        return change

    head = len(container.head)
    yield Candidate(
        base, part, "spare", "64-bytes-before-metadata", with_head(bytes(64)), harmless=True
    )
    aligned = head + (-head % 64)
    yield Candidate(
        base,
        part,
        "globals",
        "one-more",
        with_head(bytes(aligned - head) + b"extra", [(aligned, 5)]),
        harmless=True,
    )

    def globals_to(places):
        def change(c):
            other = containers.DataFile(base.files[path])
            out = other.build(other.trees)
            other.globals = places
            trees = dict(other.trees)
            trees.setdefault("descriptor", None)
            # Without global buffers the descriptor is not written.
            out = other.build(trees)
            return base.resized(path, out)

        return change

    yield Candidate(base, part, "globals", "all-removed", globals_to([]))


def old_file_candidates(base, path, part, container):
    data = base.files[path]

    def patched(position, change):
        (value,) = struct.unpack_from("<q", data, position)
        new = change(value) & ((1 << 64) - 1)
        return {path: data[:position] + new.to_bytes(8, "little") + data[position + 8 :]}

    for what, change in number_changes(1, None):
        yield Candidate(
            base,
            part,
            "footer.metadata-position",
            what,
            lambda c, ch=change: patched(len(data) - 16, ch),
        )
    yield Candidate(base, part, "footer.magic", "changed", lambda c: {path: data[:-4] + b"LANX"})
    for what, cut in (("major+1", 8), ("minor+1", 6), ("minor-1", 6)):
        step = -1 if what.endswith("-1") else 1
        (value,) = struct.unpack_from("<H", data, len(data) - cut)
        new = struct.pack("<H", (value + step) & 0xFFFF)
        yield Candidate(
            base,
            part,
            "footer.version",
            what,
            lambda c, cut=cut, new=new: {path: data[:-cut] + new + data[len(data) - cut + 2 :]},
        )
    start = container.table
    if part.startswith("index ") or start is None or not start < container.at:
        return
    # Rows of the page table: a position and a length for each field and batch.
    batches = len(container.batches) - 1
    end = start
    while end + 16 <= container.at:
        position, length = struct.unpack_from("<qq", data, end)
        if not (0 <= position <= len(data) and 0 <= length <= len(data)):
            break
        end += 16
    rows = (end - start) // 16
    rows -= rows % max(batches, 1)
    for row in range(rows):
        where = start + 16 * row
        field, batch = divmod(row, max(batches, 1))
        for offset, name in ((0, "position"), (8, "length")):
            label = f"page-table[{field}][{batch}].{name}"
            for what, change in number_changes(1, None):
                yield Candidate(
                    base, part, label, what, lambda c, p=where + offset, ch=change: patched(p, ch)
                )
        for other in range(row + 1, min(row + 4, rows)):
            there = start + 16 * other
            if data[where : where + 16] == data[there : there + 16]:
                continue

            def swap(c, a=where, b=there):
                new = bytearray(data)
                new[a : a + 16], new[b : b + 16] = data[b : b + 16], data[a : a + 16]
                return {path: bytes(new)}

            yield Candidate(
                base, part, f"page-table[{field}][{batch}]", f"swapped-with [{other}]", swap
            )


def deletion_candidates(base, path, part):
    data = base.files[path]
    if path.endswith(".bin"):
        rows = roaring_rows(data)
        write = roaring
    else:
        import pyarrow as pa

        rows = pa.ipc.open_file(data).read_all().column(0).to_pylist()
        write = arrow_rows

    def one(what, make, harmless=False):
        return Candidate(base, part, "rows", what, lambda c: {path: make()}, harmless)

    free = next(r for r in range(1000) if r not in rows)
    yield one("one-less", lambda: write(rows[:-1]))
    yield one("one-more", lambda: write(sorted([*rows, free])))
    yield one("one-beyond", lambda: write([*rows[:-1], 5000]))
    yield one("one-other", lambda: write(sorted([*rows[:-1], free])))
    yield one("none", lambda: write([]))
    yield one("all", lambda: write(list(range(200))))
    if path.endswith(".arrow"):
        import pyarrow as pa

        yield one("one-twice", lambda: write([*rows, rows[0]]))
        yield one("unsorted", lambda: write(rows[::-1]))
        yield one("other-name", lambda: write(rows, name="rows"))
        yield one("int64", lambda: write(rows, kind=pa.int64()))
        yield one("uint64", lambda: write(rows, kind=pa.uint64()))
        yield one("a-null", lambda: write([*rows, None]))
        yield one("stream-format", lambda: write(rows, stream=True))
        yield one("two-batches", lambda: write(rows, batches=2), harmless=True)
        yield one("two-columns", lambda: write(rows, columns=2))
        yield one("lz4", lambda: write(rows, compression="lz4"), harmless=True)
        yield one("as-roaring", lambda: roaring(rows))


def arrow_rows(
    rows, name="row_id", kind=None, stream=False, batches=1, columns=1, compression=None
):
    import pyarrow as pa

    kind = kind or pa.uint32()
    schema = pa.schema(
        [pa.field(f"{name}{k or ''}", kind, nullable=None in rows) for k in range(columns)]
    )
    out = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(out, schema, options=options) as writer:
        step = -(-len(rows) // batches) or 1
        for at in range(0, max(len(rows), 1), step):
            array = pa.array(rows[at : at + step], kind)
            writer.write_batch(pa.record_batch([array] * columns, schema=schema))
    return out.getvalue()


def roaring(rows):
    """A roaring bitmap of array containers."""
    groups = {}
    for row in sorted(set(rows)):
        groups.setdefault(row >> 16, []).append(row & 0xFFFF)
    out = struct.pack("<II", 12346, len(groups))
    for key, low in groups.items():
        out += struct.pack("<HH", key, len(low) - 1)
    at = len(out) + 4 * len(groups)
    body = b""
    for low in groups.values():
        out += struct.pack("<I", at + len(body))
        body += struct.pack(f"<{len(low)}H", *low)
    return out + body


def roaring_rows(data):
    cookie = struct.unpack_from("<I", data)[0]
    if cookie != 12346:
        return [1, 2]
    (count,) = struct.unpack_from("<I", data, 4)
    keys = [struct.unpack_from("<HH", data, 8 + 4 * i) for i in range(count)]
    rows = []
    for i, (key, size) in enumerate(keys):
        (at,) = struct.unpack_from("<I", data, 8 + 4 * count + 4 * i)
        rows += [(key << 16) + v for v in struct.unpack_from(f"<{size + 1}H", data, at)]
    return rows


def json_candidates(base, path, part):
    try:
        value = json.loads(base.files[path])
    except ValueError:
        return

    def one(place, what, new):
        return Candidate(
            base, part, f"json.{place}", what, lambda c: {path: json.dumps(new).encode()}
        )

    for key, old in value.items():
        yield one(key, "removed", {k: v for k, v in value.items() if k != key})
        changes = {"=null": None}
        if isinstance(old, int):
            changes |= {"+1": old + 1, "=0": 0, "=99": 99, "=-1": -1, "=text": str(old)}
        elif isinstance(old, str):
            changes |= {"=x": "x", "=empty": "", "=1": 1}
        elif old is None:
            changes |= {"=dev": "dev", "=x": "x"}
        for what, new in changes.items():
            yield one(key, what, {**value, key: new})
    yield one("unknown", "added", {**value, "unknown": 1})
    yield Candidate(base, part, "json", "not-json", lambda c: {path: b"{"})
    yield Candidate(base, part, "json", "a-list", lambda c: {path: b"[1]"})


# How often a place is chosen, where that is not every time: (part, place, how often).
WEIGHTS = (
    ("manifest-", "transaction", 0.02),
    ("manifest-", "", 0.15),
    ("manifest", "transaction", 0.2),
    ("branch-", "", 0.1),
    ("old-", "", 0.3),
    ("transaction-file", "", 0.1),
    ("index ", "", 0.04),
    ("_latest", "", 0.1),
)


def weight(part, place):
    return next((w for p, q, w in WEIGHTS if part.startswith(p) and place.startswith(q)), 1)


def matching(bases, pattern, count, rng):
    """At most `count` candidates whose names match a regular expression."""
    wanted = re.compile(pattern)
    candidates = (c for b in bases for _, _, make in b.sites() for c in make())
    found = [c for c in candidates if wanted.search(c.name)]
    return rng.sample(found, min(count, len(found)))


def sample(bases, count, rng):
    """`count` candidates: as evenly as can be over places, whatever bases they are in."""
    groups = {}
    for base in bases:
        for part, place, make in base.sites():
            group = (re.sub(r"-\d+$", "-older", plain_label(part)), plain_label(place))
            groups.setdefault(group, []).append(make)
    keys = sorted(groups)
    chosen, names = [], set()
    while len(chosen) < count:
        before = len(chosen)
        rng.shuffle(keys)
        for key in keys:
            if rng.random() > weight(*key):
                continue
            candidates = [c for c in rng.choice(groups[key])() if c.name not in names]
            if candidates:
                chosen.append(rng.choice(candidates))
                names.add(chosen[-1].name)
            if len(chosen) == count:
                break
        if len(chosen) == before:
            break
    return chosen


def find(bases, names):
    """The candidates of some names, in their order."""
    wanted = set(names)
    found = {}
    for base in bases:
        own = [n for n in wanted if n.startswith(base.name + "/")]
        if not own:
            continue
        for part, place, make in base.sites():
            prefix = f"{base.name}/{part}/{place}"
            if any(n.startswith(prefix) for n in own):
                found.update((c.name, c) for c in make() if c.name in wanted)
    missing = wanted - set(found)
    if missing:
        raise KeyError(f"no such case: {sorted(missing)[0]}")
    return [found[n] for n in names]
