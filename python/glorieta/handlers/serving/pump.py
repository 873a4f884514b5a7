"""From messages to running handlers and back, on the event loop's own thread.

The loop watches one descriptor. When it is readable, everything that has come is taken at once, each request becomes
a task, and what tasks say is signalled once per turn of the loop.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..live.tracebacks import stack_of_task
from . import carrier as kinds
from .carrying import CarriedRequest
from .handling import handle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..live.scope import Surroundings
    from ..transport import Start
    from .application import ServedRoute
    from .carrier import Carrier

log = logging.getLogger("glorieta.handlers")
STUBBORN = 5.0
"""Seconds after which a handler that was cancelled and goes on is told of, and cancelled again."""


@dataclass(slots=True)
class PumpedRoute:
    """A route and what its requests share with the others of its router."""

    route: ServedRoute
    surroundings: Surroundings


class Pump:
    """Serves what comes over one carrier, until it is stopped or the carrier is broken."""

    def __init__(self, carrier: Carrier, routes: Sequence[PumpedRoute]) -> None:
        self.carrier = carrier
        self.routes = routes
        """By the numbers in `Start.route`."""
        self.running: dict[CarriedRequest, asyncio.Task[None]] = {}
        """Those whose handlers run, those included whose answer is whole or not wanted any more."""
        self.when_busy: Callable[[], None] = lambda: None
        """Called when a handler begins and none was running."""
        self._loop = asyncio.get_running_loop()
        self._requests: dict[tuple[int, int], CarriedRequest] = {}
        self._unsaid = False
        self._changed: asyncio.Event | None = None
        """A handler has ended, or an answer is whole; only who drains wants to know."""
        self.broken: asyncio.Future[None] = self._loop.create_future()
        """Ends with the reason for which the carrier is of no use any more."""
        self._take = {
            kinds.START: self._start,
            kinds.CANCEL: self._cancel,
            kinds.BODY: self._pass(CarriedRequest.body),
            kinds.BODY_FAILED: self._pass(CarriedRequest.body_failed),
            kinds.CREDIT: self._pass(CarriedRequest.credit),
            kinds.RESULT: self._result,
            kinds.RESULT_BODY: self._pass(CarriedRequest.result_body),
            kinds.RESULT_FAILED: self._pass(CarriedRequest.result_failed),
            kinds.CALL_CREDIT: self._pass(CarriedRequest.call_credit),
            kinds.OVER: self._pass(CarriedRequest.let_go),
        }

    def start(self) -> None:
        """Begins to take requests."""
        self._loop.add_reader(self.carrier.fileno(), self._readable)
        self._readable()

    def stop(self) -> None:
        """Takes nothing any more. What runs goes on, but hears nothing: `drain` comes first."""
        self._loop.remove_reader(self.carrier.fileno())

    async def drain(self, grace: float) -> None:
        """Waits until every handler has ended and every answer is whole; after so many seconds the rest is
        cancelled."""
        end = self._loop.time() + grace
        self._changed = asyncio.Event()
        while (self.running or self._requests) and self._loop.time() < end:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(end):
                    await self._changed.wait()
        if left := list(self.running.values()):
            self._stop_all()
            await asyncio.wait(left, timeout=1)
        self._flush()

    def _readable(self) -> None:
        try:
            for message in self.carrier.receive():
                self._take[message[0]](message)
            if not self.carrier.sleep():
                # Others have their turn before the rest is taken.
                self._loop.call_soon(self._readable)
        except ConnectionError as error:
            self._broke(error)

    def _pass(self, method: Callable[..., None]) -> Callable[[tuple[Any, ...]], None]:
        """What is for a request. One that is over was answered or cancelled while the message was on its way."""

        def take(message: tuple[Any, ...]) -> None:
            if (request := self._requests.get((message[1], message[2]))) is not None:
                method(request, *message[3:])

        return take

    def _result(self, message: tuple[Any, ...]) -> None:
        """The most frequent of what is passed on."""
        _, link, call, part, response = message
        request = self._requests.get((link, call))
        if request is not None and (running := request.part(part)) is not None:
            running.answered(response)

    def _start(self, message: tuple[Any, ...]) -> None:
        _, link, call, deadline_ms, start = message
        deadline = self._loop.time() + deadline_ms / 1000 if deadline_ms else None
        request = self._requests[link, call] = CarriedRequest(self, link, call, start, deadline)
        route = start.route
        if route >= len(self.routes):
            what = "the engine asks for route %d, of which there are %d (request_id %s)"
            log.error(what, route, len(self.routes), start.request_id)
            request.fail()
            return
        served = self.routes[route]
        if not self.running:
            self.when_busy()
        # Not by the loop's factory, which would count it to whatever request the pump itself was called from.
        # Named, since making up a name costs more than the rest of it.
        handling = handle(served.route, request, served.surroundings)
        self.running[request] = asyncio.Task(handling, loop=self._loop, name="handler")

    def _note_change(self) -> None:
        if self._changed is not None:
            self._changed.set()

    def ended(self, request: CarriedRequest) -> None:
        """Its handler has ended."""
        self.running.pop(request, None)
        self._note_change()

    def _cancel(self, message: tuple[Any, ...]) -> None:
        request = self._requests.get((message[1], message[2]))
        if request is None:
            return
        if request.lingers:
            request.unwanted()
            return
        del self._requests[message[1], message[2]]
        self._note_change()
        task = self.running.get(request)
        if task is not None:
            task.cancel()
            self._loop.call_later(STUBBORN, self._insist, task, request.start)
        request.cancelled()
        if task is not None:
            settle(request, task)

    def _insist(self, task: asyncio.Task[None], start: Start) -> None:
        """Once more to a handler that has swallowed its cancellation."""
        if task.done():
            return
        log.warning(
            "the handler of %s %s (request_id %s) still runs %g s after it was cancelled; let CancelledError pass\n%s",
            start.method,
            start.path,
            start.request_id,
            STUBBORN,
            stack_of_task(task),
        )
        task.cancel()
        self._loop.call_later(STUBBORN, self._insist, task, start)

    def forget(self, request: CarriedRequest) -> None:
        """Its answer is whole."""
        self._note_change()
        self._requests.pop((request.link, request.call_number), None)

    def say(self, message: Callable[..., None], *values: Any) -> None:
        """Sends a message. The engine is woken once for all that is said in one turn of the loop."""
        try:
            message(*values)
        except ConnectionError as error:
            self._broke(error)
            return
        if not self._unsaid:
            self._unsaid = True
            self._loop.call_soon(self._flush)

    def hurry(self) -> None:
        """Signals at once what was said, where only one handler runs: nothing else would follow soon. Where several
        run, each would wake the engine for itself; whoever blocks the loop then holds up the others in any case, and
        what was said leaves with the watch's next sign."""
        if len(self.running) == 1:
            self._flush()

    def _flush(self) -> None:
        self._unsaid = False
        try:
            self.carrier.flush()
        except ConnectionError as error:
            self._broke(error)

    def beat(self, lag: float) -> None:
        """Says how late the loop is, in seconds, and how many handlers run."""
        self.say(self.carrier.beat, min(int(lag * 1_000_000), 2**32 - 1), len(self.running))

    def is_busy(self) -> bool:
        """Whether handlers run or answers are on their way: the engine awaits a sign now and then."""
        return bool(self.running or self._requests)

    def sign(self, lag: float) -> None:
        """The same while the loop is blocked, from a thread that is not."""
        # That the carrier is broken is found out by the loop, as soon as it goes on.
        with suppress(ConnectionError):
            self.carrier.sign(min(int(lag * 1_000_000), 2**32 - 1), len(self.running))

    def _broke(self, error: ConnectionError) -> None:
        """Nothing can be said any more: whoever runs is cancelled, and the process ends."""
        if self.broken.done():
            return
        self.broken.set_exception(error)
        self.broken.exception()
        self.stop()
        self._requests.clear()
        self._stop_all()

    def _stop_all(self) -> None:
        for request, task in list(self.running.items()):
            stop(request, task)


def stop(request: CarriedRequest, task: asyncio.Task[None]) -> None:
    """Cancels its handler."""
    task.cancel()
    settle(request, task)


def settle(request: CarriedRequest, task: asyncio.Task[None]) -> None:
    """What is cancelled before its first step never takes it, and would not say that it has ended."""
    if inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED:  # type: ignore[arg-type]
        request.handled()
