"""HTTP/3 by aioquic, which lives in an event loop on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import ssl
import threading
from typing import TYPE_CHECKING, Any

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import FrameUnexpected, H3Connection, Setting
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

from .call import WAIT_SECONDS, Call, Client, Cut
from .h1 import AUTHORITY
from .h2 import parted

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from .call import Fields

NO_ERROR = 0x100
CANCELLED = 0x10C
"""H3_NO_ERROR and H3_REQUEST_CANCELLED (RFC 9114 §8.1)."""


class Http(H3Connection):
    """aioquic expects a body of the announced length also where a HEAD was asked (RFC 9114 §4.1.2 says otherwise)."""

    def __init__(self, quic: Any) -> None:
        super().__init__(quic)
        self.without_body: set[int] = set()

    def _check_content_length(self, stream: Any) -> None:
        if stream.stream_id not in self.without_body:
            super()._check_content_length(stream)


class Protocol(QuicConnectionProtocol):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.http = Http(self._quic)
        self.events: dict[int, queue.Queue[Any]] = {}

    def quic_event_received(self, event: Any) -> None:
        if isinstance(event, ConnectionTerminated):
            for each in self.events.values():
                each.put(Cut(f"the connection has ended: {event.reason_phrase}"))
        if isinstance(event, StreamReset) and event.stream_id in self.events:
            self.events[event.stream_id].put(Cut(f"the stream was reset with {event.error_code:#x}"))
        for one in self.http.handle_event(event):
            stream = getattr(one, "stream_id", None)
            if stream in self.events:
                self.events[stream].put(one)


class H3Client(Client):
    def __init__(self, port: int, authorities: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        configuration = QuicConfiguration(alpn_protocols=["h3"], server_name=AUTHORITY)
        configuration.load_verify_locations(str(authorities))
        configuration.verify_mode = ssl.CERT_REQUIRED
        self.context = connect("127.0.0.1", port, configuration=configuration, create_protocol=Protocol)
        self.protocol: Any = self.run(self.context.__aenter__())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_SECONDS)

    def open(self, method: str, path: str, fields: Fields = (), *, length: int | None = None) -> Call:  # type: ignore[assignment]
        head = [(":method", method), (":scheme", "https"), (":authority", AUTHORITY), (":path", path), *fields]
        if length:
            head.append(("content-length", str(length)))
        return self.run(self.begin(head))

    def tunnel(self, path: str, protocol: str, fields: Fields = ()) -> Call:  # type: ignore[assignment]
        """An extended CONNECT (RFC 9220), once the peer says that it knows them."""
        self.run(self.offered())
        head = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "https"), (":path", path)]
        return self.run(self.begin([*head, (":authority", AUTHORITY), *fields]))

    async def offered(self) -> None:
        while not (self.protocol.http.received_settings or {}).get(Setting.ENABLE_CONNECT_PROTOCOL):
            await asyncio.sleep(0.001)

    async def begin(self, head: Fields) -> Call:
        stream = self.protocol._quic.get_next_available_stream_id()
        events = self.protocol.events[stream] = queue.Queue()
        if (":method", "HEAD") in head:
            self.protocol.http.without_body.add(stream)
        self.protocol.http.send_headers(stream, encoded(head))
        self.protocol.transmit()
        return H3Call(self, stream, events)

    def close(self) -> None:
        self.run(self.context.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_SECONDS)
        self.loop.close()


class H3Call(Call):
    def __init__(self, client: H3Client, stream: int, events: queue.Queue[Any]) -> None:
        self.client, self.stream, self.events = client, stream, events
        self.interims = []
        self.trailers = []
        self.ended = False

    async def act(self, name: str, *arguments: Any, **options: Any) -> None:
        getattr(self.client.protocol.http, name)(self.stream, *arguments, **options)
        self.client.protocol.transmit()

    def send(self, data: bytes) -> None:
        # Where the answer is whole already, aioquic takes the stream for one that is ended both ways, and sends no more.
        with contextlib.suppress(FrameUnexpected):
            self.client.run(self.act("send_data", data, end_stream=False))

    def end(self, trailers: Fields = ()) -> None:  # type: ignore[assignment]
        if trailers:
            self.client.run(self.act("send_headers", encoded(list(trailers)), end_stream=True))
        else:
            self.client.run(self.finish())

    async def finish(self) -> None:
        # Past aioquic's HTTP, which takes a stream whose answer is whole for one that is ended both ways.
        # A server that has its answer out may have asked for no more (STOP_SENDING).
        with contextlib.suppress(RuntimeError):
            self.client.protocol._quic.send_stream_data(self.stream, b"", end_stream=True)
        self.client.protocol.transmit()

    def next(self) -> Any:
        event = self.events.get(timeout=WAIT_SECONDS)
        if isinstance(event, Cut):
            raise event
        self.ended = self.ended or event.stream_ended
        return event

    def interim(self) -> tuple[int, Fields]:
        event = self.next()
        assert isinstance(event, HeadersReceived), event
        self.interims.append(parted(event.headers))
        return self.interims[-1]

    def head(self) -> tuple[int, Fields]:
        while True:
            event = self.next()
            assert isinstance(event, HeadersReceived), event
            status, fields = parted(event.headers)
            if status >= 200:
                return status, fields
            self.interims.append((status, fields))

    def read(self) -> bytes | None:
        while not self.ended or not self.events.empty():
            event = self.next()
            if isinstance(event, HeadersReceived):
                self.trailers = [(name.decode(), value.decode()) for name, value in event.headers]
            elif isinstance(event, DataReceived) and event.data:
                return event.data
        return None

    def cancel(self) -> None:
        async def both() -> None:
            self.client.protocol._quic.reset_stream(self.stream, CANCELLED)
            self.client.protocol._quic.stop_stream(self.stream, CANCELLED)
            self.client.protocol.transmit()

        self.client.run(both())


def encoded(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in fields]
