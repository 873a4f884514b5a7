"""A strict reader of HTTP/1 messages from a socket, shared by the test client and the test services.

It is strict on purpose: whatever it refuses is a fault of the proxy under test, which must send only
messages that cannot be read in two ways (RFC 9112 §6).
"""

import re
import socket

LIMIT = 1 << 20
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\Z")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(;[^\r\n]*)?\Z")

Headers = list[tuple[str, str]]


class MessageError(AssertionError):
    """What the other side sent is not a well-formed message."""


class EndOfStream(MessageError):
    """The other side closed or reset the connection before the message was complete."""


class Reader:
    """Buffers a socket's bytes and cuts lines and blocks out of them; keeps all that came in `raw`."""

    def __init__(self, connection: socket.socket, keep: bool = True):
        self.connection = connection
        self.buffer = bytearray()
        self.raw = bytearray()
        self.keep = keep

    def fill(self) -> bool:
        """Reads once; False at the end of the stream."""
        try:
            piece = self.connection.recv(1 << 18)
        except (ConnectionError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            return False
        self.buffer += piece
        if self.keep:
            self.raw += piece
        return bool(piece)

    def line(self) -> bytes:
        """One line without its CRLF. A bare LF or CR in it is an error."""
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > LIMIT:
                raise MessageError("a line is longer than 1 MiB")
            if not self.fill():
                raise EndOfStream(f"the stream ended within a line: {bytes(self.buffer[:200])!r}")
        line = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise MessageError(f"a line has a bare CR or LF: {line!r}")
        return line[:-2]

    def exactly(self, length: int) -> bytes:
        while len(self.buffer) < length:
            if not self.fill():
                raise EndOfStream(f"the stream ended {length - len(self.buffer)} bytes early")
        block = bytes(self.buffer[:length])
        del self.buffer[:length]
        return block

    def to_end(self) -> bytes:
        while self.fill():
            pass
        block = bytes(self.buffer)
        self.buffer.clear()
        return block

    def fields(self) -> Headers:
        """Header or trailer fields up to and with the empty line."""
        fields: Headers = []
        while line := self.line():
            match = FIELD.match(line)
            if not match:
                raise MessageError(f"not a field: {line!r}")
            fields.append((match[1].decode(), match[2].decode("latin-1")))
        return fields

    def chunked(self) -> tuple[bytes, Headers]:
        """A chunked body and its trailers."""
        body = bytearray()
        while True:
            line = self.line()
            match = CHUNK_SIZE.match(line)
            if not match:
                raise MessageError(f"not a chunk size: {line!r}")
            size = int(match[1], 16)
            if size == 0:
                return bytes(body), self.fields()
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise MessageError("a chunk does not end in CRLF")


def header(fields: Headers, name: str) -> str | None:
    """The only value of a field, or None; two values are an error."""
    values = every_header(fields, name)
    if len(values) > 1:
        raise MessageError(f"{name} occurs {len(values)} times: {values}")
    return values[0] if values else None


def every_header(fields: Headers, name: str) -> list[str]:
    return [value for key, value in fields if key.lower() == name.lower()]


def body_length(fields: Headers) -> int | str | None:
    """`"chunked"`, the Content-Length, or None where neither is given; both together are an error."""
    coding = header(fields, "Transfer-Encoding")
    length = header(fields, "Content-Length")
    if coding is not None and length is not None:
        raise MessageError("a message has both Transfer-Encoding and Content-Length")
    if coding is not None:
        if coding.lower() != "chunked":
            raise MessageError(f"an unknown transfer coding: {coding!r}")
        return "chunked"
    if length is None:
        return None
    if not re.fullmatch(r"[0-9]+", length):
        raise MessageError(f"not a Content-Length: {length!r}")
    return int(length)
