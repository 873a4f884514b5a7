"""Clients that speak HTTP/2: one that keeps its rules, by the `h2` library, and one that writes any frame it is told."""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
import h2.settings
import hpack

from harness.streams import Answer, Fields

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 7, 8, 11


def connect(port: int, tls: ssl.SSLContext | None, name: str, timeout: float) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(made, server_hostname=name) if tls else made


class Http2Client:
    """One connection with any number of requests at once. `settings` are sent with the preface."""

    def __init__(
        self,
        port: int,
        tls: ssl.SSLContext | None = None,
        name: str = "shop.example",
        settings: dict[int, int] | None = None,
        timeout: float = 10.0,
    ):
        self.socket = connect(port, tls, name, timeout)
        self.timeout = timeout
        self.authority = name
        self.scheme = "https" if tls else "http"
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None
        self.closed = False
        self.reads = True
        self.buffer = b""
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def begin(
        self,
        method: str = "GET",
        path: str = "/",
        fields: Sequence[tuple[str, str]] = (),
        *,
        authority: str | None = None,
        end: bool = True,
        protocol: str | None = None,
    ) -> int:
        """Sends a request's head; the stream."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", self.scheme), (":authority", authority or self.authority)]
        pseudo += [(":path", path)] + ([(":protocol", protocol)] if protocol else [])
        self.h2.send_headers(stream, [*pseudo, *fields], end_stream=end)
        self.answers[stream] = Answer()
        self.flush()
        return stream

    def send(self, stream: int, data: bytes = b"", *, end: bool = False) -> None:
        """Sends a piece of a body as windows allow."""
        rest = memoryview(data)
        while rest:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(rest))
            if room <= 0:
                self.receive()
                continue
            self.h2.send_data(stream, bytes(rest[:room]))
            rest = rest[room:]
            self.flush()
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        fields: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        authority: str | None = None,
    ) -> Answer:
        stream = self.begin(method, path, fields, authority=authority, end=body is None)
        if body is not None:
            self.send(stream, body, end=True)
        return self.wait(stream)

    def get(self, path: str = "/", *fields: tuple[str, str]) -> Answer:
        return self.request("GET", path, fields)

    def wait(self, stream: int) -> Answer:
        """Reads until a stream is answered whole, or reset."""
        answer = self.answers[stream]
        self.wait_for(lambda: answer.over, f"the answer on stream {stream}")
        return answer

    def wait_for(self, condition: Callable[[], Any], what: str = "the condition") -> None:
        end = time.monotonic() + self.timeout
        while not condition():
            if self.closed:
                raise AssertionError(f"the connection ended (GOAWAY {self.goaway}) before {what}")
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come within {self.timeout} s")
            self.receive()

    def wait_closed(self) -> int | None:
        """Reads until the connection ends; the code of its GOAWAY."""
        while not self.closed:
            self.receive()
        return self.goaway

    def receive(self) -> None:
        """Reads once."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(self.without_goaway(data)):
            self.note(event)
        try:
            self.flush()
        except ConnectionError:
            self.closed = True

    def without_goaway(self, data: bytes) -> bytes:
        """Whole frames, but for GOAWAY: the library takes it for the end even while answers are under way."""
        self.buffer += data
        passed = b""
        while len(self.buffer) >= 9 and len(self.buffer) >= 9 + (length := int.from_bytes(self.buffer[:3])):
            whole, self.buffer = self.buffer[: 9 + length], self.buffer[9 + length :]
            if whole[3] == GOAWAY:
                self.goaway = int.from_bytes(whole[13:17])
            else:
                passed += whole
        return passed

    def note(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.InformationalResponseReceived():
                status, *fields = text_fields(event.headers)
                self.answers[event.stream_id].interim.append((int(status[1]), fields))
            case h2.events.ResponseReceived():
                answer = self.answers[event.stream_id]
                status, *answer.fields = text_fields(event.headers)
                answer.status = int(status[1])
            case h2.events.TrailersReceived():
                self.answers[event.stream_id].trailers = text_fields(event.headers)
            case h2.events.DataReceived():
                self.answers[event.stream_id].body += event.data or b""
                if self.reads and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.answers[event.stream_id].ended = True
            case h2.events.StreamReset():
                self.answers[event.stream_id].reset = int(event.error_code or 0)
            case _:
                pass


def text_fields(fields: Any) -> Fields:
    return [(str(name), str(value)) for name, value in fields]


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """Of RST_STREAM and GOAWAY."""
        return int.from_bytes(self.payload[4:8] if self.kind == GOAWAY else self.payload[:4])


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings_frame(values: dict[int, int]) -> bytes:
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *each) for each in values.items()))


def head(path: str = "/", *fields: tuple[str, str], method: str = "GET", authority: str = "a") -> list[tuple[str, str]]:
    return [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path), *fields]


class FrameClient:
    """One connection on which any frame may be written. `settings` are sent with the preface."""

    def __init__(self, port: int, settings: dict[int, int] | None = None, timeout: float = 10.0):
        self.socket = connect(port, None, "", timeout)
        self.timeout = timeout
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.buffer = b""
        self.send(PREFACE + settings_frame(settings or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def try_send(self, data: bytes) -> bool:
        """Whether it could be sent: the other side may have closed."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def block(self, fields: Sequence[tuple[str, str]]) -> bytes:
        """Fields in HPACK, without a trace in the dynamic table."""
        return self.encoder.encode([hpack.NeverIndexedHeaderTuple(*each) for each in fields], huffman=False)

    def headers(self, stream: int, fields: Sequence[tuple[str, str]], flags: int = END_STREAM | END_HEADERS) -> bytes:
        return frame(HEADERS, flags, stream, self.block(fields))

    def read_frame(self) -> Frame | None:
        """The next frame; none at the end."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3]):
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                return None
            if not data:
                return None
            self.buffer += data
        length = int.from_bytes(self.buffer[:3])
        kind, flags = self.buffer[3], self.buffer[4]
        stream = int.from_bytes(self.buffer[5:9]) & 0x7FFFFFFF
        payload, self.buffer = self.buffer[9 : 9 + length], self.buffer[9 + length :]
        return Frame(kind, flags, stream, payload)

    def read_until(self, wanted: Callable[[Frame], bool]) -> Frame | None:
        """The first frame that is wanted; none: the connection ended before. Settings and pings are answered."""
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            got = self.read_frame()
            if got is None or wanted(got):
                return got
            if got.kind in (SETTINGS, PING) and not got.flags & ACK:
                self.try_send(frame(got.kind, ACK, 0, got.payload if got.kind == PING else b""))
        raise AssertionError(f"no such frame within {self.timeout} s")

    def ends_with(self) -> int | None:
        """Reads to the end of the connection; the code of its GOAWAY, if one came."""
        code = None

        def last(got: Frame) -> bool:
            nonlocal code
            code = got.code if got.kind == GOAWAY else code
            return False

        self.read_until(last)
        return code

    def outcome(self, stream: int) -> int | str:
        """What became of a stream: the status of its answer, `reset`, or `closed`."""
        got = self.read_until(lambda got: got.stream == stream and got.kind in (HEADERS, RST_STREAM))
        if got is None:
            return "closed"
        if got.kind == RST_STREAM:
            return "reset"
        return int(dict(text_fields(self.decoder.decode(got.payload)))[":status"])
