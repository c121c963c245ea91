"""Making one document of several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]

_RANK = {"error": 0, "warning": 1, "info": 2}
_PLACES = 3
"""Places that a finding names; the program names as many."""


def documents(parts: Sequence[Any]) -> Document:
    """All findings and subjects of the parts, faults that several parts name counted as one."""
    findings = _findings([finding for part in parts for finding in part["findings"]])
    severities = [finding["severity"] for finding in findings]
    return {
        **parts[0],
        "summary": {
            "errors": severities.count("error"),
            "warnings": severities.count("warning"),
            "infos": severities.count("info"),
            **{
                key: sum(part["summary"][key] for part in parts)
                for key in ("bytes", "bytes_read", "requests")
            },
        },
        "findings": findings,
        "subjects": [subject for part in parts for subject in part["subjects"]],
    }


def _findings(all_findings: list[Document]) -> list[Document]:
    faults: dict[str, list[Document]] = {}
    for finding in all_findings:
        faults.setdefault(_fault(finding), []).append(finding)
    merged = [_one(same) for same in faults.values()]
    return sorted(merged, key=lambda finding: _RANK.get(finding["severity"], len(_RANK)))


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
