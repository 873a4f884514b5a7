"""Calls to upstreams as messages: what they say to the engine, and what they hear."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from ..transport import CallFailed
from .flow import Inflow, Outflow
from .over import refusal
from .waiting import response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..transport import CallRequest, CallResponse, Fields
    from .carrier import Carrier
    from .carrying import CarriedRequest

INLINE = 64 * 1024
"""A body up to this many bytes travels with its head."""
LARGEST_HEAD = 60 * 1024
"""Bytes of the header fields of a call; more does not fit into a message with its body. As many has the engine's own
limit, which holds for answers as well."""
LARGEST_TARGET = 30 * 1024
"""Bytes of the path and query of a call."""
LARGEST_TOGETHER = 120 * 1024
"""Bytes of a call with its body: a message has 128 KiB. A body that does not fit beside its head follows it."""


def size_of(headers: Fields) -> int:
    return sum([len(name) + len(value) + 8 for name, value in headers])


def excess(target: str, size: int) -> str | None:
    """What of a call is too large for a message, with the limit; none: nothing. `size` is that of its headers."""
    if len(target) > LARGEST_TARGET:
        return f"its target (path and query) has {len(target)} bytes; a call may have {LARGEST_TARGET}"
    if size > LARGEST_HEAD:
        return f"its headers have {size} bytes, 8 counted for each field; a call may have {LARGEST_HEAD}"
    return None


class CarriedCall:
    """A call to an upstream that the engine makes."""

    __slots__ = ("_carrier", "_heard", "_inflow", "_outcome", "_outflow", "_part", "_request")

    def __init__(self, request: CarriedRequest, carrier: Carrier, part: int) -> None:
        self._request = request
        self._carrier = carrier
        self._part = part
        self._outcome: CallResponse | CallFailed | None = None
        """The answer's head, or why there is none."""
        self._heard: Callable[[CallResponse | CallFailed], None] | None = None
        self._inflow: Inflow | None = None
        self._outflow: Outflow | None = None

    def begin(self, request: CallRequest, upstream: int) -> None:
        size, target, body = self._request.size_of(request.headers), request.target, request.body
        inline = body
        # Most calls have no body and a short head: there is nothing to weigh.
        if body != b"" or size + len(target) > LARGEST_TARGET:
            if too_large := excess(target, size):
                self.failed(CallFailed("head_too_large", f"{request.method} {target[:80]}: {too_large}", 0))
                return
            room = min(INLINE, LARGEST_TOGETHER - size - len(target))
            inline = body if body is not None and len(body) <= room else None
        timeout = 0 if request.timeout is None else max(1, math.ceil(request.timeout * 1000))
        self._request.say(
            self._carrier.call, self._part, upstream, timeout, request.method, target, request.headers, inline
        )
        if inline is None:
            self._outflow = Outflow(partial(self._request.say_of, self._part, self._carrier.call_body))
            if body is not None:
                self._outflow.put(body)
                self._outflow.end()

    def listen(self, heard: Callable[[CallResponse | CallFailed], None]) -> None:
        if self._outcome is None:
            self._heard = heard
        else:
            heard(self._outcome)

    def response(self) -> Awaitable[CallResponse]:
        return response_of(self)

    async def read(self) -> bytes:
        return b"" if self._inflow is None else await self._inflow.read()

    async def write(self, data: bytes) -> None:
        if self._outflow is None:
            raise RuntimeError("the call was begun with a whole body; nothing can be added to it")
        await self._outflow.write(data)

    def end(self) -> None:
        if self._outflow is not None:
            self._outflow.end()

    def cancel(self) -> None:
        if self._request.part(self._part) is self:
            self._request.say_of(self._part, self._carrier.call_cancel)
            self.failed(CallFailed("cancelled", "the call was cancelled", 0))

    def answered(self, response: CallResponse) -> None:
        if response.body is None:
            self._inflow = Inflow(partial(self._request.say_of, self._part, self._carrier.call_credit))
        else:
            self._over()
        self._tell(response)

    def piece(self, data: bytes, last: bool) -> None:
        if self._inflow is not None:
            self._inflow.push(data, last)
        if last:
            self._over()

    def failed(self, failed: CallFailed) -> None:
        if self._inflow is not None:
            self._inflow.fail(failed)
        self._over()
        self._tell(failed)

    def credit(self, size: int) -> None:
        if self._outflow is not None:
            self._outflow.grant(size)

    def _tell(self, outcome: CallResponse | CallFailed) -> None:
        if self._outcome is None:
            self._outcome = outcome
            heard, self._heard = self._heard, None
            if heard is not None:
                heard(outcome)

    def _over(self) -> None:
        self._request.part_over(self._part)
        if self._outflow is not None:
            self._outflow.fail(refusal())
