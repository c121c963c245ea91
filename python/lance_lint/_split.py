"""Cutting a dataset into ranges of fragments."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, Union

from ._check import PathLike, check, run, selection_arguments, sentence
from ._errors import LanceLintError
from ._report import Report


@dataclass(frozen=True)
class Unit:
    """Some fragments of one version of a dataset: what one worker checks."""

    path: str
    version: int
    branch: Optional[str]
    fragments: range
    """The ids; not all that are between the first and the last need be there."""
    count: int
    """How many fragments these are."""

    def check(
        self,
        *,
        columns: Union[str, Sequence[str]] = (),
        storage_options: Optional[Mapping[str, str]] = None,
        extra_args: Sequence[str] = (),
        timeout: Optional[float] = None,
    ) -> Report:
        """Checks these fragments, as :func:`lance_lint.check` does."""
        return check(
            self.path,
            version=self.version,
            branch=self.branch,
            fragments=self.fragments,
            columns=columns,
            storage_options=storage_options,
            extra_args=extra_args,
            timeout=timeout,
        )


def split(
    path: PathLike,
    into: int,
    *,
    version: Optional[int] = None,
    tag: Optional[str] = None,
    branch: Optional[str] = None,
    storage_options: Optional[Mapping[str, str]] = None,
    extra_args: Sequence[str] = (),
    timeout: Optional[float] = None,
) -> list[Unit]:
    """Cuts a dataset into units of about as many fragments each, to be checked beside each other.

    The version is pinned: commits that come meanwhile change nothing. Reads the manifest alone.
    :func:`lance_lint.merge` joins the reports.

    Args:
        path: A dataset.
        into: How many units; where there are fewer fragments, these are fewer.
        version: The version of the dataset; the latest by default.
        tag: The version that this tag names.
        branch: A branch, at its latest version or at ``version``.
        storage_options: As for :func:`lance_lint.check`. The units do not keep them, since they
            may be written down on their way: give them to :meth:`Unit.check` again.
        extra_args: Further arguments of ``lance-lint split``.
        timeout: Seconds after which the program is stopped.

    Raises:
        LanceLintError: The dataset or its version does not exist or cannot be read.
    """
    arguments = ["split", "--format", "json", "--into", str(into)]
    arguments += [*selection_arguments(version, tag, branch), *extra_args, "--", os.fspath(path)]
    done = run(arguments, timeout, storage_options)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise LanceLintError(sentence(said, done.returncode))
    document = json.loads(done.stdout)
    return [
        Unit(
            path=document["path"],
            version=document["version"],
            branch=document["branch"],
            fragments=range(unit["start"], unit["end"]),
            count=unit["fragments"],
        )
        for unit in document["units"]
    ]
