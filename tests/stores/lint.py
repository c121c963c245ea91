"""Runs lance-lint, and compares what it says of the same data in two places."""

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import servers

ROOT = Path(__file__).resolve().parents[2]
TESTDATA = ROOT / "testdata"
# What no run may print, whatever happens.
SECRETS = (servers.SECRET_KEY, servers.ACCESS_KEY, servers.AZURE_KEY)
FOREIGN = ("AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "LANCE_", "OBJECT_STORE_")


def binary() -> str:
    """The program under test."""
    return os.environ.get("LANCE_LINT_BINARY") or str(ROOT / "target" / "debug" / "lance-lint")


class Run(NamedTuple):
    """How a run ended."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> dict:
        """Its report."""
        assert self.status in (0, 1), f"exit {self.status}: {self.err}"
        return json.loads(self.out)


def run(*args, options=None, env=None, secrets=(), timeout=60) -> Run:
    """Runs it without credentials of this machine; fails if it hangs or tells a secret."""
    command = [binary(), *(str(arg) for arg in args)]
    for key, value in (options or {}).items():
        command += ["--storage-option", f"{key}={value}"]
    clean = {k: v for k, v in os.environ.items() if not k.upper().startswith(FOREIGN)}
    with tempfile.TemporaryDirectory() as home:
        start = time.monotonic()
        done = subprocess.run(
            command,
            env={**clean, "HOME": home, "NO_COLOR": "1", **(env or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
        )
    result = Run(
        done.returncode,
        done.stdout.decode(),
        done.stderr.decode(),
        time.monotonic() - start,
    )
    for secret in (*SECRETS, *secrets):
        for part in (result.out, result.err):
            assert secret not in part, f"tells a secret: {part}"
    assert "panicked" not in result.err, result.err
    return result


def datasets() -> list:
    """Every fixture that is a dataset, by its path below testdata."""
    found = []
    for folder, below, _ in os.walk(TESTDATA):
        below.sort()
        if "_versions" in below or "data" in below:
            found.append(os.path.relpath(folder, TESTDATA))
            below.clear()
    return found


# In every store, since tests name them.
NAMED = {
    "daft-blob.lance",
    "broken/blob-plain-2.0",
    "broken/blob-plain-three-fragments-2.1",
    "history/swapped-later-2.1",
}
# Takes all fixtures in a few seconds.
WITH_ALL = servers.SeaweedFS


def fixtures_in(kind) -> list:
    """The fixtures that a store is given: all or, where that takes long, a part of its own."""
    if kind is WITH_ALL:
        return datasets()
    at = servers.ALL.index(kind)
    return [n for i, n in enumerate(datasets()) if i % len(servers.ALL) == at or n in NAMED]


def files(dataset: Path, key: str) -> dict:
    """Every file of a dataset, under the key it gets in a store."""
    found = sorted(path for path in dataset.rglob("*") if path.is_file())
    return {f"{key}/{path.relative_to(dataset).as_posix()}": path for path in found}


def comparable(report: dict, prefix: str) -> dict:
    """A report without what may differ: where the data is, and how much was read how."""
    text = json.dumps(report).replace(prefix, "")
    same = json.loads(text)
    for key in ("requests", "bytes_read"):
        same["summary"].pop(key)
    return same


def differences(here, there, path="") -> list:
    """Where two reports differ, in words."""
    if isinstance(here, dict) and isinstance(there, dict):
        found = []
        for key in {**here, **there}:
            found += differences(here.get(key), there.get(key), f"{path}/{key}")
        return found
    if isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        found = []
        for i, (one, other) in enumerate(zip(here, there)):
            name = one.get("path") or one.get("rule") if isinstance(one, dict) else None
            found += differences(one, other, f"{path}/{i}" + (f"({name})" if name else ""))
        return found
    if here == there:
        return []
    return [f"{path}: local {str(here)[:300]!r}, store {str(there)[:300]!r}"]


def assert_same(here: dict, there: dict):
    """Fails with the first differences between two comparable reports."""
    found = differences(here, there)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])


def words(text: str) -> str:
    """Text without its line breaks, as a person reads it."""
    return re.sub(r"\s+", " ", text)
