"""What is served: a router or a mounted application, once it is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from ..live.scope import CallScope
    from ..routing.route import Listed
    from ..transport import Transport


class ServedRoute(Protocol):
    """One route of it."""

    def serve(self, transport: Transport, scope: CallScope) -> Coroutine[Any, Any, None]:
        """Answers one request. It raises nothing but `CancelledError`."""


class Application(Protocol):
    """What a router compiles to."""

    @property
    def routes(self) -> Sequence[ServedRoute]:
        """By their numbers, as in `Start.route`."""

    @property
    def calls(self) -> Sequence[str]:
        """Upstreams that it may call; the engine knows them by their places."""

    @property
    def forward_headers(self) -> Sequence[str]:
        """Headers of the client's that go to every upstream."""

    def listing(self) -> Sequence[Listed]:
        """All routes for the Plan, in the order of their numbers."""

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Entered before the first request, left after the last one."""
