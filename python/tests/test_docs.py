"""What docs/ci.md and docs/python.md tell people to copy."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
HOOK_KEYS = ("entry", "files", "always_run", "require_serial", "language")


def blocks(name: str, language: str) -> "list[str]":
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def of(kind: str) -> "list[Any]":
    """The YAML blocks of docs/ci.md that have this key at the top."""
    parsed = [(block, yaml.safe_load(block)) for block in blocks("ci.md", "yaml")]
    return [(block, value) for block, value in parsed if kind in value]


def test_the_hook_to_copy_is_the_hook() -> None:
    pytest.importorskip("pre_commit")
    configurations = of("repos")
    [local] = [
        hook
        for _, value in configurations
        for repo in value["repos"]
        for hook in repo["hooks"]
        if repo["repo"] == "local"
    ]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    ours = {hook["id"]: hook for hook in hooks}
    for key in HOOK_KEYS:
        assert local[key] == ours["lance-lint"][key]
    assert ours["lance-lint-src"]["files"] == local["files"]
    for block, _ in configurations:
        checked = subprocess.run(
            [sys.executable, "-c", VALIDATE, block], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


VALIDATE = """
import sys, tempfile, pathlib
from pre_commit.commands.validate_config import validate_config
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, "config.yaml")
    file.write_text(sys.argv[1])
    sys.exit(validate_config([str(file)]))
"""


def test_the_action_has_the_inputs_that_are_told_of() -> None:
    [(_, workflow)] = of("jobs")
    [used] = [
        step["with"]
        for step in workflow["jobs"]["datasets"]["steps"]
        if step["uses"].startswith("lance-lint/lance-lint@")
    ]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert set(used) == set(inputs)
    table = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "ci.md").read_text(), re.MULTILINE)
    assert set(table) == set(inputs)


def test_the_versions_to_copy_are_of_this_release() -> None:
    cargo = (ROOT / "Cargo.toml").read_text()
    version = re.search(r'^version = "(.+)"$', cargo, re.MULTILINE)
    assert version is not None
    text = (ROOT / "docs" / "ci.md").read_text()
    named = re.findall(r"(?:lance-lint==|lance-lint@v|rev: v|version: )(\d+\.\d+\.\d+)", text)
    assert len(named) >= 5
    assert set(named) == {version[1]}


def test_the_job_for_gitlab_fits_its_schema(tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    [(block, _)] = of("lance-lint")
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(block)
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_python_to_copy_compiles() -> None:
    examples = blocks("python.md", "python")
    assert len(examples) >= 3
    for example in examples:
        compile(example, "docs/python.md", "exec")
