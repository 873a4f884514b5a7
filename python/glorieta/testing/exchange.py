"""One request in a test: what a handler sees of it, and what comes of it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from ..handlers.serving.over import OverCall
from .upstreams import FakeCall, FakeUpstream, outside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..handlers.transport import BodyLost, CallRequest, CallTransport, Fields, Start


class Inbox:
    """Pieces on their way, and their end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = deque(piece for piece in pieces if piece)
        self.is_open = False
        self.lost: BodyLost | None = None
        self._news = asyncio.Event()

    def put(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self._news.set()

    def end(self, lost: BodyLost | None = None) -> None:
        self.is_open, self.lost = False, lost
        self._news.set()

    async def get(self) -> bytes:
        """The next piece; empty at the end."""
        while not self.pieces:
            if not self.is_open:
                if self.lost is not None:
                    raise self.lost
                return b""
            self._news.clear()
            await self._news.wait()
        return self.pieces.popleft()


class Exchange:
    """A request under way: the handler's transport, and the client's end of it."""

    def __init__(
        self,
        start: Start,
        upstreams: Mapping[str, FakeUpstream],
        pieces: list[bytes],
        deadline: float | None = None,
    ) -> None:
        self.start = start
        self.deadline = deadline
        self.upstreams = upstreams
        self.inbox = Inbox(pieces)
        """From the client."""
        self.outbox = Inbox([])
        """To the client, who has not read it yet."""
        self.outbox.is_open = True
        self.status: int | None = None
        self.headers: Fields = []
        self.failed = False
        """Whether the handler gave up: a 500 of the engine's, or an answer that is cut."""
        self.late = False
        """Whether its deadline has passed."""
        self.began = 0.0
        self.reason: str | None = None
        """The engine's word where the answer is its own."""
        self.client_gone = False
        self.goes_on = False
        """Whether the handler goes on after its answer, and calls upstreams then."""
        self.mistakes: list[BaseException] = []
        """What is wrong with the test itself, such as a call that it does not fake."""
        self._calls: list[FakeCall] = []
        self._headed = asyncio.Event()
        self._whole = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, handling: Callable[[], Any]) -> None:
        """Starts the handler. At the deadline it is cancelled."""
        loop = asyncio.get_running_loop()
        self._task = outside(loop, handling())
        self._task.add_done_callback(self._handled)
        if self.deadline is not None:
            timer = loop.call_at(self.deadline, self._expire)
            self._task.add_done_callback(lambda _: timer.cancel())

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._cancel_calls()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.mistakes.append(error)
        if not self._whole.is_set():
            self.fail()

    def _expire(self) -> None:
        if not self._whole.is_set() and self.deadline is not None:
            self.late = True
            self.abort()

    def disconnect(self) -> None:
        """The client goes away."""
        if not self._whole.is_set():
            self.client_gone = True
            self.abort()

    def abort(self) -> None:
        """The engine does not want the answer any more; does nothing once it is whole."""
        self.goes_on = False
        self._finish()
        self._cancel_calls()
        if self._task is not None:
            self._task.cancel()

    def _cancel_calls(self) -> None:
        for call in self._calls:
            call.cancel()

    def _finish(self) -> None:
        if self.goes_on:
            self.deadline = None
        self._headed.set()
        self._whole.set()
        self.outbox.end()

    @property
    def is_over(self) -> bool:
        """Whether the handler has ended, with all that follows the answer."""
        return self._task is None or self._task.done()

    async def head(self) -> None:
        """Waits until the answer has begun, or never will."""
        await self._headed.wait()

    async def whole(self) -> None:
        """Waits until the answer is whole, or never will be."""
        await self._whole.wait()

    async def finished(self) -> None:
        """Waits until the handler has ended, with all that follows the answer."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def read(self) -> bytes:
        return await self.inbox.get()

    def answer(self, status: int, headers: Fields, body: bytes | None) -> None:
        if self._headed.is_set():
            return
        self.status, self.headers = status, headers
        if status == 101:
            # A tunnel lasts as long as it lasts.
            self.deadline = None
        self._headed.set()
        if body is not None:
            self.outbox.put(body)
            self._finish()

    async def write(self, data: bytes) -> None:
        if not self._whole.is_set():
            self.outbox.put(data)
        await asyncio.sleep(0)

    def end(self) -> None:
        if not self._whole.is_set():
            self._finish()

    def linger(self) -> None:
        self.goes_on = True

    async def sent(self) -> None:
        await asyncio.sleep(0)

    def explain(self, reason: str, detail: str) -> None:
        """A test sees what failed by the exception itself."""

    def fail(self) -> None:
        if not self._whole.is_set():
            self.failed = True
            self.goes_on = False
            self._finish()

    def handled(self) -> None:
        """The task's end says the same."""

    def call(self, request: CallRequest) -> CallTransport:
        if self._whole.is_set() and not self.goes_on:
            return OverCall()
        upstream = self.upstreams.get(request.upstream)
        if upstream is None:
            upstream = FakeUpstream(request.upstream, {})
        call = FakeCall(upstream, request, self.deadline, self.mistakes.append)
        self._calls.append(call)
        return call


class Tunnel:
    """What an upstream's 101 opens: a fake upstream's exchange, from the caller's side."""

    def __init__(self, exchange: Exchange) -> None:
        self.headers = exchange.headers
        self._exchange = exchange

    async def read(self) -> bytes:
        """The next piece; empty at the end."""
        return await self._exchange.outbox.get()

    def write(self, data: bytes) -> None:
        self._exchange.inbox.put(data)

    def end(self) -> None:
        self._exchange.inbox.end()

    def close(self) -> None:
        """The caller is gone."""
        self._exchange.disconnect()
