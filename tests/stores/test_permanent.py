"""Faults that stay: exit 2 in bounded time, with the cause in plain words and the place."""

import re

import faults
import lint
import pytest
import servers

KEY = "testdata/broken/blob-plain-three-fragments-2.1"
# Little patience, so that the tests are quick; that it ends does not hang on these.
SHORT = {"timeout": "1s", "client_max_retries": "2", "client_retry_timeout": "5"}


def fails(done: lint.Run, *patterns: str) -> str:
    """Holds a failed run to what its message must say."""
    assert done.status == 2, f"exit {done.status}\n{done.out}\n{done.err}"
    said = lint.words(done.err)
    for pattern in patterns:
        assert re.search(pattern, said, re.IGNORECASE), f"{pattern!r} is not in {said!r}"
    return said


def s3_region(status, code, message, more):
    """How AWS answers a request that is signed for another region."""
    region = (("x-amz-bucket-region", "eu-west-1"),)
    return faults.s3_error(status, code, message, more, headers=region)


WRONG_REGION = {
    "redirect": s3_region(
        "301 Moved Permanently",
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint.",
        f"<Endpoint>{servers.BUCKET}.s3-eu-west-1.amazonaws.com</Endpoint>"
        f"<Bucket>{servers.BUCKET}</Bucket>",
    ),
    "malformed": s3_region(
        "400 Bad Request",
        "AuthorizationHeaderMalformed",
        "The authorization header is malformed; the region 'us-east-1' is wrong; "
        "expecting 'eu-west-1'",
        "<Region>eu-west-1</Region>",
    ),
}
EXPIRED = {
    "s3": faults.s3_error(
        "400 Bad Request",
        "ExpiredToken",
        "The provided token has expired.",
        "<Token-0>STALETOKENMARKER</Token-0>",
    ),
    "azure": faults.azure_error(
        "403 Server failed to authenticate the request.",
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is "
        "formed correctly including the signature.",
        "<AuthenticationErrorDetail>Signature not valid in the specified time frame: "
        "Start [Tue, 01 Jan 2019 00:00:00 GMT] - Expiry [Wed, 02 Jan 2019 00:00:00 GMT] - "
        "Current [Thu, 03 Jan 2019 00:00:00 GMT]</AuthenticationErrorDetail>",
    ),
}


def test_missing_bucket(place_of):
    """Told from a missing dataset."""
    for kind in (servers.Moto, servers.SeaweedFS, servers.Azurite):
        place = place_of(kind)
        url = place.url(KEY).replace(servers.BUCKET, "no-such-bucket", 1)
        fails(
            place.run(url, options=SHORT),
            "bucket|container",
            "there is no",
            "no-such-bucket",
        )


def test_missing_dataset(anywhere):
    """A bucket without it."""
    fails(
        anywhere.run(anywhere.url("testdata/nowhere.lance"), options=SHORT),
        r"testdata/nowhere\.lance",
    )


def test_wrong_key(s3, azure):
    """A signature that the server does not take."""
    wrong = "wrongKeyMarkerOfTheStoresTests"
    for options in ({"aws_secret_access_key": wrong}, {"aws_access_key_id": wrong}):
        done = s3.run(s3.url(KEY), options={**SHORT, **options}, secrets=(wrong,))
        fails(
            done,
            "denied|refuse|not allow|permission|credential|key|signature",
            re.escape(s3.url(KEY)),
        )
    wrong = "d3JvbmdLZXlNYXJrZXJPZlRoZVN0b3Jlc1Rlc3Rz"
    done = azure.run(
        azure.url(KEY), options={**SHORT, "azure_storage_account_key": wrong}, secrets=(wrong,)
    )
    fails(
        done,
        "denied|refuse|not allow|permission|credential|key|signature",
        re.escape(azure.url(KEY)),
    )


def test_denied(cloud):
    """A store that knows who asks, and says no."""
    no = cloud.store.error("403 Forbidden", "AccessDenied", "Access Denied")
    cloud.proxy.faults = [faults.Fault(no)]
    fails(
        cloud.run(cloud.url(KEY), options=SHORT),
        "denied|not allowed|permission",
        re.escape(cloud.url(KEY)),
    )


def test_denied_for_one_data_file(cloud):
    """Says nothing about the file, so it is no finding."""
    no = cloud.store.error("403 Forbidden", "AccessDenied", "Access Denied")
    cloud.proxy.faults = [faults.Fault(no, match=r"data/[^ ]*\.lance")]
    fails(
        cloud.run(cloud.url(KEY), options=SHORT),
        "denied|not allowed|permission",
        r"data/\w+\.lance",
    )


@pytest.mark.parametrize("answer", WRONG_REGION)
def test_wrong_region(answer, s3):
    """As AWS answers, in both ways."""
    s3.proxy.faults = [faults.Fault(WRONG_REGION[answer])]
    fails(s3.run(s3.url(KEY), options=SHORT), "region", re.escape(s3.url(KEY)))


def test_expired_token(cloud):
    """Told from a wrong one."""
    kind = "s3" if cloud.store.name == "seaweedfs" else "azure"
    cloud.proxy.faults = [faults.Fault(EXPIRED[kind])]
    done = cloud.run(cloud.url(KEY), options=SHORT, secrets=("STALETOKENMARKER",))
    fails(done, "expired|time frame", re.escape(cloud.url(KEY)))


def test_throttled_for_too_long(cloud):
    """Retried, and then given up with the reason."""
    cloud.proxy.faults = [faults.Fault(cloud.store.busy)]
    fails(cloud.run(cloud.url(KEY), options=SHORT), "throttl|slow ?down|busy|too many requests")
    assert len(cloud.proxy.log) > 1


def test_server_error_that_stays(cloud):
    """The same for a server that fails."""
    cloud.proxy.faults = [faults.Fault(cloud.store.failed)]
    fails(cloud.run(cloud.url(KEY), options=SHORT), "500|internal")
    assert len(cloud.proxy.log) > 1


@pytest.mark.parametrize(
    "what", (faults.RESET, faults.CLOSE, faults.RESET_BODY, faults.CLOSE_BODY, faults.CLIP)
)
@pytest.mark.parametrize("where", ("everything", "data"))
def test_broken_connection_that_stays(what, where, anywhere):
    """No half of a file is taken for the whole."""
    if anywhere.store.name == "http" and where == "everything":
        pytest.skip("is told of a data file below")
    match = "" if where == "everything" else r"data/[^ ]*\.lance"
    anywhere.proxy.faults = [faults.Fault(what, match=match)]
    fails(anywhere.run(target(anywhere), options=SHORT))


@pytest.mark.parametrize("what", (faults.HANG, faults.HANG_BODY))
@pytest.mark.parametrize("where", ("everything", "data"))
def test_nothing_hangs(what, where, cloud):
    """A server that never answers is given up."""
    match = "" if where == "everything" else r"data/[^ ]*\.lance"
    cloud.proxy.faults = [faults.Fault(what, match=match)]
    fails(cloud.run(cloud.url(KEY), options=SHORT, timeout=40), "time|no answer")


def test_nobody_listens(cloud):
    """A wrong endpoint."""
    port = servers.free_port()
    options = {**cloud.store.options(port), **SHORT}
    done = lint.run(cloud.url(KEY), options=options, timeout=40)
    fails(done, "connect", f"127.0.0.1:{port}|{re.escape(cloud.url(KEY))}")


def target(place) -> str:
    """The dataset, or what can be read where folders cannot be listed: one data file."""
    if place.store.name != "http":
        return place.url(KEY)
    first = sorted((lint.ROOT / KEY / "data").iterdir())[0]
    return place.url(f"{KEY}/data/{first.name}")


def test_missing_data_file_is_a_finding(cloud):
    """The store answers, and has no such object: that is the dataset's fault."""
    gone = cloud.store.error("404 Not Found", missing(cloud), "The specified key does not exist.")
    cloud.proxy.faults = [faults.Fault(gone, match=r"data/[^ ]*\.lance")]
    report = cloud.run(cloud.url(KEY), "--format", "json").json
    assert {finding["rule"] for finding in report["findings"]} == {"data-file-missing"}


def missing(place) -> str:
    """The store's name for it."""
    return "NoSuchKey" if place.store.name == "seaweedfs" else "BlobNotFound"


def test_defaults_end_too(s3):
    """With the patience that lance-lint has by itself."""
    s3.proxy.faults = [faults.Fault(s3.store.busy)]
    fails(s3.run(s3.url(KEY), timeout=200), "throttl|slow ?down|busy")
