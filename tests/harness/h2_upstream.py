"""A service that speaks HTTP/2, by Python's `h2`, records what it is asked and misbehaves as told.

`respond(conversation, request)` runs in a thread of its own for each request, from its head on. It may be replaced at
any time.
"""

from __future__ import annotations

import contextlib
import select
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

from harness.message import every_header, header
from harness.recording import Conversation, TcpServer
from harness.tls import Encrypted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.message import Headers
    from harness.tls import Files

    Respond2 = Callable[["H2Conversation", "H2Request"], None]

PATIENCE = 10.0
WINDOW = 1 << 20


@dataclass
class H2Request:
    """One request as the service received it."""

    stream: int
    connection: int
    fields: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    reset: int | None = None
    """The code of the RST_STREAM that has ended it."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    @property
    def method(self) -> str:
        return self.header(":method") or ""

    @property
    def target(self) -> str:
        return self.header(":path") or ""

    def header(self, name: str) -> str | None:
        return header(self.fields, name)

    def headers(self, name: str) -> list[str]:
        return every_header(self.fields, name)

    def wait(self, what: Callable[[], object] | None = None) -> None:
        """Waits for its end, or for something else that comes with what is received."""
        with self.changed:
            if not self.changed.wait_for(what or (lambda: self.ended or self.reset is not None), PATIENCE):
                raise TimeoutError("the request did not come")


class H2Conversation:
    """One connection. Everything that is sent goes through here; bodies wait for the other side's windows."""

    def __init__(self, conversation: Conversation, settings: dict[int, int]):
        self.conversation = conversation
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings)  # type: ignore[arg-type]
        self.requests: dict[int, H2Request] = {}
        self.lock = threading.RLock()
        self.window = threading.Condition(self.lock)

    @property
    def socket(self) -> ssl.SSLSocket:
        return self.conversation.socket  # type: ignore[return-value]

    def flush(self) -> None:
        with self.lock:
            data = self.h2.data_to_send()
            if data:
                self.socket.sendall(data)

    def head(
        self, request: H2Request, status: int = 200, fields: Sequence[tuple[str, str]] = (), end: bool = False
    ) -> None:
        with self.lock:
            self.h2.send_headers(request.stream, [(":status", str(status)), *fields], end_stream=end)
            self.flush()

    def data(self, request: H2Request, data: bytes, end: bool = False) -> None:
        """Sends as the windows allow, and waits where they do not."""
        while True:
            with self.window:
                room = self.h2.local_flow_control_window(request.stream)
                size = min(room, len(data), self.h2.max_outbound_frame_size)
                if size or not data:
                    self.h2.send_data(request.stream, data[:size], end_stream=end and size == len(data))
                    self.flush()
                    data = data[size:]
                elif not self.window.wait(PATIENCE):
                    raise TimeoutError("the window stays closed")
            if not data:
                return

    def trailers(self, request: H2Request, fields: Sequence[tuple[str, str]]) -> None:
        with self.lock:
            self.h2.send_headers(request.stream, list(fields), end_stream=True)
            self.flush()

    def answer(
        self, request: H2Request, body: bytes = b"ok", status: int = 200, fields: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.head(request, status, [("content-length", str(len(body))), *fields])
        self.data(request, body, end=True)

    def reset(self, request: H2Request, code: int) -> None:
        with self.lock:
            self.h2.reset_stream(request.stream, code)
            self.flush()

    def goodbye(self, last: int, code: int = 0) -> None:
        """GOAWAY; the library would take it for the end of everything, and streams up to `last` go on."""
        self.raw(hyperframe.frame.GoAwayFrame(last_stream_id=last, error_code=code).serialize())

    def raw(self, data: bytes) -> None:
        """Sends bytes behind the library's back."""
        with self.lock:
            self.socket.sendall(data)

    def close(self) -> None:
        self.conversation.close()


class H2Upstream(TcpServer):
    """An HTTP/2 service in clear. `settings` are those of `h2.settings`, by their codes."""

    def __init__(self, respond: Respond2 | None = None, settings: dict[int, int] | None = None, port: int = 0):
        self.respond: Respond2 = respond or answer_ok
        self.settings = settings or {}
        self.received: list[H2Request] = []
        super().__init__(port=port)

    @property
    def requests(self) -> list[H2Request]:
        with self.lock:
            return list(self.received)

    def forget(self) -> None:
        with self.lock:
            self.received.clear()

    def serve(self, conversation: Conversation) -> None:
        talk = H2Conversation(conversation, self.settings)
        talk.h2.initiate_connection()
        talk.flush()
        while data := self.read(talk):
            with talk.lock:
                try:
                    events = talk.h2.receive_data(data)
                except h2.exceptions.ProtocolError:
                    talk.flush()
                    return
                for event in events:
                    self.take(talk, event)
                talk.flush()

    def read(self, talk: H2Conversation) -> bytes:
        """What has come; nothing at the end. TLS is not read and written at once."""
        while talk.conversation.open:
            pending = isinstance(talk.socket, ssl.SSLSocket) and talk.socket.pending()
            if not pending and not select.select([talk.socket], [], [], 0.2)[0]:
                continue
            with talk.lock:
                return talk.socket.recv(65536)
        return b""

    def take(self, talk: H2Conversation, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id is not None and event.headers is not None
            fields = [(str(name), str(value)) for name, value in event.headers]
            request = H2Request(event.stream_id, talk.conversation.index, fields)
            talk.requests[event.stream_id] = request
            with self.lock:
                self.received.append(request)
            threading.Thread(target=self.run_respond, args=(talk, request), daemon=True).start()
            return
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            talk.window.notify_all()
            return
        request = talk.requests.get(getattr(event, "stream_id", None) or 0)  # type: ignore[assignment]
        if request is None:
            return
        with request.changed:
            match event:
                case h2.events.DataReceived():
                    request.body += event.data or b""
                    if event.flow_controlled_length:
                        talk.h2.acknowledge_received_data(event.flow_controlled_length, request.stream)
                case h2.events.TrailersReceived():
                    request.trailers = [(str(name), str(value)) for name, value in event.headers or []]
                case h2.events.StreamEnded():
                    request.ended = True
                case h2.events.StreamReset():
                    request.reset = int(event.error_code or 0)
            request.changed.notify_all()

    def run_respond(self, talk: H2Conversation, request: H2Request) -> None:
        # Who asked may have gone.
        with contextlib.suppress(OSError, h2.exceptions.H2Error):
            self.respond(talk, request)


def answer_ok(talk: H2Conversation, request: H2Request) -> None:
    request.wait()
    talk.answer(request)


class TlsH2Upstream(Encrypted, H2Upstream):
    """The same behind TLS; `protocols`: what it selects by ALPN, the one that it likes best first; none: nothing."""

    def __init__(
        self,
        files: Files,
        respond: Respond2 | None = None,
        protocols: Sequence[str] = ("h2",),
        settings: dict[int, int] | None = None,
    ):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        if protocols:
            self.context.set_alpn_protocols(list(protocols))
        H2Upstream.__init__(self, respond, settings)
