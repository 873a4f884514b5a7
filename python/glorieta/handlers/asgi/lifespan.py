"""Startup and shutdown of an ASGI application (ASGI, lifespan protocol 2.0)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .messages import ABOUT, ASGIApp, Message, unexpected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger("glorieta.handlers")
PATIENCE = 10.0
"""Seconds that an application has for its shutdown."""


class LifespanFailed(Exception):
    """An application says that it cannot start, or did not stop as it should."""


@asynccontextmanager
async def running(app: ASGIApp, state: dict[str, Any]) -> AsyncIterator[None]:
    """An application between its startup and its shutdown. One that knows no lifespan has neither."""
    conversation = Conversation()
    about = {"type": "lifespan", "asgi": dict(ABOUT), "state": state}
    task = asyncio.ensure_future(app(about, conversation.receive, conversation.send))
    try:
        await started(task, conversation)
        yield
        await stopped(task, conversation)
    finally:
        task.cancel()


async def started(task: asyncio.Future[None], conversation: Conversation) -> None:
    await asyncio.wait([task, conversation.startup], return_when=asyncio.FIRST_COMPLETED)
    if conversation.startup.done():
        conversation.startup.result()
    elif (error := task.exception()) is not None:
        # The protocol has no other way to say that there is no lifespan.
        log.debug("the application has no lifespan: %r", error)


async def stopped(task: asyncio.Future[None], conversation: Conversation) -> None:
    if task.done():
        return
    conversation.stop()
    done, _ = await asyncio.wait([task, conversation.shutdown], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        log.warning("the application's shutdown took longer than %g s", PATIENCE)
    elif conversation.shutdown.done():
        conversation.shutdown.result()
    elif (error := task.exception()) is not None:
        raise LifespanFailed(f"the application's shutdown failed: {error!r}") from error


class Conversation:
    """What is said between the application and whoever runs it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.startup: asyncio.Future[None] = loop.create_future()
        self.shutdown: asyncio.Future[None] = loop.create_future()
        self._stop = asyncio.Event()
        self._told = False

    def stop(self) -> None:
        self._stop.set()

    async def receive(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        future = {"lifespan.startup": self.startup, "lifespan.shutdown": self.shutdown}.get(kind.rpartition(".")[0])
        if future is None or future.done():
            raise unexpected(message, "a message of the lifespan")
        if kind.endswith(".complete"):
            future.set_result(None)
        elif kind.endswith(".failed"):
            future.set_exception(LifespanFailed(message.get("message") or "it gives no reason"))
            # Whoever has asked for it gets it.
            future.exception()
        else:
            raise unexpected(message, "a message of the lifespan")
