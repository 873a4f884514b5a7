"""A client that goes away while an answer pauses, by every version of HTTP; and answers that leave before what follows
them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness import RawClient, Services, build
from harness.certificates import Authority
from harness.handled_edge import HandledEdge
from harness.http2 import CANCEL, Http2Client
from harness.http3 import Http3Client
from harness.tls import TlsClient, trusting

REQUEST_CANCELLED = 0x10C
"""RFC 9114 §8.1"""

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATIONS = """
LET_GO = os.path.join(os.path.dirname(__file__), "let-go")


async def pieces():
    yield b"begun"
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("cancelled at", time.time(), flush=True)
        raise


@router.get("/pauses")
async def pauses() -> StreamingResponse:
    return StreamingResponse(pieces())


@router.get("/ticks")
async def ticks() -> StreamingResponse:
    async def some():
        for _ in range(8):
            yield b"tick."
            await asyncio.sleep(0.05)

    return StreamingResponse(some())


async def app(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"].endswith("/pauses"):
        async for piece in pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    size = 1_000_000 if scope["path"].endswith("/large") else 1
    await send({"type": "http.response.body", "body": b"x" * size})
    print("goes on", flush=True)
    # Nothing else runs in this process meanwhile.
    while not os.path.exists(LET_GO):
        time.sleep(0.01)
    print("has ended", flush=True)
"""


class Edge(HandledEdge):
    """One that a client leaves; with TLS it speaks all versions of HTTP."""

    def begin_with(self, services: Services, *, secure: bool) -> None:
        listener = ', /app/*: {asgi: shop.py:app}, /calls/*: {asgi: {application: "shop.py:app", calls: users}}'
        if secure:
            authority = Authority()
            self.ca = authority.write(self.folder)
            authority.leaf("shop.example").write(self.folder, "shop")
            listener += "}\n    versions: [h1, h2, h3]\n    tls: {certificate: shop.crt, key: shop.key"
        self.listener = listener
        self.write(APPLICATIONS, users=services.http("users").address)
        self.configure()
        self.start()

    def heard_after(self, since: float) -> float:
        """Seconds until the handler had heard of it."""
        log = self.wait_log("cancelled at ")
        return float(log.rpartition("cancelled at ")[2].split()[0]) - since

    def stop(self) -> None:
        (self.folder / "let-go").touch()
        self.running.check()
        self.running.stop()


@pytest.fixture
def edge(tmp_path: Path, services: Services) -> Iterator[Edge]:
    made = Edge(tmp_path)
    made.begin_with(services, secure=False)
    yield made
    made.stop()


@pytest.fixture
def secure(tmp_path: Path, services: Services) -> Iterator[Edge]:
    made = Edge(tmp_path)
    made.begin_with(services, secure=True)
    yield made
    made.stop()


SOON = 2.0
"""Seconds: on a quiet machine it is a twentieth of one."""


@pytest.mark.parametrize("path", ["/pauses", "/app/pauses"], ids=["router", "application"])
def test_who_closes_by_http_1_cancels_the_handler_although_nothing_is_written(edge: Edge, path: str) -> None:
    with RawClient(edge.port) as client:
        client.send(build("GET", path))
        assert client.read_head().status == 200
        assert client.reader.exactly(10) == b"5\r\nbegun\r\n"
    assert edge.heard_after(time.time()) < SOON


def test_who_only_ends_its_direction_gets_the_rest(edge: Edge) -> None:
    with RawClient(edge.port) as client:
        client.send(build("GET", "/ticks"))
        client.finish_sending()
        assert client.read_response().body == b"tick." * 8


def test_who_closes_by_tls_is_noticed_as_well(secure: Edge) -> None:
    with TlsClient(secure.port, trusting(secure.ca)) as client:
        client.send(build("GET", "/pauses", [("Host", "shop.example")]))
        assert client.read_head().status == 200
        assert client.reader.exactly(10) == b"5\r\nbegun\r\n"
    assert secure.heard_after(time.time()) < SOON


@pytest.mark.parametrize("leaves", ["stream", "connection"])
def test_who_leaves_by_http_2_cancels_the_handler(secure: Edge, leaves: str) -> None:
    with Http2Client(secure.port, trusting(secure.ca, alpn=["h2"])) as client:
        stream = client.begin(path="/pauses")
        client.wait_for(lambda: client.answers[stream].body == b"begun", "the first piece")
        if leaves == "stream":
            client.h2.reset_stream(stream, CANCEL)
            client.flush()
            assert secure.heard_after(time.time()) < SOON
    assert secure.heard_after(time.time()) < SOON


@pytest.mark.parametrize("leaves", ["stream", "connection"])
def test_who_leaves_by_http_3_cancels_the_handler(secure: Edge, leaves: str) -> None:
    with Http3Client(secure.port, secure.ca) as client:
        stream = client.begin(path="/pauses")
        client.wait(lambda: client.answer(stream).body == b"begun", "the first piece")
        if leaves == "stream":
            client.quic.stop_stream(stream, REQUEST_CANCELLED)
            client.flush()
            assert secure.heard_after(time.time()) < SOON
    assert secure.heard_after(time.time()) < SOON


# Answers that leave before what follows them.


@pytest.mark.parametrize("mounted", ["/app", "/calls"], ids=["calls nobody", "calls"])
@pytest.mark.parametrize(("path", "size"), [("/small", 1), ("/large", 1_000_000)])
def test_an_application_that_blocks_after_its_answer_holds_nobody_up(
    edge: Edge, mounted: str, path: str, size: int
) -> None:
    assert len(edge.get(mounted + path).body) == size
    edge.wait_log("goes on")
    assert "has ended" not in edge.running.stderr
    (edge.folder / "let-go").touch()
    edge.wait_log("has ended")
