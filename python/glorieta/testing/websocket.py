"""The client's side of a WebSocket in tests; the names are FastAPI's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from wsproto.connection import ConnectionType

from ..handlers.live.messages import Messages
from ..handlers.live.websocket import accept_token, handshake
from ..handlers.websocket_end import WebSocketEnd
from .asking import fields_of, with_defaults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .client import AsyncTestClient
    from .exchange import Exchange
    from .response import TestResponse

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


class WebSocketRefused(Exception):
    """The handler did not open a WebSocket; `response` is what it answered."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__(f"answered {response.status_code}: {response.text}")
        self.response = response


class SocketSession(WebSocketEnd):
    """An open WebSocket."""

    def __init__(self, exchange: Exchange, messages: Messages) -> None:
        self._messages = messages
        chosen = [value for name, value in exchange.headers if name == "sec-websocket-protocol"]
        self.accepted_subprotocol = chosen[0] if chosen else None

    def opened(self) -> Messages:
        return self._messages

    async def receive_text(self) -> str:
        message = await self.receive()
        assert isinstance(message, str), f"bytes came: {message!r}"
        return message

    async def receive_bytes(self) -> bytes:
        message = await self.receive()
        assert isinstance(message, bytes), f"text came: {message!r}"
        return message

    async def receive_json(self) -> Any:
        return from_json(await self.receive())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._messages.close(code, reason)


class ExchangePipe:
    """The client's end of an exchange after its 101."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def read(self) -> bytes:
        return await self._exchange.outbox.get()

    async def write(self, data: bytes) -> None:
        self._exchange.inbox.put(data)

    def end(self) -> None:
        self._exchange.inbox.end()


@asynccontextmanager
async def opened(client: AsyncTestClient, url: str, what: dict[str, Any]) -> AsyncIterator[SocketSession]:
    """Opens one, closes it when the block is left, and waits until its handler has ended."""
    offered = tuple(what.pop("subprotocols", None) or ())
    headers = with_defaults(handshake(KEY, offered), fields_of(what.pop("headers", None)))
    ongoing = client.begin("GET", url, headers=headers, **what)
    exchange = ongoing.exchange
    exchange.inbox.is_open = True
    await exchange.head()
    if exchange.status != 101:
        raise WebSocketRefused(await client.answered(exchange))
    assert ("sec-websocket-accept", accept_token(KEY)) in exchange.headers, "the handshake's answer does not fit"
    session = SocketSession(exchange, Messages(ExchangePipe(exchange), ConnectionType.CLIENT))
    try:
        yield session
        await session.close()
        await ongoing.finished()
    finally:
        exchange.disconnect()
