"""--max-requests and --max-bytes: what was learnt so far, said as such."""

import lint
import pytest

BIG = "made/fragments-1000.lance"


@pytest.mark.parametrize(
    ("option", "most", "stopped", "counted"),
    (
        ("--max-requests", 50, "max-requests", "requests"),
        ("--max-bytes", 200_000, "max-bytes", "bytes_read"),
    ),
    ids=("requests", "bytes"),
)
def test_stops_and_says_so(option, most, stopped, counted, cloud):
    """The limit holds for what is really sent, and the report has what came before it."""
    for concurrency in (1, 64):
        cloud.proxy.reset()
        more = (option, most, "--concurrency", concurrency)
        done = cloud.run(cloud.url(BIG), *more, "--format", "json")
        report = done.json
        assert report["summary"]["stopped"] == stopped
        assert report["summary"][counted] <= most
        if option == "--max-requests":
            assert len(cloud.proxy.log) <= most
        (subject,) = report["subjects"]
        assert subject["dataset"]["total_fragments"] == 1000
        assert 0 < subject["data_files"] < 1000
        assert not report["findings"]
        assert done.status in (0, 1), done.err
        text = cloud.run(cloud.url(BIG), *more)
        assert f"{option} {most}" in text.out + text.err
        assert text.status == done.status


def test_findings_so_far_are_there(s3):
    """A fault in what was read before the end is told."""
    urls = [s3.url("testdata/broken/blob-plain-2.0"), s3.url(BIG)]
    done = s3.run(*urls, "--max-requests", 30, "--format", "json")
    assert "blob-stored-plain" in {finding["rule"] for finding in done.json["findings"]}


def test_a_limit_that_is_not_reached_changes_nothing(s3, local, made):
    """Nor is it mentioned."""
    done = s3.run(s3.url(BIG), "--max-requests", 5000, "--max-bytes", "1GB", "--format", "json")
    lint.assert_same(
        local(made / "fragments-1000.lance"), lint.comparable(done.json, s3.url("made/"))
    )


def test_limits_too_small_for_anything(s3):
    """Nothing is known of the dataset then, and that is said."""
    done = s3.run(s3.url(BIG), "--max-requests", 1)
    assert done.status == 2, done.out
    assert "--max-requests 1" in done.err
    done = s3.run(s3.url(BIG), "--max-bytes", 10)
    assert done.status == 2, done.out
    assert "--max-bytes 10" in done.err


def test_other_commands_stop_too(s3):
    """Half a comparison would mislead, so there is none."""
    done = s3.run("inspect", s3.url(BIG), "--max-requests", 1)
    assert done.status == 2, done.out
