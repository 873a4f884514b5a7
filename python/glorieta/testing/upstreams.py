"""Fake upstreams: what they are asked, and what they answer."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic_core import from_json

from ..handlers.fields import Headers, QueryParams, grouped, parse_query
from ..handlers.transport import CallFailed, CallRequest, CallResponse
from .answers import Answer, answer_of
from .matching import Pattern, best

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

    from .exchange import Tunnel

Outcome = Literal["under way", "answered", "failed", "cancelled"]


class NotFaked(AssertionError):
    """A handler asked a fake upstream for what the test does not fake."""


@dataclass(slots=True)
class ReceivedCall:
    """A call as its upstream sees it."""

    upstream: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    began: float
    """On the fake clock, in seconds."""
    timeout: float | None
    """Seconds that the caller gave it; none: until the request's deadline."""
    path_values: dict[str, str] = field(default_factory=dict)
    """What the names in a fake's path stand for."""
    outcome: Outcome = "under way"
    ended: float | None = None

    @property
    def params(self) -> QueryParams:
        return QueryParams(parse_query(self.query))

    def json(self) -> Any:
        return from_json(self.body)


class FakeUpstream:
    """One fake; `calls` tells what it was asked.

    It is a mapping of `"GET /users/{id}"` to answers, or a function that is given each `ReceivedCall` and returns an
    answer. An answer is an `Answer`, JSON, text, bytes, a status, such a function, or a list of answers in `Several`.
    """

    def __init__(self, name: str, given: Any) -> None:
        self.name = name
        self.calls: list[ReceivedCall] = []
        self._everything: Any = None if isinstance(given, Mapping) else given
        self._patterns: list[tuple[Pattern, Any]] = []
        if isinstance(given, Mapping):
            self._patterns = [(Pattern.read(key), answer) for key, answer in given.items()]

    def __repr__(self) -> str:
        return f"<FakeUpstream {self.name}, asked {len(self.calls)} times>"

    async def answer(self, call: ReceivedCall) -> Answer | Tunnel:
        """What it answers. `NotFaked`: nothing is said about this."""
        given = self._everything
        if given is None:
            found = best([pattern for pattern, _ in self._patterns], call.method, call.path)
            if found is None:
                known = ", ".join(str(pattern) for pattern, _ in self._patterns) or "nothing"
                raise NotFaked(
                    f"the fake upstream {self.name} was asked for {call.method} {call.path}, but has {known}"
                )
            index, call.path_values = found
            given = self._patterns[index][1]
        return await resolved(given, call)

    def only(self) -> ReceivedCall:
        """The one call that it got. `AssertionError`: there were more or fewer."""
        seen = ", ".join(f"{call.method} {call.path}" for call in self.calls) or "none"
        assert len(self.calls) == 1, f"{self.name} was called {len(self.calls)} times: {seen}"
        return self.calls[0]

    def assert_not_called(self) -> None:
        """`AssertionError`: it was called."""
        seen = ", ".join(f"{call.method} {call.path}" for call in self.calls)
        assert not self.calls, f"{self.name} was called: {seen}"

    def assert_asked(self, *wanted: str) -> None:
        """That it got exactly these calls, in this order: `"GET /users/7"`. `AssertionError`: others."""
        seen = [f"{call.method} {call.path}" for call in self.calls]
        assert seen == list(wanted), f"{self.name} was asked {seen}, not {list(wanted)}"


class Several:
    """Answers one after the other; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self._left = deque(answers)

    def next(self) -> Any:
        return self._left.popleft() if len(self._left) > 1 else self._left[0]


async def resolved(given: Any, call: ReceivedCall) -> Answer | Tunnel:
    if hasattr(given, "write"):
        return cast("Tunnel", given)
    if isinstance(given, Several):
        return await resolved(given.next(), call)
    if callable(given):
        result = given(call)
        return await resolved(await result if inspect.isawaitable(result) else result, call)
    return answer_of(given)


class FakeCall:
    """A call to a fake upstream, as the handler's side holds it."""

    def __init__(
        self,
        upstream: FakeUpstream,
        request: CallRequest,
        deadline: float | None,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._upstream = upstream
        self._request = request
        now = self._loop.time()
        path, _, query = request.target.partition("?")
        headers = Headers(grouped(request.headers))
        self.received = ReceivedCall(
            upstream.name, request.method, path, query, headers, request.body or b"", now, request.timeout
        )
        self._expires = now + request.timeout if request.timeout is not None else deadline
        self._failed = failed
        self._body_whole = asyncio.Event()
        if request.body is not None:
            self._body_whole.set()
        self._head: asyncio.Future[CallResponse] = self._loop.create_future()
        self._pieces: asyncio.Queue[bytes | CallFailed] = asyncio.Queue()
        upstream.calls.append(self.received)
        self._tunnel: Tunnel | None = None
        self._task = outside(self._loop, self._run())

    async def _run(self) -> None:
        try:
            async with asyncio.timeout_at(self._expires):
                await self._answer()
        except TimeoutError:
            self._fail(CallFailed("first_byte_timeout", f"{self._upstream.name} gave no answer in time", 1))
        except CallFailed as failed:
            self._fail(failed)
        except Exception as error:
            self._failed(error)
            self._fail(CallFailed("internal", repr(error), 0))

    async def _answer(self) -> None:
        if "upgrade" not in self.received.headers:
            await self._body_whole.wait()
        answer = await self._upstream.answer(self.received)
        if not isinstance(answer, Answer):
            await self._switch(answer)
            return
        await pause(answer.delay)
        if answer.failure:
            raise CallFailed(answer.failure, f"{self._upstream.name}: {answer.failure}", 1)
        pieces = [] if self._request.method == "HEAD" else answer.pieces()
        if not answer.is_streamed:
            self._head.set_result(CallResponse(answer.status, answer.fields(), b"".join(pieces)))
        else:
            self._head.set_result(CallResponse(answer.status, answer.fields(), None))
            for piece in pieces:
                await pause(answer.between)
                # An empty one would be the end.
                if piece:
                    self._pieces.put_nowait(piece)
            if answer.cut:
                raise CallFailed("response_cut_off", f"{self._upstream.name} broke off", 1)
            self._pieces.put_nowait(b"")
        self._end("answered")

    async def _switch(self, tunnel: Tunnel) -> None:
        """Passes on what the upstream sends after its 101, for as long as it does."""
        self._tunnel = tunnel
        self._head.set_result(CallResponse(101, tunnel.headers, None))
        try:
            while piece := await tunnel.read():
                self._pieces.put_nowait(piece)
            self._pieces.put_nowait(b"")
            self._end("answered")
        finally:
            tunnel.close()

    def _fail(self, failed: CallFailed) -> None:
        self._end("failed")
        self._tell(failed)

    def _tell(self, failed: CallFailed) -> None:
        if self._head.done():
            self._pieces.put_nowait(failed)
        else:
            self._head.set_exception(failed)
            # Whoever has asked for it gets it; nobody may have.
            self._head.exception()

    def _end(self, outcome: Outcome) -> None:
        self.received.outcome = outcome
        self.received.ended = self._loop.time()

    def listen(self, heard: Callable[[CallResponse | CallFailed], None]) -> None:
        def tell(head: asyncio.Future[CallResponse]) -> None:
            error = head.exception()
            heard(error if isinstance(error, CallFailed) else head.result())

        self._head.add_done_callback(tell)

    def response(self) -> Awaitable[CallResponse]:
        return self._head

    async def read(self) -> bytes:
        piece = await self._pieces.get()
        if not piece or isinstance(piece, CallFailed):
            self._pieces.put_nowait(piece)
        if isinstance(piece, CallFailed):
            raise piece
        return piece

    async def write(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.write(data)
        else:
            self.received.body += data

    def end(self) -> None:
        self._body_whole.set()
        if self._tunnel is not None:
            self._tunnel.end()

    def cancel(self) -> None:
        if self.received.outcome == "under way":
            self._end("cancelled")
            self._task.cancel()
            self._tell(CallFailed("cancelled", "the call was cancelled", 0))


async def pause(delay: float) -> None:
    if math.isinf(delay):
        await asyncio.get_running_loop().create_future()
    elif delay > 0:
        await asyncio.sleep(delay)


def outside(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that belongs to no request: the upstream's."""
    return asyncio.Task(coroutine, loop=loop)
