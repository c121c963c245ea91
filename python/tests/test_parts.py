"""Checks of ranges of fragments, joined."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lance_lint
from lance_lint import LanceLintError, Report, Unit

THREE = "blob-plain-three-fragments-2.0"


@pytest.fixture
def three(testdata: Path) -> Path:
    """Three fragments, with ids 3, 4 and 5."""
    return testdata / "broken" / THREE


def test_units_checked_beside_each_other_are_one_check(three: Path) -> None:
    units = lance_lint.split(three, 2)
    assert [(unit.fragments, unit.count) for unit in units] == [(range(3, 4), 1), (range(4, 6), 2)]
    assert all(unit.version == 2 and unit.branch is None for unit in units)
    assert pickle.loads(pickle.dumps(units)) == units
    with ThreadPoolExecutor() as pool:
        reports = list(pool.map(Unit.check, reversed(units)))
    whole = lance_lint.check(three, version=2)
    merged = lance_lint.merge(reports)
    assert merged == whole
    assert json.dumps(merged.document) == json.dumps(whole.document)
    # As they come from workers.
    texts = [report.to_json() for report in reports]
    assert lance_lint.merge(map(Report.from_json, texts)) == whole


def test_ranges_may_be_empty_and_single_fragments_must_be_there(three: Path) -> None:
    fragments = [
        (range(3, 5), 2),
        (range(4, 100), 2),
        (range(0), 0),
        (range(7, 7), 0),
        (range(3, 6, 2), 2),
        (range(6, 6, 2), 0),
        (4, 1),
        ([3, 5], 2),
        ([3, range(4, 6)], 3),
        ((), 3),
    ]
    for chosen, count in fragments:
        [subject] = lance_lint.check(three, fragments=chosen).subjects  # type: ignore[arg-type]
        assert subject.fragments == count, chosen
    with pytest.raises(LanceLintError, match="has no fragment 0"):
        lance_lint.check(three, fragments=[0, 1])


def test_parts_that_do_not_go_together_are_refused(three: Path) -> None:
    first, second = (unit.check() for unit in lance_lint.split(three, 2))
    with pytest.raises(LanceLintError, match=r"lack fragments 4\.\.6"):
        lance_lint.merge([first])
    with pytest.raises(LanceLintError, match=r"both hold fragments 3\.\.4"):
        lance_lint.merge([first, second, first])
    with pytest.raises(LanceLintError, match="holds no parts"):
        lance_lint.merge([lance_lint.check(three)])
    with pytest.raises(LanceLintError, match="no report"):
        lance_lint.merge([])
    partial = lance_lint.merge([first], partial=True)
    assert partial.subjects[0].fragments == 1
    assert "1 of 3 fragments" in partial.subjects[0].notes[0]


def test_what_fails_is_decided_where_parts_are_joined(three: Path) -> None:
    parts = [unit.check(extra_args=["--exit-zero"]) for unit in lance_lint.split(three, 3)]
    assert all(part.ok for part in parts)
    assert not lance_lint.merge(parts).ok
    ignoring = lance_lint.merge(parts, extra_args=["--ignore=blob-stored-plain"])
    assert ignoring.ok
    assert len(ignoring.ignored) == 1


def test_a_sample_says_what_share_it_is(three: Path) -> None:
    for size in (2, 0.66, "66%"):
        report = lance_lint.check(three, sample=size, seed=1)
        [subject] = report.subjects
        assert subject.fragments == 2
        assert "2 of 3 fragments (66.7 %), a sample with seed 1" in subject.notes[0]
    with pytest.raises(LanceLintError, match="write a number of fragments"):
        lance_lint.check(three, sample=1.5)


def test_what_cannot_be_split_is_an_error(three: Path) -> None:
    with pytest.raises(LanceLintError, match="version 7"):
        lance_lint.split(three, 2, version=7)
    with pytest.raises(LanceLintError, match="nothing-here does not exist"):
        lance_lint.split("nothing-here", 2)
    with pytest.raises(LanceLintError):
        lance_lint.split(three, 0)


def test_reports_of_several_commands_keep_their_parts(three: Path, testdata: Path) -> None:
    other = testdata / "broken" / "blob-mixed-fragments-2.0"
    both = [lance_lint.check(path, fragments=range(100)) for path in (three, other)]
    merged = lance_lint.merge([Report.merge(both)])
    assert merged == lance_lint.check([three, other])
