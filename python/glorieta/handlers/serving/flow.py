"""Bodies by credit: the receiver says how many bytes may come, so nobody holds more than was asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 256 * 1024
"""So much of a body that comes to a handler may be on its way."""
PIECE = 32 * 1024
"""The largest piece that is sent: several fit into a ring."""


class News:
    """Something that one task waits for, and that happens more than once."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("two tasks read or write one body at the same time")
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Inflow:
    """A body that comes to a handler. Nothing of it comes before the first `read`."""

    __slots__ = ("_error", "_grant", "_news", "_owed", "_pieces", "_whole")

    def __init__(self, grant: Callable[[int], None]) -> None:
        self._grant = grant
        self._pieces: deque[bytes] = deque()
        self._owed = WINDOW
        """Bytes that may be granted: at first the window, then what was read."""
        self._whole = False
        self._error: BaseException | None = None
        self._news = News()

    def push(self, data: bytes, last: bool) -> None:
        if data:
            self._pieces.append(data)
        self._whole = self._whole or last
        self._news.tell()

    def fail(self, error: BaseException) -> None:
        """It will not be whole; what has come before is still read. Does nothing once it is whole."""
        if not self._whole and self._error is None:
            self._error = error
            self._news.tell()

    async def read(self) -> bytes:
        """The next piece; empty at its end. Raises what it failed with."""
        while not self._pieces:
            if self._whole:
                return b""
            if self._error is not None:
                raise self._error
            self._repay()
            await self._news.wait()
        piece = self._pieces.popleft()
        self._owed += len(piece)
        return piece

    def _repay(self) -> None:
        """Lets more come, in portions worth a message."""
        if self._owed >= WINDOW // 2:
            granted, self._owed = self._owed, 0
            self._grant(granted)


class Outflow:
    """A body that a handler sends."""

    __slots__ = ("_credit", "_error", "_news", "_pieces", "_send", "is_ended", "is_whole")

    def __init__(self, send: Callable[[bytes, bool], None]) -> None:
        self._send = send
        self._pieces: deque[bytes] = deque()
        self._credit = 0
        self.is_ended = False
        """Whether nothing follows what was put into it."""
        self._error: BaseException | None = None
        self._news = News()
        self.is_whole = False
        """Whether its end was sent."""

    def grant(self, size: int) -> None:
        self._credit += size
        self._flush()
        if not self._pieces:
            self._news.tell()

    def put(self, data: bytes) -> None:
        """Sends as soon as it may be."""
        if data and not self.is_ended:
            self._pieces.append(data)
            self._flush()

    async def write(self, data: bytes) -> None:
        """Sends, and waits until all of it was taken. Raises what the receiver failed with."""
        self._check()
        self.put(data)
        while self._pieces:
            await self._news.wait()
            self._check()

    async def sent(self) -> None:
        """After `end`: waits until all of it was taken, or nobody wants the rest."""
        while not self.is_whole:
            await self._news.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            self._flush()

    def fail(self, error: BaseException) -> None:
        """Nobody wants the rest."""
        self._error = self._error or error
        self._pieces.clear()
        self.is_ended = self.is_whole = True
        self._news.tell()

    def _flush(self) -> None:
        while self._pieces and self._credit > 0:
            piece = self._pieces.popleft()
            size = min(PIECE, self._credit)
            if len(piece) > size:
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            self._credit -= len(piece)
            self._sent(piece, self.is_ended and not self._pieces)
        if self.is_ended and not self._pieces and not self.is_whole:
            self._sent(b"", True)

    def _sent(self, piece: bytes, last: bool) -> None:
        self.is_whole = last
        self._send(piece, last)
