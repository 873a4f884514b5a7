"""An ASGI application as what a handler process serves: one route that takes every request below its prefix."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..errors import NOWHERE, name_of
from ..routing.route import Listed
from .http import answer_http
from .lifespan import running
from .messages import ASGIApp, connection_scope
from .websocket import answer_websocket, asks_for_websocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from ..live.scope import CallScope
    from ..transport import Transport


class MountedRoute:
    """Everything that the application answers."""

    def __init__(self, app: ASGIApp, root_path: str, state: dict[str, Any]) -> None:
        self._app = app
        self._root_path = root_path
        self._state = state

    async def serve(self, transport: Transport, scope: CallScope) -> None:
        """Answers one request. It raises nothing but `CancelledError`."""
        about = connection_scope(transport.start, self._root_path, dict(self._state))
        if asks_for_websocket(transport.start):
            await answer_websocket(self._app, about, transport, scope)
        else:
            await answer_http(self._app, about, transport, scope)


class Mounted:
    """A mounted application: what a router's table is for a router."""

    def __init__(self, app: ASGIApp, calls: tuple[str, ...], forward_headers: tuple[str, ...], root_path: str) -> None:
        self.app = app
        self.calls = calls
        """Upstreams that it may call, by `upstream(name)` or `httpx_transport()`."""
        self.forward_headers = forward_headers
        self.state: dict[str, Any] = {}
        """What its lifespan has put there; each request gets a copy (ASGI, lifespan protocol 2.0)."""
        self.routes = [MountedRoute(app, root_path, self.state)]

    def listing(self) -> list[Listed]:
        """Its one route, for the Plan."""
        name = name_of(self.app)
        return [Listed("*", "/*", name, f"The ASGI application {name}", True, self.calls, str(NOWHERE), False)]

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The application's own startup and shutdown. `LifespanFailed`: it says that it cannot start."""
        async with running(self.app, self.state):
            try:
                yield
            finally:
                self.state.clear()


def mount(
    app: ASGIApp, *, calls: Iterable[str] = (), forward_headers: Iterable[str] = (), root_path: str = ""
) -> Mounted:
    """An application to serve.

    `calls`: upstreams that it may call; others are refused. `forward_headers`: headers of the client's that go to
    every one of them. `root_path`: the prefix below which it is mounted, where its own routes do not have it.
    """
    return Mounted(app, tuple(calls), tuple(name.lower() for name in forward_headers), root_path.rstrip("/"))
