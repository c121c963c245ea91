"""Processes that answer lines of JSON, and the linter's runs on a dataset."""

import json
import os
import pathlib
import select
import signal
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


class Died(Exception):
    """A process crashed, or took too long."""


class Worker:
    """A process that answers each line with a line. One that dies or hangs is replaced."""

    def __init__(self, command, timeout):
        self.command, self.timeout = command, timeout
        self.process = None

    def start(self):
        self.errors = tempfile.TemporaryFile()
        env = dict(
            os.environ, RUST_BACKTRACE="0", LANCE_CPU_THREADS="4", TZ="UTC", PYTHONHASHSEED="0"
        )
        self.process = subprocess.Popen(
            [str(part) for part in self.command],
            cwd=HERE,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
        )
        self.buffer = b""

    def ask(self, job):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            return json.loads(self.line())
        except (Died, BrokenPipeError) as error:
            raise Died(f"{error or 'crashed'}: {self.end()}") from None

    def line(self):
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], self.timeout)
            if not ready:
                raise Died("took too long")
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                raise Died("crashed")
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def end(self):
        """Stop the process; its last words."""
        if self.process is None:
            return ""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.seek(0)
        last = self.errors.read().decode(errors="replace").strip().splitlines()[-3:]
        self.errors.close()
        self.process = None
        return " / ".join(last)[:300]


class Alarm:
    """A finding on a clean dataset, or a run that failed."""

    def __init__(self, mode, arguments, rule, severity, text, finding=None):
        self.mode, self.arguments = mode, arguments
        self.rule, self.severity, self.text = rule, severity, text
        self.finding = finding

    def kind(self):
        return self.rule, self.severity, self.mode.split()[0]

    def describe(self):
        return f"[{self.mode}] {self.severity} {self.rule}: {self.text}"


class Lint:
    """Runs the linter in every way on one dataset."""

    def __init__(self, binary, path, answer, verdict, rng, columns=None):
        self.binary, self.path = binary, path
        self.answer, self.verdict = answer, verdict
        self.rng, self.columns = rng, columns
        self.alarms, self.runs = [], 0

    def run(self, mode, *arguments, merge=False):
        """The report of one run; findings of error and warning become alarms."""
        command = [self.binary, "merge" if merge else self.path, *arguments, "--format", "json"]
        if merge:
            command = [self.binary, "merge", *arguments, "--format", "json"]
        self.runs += 1
        try:
            done = subprocess.run(command, capture_output=True, timeout=60, cwd=self.path)
        except subprocess.TimeoutExpired:
            self.alarms.append(Alarm(mode, arguments, "hang", "failure", "took more than 60 s"))
            return None
        if done.returncode not in (0, 1):
            text = done.stderr.decode(errors="replace").strip()[:300]
            self.alarms.append(
                Alarm(mode, arguments, "status", "failure", f"{done.returncode}: {text}")
            )
            return None
        report = json.loads(done.stdout)
        for finding in report["findings"]:
            if finding["severity"] != "info" and not self.is_right(mode, finding):
                place = finding["location"]
                where = f"column {place['column']}, " if place.get("column") else ""
                text = f"{where}{finding['message']}"
                if finding.get("expected") or finding.get("found"):
                    text += f" (expected {finding.get('expected')}; found {finding.get('found')})"
                self.alarms.append(
                    Alarm(
                        mode, arguments, finding["rule"], finding["severity"], text[:600], finding
                    )
                )
        return report

    def is_right(self, mode, finding):
        """Whether a finding holds although the newest Lance reads the dataset well."""
        # take_blobs() fails for the first blob that has bytes; metadata does not say if one has.
        empty = finding["location"]["column"] in self.verdict.get("empty_blobs", [])
        if finding["rule"] == "blob-behind-base-path" and empty:
            return True
        # The newest Lance reads children of packed structs wrong, so they are not read alone.
        packed = finding["message"].startswith(("LL-0017", "LL-0018"))
        if finding["rule"] == "known-bug" and packed:
            return True
        branches = self.verdict.get("bad_branches", {})
        if mode.startswith("branch "):
            return mode.split(" ", 1)[1] in branches
        if mode != "all versions":
            return False
        # Of a version or branch that the newest Lance does not read well.
        bad = {version for version, _ in self.verdict.get("bad_versions", [])}
        since = finding["since"] or {}
        places = [finding["location"], *finding["more_locations"], since]
        return since.get("branch") in branches or bool(
            {place.get("version") for place in places} & bad
        )

    def all(self, modes=None):
        """Every mode, or those named."""

        def wanted(mode):
            return modes is None or mode in modes

        report = self.run("whole")
        if report is None:
            return self.alarms
        if wanted("all versions"):
            self.run("all versions", "--all-versions")
        if wanted("column"):
            for path in self.paths(report):
                self.run("column", "--column", path)
        fragments = self.verdict["fragments"]
        if wanted("fragment"):
            for fragment in self.some(fragments):
                self.run("fragment", "--fragment", str(fragment))
        if wanted("sample") and fragments:
            self.run(
                "sample",
                "--sample",
                str(self.rng.choice([1, 2])),
                "--seed",
                str(self.rng.randint(0, 9)),
            )
        if wanted("parts") and fragments:
            self.parts(fragments)
        if wanted("branch"):
            for name in self.answer["branches"]:
                self.run(f"branch {name}", "--branch", name)
        return self.alarms

    def some(self, things):
        if self.columns is None or len(things) <= self.columns:
            return things
        return self.rng.sample(things, self.columns)

    def paths(self, report):
        columns = report["subjects"][0]["columns"]
        top = [column["path"] for column in columns if column["depth"] == 0]
        nested = [column["path"] for column in columns if column["depth"] > 0]
        return self.some(top) + self.some(
            nested if self.columns is None or len(nested) < 3 else self.rng.sample(nested, 3)
        )

    def parts(self, fragments):
        middle = self.rng.randint(min(fragments), max(fragments) + 1)
        version = str(self.verdict["version"])
        with tempfile.TemporaryDirectory() as scratch:
            reports = []
            for i, share in enumerate((f"..{middle}", f"{middle}..")):
                report = self.run("part", "--version", version, "--fragments", share)
                if report is None:
                    return
                reports.append(f"{scratch}/{i}.json")
                pathlib.Path(reports[-1]).write_text(json.dumps(report))
            self.run("parts merged", *reports, merge=True)
