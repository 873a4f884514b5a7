"""Bodies of calls that come from an iterator of the caller's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..transport import CallFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from ..transport import CallTransport


class Upload:
    """A body on its way, piece by piece. Where the iterator fails, the call cannot become whole and is cancelled."""

    __slots__ = ("_call", "_failed", "_task", "error")

    def __init__(
        self, call: CallTransport, content: AsyncIterable[bytes], failed: Callable[[Exception], None] | None = None
    ) -> None:
        """`failed` is told first, while nobody who waits for the call has heard that it was cancelled."""
        self.error: Exception | None = None
        """What the iterator raised. It says nothing of the upstream, and whoever waits gets it as it is."""
        self._call = call
        self._failed = failed
        self._task = asyncio.ensure_future(send(call, content))
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or not isinstance(error := task.exception(), Exception):
            return
        self.error = error
        if self._failed is not None:
            self._failed(error)
        self._call.cancel()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._task.cancel()


async def send(call: CallTransport, content: AsyncIterable[bytes]) -> None:
    """What the upstream's failing means, its answer tells."""
    async for piece in content:
        if piece:
            try:
                await call.write(piece)
            except CallFailed:
                return
    call.end()
