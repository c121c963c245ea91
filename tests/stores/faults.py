"""A reverse proxy that misbehaves on purpose, between lance-lint and a real server.

It forwards every request as it came (the Host header too, which S3 signs), writes down what was
asked, and does to chosen requests what networks and stores do: waits, refuses, hangs, resets, and
answers in part. One thread, one event loop, nothing but the standard library.

    with Proxy(port_of_the_server) as proxy:
        proxy.faults = [Fault(RESET, first=2)]
        ... run something against proxy.port ...
        proxy.log
"""

import asyncio
import random
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple, Optional
from urllib.parse import unquote

HEAD_LIMIT = 1 << 20
HOP_BY_HOP = {"connection", "keep-alive"}


class Answer(NamedTuple):
    """A whole response that the proxy gives in the server's place."""

    status: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def s3_error(status: str, code: str, message: str, more: str = "", headers=()) -> Answer:
    """An error as S3 words it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{more}"
        "<RequestId>4442587FB7D0A2F9</RequestId><HostId>aGVsbG8=</HostId></Error>"
    )
    return Answer(status, body.encode(), (("Content-Type", "application/xml"), *headers))


def azure_error(status: str, code: str, message: str, more: str = "") -> Answer:
    """An error as Azure's blob service words it."""
    body = (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    )
    headers = (("Content-Type", "application/xml"), ("x-ms-error-code", code))
    return Answer(status, body.encode(), headers)


def plain_error(status: str) -> Answer:
    """An error as a web server words it."""
    return Answer(
        status, f"<html><h1>{status}</h1></html>".encode(), (("Content-Type", "text/html"),)
    )


# What a fault does, other than to give an Answer.
RESET = "reset"  # before the first byte of an answer
CLOSE = "close"  # the same, but orderly
RESET_BODY = "reset in the body"
CLOSE_BODY = "close in the body"  # fewer bytes than Content-Length says
CLIP = "clip"  # Content-Length agrees with the bytes, and both are fewer than were asked for
HANG = "hang"
HANG_BODY = "hang in the body"


@dataclass
class Fault:
    """What to do to which requests; forever, unless `first` or `share` bounds it."""

    what: object
    # Only the first so many requests of each method and target.
    first: Optional[int] = None
    # Only this share of the requests, drawn by `seed`.
    share: Optional[float] = None
    # Only requests whose "METHOD /target" this regular expression finds.
    match: str = ""
    seed: int = 6
    _seen: dict = field(default_factory=dict)
    _random: Optional[random.Random] = None

    def strikes(self, method: str, target: str) -> bool:
        """Whether this request is one of them. Counts it."""
        if self.match and not re.search(self.match, f"{method} {target}"):
            return False
        if self.share is not None:
            if self._random is None:
                self._random = random.Random(self.seed)
            if self._random.random() >= self.share:
                return False
        if self.first is not None:
            seen = self._seen.get((method, target), 0)
            self._seen[method, target] = seen + 1
            return seen < self.first
        return True


class Request(NamedTuple):
    """One request as it came, without the escapes of its target."""

    method: str
    path: str
    query: str
    range: Optional[str]
    headers: dict
    # What was done to it, if anything.
    fault: object


class Proxy:
    """The proxy, running from `start()` to `stop()`."""

    def __init__(self, upstream_port: int, own_host: bool = False):
        """Will forward to this port of this machine.

        With `own_host` the Host header becomes the server's, for one that looks at it.
        """
        self.upstream_port = upstream_port
        self.own_host = own_host
        self.port = 0
        self.reset()
        self._idle = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def reset(self):
        """Forgets the log and every fault."""
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        # Seconds before each request is forwarded.
        self.latency = 0.0
        # Requests a second; those above get `throttled`.
        self.rate: Optional[float] = None
        self.throttled = s3_error("503 Slow Down", "SlowDown", "Please reduce your request rate.")
        self.most_at_once = 0
        self._at_once = 0
        self._tokens = 1.0
        self._filled = time.monotonic()

    def __enter__(self):
        """Starts it."""
        self.start()
        return self

    def __exit__(self, *_):
        """Ends it."""
        self.stop()

    def start(self):
        """Listens on a free port of the loopback interface."""
        self._thread.start()
        self._ready.wait()

    def stop(self):
        """Drops every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self):
        asyncio.set_event_loop(self._loop)

        async def listen():
            server = await asyncio.start_server(
                self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT, backlog=1024
            )
            self.port = server.sockets[0].getsockname()[1]
            return server

        server = self._loop.run_until_complete(listen())
        # Not sooner: a stop before the loop runs would be lost.
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for _, writer in self._idle:
            writer.transport.abort()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self, reader, writer):
        """One client's connection."""
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except (asyncio.IncompleteReadError, ConnectionError):
                    break
                if not await self._one(head, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, head, reader, writer) -> bool:
        """One request. Whether the connection can take another."""
        line, headers = parse_head(head)
        method, target, _ = line.split(" ", 2)
        target = unquote(target)
        sent = lower(headers)
        body = await reader.readexactly(int(sent.get("content-length", "0")))
        fault = self._fault(method, target)
        path, _, query = target.partition("?")
        self.log.append(Request(method, path, query, sent.get("range"), sent, fault))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            if self.own_host:
                host = f"Host: 127.0.0.1:{self.upstream_port}".encode()
                head = re.sub(rb"(?i)(?<=\r\n)host:[^\r]*", host, head, count=1)
            return await self._answer(fault, method, head + body, writer)
        finally:
            self._at_once -= 1

    def _fault(self, method, target):
        for fault in self.faults:
            if fault.strikes(method, target):
                return fault.what
        if self.rate is not None:
            now = time.monotonic()
            # No more is saved up than a tenth of a second's worth.
            full = max(1.0, self.rate / 10)
            self._tokens = min(full, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            if self._tokens < 1:
                return self.throttled
            self._tokens -= 1
        return None

    async def _answer(self, fault, method, request, writer) -> bool:
        if isinstance(fault, Answer):
            writer.write(render(fault, method))
            await writer.drain()
            return True
        if fault == RESET:
            reset(writer)
            return False
        if fault == CLOSE:
            return False
        if fault == HANG:
            await asyncio.Event().wait()
        status, headers, body, keep = await self._forward(method, request)
        half = len(body) // 2
        if fault == CLIP:
            body = body[:half]
            headers = [(k, str(half) if k.lower() == "content-length" else v) for k, v in headers]
        head = f"{status}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n"
        if fault in (RESET_BODY, CLOSE_BODY, HANG_BODY):
            writer.write(head.encode("latin-1") + body[:half])
            await writer.drain()
            if fault == HANG_BODY:
                await asyncio.Event().wait()
            if fault == RESET_BODY:
                # What was written must be on its way: a reset drops what is still queued.
                await asyncio.sleep(0.01)
                reset(writer)
            return False
        writer.write(head.encode("latin-1") + body)
        await writer.drain()
        return keep

    async def _forward(self, method, request):
        """Status line, headers and body of the server's answer; whether its end is marked."""
        while True:
            fresh = not self._idle
            if fresh:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.upstream_port, limit=HEAD_LIMIT
                )
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                reader, writer = self._idle.pop()
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                break
            except (ConnectionError, asyncio.IncompleteReadError):
                writer.close()
                # The server may have ended a connection that was idle.
                if fresh:
                    raise
        status, headers = parse_head(head)
        got = lower(headers)
        keep = True
        if method == "HEAD" or status.split(" ")[1] in ("204", "304"):
            body = b""
        elif "chunked" in got.get("transfer-encoding", "").lower():
            body = await read_chunked(reader)
        elif "content-length" in got:
            body = await reader.readexactly(int(got["content-length"]))
        else:
            body = await reader.read()
            keep = False
        if keep and got.get("connection", "").lower() != "close":
            self._idle.append((reader, writer))
        else:
            writer.close()
        return status, [(k, v) for k, v in headers if k.lower() not in HOP_BY_HOP], body, keep


def parse_head(head: bytes):
    """First line and headers."""
    line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (text.partition(":") for text in rest)
    return line, [(name.strip(), value.strip()) for name, _, value in pairs]


def lower(headers) -> dict:
    """Headers by their names in small letters."""
    return {name.lower(): value for name, value in headers}


async def read_chunked(reader) -> bytes:
    """A chunked body, still in its chunks."""
    raw = b""
    while True:
        line = await reader.readline()
        size = int(line.split(b";")[0], 16)
        raw += line + await reader.readexactly(size + 2)
        if size == 0:
            return raw


def render(answer: Answer, method: str) -> bytes:
    """An answer's bytes."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    head = f"HTTP/1.1 {answer.status}\r\n{headers}Content-Length: {len(answer.body)}\r\n\r\n"
    return head.encode() + (b"" if method == "HEAD" else answer.body)


def reset(writer):
    """Ends a connection with RST in place of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
