"""What both ends of a WebSocket do alike: a handler's, and a client's in tests. The names are FastAPI's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .encoding import encode_json
from .live.messages import SocketClosed

if TYPE_CHECKING:
    from .live.messages import Messages


class WebSocketDisconnect(Exception):
    """The other end closed the WebSocket, or is gone (code 1006)."""

    def __init__(self, code: int = 1000, reason: str | None = None) -> None:
        super().__init__(code, reason or "")
        self.code = code
        self.reason = reason or ""


class WebSocketEnd:
    """Messages of either kind, received and sent."""

    __slots__ = ()

    def opened(self) -> Messages:
        """The messages of the open WebSocket."""
        raise NotImplementedError

    async def receive(self) -> str | bytes:
        """The next message, of either kind. `WebSocketDisconnect`: there is none any more."""
        try:
            return await self.opened().receive()
        except SocketClosed as closed:
            raise WebSocketDisconnect(closed.code, closed.reason) from None

    async def send(self, message: str | bytes) -> None:
        """Sends text or bytes. `WebSocketDisconnect`: it is closed."""
        try:
            await self.opened().send(message)
        except SocketClosed as closed:
            raise WebSocketDisconnect(closed.code, closed.reason) from None

    async def send_text(self, data: str) -> None:
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.send(data)

    async def send_json(self, data: Any) -> None:
        await self.send(encode_json(data).decode())
