"""Reports as text and HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._report import Column, Finding, Location, Report

_MESSAGES = 3
_COLUMNS = 200


def location(place: Location) -> str:
    """The place in one line."""
    parts = [place.subject]
    if place.version is not None:
        parts.append(f"version {place.version}")
    if place.file is not None and place.file != place.subject:
        parts.append(place.file)
    for name, value in (
        ("fragment", place.fragment),
        ("column", place.column_index),
        ("page", place.page),
    ):
        if value is not None:
            parts.append(f"{name} {value}")
    line = ", ".join(parts)
    if place.byte_range is not None:
        line += f" (bytes {place.byte_range.start}..{place.byte_range.end})"
    return f"{line}: {place.detail}" if place.detail else line


def finding(found: Finding) -> str:
    """The finding as text."""
    lines = [f"{found.severity}[{found.rule}]: {found.message}", f"  --> {found.location}"]
    lines += [f"      {place}" for place in found.more_locations]
    unnamed = found.count - 1 - len(found.more_locations)
    if unnamed > 0:
        lines.append(f"      and {_many(unnamed, 'more place')}")
    notes = [("expected", found.expected), ("found", found.found)]
    notes += [("reader", f"{reader.call} {reader.effect}") for reader in found.readers]
    notes.append(("cause", found.cause))
    if found.since is not None:
        notes.append(("since", f"version {found.since.version}"))
    notes += [("help", way) for way in found.help]
    for label, text in notes:
        if text is not None:
            first, *rest = text.splitlines() or [""]
            lines.append(f"   = {label + ':':<9} {first}")
            lines += [f"{'':17}{line}" for line in rest]
    return "\n".join(lines)


def report(whole: Report) -> str:
    """The findings as text, and a line that sums them up."""
    return "\n\n".join([*map(finding, whole.findings), _counts(whole)])


def short(whole: Report) -> str:
    """The report in one line."""
    worst = [f"{found.rule}: {found.message}" for found in whole.findings[:_MESSAGES]]
    if len(whole.findings) > _MESSAGES:
        worst.append("…")
    return f"<lance_lint.Report ok={whole.ok}: {'; '.join([_counts(whole), *worst])}>"


def html(whole: Report) -> str:
    """The report as notebooks show it."""
    findings = "".join(f"<pre>{escape(finding(found))}</pre>" for found in whole.findings)
    return (
        f"<div><b>lance-lint: {'ok' if whole.ok else 'failed'}</b>, {escape(_counts(whole))}"
        f"{findings}{_columns_html(whole)}</div>"
    )


def _columns_html(whole: Report) -> str:
    columns = [column for subject in whole.subjects for column in subject.columns]
    rows = "".join(map(_row, columns[:_COLUMNS]))
    left_out = len(columns) - _COLUMNS
    more = f"<p>and {_many(left_out, 'more column')}</p>" if left_out > 0 else ""
    names = ["column", "type", "requested encoding", "stored as", "bytes", "findings"]
    head = f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"
    return (
        f"<details><summary>{_many(len(columns), 'column')}</summary>"
        f"<table>{head}{rows}</table>{more}</details>"
    )


def _row(column: Column) -> str:
    cells = [
        column.path,
        column.logical_type,
        ", ".join(f"{key} = {value}" for key, value in column.requested.items()),
        ", ".join(stored.notation for stored in column.stored),
        f"{column.bytes:,}",
        ", ".join(column.rules),
    ]
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _counts(whole: Report) -> str:
    numbers = [
        _many(count, noun)
        for count, noun in (
            (whole.summary.errors, "error"),
            (whole.summary.warnings, "warning"),
            (whole.summary.infos, "info"),
        )
        if count
    ]
    if whole.ignored:
        numbers.append(f"{len(whole.ignored):,} ignored")
    paths = list(dict.fromkeys(subject.path for subject in whole.subjects))
    where = paths[0] if len(paths) == 1 else _many(len(paths), "path")
    return f"{', '.join(numbers) or 'no findings'} in {where}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
