#!/usr/bin/env python3
"""Writes random realistic datasets, and lints those that the newest Lance reads well.

    python tests/clean/check.py --lint BIN [--venvs DIR] --seed S --count N [--writers a,b]

Such a dataset must get no error and no warning, in whatever way it is checked. README.md says more.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import plan as plans
from shrink import shrink
from work import Died, Lint, Worker

# The release whose readers decide what is clean.
NEWEST = "14.0.2"
WRITERS = [
    "0.10.18", "0.16.1", "0.19.2", "0.20.0", "0.23.2", "0.27.2", "0.32.1", "0.38.3", "1.0.4",
    "2.0.1", "3.0.0", "4.0.2", "6.0.0", "9.0.1", "11.0.0", "14.0.2", "lancedb", "daft",
]  # fmt: skip
PACKAGES = {
    "lancedb": ["lancedb==0.40.0", f"pylance=={NEWEST}", "pandas"],
    "daft": ["daft==0.7.26", "daft-lance==0.6.0", f"pylance=={NEWEST}", "pandas"],
}


def venv(folder, writer):
    """The Python of a writer's virtual environment, which is made if it is not there."""
    python = folder / writer / "bin" / "python"
    if not python.exists():
        packages = PACKAGES.get(writer)
        if packages is None:
            arrow = "pyarrow" if writer == NEWEST else "pyarrow<22"
            packages = [f"pylance=={writer}", arrow, "pandas"]
        subprocess.run([sys.executable, "-m", "venv", str(folder / writer)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
    return python


class Outcome:
    """What became of one plan."""

    def __init__(self, status, reason="", alarms=(), answer=None, runs=0):
        self.status, self.reason, self.alarms = status, reason, list(alarms)
        self.answer, self.runs = answer, runs
        self.said = []  # rules that spoke of a dataset that is not read well


class Campaign:
    def __init__(self, options):
        self.options = options
        self.local = threading.local()
        self.workers = []
        self.lock = threading.Lock()
        self.scratch = pathlib.Path(options.scratch or tempfile.mkdtemp(prefix="lance-lint-clean-"))
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.known = set()  # kinds of failures that were shrunk

    def worker(self, role, command, timeout):
        mine = self.local.__dict__.setdefault("workers", {})
        if role not in mine:
            mine[role] = Worker(command, timeout)
            with self.lock:
                self.workers.append(mine[role])
        return mine[role]

    def try_plan(self, plan, folder, modes=None, columns=None):
        """Write, verify and check one dataset in a folder of its own."""
        writer = plan["writer"]
        folder.mkdir(parents=True)
        kind = writer if writer in PACKAGES else "pylance"
        python = self.options.pythons[writer]
        generate = self.worker(writer, [python, "generate.py", kind], self.options.timeout)
        verify = self.worker(
            "verify", [self.options.pythons[NEWEST], "verify.py"], self.options.timeout
        )
        try:
            answer = generate.ask({"plan": plan, "path": str(folder / "d.lance")})
        except Died as error:
            return Outcome("died", f"writer {error}")
        if not answer["ok"]:
            return Outcome("refused", answer["reason"])
        quick = self.options.quick
        while True:
            verdict = self.verdict(verify, answer, quick)
            rng = random.Random(str(plan["seed"]))
            lint = Lint(self.options.lint, answer["path"], answer, verdict, rng, columns)
            if verdict["problems"]:
                lint.run("whole")
                outcome = Outcome("unclean", "; ".join(verdict["problems"][:3]), answer=answer)
                outcome.said = sorted({alarm.rule for alarm in lint.alarms}) or ["nothing"]
                return outcome
            alarms = lint.all(modes)
            # An alarm counts only if every way of reading works.
            if alarms and quick:
                quick = False
                continue
            return Outcome(
                "alarm" if alarms else "clean", alarms=alarms, answer=answer, runs=lint.runs
            )

    @staticmethod
    def verdict(verify, answer, quick):
        for _ in range(2):
            try:
                return verify.ask({**answer, "quick": quick})
            except Died as error:
                verdict = {"problems": [f"reader {error}"]}
                # Lance's threads sometimes wait for each other.
                if "took too long" not in str(error):
                    break
        return verdict

    def one(self, seed, writer):
        plan = plans.make(seed, writer)
        folder = self.scratch / f"{writer}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        outcome = self.try_plan(plan, folder, columns=self.options.columns)
        shutil.rmtree(folder, ignore_errors=True)
        return plan, outcome

    def shrunk(self, plan, holds, modes):
        """The smallest plan of whose outcome `holds(outcome)` is true."""
        number = 0

        def fails(candidate):
            nonlocal number
            number += 1
            folder = self.scratch / f"shrink-{threading.get_ident()}-{number}"
            try:
                return holds(self.try_plan(candidate, folder, modes))
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        return shrink(plan, fails, self.options.shrink_seconds)

    def first_of(self, kind):
        """Whether a kind of failure is new, and to be shrunk."""
        with self.lock:
            new = kind not in self.known and len(self.known) < self.options.max_kinds
            if new:
                self.known.add(kind)
            return new

    def keep(self, plan, name):
        """Write a shrunk plan and its dataset to where they are kept."""
        if not self.options.keep:
            return
        folder = self.options.keep / f"{name.replace(' ', '-')}-{plan['writer']}-{plan['seed']}"
        shutil.rmtree(folder, ignore_errors=True)
        outcome = self.try_plan(plan, folder)
        told = {
            "status": outcome.status,
            "reason": outcome.reason,
            "alarms": [vars(alarm) for alarm in outcome.alarms],
        }
        (folder / "plan.json").write_text(json.dumps(plan, indent=1))
        (folder / "outcome.json").write_text(json.dumps(told, indent=1))
        print(f"  kept in {folder}", flush=True)

    def end(self):
        for worker in self.workers:
            worker.end()
        if not self.options.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)


def distinct(alarms):
    """One alarm of each rule and mode, and none for parts of what the whole dataset shows."""
    whole = {(alarm.rule, alarm.severity) for alarm in alarms if alarm.mode == "whole"}
    return {
        alarm.kind(): alarm
        for alarm in alarms
        if alarm.mode == "whole" or (alarm.rule, alarm.severity) not in whole
    }.values()


def mode_group(mode):
    """What Lint.all() is asked for to run this mode again."""
    if mode.startswith("branch"):
        return "branch"
    return {"part": "parts", "parts merged": "parts"}.get(mode, mode)


def report_alarm(campaign, plan, alarm):
    """Print an alarm; the first of its kind is shrunk."""
    print(f"ALARM {plan['writer']} seed {plan['seed']}: {alarm.describe()}", flush=True)
    if not campaign.first_of(alarm.kind()):
        return

    def holds(outcome):
        return any(other.kind() == alarm.kind() for other in outcome.alarms)

    small = campaign.shrunk(plan, holds, {mode_group(alarm.mode)})
    print(f"  smallest plan: {json.dumps(small)}", flush=True)
    campaign.keep(small, f"{alarm.rule}-{alarm.mode}")


def report_unsaid(campaign, plan, outcome):
    """Shrink the first dataset of each kind that is not read well and gets no finding."""
    kind = reason_kind(outcome.reason)
    if not campaign.first_of(kind):
        return

    def holds(other):
        return other.said == ["nothing"] and reason_kind(other.reason) == kind

    small = campaign.shrunk(plan, holds, set())
    print(f"UNSAID {plan['writer']} seed {plan['seed']}: {outcome.reason}", flush=True)
    print(f"  smallest plan: {json.dumps(small)}", flush=True)
    campaign.keep(small, "unsaid")


def reason_kind(reason):
    """A reason without the names and numbers in it."""
    first = re.sub(
        r"^(column|values of|filter|take_blobs|index_statistics) \S+", r"\1", reason.split(";")[0]
    )
    return re.sub(r"[0-9]+|\(.*\)|:.*read as.*|'[^']*'", "", first)[:80]


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lint", required=True, type=pathlib.Path, help="the lance-lint to try")
    parser.add_argument(
        "--venvs", type=pathlib.Path, help="virtual environments by writer; made where missing"
    )
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=100, help="datasets a writer")
    parser.add_argument(
        "--writers", default=",".join(WRITERS), help="pylance releases, lancedb, daft"
    )
    parser.add_argument("--plan", type=pathlib.Path, help="run this plan only")
    parser.add_argument("--keep", type=pathlib.Path, help="where shrunk failures are kept")
    parser.add_argument("--scratch", type=pathlib.Path, help="where datasets are written")
    parser.add_argument(
        "--columns", type=int, help="at most so many runs with --column or --fragment a dataset"
    )
    parser.add_argument("--jobs", type=int, default=2, help="datasets at once")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one dataset")
    parser.add_argument(
        "--shrink-seconds", type=float, default=60, help="seconds for shrinking one alarm"
    )
    parser.add_argument("--max-kinds", type=int, default=8, help="shrink no more kinds of alarms")
    parser.add_argument(
        "--quick", action="store_true", help="read in every way only what gets a finding"
    )
    parser.add_argument(
        "--unsaid", action="store_true", help="shrink what is not read well and gets no finding"
    )
    parser.add_argument(
        "--reasons", action="store_true", help="list what was refused or not read well"
    )
    parsed = parser.parse_args()
    parsed.lint = parsed.lint.resolve()
    parsed.writers = parsed.writers.split(",")
    if parsed.keep:
        parsed.keep = parsed.keep.resolve()
        parsed.keep.mkdir(parents=True, exist_ok=True)
    return parsed


def main():
    parsed = options()
    temporary = None
    if parsed.venvs is None:
        temporary = tempfile.TemporaryDirectory()
        parsed.venvs = pathlib.Path(temporary.name)
    parsed.venvs = parsed.venvs.resolve()
    given = json.loads(parsed.plan.read_text()) if parsed.plan else None
    if given:
        parsed.writers = [given["writer"]]
    parsed.pythons = {writer: venv(parsed.venvs, writer) for writer in {*parsed.writers, NEWEST}}
    campaign = Campaign(parsed)
    # So that the workers end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    table = {writer: collections.Counter() for writer in parsed.writers}
    steps, refused = collections.Counter(), collections.Counter()
    seeds = range(parsed.seed, parsed.seed + parsed.count)
    try:
        with concurrent.futures.ThreadPoolExecutor(parsed.jobs) as pool:
            if given:
                work = [
                    pool.submit(
                        lambda: (given, campaign.try_plan(given, campaign.scratch / "plan"))
                    )
                ]
            else:
                work = [pool.submit(campaign.one, s, w) for w in parsed.writers for s in seeds]
            for future in work:
                plan, outcome = future.result()
                writer = plan["writer"]
                count = table[writer]
                count["plans"] += 1
                count["runs"] += outcome.runs
                count[outcome.status] += 1
                if outcome.answer:
                    steps.update(outcome.answer["done"])
                    refused.update(op for _, op, _ in outcome.answer["skipped"])
                    if parsed.reasons:
                        for _, op, why in outcome.answer["skipped"]:
                            print(
                                f"skipped {writer} seed {plan['seed']} {op}: {why[:160]}",
                                flush=True,
                            )
                if outcome.reason and parsed.reasons:
                    said = f" (said: {', '.join(outcome.said)})" if outcome.said else ""
                    which = f"{outcome.status} {writer} seed {plan['seed']}{said}"
                    print(f"{which}: {outcome.reason}", flush=True)
                if outcome.said == ["nothing"]:
                    count["quiet"] += 1
                    if parsed.unsaid and "took too long" not in outcome.reason:
                        report_unsaid(campaign, plan, outcome)
                for alarm in distinct(outcome.alarms):
                    report_alarm(campaign, plan, alarm)
    finally:
        campaign.end()
        if temporary:
            temporary.cleanup()
    return summary(table, steps, refused, time.monotonic() - started)


def summary(table, steps, refused, seconds):
    print(
        f"\n{'writer':10}{'plans':>7}{'made':>7}{'clean':>7}"
        f"{'not read well':>15}{'unsaid':>8}{'alarms':>8}{'runs':>8}"
    )
    total = collections.Counter()
    for writer, count in table.items():
        made = count["clean"] + count["alarm"] + count["unclean"]
        clean = count["clean"] + count["alarm"]
        print(
            f"{writer:10}{count['plans']:7}{made:7}{clean:7}{count['unclean']:15}{count['quiet']:8}{count['alarm']:8}{count['runs']:8}"
        )
        total.update(count)
    print("steps: " + ", ".join(f"{name} {n}" for name, n in sorted(steps.items())))
    print(
        "refused by the writer: " + ", ".join(f"{name} {n}" for name, n in sorted(refused.items()))
    )
    print(f"{seconds:.0f} s")
    print(f"{total['clean']} passed, {total['alarm']} failed")
    # A campaign without clean datasets has shown nothing.
    return 1 if total["alarm"] or not total["clean"] else 0


if __name__ == "__main__":
    sys.exit(main())
