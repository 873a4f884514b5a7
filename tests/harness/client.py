"""A client that sends exactly the bytes it is told and reads answers strictly."""

import json
import re
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Self

from harness.message import Headers, MessageError, Reader, body_length, every_header, header

STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2}) ([^\x00-\x08\x0a-\x1f\x7f]*)\Z")


@dataclass
class Response:
    """One answer; `interim` holds the status and fields of every 1xx before it."""

    status: int
    version: str
    reason: str
    fields: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    interim: list[tuple[int, Headers]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        return header(self.fields, name)

    def headers(self, name: str) -> list[str]:
        return every_header(self.fields, name)

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        """Whether the answer says that the connection ends after it."""
        tokens = [token.strip().lower() for value in self.headers("Connection") for token in value.split(",")]
        return "close" in tokens or (self.version == "1.0" and "keep-alive" not in tokens)


class RawClient:
    """One connection. Every read and write ends after `timeout` seconds with TimeoutError."""

    def __init__(self, address: int | str, timeout: float = 5.0, source: str | None = None, receive_buffer: int = 0):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        self.reader = Reader(self.socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def try_send(self, data: bytes) -> bool:
        """Sends; False if the other side has already closed or reset."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def finish_sending(self) -> None:
        """Half-closes: FIN is sent, reading goes on."""
        self.socket.shutdown(socket.SHUT_WR)

    def read_head(self) -> Response:
        """The next head, 1xx included, without its body."""
        line = self.reader.line()
        match = STATUS_LINE.match(line)
        if not match:
            raise MessageError(f"not a status line: {line!r}")
        return Response(int(match[2]), match[1].decode(), match[3].decode("latin-1"), self.reader.fields())

    def read_response(self, method: str = "GET") -> Response:
        """The next final answer (or 101) with its body; `method` is the request's."""
        interim: list[tuple[int, Headers]] = []
        while True:
            response = self.read_head()
            if response.status >= 200 or response.status == 101:
                break
            interim.append((response.status, response.fields))
        response.interim = interim
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        length = body_length(response.fields)
        if length == "chunked":
            response.body, response.trailers = self.reader.chunked()
        elif isinstance(length, int):
            response.body = self.reader.exactly(length)
        else:
            response.body = self.reader.to_end()
        return response

    def exchange(self, data: bytes, method: str | None = None) -> Response:
        """Sends a request and reads its answer."""
        self.send(data)
        return self.read_response(method or data.split(b" ", 1)[0].decode("latin-1"))

    def read_to_end(self) -> bytes:
        """All that still comes until the other side closes or resets."""
        return self.reader.to_end()

    def is_closed(self, timeout: float = 2.0) -> bool:
        """Whether the other side closes or resets within `timeout`, sending nothing more."""
        before = self.socket.gettimeout()
        self.socket.settimeout(timeout)
        try:
            return not self.reader.buffer and self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        finally:
            self.socket.settimeout(before)

    def reset(self) -> None:
        """Closes with RST rather than FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


def build(method: str, path: str, headers: dict[str, str] | Headers | None = None, body: bytes | None = None) -> bytes:
    """A request as an honest client writes it; `Host: localhost` unless given."""
    fields = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "localhost"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    return head.encode("latin-1") + (body or b"")


def request(
    address: int | str,
    method: str,
    path: str,
    headers: dict[str, str] | Headers | None = None,
    body: bytes | None = None,
    timeout: float = 10.0,
    source: str | None = None,
) -> Response:
    """One request on a connection of its own."""
    with RawClient(address, timeout=timeout, source=source) as client:
        return client.exchange(build(method, path, headers, body), method)


def get(address: int | str, path: str, headers: dict[str, str] | Headers | None = None, **options: Any) -> Response:
    """One GET on a connection of its own."""
    return request(address, "GET", path, headers, **options)
