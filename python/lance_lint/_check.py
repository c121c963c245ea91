"""Running the program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional, Union

from ._binary import find_binary
from ._errors import LanceLintError
from ._report import Report, Severity

PathLike = Union[str, "os.PathLike[str]"]

# Windows takes 32,767 characters of arguments, macOS 1 MiB of arguments and environment.
_ARGUMENTS_LIMIT = 20_000 if os.name == "nt" else 500_000


def check(
    paths: Union[PathLike, Iterable[PathLike]],
    *,
    version: Optional[int] = None,
    tag: Optional[str] = None,
    branch: Optional[str] = None,
    columns: Union[str, Sequence[str]] = (),
    fragments: Union[int, Sequence[int]] = (),
    all_versions: bool = False,
    readers: Union[str, Sequence[str]] = (),
    decode: bool = False,
    fail_on: Optional[Severity] = None,
    config: Optional[PathLike] = None,
    extra_args: Sequence[str] = (),
    timeout: Optional[float] = None,
) -> Report:
    """Checks datasets, files of datasets, or data files by themselves.

    A file of a dataset stands for that part of it, so that the workers of a distributed job can
    each check the files that they wrote. Several paths of one dataset are one check.

    Args:
        paths: One path or several; ``file://`` URLs too.
        version: The version of the dataset; the latest by default.
        tag: The version that this tag names.
        branch: A branch, at its latest version or at ``version``.
        columns: Only these columns and what is below them, such as ``meta.caption``.
        fragments: Only these fragments.
        all_versions: Every version that still has a manifest.
        readers: Releases of Lance that must be able to read it, such as ``0.32.1``.
        decode: Also read every page through Lance's own decoder. Not every build can.
        fail_on: The least severity that fails. ``None`` is ``"error"``, unless a configuration
            file says otherwise.
        config: A configuration file.
        extra_args: Further arguments of the program, as on its command line.
        timeout: Seconds after which the program is stopped. More paths than fit a command line
            are several runs, each of which may take as long.

    Raises:
        LanceLintError: The check could not be made. That a dataset is damaged is no such error,
            but a finding of the report.
    """
    arguments = ["--format", "json"]
    if version is not None:
        arguments += ["--version", str(version)]
    if tag is not None:
        arguments.append(f"--tag={tag}")
    if branch is not None:
        arguments.append(f"--branch={branch}")
    arguments += [f"--column={column}" for column in _several(columns)]
    for fragment in [fragments] if isinstance(fragments, int) else fragments:
        arguments += ["--fragment", str(fragment)]
    if all_versions:
        arguments.append("--all-versions")
    arguments += [f"--reader={reader}" for reader in _several(readers)]
    if decode:
        arguments.append("--decode")
    if fail_on is not None:
        arguments.append(f"--fail-on={fail_on}")
    if config is not None:
        arguments.append(f"--config={os.fspath(config)}")
    arguments += extra_args
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    given = [os.fspath(path) for path in paths]
    if not given:
        raise LanceLintError("no path was given")
    reports = [_run([*arguments, "--", *some], timeout) for some in _commands(given)]
    return reports[0] if len(reports) == 1 else Report.merge(reports)


def _several(values: Union[str, Sequence[str]]) -> Sequence[str]:
    return [values] if isinstance(values, str) else values


def _commands(paths: list[str]) -> Iterator[list[str]]:
    """The paths, as many at a time as fit a command line."""
    some: list[str] = []
    length = 0
    for path in paths:
        # Windows puts quotes and a space around it.
        needed = len(os.fsencode(path)) + 3
        if some and length + needed > _ARGUMENTS_LIMIT:
            yield some
            some, length = [], 0
        some.append(path)
        length += needed
    yield some


def _run(arguments: list[str], timeout: Optional[float]) -> Report:
    try:
        run = subprocess.run(
            [find_binary(), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise LanceLintError(f"lance-lint was stopped after {timeout:g} seconds") from None
    except OSError as error:
        raise LanceLintError(f"lance-lint cannot be run: {error}") from error
    said = run.stderr.decode("utf-8", "replace").strip()
    if run.returncode not in (0, 1):
        partial = Report.from_json(run.stdout) if run.stdout.startswith(b"{") else None
        raise LanceLintError(_sentence(said, run.returncode), partial)
    try:
        return Report.from_json(run.stdout, ok=run.returncode == 0)
    except ValueError as error:
        raise LanceLintError(
            f"lance-lint printed something else than its report: {error}"
        ) from None


def _sentence(said: str, status: int) -> str:
    if status == 2 and said:
        return said.removeprefix("lance-lint: ")
    ended = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"lance-lint ended {ended}" + (f": {said}" if said else "")
