"""How long 1,000 data files in a store take, by latency and concurrency.

    pip install -r tests/stores/requirements.txt
    cargo build --release
    python benches/stores.py

Makes a dataset of 1,000 fragments, puts it into SeaweedFS (S3) on this machine, and checks it
through a proxy that holds each request back. Prints the best and the median of --runs runs, with
the start of the process; the floor is what latency alone costs: requests in a row, times latency.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "stores"))

import faults  # noqa: E402
import lint  # noqa: E402
import servers  # noqa: E402


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "lance-lint"))
    parser.add_argument("--fragments", type=int, default=1000)
    parser.add_argument("--latency", type=int, nargs="*", default=[0, 50], help="milliseconds")
    parser.add_argument("--concurrency", type=int, nargs="*", default=[1, 8, 64, 256])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--direct", action="store_true", help="also without the proxy")
    args = parser.parse_args()
    os.environ["LANCE_LINT_BINARY"] = args.binary
    with tempfile.TemporaryDirectory() as scratch:
        measure(args, Path(scratch))


def measure(args, scratch: Path):
    """One table."""
    maker = ROOT / "benches" / "make_data.py"
    fragments = str(args.fragments)
    subprocess.run(
        [sys.executable, maker, scratch, "--fragments", fragments, "--columns"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    name = f"fragments-{fragments}.lance"
    store = servers.SeaweedFS(scratch)
    store.start()
    try:
        store.upload(lint.files(scratch / name, name))
        print("| latency | concurrency | best | median | floor | requests | bytes read |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        with faults.Proxy(store.port) as proxy:
            if args.direct:
                row(args, store, store.port, name, "no proxy", 0, 64)
            for latency in args.latency:
                for concurrency in args.concurrency:
                    proxy.reset()
                    proxy.latency = latency / 1000
                    row(args, store, proxy.port, name, f"{latency} ms", latency, concurrency)
    finally:
        store.stop()


def row(args, store, port, name, label, latency, concurrency):
    """One line of it."""
    # A run of a minute is not worth repeating.
    runs = 1 if latency and concurrency == 1 else args.runs
    times, summary = [], {}
    for _ in range(runs):
        done = lint.run(
            store.url(name, port),
            *("--format", "json", "--concurrency", concurrency),
            options=store.options(port),
            timeout=600,
        )
        times.append(done.seconds)
        summary = done.json["summary"]
    around = summary["requests"] - args.fragments
    floor = (around + math.ceil(args.fragments / concurrency)) * latency / 1000
    print(
        f"| {label} | {concurrency} | {min(times):.2f} s | {statistics.median(times):.2f} s "
        f"| {floor:.2f} s | {summary['requests']:,} | {summary['bytes_read']:,} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
