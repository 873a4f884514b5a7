"""Waiting for a call's answer, instead of being told of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..transport import CallFailed

if TYPE_CHECKING:
    from ..transport import CallResponse, CallTransport


def response_of(call: CallTransport) -> asyncio.Future[CallResponse]:
    """The answer's head, as something to await."""
    future: asyncio.Future[CallResponse] = asyncio.get_running_loop().create_future()

    def heard(outcome: CallResponse | CallFailed) -> None:
        if future.done():
            return
        if isinstance(outcome, CallFailed):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    call.listen(heard)
    return future
