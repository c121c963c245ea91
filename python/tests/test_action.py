"""The steps of action.yml, run by bash as a runner does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lance_lint

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
CLEAN = ROOT / "testdata" / "clean" / "blob-v1-no-nulls-2.0"
DAFT_BLOB = ROOT / "testdata" / "daft-blob.lance"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="bash of Windows has other paths")


def step(name: str) -> "dict[str, Any]":
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    [found] = [step for step in steps if step.get("id") == name]
    return dict(found)


def run(name: str, folder: Path, **environment: str) -> "tuple[int, str, dict[str, str]]":
    """The status, what was printed, and the outputs of a step."""
    given = step(name)
    assert set(environment) == set(given["env"])
    temporary = folder / "runner temp"
    temporary.mkdir(exist_ok=True)
    outputs = temporary / "outputs"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", given["run"]],
        cwd=folder,
        env={
            **os.environ,
            **environment,
            "RUNNER_TEMP": str(temporary),
            "GITHUB_OUTPUT": str(outputs),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = outputs.read_text().splitlines() if outputs.exists() else []
    return done.returncode, done.stdout, dict(line.split("=", 1) for line in said)


def check(
    folder: Path, paths: str, arguments: str = "", fail_on: str = ""
) -> "tuple[int, str, dict[str, str]]":
    return run(
        "check",
        folder,
        PROGRAM=lance_lint.find_binary(),
        PATHS=paths,
        ARGUMENTS=arguments,
        FAIL_ON=fail_on,
    )


def test_findings_fail_and_are_annotated(tmp_path: Path) -> None:
    shutil.copytree(DAFT_BLOB, tmp_path / "the images.lance")
    shutil.copytree(CLEAN, tmp_path / "other.lance")
    status, said, outputs = check(tmp_path, "the *.lance\n\nother.lance\n", "--column\nblob\n")
    assert status == 1
    assert "error[blob-stored-plain]" in said
    assert "\n::error " in said
    assert "1 error in 2 datasets" in said
    assert outputs["status"] == "1"
    sarif = json.loads(Path(outputs["sarif-file"]).read_text())
    assert [found["ruleId"] for found in sarif["runs"][0]["results"]] == ["blob-stored-plain"]


def test_clean_datasets_pass(tmp_path: Path) -> None:
    for name in ("[a] b.lance", "c.lance"):
        shutil.copytree(CLEAN, tmp_path / name)
    status, said, outputs = check(tmp_path, "[a] b.lance\nc.*", fail_on="info")
    assert (status, outputs["status"]) == (0, "0"), said
    assert "::" not in said


def test_inputs_are_no_code(tmp_path: Path) -> None:
    evil = "$(touch oops); `touch oops`; touch oops #\n--help"
    status, said, outputs = check(tmp_path, evil, '"; touch oops; "', "$(touch oops)")
    assert (status, outputs["status"]) == (2, "2"), said
    assert not (tmp_path / "oops").exists()


def test_a_release_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = os.environ.get("LANCE_LINT_WHEEL")
    if wheel is None:
        pytest.skip("LANCE_LINT_WHEEL names no wheel")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(Path(wheel).parent))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    status, said, outputs = run("install", tmp_path, VERSION=lance_lint.__version__)
    assert status == 0, said
    version = subprocess.run([outputs["program"], "-V"], capture_output=True, check=True).stdout
    assert version.decode().split() == ["lance-lint", lance_lint.__version__]
    assert run("install", tmp_path, VERSION="0.0.1 --index-url x")[0] != 0
