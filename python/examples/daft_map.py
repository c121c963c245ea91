"""A Daft job that checks a dataset of many fragments, a range of them in each task.

    pip install daft lance-lint
    python daft_map.py images.lance --units 64

The dataset is cut into ranges of fragments of one pinned version. Daft maps over them, on whichever
workers it has; each checks its range by itself and gives its report back as JSON. Joined, these are
to the byte the report of one check of all of it, and the job fails as that would.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import daft

import lance_lint

# Releases before 0.7 have no `daft.func.batch`, and 0.8 no `daft.udf`. One range to a batch, so
# that ranges are checked beside one another.
batched = daft.func.batch if hasattr(daft.func, "batch") else daft.udf


@batched(return_dtype=daft.DataType.string(), batch_size=1)
def lint(
    paths: daft.Series, versions: daft.Series, starts: daft.Series, ends: daft.Series
) -> list[str]:
    """The report of each range of fragments, as JSON."""
    columns = (column.to_pylist() for column in (paths, versions, starts, ends))
    return [
        lance_lint.check(path, version=version, fragments=range(start, end)).to_json()
        for path, version, start, end in zip(*columns)
    ]


def check(uri: str, units: int) -> lance_lint.Report:
    """Checks the latest version, so many ranges of fragments each in a task of its own."""
    ranges = lance_lint.split(uri, units)
    frame = daft.from_pydict(
        {
            "path": [unit.path for unit in ranges],
            "version": [unit.version for unit in ranges],
            "start": [unit.fragments.start for unit in ranges],
            "end": [unit.fragments.stop for unit in ranges],
        }
    )
    report = lint(daft.col("path"), daft.col("version"), daft.col("start"), daft.col("end"))
    reports = frame.select(report.alias("report")).to_pydict()["report"]
    return lance_lint.merge(map(lance_lint.Report.from_json, reports))


def main() -> int:
    """Checks, and says what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("uri", help="a dataset, where every worker can read it")
    parser.add_argument("--units", type=int, default=64, help="how many ranges of fragments")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the joined report there")
    arguments = parser.parse_args()
    report = check(arguments.uri, arguments.units)
    if arguments.json:
        arguments.json.write_text(report.to_json(), encoding="utf-8")
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # As in daft_check.py: the status is not to be that of Daft's threads.
    os._exit(status)
