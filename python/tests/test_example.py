import subprocess
import sys
from pathlib import Path

import pytest

import lance_lint

daft = pytest.importorskip("daft")
pytest.importorskip("lance")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(*arguments: object, example: str = "daft_check.py") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(EXAMPLES / example), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_healthy_data_passes(tmp_path: Path) -> None:
    done = run(tmp_path / "images.lance")
    assert done.returncode == 0, done.stderr
    assert "no findings" in done.stdout


def test_blobs_are_found_out_where_daft_stores_them_plain(tmp_path: Path) -> None:
    done = run(tmp_path / "images.lance", "--blob-key")
    if daft.__version__ == "0.5.11":
        assert done.returncode == 1, done.stderr
        assert done.stdout.startswith("error[blob-stored-plain]: column `image`")
        # All three files have it, and it is one finding.
        assert "fragment 2" in done.stdout
        assert "1 error in" in done.stdout
    else:
        assert done.returncode == 0, done.stderr
        assert "no findings" in done.stdout


def test_ranges_mapped_over_by_daft_are_one_check(tmp_path: Path) -> None:
    import lance
    import pyarrow as pa

    uri = tmp_path / "many.lance"
    table = pa.table({"id": list(range(60)), "text": [f"text {i}" for i in range(60)]})
    lance.write_dataset(table, uri, max_rows_per_file=1, max_rows_per_group=1)
    # A file that is cut, in one of the ranges.
    broken = sorted((uri / "data").iterdir())[30]
    broken.write_bytes(broken.read_bytes()[:-5])
    done = run(uri, "--units", 7, "--json", tmp_path / "report.json", example="daft_map.py")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("error[data-file-unreadable]")
    joined = lance_lint.Report.from_json((tmp_path / "report.json").read_bytes())
    whole = lance_lint.check(uri, version=1)
    assert whole.subjects[0].fragments == 60
    assert joined == whole
    assert joined.document == whole.document
