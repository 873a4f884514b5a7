"""One request as a service of the matrix sees it, whatever the protocol; and what services do by path."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..clients import Fields

WAIT_SECONDS = 15.0
LARGE = 1 << 20
WORDS = b"the same words again, " * 500
"""Worth compressing."""
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Tunnel(NamedTuple):
    """How another protocol is read and written, and how it is ended."""

    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    end: Callable[[], None]


class Exchange(ABC):
    """A request under way. Field names are in small letters."""

    method: str
    path: str
    fields: Fields
    protocol: str
    """What the service was asked by."""
    trailers: Fields
    """Known once the body has been read."""
    gone: threading.Event
    """Nobody waits for the answer any more."""

    @abstractmethod
    def read(self) -> bytes | None:
        """The next piece of the request's body; `None` at its end."""

    @abstractmethod
    def interim(self, status: int, fields: Fields) -> None: ...

    @abstractmethod
    def start(self, status: int, fields: Fields, length: int | None = None) -> None: ...

    @abstractmethod
    def send(self, data: bytes) -> None: ...

    @abstractmethod
    def end(self, trailers: Fields = ()) -> None: ...  # type: ignore[assignment]

    @abstractmethod
    def refuse(self) -> None:
        """Breaks off before a word of an answer: a request that may be sent again is."""

    @abstractmethod
    def tunnel(self) -> Tunnel:
        """Switches to another protocol."""

    def body(self) -> bytes:
        found = bytearray()
        while (piece := self.read()) is not None:
            found += piece
        return bytes(found)

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.fields if each == name), None)

    def answer(self, status: int, body: bytes = b"", fields: Fields = ()) -> None:  # type: ignore[assignment]
        self.start(status, list(fields), len(body))
        if body and self.method != "HEAD":
            self.send(body)
        self.end()


class Visit:
    """What services remember of one client."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.go = threading.Semaphore(0)
        """What streams wait for between their pieces: a client that has seen one releases the next."""
        self.tries = 0


class Shop:
    """What services do. Shared by all of them, so that a test can see what each was asked."""

    def __init__(self) -> None:
        self.visits: dict[str, Visit] = {}

    def begin(self, key: str) -> Visit:
        """A client says that it will come: its requests have `key=KEY` as their query."""
        self.visits[key] = Visit()
        return self.visits[key]

    def serve(self, exchange: Exchange) -> None:
        path, _, query = exchange.path.partition("?")
        visit = self.visits.get(query.removeprefix("key="), Visit())
        visit.seen.append(exchange)
        getattr(self, f"do_{path.rsplit('/', 1)[-1]}")(exchange, visit)

    def do_echo(self, exchange: Exchange, visit: Visit) -> None:
        body = exchange.body()
        said = {
            "method": exchange.method,
            "path": exchange.path,
            "body": hashlib.sha256(body).hexdigest(),
            "length": len(body),
            "fields": exchange.fields,
            "trailers": exchange.trailers,
        }
        exchange.answer(200, json.dumps(said).encode(), [("content-type", "application/json")])

    def do_large(self, exchange: Exchange, visit: Visit) -> None:
        exchange.start(200, [("content-type", "application/octet-stream")])
        for number in range(16):
            exchange.send(bytes([number]) * (LARGE // 16))
        exchange.end()

    def do_both(self, exchange: Exchange, visit: Visit) -> None:
        """Sends back each piece as it comes."""
        exchange.start(200, [])
        while (piece := exchange.read()) is not None:
            exchange.send(piece)
        exchange.end()

    def do_trailers(self, exchange: Exchange, visit: Visit) -> None:
        exchange.body()
        exchange.start(200, [("trailer", "x-sum")])
        exchange.send(b"body")
        exchange.end([("x-sum", "7"), *((f"{name}-back", value) for name, value in exchange.trailers)])

    def do_early(self, exchange: Exchange, visit: Visit) -> None:
        exchange.interim(103, [("link", "</style.css>; rel=preload")])
        visit.go.acquire(timeout=WAIT_SECONDS)
        exchange.answer(200, b"late")

    def do_events(self, exchange: Exchange, visit: Visit) -> None:
        exchange.start(200, [("content-type", "text/event-stream"), ("cache-control", "no-store")])
        for number in range(3):
            exchange.send(f"data: {number}\n\n".encode())
            visit.go.acquire(timeout=WAIT_SECONDS)
        exchange.end()

    def do_words(self, exchange: Exchange, visit: Visit) -> None:
        exchange.answer(200, WORDS, [("content-type", "text/plain"), ("etag", '"words"')])

    def do_unchanged(self, exchange: Exchange, visit: Visit) -> None:
        exchange.start(304, [("etag", '"words"')])
        exchange.end()

    def do_empty(self, exchange: Exchange, visit: Visit) -> None:
        exchange.start(204, [])
        exchange.end()

    def do_never(self, exchange: Exchange, visit: Visit) -> None:
        exchange.gone.wait(WAIT_SECONDS)

    def do_flaky(self, exchange: Exchange, visit: Visit) -> None:
        visit.tries += 1
        if visit.tries % 2:
            exchange.refuse()
        else:
            exchange.answer(200, b"after another try")

    def do_cut(self, exchange: Exchange, visit: Visit) -> None:
        exchange.start(200, [], 100)
        exchange.send(b"only this")
        exchange.refuse()

    def do_refused(self, exchange: Exchange, visit: Visit) -> None:
        """Answers before the body has come."""
        exchange.answer(403, b"no")

    def do_socket(self, exchange: Exchange, visit: Visit) -> None:
        """A WebSocket without frames: whatever comes is sent back. What stands in frames is nobody's on the way."""
        accept(exchange)
        tunnel = exchange.tunnel()
        while data := tunnel.read():
            tunnel.write(data)
        tunnel.end()

    def do_talk(self, exchange: Exchange, visit: Visit) -> None:
        """A WebSocket whose first message is sent back (RFC 6455 §5.2); it is short."""
        accept(exchange)
        tunnel = exchange.tunnel()
        said = b""
        while len(said) < 6 or len(said) < 6 + (said[1] & 0x7F):
            said += tunnel.read()
        length, mask = said[1] & 0x7F, said[2:6]
        text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(said[6 : 6 + length]))
        tunnel.write(said[:1] + bytes([length]) + text)
        while tunnel.read():
            pass
        tunnel.end()


def accept(exchange: Exchange) -> None:
    """Notes what answers the client's key."""
    key = exchange.header("sec-websocket-key") or ""
    exchange.fields.append(("accept", base64.b64encode(hashlib.sha1((key + WEBSOCKET).encode()).digest()).decode()))
