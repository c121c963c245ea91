from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def testdata() -> Path:
    return ROOT / "testdata"


@pytest.fixture
def daft_blob(testdata: Path) -> Path:
    """The dataset that Daft 0.5.11 wrote: one column, declared a blob and stored plain."""
    return testdata / "daft-blob.lance"
