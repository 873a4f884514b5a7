"""What must work through every pair of protocols. Each function is one row of the matrix; its first line is its name."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import wait_until

from .clients import Cut, H1Client, H2Client, H3Client
from .services import LARGE, WORDS
from .world import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clients import Answer, Client
    from .services import Exchange
    from .world import World


@dataclass
class Cell:
    """A client, the way to an upstream, and what stands behind."""

    world: World
    kind: str
    """What the client speaks."""
    upstream: str
    """What the upstream speaks."""

    @property
    def name(self) -> str:
        return NAMES[self.upstream]

    def __post_init__(self) -> None:
        self.key = f"{random.getrandbits(64):x}"
        self.visit = self.world.shop.begin(self.key)

    def end(self) -> None:
        del self.world.shop.visits[self.key]

    def path(self, what: str, way: str = "") -> str:
        return f"{way}/{self.name}/{what}?key={self.key}"

    def client(self) -> Client:
        return self.world.client(self.kind)

    def seen(self, count: int = 1) -> Exchange:
        """The last request that services saw, once there were so many."""
        wait_until(lambda: len(self.visit.seen) >= count, 10, "the request")
        return self.visit.seen[-1]


Feature = Callable[[Cell], None] if TYPE_CHECKING else object
FEATURES: dict[str, Feature] = {}


def feature(check: Feature) -> Feature:
    FEATURES[(check.__doc__ or "").strip().rstrip(".")] = check
    return check


def said(answer: Answer) -> dict[str, object]:
    assert answer.status == 200, answer
    found: dict[str, object] = json.loads(answer.body)
    return found


@feature
def request(cell: Cell) -> None:
    """A request and its answer."""
    with cell.client() as client:
        for number in range(3):
            answer = said(client.ask("GET", cell.path("echo"), [("x-number", str(number))]))
            assert (answer["method"], answer["path"]) == ("GET", cell.path("echo"))
            assert ["x-number", str(number)] in answer["fields"]  # type: ignore[operator]
    seen = cell.seen(3)
    assert seen.protocol == cell.upstream.split(" ")[0]
    assert seen.header("x-forwarded-proto") == ("http" if cell.kind in ("HTTP/1.1", "HTTP/2 in clear") else "https")


@feature
def body(cell: Cell) -> None:
    """A body whose length is known."""
    data = bytes(range(256)) * 1200
    with cell.client() as client:
        answer = said(client.ask("POST", cell.path("echo"), body=data))
    assert (answer["length"], answer["body"]) == (len(data), hashlib.sha256(data).hexdigest())


@feature
def streamed_body(cell: Cell) -> None:
    """Bodies as they come, both ways at once."""
    with cell.client() as client:
        call = client.open("POST", cell.path("both"))
        call.send(b"first")
        assert call.head()[0] == 200
        assert call.read() == b"first"
        call.send(b"second")
        assert call.read() == b"second"
        call.end()
        assert call.read() is None


@feature
def large_answer(cell: Cell) -> None:
    """A large answer."""
    with cell.client() as client:
        answer = client.ask("GET", cell.path("large"))
    assert (answer.status, len(answer.body), answer.body[-1]) == (200, LARGE, 15)


@feature
def answer_trailers(cell: Cell) -> None:
    """Trailers of an answer."""
    with cell.client() as client:
        answer = client.ask("GET", cell.path("trailers"), [("te", "trailers")])
    assert (answer.body, answer.trailers) == (b"body", [("x-sum", "7")])


@feature
def request_trailers(cell: Cell) -> None:
    """Trailers of a request."""
    with cell.client() as client:
        call = client.open("POST", cell.path("trailers"), [("te", "trailers"), ("trailer", "x-mine")])
        call.send(b"body")
        call.end([("x-mine", "8")])
        answer = call.answer()
    assert ("x-mine-back", "8") in answer.trailers


@feature
def early_hints(cell: Cell) -> None:
    """Early hints (103)."""
    with cell.client() as client:
        call = client.open("GET", cell.path("early"), length=0)
        call.end()
        status, fields = call.interim()
        assert (status, dict(fields)["link"]) == (103, "</style.css>; rel=preload")
        cell.visit.go.release()
        assert call.answer().body == b"late"


@feature
def expectation(cell: Cell) -> None:
    """Expect: 100-continue."""
    with cell.client() as client:
        call = client.open("POST", cell.path("echo"), [("expect", "100-continue")], length=4)
        assert call.interim()[0] == 100
        call.send(b"body")
        call.end()
        assert said(call.answer())["length"] == 4


@feature
def events(cell: Cell) -> None:
    """Server-sent events as they come."""
    with cell.client() as client:
        call = client.open("GET", cell.path("events"), length=0)
        call.end()
        assert dict(call.head()[1])["content-type"] == "text/event-stream"
        for number in range(3):
            assert call.read() == f"data: {number}\n\n".encode()
            cell.visit.go.release()
        assert call.read() is None


@feature
def compressed(cell: Cell) -> None:
    """Compression."""
    with cell.client() as client:
        answer = client.ask("GET", cell.path("words"), [("accept-encoding", "gzip")])
    assert (answer.header("content-encoding"), answer.header("etag")) == ("gzip", 'W/"words"')
    assert gzip.decompress(answer.body) == WORDS
    assert len(answer.body) < len(WORDS) / 10


@feature
def without_body(cell: Cell) -> None:
    """HEAD, 204 and 304."""
    with cell.client() as client:
        head = client.ask("HEAD", cell.path("words"))
        assert (head.status, head.body, head.header("content-length")) == (200, b"", str(len(WORDS)))
        assert client.ask("GET", cell.path("unchanged"), [("if-none-match", '"words"')]).status == 304
        empty = client.ask("GET", cell.path("empty"))
        assert (empty.status, empty.body, empty.header("content-length")) == (204, b"", None)


@feature
def early_answer(cell: Cell) -> None:
    """An answer before the request is whole."""
    with cell.client() as client:
        call = client.open("POST", cell.path("refused"))
        call.send(b"some of it")
        answer = call.answer()
    assert (answer.status, answer.body) == (403, b"no")


@feature
def leaving(cell: Cell) -> None:
    """A client that leaves ends its request at the upstream."""
    with cell.client() as client:
        call = client.open("GET", cell.path("never"), length=0)
        call.end()
        exchange = cell.seen()
        call.cancel()
        assert exchange.gone.wait(10)


@feature
def another_try(cell: Cell) -> None:
    """Another try where a connection or stream breaks."""
    with cell.client() as client:
        answer = client.ask("GET", cell.path("flaky"))
    assert (answer.status, answer.body, cell.visit.tries) == (200, b"after another try", 2)


@feature
def broken_off(cell: Cell) -> None:
    """An answer that breaks off is not taken for a whole one."""
    with cell.client() as client:
        call = client.open("GET", cell.path("cut"), length=0)
        call.end()
        with contextlib.suppress(Cut):
            # Where nobody has seen it begin yet.
            assert call.answer().status == 502


@feature
def websocket(cell: Cell) -> None:
    """WebSocket."""
    with cell.client() as client:
        tunnelled(cell, client, cell.path("socket"), b"bytes", b"bytes")
    assert cell.seen().protocol == cell.upstream.split(" ")[0]


@feature
def handled_websocket(cell: Cell) -> None:
    """WebSocket by a handler, and the one that it opens."""
    with cell.client() as client:
        tunnelled(cell, client, f"/talked/{cell.name}?key={cell.key}", WRITTEN, READ)


WRITTEN, READ = b"\x81\x85\0\0\0\0bytes", b"\x81\x05bytes"
"""A message as a client and as a server write it (RFC 6455 §5.2); the mask is none."""


def tunnelled(cell: Cell, client: Client, path: str, says: bytes, hears: bytes) -> None:
    """Opens a WebSocket by the client's way, and has what it says sent back."""
    version = [("sec-websocket-version", "13")]
    if isinstance(client, H1Client):
        fields = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="),
        ]
        call = client.open("GET", path, [*fields, *version], length=0)
        call.end()
        status, answered = call.interim()
        assert (status, dict(answered)["sec-websocket-accept"]) == (101, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
        client.socket.sendall(says)
        early = client.http.trailing_data[0]
        assert (early or client.socket.recv(len(hears))) == hears
        return
    assert isinstance(client, H2Client | H3Client)
    call = client.tunnel(path, "websocket", version)
    status, answered = call.head()
    assert status == 200 and "sec-websocket-accept" not in dict(answered)
    call.send(says)
    assert (call.read() or b"")[: len(hears)] == hears
    # Each side ends its direction by itself.
    call.end()
    try:
        while call.read() is not None:
            pass
    except Cut as cut:
        # A service of Python's by TLS does not say its end, which is then none.
        if cell.upstream != "HTTP/1.1 by TLS" or "reset" not in str(cut):
            raise


@feature
def handler(cell: Cell) -> None:
    """A handler, and what it calls."""
    with cell.client() as client:
        answer = said(client.ask("GET", f"/called/{cell.name}/echo"))
    assert answer["called"]["path"] == f"/{cell.name}/echo"  # type: ignore[index]


@feature
def gathered(cell: Cell) -> None:
    """A gather, and its parts."""
    with cell.client() as client:
        answer = said(client.ask("GET", f"/gathered/{cell.name}/x"))
    assert answer["gathered"]["path"] == f"/{cell.name}/echo"  # type: ignore[index]


@feature
def mirrored(cell: Cell) -> None:
    """A mirror."""
    with cell.client() as client:
        assert client.ask("GET", cell.path("echo", "/mirrored")).status == 200
        cell.seen(2)


@feature
def reloaded(cell: Cell) -> None:
    """A reload while an answer is under way."""
    mark = f"{cell.kind} {cell.upstream}".replace(" ", "-").replace("/", "-")
    with cell.client() as client:
        call = client.open("GET", cell.path("events"), length=0)
        call.end()
        assert call.head()[0] == 200
        assert call.read() == b"data: 0\n\n"
        cell.world.write(mark)
        with cell.client() as other:
            wait_until(lambda: other.ask("GET", "/mark").text.strip() == mark, 15, "the reload")
        for number in (1, 2):
            cell.visit.go.release()
            assert call.read() == f"data: {number}\n\n".encode()
        cell.visit.go.release()
        assert call.read() is None
