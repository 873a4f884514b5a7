"""What the surroundings of a handler give it: one request, and the means to answer it and to call upstreams.

There are two surroundings: a handler process, which speaks with the engine, and a test, which does not
(`glorieta.testing`). A handler cannot tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .certificate import TlsFacts

Fields = list[tuple[str, str]]
"""Header fields in order, duplicates kept; names in lower case, values as Latin-1 text (RFC 9110 §5.5)."""


class BodyLost(Exception):
    """A body will not be whole; `reason` is the engine's word for it, as in the access log."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        """The status that it means to the client: 400, 408 or 413."""


class CallFailed(Exception):
    """An upstream gave no answer, or not a whole one."""

    def __init__(self, reason: str, detail: str, tries: int) -> None:
        super().__init__(detail)
        self.reason = reason
        """The engine's word, as in the access log: `connect_refused`, `first_byte_timeout`, `overloaded`."""
        self.detail = detail
        self.tries = tries
        """How often the request was sent."""


@dataclass(frozen=True, slots=True)
class Start:
    """A request as the engine hands it over: parsed, bounded, matched. The engine's own objects have the same
    attributes, and make of each what Python sees when it is first asked for (`glorieta._engine.Start`)."""

    route: int
    """The handler's route, by its place in the list of the process."""
    method: str
    path: str
    """As it was matched: normalised, escapes kept."""
    query: str
    """After the question mark; without one, empty."""
    protocol: str
    """`http/1.1`, `h2`, `h3`."""
    scheme: str
    client: str
    """The client's address, behind trusted proxies."""
    request_id: str
    parameters: Fields
    """Parameters of the route's path, escapes kept."""
    headers: Fields
    body: bytes | None
    """The whole body; none: it comes in pieces."""
    tls: TlsFacts | None = None
    """None: the client's connection is in clear."""

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as bytes, for ASGI."""
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]

    def has(self, name: str) -> bool:
        """Whether it has a header of this name, in lower case."""
        return any(known == name for known, _ in self.headers)


@dataclass(slots=True)
class CallRequest:
    """A call to an upstream."""

    upstream: str
    method: str
    target: str
    """Path and query."""
    headers: Fields
    body: bytes | None = b""
    """The whole body; none: pieces follow."""
    timeout: float | None = None
    """Seconds for the call; none: until the request's deadline."""


@dataclass(frozen=True, slots=True)
class CallResponse:
    """The head of an upstream's answer, and its body where that is whole. The engine's own are alike
    (`glorieta._engine.CallResponse`)."""

    status: int
    headers: Fields
    body: bytes | None
    """None: it comes in pieces. After a 101 both sides send pieces."""
    tries: int = 1
    """How often the call was sent."""

    def has(self, name: str) -> bool:
        """Whether it has a header of this name, in lower case."""
        return any(known == name for known, _ in self.headers)


class CallTransport(Protocol):
    """One call under way."""

    def listen(self, heard: Callable[[CallResponse | CallFailed], None]) -> None:
        """Calls a function with the answer's head, or with why there is none, once that is known: at once, where it
        is already. There is one listener."""

    def response(self) -> Awaitable[CallResponse]:
        """The answer's head for whoever would rather wait. `CallFailed`: there is none. Asked for once, and not by
        whoever listens."""

    async def read(self) -> bytes:
        """The next piece of the answer's body; empty at its end. `CallFailed`: it was cut."""

    async def write(self, data: bytes) -> None:
        """A piece of the body; waits until the upstream wants more."""

    def end(self) -> None:
        """The body is whole."""

    def cancel(self) -> None:
        """Nobody wants the answer any more: the connection to the upstream is closed. No error if it is over."""


class Transport(Protocol):
    """One request under way."""

    start: Start

    @property
    def deadline(self) -> float | None:
        """When the answer must be there, in seconds on the event loop's clock; none: whenever."""

    async def read(self) -> bytes:
        """The next piece of the request's body; empty at its end. `BodyLost`: it will not be whole."""

    def answer(self, status: int, headers: Fields, body: bytes | None) -> None:
        """The answer; without a body (none) its pieces follow. After a 101 both sides send pieces."""

    async def write(self, data: bytes) -> None:
        """A piece of the answer; waits until the client wants more."""

    def end(self) -> None:
        """The answer is whole."""

    def linger(self) -> None:
        """The handler goes on once its answer is whole, and calls upstreams then: said before the answer is whole.
        From its end on it has no deadline, and a client that goes away does not cancel it; calls are made as long as
        `handlers: {background: …}` says."""

    async def sent(self) -> None:
        """Waits until what was said of the answer has left, all of it where it is whole: what blocks the event loop
        from here on does not hold the client up, or, where other handlers run, only until the loop is seen to be
        blocked."""

    def explain(self, reason: str, detail: str) -> None:
        """Says why the answer that follows is an error, for the access log: `reason` is a word of the engine's.
        Nothing where that answer is no error after all, or was given before."""

    def fail(self) -> None:
        """The handler failed: before the answer that is a 500 of the engine's, after it the answer is cut."""

    def handled(self) -> None:
        """The handler has ended, and nothing of it goes on. If it has not answered, it has failed."""

    def call(self, request: CallRequest) -> CallTransport:
        """Begins a call to an upstream."""
