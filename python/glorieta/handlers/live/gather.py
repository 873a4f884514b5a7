"""Several calls at once, for one answer.

```python
user, recent = await gather(
    users.get("/users/{id}", path={"id": user_id}).json(User),
    orders.get("/orders", params={"user": user_id}).json().optional([]),
    deadline="300ms",
)
```

All have one deadline. A required part that fails ends the rest, and its failure is the answer's. An optional one is
replaced by its default, and the answer says that it is missing.
"""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .call import Call
from .durations import seconds
from .errors import UpstreamError
from .scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from .calls import Running
    from .durations import Duration
    from .scope import CallScope

T = TypeVar("T")
D = TypeVar("D")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
RESERVE = 0.05
"""The share of the remaining time that is kept back for making the answer, where there are optional parts and no
deadline is said: so that a slow optional part costs itself, and not the whole answer."""
MOST_RESERVED = 0.1
"""Seconds of it at most."""


class Optional(Generic[T]):
    """Something to await whose failing does not matter; made by `optional`."""

    __slots__ = ("awaitable", "default", "name")

    def __init__(self, awaitable: Awaitable[Any], default: Any, name: str) -> None:
        self.awaitable = awaitable
        self.default = default
        self.name = name

    def __await__(self) -> Generator[Any, None, T]:
        return self._answer().__await__()

    async def _answer(self) -> T:
        scope = current_scope()
        try:
            return await self.awaitable  # type: ignore[no-any-return]
        except Exception as error:
            if not self.excuses(error):
                raise
            scope.left_out(self.name, error)
            return self.default  # type: ignore[no-any-return]

    def excuses(self, error: BaseException) -> bool:
        """Whether the default stands in for it. A call that raises anything else than an `UpstreamError` was built
        wrongly, or its body failed."""
        return isinstance(error, UpstreamError if isinstance(self.awaitable, Call) else Exception)


def optional(awaitable: Awaitable[T], default: D, *, name: str) -> Optional[T | D]:
    """A part of one's own, of several calls or of none, that may be missing: where it raises any `Exception`, or is
    late in `gather`, `default` stands in, reported under `name`. What is no `UpstreamError` is reported as `failed`,
    and its traceback is in the log. A single call has `.optional(…)` itself."""
    return Optional(awaitable, default, name)


@overload
async def gather(a: Awaitable[A], /, *, deadline: Duration | None = None) -> tuple[A]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], /, *, deadline: Duration | None = None) -> tuple[A, B]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *, deadline: Duration | None = None
) -> tuple[A, B, C]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], e: Awaitable[E], /, *, deadline: Duration | None = None
) -> tuple[A, B, C, E]: ...
@overload
async def gather(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    e: Awaitable[E],
    f: Awaitable[F],
    /,
    *,
    deadline: Duration | None = None,
) -> tuple[A, B, C, E, F]: ...
@overload
async def gather(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    e: Awaitable[E],
    f: Awaitable[F],
    g: Awaitable[G],
    /,
    *,
    deadline: Duration | None = None,
) -> tuple[A, B, C, E, F, G]: ...
@overload
async def gather(*parts: Awaitable[Any], deadline: Duration | None = None) -> tuple[Any, ...]: ...
async def gather(*parts: Awaitable[Any], deadline: Duration | None = None) -> tuple[Any, ...]:
    """The results of all parts, in their order: calls, `optional(…)`, or anything else that can be awaited.

    `deadline` is for all of them, and never later than the request's. `UpstreamError`: a required part failed; any
    other exception of a part passes as well. Either way, and when the handler is cancelled, the parts that have not
    ended are cancelled, down to their connections.
    """
    gathering = Gathering(current_scope(), parts)
    try:
        gathering.begin(None if deadline is None else seconds(deadline))
        return await gathering.results()
    finally:
        gathering.end()


class Gathering:
    """Parts under way. Each settles once; the last one, a failure or the deadline wakes whoever waits for all."""

    def __init__(self, scope: CallScope, parts: tuple[Awaitable[Any], ...]) -> None:
        self.scope = scope
        self.parts = parts
        self.values: list[Any] = [None] * len(parts)
        self.under_way: dict[int, Running | asyncio.Future[Any]] = {}
        self.begun = 0
        self.error: BaseException | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.timers: list[asyncio.TimerHandle] = []

    def begin(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        deadline = self.deadline(loop.time(), timeout)
        if deadline is not None:
            self.timers.append(loop.call_at(deadline, self.late))
        for index, part in enumerate(self.parts):
            self.begun += 1
            if isinstance(part, Call):
                self.begin_call(index, part, deadline)
            else:
                self.begin_other(index, part)
        self.look()

    def deadline(self, now: float, timeout: float | None) -> float | None:
        """When all must have ended; none: at the request's deadline."""
        whole = self.scope.transport.deadline
        if timeout is not None:
            return now + timeout if whole is None else min(now + timeout, whole)
        if whole is None or not any(map(is_optional, self.parts)):
            return None
        return whole - min(max(whole - now, 0) * RESERVE, MOST_RESERVED)

    def begin_call(self, index: int, call: Call[Any], deadline: float | None) -> None:
        running = call.begin(deadline)
        self.under_way[index] = running
        if running.is_over:
            self.call_over(index, running)
        else:
            running.waiting.append((self.call_over, index))
            if (end := call.own_end(running, deadline)) is not None:
                self.timers.append(asyncio.get_running_loop().call_at(end, self.part_late, index))

    def begin_other(self, index: int, part: Awaitable[Any]) -> None:
        awaitable = part.awaitable if isinstance(part, Optional) else part
        future = asyncio.ensure_future(awaitable)
        self.under_way[index] = future
        future.add_done_callback(partial(self.other_over, index))

    def call_over(self, index: int, running: Running) -> None:
        if self.under_way.pop(index, None) is None:
            return
        call = self.parts[index]
        assert isinstance(call, Call)
        try:
            self.values[index] = call.outcome(running)
            if running.response is not None:
                self.scope.caching.add(running.response)
        except Exception as error:
            self.fail(error)
        if self.error is not None or not self.under_way:
            self.look()

    def other_over(self, index: int, future: asyncio.Future[Any]) -> None:
        if self.under_way.pop(index, None) is None:
            if not future.cancelled():
                future.exception()
            return
        self.scope.caching.add_unknown()
        if future.cancelled():
            self.fail(asyncio.CancelledError())
        elif (error := future.exception()) is None:
            self.values[index] = future.result()
        elif not self.stand_in(index, error):
            self.fail(error)
        self.look()

    def stand_in(self, index: int, error: BaseException) -> bool:
        """Puts an optional part's default in its place. `False`: the part is required."""
        part = self.parts[index]
        if isinstance(part, Call) and part.is_optional and isinstance(error, UpstreamError):
            self.values[index] = part.stand_in(error)
            return True
        if isinstance(part, Optional) and isinstance(error, Exception) and part.excuses(error):
            self.scope.left_out(part.name, error)
            self.values[index] = part.default
            return True
        return False

    def late(self) -> None:
        """The deadline: what is required has failed, what is optional is missing."""
        for index in list(self.under_way):
            self.part_late(index)

    def part_late(self, index: int) -> None:
        """A part's time is up."""
        running = self.under_way.pop(index, None)
        if running is None:
            return
        part = self.parts[index]
        error = part.late() if isinstance(part, Call) else late_error(part)
        if not self.stand_in(index, error):
            self.fail(error)
        self.cancel(index, running)
        self.look()

    def fail(self, error: BaseException) -> None:
        """The first failure is the answer's."""
        if self.error is None:
            self.error = error

    def look(self) -> None:
        if (self.error is not None or not self.under_way) and not self.over.done():
            self.over.set_result(None)

    async def results(self) -> tuple[Any, ...]:
        await self.over
        if self.error is not None:
            raise self.error
        return tuple(self.values)

    def end(self) -> None:
        """Nobody waits any more. Parts that were never begun are closed, so that Python does not complain."""
        for timer in self.timers:
            timer.cancel()
        under_way, self.under_way = self.under_way, {}
        for index, running in under_way.items():
            self.cancel(index, running)
        for part in self.parts[self.begun :]:
            awaitable = part.awaitable if isinstance(part, Optional) else part
            if inspect.iscoroutine(awaitable):
                awaitable.close()

    def cancel(self, index: int, running: Running | asyncio.Future[Any]) -> None:
        if isinstance(running, asyncio.Future):
            running.cancel()
        else:
            running.leave(self.call_over, index)


def is_optional(part: Awaitable[Any]) -> bool:
    return isinstance(part, Optional) or (isinstance(part, Call) and part.is_optional)


def late_error(part: Awaitable[Any]) -> UpstreamError:
    name = part.name if isinstance(part, Optional) else getattr(part, "__qualname__", type(part).__name__)
    return UpstreamError(str(name), "timeout", "not ready in time", reason="deadline")
