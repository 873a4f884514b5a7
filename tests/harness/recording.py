"""A service that records every byte and misbehaves as told.

`respond(conversation, request)` is called for each request and may send anything: nothing, garbage,
half a body, a reset. It may be replaced at any time, on connections that are already open too.
"""

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.message import EndOfStream, Headers, MessageError, Reader, body_length, every_header, header

REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~\x80-\xff]+) HTTP/(1\.[01])\Z")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class ReceivedRequest:
    """One request as the service read it, by a strict reading."""

    method: str
    target: str
    version: str
    fields: Headers
    connection: int
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    # Whether its body has been read: `respond` may do it by itself.
    complete: bool = False

    def header(self, name: str) -> str | None:
        return header(self.fields, name)

    def headers(self, name: str) -> list[str]:
        return every_header(self.fields, name)


class Conversation:
    """One connection that the service has accepted."""

    def __init__(self, connection: socket.socket, index: int, keep: bool = True):
        self.socket = connection
        self.index = index
        self.reader = Reader(connection, keep)
        self.open = True
        self.finished = threading.Event()

    @property
    def received(self) -> bytes:
        return bytes(self.reader.raw)

    def read_head(self) -> ReceivedRequest:
        line = self.reader.line()
        match = REQUEST_LINE.match(line)
        if not match:
            raise MessageError(f"not a request line: {line!r}")
        method, target, version = (part.decode("latin-1") for part in match.groups())
        return ReceivedRequest(method, target, version, self.reader.fields(), self.index)

    def read_body(self, request: ReceivedRequest) -> None:
        if request.complete:
            return
        length = body_length(request.fields)
        if length == "chunked":
            request.body, request.trailers = self.reader.chunked()
        elif isinstance(length, int):
            request.body = self.reader.exactly(length)
        request.complete = True

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def dribble(self, data: bytes, pause: float, size: int = 1) -> None:
        """Sends piece by piece with a pause before each."""
        for start in range(0, len(data), size):
            time.sleep(pause)
            self.send(data[start : start + size])

    def wait_closed(self, timeout: float = 5.0) -> bool:
        """Whether the other side ends the connection within `timeout`; what it sends before is kept."""
        self.socket.settimeout(timeout)
        try:
            while self.reader.fill():
                pass
            return True
        except TimeoutError:
            return False
        finally:
            if self.open:
                self.socket.settimeout(None)

    def reset(self) -> None:
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR) if not self.lingers() else None
            self.socket.close()

    def lingers(self) -> bool:
        """Whether closing resets: then nothing may be shut down before."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)[:4] == struct.pack("i", 1)


Respond = Callable[[Conversation, ReceivedRequest], None]


def always(data: bytes, close: bool = False) -> Respond:
    """Answers every request with the same bytes."""

    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(data)
        if close:
            conversation.close()

    return respond


class TcpServer:
    """Accepts connections, one thread each. Subclasses say what happens on one."""

    keep = True

    def __init__(self, path: str | None = None, port: int = 0):
        self.path = path
        if path:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(path)
        else:
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", port))
        self.listener.listen(1024)
        self.conversations: list[Conversation] = []
        self.accepted = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def address(self) -> str:
        """As `endpoints:` takes it."""
        return f"unix:{self.path}" if self.path else f"127.0.0.1:{self.port}"

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if not self.path:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                conversation = Conversation(connection, self.accepted, self.keep)
                self.accepted += 1
                self.conversations.append(conversation)
            threading.Thread(target=self.run, args=(conversation,), daemon=True).start()

    def run(self, conversation: Conversation) -> None:
        try:
            self.serve(conversation)
        except (OSError, MessageError):
            pass
        finally:
            conversation.close()
            conversation.finished.set()

    def serve(self, conversation: Conversation) -> None:
        raise NotImplementedError

    @property
    def open_connections(self) -> int:
        with self.lock:
            return sum(not conversation.finished.is_set() for conversation in self.conversations)

    def close_connections(self) -> None:
        with self.lock:
            conversations = list(self.conversations)
        for conversation in conversations:
            conversation.close()

    def stop(self) -> None:
        """Stops listening (new connections are refused) and closes what is open."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.close_connections()


class RecordingUpstream(TcpServer):
    """Reads requests strictly, records everything, and lets `respond` answer."""

    def __init__(self, respond: Respond | None = None, path: str | None = None, port: int = 0):
        self.respond = respond or always(OK)
        self.on_accept: Callable[[Conversation], None] | None = None
        # Whether `respond` is called before the body has been read.
        self.early = False
        self.requests: list[ReceivedRequest] = []
        # Every head that was read, also of requests whose body never ended.
        self.heads: list[ReceivedRequest] = []
        self.errors: list[str] = []
        super().__init__(path, port)

    def serve(self, conversation: Conversation) -> None:
        if self.on_accept:
            self.on_accept(conversation)
        while conversation.open and (conversation.reader.buffer or conversation.reader.fill()):
            try:
                request = conversation.read_head()
                self.heads.append(request)
                if self.early:
                    self.requests.append(request)
                    self.respond(conversation, request)
                    conversation.read_body(request)
                else:
                    conversation.read_body(request)
                    self.requests.append(request)
                    self.respond(conversation, request)
            except EndOfStream:
                # A request that was cut off: the proxy may do that, and must not end it as if it were whole.
                return
            except MessageError as error:
                self.errors.append(str(error))
                return

    @property
    def received(self) -> bytes:
        """All bytes of all connections since the last `forget`."""
        with self.lock:
            return b"".join(conversation.received for conversation in self.conversations)

    def ended(self, index: int = 0) -> bool:
        """Whether the connection is over on which a head came: the first since `forget`, or another."""
        if len(self.heads) <= index:
            return False
        wanted = self.heads[index].connection
        with self.lock:
            return all(each.finished.is_set() for each in self.conversations if each.index == wanted)

    def forget(self) -> None:
        """Forgets what was recorded; open connections stay open."""
        with self.lock:
            self.conversations = [each for each in self.conversations if not each.finished.is_set()]
            for conversation in self.conversations:
                conversation.reader.raw.clear()
        self.requests.clear()
        self.heads.clear()
        self.errors.clear()
        self.respond = always(OK)
        self.on_accept = None
        self.early = False
