"""Time a lance-lint binary beside three baselines, over the same datasets.

    python compare.py --lint PATH_TO_BINARY DATA_DIR

DATA_DIR is a dataset, or a directory of datasets (make_data.py makes one). For
each dataset a markdown table has a row for

  * the raw loop: one thread opens each data file, asks for its size and reads
    its last 64 KiB; tail_loop.rs, compiled with `rustc -O`;
  * pylance's metadata loop: LanceFileReader(file).metadata() on each data file;
  * pylance's own check: lance.dataset(DATASET).validate();
  * the binary: `BINARY DATASET`, which prints text, and with each --format.

Datasets named versions-… are checked in every version, by the binary with
--all-versions and by pylance with one validate() after another. At the end a
table a kind shows what the binary took as the datasets grow.

Figures are of whole processes, start-up included (the row "start only" says how
much that is for pylance). Every command runs once uncounted, to warm the page
cache; then the commands take turns. A command whose first run took longer than
--slow seconds is counted once only. Without --lint only the baselines are run.
Without pylance in this Python its rows are left out.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FORMATS = ("json", "json-lines", "sarif")
HERE = Path(__file__).resolve().parent
NUMBERED = re.compile(r"(?P<kind>\D+)-(?P<size>[\dx]+)\.lance")


def metadata_loop(dataset):
    from lance.file import LanceFileReader

    for file in data_files(dataset):
        LanceFileReader(file).metadata()


def validate(dataset):
    import lance

    lance.dataset(dataset).validate()


def validate_versions(dataset):
    import lance

    newest = lance.dataset(dataset)
    for version in newest.versions():
        newest.checkout_version(version["version"]).validate()


def start_only(_dataset):
    import lance.file  # noqa: F401


LOOPS = {
    "metadata": metadata_loop,
    "validate": validate,
    "validate-versions": validate_versions,
    "start": start_only,
}


def data_files(dataset):
    with os.scandir(os.path.join(dataset, "data")) as entries:
        return [entry.path for entry in entries if entry.name.endswith(".lance")]


class Command:
    def __init__(self, label, argv, may_find=False):
        self.label = label
        self.argv = [str(word) for word in argv]
        self.may_find = may_find
        self.is_slow = False
        self.wall = []
        self.cpu = []
        self.peak = []
        self.status = None


def run(argv):
    """Run to the end; wall seconds, CPU seconds, own peak in bytes, exit status."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        message = errors.read().decode(errors="replace").strip()
    unit = 1 if sys.platform == "darwin" else 1024
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, child.returncode, message


def count_once(command, gnu_time):
    wall, cpu, peak, status, message = run(command.argv)
    # 1 is how a linter says that it found something; anything else is a failure.
    if status not in ((0, 1) if command.may_find else (0,)):
        sys.exit(f"{command.label}: exit status {status}\n{message[-2000:]}")
    command.wall.append(wall)
    command.cpu.append(cpu)
    command.status = status
    command.peak.append(peak_of(command.argv, gnu_time) if gnu_time else peak)


def peak_of(argv, gnu_time):
    """Peak memory from a second run, under GNU time.

    On Linux a process that Python starts is charged Python's own memory at the
    moment it starts, which would hide the peak of a small program. GNU time's
    own memory is about 1 MiB.
    """
    with tempfile.NamedTemporaryFile("r") as report:
        run([gnu_time, "-q", "-f", "%M", "-o", report.name, *argv])
        return int(report.read().split()[-1]) * 1024


def find_gnu_time():
    program = shutil.which("time")
    if program is None:
        return None
    probe = subprocess.run(
        [program, "-q", "-f", "%M", "true"], capture_output=True, text=True, check=False
    )
    return program if probe.returncode == 0 and probe.stderr.strip().isdigit() else None


def compile_loop(directory):
    rustc = shutil.which("rustc")
    if rustc is None:
        sys.exit("rustc is needed to compile tail_loop.rs and is not on PATH")
    program = Path(directory) / "tail_loop"
    subprocess.run(
        [rustc, "-O", "--edition", "2024", "-o", program, HERE / "tail_loop.rs"], check=True
    )
    return program


def commands_for(dataset, loop, lint, with_pylance):
    own = [sys.executable, Path(__file__).resolve(), "--loop"]
    versions = dataset.name.startswith("versions-")
    commands = [Command("raw loop", [loop, dataset])]
    if with_pylance:
        commands.append(Command("pylance metadata()", [*own, "metadata", dataset]))
        if versions:
            label = "pylance validate(), every version"
            commands.append(Command(label, [*own, "validate-versions", dataset]))
        else:
            commands.append(Command("pylance validate()", [*own, "validate", dataset]))
        commands.append(Command("pylance, start only", [*own, "start", dataset]))
    if lint:
        every = ["--all-versions"] if versions else []
        label = " ".join(["lance-lint", *every])
        commands.append(Command(label, [lint, dataset, *every], may_find=True))
        for name in FORMATS:
            argv = [lint, dataset, *every, "--format", name]
            commands.append(Command(f"{label} --format {name}", argv, may_find=True))
    return commands


def spread(values, scale, digits):
    if len(values) == 1:
        return f"{values[0] * scale:.{digits}f}"
    figures = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{figure * scale:.{digits}f}" for figure in figures)


def print_table(dataset, commands):
    files = data_files(dataset)
    size = sum(os.path.getsize(file) for file in files)
    plural = "" if len(files) == 1 else "s"
    print(f"\n### {dataset.name}: {len(files):,} data file{plural}, {size:,} bytes\n")
    print("| program | wall, ms | CPU, ms | peak RSS, MiB | wall ÷ raw loop | exit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    floor = statistics.median(commands[0].wall)
    for command in commands:
        ratio = statistics.median(command.wall) / floor
        print(
            f"| {command.label} | {spread(command.wall, 1e3, 1)} "
            f"| {spread(command.cpu, 1e3, 1)} | {spread(command.peak, 1 / 2**20, 1)} "
            f"| {ratio:.2f} | {command.status} |"
        )
    sys.stdout.flush()


def metadata_bytes(command):
    """What the binary read, by its own count."""
    shown = subprocess.run([*command.argv, "--format", "json"], capture_output=True, check=False)
    return json.loads(shown.stdout)["summary"]["bytes_read"]


def print_curve(kind, points):
    print(f"\n### {kind}, as they grow\n")
    print(
        "| dataset | metadata read, bytes | wall, ms | CPU, ms | CPU, ns a byte "
        "| peak RSS, MiB | wall ÷ raw loop |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, read, lint, loop in points:
        wall, cpu = statistics.median(lint.wall), statistics.median(lint.cpu)
        print(
            f"| {name} | {read:,} | {wall * 1e3:.1f} | {cpu * 1e3:.1f} | {cpu * 1e9 / read:.2f} "
            f"| {max(lint.peak) / 2**20:.1f} | {wall / statistics.median(loop.wall):.2f} |"
        )


def by_size(dataset):
    parts = NUMBERED.fullmatch(dataset.name)
    if not parts:
        return dataset.name, ()
    return parts["kind"], tuple(int(number) for number in parts["size"].split("x"))


def main():
    if sys.argv[1:2] == ["--loop"]:
        LOOPS[sys.argv[2]](sys.argv[3])
        return

    parser = argparse.ArgumentParser(
        description="Time a lance-lint binary beside three baselines, over the same datasets."
    )
    parser.add_argument("data", metavar="DATA_DIR", type=Path)
    parser.add_argument("--lint", metavar="PATH", type=Path, help="the lance-lint binary")
    parser.add_argument("--runs", metavar="N", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--slow", metavar="SECONDS", type=float, default=10,
        help="count a command once only when a run takes longer (default: 10)",
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append",
        help="only the datasets whose directory name has NAME in it; may be repeated",
    )
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")

    data = options.data.resolve()
    datasets = [data] if (data / "data").is_dir() else sorted(data.glob("*.lance"), key=by_size)
    if options.only:
        datasets = [each for each in datasets if any(name in each.name for name in options.only)]
    if not datasets:
        parser.error(f"no dataset in {options.data}")
    lint = options.lint.resolve() if options.lint else None
    if lint and not os.access(lint, os.X_OK):
        parser.error(f"{options.lint} cannot be run")
    with_pylance = importlib.util.find_spec("lance") is not None
    gnu_time = find_gnu_time()

    from_version = ""
    if with_pylance:
        from importlib.metadata import version

        from_version = f", pylance {version('pylance')}"
    print(
        f"{options.runs} counted runs after one warm-up (one where a run takes more than "
        f"{options.slow:g} s), page cache warm; figures are min / median / max. "
        f"Python {sys.version.split()[0]}{from_version}, {os.cpu_count()} processors."
    )
    if not with_pylance:
        print("pylance is not installed here: its rows are left out.")
    if not gnu_time:
        print("GNU time is not installed: small peaks are hidden by this script's own memory.")

    curves = {}
    with tempfile.TemporaryDirectory() as directory:
        loop = compile_loop(directory)
        for dataset in datasets:
            commands = commands_for(dataset, loop, lint, with_pylance)
            for command in commands:
                command.is_slow = run(command.argv)[0] > options.slow
            for turn in range(options.runs):
                for command in commands:
                    if turn == 0 or not command.is_slow:
                        count_once(command, gnu_time)
            print_table(dataset, commands)
            if lint:
                checked = commands[-1 - len(FORMATS)]
                point = (dataset.name, metadata_bytes(checked), checked, commands[0])
                curves.setdefault(by_size(dataset)[0], []).append(point)
    for kind, points in curves.items():
        if len(points) > 1:
            print_curve(kind, points)


if __name__ == "__main__":
    main()
