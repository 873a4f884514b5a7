"""WebSockets to upstreams."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from wsproto.connection import ConnectionType

from ..transport import CallFailed, CallRequest
from .errors import UpstreamError
from .messages import Messages, SocketClosed
from .response import UpstreamResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..transport import CallResponse, CallTransport, Fields
    from .scope import CallScope

PATIENCE = 1.0
"""Seconds for which the upstream's own close is waited for; without it, what was sent last might not arrive."""
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class UpstreamWebSocket:
    """An open WebSocket. Iterating gives messages until the upstream closes it."""

    def __init__(self, messages: Messages, subprotocol: str | None) -> None:
        self._messages = messages
        self.subprotocol = subprotocol
        """The one that the upstream chose."""

    async def receive(self) -> str | bytes:
        """The next message. `SocketClosed`: there is none any more."""
        return await self._messages.receive()

    async def send(self, message: str | bytes) -> None:
        """Sends a message: text or bytes. `SocketClosed`: it is closed."""
        await self._messages.send(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it."""
        await self._messages.close(code, reason)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            try:
                message = await self.receive()
            except SocketClosed:
                return
            yield message


class CallPipe:
    """A call after its 101, as a pipe."""

    def __init__(self, call: CallTransport) -> None:
        self._call = call
        self._ended = False

    async def read(self) -> bytes:
        try:
            return await self._call.read()
        except CallFailed:
            return b""

    async def write(self, data: bytes) -> None:
        try:
            await self._call.write(data)
        except CallFailed as failed:
            raise SocketClosed(1006, failed.detail) from None

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._call.end()


@asynccontextmanager
async def opened(
    scope: CallScope, upstream: str, target: str, headers: Fields, subprotocols: tuple[str, ...]
) -> AsyncIterator[UpstreamWebSocket]:
    """Opens one, and closes it when the block is left."""
    key = base64.b64encode(os.urandom(16))
    given = {name for name, _ in headers}
    travelling = [field for field in scope.forwarded() if field[0] not in given]
    fields = [*headers, *travelling, *handshake(key, subprotocols)]
    call = scope.transport.call(CallRequest(upstream, "GET", target, fields, None))
    try:
        head = await accepted(call, upstream, target, key)
        chosen = next((value for name, value in head.headers if name == "sec-websocket-protocol"), None)
        messages = Messages(CallPipe(call), ConnectionType.CLIENT)
        yield UpstreamWebSocket(messages, chosen)
        await messages.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await messages.drain()
    finally:
        call.cancel()


def handshake(key: bytes, subprotocols: tuple[str, ...]) -> Fields:
    fields = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", key.decode()),
    ]
    return [*fields, ("sec-websocket-protocol", ", ".join(subprotocols))] if subprotocols else fields


def accept_token(key: bytes) -> str:
    """What proves that the other side has read the key (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + MAGIC, usedforsecurity=False).digest()).decode()


async def accepted(call: CallTransport, upstream: str, target: str, key: bytes) -> CallResponse:
    try:
        head = await call.response()
    except CallFailed as failed:
        raise UpstreamError.of(upstream, failed) from None
    if head.status != 101:
        response = UpstreamResponse(upstream, "GET", target, head, head.body or b"")
        detail = f"GET {target}: {head.status} instead of a WebSocket"
        raise UpstreamError(upstream, "status", detail, tries=head.tries, response=response)
    if ("sec-websocket-accept", accept_token(key)) not in head.headers:
        detail = f"GET {target}: the handshake's answer does not fit"
        raise UpstreamError(upstream, "broken", detail, tries=head.tries)
    return head
