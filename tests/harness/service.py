"""Services that behave: one that says what reached it, and one that echoes bytes."""

from __future__ import annotations

import json
import socket
import time

from harness.recording import Conversation, ReceivedRequest, RecordingUpstream, TcpServer
from harness.waiting import unused_port


class HttpUpstream(RecordingUpstream):
    """Answers every request with JSON: its own name, and what reached it.

    `delay` is how long it thinks; `status` what it answers; `healthy` what it says to a health check.
    """

    def __init__(self, name: str = "service", path: str | None = None, port: int = 0, delay: float = 0.0):
        self.name = name
        self.delay = delay
        self.status = 200
        self.healthy = True
        self.checks = 0
        super().__init__(self.answer, path, port)

    def answer(self, conversation: Conversation, request: ReceivedRequest) -> None:
        if request.target == "/healthz":
            self.checks += 1
            self.requests.remove(request)
            conversation.send(message(200 if self.healthy else 503, b"checked"))
            return
        if self.delay:
            time.sleep(self.delay)
        document = {
            "service": self.name,
            "method": request.method,
            "target": request.target,
            "fields": request.fields,
            "body_bytes": len(request.body),
        }
        content = json.dumps(document).encode()
        answer = message(self.status, content, f"X-Service: {self.name}\r\n")
        conversation.send(answer[: -len(content)] if request.method == "HEAD" else answer)

    def forget(self) -> None:
        super().forget()
        self.respond = self.answer


class TcpEcho(TcpServer):
    """Sends back every byte. When the client's direction ends, it says `farewell` and ends its own."""

    keep = False

    def __init__(self, farewell: bytes = b"", path: str | None = None, port: int = 0):
        self.farewell = farewell
        super().__init__(path, port)

    def serve(self, conversation: Conversation) -> None:
        while piece := conversation.socket.recv(1 << 18):
            conversation.send(piece)
        conversation.send(self.farewell)
        conversation.socket.shutdown(socket.SHUT_WR)


class TcpNamed(TcpServer):
    """Says its name and closes: shows who was chosen."""

    def __init__(self, name: bytes, port: int = 0):
        self.name = name
        super().__init__(None, port)

    def serve(self, conversation: Conversation) -> None:
        conversation.send(self.name)


def message(status: int, body: bytes, fields: str = "") -> bytes:
    """An answer with a length."""
    return f"HTTP/1.1 {status} Status\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(pieces: list[bytes], trailers: str = "", fields: str = "") -> bytes:
    """An answer in chunks."""
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{fields}\r\n".encode()
    return head + chunks(pieces, trailers)


def chunks(pieces: list[bytes], trailers: str = "") -> bytes:
    """A chunked body, its end included."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + f"0\r\n{trailers}\r\n".encode()


def refusing_address() -> str:
    """An address of 127.0.0.1 at which a connection is refused for as long as nobody takes the port."""
    return f"127.0.0.1:{unused_port()}"


class Silent:
    """A socket that never accepts and whose queue is full: connecting to it hangs."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.fillers: list[socket.socket] = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self.listener.getsockname())
            self.fillers.append(filler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def stop(self) -> None:
        for each in [*self.fillers, self.listener]:
            each.close()
