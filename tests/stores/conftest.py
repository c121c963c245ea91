"""Servers, started once and filled with the fixtures, each behind a proxy of faults."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import faults
import lint
import servers

os.environ.setdefault("LANCE_LOG", "error")
# A run of so many tests asks for every server sooner or later.
MANY = 60


def pytest_configure():
    """Ends the servers too where a CI ends the tests."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class Place:
    """A store, and the proxy that lance-lint reaches it through."""

    def __init__(self, store: servers.Store, proxy: faults.Proxy):
        """Both of them run."""
        self.store = store
        self.proxy = proxy

    def url(self, key: str) -> str:
        """How lance-lint is told of a key."""
        return self.store.url(key, self.proxy.port)

    @property
    def options(self) -> dict:
        """The storage options that it needs."""
        return self.store.options(self.proxy.port)

    def run(self, *args, options=None, **more) -> lint.Run:
        """Runs lance-lint with this store's options, and others over them (None takes one away)."""
        merged = {**self.options, **(options or {})}
        merged = {key: value for key, value in merged.items() if value is not None}
        return lint.run(*args, options=merged, **more)

    def report(self, key: str, *args, **more) -> dict:
        """What it says of a dataset, comparable."""
        done = self.run(self.url(key), "--format", "json", *args, **more)
        return lint.comparable(done.json, self.url(f"{key.rpartition('/')[0]}/"))


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Datasets too large to keep: 1,000 data files, and a file whose metadata is 1 MB."""
    out = tmp_path_factory.mktemp("made")
    maker = lint.ROOT / "benches" / "make_data.py"
    command = [
        sys.executable,
        maker,
        out,
        "--fragments",
        "1000",
        "--columns",
        "2000",
        "--pages",
        "2",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def contents(kind, made: Path) -> dict:
    """All that a store holds: keys, and where the bytes are."""
    files = {}
    for name in lint.fixtures_in(kind):
        files.update(lint.files(lint.TESTDATA / name, f"testdata/{name}"))
    for name in ("fragments-1000.lance", "columns-2000.lance"):
        files.update(lint.files(made / name, f"made/{name}"))
    return files


@pytest.fixture(scope="session")
def started(request, tmp_path_factory, made):
    """Starts a server when a test first asks for it; all at once where all tests run."""
    stores = {kind: kind(tmp_path_factory.mktemp(kind.name)) for kind in servers.ALL}
    proxies = []

    def start(kind) -> Place:
        store = stores[kind]
        store.start()
        store.upload(contents(kind, made))
        proxy = faults.Proxy(store.port, own_host=store.host)
        proxy.start()
        proxies.append(proxy)
        return Place(store, proxy)

    with ThreadPoolExecutor(len(stores)) as pool:
        coming = {}

        def place(kind) -> Place:
            if kind not in coming:
                coming[kind] = pool.submit(start, kind)
            return coming[kind].result()

        if request.session.testscollected > MANY:
            coming = {kind: pool.submit(start, kind) for kind in servers.ALL}
        yield place
    for proxy in proxies:
        proxy.stop()
    for store in stores.values():
        store.stop()


@pytest.fixture
def place_of(started):
    """A store by its kind, without the faults of the test before."""

    def place(kind):
        found = started(kind)
        found.proxy.reset()
        return found

    return place


@pytest.fixture
def s3(place_of) -> Place:
    """An S3 that checks signatures."""
    return place_of(servers.SeaweedFS)


@pytest.fixture
def azure(place_of) -> Place:
    """Azure's blob service."""
    return place_of(servers.Azurite)


@pytest.fixture(params=servers.ALL, ids=lambda kind: kind.name)
def anywhere(request, place_of) -> Place:
    """Every store in turn."""
    return place_of(request.param)


@pytest.fixture(params=(servers.SeaweedFS, servers.Azurite), ids=lambda kind: kind.name)
def cloud(request, place_of) -> Place:
    """S3 and Azure in turn."""
    return place_of(request.param)


@pytest.fixture(scope="session")
def local():
    """What lance-lint says of the same data on this machine, by key, comparable."""
    known = {}

    def report(path: Path, *args) -> dict:
        key = (path, *args)
        if key not in known:
            done = lint.run(path, "--format", "json", *args)
            known[key] = lint.comparable(done.json, f"{path.parent}/")
        return known[key]

    return report
