"""A compiled WebSocket route: from the handshake to the last message."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..problems import HTTPException, crash_answer
from ..status import WS_1011_INTERNAL_ERROR
from ..websocket import WebSocket, WebSocketException, check_handshake
from ..websocket_end import WebSocketDisconnect
from .handling import answer_to, raw_response
from .program import Run
from .route import HandlerRoute

if TYPE_CHECKING:
    from ..live.scope import CallScope
    from ..transport import Transport
    from .handling import Handlers


class SocketRoute(HandlerRoute):
    """A route that a WebSocket is opened on."""

    def __init__(self, *about: Any, exception_handlers: Handlers) -> None:
        super().__init__(*about)
        self.exception_handlers = exception_handlers

    async def serve(self, transport: Transport, scope: CallScope) -> None:
        socket = WebSocket(transport, scope, self)
        try:
            await self.run(socket)
        except WebSocketDisconnect:
            # The client left; a handler need not say that it expects that.
            pass
        except WebSocketException as error:
            await self.closed_by(socket, error)
        except Exception as error:
            await self.failed(socket, error)
        else:
            await self.returned(socket)

    async def run(self, socket: WebSocket) -> None:
        check_handshake(socket)
        run = Run(socket, self.program.slots)
        try:
            await self.program.run(run)
        except BaseException as error:
            if run.exits is not None:
                await run.exits.__aexit__(type(error), error, error.__traceback__)
            raise
        if run.exits is not None:
            await run.exits.aclose()
        if run.background is not None:
            await run.background.run(socket.call_scope)

    async def returned(self, socket: WebSocket) -> None:
        if not socket.answered:
            await self.refused(socket, HTTPException(403))
        else:
            await self.close(socket, 1000, "")

    async def closed_by(self, socket: WebSocket, error: WebSocketException) -> None:
        if not socket.answered:
            await self.refused(socket, HTTPException(403, error.reason or None))
        else:
            await self.close(socket, error.code, error.reason)

    async def failed(self, socket: WebSocket, error: Exception) -> None:
        if not socket.answered and await self.refused(socket, error):
            return
        socket.call_scope.crashed(error)
        if socket.answered:
            await self.close(socket, WS_1011_INTERNAL_ERROR, "")
        else:
            socket.answered = True
            socket.transport.answer(*crash_answer(socket.request_id))

    async def refused(self, socket: WebSocket, error: Exception) -> bool:
        """Answers the handshake with what an exception means. False: it means no answer."""
        try:
            response = await answer_to(error, socket, self.exception_handlers)
        except Exception as second:
            socket.call_scope.crashed(second)
            response = raw_response(*crash_answer(socket.request_id))
        if response is None:
            return False
        socket.answered = True
        response = response if response.body is not None else raw_response(*crash_answer(socket.request_id))
        socket.transport.answer(response.status_code, response.raw, response.body)
        return True

    async def close(self, socket: WebSocket, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect, ConnectionError):
            await socket.close(code, reason)
