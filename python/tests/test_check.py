import json
import multiprocessing
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest

import lance_lint
from lance_lint import LanceLintError, LanceLintFailed, Report

CLEAN = "blob-v1-no-nulls-2.0"


def test_the_daft_dataset_has_one_error(daft_blob: Path) -> None:
    report = lance_lint.check(daft_blob)
    assert not report.ok
    assert report.warnings == report.infos == ()
    [finding] = report.errors
    assert report.findings == (finding,)
    assert finding.rule == "blob-stored-plain"
    assert finding.column == "blob"
    assert finding.location.dataset == str(daft_blob)
    assert finding.location.file is not None
    assert (daft_blob / finding.location.file).is_file()
    assert finding.location.fragment == 0
    assert finding.location.byte_range == lance_lint.ByteRange(0, 82)
    assert any("take_blobs" in reader.call for reader in finding.readers)
    assert any("update_field_metadata" in way for way in finding.help)


def test_columns_say_what_is_asked_for_and_what_is_stored(daft_blob: Path) -> None:
    [subject] = lance_lint.check(str(daft_blob)).subjects
    assert (subject.kind, subject.version, subject.writer) == ("dataset", 1, "lance 0.32.1")
    [column] = subject.columns
    assert column.requested == {"lance-encoding:blob": "true"}
    assert [stored.notation for stored in column.stored] == ["binary(offsets u64, bytes)"]
    assert column.rules == ("blob-stored-plain",)


def test_a_clean_dataset_is_ok(testdata: Path) -> None:
    report = lance_lint.check(testdata / "clean" / CLEAN)
    assert report.ok
    assert report.findings == ()
    assert report.raise_if_failed() is report
    assert "no findings" in str(report)


def test_a_failed_report_raises_with_its_findings(daft_blob: Path) -> None:
    with pytest.raises(LanceLintFailed) as raised:
        lance_lint.check(daft_blob).raise_if_failed()
    text = str(raised.value)
    assert text.startswith("error[blob-stored-plain]: column `blob` is declared a blob")
    assert "= help:" in text
    assert str(daft_blob) in text
    assert text.endswith(f"1 error in {daft_blob}")


def test_the_line_below_an_assertion_names_the_fault(daft_blob: Path) -> None:
    line = repr(lance_lint.check(daft_blob))
    assert "\n" not in line
    assert "ok=False" in line
    assert "blob-stored-plain: column `blob`" in line


def test_a_file_stands_for_its_part_of_the_dataset(daft_blob: Path) -> None:
    [file] = (daft_blob / "data").iterdir()
    [finding] = lance_lint.check(file).findings
    assert finding.rule == "blob-stored-plain"
    assert finding.location.dataset == str(daft_blob)


def test_several_paths_and_several_columns(testdata: Path, daft_blob: Path) -> None:
    report = lance_lint.check([daft_blob, testdata / "clean" / CLEAN], columns="blob")
    assert [Path(subject.path).name for subject in report.subjects] == ["daft-blob.lance", CLEAN]
    assert [column.path for subject in report.subjects for column in subject.columns] == [
        "blob",
        "blob",
    ]


def test_a_version_and_a_release_that_must_read_it(daft_blob: Path) -> None:
    report = lance_lint.check(daft_blob, version=1, fragments=0, readers="0.9.19")
    assert {finding.rule for finding in report.findings} == {"blob-stored-plain", "reader-too-old"}
    with pytest.raises(LanceLintError, match="version 7"):
        lance_lint.check(daft_blob, version=7)


def test_all_versions_say_since_when(testdata: Path) -> None:
    report = lance_lint.check(testdata / "history" / "swapped-later-2.1", all_versions=True)
    since = report.findings[0].since
    assert since is not None
    assert since.version > 1
    assert since.versions >= 1
    assert f"version {since.version}" in str(report)


def test_what_fails_can_be_chosen(testdata: Path) -> None:
    path = testdata / "broken" / "blob-unflagged-2.1"
    report = lance_lint.check(path)
    assert report.warnings
    assert not report.errors
    assert report.ok
    assert not lance_lint.check(path, fail_on="warning").ok
    assert not lance_lint.check(path, extra_args=["--fail-on", "warning"]).ok


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ("nothing-here", "nothing-here does not exist"),
        ("--help", "--help does not exist"),
        ("diff", "diff does not exist"),
        ([], "no path was given"),
    ],
)
def test_what_cannot_be_checked_is_an_error(paths: object, sentence: str) -> None:
    with pytest.raises(LanceLintError, match=f"^{sentence}") as raised:
        lance_lint.check(paths)  # type: ignore[arg-type]
    assert raised.value.report is None
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_an_error_has_the_report_of_the_other_paths(daft_blob: Path) -> None:
    with pytest.raises(LanceLintError, match="nothing-here does not exist") as raised:
        lance_lint.check([daft_blob, "nothing-here"])
    assert raised.value.report is not None
    assert [finding.rule for finding in raised.value.report.findings] == ["blob-stored-plain"]


def test_an_unknown_argument_is_an_error(daft_blob: Path) -> None:
    with pytest.raises(LanceLintError, match="--no-such-thing"):
        lance_lint.check(daft_blob, extra_args=["--no-such-thing"])


def test_another_format_is_an_error(daft_blob: Path) -> None:
    with pytest.raises(LanceLintError):
        lance_lint.check(daft_blob, extra_args=["--help"])


def test_json_and_pickle_keep_everything(testdata: Path, daft_blob: Path) -> None:
    for path in (daft_blob, testdata / "clean" / CLEAN, testdata / "broken" / "blob-plain-2.1"):
        report = lance_lint.check(path, fail_on="info")
        for copy in (Report.from_json(report.to_json()), pickle.loads(pickle.dumps(report))):
            assert copy == report
            assert copy.document == report.document
            assert str(copy) == str(report)


def test_the_programs_own_json_is_taken(daft_blob: Path) -> None:
    printed = subprocess.run(
        [lance_lint.find_binary(), "--format", "json", daft_blob], capture_output=True, check=False
    ).stdout
    assert Report.from_json(printed) == lance_lint.check(daft_blob)


@pytest.mark.parametrize("text", ["[]", "{}", "{", '{"schema_version": 1}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Report.from_json(text)


def test_a_report_of_another_shape_is_refused(daft_blob: Path) -> None:
    text = lance_lint.check(daft_blob).to_json()
    with pytest.raises(ValueError, match="schema version 2"):
        Report.from_json(text.replace('"schema_version": 1', '"schema_version": 2'))


def test_workers_return_reports_that_merge(testdata: Path) -> None:
    dataset = testdata / "broken" / "blob-plain-three-fragments-2.0"
    files = sorted((dataset / "data").glob("*.lance"))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as workers:
        merged = Report.merge(workers.map(lance_lint.check, files))
    whole = lance_lint.check(dataset)
    assert not merged.ok
    assert len(merged.findings) == len(whole.findings)
    for one, other in zip(merged.findings, whole.findings):
        assert (one.rule, one.message, one.count) == (other.rule, other.message, other.count)
        assert one.fragments == other.fragments == 3
        places = [(one.location, *one.more_locations), (other.location, *other.more_locations)]
        files_named = [{place.file for place in these} for these in places]
        assert files_named[0] == files_named[1]
    assert Report.from_json(merged.to_json()) == merged


def test_what_is_ignored_is_told_apart(tmp_path: Path, testdata: Path) -> None:
    dataset = testdata / "broken" / "blob-plain-three-fragments-2.0"
    configuration = tmp_path / "lance-lint.toml"
    configuration.write_text(
        '[[override]]\nrules = ["blob-stored-plain"]\nlevel = "ignore"\nreason = "known to us"\n'
    )
    files = sorted((dataset / "data").iterdir())
    reports = [lance_lint.check(file, config=configuration) for file in files]
    merged = Report.merge(reports)
    for report in (*reports, merged):
        assert report.ok
        assert report.findings == ()
        [ignored] = report.ignored
        assert ignored.finding.rule == "blob-stored-plain"
        assert ignored.reason == "known to us"
        assert "1 ignored" in repr(report)
    assert merged.ignored[0].finding.count == 3


def test_merged_reports_are_of_the_published_shape(testdata: Path, daft_blob: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((testdata.parent / "docs" / "report.schema.json").read_text())
    dataset = testdata / "broken" / "blob-plain-three-fragments-2.0"
    paths = [*sorted((dataset / "data").iterdir()), daft_blob]
    merged = Report.merge(lance_lint.check(path, all_versions=True) for path in paths)
    jsonschema.validate(json.loads(merged.to_json()), schema)
    assert merged.document["summary"]["by_rule"] == {"blob-stored-plain": 2}


def test_a_fault_that_each_worker_sees_is_counted_once(testdata: Path) -> None:
    dataset = testdata / "broken" / "blob-plain-three-fragments-2.0"
    reports = [lance_lint.check(dataset, readers="0.9.19") for _ in range(3)]
    merged = Report.merge(reports)
    assert [(finding.rule, finding.count) for finding in merged.findings] == [
        (finding.rule, finding.count) for finding in reports[0].findings
    ]


def test_many_places_are_not_all_named(testdata: Path) -> None:
    dataset = testdata / "broken" / "blob-plain-three-fragments-2.0"
    report = lance_lint.check(dataset)
    document = dict(report.document)
    document["findings"] = [{**document["findings"][0], "count": 3000}]
    text = str(Report.from_json(json.dumps(document)))
    named = len(report.findings[0].more_locations) + 1
    assert f"and {3000 - named:,} more places" in text


class Tags(HTMLParser):
    """The tags that are open, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_notebooks_show_findings_and_columns(daft_blob: Path) -> None:
    report = lance_lint.check(daft_blob)
    document = dict(report.document)
    document["findings"] = [{**document["findings"][0], "message": "a <script> in a name & more"}]
    tags = Tags()
    tags.feed(Report.from_json(json.dumps(document))._repr_html_())
    assert tags.open == []
    assert "a <script> in a name & more" in tags.text
    assert "binary(offsets u64, bytes)" in tags.text


def test_many_paths_are_one_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, testdata: Path
) -> None:
    paths = [tmp_path / f"{number} of many.lance" for number in range(50)]
    for path in paths:
        shutil.copytree(testdata / "clean" / CLEAN, path)
    by_arguments = lance_lint.check(paths)
    assert by_arguments.ok
    assert [subject.path for subject in by_arguments.subjects] == [str(path) for path in paths]
    # More than fits a command line is several runs.
    monkeypatch.setattr(lance_lint._check, "_ARGUMENTS_LIMIT", 500)
    by_several = lance_lint.check(paths)
    assert by_several.ok
    assert by_several.subjects == by_arguments.subjects
    assert by_several.summary == by_arguments.summary


def test_more_paths_than_fit_a_command_line(tmp_path: Path, testdata: Path) -> None:
    dataset = tmp_path / ("d" * 200) / "images.lance"
    shutil.copytree(testdata / "broken" / "blob-plain-three-fragments-2.0", dataset)
    report = lance_lint.check([*sorted((dataset / "data").iterdir())] * 1000)
    assert [(found.rule, found.count) for found in report.findings] == [("blob-stored-plain", 3)]


def test_a_program_that_is_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lance_lint._binary, "_folders", lambda: [tmp_path])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LanceLintError, match="pip install lance-lint"):
        lance_lint.find_binary()


def test_a_program_on_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = Path(lance_lint.find_binary())
    monkeypatch.setattr(lance_lint._binary, "_folders", lambda: [tmp_path])
    monkeypatch.setenv("PATH", str(found.parent))
    assert Path(lance_lint.find_binary()) == found


def test_a_program_that_takes_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    slow.chmod(0o755)
    monkeypatch.setattr(lance_lint._check, "find_binary", lambda: str(slow))
    with pytest.raises(LanceLintError, match=r"after 0\.2 seconds"):
        lance_lint.check("x", timeout=0.2)


def test_a_program_that_dies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\necho 'out of memory' >&2\nkill -9 $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(lance_lint._check, "find_binary", lambda: str(dying))
    with pytest.raises(LanceLintError, match="ended by signal 9: out of memory"):
        lance_lint.check("x")


def run(*command: object) -> "tuple[int, bytes, bytes]":
    done = subprocess.run([*map(str, command)], capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_python_m_is_the_program(daft_blob: Path) -> None:
    for arguments in (["--format", "json", daft_blob], ["nothing-here"], ["-V"]):
        by_module = run(sys.executable, "-m", "lance_lint", *arguments)
        assert by_module == run(lance_lint.find_binary(), *arguments)
    assert by_module[1].decode().split() == ["lance-lint", lance_lint.__version__]


def test_storage_options_reach_the_store_and_no_message() -> None:
    secret = "k4-NoSuchSecret-w7"
    options = {
        # Nothing listens there.
        "aws_endpoint": "http://127.0.0.1:1",
        "aws_access_key_id": "AKIDNOSUCHKEY",
        "aws_secret_access_key": secret,
        "aws_region": "us-east-1",
        "allow_http": "true",
        "client_max_retries": "0",
    }
    with pytest.raises(LanceLintError, match="cannot connect") as failed:
        lance_lint.check("s3://bucket/x.lance", storage_options=options)
    assert secret not in str(failed.value)
    with pytest.raises(LanceLintError, match="has a line break"):
        lance_lint.check("s3://bucket/x.lance", storage_options={"aws_region": "a\nb"})
