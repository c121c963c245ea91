"""The servers and the proxy are sound: Lance itself reads through them."""

import faults
import lance
import lint
import pytest
import servers

KINDS = (servers.Moto, servers.SeaweedFS, servers.Azurite, servers.FakeGcs)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_lance_reads_through_the_proxy(kind, place_of):
    """Every row, with the options that lance-lint is given."""
    place = place_of(kind)
    url = place.url("made/fragments-1000.lance")
    dataset = lance.dataset(url, storage_options=place.options)
    assert dataset.to_table(columns=["id"]).num_rows == dataset.count_rows() > 1000
    assert {request.method for request in place.proxy.log} <= {"GET", "HEAD"}


def test_lance_fails_where_the_proxy_says(s3):
    """A fault reaches the client."""
    s3.proxy.faults = [faults.Fault(s3.store.error("403 Forbidden", "AccessDenied", "No."))]
    with pytest.raises((ValueError, OSError), match="AccessDenied"):
        lance.dataset(s3.url("testdata/daft-blob.lance"), storage_options=s3.options)


def test_every_fixture_is_there():
    """The list of fixtures is not empty by accident, and each store has its part."""
    assert len(lint.datasets()) > 900
    assert lint.fixtures_in(servers.SeaweedFS) == lint.datasets()
    for kind in servers.ALL:
        assert len(lint.fixtures_in(kind)) > 150
