"""HTTP requests to an ASGI application."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from ..problems import HTTPException, answer_of, crash_answer
from ..status import NO_BODY
from ..transport import BodyLost
from .messages import AsgiMisuse, Message, fields_of, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..live.scope import CallScope
    from ..transport import Fields, Transport
    from .messages import ASGIApp


async def answer_http(app: ASGIApp, about: dict[str, Any], transport: Transport, scope: CallScope) -> None:
    """Runs the application for one request."""
    cycle = Cycle(transport, scope)
    try:
        about["type"], about["method"] = "http", transport.start.method
        await app(about, cycle.receive, cycle.send)
        cycle.check()
    except Exception as error:
        if cycle.lost is not None and not cycle.begun:
            # The client's doing, however the application takes it.
            cycle.refuse(cycle.lost)
        else:
            scope.crashed(error)
            cycle.give_up()


class Cycle:
    """One request and its answer."""

    __slots__ = ("_gone", "_head", "_over", "_read", "_scope", "_transport", "begun", "lost")

    def __init__(self, transport: Transport, scope: CallScope) -> None:
        self._transport = transport
        self._scope = scope
        self._read = False
        """Whether the request's body has been received to its end."""
        self._head: tuple[int, Fields] | None = None
        """Kept until the first piece of the body: with the only one it goes as one message."""
        self._over = False
        """Whether the answer is whole."""
        self._gone: asyncio.Event | None = None
        """Wakes who waits for the end."""
        self.begun = False
        """Whether the answer's head is sent."""
        self.lost: BodyLost | None = None

    async def receive(self) -> Message:
        if self._read or self._over:
            if not self._over:
                self._gone = self._gone or asyncio.Event()
                await self._gone.wait()
            return {"type": "http.disconnect"}
        body = self._transport.start.body
        try:
            piece = await self._transport.read()
        except BodyLost as lost:
            self.lost, self._read = lost, True
            return {"type": "http.disconnect"}
        self._read = not piece or body is not None
        return {"type": "http.request", "body": piece, "more_body": not self._read}

    async def send(self, message: Message) -> None:
        if self._over:
            return
        kind = message["type"]
        if self._head is None and not self.begun:
            if kind != "http.response.start":
                raise unexpected(message, '"http.response.start"')
            self._head = message["status"], fields_of(message.get("headers", ()))
        elif kind != "http.response.body":
            raise unexpected(message, '"http.response.body"')
        else:
            await self._send_body(bytes(message.get("body", b"")), bool(message.get("more_body", False)))

    async def _send_body(self, piece: bytes, more: bool) -> None:
        if self._head is not None:
            (status, headers), self._head = self._head, None
            self.begun = True
            self._scope.finish(headers, status)
            if status in NO_BODY or self._transport.start.method == "HEAD":
                await self._finish(partial(self._transport.answer, status, headers, b""))
                return
            if not more:
                await self._finish(partial(self._transport.answer, status, headers, piece))
                return
            self._transport.answer(status, headers, None)
        if piece:
            await self._transport.write(piece)
        if not more:
            await self._finish(self._transport.end)

    async def _finish(self, last: Callable[[], None]) -> None:
        """Sends the end of the answer before the application goes on. Whether it does, nobody knows: it may call
        upstreams then, and it may block the event loop."""
        self._over = True
        if self._gone is not None:
            self._gone.set()
        if self._scope.surroundings.calls:
            self._transport.linger()
        last()
        await self._transport.sent()

    def check(self) -> None:
        """The application has returned."""
        if self._over:
            return
        if self.lost is not None and not self.begun:
            self.refuse(self.lost)
            return
        raise AsgiMisuse("the application returned before its answer was whole")

    def refuse(self, lost: BodyLost) -> None:
        self._transport.explain(lost.reason, "the request's body did not come whole")
        status, headers, body = answer_of(HTTPException(lost.status, "The request's body did not come whole."))
        self._transport.answer(status, headers, body)

    def give_up(self) -> None:
        """A 500 with an id; an answer that has begun is cut, so that nobody takes it for whole."""
        if self._over:
            return
        if self.begun:
            self._transport.fail()
        else:
            status, headers, body = crash_answer(self._transport.start.request_id)
            self._transport.answer(status, headers, body)
