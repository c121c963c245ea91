"""No output tells a credential, whatever goes wrong."""

import json

import faults
import lint
import pytest
import servers
from test_permanent import SHORT

KEY = "testdata/broken/blob-plain-2.0"
MARK = "TELLTALE9c41"
# Base64 of it, as Azure's keys are.
MARK64 = "VEVMTFRBTEU5YzQxVEVMTFRBTEU5YzQx"
SECRETS = (MARK, MARK64)
FORMATS = ("text", "concise", "json", "json-lines", "sarif", "github", "gitlab", "junit")

S3_SECRETS = {
    "aws_access_key_id": f"AKID{MARK}",
    "aws_secret_access_key": f"{MARK}/secret",
    "aws_session_token": f"{MARK}/token==",
}
AZURE_SECRETS = (
    {"azure_storage_account_key": MARK64},
    {
        "azure_storage_account_key": None,
        "azure_storage_sas_key": f"sv=2021-08-06&ss=b&srt=sco&sp=rl&se=2099-01-01&sig={MARK}%3D",
    },
    {"azure_storage_account_key": None, "azure_storage_token": MARK},
)


def echo(request_headers: dict) -> faults.Answer:
    """An error that repeats what it was sent, as AWS and Azure do for wrong signatures."""
    told = "".join(f"<Header>{value}</Header>" for value in request_headers.values())
    return faults.s3_error(
        "403 Forbidden",
        "SignatureDoesNotMatch",
        f"No. {told}",
        f"<StringToSign>{told}</StringToSign>",
    )


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name, s3, azure):
    """Each output format, of a run that works and of one that is refused."""
    s3.run(s3.url(KEY), "--format", name)
    azure.run(azure.url(KEY), "--format", name)
    s3.run(s3.url(KEY), "--format", name, options={**S3_SECRETS, **SHORT}, secrets=SECRETS)
    for options in AZURE_SECRETS:
        done = azure.run(
            azure.url(KEY), "--format", name, options={**options, **SHORT}, secrets=SECRETS
        )
        assert done.status == 2


@pytest.mark.parametrize(
    "command",
    (
        ("inspect", "--column", "blob"),
        ("orphans",),
        ("bundle", "-o", "-"),
        ("--all-versions",),
    ),
    ids=lambda command: command[0],
)
def test_commands(command, s3):
    """Each command, working and refused."""
    s3.run(*command, s3.url(KEY))
    s3.run(*command, s3.url(KEY), options={**S3_SECRETS, **SHORT}, secrets=SECRETS)


def test_bundle_file(s3, tmp_path):
    """What is sent to maintainers."""
    out = tmp_path / "bundle"
    s3.run("bundle", s3.url(KEY), "-o", out)
    assert out.stat().st_size > 100
    for secret in lint.SECRETS:
        assert secret.encode() not in out.read_bytes()


def test_every_fault(cloud):
    """Whatever the store or the network does, with the error repeating what was sent."""
    store = cloud.store
    told = {
        "authorization": f"AWS4-HMAC-SHA256 Credential=AKID{MARK}/2026, Signature={MARK}",
        "token": f"{MARK}/token==",
        "url": f"https://bkt.example/x?X-Amz-Signature={MARK}&X-Amz-Security-Token={MARK}&sig={MARK}",
    }
    answers = [
        echo(told),
        faults.Answer("500 Oops", echo(told).body),
        faults.Answer("404 Not Found", echo(told).body),
        faults.Answer("302 Found", b"", (("Location", f"http://127.0.0.1:1/?sig={MARK}"),)),
        faults.Answer("200 OK", echo(told).body),
        store.busy,
        faults.RESET,
        faults.CLOSE_BODY,
        faults.HANG,
    ]
    secrets = S3_SECRETS if store.name == "seaweedfs" else AZURE_SECRETS[1]
    for answer in answers:
        cloud.proxy.reset()
        cloud.proxy.faults = [faults.Fault(answer)]
        for name in ("text", "json"):
            options = {**secrets, **SHORT, "client_max_retries": "1"}
            done = cloud.run(cloud.url(KEY), "--format", name, options=options, secrets=SECRETS)
            assert done.status == 2, (answer, done)


@pytest.mark.parametrize(
    "url",
    (
        "s3://AKID{m}:{m}@bkt/{key}",
        "s3://bkt/{key}?X-Amz-Signature={m}&X-Amz-Security-Token={m}",
        "az://bkt/{key}?sv=2021-08-06&sig={m}",
        "abfss://bkt:{m}@devstoreaccount1.dfs.core.windows.net/{key}",
        "gs://bkt/{key}?X-Goog-Signature={m}",
        "http://user:{m}@127.0.0.1:{port}/bkt/{key}",
        "http://127.0.0.1:{port}/bkt/{key}?sig={m}&token={m}",
        "ftp://user:{m}@127.0.0.1:{port}/bkt/{key}",
        "s3:/bkt/{key}?sig={m}",
    ),
)
def test_in_the_url(url, place_of):
    """In its user part or its query, whether or not such a URL is taken."""
    web = place_of(servers.WebDav)
    url = url.format(m=MARK, key=KEY, port=web.proxy.port)
    options = {**SHORT, "client_max_retries": "0"}
    for name in ("text", "json", "sarif"):
        lint.run(url, "--format", name, options=options, secrets=SECRETS, timeout=60)
    lint.run("orphans", url, options=options, secrets=SECRETS)
    lint.run("inspect", url, "--column", "blob", options=options, secrets=SECRETS)
    lint.run("diff", url, url, options=options, secrets=SECRETS)


def test_bad_options_are_not_repeated(s3):
    """A misspelt option is named without its value."""
    done = s3.run(s3.url(KEY), options={"aws_secret_acces_key": MARK}, secrets=SECRETS)
    assert "aws_secret_acces_key" in done.err + done.out or done.status == 1
    for value in (MARK, f"{MARK}==", f"={MARK}"):
        done = lint.run(s3.url(KEY), "--storage-option", value, secrets=SECRETS)
        assert done.status == 2
        assert "KEY=VALUE" in done.err
    done = s3.run(
        s3.url(KEY),
        options={"aws_endpoint": f"http://127.0.0.1:1/?{MARK}", **SHORT},
        secrets=SECRETS,
    )
    assert done.status == 2


def test_service_account_key(place_of):
    """A private key in JSON, that is none."""
    gcs = place_of(servers.FakeGcs)
    account = json.dumps(
        {
            "type": "service_account",
            "private_key": f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n",
            "private_key_id": MARK,
            "client_email": "a@example.com",
            "client_id": "1",
        }
    )
    for value in (account, account[:-5]):
        options = {"google_skip_signature": None, "google_service_account_key": value, **SHORT}
        done = gcs.run(gcs.url(KEY), options=options, secrets=SECRETS)
        assert done.status == 2


def test_debug_logs(s3):
    """Variables that make libraries talkative."""
    env = {"RUST_LOG": "trace", "RUST_BACKTRACE": "1"}
    s3.run(s3.url(KEY), env=env, options={**S3_SECRETS, **SHORT}, secrets=SECRETS)
