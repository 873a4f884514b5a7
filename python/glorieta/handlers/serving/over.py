"""Calls after the end of their request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..transport import CallFailed
from .waiting import response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..transport import CallResponse


class OverCall:
    """A call that was begun once the engine has let go of the request: the answer is whole, or the client gone, and
    nothing goes on, or for too long."""

    def __init__(self, reason: str | None = None) -> None:
        self._reason = reason

    def listen(self, heard: Callable[[CallResponse | CallFailed], None]) -> None:
        heard(refusal(self._reason))

    def response(self) -> Awaitable[CallResponse]:
        return response_of(self)

    async def read(self) -> bytes:
        raise refusal(self._reason)

    async def write(self, data: bytes) -> None:
        raise refusal(self._reason)

    def end(self) -> None:
        pass

    def cancel(self) -> None:
        pass


DETAILS = {
    "cancelled": "its request is over; upstreams can be called until the answer is whole, and in background tasks",
    "deadline": "the time for work after the answer is up; handlers: {background: 5m} gives it more",
    "queue_full": "too many requests go on after their answers; handlers: {requests: 256} allows more of them",
}


def refusal(reason: str | None = None) -> CallFailed:
    """Why no upstream can be called; `reason` is the engine's word where it has said one."""
    reason = reason if reason in DETAILS else "cancelled"
    return CallFailed(reason, DETAILS[reason], 0)
