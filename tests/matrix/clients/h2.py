"""HTTP/2 by the h2 package, over TLS or with prior knowledge."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .call import WAIT_SECONDS, Call, Client, Cut
from .h1 import AUTHORITY, decoded

if TYPE_CHECKING:
    from .call import Fields


class H2Client(Client):
    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        self.scheme = "https" if tls else "http"
        if tls:
            encrypted = tls.wrap_socket(self.socket, server_hostname=AUTHORITY)
            assert encrypted.selected_alpn_protocol() == "h2"
            self.socket = encrypted
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self.http.initiate_connection()
        self.calls: dict[int, H2Call] = {}
        self.flush()

    def open(self, method: str, path: str, fields: Fields = (), *, length: int | None = None) -> Call:  # type: ignore[assignment]
        head = [(":method", method), (":scheme", self.scheme), (":authority", AUTHORITY), (":path", path), *fields]
        if length:
            head.append(("content-length", str(length)))
        return self.begin(head)

    def tunnel(self, path: str, protocol: str, fields: Fields = ()) -> Call:  # type: ignore[assignment]
        """An extended CONNECT (RFC 8441), once the peer says that it knows them."""
        known = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
        while not self.http.remote_settings.get(known):
            self.turn()
        head = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", self.scheme), (":path", path)]
        return self.begin([*head, (":authority", AUTHORITY), *fields])

    def begin(self, head: Fields) -> Call:
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(stream, head)
        self.flush()
        self.calls[stream] = H2Call(self, stream)
        return self.calls[stream]

    def flush(self) -> None:
        if data := self.http.data_to_send():
            self.socket.sendall(data)

    def turn(self) -> None:
        """Reads once, and tells each call what has come for it."""
        try:
            data = self.socket.recv(1 << 16)
            if not data:
                raise Cut("the connection has ended")
            events = self.http.receive_data(data)
        except (OSError, h2.exceptions.ProtocolError) as error:
            raise Cut(str(error)) from error
        for event in events:
            stream = getattr(event, "stream_id", None)
            if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream in self.calls:
                self.calls[stream].events.append(event)
        with contextlib.suppress(OSError):
            self.flush()

    def close(self) -> None:
        self.socket.close()


class H2Call(Call):
    def __init__(self, client: H2Client, stream: int) -> None:
        self.client, self.stream = client, stream
        self.events: deque[h2.events.Event] = deque()
        self.interims = []
        self.trailers = []

    def send(self, data: bytes) -> None:
        http = self.client.http
        while data:
            room = min(http.local_flow_control_window(self.stream), http.max_outbound_frame_size, len(data))
            if room <= 0:
                self.client.turn()
                continue
            http.send_data(self.stream, data[:room])
            data = data[room:]
            self.client.flush()

    def end(self, trailers: Fields = ()) -> None:  # type: ignore[assignment]
        if trailers:
            self.client.http.send_headers(self.stream, list(trailers), end_stream=True)
        else:
            self.client.http.end_stream(self.stream)
        self.client.flush()

    def next(self) -> h2.events.Event:
        while not self.events:
            self.client.turn()
        event = self.events.popleft()
        if isinstance(event, h2.events.StreamReset):
            raise Cut(f"the stream was reset with {event.error_code}")
        return event

    def interim(self) -> tuple[int, Fields]:
        while not isinstance(event := self.next(), h2.events.InformationalResponseReceived):
            assert not isinstance(event, h2.events.ResponseReceived), event
        self.interims.append(parted(event.headers))
        return self.interims[-1]

    def head(self) -> tuple[int, Fields]:
        while not isinstance(event := self.next(), h2.events.ResponseReceived):
            if isinstance(event, h2.events.InformationalResponseReceived):
                self.interims.append(parted(event.headers))
        return parted(event.headers)

    def read(self) -> bytes | None:
        while True:
            event = self.next()
            if isinstance(event, h2.events.DataReceived) and event.data:
                return bytes(event.data)
            if isinstance(event, h2.events.TrailersReceived):
                self.trailers = decoded(event.headers)
            if isinstance(event, h2.events.StreamEnded):
                return None

    def cancel(self) -> None:
        self.client.http.reset_stream(self.stream, h2.errors.ErrorCodes.CANCEL)
        self.client.flush()


def parted(headers: list[tuple[bytes, bytes]]) -> tuple[int, Fields]:
    """The status, and the other fields."""
    fields = decoded(headers)
    return int(dict(fields)[":status"]), [(name, value) for name, value in fields if not name.startswith(":")]
