"""One handler, without a router, against fake upstreams on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glorieta.handlers.live.errors import UpstreamError
from glorieta.handlers.live.scope import CallScope, Surroundings
from glorieta.handlers.serving.handling import handle
from glorieta.handlers.transport import Start, Transport
from glorieta.testing.bench import lent
from glorieta.testing.clock import run
from glorieta.testing.exchange import Exchange
from glorieta.testing.upstreams import FakeUpstream, ReceivedCall

if TYPE_CHECKING:
    from glorieta.handlers.transport import Fields

Handler = Callable[[CallScope], Awaitable[Any]]


def start_of(*, method: str = "GET", headers: Fields | None = None, body: bytes | None = b"") -> Start:
    return Start(
        route=0,
        method=method,
        path="/home/7",
        query="",
        protocol="http/1.1",
        scheme="http",
        client="192.0.2.1",
        request_id="an-id",
        parameters=[],
        headers=headers or [],
        body=body,
    )


@dataclass
class Played:
    """What came of it."""

    value: Any = None
    error: BaseException | None = None
    scope: CallScope | None = None
    exchange: Exchange | None = None
    took: float = 0.0
    calls: dict[str, list[ReceivedCall]] = field(default_factory=dict)

    def outcomes(self) -> list[str]:
        return [call.outcome for calls in self.calls.values() for call in calls]

    def headers(self, **given: str) -> dict[str, str]:
        """What the answer says of its parts."""
        assert self.scope is not None
        fields = [(name.replace("_", "-"), value) for name, value in given.items()]
        self.scope.finish(fields)
        return dict(fields)

    def failed(self) -> UpstreamError:
        assert isinstance(self.error, UpstreamError), self.error
        return self.error


@dataclass
class OneRoute:
    handler: Handler
    played: Played

    async def serve(self, transport: Transport, scope: CallScope) -> None:
        self.played.scope = scope
        try:
            self.played.value = await self.handler(scope)
            transport.answer(200, [], b"")
        except BaseException as error:
            self.played.error = error
            raise


def play(
    handler: Handler,
    upstreams: dict[str, Any] | None = None,
    *,
    deadline: float | None = None,
    headers: Fields | None = None,
    forward: tuple[str, ...] = (),
    meanwhile: Callable[[Exchange], Awaitable[None]] | None = None,
) -> Played:
    """Runs a handler until it and everything that it began have ended. `meanwhile` is the client."""
    played = Played()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        fakes = {name: FakeUpstream(name, given) for name, given in (upstreams or {}).items()}
        surroundings = Surroundings(tuple(fakes), forward, on_thread_waits=lent)
        exchange = played.exchange = Exchange(start_of(headers=headers), fakes, [], deadline)
        exchange.begin(lambda: handle(OneRoute(handler, played), exchange, surroundings))
        if meanwhile is not None:
            await meanwhile(exchange)
        await exchange.finished()
        played.took = round(loop.time(), 6)
        played.calls = {name: fake.calls for name, fake in fakes.items()}
        assert not exchange.mistakes or played.error is not None, exchange.mistakes

    run(main())
    return played
