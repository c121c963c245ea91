import subprocess
import sys
from pathlib import Path

import pytest

daft = pytest.importorskip("daft")
pytest.importorskip("lance")

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "daft_check.py"


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, arguments)],
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
