"""Compare lance-lint with what pylance does on mutated datasets.

    python run.py --lint target/release/lance-lint --bases DIR [--seed N] [--count N]
    python run.py ... --only BASE/PART/PLACE/WHAT     one case, whose dataset is kept

Runs under the Python that has the pylance to compare with. See README.md.
"""

import argparse
import collections
import concurrent.futures
import inspect
import json
import os
import random
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import mutate
import wire
from bases_path import STAGE

import report
from report import FAILURES, SEVERITIES, severity

HERE = Path(__file__).resolve().parent
# An operation hangs that has used this much of a processor, or has used none for so long: a
# machine that is busy with other things makes nothing hang. In seconds.
MOST_WORK = 30
MOST_REST = 300


class Worker:
    """A reader process; it is replaced when an operation crashes or hangs."""

    def __init__(self, program):
        self.program, self.process = program, None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, self.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "LANCE_CPU_THREADS": "2", "RUST_BACKTRACE": "0", "RUST_LOG": "off"},
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.pending = b""

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.selector.close()
            self.process = None

    def work(self):
        """How many seconds of a processor the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def line(self):
        """The next answer; None once the process is gone, TimeoutError when it hangs."""
        started, before = time.monotonic(), self.work()
        while b"\n" not in self.pending:
            if not self.selector.select(5):
                if self.work() - before > MOST_WORK or time.monotonic() - started > MOST_REST:
                    raise TimeoutError
                continue
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def run(self, path, spec, ops):
        """The outcome of every operation."""
        outcomes, left = {}, list(ops)
        while left:
            if self.process is None:
                self.start()
            request = json.dumps({"path": path, "spec": spec, "ops": left}) + "\n"
            self.process.stdin.write(request.encode())
            self.process.stdin.flush()
            current = left[0]
            while True:
                try:
                    answer = self.line()
                except TimeoutError:
                    outcomes[current] = {"hang": "no answer"}
                    self.stop()
                    break
                if answer is None:
                    status = self.process.wait()
                    outcomes[current] = {"crash": f"process ended with status {status}"}
                    self.stop()
                    break
                if "start" in answer:
                    current = answer["start"]
                elif "op" in answer:
                    outcomes[answer.pop("op")] = answer
                elif "end" in answer:
                    return outcomes
            left = left[left.index(current) + 1 :]
            if outcomes.get("open", {}).get("ok") is None and "open" in outcomes:
                return outcomes
        return outcomes


def operations(spec):
    """What is read of a base, and what is done to copies of it."""
    reads = ["open", "schema", "versions", "count", "fragments", "scan-fragments"]
    reads += [f"col:{i}" for i in spec["names"]]
    reads += ["all", "row-ids", "row-filter", "row-versions", "take", "indices"]
    if spec.get("blobs"):
        reads.append("all-binary")
    for i in range(len(spec["filters"])):
        reads += [f"filter:{i}", f"filter-scan:{i}"]
    if spec.get("vector"):
        reads.append("vector")
    if spec.get("text"):
        reads.append("text")
    reads += [f"blobs:{i}" for i, n in spec["names"].items() if n in spec.get("blobs", ())]
    reads.append("validate")
    writes = ["append", "delete", "compact", "cleanup"]
    if spec.get("vector"):
        writes.append("optimize-indices")
    around = [
        "transactions",
        "history",
        "history-validate",
        "tags",
        "stale",
        *(["branch"] if spec.get("branch") else []),
    ]
    return reads, writes, around


# What lists the history of a dataset, and reads none of it.
LISTINGS = ("versions", "transactions")
# What tells nothing of whether the latest version can be read.
UNREAD = (*LISTINGS, "validate", "history-validate")
# Writes take longer than all that is read: one of so many cases that read well is written to,
# and every one that the checker calls an error.
WRITTEN = 2
# Parts that the latest version does not need: other versions, tags and branches are read as well.
AROUND = (
    "dataset",
    "manifest-",
    "branch-",
    "_refs",
    "_versions",
    "_latest",
    "tree",
    "old-",
    "transaction-file",
)


def materialise(files, path):
    """Write a dataset; paths that manifests hold become its own."""
    old, new = STAGE.lstrip("/").encode(), path.lstrip("/").encode()
    for name, data in files.items():
        target = Path(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".manifest", ".txn", ".json")):
            data = data.replace(old, new)
        target.write_bytes(data)


class Runner:
    """Bases, what the reader gives for each of them, and where cases are written."""

    def __init__(self, options):
        self.lint = str(Path(options.lint).resolve())
        self.work = Path(tempfile.mkdtemp(prefix="lance-reference-", dir=options.work))
        # What a run compares with must not change under it.
        self.reader = str(shutil.copy(HERE / "reader.py", self.work))
        self.local = threading.local()
        self.workers = []
        self.lock = threading.Lock()
        self.counter = 0
        self.excuses = report.Excuses(HERE / "excuses.md")

    def worker(self):
        if not hasattr(self.local, "worker"):
            self.local.worker = Worker(self.reader)
            self.workers.append(self.local.worker)
        return self.local.worker

    def place(self):
        with self.lock:
            self.counter += 1
            number = self.counter
        prefix = f"{self.work}/"
        return prefix + str(number).rjust(len(STAGE) - len(prefix), "0")

    def lint_process(self, path, *more):
        return subprocess.Popen(
            [self.lint, "--format", "json", *more, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self.work,
        )

    def lint_result(self, process, path):
        try:
            out, err = process.communicate(timeout=MOST_REST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return {"severity": "hang", "findings": []}
        if process.returncode not in (0, 1, 2):
            return {
                "severity": "crash",
                "findings": [],
                "text": err.decode("utf-8", "replace")[-1500:],
            }
        try:
            report = json.loads(out)
        except ValueError:
            text = err.decode("utf-8", "replace").replace(path, "DATASET")
            return {
                "severity": "error" if process.returncode == 2 else "crash",
                "findings": [["(refused)", "error", text[:400]]],
            }
        findings = [
            [f["rule"], f["severity"], f["message"].replace(path, "DATASET")[:300]]
            for f in report["findings"]
        ]
        worst = max((SEVERITIES.index(f[1]) for f in findings), default=0)
        if process.returncode == 2 and worst < 3:
            text = err.decode("utf-8", "replace").replace(path, "DATASET")
            findings.append(["(refused)", "error", text[:400]])
            worst = 3
        return {"severity": SEVERITIES[worst], "findings": findings}

    def probe(self, base):
        """What every case is compared with: (operations that vary, those that fail, lint)."""
        kept = base.folder / "baseline.json"
        code = zlib.crc32(Path(self.reader).read_bytes() + inspect.getsource(operations).encode())
        path = self.place()
        materialise(base.files, path)
        lint = self.lint_result(self.lint_process(path), path)
        shutil.rmtree(path)
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if known.get("code") != code:
            known = {"code": code, **self.read_base(base)}
            if not any("hang" in text for text in known["failing"]):
                kept.write_text(json.dumps(known))
        base.baseline, base.run_spec = known["baseline"], known["spec"]
        base.operations = operations(base.run_spec)
        base.findings = {(f[0], f[2]) for f in lint["findings"]}
        return known["unstable"], known["failing"], lint

    def read_base(self, base):
        path = self.place()
        materialise(base.files, path)
        spec = {"filters": ["id >= 5 and id < 25"], **base.spec, "names": {}, "rows": 0}
        spec |= self.worker().run(path, spec, ["open", "describe"])["describe"]["ok"]
        reads, writes, around = operations(spec)
        outcomes = self.worker().run(path, spec, reads + around + writes)
        again = self.worker().run(path, spec, reads + around + writes)
        unstable = [op for op in outcomes if outcomes[op] != again.get(op)]
        failing = [f"{op}: {o}"[:300] for op, o in outcomes.items() if "ok" not in o]
        shutil.rmtree(path)
        baseline = {op: o["ok"] for op, o in outcomes.items() if "ok" in o and op not in unstable}
        return {"baseline": baseline, "spec": spec, "unstable": unstable, "failing": failing}

    @staticmethod
    def worst(base, results):
        """The worst of several runs, without what is said of the base itself."""
        for lint in results:
            if lint["severity"] in SEVERITIES:
                lint["findings"] = [
                    f for f in lint["findings"] if (f[0], f[2]) not in base.findings
                ]
                said = (f[1] for f in lint["findings"])
                lint["severity"] = max(said, key=SEVERITIES.index, default="none")
        return max(results, key=severity)

    def case(self, candidate, keep=None):
        base = candidate.base
        started = time.monotonic()
        path = self.place() if keep is None else keep
        try:
            changes = candidate.change()
        except Exception as error:
            return {"case": candidate.name, "class": "unusable", "message": repr(error)}
        files = {**base.files, **{n: d for n, d in changes.items() if d is not None}}
        for name, data in changes.items():
            if data is None:
                del files[name]
        if files == base.files:
            return {"case": candidate.name, "class": "unchanged"}
        materialise(files, path)
        reads, writes, around = base.operations
        is_around = candidate.part.startswith(AROUND) or "transaction" in candidate.place
        ops = [op for op in (*reads, *(around if is_around else ())) if op in base.baseline]
        lints = [self.lint_process(path)]
        if is_around:
            lints.append(self.lint_process(path, "--all-versions"))
            if base.spec.get("branch"):
                lints.append(self.lint_process(path, "--branch", base.spec["branch"]))
        outcomes = self.worker().run(path, base.run_spec, ops)
        results = [self.lint_result(p, path) for p in lints]
        lint = self.worst(base, results)
        reads_fail = any("ok" not in o for op, o in outcomes.items() if op not in UNREAD)
        if not reads_fail and (lint["severity"] == "error" or candidate.number(WRITTEN) == 0):
            ops = [op for op in writes if op in base.baseline]
            outcomes |= self.worker().run(path, base.run_spec, ops)
        if keep is None:
            shutil.rmtree(path, ignore_errors=True)
            shutil.rmtree(path + "-kept", ignore_errors=True)
        kind, op, message = classify(base, outcomes)
        result = {
            "case": candidate.name,
            "part": candidate.part,
            "place": candidate.place,
            "what": candidate.what,
            "harmless": candidate.harmless,
            "class": kind,
            "op": op,
            "message": message.replace(path, "DATASET").replace(path.lstrip("/"), "DATASET")[:600],
            "lint": lint,
            "seconds": round(time.monotonic() - started, 2),
        }
        result["verdict"] = report.verdict(kind, lint["severity"], candidate.harmless)
        result["excuse"] = self.excuses.find(result) if result["verdict"] != "agree" else None
        if keep is not None:
            result["outcomes"] = outcomes
        return result


def classify(base, outcomes):
    """What the reader did: (class, operation, what it said)."""
    _, writes, _ = base.operations
    found = []
    for op, outcome in outcomes.items():
        write = op in writes
        for failure in FAILURES:
            if failure in outcome:
                kind = (
                    "validate"
                    if op.endswith("validate") and failure == "error"
                    else "maintenance"
                    if write
                    else failure
                )
                kind = "stale" if op == "stale" else "listing" if op in LISTINGS else kind
                found.append((kind, op, f"{failure}: {outcome[failure]}"))
        if "absent" in outcome:
            found.append(("dropped", op, "no such field"))
        if "ok" in outcome:
            for kind, text in differences(base.baseline[op], outcome["ok"]):
                if kind == "silent":
                    kind = "maintenance" if write else "listing" if op in LISTINGS else kind
                found.append((kind, op, text))
    order = (
        *FAILURES,
        "silent",
        "type",
        "maintenance",
        "listing",
        "validate",
        "stale",
        "dropped",
        "schema",
        "version",
    )
    found.sort(key=lambda f: order.index(f[0]))
    return found[0] if found else ("fine", "", "")


def differences(was, now):
    for key in sorted(set(was) | set(now)):
        a, b = was.get(key), now.get(key)
        if a == b:
            continue
        if key in ("columns", "types"):
            for column in sorted(set(a) | set(b)):
                x, y = a.get(column), b.get(column)
                if x == y:
                    continue
                if y is None:
                    yield "dropped", f"column {column} is missing"
                elif x is None:
                    yield "schema", f"column {column} is new"
                elif key == "types":
                    yield "type", f"column {column} is {y} instead of {x}"
                else:
                    yield "silent", f"column {column} has other values"
        elif key == "schema":
            yield "schema", "other names, nullability or metadata"
        elif key == "indices":
            yield "schema", f"indices {b} instead of {a}"[:200]
        elif key == "version":
            yield "version", f"version {b} instead of {a}"
        elif isinstance(a, dict) and b is None:
            yield "dropped", f"{key} is missing"
        elif isinstance(a, dict) and isinstance(b, dict):
            yield from differences(a, b)
        elif (
            isinstance(a, list)
            and isinstance(b, list)
            and len(a) == len(b)
            and all(isinstance(x, dict) for x in a + b)
        ):
            for x, y in zip(a, b):
                yield from differences(x, y)
        else:
            yield "silent", f"{key}: {b} instead of {a}"[:200]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lint", required=True, help="the lance-lint to test")
    parser.add_argument("--bases", required=True, help="where bases.py wrote to")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", default="/dev/shm" if Path("/dev/shm").is_dir() else None)
    parser.add_argument("--base", help="only bases whose name contains this")
    parser.add_argument("--only", help="run one case and keep its dataset")
    parser.add_argument(
        "--again", help="run the cases of an earlier results.json that did not agree"
    )
    parser.add_argument("--match", help="only cases whose name matches this regular expression")
    parser.add_argument("--results", default="results.json")
    parser.add_argument("--report", default="disagreements.md")
    parser.add_argument("--failing", type=float, default=97, help="least share called an error")
    parser.add_argument("--silent", type=float, default=90, help="least share called an error")
    parser.add_argument("--tolerated", type=float, default=90, help="least share not called one")
    options = parser.parse_args()

    wire.load(HERE.parent.parent / "proto")
    bases = [mutate.Base(p.parent) for p in sorted(Path(options.bases).glob("*/spec.json"))]
    if options.base:
        bases = [b for b in bases if options.base in b.name]
    if options.only:
        bases = [b for b in bases if options.only.startswith(b.name + "/")]
    runner = Runner(options)
    started = time.monotonic()
    false_alarms = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
            for base, (unstable, failing, lint) in zip(bases, pool.map(runner.probe, bases)):
                for text in failing:
                    print(f"base {base.name}: {text}")
                if unstable:
                    print(f"base {base.name}: not the same twice: {', '.join(unstable)}")
                # What the newest reader does wrong with sound packed structs is said of a base.
                known = {finding[0] for finding in lint["findings"]} == {"known-bug"}
                if severity(lint) > SEVERITIES.index("info") and not known:
                    false_alarms += 1
                    print(
                        f"base {base.name}: the checker says {lint['severity']}: {lint['findings']}"
                    )
            if options.only:
                keep = runner.place()
                result = runner.case(mutate.find(bases, [options.only])[0], keep=keep)
                print(json.dumps(result, indent=1))
                kept = Path(tempfile.gettempdir()) / "lance-reference-kept"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(keep, kept)
                print(f"kept: {kept}")
                return 0
            print(f"{len(bases)} bases read in {time.monotonic() - started:.0f} s", flush=True)
            if options.again:
                names = [
                    r["case"]
                    for r in json.loads(Path(options.again).read_text())
                    if r.get("verdict") != "agree"
                ]
                cases = mutate.find(bases, names)
            elif options.match:
                cases = mutate.matching(
                    bases, options.match, options.count, random.Random(options.seed)
                )
            else:
                cases = mutate.sample(bases, options.count, random.Random(options.seed))
            print(f"{len(cases)} cases chosen at {time.monotonic() - started:.0f} s", flush=True)
            results, written = [], time.monotonic()
            for result in pool.map(runner.case, cases):
                results.append(result)
                if time.monotonic() - written > 30:
                    Path(options.results).write_text(json.dumps(results, indent=0))
                    written = time.monotonic()
    finally:
        for worker in runner.workers:
            worker.stop()
        shutil.rmtree(runner.work, ignore_errors=True)
    Path(options.results).write_text(json.dumps(results, indent=0))
    usable = [r for r in results if "lint" in r]
    wrong = report.summary(usable)
    command = f"{sys.executable} {sys.argv[0]} --lint {options.lint} --bases {options.bases}"
    report.write(options.report, usable, command)
    print(
        f"{len(usable)} cases, {len(wrong)} disagreements ({options.report}),"
        f" {time.monotonic() - started:.0f} s"
    )
    for name, n in collections.Counter(r["verdict"] for r in wrong).items():
        print(f"  {name}: {n}")
    enough = True
    for name, agreed, of, least in report.shares(usable, options):
        print(f"  {name}: {agreed} of {of}, {100 * agreed / max(of, 1):.1f} % (at least {least} %)")
        enough &= 100 * agreed >= least * of
    return 0 if enough and not false_alarms else 1


if __name__ == "__main__":
    sys.exit(main())
