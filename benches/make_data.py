"""Make the datasets the benchmarks read. Needs pylance 14.0.2.

    python make_data.py OUT
    python make_data.py OUT --fragments 1000 10000 --columns 100 50000x4 --pages --versions

fragments-N.lance   N fragments of 4 to 8 rows, one small data file each, with
                    six top-level columns (seven leaves).
columns-N.lance     one fragment whose one data file has N columns, alternately
                    int32 and string, each in --pages-per-column pages.
columns-NxF.lance   F such fragments; their data files are links to one, that of
                    columns-N.lance if it is there.
pages-N.lance       one fragment whose one column, of int32, has N pages.
versions-N.lance    N versions, each of which appends a fragment.

Give an option with no value to leave that kind out. Without options everything
that the benchmarks show is made: about 2 GB. The values are the same in every
run; the names of the data files are not.
"""

import argparse
import datetime
import os
import random
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("LANCE_LOG", "error")  # no warning per new dataset

import lance
import pyarrow as pa
from lance.file import LanceFileReader, LanceFileWriter
from lance.fragment import DataFile, FragmentMetadata, write_fragments

STORAGE_VERSION = "2.1"
ROWS_PER_FRAGMENT = (4, 5, 6, 7, 8)
ROWS_PER_PAGE = 32
ROWS_PER_VERSION = 4
VECTOR_DIM = 16

CATEGORIES = ("alpha", "beta", "gamma", "delta")
WORDS = (
    "amber basin cedar drift ember fjord grove haven islet jetty knoll "
    "ledge marsh north ocean prism quarry ridge shoal tidal upland vale"
).split()
EPOCH = datetime.datetime(2024, 1, 1)

FRAGMENT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("category", pa.string()),
        pa.field("text", pa.string()),
        pa.field("vector", pa.list_(pa.float32(), VECTOR_DIM)),
        pa.field("point", pa.struct([("x", pa.float64()), ("y", pa.int32())])),
        pa.field("seen_at", pa.timestamp("us")),
    ]
)


def fragment_table(first_id, rows, rng):
    """Rows for the many-fragment dataset; one timestamp in five is null."""
    vectors = pa.array([rng.random() for _ in range(rows * VECTOR_DIM)], pa.float32())
    points = pa.StructArray.from_arrays(
        [
            pa.array([rng.uniform(-180, 180) for _ in range(rows)], pa.float64()),
            pa.array([rng.randrange(1_000_000) for _ in range(rows)], pa.int32()),
        ],
        names=["x", "y"],
    )
    seen_at = [
        None
        if rng.random() < 0.2
        else EPOCH + datetime.timedelta(seconds=rng.randrange(31_536_000))
        for _ in range(rows)
    ]
    return pa.table(
        [
            pa.array(range(first_id, first_id + rows), pa.int64()),
            pa.array(rng.choices(CATEGORIES, k=rows)),
            pa.array([" ".join(rng.choices(WORDS, k=rng.randint(3, 12))) for _ in range(rows)]),
            pa.FixedSizeListArray.from_arrays(vectors, VECTOR_DIM),
            points,
            pa.array(seen_at, pa.timestamp("us")),
        ],
        schema=FRAGMENT_SCHEMA,
    )


def make_fragments(path, count):
    """Write `count` fragments and commit them together.

    One call writes all the fragments of one length: a row limit per file cuts
    the table into files of exactly that many rows.
    """
    rng = random.Random(count)
    groups = []
    next_id = 0
    for position, rows in enumerate(ROWS_PER_FRAGMENT):
        share = len(range(position, count, len(ROWS_PER_FRAGMENT)))
        if share == 0:
            continue
        table = fragment_table(next_id, rows * share, rng)
        next_id += table.num_rows
        groups.append(
            write_fragments(
                table,
                str(path),
                schema=table.schema,
                max_rows_per_file=rows,
                data_storage_version=STORAGE_VERSION,
            )
        )
    fragments = [
        groups[index % len(groups)][index // len(groups)] for index in range(count)
    ]
    operation = lance.LanceOperation.Overwrite(FRAGMENT_SCHEMA, fragments)
    dataset = lance.LanceDataset.commit(str(path), operation)

    lengths = {fragment.metadata.physical_rows for fragment in dataset.get_fragments()}
    expect(len(dataset.get_fragments()) == count, f"{path.name}: fragment count")
    expect(lengths <= set(ROWS_PER_FRAGMENT), f"{path.name}: rows per fragment {lengths}")
    expect(dataset.count_rows() == next_id, f"{path.name}: row count")


def make_columns(path, count, copies, pages):
    """Write one file of `count` columns and wrap it into a dataset.

    With no data cache the writer closes a page per column at the end of each
    batch, so the number of batches is the number of pages.
    """
    rng = random.Random(count)
    width = len(str(count - 1))
    schema = pa.schema(
        [
            (f"c{index:0{width}}", pa.string() if index % 2 else pa.int32())
            for index in range(count)
        ]
    )

    def batches():
        for _ in range(pages):
            numbers = pa.array(
                [rng.randrange(1 << 31) for _ in range(ROWS_PER_PAGE)], pa.int32()
            )
            words = pa.array([" ".join(rng.choices(WORDS, k=2)) for _ in range(ROWS_PER_PAGE)])
            yield [words if index % 2 else numbers for index in range(count)]

    name = "columns.lance"
    made = path.with_name(columns_name(count, 1)) / "data" / name
    if copies > 1 and made.exists() and pages_of_first_column(made) == pages:
        file = path / "data" / name
        file.parent.mkdir(parents=True)
        os.link(made, file)
    else:
        file = write_file(path, name, schema, batches())
    files = [file]
    for copy in range(1, copies):
        files.append(file.with_name(f"columns-{copy}.lance"))
        os.link(file, files[-1])
    rows = pages * ROWS_PER_PAGE
    dataset = commit_files(path, schema, files, rows)

    metadata = LanceFileReader(str(file)).metadata()
    found = {len(column.pages) for column in metadata.columns}
    expect(len(metadata.columns) == count, f"{path.name}: column count")
    expect(found == {pages}, f"{path.name}: pages per column {found}")
    names = [schema.names[0], schema.names[-1]]
    sample = dataset.to_table(columns=list(dict.fromkeys(names)))
    expect(sample.num_rows == copies * rows, f"{path.name}: row count")


def pages_of_first_column(file):
    return len(LanceFileReader(str(file)).metadata().columns[0].pages)


def make_pages(path, count):
    """Write one file whose one column has `count` pages, and wrap it into a dataset."""
    rng = random.Random(count)
    schema = pa.schema([("n", pa.int32())])
    batches = (
        [pa.array([rng.randrange(1 << 31) for _ in range(ROWS_PER_PAGE)], pa.int32())]
        for _ in range(count)
    )
    file = write_file(path, "pages.lance", schema, batches)
    dataset = commit_files(path, schema, [file], count * ROWS_PER_PAGE)

    (column,) = LanceFileReader(str(file)).metadata().columns
    expect(len(column.pages) == count, f"{path.name}: pages {len(column.pages)}")
    expect(dataset.count_rows() == count * ROWS_PER_PAGE, f"{path.name}: row count")


def make_versions(path, count):
    """Commit `count` versions, each with one more fragment than the one before."""
    rng = random.Random(count)
    table = fragment_table(0, ROWS_PER_VERSION * count, rng)
    fragments = write_fragments(
        table,
        str(path),
        schema=table.schema,
        max_rows_per_file=ROWS_PER_VERSION,
        data_storage_version=STORAGE_VERSION,
    )
    operation = lance.LanceOperation.Overwrite(FRAGMENT_SCHEMA, fragments[:1])
    dataset = lance.LanceDataset.commit(str(path), operation)
    for fragment in fragments[1:]:
        operation = lance.LanceOperation.Append([fragment])
        dataset = lance.LanceDataset.commit(dataset, operation, read_version=dataset.version)

    found = len(dataset.versions())
    expect(found == count, f"{path.name}: versions {found}")
    expect(len(dataset.get_fragments()) == count, f"{path.name}: fragment count")


def write_file(path, name, schema, batches):
    """Write one data file, a page per column and batch."""
    data = path / "data"
    data.mkdir(parents=True)
    file = data / name
    with LanceFileWriter(
        str(file), schema, version=STORAGE_VERSION, data_cache_bytes=0
    ) as writer:
        for arrays in batches:
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return file


def commit_files(path, schema, files, rows):
    """Make a dataset of data files that hold all columns, a fragment each."""
    major, minor = map(int, STORAGE_VERSION.split("."))
    indices = list(range(len(schema)))
    fragments = [
        FragmentMetadata(
            id=position,
            files=[
                DataFile(
                    file.name,
                    indices,
                    indices,
                    major,
                    minor,
                    file_size_bytes=file.stat().st_size,
                )
            ],
            physical_rows=rows,
        )
        for position, file in enumerate(files)
    ]
    operation = lance.LanceOperation.Overwrite(schema, fragments)
    return lance.LanceDataset.commit(str(path), operation)


def expect(condition, what):
    if not condition:
        sys.exit(f"not as intended: {what}")


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def columns_and_fragments(text):
    """`N` columns, or `NxF`: N columns over F fragments."""
    columns, _, fragments = text.partition("x")
    return positive(columns), positive(fragments or "1")


def columns_name(columns, fragments):
    return f"columns-{columns}.lance" if fragments == 1 else f"columns-{columns}x{fragments}.lance"


def main():
    parser = argparse.ArgumentParser(description="Make the datasets the benchmarks read.")
    parser.add_argument("out", metavar="OUT", type=Path, help="directory to make them in")
    parser.add_argument(
        "--fragments", metavar="N", type=positive, nargs="*", default=[1_000, 10_000, 100_000],
        help="fragments per dataset; several values make several datasets "
        "(default: 1000 10000 100000)",
    )
    parser.add_argument(
        "--columns", metavar="N[xF]", type=columns_and_fragments, nargs="*",
        default=[(100, 1), (1_000, 1), (10_000, 1), (50_000, 1), (50_000, 4)],
        help="columns per dataset, and fragments (default: 100 1000 10000 50000 50000x4)",
    )
    parser.add_argument(
        "--pages-per-column", metavar="N", type=positive, default=20,
        help="pages per column of the columns datasets (default: 20)",
    )
    parser.add_argument(
        "--pages", metavar="N", type=positive, nargs="*", default=[100_000],
        help="pages of the one column of a dataset (default: 100000)",
    )
    parser.add_argument(
        "--versions", metavar="N", type=positive, nargs="*", default=[1_000],
        help="versions per dataset (default: 1000)",
    )
    options = parser.parse_args()

    jobs = (
        [(f"fragments-{count}.lance", make_fragments, (count,)) for count in options.fragments]
        + [
            (columns_name(*shape), make_columns, (*shape, options.pages_per_column))
            for shape in options.columns
        ]
        + [(f"pages-{count}.lance", make_pages, (count,)) for count in options.pages]
        + [(f"versions-{count}.lance", make_versions, (count,)) for count in options.versions]
    )
    jobs = [(options.out / name, make, arguments) for name, make, arguments in dict.fromkeys(jobs)]
    for path, _, _ in jobs:
        if path.exists():
            parser.error(f"{path} exists; remove it first")

    options.out.mkdir(parents=True, exist_ok=True)
    print(f"pylance {lance.__version__}, storage version {STORAGE_VERSION}")
    for path, make, arguments in jobs:
        partial = path.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        started = time.perf_counter()
        make(partial, *arguments)
        partial.rename(path)
        seconds = time.perf_counter() - started
        sizes = [file.stat().st_size for file in (path / "data").iterdir()]
        manifests = [file.stat().st_size for file in (path / "_versions").glob("*.manifest")]
        print(
            f"{path}: {len(sizes)} data files, {sum(sizes):,} bytes; "
            f"{len(manifests)} manifests, {sum(manifests):,} bytes; {seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
