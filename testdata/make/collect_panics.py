#!/usr/bin/env python3
"""Collect what real releases of pylance print when they fail on the datasets in testdata/.

    python testdata/make/collect_panics.py run --venvs DIR --raw FILE --work DIR [--only RELEASE]...
    python testdata/make/collect_panics.py choose --raw FILE [--raw FILE]...
    python testdata/make/collect_panics.py two-faults --venvs DIR --work DIR

`run` makes every call below on every broken dataset, and on healthy ones that a release is too old
for, each call in a process of its own, with all that goes to its terminal kept. DIR/RELEASE is a
virtual environment with that release.

`choose` goes through what `run` kept, in a fixed order, and keeps a log when a message in it is one
that no log before it has, at most one of a dataset and release: it writes testdata/panics/NAME.txt and testdata/panics/index.json.

Messages are taken for the same when they are the same without numbers, names and paths. In the
logs the paths of the machine that ran this are replaced by /data and /srv/app; nothing else is
changed, but for debug prints longer than LONGEST characters in one line, which are cut and end in
`…`: the index says so.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTDATA = HERE.parent
TIMEOUT = 30  # seconds for one call
MEMORY = 12 << 30
LONGEST = 3000

RELEASES = "14.0.2 0.32.1 0.21.0 9.0.1 4.0.2 1.0.4 0.16.1 0.38.3".split()

# What a user's script says. PATH, FIRST, LAST, BLOB, ROWS and FILE are put in.
OPEN = "import lance\n\nds = lance.dataset(PATH)\n"
CALLS = {
    "open": "",
    "count_rows": "print(ds.count_rows())",
    "to_table": "print(ds.to_table().num_rows)",
    "take": "print(ds.take([0]).num_rows)",
    "take_last": "print(ds.take([ROWS - 1]).num_rows)",
    "filter": "print(ds.to_table(filter='FIRST IS NOT NULL').num_rows)",
    "last_column": "print(ds.to_table(columns=['LAST']).num_rows)",
    "fragment": "for fragment in ds.get_fragments():\n    print(fragment.to_table().num_rows)",
    "file_reader": "from lance.file import LanceFileReader\n\n"
    "print(LanceFileReader(PATH + '/data/FILE').read_all().to_table().num_rows)",
    "validate": "ds.validate()",
    "take_blobs": "for blob in ds.take_blobs('BLOB', indices=[0]):\n    print(len(blob.readall()))",
    "all_binary": "print(ds.scanner(blob_handling='all_binary').to_table().num_rows)",
    "row_ids": "print(ds.to_table(with_row_id=True, columns=['FIRST']).num_rows)",
    "index_query": "print(ds.to_table(filter='FIRST = 3').num_rows)",
    "list_indices": "print(len(ds.list_indices()))",
    "append": "lance.write_dataset(ds.schema.empty_table(), PATH, mode='append')",
    "compact": "ds.optimize.compact_files()",
    "create_index": "ds.create_scalar_index('FIRST', 'BTREE', replace=True)",
    "delete": "ds.delete('FIRST IS NULL')",
    "add_columns": "ds.add_columns({'added': '1'})",
    "optimize_indices": "ds.optimize.optimize_indices()",
    "versions": "print(len(ds.versions()))",
}
WRITING = {
    "append", "compact", "create_index", "delete", "add_columns", "optimize_indices",
}  # fmt: skip


# --------------------------------------------------------------------------------------
# The process of a release, which makes one for each call
# --------------------------------------------------------------------------------------


def serve():
    import lance  # noqa: F401  (children have it)

    with contextlib.suppress(ImportError):
        import lance.file  # noqa: F401
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            make_call(job)
        print(json.dumps(wait(child)), flush=True)


def make_call(job):
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 0
    try:
        exec(compile(job["source"], "/srv/app/read.py", "exec"), {"__name__": "__main__"})
    except BaseException as failure:
        code = 1
        sys.stdout.flush()
        lines = job["source"].splitlines()
        import linecache

        text = [line + "\n" for line in lines]
        linecache.cache["/srv/app/read.py"] = (sum(map(len, text)), None, text, "/srv/app/read.py")
        traceback.print_exception(type(failure), failure, failure.__traceback__.tb_next)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def wait(child):
    end = time.monotonic() + TIMEOUT
    pause = 0.002
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


# --------------------------------------------------------------------------------------
# Running
# --------------------------------------------------------------------------------------


def datasets():
    """Every dataset, as a path below testdata/: broken ones, then healthy ones."""
    groups = ["daft-blob.lance", "broken", "advisories", "beyond", "panics/datasets", "clean"]
    for group in groups:
        folder = TESTDATA / group
        found = [folder] if is_dataset(folder) else sorted(folder.glob("*")) if folder.is_dir() else []
        for path in found:
            inner = [path] if is_dataset(path) else sorted(p for p in path.glob("*") if is_dataset(p))
            for each in inner:
                yield each.relative_to(TESTDATA).as_posix()


def is_dataset(path):
    return any((path / part).exists() for part in ("_versions", "_latest.manifest"))


class Server:
    """A release that makes calls, each in a process of its own."""

    def __init__(self, venvs, release, work):
        self.python = str(Path(venvs) / release / "bin" / "python")
        self.log = work / "log"
        self.process = subprocess.Popen(
            [self.python, "-u", "-W", "ignore::UserWarning", __file__, "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTDATA.parent,
            env={k: v for k, v in os.environ.items() if not k.startswith(("RUST", "LANCE"))},
        )

    def call(self, source):
        """What the process ended with, and what it printed."""
        job = {"log": str(self.log), "source": source}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        code = json.loads(self.process.stdout.readline())
        return code, self.log.read_bytes().decode("utf-8", "replace")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


DESCRIBE = """
import lance, json
ds = lance.dataset(PATH)
key = lambda f: f.metadata or {}
blobs = [f.name for f in ds.schema if key(f).get(b"lance-encoding:blob")
         or key(f).get(b"ARROW:extension:name") == b"lance.blob.v2" or "blob.v2" in str(f.type)]
print(json.dumps([ds.schema.names, blobs, ds.count_rows()]))
"""


def describe(server, path):
    """Columns, blob columns and rows; guesses for what the newest release does not open."""
    code, out = server.call(DESCRIBE.replace("PATH", repr(path)))
    with contextlib.suppress(ValueError):
        names, blobs, rows = json.loads(out)
        if code == 0 and names:
            return names, blobs, rows
    return ["id"], [], 1


def run(options):
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    (work / "data").mkdir(parents=True)
    wanted = [name for name in datasets() if any(w in name for w in options.match or [""])]
    newest = Server(options.venvs, RELEASES[0], work)
    facts = {name: describe(newest, str(TESTDATA / name)) for name in wanted}
    newest.end()
    with open(options.raw, "a") as raw:
        for release in options.only or RELEASES:
            started = time.monotonic()
            server = Server(options.venvs, release, work)
            for name in wanted:
                for call, code, text in failures(server, name, facts[name], work):
                    json.dump([release, name, call, code, text], raw)
                    raw.write("\n")
                raw.flush()
            server.end()
            print(release, f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    shutil.rmtree(work, ignore_errors=True)


def failures(server, name, facts, work):
    """The calls that fail or panic on a dataset."""
    names, blobs, rows = facts
    at = work / "data" / Path(name).name
    # A clone's base path leads out of the copy.
    shared = any(word in name for word in ("clone", "base"))
    copied = False
    for call, source in CALLS.items():
        if call in WRITING and shared or call == "take_blobs" and not blobs:
            continue
        if name.startswith("clean/") and call not in CLEAN_CALLS:
            continue
        if not copied:
            shutil.rmtree(at, ignore_errors=True)
            shutil.copytree(TESTDATA / name, at)
        copied = call not in WRITING
        files = sorted(p.name for p in at.glob("data/*.lance")) or ["none.lance"]
        source = OPEN + source if call != "file_reader" else source
        source = source.replace("FIRST", names[0]).replace("LAST", names[-1])
        source = source.replace("BLOB", blobs[0] if blobs else "").replace("ROWS", str(rows))
        source = source.replace("FILE", files[0]).replace("PATH", repr(str(at)))
        code, text = server.call(source)
        if code != 0 or "panicked" in text:
            yield call, code, neutral(text, work, server.python)
        if call == "open" and code != 0:
            break
    shutil.rmtree(at, ignore_errors=True)


CLEAN_CALLS = {"open", "count_rows", "to_table", "take", "take_blobs", "append", "file_reader"}


def neutral(text, work, python):
    venv = str(Path(python).parent.parent)
    text = text.replace(str(work / "data"), "/data").replace(str(work / "data")[1:], "data")
    return text.replace(venv, "/srv/app/venv")


# --------------------------------------------------------------------------------------
# Choosing
# --------------------------------------------------------------------------------------

# What a call says that was wrong by itself, whatever the dataset holds.
OF_THE_CALL = re.compile(
    r"BTREE/BITMAP|Scalar index column|blob_handling|Received literal|No field named|not found in schema"
    r"|unexpected keyword|has no attribute|No module named|Error resolving filter|nothing to scan"
    r"|positional argument|cannot import name|Python int too large|can only convert an array"
    r"|Column \w+ not found|Column \w+ does not exist|KeyError|IndexError|ArrowNotImplementedError: extension"
    r"|convert negative int|take on an empty dataset|Please upgrade lance to 0.8|iter_to_array"
    # Nothing in it tells that Lance ran.
    r"|panic in a function that cannot unwind"
)
# What a reader says that is older than the dataset, whatever else is wrong with it.
TOO_OLD = re.compile(
    r"Unknown Lance storage version: 2\.\d"
    r'|expected type URL: \W*/lance\.encodings\.PageLayout\W* \(got: \W*/lance\.encodings2'
    r"|cannot be read by this version of Lance"
    r"|expected type URL: \W*/lance\.encodings\.ArrayEncoding\W* \(got: \W*/lance\.encodings21"
    r'|UnexpectedTypeUrl \{ actual: \W*/lance.encodings23'
    r"|Unsupported logical type: (json|map)"
)
WRAPPING = re.compile(
    r"Task was aborted|terminated before end of stream|JoinError|task \d+ panicked|PanicException"
)
PANIC = re.compile(
    r"panicked at (?P<file>\S+?):\d+:\d+:\n(?P<new>.*?)(?=\nnote: |\n\n|\nTraceback|\nthread|\n?$)"
    r"|panicked at '(?P<old>.*?)', (?P<old_file>\S+?):\d+:\d+",
    re.S,
)


def messages(text):
    """The panics and the exception of a log: without numbers, names and paths."""
    for found in PANIC.finditer(text):
        file = found["file"] or found["old_file"]
        yield tidy(re.sub(r".*/(rust|registry/src/[^/]*)/", "", file) + ": " + (found["new"] or found["old"]))
    lines = text.rpartition("Traceback (most recent call last)")[2].splitlines()
    last = [line for line in lines[1:] if line and not line.startswith(" ")]
    if last:
        yield tidy(last[0])


LAYERS = re.compile(
    r"^\s*((\w+\.)*\w*(Error|Invalid|Exception|NotImplemented)(\(\w+\))?:"
    r"|(Io|External|Wrapped|Execution|Query Execution|Internal) error:"
    r"|LanceError\(\w+\):|Invalid (user input|argument error):|Error reading file metadata:"
    r"|Encountered internal error\. Please file a bug report at \S+"
    r"|Error decoding batch:|called .Result::unwrap\(\). on an .Err. value:)\s*"
)


def tidy(message):
    message = " ".join(message.replace("\\", "").split())
    file, _, rest = message.partition(".rs: ")
    layered = rest or message
    while LAYERS.match(layered):
        layered = LAYERS.sub("", layered)
    message = file + ": " + layered if rest else layered
    message = re.sub(r"/[\w./-]+\.rs(:\d+)*", "R", message)
    message = re.sub(r"\S*/(data|srv)/\S+|data/\S+|[0-9a-f-]{32,}\S*", "P", message)
    message = re.sub(r"'[^' ]*'|\"[^\" ]*\"|`[^` ]*`", "Q", message)
    return re.sub(r"[0-9]+", "N", message)[:70]


def choose(options):
    to = TESTDATA / "panics"
    to.mkdir(exist_ok=True)
    for old in to.glob("*.txt"):
        old.unlink()
    seen = set()
    taken = set()
    index = []
    order = {release: at for at, release in enumerate(RELEASES)}
    logs = [json.loads(line) for raw in options.raw for line in open(raw)]
    logs.sort(key=lambda log: order.get(log[0], len(order)))
    for release, name, call, code, text in logs:
        said = set(messages(text))
        said = {message for message in said if not WRAPPING.search(message)} or said
        if not said or said <= seen or OF_THE_CALL.search(text):
            continue
        seen |= said
        if (release, name) in taken:
            continue
        taken.add((release, name))
        file = f"{Path(name).name if name.count('/') < 2 else name.split('/')[1]}.{call}.{release}.txt"
        lines = [cut(line) for line in text.splitlines()]
        (to / file).write_text("\n".join(lines).strip() + "\n")
        entry = {"file": file, "dataset": name, "release": release, "call": call, "exit": code}
        if any(line.endswith("…") for line in lines):
            entry["cut"] = True
        index.append(entry | expected(name, call, text))
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in index)
    (to / "index.json").write_text(f"[\n{lines}\n]\n")
    print(len(index), "logs,", len(seen), "messages", file=sys.stderr)


def cut(line):
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def expected(name, call, text):
    """The rule and column that the log is about: not what lance-lint diagnose says, but what the
    fixture is, going by what the check prints for it (tests/golden/text)."""
    golden = TESTDATA.parent / "tests/golden/text" / (name.replace("/", "__") + ".txt")
    found = re.findall(r"^error\[([\w-]+)\]: (.*)$", golden.read_text(), re.M) if golden.is_file() else []
    rules = sorted({rule for rule, _ in found})
    if TOO_OLD.search(text) and not set(rules) & SAID_OF_VERSIONS:
        return {"rule": "reader-too-old", "column": None}
    if len(rules) != 1 or (name.split("/")[-1], call) in NOT_FROM_THE_FAULT:
        return {"rule": None, "column": None}
    columns = sorted({c for _, text in found for c in re.findall(r"`([^`]+)`", text)[:1]})
    return {"rule": rules[0], "column": columns[0] if len(columns) == 1 and len(found) == 1 else None}


# Rules whose own findings make readers say what they say of data that is too new.
SAID_OF_VERSIONS = {"file-version-mismatch", "feature-flag", "pre-stable-pages"}

# Logs that are of something else than what is wrong with the dataset.
NOT_FROM_THE_FAULT = set()


# --------------------------------------------------------------------------------------
# A dataset with two faults
# --------------------------------------------------------------------------------------

# Public calls only. The strings of `caption` are committed as integers, the bytes of `blob` as blobs.
TWO_FAULTS = """
import lance
import pyarrow as pa

table = pa.table({
    "id": pa.array([1, 2, 3], pa.int64()),
    "caption": pa.array(["amber", "basil", "cedar"], pa.string()),
    "blob": pa.array([b"amber", b"basil", b"cedar"], pa.large_binary()),
})
ds = lance.write_dataset(table, PATH, data_storage_version="2.0")
fields = [
    pa.field("id", pa.int64()),
    pa.field("caption", pa.int64()),
    pa.field("blob", pa.large_binary(), metadata={"lance-encoding:blob": "true"}),
]
files = [fragment.metadata for fragment in ds.get_fragments()]
operation = lance.LanceOperation.Overwrite(pa.schema(fields), files)
lance.LanceDataset.commit(PATH, operation, read_version=ds.version)
"""


def two_faults(options):
    """testdata/panics/datasets/two-faults, and a log of reading each of its columns at fault."""
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    at = work / "data" / "two-faults"
    at.parent.mkdir(parents=True)
    server = Server(options.venvs, RELEASES[0], work)
    code, said = server.call(TWO_FAULTS.replace("PATH", repr(str(at))))
    assert code == 0, said
    kept = TESTDATA / "panics/datasets/two-faults"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(at, kept)
    logs = TESTDATA / "panics/two-faults"
    logs.mkdir(exist_ok=True)
    for column in ("blob", "caption"):
        source = OPEN + CALLS["last_column"].replace("LAST", column)
        code, said = server.call(source.replace("PATH", repr(str(at))))
        assert code != 0, column
        (logs / f"{column}.txt").write_text(neutral(said, work, server.python))
    server.end()
    shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve")
    running = commands.add_parser("run")
    running.add_argument("--venvs", required=True)
    running.add_argument("--raw", required=True)
    running.add_argument("--work", required=True)
    running.add_argument("--only", action="append")
    running.add_argument("--match", action="append")
    two = commands.add_parser("two-faults")
    two.add_argument("--venvs", required=True)
    two.add_argument("--work", required=True)
    choosing = commands.add_parser("choose")
    choosing.add_argument("--raw", action="append", required=True)
    options = parser.parse_args()
    match options.command:
        case "serve":
            serve()
        case "run":
            run(options)
        case "two-faults":
            two_faults(options)
        case "choose":
            choose(options)


if __name__ == "__main__":
    main()
