"""What became of each request and of its calls, for whoever develops a handler (`glorieta dev`).

Routes are wrapped where this is wanted; where it is not, nothing of it is there.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ..transport import CallFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from ..live.scope import CallScope
    from ..routing.route import Listed
    from ..transport import CallRequest, CallResponse, CallTransport, Fields, Transport
    from .application import Application, ServedRoute

    Document = dict[str, Any]
    Tell = Callable[[Document], None]

MOST_CALLS = 100
"""Calls of one request that are told; the others are counted."""
CANCELLED = "cancelled"


class RecordedApplication:
    """An application whose requests are told when they have ended."""

    def __init__(self, application: Application, tell: Tell) -> None:
        self._application = application
        names = [listed.name for listed in application.listing()]
        self.routes = [RecordedRoute(route, name, tell) for route, name in zip(application.routes, names, strict=True)]

    @property
    def calls(self) -> Sequence[str]:
        return self._application.calls

    @property
    def forward_headers(self) -> Sequence[str]:
        return self._application.forward_headers

    def listing(self) -> Sequence[Listed]:
        return self._application.listing()

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        return self._application.lifespan()


class RecordedRoute:
    """One of its routes."""

    def __init__(self, route: ServedRoute, name: str, tell: Tell) -> None:
        self._route = route
        self._name = name
        self._tell = tell

    async def serve(self, transport: Transport, scope: CallScope) -> None:
        recorded = RecordedTransport(transport)
        scope.transport = recorded
        cancelled = False
        try:
            await self._route.serve(recorded, scope)
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            self._tell({"handler": self._name, **recorded.document(cancelled)})


class RecordedTransport:
    """One request, and the times at which things happen to it, in milliseconds since it began."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.start = transport.start
        # The event loop's own clock may be as coarse as a millisecond.
        self._began = time.monotonic()
        self._at = time.time()
        self._status: int | None = None
        self._calls: list[RecordedCall] = []
        self._more = 0

    @property
    def deadline(self) -> float | None:
        return self._transport.deadline

    def now(self) -> float:
        return round((time.monotonic() - self._began) * 1000, 1)

    def document(self, cancelled: bool) -> Document:
        """All of it, once the handler has ended."""
        start = self.start
        return {
            "request_id": start.request_id,
            "method": start.method,
            "target": f"{start.path}?{start.query}" if start.query else start.path,
            "at": self._at,
            "status": self._status,
            "cancelled": cancelled,
            "took_ms": self.now(),
            "calls": [call.document(self.now()) for call in self._calls],
            "more_calls": self._more,
        }

    async def read(self) -> bytes:
        return await self._transport.read()

    def answer(self, status: int, headers: Fields, body: bytes | None) -> None:
        self._note(status)
        self._transport.answer(status, headers, body)

    async def write(self, data: bytes) -> None:
        await self._transport.write(data)

    def end(self) -> None:
        self._transport.end()

    def linger(self) -> None:
        self._transport.linger()

    async def sent(self) -> None:
        await self._transport.sent()

    def explain(self, reason: str, detail: str) -> None:
        self._transport.explain(reason, detail)

    def handled(self) -> None:
        self._transport.handled()

    def fail(self) -> None:
        self._note(500)
        self._transport.fail()

    def _note(self, status: int) -> None:
        if self._status is None:
            self._status = status

    def call(self, request: CallRequest) -> CallTransport:
        call = self._transport.call(request)
        if len(self._calls) >= MOST_CALLS:
            self._more += 1
            return call
        recorded = RecordedCall(call, request, self.now)
        self._calls.append(recorded)
        return recorded


class RecordedCall:
    """One call of it."""

    def __init__(self, call: CallTransport, request: CallRequest, now: Callable[[], float]) -> None:
        self._call = call
        self._request = request
        self._now = now
        self._began = now()
        self._ended: float | None = None
        self._status: int | None = None
        self._reason: str | None = None
        self._tries: int | None = None

    def document(self, now: float) -> Document:
        """`ended_ms` is when its answer was whole; whoever does not wait for that any more has cancelled it."""
        is_over = self._ended is not None
        return {
            "upstream": self._request.upstream,
            "method": self._request.method,
            "target": self._request.target,
            "began_ms": self._began,
            "ended_ms": self._ended if is_over else now,
            "status": self._status,
            "reason": self._reason if is_over else CANCELLED,
            "tries": self._tries,
        }

    def _over(self, reason: str | None = None) -> None:
        if self._ended is None:
            self._ended, self._reason = self._now(), reason

    def _outcome(self, outcome: CallResponse | CallFailed) -> None:
        self._tries = outcome.tries
        if isinstance(outcome, CallFailed):
            self._over(outcome.reason)
            return
        self._status = outcome.status
        if outcome.body is not None:
            self._over()

    def listen(self, heard: Callable[[CallResponse | CallFailed], None]) -> None:
        def noted(outcome: CallResponse | CallFailed) -> None:
            self._outcome(outcome)
            heard(outcome)

        self._call.listen(noted)

    def response(self) -> Awaitable[CallResponse]:
        return self._noted_response()

    async def _noted_response(self) -> CallResponse:
        try:
            response = await self._call.response()
        except CallFailed as failed:
            self._outcome(failed)
            raise
        self._outcome(response)
        return response

    async def read(self) -> bytes:
        try:
            piece = await self._call.read()
        except CallFailed as failed:
            self._outcome(failed)
            raise
        if not piece:
            self._over()
        return piece

    async def write(self, data: bytes) -> None:
        await self._call.write(data)

    def end(self) -> None:
        self._call.end()

    def cancel(self) -> None:
        self._over(CANCELLED)
        self._call.cancel()
