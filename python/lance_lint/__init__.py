"""A linter for Lance datasets: finds data that readers crash on or silently misread.

>>> import lance_lint
>>> report = lance_lint.check("images.lance")
>>> report.raise_if_failed()

The work is done by the program ``lance-lint``, which comes in the same package.
"""

from importlib.metadata import PackageNotFoundError, version

from ._binary import find_binary
from ._check import check, merge
from ._errors import LanceLintError, LanceLintFailed
from ._report import (
    ByteRange,
    Column,
    Finding,
    Ignored,
    Location,
    Reader,
    Report,
    Severity,
    Since,
    Stored,
    Subject,
    Summary,
)
from ._split import Unit, split

try:
    __version__ = version("lance-lint")
except PackageNotFoundError:  # the folder is on the path, and nothing is installed
    __version__ = "0"

__all__ = [
    "ByteRange",
    "Column",
    "Finding",
    "Ignored",
    "LanceLintError",
    "LanceLintFailed",
    "Location",
    "Reader",
    "Report",
    "Severity",
    "Since",
    "Stored",
    "Subject",
    "Summary",
    "Unit",
    "check",
    "find_binary",
    "merge",
    "split",
]
