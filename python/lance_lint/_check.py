"""Running the program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional, Union

from ._binary import find_binary
from ._errors import LanceLintError
from ._report import Report, Severity

PathLike = Union[str, "os.PathLike[str]"]
Fragments = Union[int, range, Sequence[Union[int, range]]]

# Windows takes 32,767 characters of arguments, macOS 1 MiB of arguments and environment.
_ARGUMENTS_LIMIT = 20_000 if os.name == "nt" else 500_000


def check(
    paths: Union[PathLike, Iterable[PathLike]],
    *,
    version: Optional[int] = None,
    tag: Optional[str] = None,
    branch: Optional[str] = None,
    columns: Union[str, Sequence[str]] = (),
    fragments: Fragments = (),
    sample: Union[int, float, str, None] = None,
    seed: int = 0,
    all_versions: bool = False,
    readers: Union[str, Sequence[str]] = (),
    decode: bool = False,
    fail_on: Optional[Severity] = None,
    config: Optional[PathLike] = None,
    storage_options: Optional[Mapping[str, str]] = None,
    extra_args: Sequence[str] = (),
    timeout: Optional[float] = None,
) -> Report:
    """Checks datasets, files of datasets, or data files by themselves.

    A file of a dataset stands for that part of it, so that the workers of a distributed job can
    each check the files that they wrote. Several paths of one dataset are one check.

    Args:
        paths: One path or several, or URLs such as ``s3://bucket/images.lance``.
        version: The version of the dataset; the latest by default.
        tag: The version that this tag names.
        branch: A branch, at its latest version or at ``version``.
        columns: Only these columns and what is below them, such as ``meta.caption``.
        fragments: Only these fragments. A ``range`` is one of ids, and may hold none that there is;
            a single id must be there. What such a check reports can be joined: :func:`merge`.
        sample: Only so many fragments (``500``), or so much of them (``0.05``, ``"5%"``), spread
            over all that would be looked at.
        seed: What the choice of ``sample`` depends on.
        all_versions: Every version that still has a manifest.
        readers: Releases of Lance that must be able to read it, such as ``0.32.1``.
        decode: Also read every page through Lance's own decoder. Not every build can.
        fail_on: The least severity that fails. ``None`` is ``"error"``, unless a configuration
            file says otherwise.
        config: A configuration file.
        storage_options: Options of the object store, as Lance takes them. They reach the program
            through its environment, where no list of processes shows them.
        extra_args: Further arguments of the program, as on its command line.
        timeout: Seconds after which the program is stopped. More paths than fit a command line
            are several runs, each of which may take as long.

    Raises:
        LanceLintError: The check could not be made. That a dataset is damaged is no such error,
            but a finding of the report.
    """
    arguments = ["--format", "json", *selection_arguments(version, tag, branch)]
    arguments += [f"--column={column}" for column in _several(columns)]
    arguments += _fragment_arguments(fragments)
    if sample is not None:
        arguments += [f"--sample={_size(sample)}", f"--seed={seed}"]
    if all_versions:
        arguments.append("--all-versions")
    arguments += [f"--reader={reader}" for reader in _several(readers)]
    if decode:
        arguments.append("--decode")
    arguments += _policy_arguments(fail_on, config)
    arguments += extra_args
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    given = [os.fspath(path) for path in paths]
    if not given:
        raise LanceLintError("no path was given")
    reports = [
        _report([*arguments, "--", *some], timeout, storage_options) for some in _commands(given)
    ]
    return reports[0] if len(reports) == 1 else Report.merge(reports)


def merge(
    reports: Iterable[Report],
    *,
    partial: bool = False,
    fail_on: Optional[Severity] = None,
    config: Optional[PathLike] = None,
    storage_options: Optional[Mapping[str, str]] = None,
    extra_args: Sequence[str] = (),
    timeout: Optional[float] = None,
) -> Report:
    """Joins the reports of ranges of fragments into the report of one check of all of them.

    What comes out is what :func:`check` reports without ``fragments``, whatever the order of the
    reports. The manifest of the dataset is read again, and no data file.

    Args:
        reports: What :func:`check` gave with ``fragments``, of one dataset or of several.
        partial: Whether fragments may be missing.
        fail_on: As for :func:`check`.
        config: As for :func:`check`.
        storage_options: As for :func:`check`.
        extra_args: Further arguments of ``lance-lint merge``.
        timeout: Seconds after which the program is stopped.

    Raises:
        LanceLintError: The reports do not go together, or fragments are in none of them.
    """
    documents = [report.to_json().encode() for report in reports]
    if not documents:
        raise LanceLintError("there is no report to merge")
    arguments = ["merge", "--format", "json", *_policy_arguments(fail_on, config), *extra_args]
    if partial:
        arguments.append("--partial")
    return _report([*arguments, "--", "-"], timeout, storage_options, b"\n".join(documents))


def selection_arguments(
    version: Optional[int], tag: Optional[str], branch: Optional[str]
) -> list[str]:
    """The arguments that choose a snapshot."""
    arguments = []
    if version is not None:
        arguments += ["--version", str(version)]
    if tag is not None:
        arguments.append(f"--tag={tag}")
    if branch is not None:
        arguments.append(f"--branch={branch}")
    return arguments


def _policy_arguments(fail_on: Optional[Severity], config: Optional[PathLike]) -> list[str]:
    arguments = []
    if fail_on is not None:
        arguments.append(f"--fail-on={fail_on}")
    if config is not None:
        arguments.append(f"--config={os.fspath(config)}")
    return arguments


def _fragment_arguments(fragments: Fragments) -> Iterator[str]:
    for some in [fragments] if isinstance(fragments, (int, range)) else fragments:
        if isinstance(some, int):
            yield f"--fragment={some}"
        elif some.step == 1 or not some:
            yield f"--fragments={some.start}..{max(some.start, some.stop)}"
        else:
            yield from (f"--fragment={one}" for one in some)


def _size(sample: Union[int, float, str]) -> str:
    # The program tells a share from a number by its point.
    return f"{sample:.17f}" if isinstance(sample, float) else str(sample)


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


def run(
    arguments: list[str],
    timeout: Optional[float],
    storage_options: Optional[Mapping[str, str]] = None,
    given: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Runs the program; ``given`` is its standard input."""
    try:
        return subprocess.run(
            [find_binary(), *arguments],
            input=given,
            capture_output=True,
            check=False,
            timeout=timeout,
            env=_environment(storage_options),
        )
    except subprocess.TimeoutExpired:
        raise LanceLintError(f"lance-lint was stopped after {timeout:g} seconds") from None
    except OSError as error:
        raise LanceLintError(f"lance-lint cannot be run: {error}") from error


def _environment(storage_options: Optional[Mapping[str, str]]) -> Optional[dict[str, str]]:
    """That of the program, where it is not this one's."""
    if not storage_options:
        return None
    options = [f"{key}={value}" for key, value in storage_options.items()]
    for key, option in zip(storage_options, options):
        if "\n" in option:
            raise LanceLintError(f"storage option {key!r} has a line break")
    return {**os.environ, "LANCE_LINT_STORAGE_OPTION": "\n".join(options)}


def _report(
    arguments: list[str],
    timeout: Optional[float],
    storage_options: Optional[Mapping[str, str]] = None,
    given: bytes = b"",
) -> Report:
    done = run(arguments, timeout, storage_options, given)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode not in (0, 1):
        partial = Report.from_json(done.stdout) if done.stdout.startswith(b"{") else None
        raise LanceLintError(sentence(said, done.returncode), partial)
    try:
        return Report.from_json(done.stdout, ok=done.returncode == 0)
    except ValueError as error:
        raise LanceLintError(
            f"lance-lint printed something else than its report: {error}"
        ) from None


def sentence(said: str, status: int) -> str:
    """What went wrong, going by what the program said and its exit status."""
    if status == 2 and said:
        return said.removeprefix("lance-lint: ")
    ended = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"lance-lint ended {ended}" + (f": {said}" if said else "")
