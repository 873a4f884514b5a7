"""WebSockets to an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsproto.connection import ConnectionType

from ..live.messages import Messages, SocketClosed
from ..live.websocket import accept_token
from ..problems import HTTPException, answer_of, crash_answer
from ..websocket import ClientPipe
from .messages import AsgiMisuse, Message, fields_of, unexpected

if TYPE_CHECKING:
    from ..live.scope import CallScope
    from ..transport import Fields, Start, Transport
    from .messages import ASGIApp

SCHEMES = {"http": "ws", "https": "wss"}


def asks_for_websocket(start: Start) -> bool:
    if not start.has("upgrade"):
        return False
    wanted = {name: value for name, value in start.headers if name in ("upgrade", "sec-websocket-key")}
    return start.method == "GET" and wanted.get("upgrade", "").lower() == "websocket" and len(wanted) == 2


async def answer_websocket(app: ASGIApp, about: dict[str, Any], transport: Transport, scope: CallScope) -> None:
    """Runs the application for one WebSocket."""
    cycle = SocketCycle(transport)
    about = {
        **about,
        "type": "websocket",
        "scheme": SCHEMES.get(about["scheme"], "ws"),
        "subprotocols": cycle.offered(),
        "extensions": {"websocket.http.response": {}},
    }
    try:
        await app(about, cycle.receive, cycle.send)
        await cycle.returned()
    except Exception as error:
        scope.crashed(error)
        await cycle.give_up()


class SocketCycle:
    """One WebSocket, from its handshake to its end."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._messages: Messages | None = None
        self._connected = False
        """Whether the application was told of the request."""
        self._refusing: tuple[int, Fields] | None = None
        """An answer in place of a WebSocket, of which the body has not come yet."""
        self._over = False

    def offered(self) -> list[str]:
        lines = [value for name, value in self._transport.start.headers if name == "sec-websocket-protocol"]
        return [name.strip() for name in ",".join(lines).split(",") if name.strip()]

    async def receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        if self._messages is None:
            if self._over:
                return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
            raise AsgiMisuse("the application receives messages before it has accepted the WebSocket")
        try:
            message = await self._messages.receive()
        except SocketClosed as closed:
            self._over = True
            return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, message: Message) -> None:
        if self._messages is not None:
            await self._send_open(self._messages, message)
        elif not self._over:
            self._send_waiting(message)

    def _send_waiting(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept" if self._refusing is None:
                self._accept(message.get("subprotocol"), fields_of(message.get("headers", ())))
            case "websocket.close" if self._refusing is None:
                self._answer(*answer_of(HTTPException(403, None)))
            case "websocket.http.response.start" if self._refusing is None:
                self._refusing = message["status"], fields_of(message.get("headers", ()))
            case "websocket.http.response.body" if self._refusing is not None:
                self._refuse(bytes(message.get("body", b"")), bool(message.get("more_body", False)))
            case _:
                raise unexpected(message, '"websocket.accept", "websocket.close" or an answer')

    def _accept(self, subprotocol: str | None, more: Fields) -> None:
        key = next(value for name, value in self._transport.start.headers if name == "sec-websocket-key")
        fields: Fields = [("upgrade", "websocket"), ("connection", "Upgrade")]
        fields.append(("sec-websocket-accept", accept_token(key.encode("latin-1"))))
        if subprotocol is not None:
            fields.append(("sec-websocket-protocol", subprotocol))
        self._transport.answer(101, [*fields, *more], None)
        self._messages = Messages(ClientPipe(self._transport), ConnectionType.SERVER)

    def _refuse(self, body: bytes, more: bool) -> None:
        assert self._refusing is not None
        status, headers = self._refusing
        if more:
            raise AsgiMisuse("an answer in place of a WebSocket is sent in one piece")
        self._answer(status, headers, body)

    def _answer(self, status: int, headers: Fields, body: bytes) -> None:
        self._over = True
        self._transport.answer(status, headers, body)

    async def _send_open(self, messages: Messages, message: Message) -> None:
        match message["type"]:
            case "websocket.send":
                text, data = message.get("text"), message.get("bytes")
                try:
                    await messages.send(text if text is not None else bytes(data or b""))
                except SocketClosed as closed:
                    # So that an application that only sends learns that nobody listens.
                    raise OSError(str(closed)) from None
            case "websocket.close":
                self._over = True
                await messages.close(message.get("code", 1000), message.get("reason") or "")
            case _:
                raise unexpected(message, '"websocket.send" or "websocket.close"')

    async def returned(self) -> None:
        """The application has returned: what it has not closed is closed."""
        if self._messages is not None:
            await self._messages.close(1000)
        elif not self._over:
            raise AsgiMisuse("the application returned before it has accepted or refused the WebSocket")

    async def give_up(self) -> None:
        if self._messages is not None:
            await self._messages.close(1011)
        elif not self._over:
            self._answer(*crash_answer(self._transport.start.request_id))
