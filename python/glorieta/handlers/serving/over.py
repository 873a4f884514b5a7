"""Calls after the end of their request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..transport import CallFailed
from .waiting import response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..transport import CallResponse


class OverCall:
    """A call that was begun once the answer was whole, or the client gone: the engine has let go of the request."""

    def listen(self, heard: Callable[[CallResponse | CallFailed], None]) -> None:
        heard(refusal())

    def response(self) -> Awaitable[CallResponse]:
        return response_of(self)

    async def read(self) -> bytes:
        raise refusal()

    async def write(self, data: bytes) -> None:
        raise refusal()

    def end(self) -> None:
        pass

    def cancel(self) -> None:
        pass


def refusal() -> CallFailed:
    detail = "its request is over; upstreams can be called only until the answer is whole"
    return CallFailed("cancelled", detail, 0)
