"""What a check came to, as objects over the JSON document that the program prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Optional, Union

from . import _merge, _render
from ._errors import LanceLintFailed

Severity = Literal["error", "warning", "info"]

SCHEMA_VERSION = 1
"""The version of the program's document that this module reads."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes of a file, the end excluded."""

    start: int
    end: int


@dataclass(frozen=True)
class Location:
    """Where a finding is; what does not apply is ``None``."""

    subject: str
    """The path of the dataset or standalone file."""
    dataset: Optional[str]
    """The path of the dataset; ``None`` for a standalone file."""
    version: Optional[int]
    fragment: Optional[int]
    file: Optional[str]
    """The file, below the dataset's root or as a full path."""
    column: Optional[str]
    """The path of the field."""
    column_index: Optional[int]
    """The physical column."""
    page: Optional[int]
    byte_range: Optional[ByteRange]
    detail: Optional[str]
    """What is particular to this place."""

    def __str__(self) -> str:
        """The place in one line."""
        return _render.location(self)

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Location:
        span = document.get("byte_range")
        return cls(
            subject=document["subject"],
            dataset=document.get("dataset"),
            version=document.get("version"),
            fragment=document.get("fragment"),
            file=document.get("file"),
            column=document.get("column"),
            column_index=document.get("column_index"),
            page=document.get("page"),
            byte_range=None if span is None else ByteRange(span["start"], span["end"]),
            detail=document.get("detail"),
        )


@dataclass(frozen=True)
class Reader:
    """What a reader does with the data."""

    call: str
    effect: str
    """What the call does, with the message that a user sees."""


@dataclass(frozen=True)
class Since:
    """In which versions a fault is; only when all versions were checked."""

    version: int
    """The first that still has a manifest."""
    branch: Optional[str]
    writer: Optional[str]
    operation: Optional[str]
    versions: int
    """How many versions have it."""
    in_latest: bool

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Since:
        return cls(
            version=document["version"],
            branch=document.get("branch"),
            writer=document.get("writer"),
            operation=document.get("operation"),
            versions=document["versions"],
            in_latest=document["in_latest"],
        )


@dataclass(frozen=True)
class Finding:
    """One fault, wherever it occurs."""

    rule: str
    severity: Severity
    message: str
    location: Location
    """The first place."""
    more_locations: tuple[Location, ...]
    """Further places, the first few."""
    count: int
    """All places."""
    fragments: int
    """Fragments among them."""
    expected: Optional[str]
    found: Optional[str]
    readers: tuple[Reader, ...]
    cause: Optional[str]
    since: Optional[Since]
    help: tuple[str, ...]
    """Ways to fix it; lines after the first are code."""

    @property
    def column(self) -> Optional[str]:
        """The path of the column."""
        return self.location.column

    def __str__(self) -> str:
        """The finding as text."""
        return _render.finding(self)

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Finding:
        since = document.get("since")
        return cls(
            rule=document["rule"],
            severity=document["severity"],
            message=document["message"],
            location=Location._from(document["location"]),
            more_locations=tuple(map(Location._from, document.get("more_locations", ()))),
            count=document["count"],
            fragments=document["fragments"],
            expected=document.get("expected"),
            found=document.get("found"),
            readers=tuple(
                Reader(reader["call"], reader["effect"]) for reader in document.get("readers", ())
            ),
            cause=document.get("cause"),
            since=None if since is None else Since._from(since),
            help=tuple(document.get("help", ())),
        )


@dataclass(frozen=True)
class Ignored:
    """A finding that someone said is to be ignored."""

    by: str
    """Who said so: a line of a configuration, a key of the column's metadata, a baseline."""
    reason: Optional[str]
    """Why, when they said."""
    finding: Finding


@dataclass(frozen=True)
class Stored:
    """One way in which a column is stored."""

    file_version: str
    fragments: int
    pages: int
    rows: int
    bytes: int
    notation: str


@dataclass(frozen=True)
class Column:
    """A field of the schema and how it is stored."""

    path: str
    name: str
    id: int
    depth: int
    logical_type: str
    nullable: bool
    requested: Mapping[str, str]
    """The encoding keys of its metadata."""
    pages: int
    bytes: int
    stored: tuple[Stored, ...]
    """The ways in which it is stored, the most pages first."""
    rules: tuple[str, ...]
    """The rules that found something."""

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Column:
        return cls(
            path=document["path"],
            name=document["name"],
            id=document["id"],
            depth=document["depth"],
            logical_type=document["logical_type"],
            nullable=document["nullable"],
            requested=dict(document["requested"]),
            pages=document["pages"],
            bytes=document["bytes"],
            stored=tuple(
                Stored(
                    file_version=stored["file_version"],
                    fragments=stored["fragments"],
                    pages=stored["pages"],
                    rows=stored["rows"],
                    bytes=stored["bytes"],
                    notation=stored["notation"],
                )
                for stored in document["encodings"]
            ),
            rules=tuple(document.get("rules", ())),
        )


@dataclass(frozen=True)
class Subject:
    """A dataset or file that was checked."""

    path: str
    kind: str
    """``dataset``, ``unreadable_dataset`` (one without a readable manifest) or ``file``."""
    version: Optional[int]
    branch: Optional[str]
    writer: Optional[str]
    """Who wrote the manifest."""
    opens_since: Optional[str]
    """The oldest Lance release that opens it."""
    reads_since: Optional[str]
    """The oldest Lance release that reads all of it."""
    fragments: int
    data_files: int
    physical_rows: int
    """Rows, deleted ones included."""
    deleted_rows: int
    bytes: int
    bytes_outside_columns: int
    """Bytes of data files that are neither metadata nor in the pages of a column."""
    file_versions: Mapping[str, int]
    notes: tuple[str, ...]
    """What was left out or done otherwise than asked."""
    columns: tuple[Column, ...]
    """The fields of the schema, depth first."""

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Subject:
        dataset = document.get("dataset") or {}
        releases = dataset.get("readers") or {}
        return cls(
            path=document["path"],
            kind=document["kind"],
            version=dataset.get("version"),
            branch=dataset.get("branch"),
            writer=dataset.get("writer"),
            opens_since=releases.get("opens_since"),
            reads_since=releases.get("reads_since"),
            fragments=document["fragments"],
            data_files=document["data_files"],
            physical_rows=document["physical_rows"],
            deleted_rows=document["deleted_rows"],
            bytes=document["bytes"],
            bytes_outside_columns=document["bytes_outside_columns"],
            file_versions=dict(document["file_versions"]),
            notes=tuple(document.get("notes", ())),
            columns=tuple(map(Column._from, document["columns"])),
        )


@dataclass(frozen=True)
class Summary:
    """Counts and costs of a run."""

    errors: int
    warnings: int
    infos: int
    bytes: int
    """Bytes of everything that was looked at."""
    bytes_read: int
    requests: int


@dataclass(frozen=True, repr=False)
class Report:
    """What a check came to. It can be pickled, so workers can return it."""

    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...]
    """Findings that a configuration, a column's metadata or a baseline says are to be ignored."""
    subjects: tuple[Subject, ...]
    summary: Summary
    notes: tuple[str, ...]
    """What is to be said of the run as a whole."""
    ok: bool
    """Whether nothing was found at or above the severity that fails."""
    document: Mapping[str, Any] = field(compare=False)
    """The whole of the program's JSON document, as ``docs/report.schema.json`` describes it."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity error: a reader fails or returns wrong data."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings of severity warning: it reads today, and is likely to hurt."""
        return self._of("warning")

    @property
    def infos(self) -> tuple[Finding, ...]:
        """The findings of severity info."""
        return self._of("info")

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == severity)

    def raise_if_failed(self) -> Report:
        """Returns this very report when it is ``ok``.

        Raises:
            LanceLintFailed: It is not.
        """
        if not self.ok:
            raise LanceLintFailed(self)
        return self

    def to_json(self) -> str:
        """The report as JSON, which :meth:`from_json` takes."""
        return json.dumps({**self.document, "ok": self.ok}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: Union[str, bytes], *, ok: Optional[bool] = None) -> Report:
        """Takes what :meth:`to_json` or ``lance-lint --format json`` gave.

        Args:
            text: The JSON document.
            ok: Whether the check succeeded. ``None`` takes it from the document, and when that
                does not say, as the program's own does not, from there being no error.

        Raises:
            ValueError: It is no such document.
        """
        document = json.loads(text)
        if not isinstance(document, dict) or "schema_version" not in document:
            raise ValueError("not a report of lance-lint")
        found = document["schema_version"]
        if found != SCHEMA_VERSION:
            raise ValueError(
                f"a report of schema version {found}, and this module reads {SCHEMA_VERSION}"
            )
        return cls._from(document, ok)

    @classmethod
    def merge(cls, reports: Iterable[Report]) -> Report:
        """One report of many, such as those that workers made of one file each.

        A fault that several of them found is one finding again, with all its places counted. What
        only a dataset as a whole shows is in none of them; :func:`lance_lint.merge`, for reports of
        ranges of fragments, finds that too.
        """
        reports = list(reports)
        if not reports:
            raise ValueError("there is no report to merge")
        document = _merge.documents([report.document for report in reports])
        return cls._from(document, all(report.ok for report in reports))

    @classmethod
    def _from(cls, document: dict[str, Any], ok: Optional[bool]) -> Report:
        said = document.pop("ok", None)
        try:
            counts = document["summary"]
            summary = Summary(
                errors=counts["errors"],
                warnings=counts["warnings"],
                infos=counts["infos"],
                bytes=counts["bytes"],
                bytes_read=counts["bytes_read"],
                requests=counts["requests"],
            )
            if ok is None:
                ok = summary.errors == 0 if said is None else bool(said)
            return cls(
                findings=tuple(map(Finding._from, document["findings"])),
                ignored=tuple(
                    Ignored(entry["by"], entry.get("reason"), Finding._from(entry["finding"]))
                    for entry in document.get("ignored", ())
                ),
                subjects=tuple(map(Subject._from, document["subjects"])),
                summary=summary,
                notes=tuple(document.get("notes", ())),
                ok=ok,
                document=document,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a report of lance-lint: {error!r}") from error

    def __str__(self) -> str:
        """The findings as text, and a line that sums them up."""
        return _render.report(self)

    def __repr__(self) -> str:
        """The report in one line, as pytest shows it below ``assert report.ok``."""
        return _render.short(self)

    def _repr_html_(self) -> str:
        """The report as notebooks show it."""
        return _render.html(self)
