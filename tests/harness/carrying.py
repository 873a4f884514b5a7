"""The engine's end of a carrier, played by a test: it says what a worker says, and keeps what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

from glorieta.handlers.live.scope import CallScope, Surroundings
from glorieta.handlers.serving.calling import LARGEST_HEAD
from glorieta.handlers.serving.handling import make_task
from glorieta.handlers.serving.pump import Pump, PumpedRoute, stop
from glorieta.handlers.transport import CallResponse, Fields, Start, Transport
from glorieta.testing.clock import FakeClockLoop

Serve = Callable[[Transport, CallScope], Awaitable[None]]


class PlayedCarrier:
    """Keeps messages of the handler's side in `said`, each with its name first; refuses what the engine would."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.flushes = 0
        self.signalled: list[str] = []
        """The kinds of what a worker has been woken for."""
        self.when: dict[str, Callable[[], None]] = {}
        """What a worker does when it hears something of a kind."""
        self.broken = False
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._waiting: list[tuple[Any, ...]] = []

    def send(self, *message: Any) -> None:
        """A worker says something."""
        self._waiting.append(message)
        os.eventfd_write(self._event, 1)

    def start(
        self,
        call: int = 1,
        *,
        link: int = 0,
        route: int = 0,
        deadline_ms: int = 0,
        body: bytes | None = b"",
        **given: str,
    ) -> None:
        texts = {"method": "GET", "path": "/home/7", "query": "", "protocol": "h2", "scheme": "https"} | given
        texts = texts | {"client": "192.0.2.1", "request_id": f"id-{call}"}
        start = Start(route, *texts.values(), [("id", "7")], [("accept", "*/*")], body)
        self.send(0, link, call, deadline_ms, start)

    def result(
        self, link: int, call: int, part: int, status: int, headers: Fields, body: bytes | None, tries: int = 1
    ) -> None:
        """An upstream's answer comes."""
        self.send(5, link, call, part, CallResponse(status, headers, body, tries))

    def heard(self, name: str) -> list[tuple[Any, ...]]:
        """What was said of one kind, without the kind."""
        return [message[1:] for message in self.said if message[0] == name]

    def close(self) -> None:
        os.close(self._event)

    def fileno(self) -> int:
        return self._event

    def receive(self) -> list[tuple[Any, ...]]:
        self._check()
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._event)
        messages, self._waiting = self._waiting, []
        return messages

    def sleep(self) -> bool:
        self._check()
        return not self._waiting

    def flush(self) -> None:
        self._check()
        self.flushes += 1
        self.signalled = [message[0] for message in self.said]

    def _check(self) -> None:
        if self.broken:
            raise ConnectionError("a message of no known kind")

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in {
            "answer",
            "answer_body",
            "failed",
            "linger",
            "done",
            "credit",
            "call",
            "call_body",
            "call_credit",
            "call_cancel",
            "beat",
            "sign",
            "explain",
        }:
            raise AttributeError(name)

        def say(*values: Any) -> None:
            self._check()
            if name == "answer" and sum(len(field) + len(value) + 8 for field, value in values[3]) > LARGEST_HEAD:
                raise ValueError("headers are larger than 60 KiB")
            self.said.append((name, *values))
            if name in self.when:
                self.when[name]()

        return say


class Route:
    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    async def serve(self, transport: Transport, scope: CallScope) -> None:
        await self._serve(transport, scope)


Script = Callable[["Pumped"], Awaitable[None]]


class Pumped:
    """A pump on a fake clock, and the engine's end of it."""

    def __init__(self, *routes: Serve, calls: tuple[str, ...] = ("users", "orders")) -> None:
        self.carrier = PlayedCarrier()
        self.loop: FakeClockLoop = asyncio.get_running_loop()  # type: ignore[assignment]
        surroundings = Surroundings(calls)
        self.pump = Pump(self.carrier, [PumpedRoute(Route(route), surroundings) for route in routes])
        self.pump.start()

    async def idle(self) -> None:
        """Until nothing can happen without the engine or time."""
        await self.loop.idle()


def pumped(script: Script, *routes: Serve, calls: tuple[str, ...] = ("users", "orders")) -> PlayedCarrier:
    """Plays a script against a pump."""

    async def main() -> PlayedCarrier:
        made = Pumped(*routes, calls=calls)
        try:
            await script(made)
        finally:
            left = dict(made.pump.running)
            for request, task in left.items():
                stop(request, task)
            if left:
                await asyncio.wait(left.values(), timeout=60)
            if not made.pump.broken.done():
                made.pump.stop()
            made.carrier.close()
        return made.carrier

    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        assert runner.get_loop().get_task_factory() is make_task
        return runner.run(main())
