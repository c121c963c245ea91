"""Every command works on what lies in a store, and says what it says of a local copy."""

import re

import lance
import lint
import pyarrow as pa
import pytest
import servers


def both(place, *args, keys=(), status=None):
    """A command's JSON for a local path and for a URL, without what may differ.

    Arguments that stand in `keys` are paths below the repository, or keys in the store.
    """

    def given(turn):
        return [turn(arg) if arg in keys else arg for arg in args]

    here = lint.run(*given(lambda key: lint.ROOT / key))
    there = place.run(*given(place.url))
    assert here.status == there.status, there.err
    if status is not None:
        assert here.status == status

    def told(out, prefix):
        # Base paths of fixtures have blanks of a kind before their names.
        return re.sub(r'"[./]*/testdata/', '"testdata/', out.replace(prefix, ""))

    return told(here.out, f"{lint.ROOT}/"), told(there.out, place.url(""))


def same(place, *args, keys, status=None):
    """The same, held to be equal but for the lines that count what was read."""
    here, there = both(place, *args, keys=keys, status=status)

    def kept(text):
        skip = ('"requests"', '"bytes_read"', " request", '"modified"', '"age')
        return [line for line in text.splitlines() if not any(part in line for part in skip)]

    assert kept(here) == kept(there)
    assert kept(here)


HISTORY = "testdata/history/swapped-later-2.1"
BLOB = "testdata/broken/blob-plain-three-fragments-2.1"


def one(folder: str, of: str) -> str:
    """The first file of a dataset's folder, as a key."""
    return f"{of}/{folder}/{sorted((lint.ROOT / of / folder).iterdir())[0].name}"


@pytest.mark.parametrize("more", (("--format", "json"), ()), ids=("json", "text"))
def test_versions(more, cloud):
    """One of them, and all."""
    same(cloud, HISTORY, "--all-versions", *more, keys=(HISTORY,))
    same(cloud, HISTORY, "--version", "1", *more, keys=(HISTORY,))


def test_tag(cloud):
    """By its name."""
    same(cloud, HISTORY, "--tag", "before", "--format", "json", keys=(HISTORY,), status=0)


def test_branch(cloud):
    """By its name, which has an escape where it is kept."""
    same(cloud, HISTORY, "--branch", "trial/one", "--format", "json", keys=(HISTORY,))


def test_a_data_file(anywhere):
    """By its own URL, which needs no listing: a plain web server will do."""
    file = one("data", BLOB)
    same(anywhere, file, "--format", "json", keys=(file,))


def test_a_manifest(anywhere):
    """By its own URL."""
    manifest = one("_versions", BLOB)
    same(anywhere, manifest, "--format", "json", keys=(manifest,))


def test_inspect(cloud):
    """A column's pages."""
    same(cloud, "inspect", BLOB, "--column", "blob", keys=(BLOB,), status=0)
    file = one("data", BLOB)
    same(cloud, "inspect", file, "--column", "blob", keys=(file,), status=0)


def test_diff(cloud):
    """Two versions, two datasets."""
    same(cloud, "diff", f"{HISTORY}@1", f"{HISTORY}@2", keys=(f"{HISTORY}@1", f"{HISTORY}@2"))
    same(cloud, "diff", HISTORY, BLOB, keys=(HISTORY, BLOB))


def test_diff_of_a_store_and_a_local_copy(s3):
    """Nothing differs."""
    done = s3.run("diff", lint.ROOT / BLOB, s3.url(BLOB))
    assert done.status == 0, done.out + done.err


def test_orphans(cloud):
    """The same files, none of them young enough to be in flight or all of them."""
    here, there = both(cloud, "orphans", BLOB, keys=(BLOB,))
    assert here.splitlines()[0].split("·")[0] == there.splitlines()[0].split("·")[0]


def test_diagnose(cloud):
    """A log whose dataset is in a store."""
    log = sorted((lint.TESTDATA / "panics").glob("daft-blob.lance.take*"))[0]
    dataset = "testdata/daft-blob.lance"
    same(cloud, "diagnose", dataset, "--log", log, "--format", "json", keys=(dataset,))


def test_several_places_in_one_run(s3):
    """A local path beside a URL."""
    done = s3.run(lint.ROOT / BLOB, s3.url(BLOB), "--format", "json")
    paths = [subject["path"] for subject in done.json["subjects"]]
    assert paths == [str(lint.ROOT / BLOB), s3.url(BLOB)]


@pytest.fixture(scope="session")
def clone(tmp_path_factory, started):
    """A local dataset whose data is in a store: a shallow clone, by Lance, of what moved there.

    Lance makes clones of local datasets locally. So the base path in the manifest is put in place
    of a local one of the same length, which leaves every offset as it is.
    """
    home = tmp_path_factory.mktemp("clone")
    source = home / ("source" + "e" * 20 + ".lance")
    lance.write_dataset(pa.table({"a": list(range(10))}), source)
    target = home / "clone.lance"
    lance.dataset(source).shallow_clone(str(target), 1)
    (manifest,) = (target / "_versions").glob("*.manifest")
    start = f"s3://{servers.BUCKET}/made/"
    new = start + "x" * (len(str(source)) - len(start))
    manifest.write_bytes(manifest.read_bytes().replace(bytes(source), new.encode()))
    key = new.removeprefix(f"s3://{servers.BUCKET}/")
    started(servers.SeaweedFS).store.upload(lint.files(source, key))
    return target


def test_a_base_path_in_a_store(clone, s3):
    """Its data files are read there, once each, where the user allows that place."""
    done = s3.run(clone, "--format", "json", "--allow-base", s3.url("made"))
    assert done.status == 0, done.out
    assert [r.method for r in s3.proxy.log if "/data/" in r.path] == ["GET"]


def test_a_base_path_in_a_store_that_nobody_allowed(clone, s3):
    """Is sent nothing, and said to be left out."""
    for more in ((), ("--allow-base", s3.url("mad")), ("--untrusted",)):
        done = s3.run(clone, "--format", "json", *more)
        assert [found["rule"] for found in done.json["findings"]] == ["base-path-not-followed"]
        assert s3.proxy.log == []


def test_a_base_path_in_a_store_without_credentials(clone, s3):
    """Is a job that could not be done, not a fault of the dataset."""
    options = {"aws_access_key_id": "nobody", "client_max_retries": "0"}
    done = s3.run(clone, "--allow-base", s3.url(""), options=options)
    assert done.status == 2, done.out
    assert "denied" in done.err.lower() or "credential" in done.err.lower(), done.err
