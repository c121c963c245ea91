"""The pre-commit hook: ``python -m lance_lint.pre_commit [OPTION]... [FILE]...``.

pre-commit names the files that a commit adds or changes, and none of those that it deletes. A
deleted data file breaks the dataset that names it, so this asks git for them, and checks their
datasets too.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ._binary import find_binary
from ._errors import LanceLintError

_FOLDERS = {"_deletions", "_indices", "_refs", "_transactions", "_versions", "data"}


def main(arguments: list[str]) -> int:
    """Checks the files and datasets, and returns the exit status."""
    paths = [given for given in arguments if not given.startswith("-") and os.path.lexists(given)]
    options = [given for given in arguments if given not in paths]
    try:
        paths += sorted({root for path in _deleted() if (root := _still_there(path)) is not None})
        if not paths:
            return 0
        command = [find_binary(), "--no-table", *options, "--", *paths]
    except (LanceLintError, OSError, subprocess.CalledProcessError) as error:
        print(f"lance-lint: {error}", file=sys.stderr)
        return 2
    return subprocess.run(command, check=False).returncode


def _deleted() -> list[str]:
    """The files that the commit deletes, or that were deleted between the two refs of a push."""
    start, end = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    what = [f"{start}...{end}"] if start and end else ["--cached"]
    return _git("diff", "--name-only", "--no-renames", "--diff-filter=D", "-z", *what, "--")


def _still_there(deleted: str) -> "str | None":
    """The dataset that a deleted file was of, when the repository still has something of it."""
    for root in _roots(deleted):
        if _is_dataset(root) and _git("ls-files", "-z", "--", str(root)):
            return str(root)
    return None


def _roots(deleted: str) -> Iterator[Path]:
    """Where the dataset of a file may be, the nearest folder first."""
    path = Path(deleted)
    if path.name == "_latest.manifest":
        yield path.parent
    for folder in path.parents:
        if folder.name in _FOLDERS:
            yield folder.parent


def _is_dataset(root: Path) -> bool:
    return (
        (root / "_versions").is_dir()
        or (root / "_latest.manifest").is_file()
        or any((root / "data").glob("*.lance"))
    )


def _git(*arguments: str) -> list[str]:
    run = subprocess.run(
        ["git", "--literal-pathspecs", *arguments], stdout=subprocess.PIPE, check=True
    )
    return [os.fsdecode(path) for path in run.stdout.split(b"\0") if path]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
