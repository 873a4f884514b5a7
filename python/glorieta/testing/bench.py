"""A router among fake upstreams: what the clients of tests have in common."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ..handlers.asgi import mount
from ..handlers.live.scope import Surroundings
from ..handlers.problems import HTTPException, answer_of
from ..handlers.serving.handling import handle
from .answers import Answer
from .asking import Asked, asked
from .clock import FakeClockLoop
from .exchange import Exchange, Tunnel
from .matching import Pattern, best, other_slash
from .response import TestResponse
from .upstreams import FakeUpstream, ReceivedCall

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..handlers.serving.application import Application

Overrides = Mapping[Callable[..., Any], Callable[..., Any]]


def lent(awaited: Future[Any], loop: asyncio.AbstractEventLoop) -> None:
    """A thread waits for the event loop; a fake clock must not wait for the thread."""
    if isinstance(loop, FakeClockLoop):
        loop.lend_thread(awaited)


class Bench:
    """What is tested, and its surroundings."""

    def __init__(self, router: Any, upstreams: Mapping[str, Any], overrides: Overrides | None = None) -> None:
        self.application = application_of(router, overrides or {})
        self.upstreams: dict[str, FakeUpstream] = {}
        self.crashes: list[BaseException] = []
        """Exceptions of handlers that nobody expected."""
        self._ids = itertools.count(1)
        self._surroundings = Surroundings(
            tuple(self.application.calls),
            tuple(self.application.forward_headers),
            on_crash=self.crashes.append,
            on_thread_waits=lent,
        )
        self._listing = self.application.listing()
        self._patterns = [
            Pattern(None if route.method == "*" else route.method, tuple(route.path[1:].split("/")), route.is_websocket)
            for route in self._listing
        ]
        self.fake(upstreams)

    def fake(self, upstreams: Mapping[str, Any]) -> None:
        """Puts fakes in the place of upstreams. `ValueError`: the router calls no such one."""
        for name, given in upstreams.items():
            if name not in self.application.calls:
                known = ", ".join(self.application.calls) or "none"
                raise ValueError(f'the router does not call "{name}"; its calls= has {known}')
            self.upstreams[name] = FakeUpstream(name, self._served(given) if is_served(given) else given)

    def _served(self, given: Any) -> Callable[[ReceivedCall], Any]:
        """A router or an ASGI application as an upstream; what it calls itself are these fakes, too."""
        inner = Bench(given, {})
        inner.upstreams = self.upstreams

        async def answer(call: ReceivedCall) -> Answer | Tunnel:
            target = f"{call.path}?{call.query}" if call.query else call.path
            request = asked(call.method, target, headers=call.headers.multi_items(), content=call.body)
            exchange = inner.begin(request)
            exchange.inbox.is_open = "upgrade" in call.headers
            try:
                await exchange.head()
                if exchange.status == 101:
                    return Tunnel(exchange)
                response = await inner.answered(exchange)
            except BaseException:
                exchange.abort()
                raise
            return Answer(response.status_code, body=response.content, headers=response.fields)

        return answer

    def begin(self, request: Asked) -> Exchange:
        """Sends a request, if a route takes it; the engine's own answer if none does."""
        loop = asyncio.get_running_loop()
        if isinstance(loop, FakeClockLoop):
            loop.count_anyio()
        now = loop.time()
        upgrades = any(name == "upgrade" and value.lower() == "websocket" for name, value in request.headers)
        found = best(self._patterns, request.method, request.path, upgrades=upgrades)
        index, values = found or (0, {})
        start = request.start(index, list(values.items()), f"test-{next(self._ids)}")
        deadline = None if request.timeout is None else now + request.timeout
        exchange = Exchange(start, self.upstreams, request.pieces, deadline)
        exchange.began = now
        if found is None:
            self._refuse(exchange, request)
            return exchange
        route = self.application.routes[index]
        exchange.begin(lambda: handle(route, exchange, self._surroundings))
        return exchange

    def _refuse(self, exchange: Exchange, request: Asked) -> None:
        """What the engine answers where no route matches."""
        if (location := self._elsewhere(request)) is not None:
            exchange.reason = "slash_redirect"
            exchange.answer(*answer_of(HTTPException(307, None, {"location": location})))
            return
        fit = sorted({p.method for p in self._patterns if p.method and p.values(request.path) is not None})
        exchange.reason = "method_not_allowed" if fit else "no_route"
        headers = {"allow": ", ".join(fit)} if fit else None
        exchange.answer(*answer_of(HTTPException(405 if fit else 404, None, headers)))

    def _elsewhere(self, request: Asked) -> str | None:
        """Where a client is sent that is only wrong about the slash at the path's end."""
        path = other_slash(request.path)
        found = None if path is None else best(self._patterns, request.method, path)
        if found is None or not self._listing[found[0]].redirect_slashes:
            return None
        if any(pattern.method and pattern.values(request.path) is not None for pattern in self._patterns):
            return None
        return f"{path}?{request.query}" if request.query else path

    async def answered(self, exchange: Exchange) -> TestResponse:
        """The answer. Raises what is wrong with the test, such as a call that it does not fake."""
        await exchange.whole()
        for mistake in exchange.mistakes:
            raise mistake
        seconds = asyncio.get_running_loop().time() - exchange.began
        status, fields, reason = exchange.status, exchange.headers, exchange.reason
        if exchange.client_gone:
            raise Disconnected("the client went away before the answer was whole")
        if status is None:
            reason = "handler_timeout" if exchange.late else "handler_failed"
            status, fields, body = answer_of(HTTPException(504 if exchange.late else 500))
        else:
            reason = "cut" if exchange.failed or exchange.late else reason
            body = b"".join(exchange.outbox.pieces)
        return TestResponse(status, fields, body, reason=reason, seconds=seconds)

    def crash(self) -> BaseException | None:
        """The first exception that nobody expected, once."""
        crashes, self.crashes[:] = list(self.crashes), []
        return crashes[0] if crashes else None


class Disconnected(ConnectionError):
    """There is no answer: the test's own client went away."""


def is_served(given: Any) -> bool:
    """Whether it is a router, what a router compiles to, or an ASGI application."""
    return hasattr(given, "table") or hasattr(given, "listing") or is_asgi(given)


def is_asgi(given: Any) -> bool:
    """Whether it is called with scope, receive and send."""
    if not callable(given) or isinstance(given, type):
        return False
    try:
        parameters = inspect.signature(given).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == 3


def application_of(router: Any, overrides: Overrides) -> Application:
    """What is served. `TypeError`: it is nothing that can be."""
    if hasattr(router, "table"):
        return cast("Application", router.table(overrides=overrides))
    if overrides:
        raise TypeError("overrides= is for routers; what is compiled or mounted has its dependencies already")
    if hasattr(router, "listing"):
        return cast("Application", router)
    if is_asgi(router):
        return mount(router)
    raise TypeError(f"{router!r} is neither a Router nor an ASGI application")
