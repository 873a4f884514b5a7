"""WebSocket messages over a pipe of bytes (RFC 6455), either side; the framing itself is wsproto's."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 16 * 1024 * 1024
"""Bytes of a message, its fragments together."""


class Pipe(Protocol):
    """Both directions of what follows a 101."""

    async def read(self) -> bytes:
        """The next piece; empty at the end."""

    async def write(self, data: bytes) -> None:
        """Sends a piece."""

    def end(self) -> None:
        """Nothing more is sent."""


class SocketClosed(Exception):
    """The other side closed the WebSocket, or it is closed here."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason


class Messages:
    """The messages of one WebSocket. One reader and one writer at a time."""

    def __init__(self, pipe: Pipe, side: ConnectionType, largest: int = LARGEST) -> None:
        self._pipe = pipe
        self._connection = Connection(side)
        self._largest = largest
        self._parts: list[str | bytes] = []
        self._size = 0
        self._ready: deque[str | bytes] = deque()
        self._closed: SocketClosed | None = None

    async def receive(self) -> str | bytes:
        """The next message. `SocketClosed`: there is none."""
        while not self._ready:
            if self._closed is not None:
                raise self._closed
            piece = await self._pipe.read()
            await self._take(piece)
        return self._ready.popleft()

    async def send(self, message: str | bytes) -> None:
        """Sends a message. `SocketClosed`: it is closed."""
        if self._closed is not None:
            raise self._closed
        await self._write(TextMessage(message) if isinstance(message, str) else BytesMessage(message))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it. Does nothing if it is closed."""
        if self._closed is None:
            self._closed = SocketClosed(code, reason)
            await self._write(CloseConnection(code, reason or None))
            self._pipe.end()

    async def drain(self) -> None:
        """After `close`: waits until the other side has ended as well."""
        while await self._pipe.read():
            pass

    async def _take(self, piece: bytes) -> None:
        if not piece:
            self._end(SocketClosed(1006, "the connection ended"))
            return
        try:
            self._connection.receive_data(piece)
            for event in self._connection.events():
                await self._happened(event)
        except RemoteProtocolError as error:
            await self._refuse(1002, str(error))

    async def _happened(self, event: Event) -> None:
        match event:
            case TextMessage() | BytesMessage():
                await self._collect(event)
            case Ping():
                await self._write(event.response())
            case CloseConnection():
                if self._closed is None:
                    await self._write(event.response())
                self._end(SocketClosed(event.code, event.reason or ""))
            case _:
                pass

    async def _collect(self, part: TextMessage | BytesMessage) -> None:
        self._size += len(part.data)
        if self._size > self._largest:
            await self._refuse(1009, f"a message is larger than {self._largest} bytes")
            return
        self._parts.append(bytes(part.data) if not isinstance(part.data, str) else part.data)
        if part.message_finished:
            self._ready.append(joined(self._parts))
            self._parts, self._size = [], 0

    async def _refuse(self, code: int, reason: str) -> None:
        if self._closed is None and self._connection.state is ConnectionState.OPEN:
            await self._write(CloseConnection(code, reason[:100]))
        self._end(SocketClosed(code, reason))

    def _end(self, closed: SocketClosed) -> None:
        self._closed = self._closed or closed
        self._pipe.end()

    async def _write(self, event: Event) -> None:
        try:
            data = self._connection.send(event)
        except LocalProtocolError:
            return
        await self._pipe.write(data)


def joined(parts: Sequence[str | bytes]) -> str | bytes:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], str):
        return "".join(part for part in parts if isinstance(part, str))
    return b"".join(part for part in parts if isinstance(part, bytes))
