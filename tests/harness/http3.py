"""A client of HTTP/3, by aioquic without its event loop: a test says when it looks at its socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    ProtocolNegotiated,
    StopSendingReceived,
    StreamReset,
)

from harness import streams
from harness.streams import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from aioquic.quic.events import QuicEvent

    from harness.tls import Files

LARGEST_DATAGRAM = 65536
CANCELLED = int(ErrorCode.H3_REQUEST_CANCELLED)
REJECTED = int(ErrorCode.H3_REQUEST_REJECTED)
NO_ERROR = int(ErrorCode.H3_NO_ERROR)


class Connection(H3Connection):
    """To aioquic an answer to HEAD that says how long its body would be is one that was cut off."""

    def _check_content_length(self, stream: Any) -> None:
        pass


@dataclass
class Answer(streams.Answer):
    stopped: int | None = None
    """The code with which glorieta asked for no more of the request."""


class Http3Client:
    """One connection. `connect`: whether to wait for the end of the handshake."""

    def __init__(
        self,
        port: int,
        authorities: Path | None = None,
        name: str | None = "shop.example",
        *,
        shown: Files | None = None,
        timeout: float = 10.0,
        connect: bool = True,
        source: str = "127.0.0.1",
        **settings: Any,
    ):
        self.timeout = timeout
        self.port = port
        settings = {"alpn_protocols": H3_ALPN, "server_name": name, **settings}
        if authorities is None:
            settings["verify_mode"] = ssl.CERT_NONE
        configuration = QuicConfiguration(**settings)
        if authorities is not None:
            configuration.load_verify_locations(str(authorities))
        if shown:
            configuration.load_cert_chain(*shown)
        self.tickets: list[Any] = []
        self.quic = QuicConnection(configuration=configuration, session_ticket_handler=self.tickets.append)
        self.h3: Connection | None = None
        self.answers: dict[int, Answer] = {}
        self.events: list[QuicEvent] = []
        self.resumed = False
        self.terminated: ConnectionTerminated | None = None
        self.socket = self.open_socket(source)
        self.quic.connect(("127.0.0.1", port), now=time.monotonic())
        if connect:
            self.connect()

    @staticmethod
    def open_socket(source: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.bind((source, 0))
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.terminated is None:
            self.quic.close(NO_ERROR)
            with contextlib.suppress(OSError):
                self.flush()
        self.socket.close()

    def connect(self) -> None:
        self.wait(lambda: self.h3 is not None and self.has(HandshakeCompleted), "the handshake")

    def has(self, kind: type[QuicEvent]) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    def migrate(self, source: str = "127.0.0.1") -> None:
        """Goes on from another port, as behind a NAT that has forgotten."""
        self.socket.close()
        self.socket = self.open_socket(source)

    # What goes out and comes in.

    def flush(self) -> None:
        for data, address in self.quic.datagrams_to_send(now=time.monotonic()):
            # A full buffer, or nobody there: QUIC sends again.
            with contextlib.suppress(OSError):
                self.socket.sendto(data, address)

    def step(self, until: float) -> None:
        """Sends what is to be sent and takes in what comes, for at most so long."""
        self.flush()
        now = time.monotonic()
        timer = self.quic.get_timer()
        deadline = until if timer is None else min(until, timer)
        self.socket.settimeout(max(deadline - now, 0.0005))
        try:
            data, address = self.socket.recvfrom(LARGEST_DATAGRAM)
            self.quic.receive_datagram(data, address, now=time.monotonic())
        except (TimeoutError, ConnectionRefusedError, BlockingIOError):
            pass
        timer = self.quic.get_timer()
        if timer is not None and time.monotonic() >= timer:
            self.quic.handle_timer(now=time.monotonic())
        self.take_events()

    def take_events(self) -> None:
        while (event := self.quic.next_event()) is not None:
            self.events.append(event)
            match event:
                case ProtocolNegotiated():
                    self.h3 = Connection(self.quic)
                case HandshakeCompleted():
                    self.resumed = event.session_resumed
                case ConnectionTerminated():
                    self.terminated = event
                case StreamReset():
                    self.answer(event.stream_id).reset = event.error_code
                case StopSendingReceived():
                    self.answer(event.stream_id).stopped = event.error_code
            if self.h3 is not None:
                for found in self.h3.handle_event(event):
                    self.take(found)

    def take(self, event: object) -> None:
        match event:
            case HeadersReceived():
                answer = self.answer(event.stream_id)
                fields = [(name.decode(), value.decode()) for name, value in event.headers]
                status = next((int(value) for name, value in fields if name == ":status"), 0)
                fields = [(name, value) for name, value in fields if not name.startswith(":")]
                if 100 <= status < 200:
                    answer.interim.append((status, fields))
                elif status:
                    answer.status, answer.fields = status, fields
                else:
                    answer.trailers = fields
                answer.ended = event.stream_ended
            case DataReceived():
                answer = self.answer(event.stream_id)
                answer.body += event.data
                answer.ended = event.stream_ended

    def answer(self, stream: int) -> Answer:
        return self.answers.setdefault(stream, Answer())

    def wait(self, condition: Callable[[], Any], what: str, timeout: float | None = None) -> None:
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not condition():
            if self.terminated is not None:
                raise ConnectionError(f"{what}: {self.terminated}")
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f"{what} did not come")
            self.step(end)

    def settle(self) -> None:
        """Acknowledges what has come, as a client does that lives on."""
        self.pass_time(0.1)

    def pass_time(self, seconds: float) -> None:
        """Answers what comes, as a client that waits does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.terminated is None:
            self.step(end)

    # Requests.

    def begin(
        self,
        path: str = "/",
        method: str = "GET",
        fields: Iterable[tuple[str, str]] = (),
        host: str = "shop.example",
        end: bool = True,
    ) -> int:
        """Sends a head; the number of its stream."""
        assert self.h3 is not None
        stream = self.quic.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path), *fields]
        self.h3.send_headers(stream, [(name.encode(), value.encode()) for name, value in head], end)
        self.flush()
        return stream

    def send(self, stream: int, data: bytes, end: bool = False) -> None:
        assert self.h3 is not None
        self.h3.send_data(stream, data, end)
        self.flush()

    def send_trailers(self, stream: int, fields: Fields) -> None:
        assert self.h3 is not None
        self.h3.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields], True)
        self.flush()

    def read(self, stream: int, timeout: float | None = None) -> Answer:
        """The whole answer, or as much as came before it was reset."""
        self.wait(lambda: self.answer(stream).over, f"the answer on stream {stream}", timeout)
        return self.answer(stream)

    def get(self, path: str = "/", host: str = "shop.example", fields: Iterable[tuple[str, str]] = ()) -> Answer:
        return self.read(self.begin(path, host=host, fields=fields))

    def exchange(
        self,
        path: str,
        method: str,
        body: bytes,
        fields: Iterable[tuple[str, str]] = (),
        trailers: Fields | None = None,
    ) -> Answer:
        stream = self.begin(path, method, fields, end=False)
        self.send(stream, body, end=trailers is None)
        if trailers is not None:
            self.send_trailers(stream, trailers)
        return self.read(stream)

    def cancel(self, stream: int) -> None:
        """Gives a request up, in both directions."""
        self.quic.reset_stream(stream, CANCELLED)
        self.quic.stop_stream(stream, CANCELLED)
        self.flush()
