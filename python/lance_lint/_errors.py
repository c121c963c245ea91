"""What can go wrong: the check could not be made, or it found something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ._report import Report


class LanceLintError(Exception):
    """The check could not be made: no such path, not a Lance dataset, no permission, bad usage.

    Its text is what the program said. ``report`` is what could be checked all the same, when
    there was something.
    """

    def __init__(self, message: str, report: Optional[Report] = None) -> None:
        """Takes what the program said, and what came of the paths that could be checked."""
        super().__init__(message, report)
        self.message = message
        self.report = report

    def __str__(self) -> str:
        """What the program said."""
        return self.message


class LanceLintFailed(Exception):
    """A check found something at or above the severity that fails; ``report`` says what."""

    def __init__(self, report: Report) -> None:
        """Takes the report that failed."""
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        """The findings, as text."""
        return str(self.report)
