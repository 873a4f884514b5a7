"""What a handler has at hand while it handles one request."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .caching import Caching
from .calls import Calls
from .errors import NoRequest, UnknownUpstream, UpstreamError
from .headers import HOP_BY_HOP, OF_THE_ENGINE
from .partial import HEADER, PartialReport
from .tracebacks import told
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import Executor, Future

    from ..transport import Fields, Transport

T = TypeVar("T")
log = logging.getLogger("glorieta.handlers")
TRAVELLING = ("traceparent", "tracestate")
"""Trace context (W3C) goes to every upstream as it came."""
REQUEST_ID = "x-request-id"
BLOCKS = (
    "a synchronous httpx.Client would block the event loop, on which its call is made; use httpx.AsyncClient and "
    "await, or write the handler as a plain def, which runs on a thread"
)

_current: contextvars.ContextVar[CallScope] = contextvars.ContextVar("glorieta_scope")


@dataclass(slots=True)
class Surroundings:
    """What all requests of one router share."""

    calls: tuple[str, ...] = ()
    """Upstreams that may be called."""
    forward_headers: tuple[str, ...] = ()
    """Headers of the client's that go to every upstream, in lower case."""
    threads: Executor | None = None
    """Where functions run that are not asynchronous; none: on the event loop's own threads."""
    on_crash: Callable[[BaseException], object] | None = None
    """Is told of exceptions that nobody expected, beside the log."""
    on_thread_waits: Callable[[Future[Any], asyncio.AbstractEventLoop], object] | None = None
    """Is told what a thread waits for that the event loop does: a test's clock goes on meanwhile."""
    upstreams: dict[str, str] = field(init=False)
    """Names in other spellings, for code that cannot write them as they are: `orders.users` for `orders/users`."""
    places: dict[str, int] = field(init=False)
    """By which the engine knows them."""

    def place(self, name: str) -> int:
        """By which the engine knows an upstream. `UnknownUpstream`: it may not be called."""
        place = self.places.get(name)
        if place is None:
            raise UnknownUpstream(name, self.calls)
        return place

    def __post_init__(self) -> None:
        self.places = {name: place for place, name in enumerate(self.calls)}
        for name in self.forward_headers:
            if name in HOP_BY_HOP or name in OF_THE_ENGINE:
                raise ValueError(f"forward_headers has {name}, which belongs to one connection; leave it out")
        self.upstreams = {name.replace("/", ".").lower(): name for name in self.calls}


def scope_or_none() -> CallScope | None:
    """The request that is being handled, if one is."""
    return _current.get(None)


def current_scope() -> CallScope:
    """The request that is being handled. `NoRequest`: none is."""
    scope = _current.get(None)
    if scope is None:
        raise NoRequest()
    return scope


def upstream(name: str) -> Upstream:
    """An upstream where no parameter can name it: in a dependency of another framework, in a mounted application.
    `UnknownUpstream`: it is not in `calls`; `NoRequest`: no request is being handled."""
    return current_scope().upstream(name)


def missing_parts() -> list[dict[str, Any]]:
    """What the header `glorieta-partial` tells, for an answer that says it in its body as well:
    `[{"part": "orders", "reason": "timeout"}]`, with `status` where the upstream gave one."""
    return current_scope().partial.members()


class CallScope:
    """One request: its upstreams, its calls, what is missing from its answer, what follows it."""

    __slots__ = (
        "_caching",
        "_calls",
        "_forwarded",
        "_loop",
        "_partial",
        "background",
        "surroundings",
        "tasks",
        "transport",
    )

    def __init__(self, transport: Transport, surroundings: Surroundings) -> None:
        self.transport = transport
        self.surroundings = surroundings
        self.background: list[Callable[[], Awaitable[object]]] = []
        """Run one after the other once the answer is whole."""
        self.tasks: set[asyncio.Task[Any]] = set()
        """Tasks that were begun for this request and have not ended."""
        self._loop: asyncio.AbstractEventLoop | None = None
        # Most of these are not needed by most requests.
        self._calls: Calls | None = None
        self._partial: PartialReport | None = None
        self._caching: Caching | None = None
        self._forwarded: Fields | None = None

    @property
    def calls(self) -> Calls:
        """The calls of this request, which share what is the same."""
        if self._calls is None:
            self._calls = Calls(self.transport)
        return self._calls

    @property
    def partial(self) -> PartialReport:
        """Which optional parts are missing."""
        if self._partial is None:
            self._partial = PartialReport()
        return self._partial

    @property
    def caching(self) -> Caching:
        """How long the answer may be kept, as far as its parts say."""
        if self._caching is None:
            self._caching = Caching()
        return self._caching

    def leave(self) -> None:
        """The request has ended: no call of it goes on."""
        if self._calls is not None:
            self._calls.abandon()

    def enter(self) -> contextvars.Token[CallScope]:
        """Makes it the current one of this context, on the event loop that handles it."""
        self._loop = asyncio.get_running_loop()
        return _current.set(self)

    def upstream(self, name: str) -> Upstream:
        """The upstream of this name. `UnknownUpstream`: it is not in `calls`."""
        if name not in self.surroundings.calls:
            raise UnknownUpstream(name, self.surroundings.calls)
        return Upstream(name, self)

    def now(self) -> float:
        """Seconds on the event loop's clock."""
        return asyncio.get_running_loop().time()

    def remaining(self) -> float | None:
        """Seconds until the request's deadline; none: it has none."""
        deadline = self.transport.deadline
        return None if deadline is None else deadline - self.now()

    def forwarded(self) -> Fields:
        """Headers that travel to every upstream by themselves."""
        if self._forwarded is None:
            start = self.transport.start
            wanted = {*TRAVELLING, *self.surroundings.forward_headers}
            fields = [(name, value) for name, value in start.headers if name in wanted]
            if not any(name == REQUEST_ID for name, _ in fields):
                fields.append((REQUEST_ID, start.request_id))
            self._forwarded = fields
        return self._forwarded

    async def run_sync(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Runs a function in a thread of a bounded pool, with this context."""
        context = contextvars.copy_context()
        call = partial(context.run, partial(function, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self.surroundings.threads, call)

    def run_from_thread(self, step: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Has the event loop do something, and waits for it on a thread. `RuntimeError`: this is the loop's thread."""
        loop = self._loop
        assert loop is not None
        if asyncio._get_running_loop() is loop:
            raise RuntimeError(BLOCKS)
        future = asyncio.run_coroutine_threadsafe(step(*args), loop)
        if self.surroundings.on_thread_waits is not None:
            self.surroundings.on_thread_waits(future, loop)
        return future.result()

    def left_out(self, name: str, error: Exception) -> None:
        """An optional part is missing. What only the author of the handler can mend is told to the log as well."""
        self.partial.add(name, error)
        if not isinstance(error, UpstreamError):
            start = self.transport.start
            about = f"{start.method} {start.path}, for it failed (request_id {start.request_id})"
            log.error("%s", told(f'"{name}" is missing from the answer to {about}', error))

    def crashed(self, error: BaseException) -> None:
        """An exception that nobody expected: to the log, and only there. Of an answer that follows the access log
        says that the handler has failed."""
        start = self.transport.start
        self.transport.explain("handler_failed", type(error).__name__)
        log.error(
            "%s", told(f"the handler of {start.method} {start.path} failed (request_id {start.request_id})", error)
        )
        if self.surroundings.on_crash is not None:
            self.surroundings.on_crash(error)

    def finish(self, headers: Fields, status: int = 200) -> None:
        """Adds to an answer's headers what its parts say: which are missing, and how long it may be kept.

        A partial answer is never said to be fresh: `Cache-Control` goes, unless it is `no-store`.
        """
        if self._partial:
            headers[:] = [field for field in headers if field[0] != "cache-control" or "no-store" in field[1].lower()]
            headers.append((HEADER, self._partial.header()))
        elif self._caching is not None and status == 200:
            self._say_freshness(headers, self._caching)

    def _say_freshness(self, headers: Fields, caching: Caching) -> None:
        control = caching.header()
        if control is None or any(name in ("cache-control", "set-cookie") for name, _ in headers):
            return
        headers.append(("cache-control", control))
        known = {word.strip().lower() for name, value in headers if name == "vary" for word in value.split(",")}
        if more := [name for name in caching.vary() if name not in known]:
            headers.append(("vary", ", ".join(more)))

    def track(self, task: asyncio.Task[Any]) -> None:
        """A task that was begun for this request."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
