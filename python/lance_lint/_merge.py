"""Making one document of several."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]

_RANK = {"error": 0, "warning": 1, "info": 2}
_PLACES = 3
"""Places that a finding names; the program names as many."""


def documents(parts: Sequence[Any]) -> Document:
    """All findings and subjects of the parts, faults that several parts name counted as one."""
    findings = _findings([finding for part in parts for finding in part["findings"]])
    ignored = _ignored([entry for part in parts for entry in part.get("ignored", ())])
    severities = Counter(finding["severity"] for finding in findings)
    summary = {
        **parts[0]["summary"],
        "errors": severities["error"],
        "warnings": severities["warning"],
        "infos": severities["info"],
        "ignored": len(ignored),
        "by_rule": dict(sorted(Counter(finding["rule"] for finding in findings).items())),
    }
    for key in ("bytes", "bytes_read", "requests"):
        summary[key] = sum(part["summary"][key] for part in parts)
    decoded = [part["summary"]["decoded"] for part in parts if part["summary"].get("decoded")]
    if decoded:
        summary["decoded"] = {key: sum(one[key] for one in decoded) for key in decoded[0]}
    # What `lance_lint.merge` needs of each subject, where fragments were chosen.
    kept = [kept for part in parts for kept in part.get("parts", ())]
    return {
        **parts[0],
        "summary": summary,
        "findings": findings,
        "ignored": ignored,
        "subjects": [subject for part in parts for subject in part["subjects"]],
        "notes": list(dict.fromkeys(note for part in parts for note in part.get("notes", ()))),
        **({"parts": kept} if kept else {}),
    }


def _findings(all_findings: list[Document]) -> list[Document]:
    faults: dict[str, list[Document]] = {}
    for finding in all_findings:
        faults.setdefault(_fault(finding), []).append(finding)
    merged = [_one(same) for same in faults.values()]
    return sorted(merged, key=lambda finding: _RANK.get(finding["severity"], len(_RANK)))


def _ignored(entries: list[Document]) -> list[Document]:
    faults: dict[str, list[Document]] = {}
    for entry in entries:
        key = json.dumps([entry["by"], entry.get("reason"), _fault(entry["finding"])])
        faults.setdefault(key, []).append(entry)
    return [
        {**same[0], "finding": _one([entry["finding"] for entry in same])}
        for same in faults.values()
    ]


def _fault(finding: Document) -> str:
    """What two findings have in common that are of one fault."""
    place = finding["location"]
    of_place = [place.get(key) for key in ("subject", "version", "column")]
    of_fault = [finding.get(key) for key in ("rule", "severity", "message", "expected", "found")]
    return json.dumps([of_place, of_fault])


def _one(same: list[Document]) -> Document:
    # A fault of the manifest is in the report of every file: at the same places, so counted once.
    distinct = {json.dumps(_places(finding)): finding for finding in same}
    first, *others = distinct.values()
    if not others:
        return first
    places = [place for finding in distinct.values() for place in _places(finding)]
    return {
        **first,
        "more_locations": places[1:_PLACES],
        "count": sum(finding["count"] for finding in distinct.values()),
        "fragments": sum(finding["fragments"] for finding in distinct.values()),
    }


def _places(finding: Document) -> list[Document]:
    return [finding["location"], *finding.get("more_locations", ())]
