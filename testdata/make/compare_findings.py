#!/usr/bin/env python3
"""Compare what two builds of lance-lint find in all fixtures, under a table of renamed rules.

    compare_findings.py BEFORE AFTER [OLD-RULE=NEW-RULE]...

BEFORE and AFTER are binaries. The set of (fixture, rule, severity, location) must be equal.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def findings(binary, dataset):
    run = subprocess.run(
        [binary, dataset, "--format", "json"], capture_output=True, text=True, check=False
    )
    if not run.stdout:
        return {("failed", run.returncode)}
    report = json.loads(run.stdout)
    return {
        (
            finding["rule"],
            finding["severity"],
            json.dumps(finding["location"], sort_keys=True),
            finding.get("occurrences", finding.get("count", 1)),
        )
        for finding in report["findings"]
    }


def main():
    before, after, *renamed = sys.argv[1:]
    renamed = dict(pair.split("=") for pair in renamed)
    differ = compared = 0
    for kind in ("clean", "broken", "advisories", "history", "gate"):
        for dataset in sorted((ROOT / "testdata" / kind).glob("*")):
            old = {(renamed.get(f[0], f[0]), *f[1:]) for f in findings(before, dataset)}
            new = findings(after, dataset)
            compared += len(old)
            if old != new:
                differ += 1
                print(dataset.name, sorted(old ^ new), sep="\n  ")
    print(f"{compared} findings compared, {differ} fixtures differ")
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
