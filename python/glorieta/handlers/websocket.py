"""The server's side of a WebSocket, as a handler sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wsproto.connection import ConnectionType

from .body import decode_json
from .fields import checked_field
from .live.messages import Messages
from .live.websocket import accept_token
from .problems import HTTPException, RequestRefused
from .request import HTTPConnection
from .transport import BodyLost
from .websocket_end import WebSocketDisconnect, WebSocketEnd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from .live.scope import CallScope
    from .routing.route import HandlerRoute
    from .transport import Fields, Transport

T = TypeVar("T")
LARGEST_KEY = 64


class WebSocketException(Exception):
    """Closes the WebSocket with this code; before it is accepted, refuses it with 403."""

    def __init__(self, code: int, reason: str | None = None) -> None:
        super().__init__(code, reason or "")
        self.code = code
        self.reason = reason or ""


class ClientPipe:
    """What follows the 101, as a pipe."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.ended = False

    async def read(self) -> bytes:
        try:
            return await self.transport.read()
        except BodyLost:
            return b""

    async def write(self, data: bytes) -> None:
        if not self.ended:
            await self.transport.write(data)

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            self.transport.end()


class WebSocket(WebSocketEnd, HTTPConnection):
    """A WebSocket that a client asks for. Nothing is sent before `accept()`."""

    __slots__ = ("answered", "messages")

    def __init__(self, transport: Transport, call_scope: CallScope, route: HandlerRoute) -> None:
        super().__init__(transport, call_scope, route)
        self.messages: Messages | None = None
        """None: it is not accepted yet."""
        self.answered = False

    async def accept(self, subprotocol: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Opens it. `subprotocol` must be one that the client offers."""
        if self.answered:
            raise RuntimeError("the WebSocket was accepted or refused before; accept() is called once")
        fields = handshake(self, subprotocol)
        fields += [checked_field(name, value) for name, value in (headers or {}).items()]
        self.answered = True
        self.transport.answer(101, fields, None)
        self.messages = Messages(ClientPipe(self.transport), ConnectionType.SERVER, self.route.limits.body)

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers."""
        offered = ",".join(self.headers.getlist("sec-websocket-protocol"))
        return [name.strip() for name in offered.split(",") if name.strip()]

    async def receive_text(self) -> str:
        message = await self.receive()
        if not isinstance(message, str):
            await self.refuse(1003, "text is expected")
            raise WebSocketDisconnect(1003, "text is expected")
        return message

    async def receive_bytes(self) -> bytes:
        message = await self.receive()
        if isinstance(message, str):
            await self.refuse(1003, "bytes are expected")
            raise WebSocketDisconnect(1003, "bytes are expected")
        return message

    async def receive_json(self) -> Any:
        """The value of the next message. What is no JSON closes the WebSocket with 1007."""
        message = await self.receive()
        try:
            return decode_json(message.encode() if isinstance(message, str) else message)
        except RequestRefused as error:
            await self.refuse(1007, str(error.detail))
            raise WebSocketDisconnect(1007, str(error.detail)) from None

    def iter_text(self) -> AsyncIterator[str]:
        """Messages until the client closes it."""
        return until_closed(self.receive_text)

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """Messages until the client closes it."""
        return until_closed(self.receive_bytes)

    def iter_json(self) -> AsyncIterator[Any]:
        """Values until the client closes it."""
        return until_closed(self.receive_json)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Closes it; before it is accepted, refuses it with 403."""
        if self.messages is None:
            if self.answered:
                return
            raise HTTPException(403, reason)
        await self.refuse(code, reason or "")

    async def refuse(self, code: int, reason: str) -> None:
        # A control frame has room for 123 bytes of reason (RFC 6455 §5.5).
        await self.opened().close(code, reason.encode()[:120].decode(errors="ignore"))

    def opened(self) -> Messages:
        if self.messages is None:
            raise RuntimeError("the WebSocket is not open; await websocket.accept() first")
        return self.messages


async def until_closed(receive: Callable[[], Awaitable[T]]) -> AsyncIterator[T]:
    """What is received, until the client closes it."""
    try:
        while True:
            yield await receive()
    except WebSocketDisconnect:
        return


def handshake(socket: WebSocket, subprotocol: str | None) -> Fields:
    """The header fields that accept it (RFC 6455 §4.2.2)."""
    key = socket.headers.get("sec-websocket-key", "")
    fields: Fields = [("upgrade", "websocket"), ("connection", "Upgrade")]
    fields.append(("sec-websocket-accept", accept_token(key.encode("latin-1"))))
    if subprotocol is not None:
        if subprotocol not in socket.subprotocols:
            offered = ", ".join(socket.subprotocols) or "none"
            raise ValueError(f"the client does not offer the subprotocol {subprotocol!r}; it offers {offered}")
        fields.append(checked_field("sec-websocket-protocol", subprotocol))
    return fields


def check_handshake(socket: WebSocket) -> None:
    """`RequestRefused`: it is no request for a WebSocket (RFC 6455 §4.2.1)."""
    headers = socket.headers
    if headers.get("upgrade", "").lower() != "websocket":
        detail = "This path is a WebSocket; the request does not ask for one."
        raise RequestRefused(426, "websocket_expected", detail, {"Upgrade": "websocket", "Connection": "Upgrade"})
    if headers.get("sec-websocket-version") != "13":
        detail = "Only version 13 of the WebSocket protocol is spoken."
        raise RequestRefused(426, "websocket_version", detail, {"Sec-WebSocket-Version": "13"})
    if not 0 < len(headers.get("sec-websocket-key", "")) <= LARGEST_KEY:
        raise RequestRefused(400, "websocket_key", "The request has no Sec-WebSocket-Key (RFC 6455 §4.2.1).")
