#!/usr/bin/env python3
"""Replays the transcript of docs/quickstart.md, and compares the page with what was printed.

    transcript.py WHEEL [--bless]

From `pip install` to a pre-commit hook that fails on the dataset that Daft wrote, to the rule's
explanation, to the fix that the tool prints, to green. Needs pre-commit, pylance 14.0.2 and their
installer's network; `--bless` writes the section again.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPEN, CLOSE = "<!-- transcript -->\n", "<!-- /transcript -->"
CONFIG = """repos:
  - repo: local
    hooks:
      - id: lance-lint
        name: lance-lint
        language: python
        additional_dependencies: ["lance-lint==0.1.0"]
        entry: python -m lance_lint.pre_commit
        files: '\\.lance/'
        always_run: true
        require_serial: true
"""


class Shell:
    """Runs commands in a folder and keeps what a terminal would show."""

    def __init__(self, folder, environment):
        self.folder, self.environment, self.shown = folder, environment, []

    def run(self, shown, command=None, status=0, most=None):
        run = subprocess.run(
            ["bash", "-c", command or shown],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert run.returncode == status, f"{shown}: {run.returncode}\n{run.stdout}"
        lines = run.stdout.splitlines()
        if most is not None and len(lines) > most:
            lines = [*lines[:most], "…"]
        self.shown += [f"$ {shown}", *lines]
        return run.stdout


def fix(printed):
    """The code of the first fix, as the finding prints it."""
    lines = printed.splitlines()
    at = next(number for number, line in enumerate(lines) if "= help:" in line)
    code = []
    for line in lines[at + 1 :]:
        if "= help:" in line or not line.startswith(" " * 17):
            if code:
                break
            continue
        code.append(line.strip())
    assert code, printed
    return code


def transcript(wheel, scratch):
    environment = {
        "PATH": f"{scratch}/venv/bin:{os.environ['PATH']}",
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PRE_COMMIT_HOME": str(scratch / "cache"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    for kept in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "https_proxy", "http_proxy"):
        if kept in os.environ:
            environment[kept] = os.environ[kept]
    venv.create(scratch / "venv", with_pip=True)
    folder = scratch / "repository"
    shutil.copytree(ROOT / "testdata/daft-blob.lance", folder / "images.lance")
    # The release is not on PyPI while it is being tested: the wheel stands for it.
    config = CONFIG.replace("lance-lint==0.1.0", str(wheel))
    (folder / ".pre-commit-config.yaml").write_text(config)
    shell = Shell(folder, environment)
    quiet = "git init -q && git config user.name x && git config user.email x@example.org"
    shell.run("git init", f"{quiet} && git add .pre-commit-config.yaml && git commit -qm start")
    shell.shown.clear()
    shell.run(
        "pip install -q lance-lint pre-commit pylance",
        f"pip install -q {wheel} pre-commit==4.7.0 pylance==14.0.2",
    )
    shell.shown += ["$ cat .pre-commit-config.yaml", *CONFIG.splitlines()]
    shell.run("pre-commit install")
    subprocess.run(
        ["pre-commit", "install-hooks"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    failed = shell.run("git add images.lance && git commit -qm 'Add the images'", status=1)
    assert "error[blob-stored-plain]" in failed
    shell.run("lance-lint explain blob-stored-plain", most=14)
    code = ["import lance", 'uri = "images.lance"', *fix(failed)]
    program = "\n".join(code)
    quoted = program.replace("'", "'\\''")
    shell.run(f"python -c '\n{program}'", f"python -c '{quoted}'")
    shell.run("git add images.lance && git commit -qm 'Add the images'")
    shell.run("lance-lint -q --fail-on info images.lance && echo green")
    text = "\n".join(shell.shown)
    text = text.replace(str(scratch), "").replace("/repository/", "")
    # How long it took differs from run to run.
    return re.sub(r"( in \d+ requests?) · .*", r"\1", text)


def main():
    wheel = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        text = transcript(wheel, Path(scratch).resolve())
    page = ROOT / "docs/quickstart.md"
    known = page.read_text()
    before, rest = known.split(OPEN)
    _, after = rest.split(CLOSE)
    wanted = f"{before}{OPEN}```text\n{text}\n```\n{CLOSE}{after}"
    if "--bless" in sys.argv:
        page.write_text(wanted)
    elif known != wanted:
        sys.exit(f"docs/quickstart.md does not show this transcript:\n{text}")


if __name__ == "__main__":
    main()
