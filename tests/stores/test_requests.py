"""How often, for what, and with what methods a store is asked."""

from collections import Counter

import lint
import pytest
import servers

# Two listings, of the dataset and of its versions, and the manifest in up to three parts.
AROUND = 5


def split(log) -> tuple:
    """Requests for data files, and all others."""
    data = [request for request in log if "/data/" in request.path]
    return data, [request for request in log if "/data/" not in request.path]


def told(log) -> str:
    """Requests as text, for messages."""
    return "\n".join(f"{r.method} {r.path}?{r.query} {r.range}" for r in log)


@pytest.fixture(params=(servers.SeaweedFS, servers.Azurite, servers.FakeGcs), ids=lambda k: k.name)
def place(request, place_of):
    """Each cloud in turn."""
    return place_of(request.param)


def test_one_ranged_get_for_each_data_file(place):
    """And a handful for all the rest, however many files there are."""
    report = place.run(place.url("made/fragments-1000.lance"), "--format", "json").json
    log = place.proxy.log
    data, rest = split(log)
    assert len(data) == 1000
    assert set(Counter(request.path for request in data).values()) == {1}
    assert all(r.method == "GET" and r.range for r in data), told(data[:5])
    assert len(rest) <= AROUND, told(rest)
    assert all(request.method == "GET" for request in rest), told(rest)
    assert report["summary"]["requests"] == len(log)


def test_a_second_get_only_where_the_first_is_too_short(place):
    """Metadata of 1 MB in one file: two reads of it."""
    place.run(place.url("made/columns-2000.lance"))
    data, rest = split(place.proxy.log)
    assert [request.method for request in data] == ["GET", "GET"], told(data)
    assert len(rest) <= AROUND, told(rest)


def test_data_is_not_listed_unless_orphans_are_asked_for(place):
    """Listing a million objects costs a thousand requests."""

    def listings():
        keys = ("list-type=2", "comp=list")
        return [r for r in place.proxy.log if any(key in r.query for key in keys)]

    place.run(place.url("made/fragments-1000.lance"))
    assert not [r for r in listings() if "data" in r.query], told(listings())
    place.proxy.reset()
    place.run("orphans", place.url("made/fragments-1000.lance"))
    assert [r for r in listings() if "fragments-1000" in r.query], told(place.proxy.log)


def test_nothing_is_ever_written(anywhere):
    """Every command, and not one request that could change anything."""
    first = sorted((lint.TESTDATA / "history/swapped-later-2.1/data").iterdir())[0].name
    url = anywhere.url("testdata/history/swapped-later-2.1")
    for args in (
        (url,),
        (url, "--all-versions"),
        (url, "--version", 1),
        (f"{url}/data/{first}",),
        ("inspect", url, "--column", "a"),
        ("diff", url, url),
        ("orphans", url),
        ("bundle", url, "-o", "-"),
        [anywhere.url(f"testdata/{name}") for name in lint.fixtures_in(type(anywhere.store))[::9]],
    ):
        anywhere.run(*args)
    methods = {request.method for request in anywhere.proxy.log}
    assert "GET" in methods
    assert methods <= {"GET", "HEAD", anywhere.store.lists_by}
