"""Faults that pass: the report is what it is without them."""

import faults
import lint
import pytest
import servers

KINDS = {
    "500": lambda store: store.failed,
    "503": lambda store: store.busy,
    "429": lambda store: store.error("429 Too Many Requests", "TooManyRequests", "Slow down."),
    "reset": lambda _: faults.RESET,
    "close": lambda _: faults.CLOSE,
    "reset-in-body": lambda _: faults.RESET_BODY,
    "close-in-body": lambda _: faults.CLOSE_BODY,
    "clipped": lambda _: faults.CLIP,
    "hang": lambda _: faults.HANG,
    "hang-in-body": lambda _: faults.HANG_BODY,
}
# Each client has its own way to read; what they share is tried with two of them.
CASES = [
    *((store, kind) for store in (servers.SeaweedFS, servers.Azurite) for kind in KINDS),
    *(
        (store, kind)
        for store in (servers.FakeGcs, servers.WebDav)
        for kind in ("503", "reset", "close-in-body", "clipped", "hang-in-body")
    ),
]
# Patient enough for every fault below, and no more.
PATIENCE = {"timeout": "1s", "client_max_retries": "8", "client_retry_timeout": "60"}


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].name}-{case[1]}")
def case(request, place_of):
    """A store, and what goes wrong there."""
    kind, fault = request.param
    return place_of(kind), fault


@pytest.fixture(params=(servers.SeaweedFS, servers.Azurite), ids=lambda kind: kind.name)
def place(request, place_of):
    """Two stores in turn."""
    return place_of(request.param)


def urls(place) -> list:
    """Some fixtures in a store: one of several versions and fragments, and any others."""
    names = lint.fixtures_in(type(place.store))
    chosen = ("history/swapped-later-2.1", *names[7 :: len(names) // 3])
    return [place.url(f"testdata/{name}") for name in chosen]


def where(kind) -> str:
    """A listing that is whole but shorter is another listing, so those are not clipped."""
    return r"\.(lance|manifest)$" if kind == "clipped" else ""


def test_first_request_of_everything_fails(case):
    """And every object's second is answered."""
    place, kind = case
    # Each hang costs a second.
    chosen = urls(place)[: 1 if kind.startswith("hang") else None]
    undisturbed = lint.comparable(place.run(*chosen, "--format", "json").json, "")
    place.proxy.reset()
    place.proxy.faults = [faults.Fault(KINDS[kind](place.store), first=1, match=where(kind))]
    done = place.run(*chosen, "--format", "json", options=PATIENCE, timeout=180)
    lint.assert_same(undisturbed, lint.comparable(done.json, ""))
    assert any(request.fault for request in place.proxy.log)


def test_a_share_of_all_requests_fails(case, local, made):
    """One in twenty, of 1,000 data files and what stands around them."""
    place, kind = case
    place.proxy.faults = [faults.Fault(KINDS[kind](place.store), share=0.05, match=where(kind))]
    there = place.report("made/fragments-1000.lance", options=PATIENCE, timeout=180)
    lint.assert_same(local(made / "fragments-1000.lance"), there)
    assert sum(1 for request in place.proxy.log if request.fault) > 20


def test_throttled(place, local, made):
    """A store that takes so many requests a second and no more is waited for."""
    place.proxy.rate = 300
    place.proxy.throttled = place.store.busy
    there = place.report("made/fragments-1000.lance", options=PATIENCE, timeout=180)
    lint.assert_same(local(made / "fragments-1000.lance"), there)


def test_a_second_read_fails(place, local, made):
    """The read of metadata that is larger than the first guess is tried again like any other."""
    for kind in (faults.CLOSE_BODY, faults.CLIP):
        place.proxy.reset()
        place.proxy.faults = [faults.Fault(kind, first=2, match="data/")]
        there = place.report("made/columns-2000.lance", options=PATIENCE, timeout=60)
        lint.assert_same(local(made / "columns-2000.lance"), there)
