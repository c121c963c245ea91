"""A Daft job that writes a Lance dataset and lets its workers check what they wrote.

    pip install daft daft-lance pylance lance-lint
    python daft_check.py images.lance

Every data file is checked by itself, several at once, on whichever worker Daft gives it to; a file
of a dataset stands for that part of it, so it is compared with the dataset's manifest and schema.
The reports come back as JSON and are made one again. The job fails, with the findings, when there
is an error.
"""

from __future__ import annotations

import argparse
import os
import sys

import daft
import lance
import pyarrow as pa

import lance_lint

# Releases before 0.7 have no `daft.func.batch`, and 0.8 no `daft.udf`. One file to a batch, so that
# files are checked beside one another.
batched = daft.func.batch if hasattr(daft.func, "batch") else daft.udf


@batched(return_dtype=daft.DataType.string(), batch_size=1)
def lint(files: daft.Series) -> list[str]:
    """The report of each data file, as JSON."""
    return [lance_lint.check(file).to_json() for file in files.to_pylist()]


def write(uri: str, blob_key: bool) -> None:
    """Writes an id and an image, in three data files."""
    metadata = {"lance-encoding:blob": "true"} if blob_key else None
    schema = pa.schema(
        [pa.field("id", pa.int64()), pa.field("image", pa.large_binary(), metadata=metadata)]
    )
    images = [b"\x89PNG%d" % row for row in range(300)]
    frame = daft.from_pydict({"id": list(range(300)), "image": images})
    frame.write_lance(uri, schema=daft.Schema.from_pyarrow_schema(schema), max_rows_per_file=100)


def check(uri: str) -> lance_lint.Report:
    """Checks every data file of the latest version, each in a task of its own."""
    fragments = lance.dataset(uri).get_fragments()
    files = [f"{uri}/data/{file.path}" for fragment in fragments for file in fragment.data_files()]
    frame = daft.from_pydict({"file": files})
    reports = frame.select(lint(daft.col("file")).alias("report")).to_pydict()["report"]
    return lance_lint.Report.merge(map(lance_lint.Report.from_json, reports))


def main() -> int:
    """Writes, checks, and says what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("uri", help="where to write the dataset; a new folder")
    parser.add_argument("--blob-key", action="store_true", help="declare the images as blobs")
    arguments = parser.parse_args()
    write(arguments.uri, arguments.blob_key)
    report = check(arguments.uri)
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Threads of Daft 0.7.26 that are still there when Python ends sometimes abort it (seen with
    # Python 3.11), and the status would be theirs.
    os._exit(status)
