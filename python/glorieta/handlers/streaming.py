"""Answers that are sent while they are made: pieces, lines of JSON, events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .encoding import encode_json
from .live.durations import seconds
from .response import Response

if TYPE_CHECKING:
    from .background import BackgroundTask, BackgroundTasks
    from .live.durations import Duration
    from .live.scope import CallScope
    from .transport import Transport

KEEP_ALIVE = "15s"
"""Silence in a stream of events after which a comment is sent, so that nothing between closes it."""
END = object()


class StreamingResponse(Response):
    """An answer whose body is iterated, `async` or not. Pieces are text or bytes."""

    __slots__ = ("iterator",)

    def __init__(
        self,
        content: AsyncIterable[Any] | Iterable[Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | BackgroundTasks | None = None,
    ) -> None:
        super().__init__(None, status_code, headers, media_type, background)
        self.iterator = content

    def render(self, content: Any) -> None:
        return None

    def piece(self, item: Any) -> bytes:
        """What is sent for an item."""
        if isinstance(item, str):
            return item.encode()
        if isinstance(item, bytes | bytearray | memoryview):
            return bytes(item)
        raise TypeError(f"a piece of a stream is text or bytes, not {type(item).__name__}")

    def items(self, scope: CallScope) -> AsyncIterator[Any]:
        if isinstance(self.iterator, AsyncIterable):
            # Kept, so that it can be closed: an iterable may give a new one each time.
            self.iterator = aiter(self.iterator)
            return self.iterator
        return on_threads(iter(self.iterator), scope)

    async def send_body(self, transport: Transport, scope: CallScope) -> None:
        async for item in self.items(scope):
            if piece := self.piece(item):
                await transport.write(piece)
        transport.end()

    async def close(self) -> None:
        close = getattr(self.iterator, "aclose", None)
        if close is not None:
            await close()


async def on_threads(iterator: Iterator[Any], scope: CallScope) -> AsyncIterator[Any]:
    while (item := await scope.run_sync(next, iterator, END)) is not END:
        yield item


class JSONLines(StreamingResponse):
    """A stream of values, each a line of JSON."""

    __slots__ = ("encode",)

    media_type: ClassVar[str | None] = "application/jsonl"

    def __init__(self, content: Any, encode: Callable[[Any], bytes] = encode_json, **options: Any) -> None:
        super().__init__(content, **options)
        self.encode = encode

    def piece(self, item: Any) -> bytes:
        return self.encode(item) + b"\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an `EventStream` (HTML, server-sent events)."""

    data: Any = None
    """Text as it is; anything else as JSON."""
    event: str | None = None
    """Its name; none: `message`."""
    id: str | None = None
    """What a client sends as `Last-Event-ID` when it connects again."""
    retry: int | None = None
    """After how many milliseconds a client connects again."""
    comment: str | None = None

    def __post_init__(self) -> None:
        for name, text in (("event", self.event), ("id", self.id)):
            if text is not None and any(character in text for character in "\r\n\0"):
                raise ValueError(f"an event's {name} is one line without NUL")

    def encoded(self, encode: Callable[[Any], bytes] = encode_json) -> bytes:
        lines = [f": {line}" for line in lines_of(self.comment or "")] if self.comment is not None else []
        lines += [f"{name}: {value}" for name, value in self.named() if value is not None]
        if self.data is not None:
            text = self.data if isinstance(self.data, str) else encode(self.data).decode()
            lines += [f"data: {line}" for line in lines_of(text)]
        return ("\n".join(lines) + "\n\n").encode()

    def named(self) -> list[tuple[str, Any]]:
        return [("event", self.event), ("id", self.id), ("retry", self.retry)]


def lines_of(text: str) -> list[str]:
    """Lines as a client of events sees them: other line breaks of Unicode are none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class EventStream(StreamingResponse):
    """Server-sent events from an iterator of `Event`s, texts or values; comments keep a silent stream open."""

    __slots__ = ("encode", "keep_alive")

    media_type = "text/event-stream"

    def __init__(
        self,
        content: AsyncIterable[Any] | Iterable[Any],
        *,
        keep_alive: Duration | None = KEEP_ALIVE,
        encode: Callable[[Any], bytes] = encode_json,
        **options: Any,
    ) -> None:
        """`keep_alive`: after how long a silence a comment is sent; none: never."""
        super().__init__(content, **options)
        self.keep_alive = None if keep_alive is None else seconds(keep_alive)
        self.encode = encode
        self.headers.setdefault("cache-control", "no-cache")

    def piece(self, item: Any) -> bytes:
        event = item if isinstance(item, Event) else Event(item if item is not None else "null")
        return event.encoded(self.encode)

    async def send_body(self, transport: Transport, scope: CallScope) -> None:
        items = self.items(scope)
        following: asyncio.Future[Any] | None = None
        try:
            while True:
                following = asyncio.ensure_future(anext(items, END))
                await self.keep_open(transport, following)
                item = following.result()
                if item is END:
                    break
                await transport.write(self.piece(item))
        finally:
            if following is not None and not following.done():
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await following
        transport.end()

    async def keep_open(self, transport: Transport, following: asyncio.Future[Any]) -> None:
        """Waits for the next item, and says something while there is none. The iterator is not interrupted."""
        while not (await asyncio.wait((following,), timeout=self.keep_alive))[0]:
            await transport.write(b": keep-alive\n\n")
