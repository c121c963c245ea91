"""What lance-lint says of a dataset does not depend on where it lies."""

import lint
import pytest
import servers

LISTING = [kind for kind in servers.ALL if kind is not servers.Http]
# Their base path is a folder of this repository, which means something else in a store.
RELATIVE_BASES = {
    name
    for name in lint.datasets()
    if any(b"testdata/" in path.read_bytes() for path in (lint.TESTDATA / name).rglob("*.manifest"))
}


def fixtures(kind) -> list:
    """Every fixture that a store has and that can lie anywhere."""
    return [name for name in lint.fixtures_in(kind) if name not in RELATIVE_BASES]


@pytest.mark.parametrize("kind", LISTING, ids=lambda kind: kind.name)
def test_fixtures_say_the_same(kind, place_of):
    """Findings, columns and counts of healthy and broken datasets, in one run.

    A thousand in one store, and in each of the others, which are slower, a part of its own.
    """
    place = place_of(kind)
    names = fixtures(kind)
    here = lint.run(*(lint.TESTDATA / name for name in names), "--format", "json")
    urls = [place.url(f"testdata/{name}") for name in names]
    there = place.run(*urls, "--format", "json", timeout=300)
    lint.assert_same(
        lint.comparable(here.json, f"{lint.ROOT}/"), lint.comparable(there.json, place.url(""))
    )


@pytest.mark.parametrize("kind", LISTING, ids=lambda kind: kind.name)
def test_many_files_say_the_same(kind, place_of, local, made):
    """1,000 data files, and a file whose metadata is larger than a first guess."""
    place = place_of(kind)
    for name in ("fragments-1000.lance", "columns-2000.lance"):
        lint.assert_same(local(made / name), place.report(f"made/{name}", timeout=120))


@pytest.mark.parametrize("kind", LISTING, ids=lambda kind: kind.name)
def test_text_says_the_same(kind, place_of):
    """The report for people too, but for the line that counts requests."""
    place = place_of(kind)
    name = "testdata/broken/blob-plain-2.0"
    here = lint.run(lint.ROOT / name)
    there = place.run(place.url(name))
    assert here.status == there.status == 1

    def lines(text):
        return [line for line in text.splitlines() if " request" not in line]

    assert lines(here.out) == lines(there.out)
    assert here.err == there.err == ""


def test_order_does_not_depend_on_concurrency(s3):
    """Nor does anything else of the output."""
    urls = [s3.url(f"testdata/{name}") for name in fixtures(servers.SeaweedFS)[::20]]
    urls.append(s3.url("made/fragments-1000.lance"))
    texts = set()
    for concurrency in (1, 5, 64):
        s3.proxy.reset()
        done = s3.run(*urls, "--format", "json", "--concurrency", concurrency, timeout=120)
        texts.add(done.out)
        assert s3.proxy.most_at_once <= concurrency
    assert len(texts) == 1


def test_a_trailing_slash_changes_nothing(cloud, local):
    """As Lance takes it."""
    name = "testdata/broken/blob-plain-2.0"
    plain = cloud.run(cloud.url(name), "--format", "json")
    slash = cloud.run(cloud.url(name) + "/", "--format", "json")
    assert slash.json["findings"] == plain.json["findings"]


def test_azure_urls_with_and_without_the_account(azure):
    """The forms that Lance takes."""
    key = "testdata/broken/blob-plain-2.0"
    account = servers.AZURE_ACCOUNT
    plain = azure.run(azure.url(key), "--format", "json").json
    for url in (
        f"abfss://{servers.BUCKET}/{key}",
        f"abfss://{servers.BUCKET}@{account}.dfs.core.windows.net/{key}",
    ):
        there = azure.run(url, "--format", "json").json
        assert [f["rule"] for f in there["findings"]] == [f["rule"] for f in plain["findings"]], url


def test_options_may_come_from_the_environment(anywhere):
    """Under the names that Lance takes."""
    url = anywhere.url("testdata/broken/blob-plain-2.0")
    env = {key.upper(): value for key, value in anywhere.options.items()}
    done = lint.run(url, env=env)
    if env:
        # The one name that has no store in it.
        env.pop("ALLOW_HTTP")
        prefix = next(iter(env)).split("_")[0]
        done = lint.run(url, env={**env, f"{prefix}_ALLOW_HTTP": "true"})
    assert done.status == 1, done.err
    assert "blob-stored-plain" in done.out


def test_endpoint_has_the_names_that_lance_takes(s3):
    """Each of them, as option and as variable of the environment."""
    url = s3.url("testdata/broken/blob-plain-2.0")
    endpoint = s3.options["aws_endpoint"]
    for key in (
        "endpoint",
        "endpoint_url",
        "aws_endpoint_url",
        "AWS_ENDPOINT",
        "aws_endpoint_url_s3",
    ):
        done = s3.run(url, options={"aws_endpoint": None, key: endpoint})
        assert done.status == 1, (key, done.err)
    for key in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        done = s3.run(url, options={"aws_endpoint": None}, env={key: endpoint})
        assert done.status == 1, (key, done.err)
