"""One call, as it is built: what is sent, how long it may take, and what is made of the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from ..transport import CallRequest
from .calls import SLACK, Running
from .durations import seconds
from .errors import UpstreamError
from .streaming import streamed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Generator
    from contextlib import AbstractAsyncContextManager

    from ..transport import Fields
    from .durations import Duration
    from .response import UpstreamResponse
    from .scope import CallScope
    from .streaming import StreamedResponse

T = TypeVar("T")
M = TypeVar("M")
D = TypeVar("D")
LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that a handler holds at most, unless `limit` says otherwise."""


class Call(Generic[T]):
    """A call to an upstream: `await` it, or give it to `gather`. Each method returns the call itself."""

    __slots__ = (
        "_body",
        "_content",
        "_convert",
        "_default",
        "_fresh",
        "_headers",
        "_largest",
        "_method",
        "_name",
        "_scope",
        "_target",
        "_timeout",
        "_upstream",
        "is_optional",
    )

    def __init__(
        self,
        scope: CallScope,
        upstream: str,
        method: str,
        target: str,
        headers: Fields,
        body: bytes | None,
        content: AsyncIterable[bytes] | None,
    ) -> None:
        self._scope = scope
        self._upstream = self._name = upstream
        self._method = method
        self._target = target
        self._headers = headers
        self._body = body
        self._content = content
        self._timeout: float | None = None
        self._largest = LARGEST
        self._convert: Callable[[UpstreamResponse], Any] | None = None
        self._fresh = False
        self.is_optional = False
        """Whether a default stands in for it where it fails."""
        self._default: Any = None

    def timeout(self, duration: Duration) -> Call[T]:
        """How long the whole call may take, its tries included. Without: until the request's deadline."""
        self._timeout = seconds(duration)
        return self

    def limit(self, largest: int) -> Call[T]:
        """How many bytes the answer may have; 8 MiB unless said. `UpstreamError` of kind `too_large` beyond it."""
        self._largest = largest
        return self

    def fresh(self) -> Call[T]:
        """It is made anew. Without this the same safe call (`GET`, `HEAD`, `OPTIONS`) of one request is made once, and
        its answer, if it is a 2xx, kept until the request ends: for who polls, that is too long."""
        self._fresh = True
        return self

    def ok(self) -> Call[T]:
        """A status that is not a 2xx becomes an `UpstreamError`."""
        self._convert = right
        return self

    @overload
    def json(self) -> Call[Any]: ...
    @overload
    def json(self, model: type[M]) -> Call[M]: ...
    @overload
    def json(self, model: Any) -> Call[Any]: ...
    def json(self, model: Any = None) -> Call[Any]:
        """The decoded body of a 2xx; with a model, or any annotation that pydantic knows, validated. `UpstreamError`:
        another status, not JSON, or not of that form."""
        self._convert = right_json if model is None else lambda response: right(response).json(model)
        return self

    def text(self) -> Call[str]:
        """The body of a 2xx as text. `UpstreamError`: another status, or a content coding."""
        self._convert = lambda response: right(response).text
        return cast("Call[str]", self)

    def optional(self, default: D, *, name: str | None = None) -> Call[T | D]:
        """Where the call fails, `default` stands in, and the answer says so in its header `glorieta-partial`, under
        the upstream's name or this one."""
        self.is_optional = True
        self._default = default
        self._name = name or self._upstream
        return cast("Call[T | D]", self)

    def __repr__(self) -> str:
        return f"<Call {self._method} {self._target} of {self._upstream}>"

    def __await__(self) -> Generator[Any, None, T]:
        return self._answer().__await__()

    async def _answer(self) -> T:
        running = self.begin(None)
        if running.is_over:
            return self.outcome(running)
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()

        def done(_: int = 0, __: Running | None = None) -> None:
            if not over.done():
                over.set_result(None)

        running.waiting.append((done, 0))
        end = self.own_end(running, None)
        timer = None if end is None else loop.call_at(end, done)
        try:
            await over
        finally:
            if timer is not None:
                timer.cancel()
            is_late = not running.is_over
            running.leave(done, 0)
        return self.stand_in(self.late()) if is_late else self.outcome(running)

    def begin(self, deadline: float | None) -> Running:
        """Sends it, or joins the same call of this request. `deadline` is on the event loop's clock."""
        if deadline is None and self._timeout is None:
            request, expires = self._request(None), None
        else:
            now = asyncio.get_running_loop().time()
            expires = self._expires(now, deadline)
            request = self._request(None if expires is None else expires - now)
            if expires is not None and expires <= now:
                running = Running(request, expires, self._largest)
                running.error, running.is_over = self.late(), True
                return running
        return self._scope.calls.begin(request, self._headers, expires, self._largest, self._content, self._fresh)

    def _request(self, timeout: float | None) -> CallRequest:
        headers = self._scope.forwarded()
        if self._headers:
            given = {name for name, _ in self._headers}
            headers = [*self._headers, *(field for field in headers if field[0] not in given)]
        return CallRequest(self._upstream, self._method, self._target, headers, self._body, timeout)

    def _expires(self, now: float, deadline: float | None) -> float | None:
        """When it is given up; none: at the request's deadline."""
        whole = self._scope.transport.deadline
        if self._timeout is not None:
            own = now + self._timeout
            deadline = own if deadline is None else min(own, deadline)
        return deadline if deadline is None or whole is None else min(deadline, whole)

    def own_end(self, running: Running, deadline: float | None) -> float | None:
        """When this call is given up before the one that it has joined; none: that ends in time by itself."""
        if self._timeout is None:
            return None
        end = self._expires(asyncio.get_running_loop().time(), deadline)
        assert end is not None
        return end if running.expires is None or end < running.expires - SLACK else None

    def outcome(self, running: Running) -> T:
        """What is made of a call that is over. `UpstreamError`: it failed and is not optional. What the caller's own
        iterator of the body raised is raised as it is."""
        if running.failure is not None:
            raise running.failure
        if running.error is not None:
            return self.stand_in(running.error)
        assert running.response is not None
        try:
            return cast("T", running.response if self._convert is None else self._convert(running.response))
        except UpstreamError as error:
            return self.stand_in(error)

    def stand_in(self, error: UpstreamError) -> T:
        """The default, reported as missing. Raises the error where there is none."""
        if not self.is_optional:
            # Several may have waited for the call: each has where it waited itself, and not what was added before.
            raise error.with_traceback(None)
        self._scope.partial.add(self._name, error)
        return cast("T", self._default)

    def late(self) -> UpstreamError:
        """The error of a call whose time is up."""
        detail = f"{self._method} {self._target}: no answer in time"
        return UpstreamError(self._upstream, "timeout", detail, reason="deadline")

    def stream(self) -> AbstractAsyncContextManager[StreamedResponse]:
        """The answer in pieces, of any size: `async with files.get("/big").stream() as answer:`. `UpstreamError`:
        there is none, or it is cut. Leaving it early closes the upstream's connection."""
        now = asyncio.get_running_loop().time()
        expires = self._expires(now, None)
        return streamed(self._scope, self._request(None if expires is None else expires - now), self._content)


def right(response: UpstreamResponse) -> UpstreamResponse:
    return response.raise_for_status()


def right_json(response: UpstreamResponse) -> Any:
    return response.raise_for_status().json()
