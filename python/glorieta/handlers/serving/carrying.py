"""Requests as messages: what a handler's transport says to the engine, and what it hears."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from ..transport import BodyLost, CallFailed
from .calling import INLINE, CarriedCall, size_of
from .flow import Inflow, Outflow
from .over import OverCall, refusal

if TYPE_CHECKING:
    from ..transport import CallRequest, CallTransport, Fields, Start
    from .pump import Pump

STATUS_OF_LOST = {"body_too_large": 413, "body_timeout": 408}
LONGEST_DETAIL = 500
"""Characters of what the access log says about an error."""
GONE = "the client is gone, or the deadline has passed"


class CarriedRequest:
    """A request that the engine waits for. What only bodies in pieces need is made where there are any."""

    __slots__ = (
        "_answered",
        "_explained",
        "_goes_on",
        "_inflow",
        "_next",
        "_outflow",
        "_parts",
        "_pump",
        "_reason",
        "_size",
        "call_number",
        "deadline",
        "lingers",
        "link",
        "over",
        "start",
    )

    def __init__(self, pump: Pump, link: int, call_number: int, start: Start, deadline: float | None) -> None:
        self._pump = pump
        self.link = link
        self.call_number = call_number
        self.start = start
        self.deadline = deadline
        self.over = False
        """Whether nobody waits for the answer: it is whole, or not wanted."""
        self.lingers = False
        """Whether the engine keeps it for what its handler does after the answer."""
        self._goes_on = False
        self._explained: tuple[str, str] | None = None
        """Why the answer is an error: the engine's word and a detail for a person."""
        self._reason: str | None = None
        """Why the engine has let go of it while its handler goes on, in its own word."""
        self._answered = False
        self._inflow: Inflow | None = None
        self._outflow: Outflow | None = None
        self._parts: dict[int, CarriedCall] | None = None
        """Calls under way, by their numbers."""
        self._next = 0
        self._size: tuple[Fields, int] | None = None
        """Headers of a call and their size: most calls of a request have the same."""

    async def read(self) -> bytes:
        return await self._incoming().read()

    def _incoming(self) -> Inflow:
        if self._inflow is None:
            self._inflow = self._opened_inflow()
            if self.start.body is not None:
                self._inflow.push(self.start.body, True)
            elif self.over:
                self._inflow.fail(BodyLost("client_gone"))
        return self._inflow

    def _opened_inflow(self) -> Inflow:
        return Inflow(partial(self.say, self._pump.carrier.credit))

    def answer(self, status: int, headers: Fields, body: bytes | None) -> None:
        if self.over or self._answered:
            return
        if self._explained is not None and status >= 400:
            self.say(self._pump.carrier.explain, *self._explained)
        if body is not None and len(body) <= INLINE:
            if self._goes_on:
                self._say_goes_on()
            self._pump.say(self._pump.carrier.answer, self.link, self.call_number, status, headers, body)
            self._answered = True
            self._end()
        else:
            self._answer_in_pieces(status, headers, body)

    def _answer_in_pieces(self, status: int, headers: Fields, body: bytes | None) -> None:
        if status == 101:
            # A tunnel lasts as long as it lasts, and what comes through it is no body of the request's.
            self.deadline = None
            self._inflow = self._opened_inflow()
        if body is not None and not any(name == "content-length" for name, _ in headers):
            headers = [*headers, ("content-length", str(len(body)))]
        self.say(self._pump.carrier.answer, status, headers, None)
        self._answered = True
        self._outflow = Outflow(self._send_piece)
        if body is not None:
            self._outflow.put(body)
            self.end()

    def _send_piece(self, data: bytes, last: bool) -> None:
        if not self.over:
            self.say(self._pump.carrier.answer_body, data, last)
            if last:
                self._end()

    async def write(self, data: bytes) -> None:
        if self._outflow is not None:
            await self._outflow.write(data)
        elif self.over:
            raise asyncio.CancelledError(GONE)
        else:
            raise RuntimeError("the answer's head comes before its body")

    def end(self) -> None:
        if self._outflow is not None:
            self._say_goes_on()
            self._outflow.end()

    def linger(self) -> None:
        self._goes_on = True

    async def sent(self) -> None:
        if self._outflow is None:
            # One message. Waiting for the loop's next turn would cost an application more than all else here.
            self._pump.hurry()
            return
        # What was said is signalled in the loop's next turn.
        await asyncio.sleep(0)
        if self._outflow.is_ended:
            await self._outflow.sent()
            await asyncio.sleep(0)

    def explain(self, reason: str, detail: str) -> None:
        self._explained = reason, detail[:LONGEST_DETAIL]

    def _say_goes_on(self) -> None:
        """The rest of the answer waits for nobody: if the handler goes on, that is work after the answer."""
        if self._goes_on and not self.over and not self.lingers:
            self.lingers = True
            self.deadline = None
            self.say(self._pump.carrier.linger)

    def fail(self) -> None:
        if not self.over:
            self.lingers = False
            self.say(self._pump.carrier.failed)
            self._end()

    def handled(self) -> None:
        """What waits for credit still goes out."""
        self._pump.ended(self)
        if self.lingers:
            self.lingers = False
            self.say(self._pump.carrier.done)
            if self.over:
                self._leave()
        elif not self.over and (self._outflow is None or not self._outflow.is_ended):
            self.fail()

    def call(self, request: CallRequest) -> CallTransport:
        if self.over and not self.lingers:
            return OverCall(self._reason)
        upstream = self._pump.routes[self.start.route].surroundings.place(request.upstream)
        if self._parts is None:
            self._parts = {}
        part, self._next = self._next, self._next + 1
        self._parts[part] = call = CarriedCall(self, self._pump.carrier, part)
        call.begin(request, upstream)
        return call

    def size_of(self, headers: Fields) -> int:
        """Bytes of a call's headers."""
        if self._size is None or headers is not self._size[0]:
            self._size = headers, size_of(headers)
        return self._size[1]

    def say(self, message: Any, *values: Any) -> None:
        self._pump.say(message, self.link, self.call_number, *values)

    def _end(self) -> None:
        """The engine has what it waited for."""
        self.over = True
        if self._inflow is not None:
            self._inflow.fail(BodyLost("client_gone"))
        if not self.lingers:
            self._leave()

    def _leave(self) -> None:
        """Nothing goes on. Calls that are still under way are ended by the engine."""
        self._pump.forget(self)
        if self._parts:
            self._end_parts()

    def cancelled(self) -> None:
        """Nobody waits any more. A handler that goes on regardless is stopped wherever it waits."""
        self.over = True
        self._incoming().fail(asyncio.CancelledError(GONE))
        if self._outflow is not None:
            self._outflow.fail(asyncio.CancelledError(GONE))
        if self._parts:
            self._end_parts()

    def unwanted(self) -> None:
        """The client is gone; what the handler does after its answer goes on."""
        self.over = True
        self._incoming().fail(BodyLost("client_gone"))
        if self._outflow is not None:
            self._outflow.fail(asyncio.CancelledError(GONE))

    def let_go(self, reason: str) -> None:
        """The engine keeps it no longer: no upstream can be called any more."""
        self.lingers, self._reason = False, reason
        if not self.over:
            self.unwanted()
        self._leave()

    def _end_parts(self) -> None:
        parts, self._parts = self._parts or {}, None
        for part in parts.values():
            part.failed(refusal(self._reason))

    def body(self, data: bytes, last: bool) -> None:
        self._incoming().push(data, last)

    def body_failed(self, reason: str) -> None:
        self._incoming().fail(BodyLost(reason, STATUS_OF_LOST.get(reason, 400)))

    def credit(self, size: int) -> None:
        if self._outflow is not None:
            self._outflow.grant(size)

    def part(self, part: int) -> CarriedCall | None:
        """A call that is under way; none: it has ended while a message about it was on its way."""
        return None if self._parts is None else self._parts.get(part)

    def result_body(self, part: int, data: bytes, last: bool) -> None:
        if (call := self.part(part)) is not None:
            call.piece(data, last)

    def result_failed(self, part: int, reason: str, detail: str, tries: int) -> None:
        if (call := self.part(part)) is not None:
            call.failed(CallFailed(reason, detail, tries))

    def call_credit(self, part: int, size: int) -> None:
        if (call := self.part(part)) is not None:
            call.credit(size)

    def part_over(self, part: int) -> None:
        """A call has ended; the engine has forgotten its number."""
        if self._parts is not None:
            self._parts.pop(part, None)

    def say_of(self, part: int, message: Any, *values: Any) -> None:
        """Says something of a call, as long as the engine knows it."""
        if self._parts is not None and part in self._parts:
            self._pump.say(message, self.link, self.call_number, part, *values)
