"""httpx's requests as calls to upstreams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from .live.headers import HOP_BY_HOP, OF_THE_ENGINE
from .live.scope import current_scope
from .live.uploading import Upload
from .transport import CallFailed, CallRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from typing import TypeVar

    from .live.scope import CallScope
    from .transport import CallResponse, CallTransport, Fields

    T = TypeVar("T")

ERRORS: dict[str, type[httpx.TransportError]] = {
    "refused": httpx.ConnectError,
    "unreachable": httpx.ConnectError,
    "name_unresolved": httpx.ConnectError,
    "tls": httpx.ConnectError,
    "connect_timeout": httpx.ConnectTimeout,
    "first_byte_timeout": httpx.ReadTimeout,
    "idle_timeout": httpx.ReadTimeout,
    "deadline": httpx.ReadTimeout,
    "queue_full": httpx.PoolTimeout,
    "queue_timeout": httpx.PoolTimeout,
    "no_endpoint": httpx.PoolTimeout,
    "draining": httpx.PoolTimeout,
}
"""By the engine's word for why there is no answer; every other one is a `RemoteProtocolError`."""
NOT_SENT = HOP_BY_HOP | OF_THE_ENGINE | {"accept-encoding"}
"""The codings that httpx can read are not asked for: between the engine and its upstreams they cost more than they
save."""


class UpstreamTransport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Sends through the engine."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body, pieces = await body_of(request)
        head, waiting = await begun(current_scope(), request, body, pieces)
        whole = None if head.body is None else httpx.ByteStream(head.body)
        return httpx.Response(head.status, headers=head.headers, stream=whole or AnswerStream(waiting))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The same for a thread that waits. A body in pieces is read to its end first."""
        scope, body = current_scope(), request.read()
        head, waiting = scope.run_from_thread(begun, scope, request, body, None)
        whole = None if head.body is None else httpx.ByteStream(head.body)
        return httpx.Response(head.status, headers=head.headers, stream=whole or AwaitedStream(waiting, scope))


async def begun(
    scope: CallScope, request: httpx.Request, body: bytes | None, pieces: httpx.AsyncByteStream | None
) -> tuple[CallResponse, Waiting]:
    """Sends a request, and waits until its answer begins."""
    target = request.url.raw_path.decode("ascii")
    call = scope.transport.call(
        CallRequest(upstream_of(request, scope), request.method, target, headers_of(request, scope), body)
    )
    waiting = Waiting(call, request, None if pieces is None else Upload(call, pieces))
    try:
        head = await waiting.within(call.response())
    except BaseException:
        waiting.end()
        raise
    if head.body is not None:
        waiting.end()
    return head, waiting


class Waiting:
    """A call under way, on httpx's terms."""

    def __init__(self, call: CallTransport, request: httpx.Request, uploading: Upload | None) -> None:
        self.call = call
        self._request = request
        self._uploading = uploading
        self._timeout: float | None = request.extensions.get("timeout", {}).get("read")

    async def within(self, step: Awaitable[T]) -> T:
        """What a step gives, with httpx's errors and its timeout for reading; and what the body's own iterator raises,
        as it is."""
        try:
            async with asyncio.timeout(self._timeout):
                return await step
        except TimeoutError:
            raise httpx.ReadTimeout(f"nothing came within {self._timeout} s", request=self._request) from None
        except CallFailed as failed:
            if self._uploading is not None and self._uploading.error is not None:
                raise self._uploading.error from None
            kind = ERRORS.get(failed.reason, httpx.RemoteProtocolError)
            raise kind(str(failed), request=self._request) from None

    async def piece(self) -> bytes:
        """The next piece of the answer; empty at its end."""
        return await self.within(self.call.read())

    async def ended(self) -> None:
        self.end()

    def end(self) -> None:
        """Closes the connection to the upstream if the answer is not whole."""
        if self._uploading is not None:
            self._uploading.cancel()
        self.call.cancel()


class AnswerStream(httpx.AsyncByteStream):
    """An answer's body as it comes."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._waiting.piece():
            yield piece

    async def aclose(self) -> None:
        self._waiting.end()


class AwaitedStream(httpx.SyncByteStream):
    """The same, for a thread."""

    def __init__(self, waiting: Waiting, scope: CallScope) -> None:
        self._waiting = waiting
        self._scope = scope

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._scope.run_from_thread(self._waiting.piece):
            yield piece

    def close(self) -> None:
        self._scope.run_from_thread(self._waiting.ended)


async def body_of(request: httpx.Request) -> tuple[bytes | None, httpx.AsyncByteStream | None]:
    """The body, whole if its length is known, else its pieces."""
    if not isinstance(request.stream, httpx.AsyncByteStream):
        raise TypeError("the body is read synchronously; give httpx.AsyncClient an asynchronous iterator")
    if "transfer-encoding" in request.headers:
        return None, request.stream
    return await request.aread(), None


def upstream_of(request: httpx.Request, scope: CallScope) -> str:
    known = scope.surroundings.upstreams
    if (name := known.get(request.url.host.lower())) is None:
        calls = ", ".join(known) or "none"
        message = f'the host "{request.url.host}" is no upstream that may be called; calls= has {calls}'
        raise httpx.UnsupportedProtocol(message, request=request)
    return name


def headers_of(request: httpx.Request, scope: CallScope) -> Fields:
    """What httpx sends, without what is the engine's, and what travels by itself."""
    sent = [(name.lower(), value) for name, value in request.headers.multi_items()]
    fields = [field for field in sent if field[0] not in NOT_SENT]
    given = {name for name, _ in fields}
    return [*fields, *(field for field in scope.forwarded() if field[0] not in given)]
