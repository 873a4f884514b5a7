"""A router, compiled: its routes by number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ..router import Router
    from .route import HandlerRoute, Listed

Lifespan = Callable[["Router"], "AbstractAsyncContextManager[Mapping[str, Any] | None]"]
"""What runs before the first request and after the last one; what it yields is every request's `state`."""


class Table:
    """What a router compiles to. It is what a handler process serves, and what the Plan lists."""

    def __init__(self, router: Router, calls: Sequence[str], lifespans: Sequence[tuple[Lifespan, Router]]) -> None:
        self.router = router
        self.calls = tuple(calls)
        """Upstreams that may be called; the engine knows them by their places."""
        self.client = router.client
        self.forward_headers = tuple(router.forward_headers)
        self.routes: list[HandlerRoute] = []
        """By their numbers."""
        self.state: dict[str, Any] = {}
        self.lifespans = lifespans
        self._document: dict[str, Any] | None = None

    def listing(self) -> list[Listed]:
        """All routes for the Plan, in the order of their numbers."""
        return [route.listed() for route in self.routes]

    def openapi(self, servers: Sequence[str] = ()) -> dict[str, Any]:
        """The OpenAPI 3.1 document, the same one each time. `servers`: what stands before the paths; none: they are
        whole."""
        from ..openapi.document import document, with_servers

        # Made once, since everybody may ask for it.
        if self._document is None:
            self._document = document(self)
        return with_servers(self._document, servers)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Entered before the first request, left after the last one."""
        async with AsyncExitStack() as stack:
            for lifespan, router in self.lifespans:
                state: Mapping[str, Any] | None = await stack.enter_async_context(lifespan(router))
                self.state |= state or {}
            try:
                yield
            finally:
                self.state.clear()
