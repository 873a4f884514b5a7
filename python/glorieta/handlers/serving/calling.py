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
"""Bytes of the header fields of an answer or of a call; more does not fit into a message with its body."""


def is_too_large(headers: Fields) -> bool:
    return sum([len(name) + len(value) + 8 for name, value in headers]) > LARGEST_HEAD


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
        if self._request.is_too_large(request.headers) or len(request.target) > LARGEST_HEAD // 2:
            self.failed(CallFailed("head_too_large", "the call's target and headers are larger than 60 KiB", 0))
            return
        timeout = 0 if request.timeout is None else max(1, math.ceil(request.timeout * 1000))
        body = request.body
        inline = body if body is not None and len(body) <= INLINE else None
        about = (upstream, timeout, request.method, request.target, request.headers, inline)
        self._request.say(self._carrier.call, self._part, *about)
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
