"""A service that speaks HTTP/2, by the h2 package: a thread for each connection, and one for each stream."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from ..clients.h1 import decoded
from .exchange import WAIT_SECONDS, Exchange, Tunnel
from .serving import Gone, Service

if TYPE_CHECKING:
    from ..clients import Fields
    from .exchange import Shop


class H2Exchange(Exchange):
    protocol = "HTTP/2"

    def __init__(self, connection: Connection, stream: int, head: Fields) -> None:
        self.connection, self.stream, self.head = connection, stream, head
        known = dict(head)
        self.method, self.path = known[":method"], known[":path"]
        self.fields = [(name, value) for name, value in head if not name.startswith(":")]
        self.trailers = []
        self.gone = threading.Event()
        self.asked = False
        """Whether somebody has begun to read the body."""
        self.pieces: queue.Queue[bytes | None] = queue.Queue()

    def read(self) -> bytes | None:
        if not self.asked and self.header("expect"):
            self.interim(100, [])
        self.asked = True
        piece = self.pieces.get(timeout=WAIT_SECONDS)
        if self.gone.is_set():
            raise Gone
        return piece

    def interim(self, status: int, fields: Fields) -> None:
        self.connection.write("send_headers", self.stream, [(":status", str(status)), *fields])

    def start(self, status: int, fields: Fields, length: int | None = None) -> None:
        framing = [("content-length", str(length))] if length is not None else []
        self.connection.write("send_headers", self.stream, [(":status", str(status)), *fields, *framing])

    def send(self, data: bytes) -> None:
        while data:
            room = self.connection.room(self)
            self.connection.write("send_data", self.stream, data[:room])
            data = data[room:]

    def end(self, trailers: Fields = ()) -> None:  # type: ignore[assignment]
        if trailers:
            self.connection.write("send_headers", self.stream, list(trailers), end_stream=True)
        else:
            self.connection.write("end_stream", self.stream)

    def refuse(self) -> None:
        self.connection.write("reset_stream", self.stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        raise Gone

    def tunnel(self) -> Tunnel:
        assert dict(self.head)[":protocol"] == "websocket"
        # A stream has no keys (RFC 8441 §5).
        assert self.header("sec-websocket-key") is None
        self.start(200, [])
        return Tunnel(lambda: self.read() or b"", self.send, self.end)


class Connection:
    def __init__(self, shop: Shop, connection: socket.socket) -> None:
        self.shop, self.socket = shop, connection
        self.changed = threading.Condition()
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        offered = {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}
        self.http.local_settings = h2.settings.Settings(client=False, initial_values=offered)
        self.exchanges: dict[int, H2Exchange] = {}

    def serve(self) -> None:
        self.write("initiate_connection")
        try:
            while data := self.socket.recv(1 << 16):
                with self.changed:
                    events = self.http.receive_data(data)
                    for event in events:
                        self.take(event)
                    self.flush()
                    self.changed.notify_all()
        finally:
            for each in self.exchanges.values():
                self.lose(each)

    def take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            exchange = H2Exchange(self, event.stream_id, decoded(event.headers))
            self.exchanges[event.stream_id] = exchange
            threading.Thread(target=self.run, args=(exchange,), daemon=True).start()
            return
        known = self.exchanges.get(getattr(event, "stream_id", None) or 0)
        if known is None:
            return
        if isinstance(event, h2.events.DataReceived):
            if event.flow_controlled_length:
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.data:
                known.pieces.put(bytes(event.data))
        elif isinstance(event, h2.events.TrailersReceived):
            known.trailers = decoded(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            known.pieces.put(None)
        elif isinstance(event, h2.events.StreamReset):
            self.lose(known)

    def lose(self, exchange: H2Exchange) -> None:
        exchange.gone.set()
        exchange.pieces.put(None)

    def run(self, exchange: H2Exchange) -> None:
        with contextlib.suppress(OSError, Gone, queue.Empty):
            self.shop.serve(exchange)

    def write(self, name: str, *arguments: object, **options: object) -> None:
        with self.changed:
            try:
                getattr(self.http, name)(*arguments, **options)
                self.flush()
            except (OSError, h2.exceptions.ProtocolError) as error:
                raise Gone from error

    def flush(self) -> None:
        if data := self.http.data_to_send():
            self.socket.sendall(data)

    def room(self, exchange: H2Exchange) -> int:
        """Waits until something may be sent."""
        with self.changed:
            while True:
                if exchange.gone.is_set():
                    raise Gone
                window = self.http.local_flow_control_window(exchange.stream)
                if window > 0:
                    return min(window, self.http.max_outbound_frame_size)
                if not self.changed.wait(WAIT_SECONDS):
                    raise Gone


class H2Service(Service):
    broken = h2.exceptions.ProtocolError

    def serve(self, connection: socket.socket) -> None:
        Connection(self.shop, connection).serve()
