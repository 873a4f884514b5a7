"""Calls under way, shared within one request.

A call is begun once for everyone in the request who asks for the same, and cancelled when nobody waits any more. Its
answer is kept for who asks later, if it is a success: what failed may be tried again.
Whoever waits leaves a function to be called: a task per call would cost more than the rest of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..transport import CallFailed, CallResponse
from .errors import UpstreamError
from .response import UpstreamResponse
from .uploading import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Hashable

    from ..transport import CallRequest, CallTransport, Fields, Transport

    Done = Callable[[int, "Running"], None]

SHARED = frozenset({"GET", "HEAD", "OPTIONS"})
"""Safe methods without a body: the same one, asked twice, is one call."""
MOST_KEPT = 256
"""Calls that may be shared at a time; the oldest gives way. A WebSocket is one request for as long as it is open."""
SLACK = 0.001
"""Seconds by which one deadline may be later than another and still be the same."""


class Running:
    """One call under way, or its outcome: `response`, `error` or `failure` is set once it is over."""

    __slots__ = (
        "_call",
        "_largest",
        "_reading",
        "_uploading",
        "error",
        "expires",
        "failure",
        "is_over",
        "request",
        "response",
        "waiting",
    )

    def __init__(self, request: CallRequest, expires: float | None, largest: int) -> None:
        self.request = request
        self.expires = expires
        """When the engine gives up on it, on the event loop's clock; none: at the request's deadline."""
        self.is_over = False
        self.response: UpstreamResponse | None = None
        self.error: UpstreamError | None = None
        self.failure: Exception | None = None
        """What the caller's own iterator of the body raised: no matter of the upstream's."""
        self.waiting: list[tuple[Done, int]] = []
        """Who is called once it is over, and with which number."""
        self._largest = largest
        self._call: CallTransport | None = None
        self._reading: asyncio.Future[CallResponse] | None = None
        self._uploading: Upload | None = None

    def begin(self, call: CallTransport, content: AsyncIterable[bytes] | None) -> None:
        self._call = call
        if content is not None:
            self._uploading = Upload(call, content, self._upload_failed)
        call.listen(self._heard)

    def _heard(self, head: CallResponse | CallFailed) -> None:
        if self.is_over:
            return
        if isinstance(head, CallFailed):
            self._fail(head)
        elif (body := head.body) is not None:
            self._answered(head, body)
        else:
            self._reading = asyncio.ensure_future(self._read(head))
            self._reading.add_done_callback(self._read_to_end)

    async def _read(self, answer: CallResponse) -> CallResponse:
        call = self._call
        assert call is not None
        pieces, size = [], 0
        while piece := await call.read():
            size += len(piece)
            if size > self._largest:
                call.cancel()
                raise self._too_large(answer)
            pieces.append(piece)
        return CallResponse(answer.status, answer.headers, b"".join(pieces), answer.tries)

    def _read_to_end(self, reading: asyncio.Future[CallResponse]) -> None:
        if reading.cancelled():
            self._fail(CallFailed("cancelled", "the call was cancelled", 0))
        elif (error := reading.exception()) is not None:
            self._fail(error)
        elif not self.is_over:
            answer = reading.result()
            self._answered(answer, answer.body or b"")

    def _answered(self, answer: CallResponse, body: bytes) -> None:
        if len(body) > self._largest:
            self._over(None, self._too_large(answer))
            return
        request = self.request
        self._over(UpstreamResponse(request.upstream, request.method, request.target, answer, body), None)

    def _too_large(self, answer: CallResponse) -> UpstreamError:
        detail = f"{self.request.method} {self.request.target}: the answer is larger than {self._largest} bytes"
        return UpstreamError(self.request.upstream, "too_large", detail, tries=answer.tries)

    def _upload_failed(self, failure: Exception) -> None:
        if not self.is_over:
            self.failure = failure
            self._over(None, None)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, CallFailed):
            error = UpstreamError.of(self.request.upstream, error)
        if not isinstance(error, UpstreamError):
            made = UpstreamError(self.request.upstream, "broken", f"the call's body failed: {error!r}")
            made.__cause__ = error
            error = made
        self._over(None, error)

    def _over(self, response: UpstreamResponse | None, error: UpstreamError | None) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.response, self.error = response, error
        # Each knows the other: what is left of a call is freed at once, and no work for the collector of cycles.
        self._call = None
        if self._uploading is not None:
            self._uploading.cancel()
        waiting, self.waiting = self.waiting, []
        for done, number in waiting:
            done(number, self)

    def leave(self, done: Done, number: int) -> None:
        """Somebody does not wait any more; with the last one the call is cancelled."""
        if (done, number) in self.waiting:
            self.waiting.remove((done, number))
        if not self.waiting:
            self.abandon()

    def abandon(self) -> None:
        """Cancels it down to the upstream's connection. Does nothing if it is over."""
        if self.is_over:
            return
        self.is_over = True
        self.waiting.clear()
        self.error = UpstreamError(self.request.upstream, "broken", "the call was cancelled", reason="cancelled")
        for part in (self._uploading, self._reading):
            if part is not None:
                part.cancel()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()


class Calls:
    """The calls of one request."""

    __slots__ = ("_all", "_shared", "_transport")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._shared: dict[Hashable, Running] = {}
        self._all: list[Running] = []

    def begin(
        self,
        request: CallRequest,
        own_headers: Fields,
        expires: float | None,
        largest: int,
        content: AsyncIterable[bytes] | None = None,
        fresh: bool = False,
    ) -> Running:
        """Begins a call, or joins the same one. After an unsafe call nothing from before it is the same any more.
        `own_headers`: those by which it may differ from the others; what the request forwards is the same for all.
        `fresh`: it joins none, and none joins it; who asks after it gets no answer from before it."""
        if request.method not in SHARED or request.body != b"" or content is not None:
            self._shared.clear()
            return self._started(request, expires, largest, content)
        key = (request.upstream, request.method, request.target, tuple(own_headers), largest)
        if fresh:
            self._shared.pop(key, None)
            return self._started(request, expires, largest, None)
        known = self._shared.get(key)
        if known is not None and is_shared(known, expires):
            return known
        if len(self._shared) >= MOST_KEPT:
            del self._shared[next(iter(self._shared))]
        self._shared[key] = started = self._started(request, expires, largest, None)
        return started

    def _started(
        self, request: CallRequest, expires: float | None, largest: int, content: AsyncIterable[bytes] | None
    ) -> Running:
        running = Running(request, expires, largest)
        running.begin(self._transport.call(request), content)
        if len(self._all) >= MOST_KEPT:
            self._all = [each for each in self._all if not each.is_over]
        self._all.append(running)
        return running

    def abandon(self) -> None:
        """The request has ended: nothing of it goes on."""
        for running in self._all:
            if not running.is_over:
                running.abandon()


def is_shared(running: Running, expires: float | None) -> bool:
    """Whether it is for somebody else as well: it has succeeded, or is under way and not given up before them."""
    if running.is_over:
        return running.response is not None and running.response.ok
    if running.expires is None:
        return True
    return expires is not None and expires <= running.expires + SLACK
