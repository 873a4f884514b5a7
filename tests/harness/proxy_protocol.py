"""PROXY headers, written and read by the letter of the specification and by nothing of glorieta's."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.recording import TcpServer

if TYPE_CHECKING:
    from harness.message import Reader
    from harness.recording import Conversation

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4, TCP6, UNIX = 0x00, 0x11, 0x21, 0x31
ALPN, AUTHORITY, CRC32C, UNIQUE_ID, SSL = 0x01, 0x02, 0x03, 0x05, 0x20
SSL_VERSION = 0x21
POLYNOMIAL = 0x82F63B78

End = tuple[str, int]


def line(client: End, server: End) -> bytes:
    """Version 1."""
    family = "TCP6" if ":" in client[0] else "TCP4"
    return f"PROXY {family} {client[0]} {server[0]} {client[1]} {server[1]}\r\n".encode()


def block(client: End, server: End, *values: bytes, checksum: bool = True) -> bytes:
    """Version 2, with a checksum at its end."""
    one, other = (ipaddress.ip_address(end[0]) for end in (client, server))
    ends = one.packed + other.packed + struct.pack(">HH", client[1], server[1])
    family = TCP4 if one.version == 4 else TCP6
    if not checksum:
        return raw(PROXY, family, ends + b"".join(values))
    zeroed = raw(PROXY, family, ends + b"".join(values) + value(CRC32C, bytes(4)))
    return zeroed[:-4] + struct.pack(">I", crc32c(zeroed))


def raw(command: int, family: int, content: bytes) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, family, len(content)) + content


def value(kind: int, content: bytes) -> bytes:
    return struct.pack(">BH", kind, len(content)) + content


def tls(version: bytes = b"TLSv1.3", client: int = 1, verify: int = 0) -> bytes:
    """What is said of the client's TLS."""
    return value(SSL, struct.pack(">BI", client, verify) + value(SSL_VERSION, version))


def crc32c(data: bytes) -> int:
    """Bit by bit, so that nothing is shared with what is tested."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@dataclass
class Announced:
    """A header as it was read."""

    version: int
    local: bool = False
    client: End | None = None
    server: End | None = None
    values: dict[int, bytes] = field(default_factory=dict)


def read(reader: Reader) -> Announced:
    """A header of either version; anything else is an error."""
    start = reader.exactly(12)
    if start == SIGNATURE:
        return read_block(reader)
    assert start.startswith(b"PROXY "), start
    parts = (start + reader.line()).decode().split(" ")
    if parts[1] == "UNKNOWN":
        return Announced(1, local=True)
    _, family, client, server, client_port, server_port = parts
    versions = {ipaddress.ip_address(each).version for each in (client, server)}
    assert versions == {4 if family == "TCP4" else 6}, parts
    return Announced(1, False, (client, int(client_port)), (server, int(server_port)))


def read_block(reader: Reader) -> Announced:
    fixed = reader.exactly(4)
    command, family, length = struct.unpack(">BBH", fixed)
    content = reader.exactly(length)
    if command == LOCAL:
        return Announced(2, local=True)
    assert command == PROXY, command
    size = {UNSPEC: 0, TCP4: 12, TCP6: 36}[family]
    ends, rest = content[:size], content[size:]
    found = Announced(2)
    if size:
        half = (size - 4) // 2
        one, other = ends[:half], ends[half : 2 * half]
        ports = struct.unpack(">HH", ends[2 * half :])
        kind = socket.AF_INET if family == TCP4 else socket.AF_INET6
        found.client, found.server = (socket.inet_ntop(kind, one), ports[0]), (socket.inet_ntop(kind, other), ports[1])
    at = 0
    while at < len(rest):
        kind_of, long = struct.unpack(">BH", rest[at : at + 3])
        found.values[kind_of] = rest[at + 3 : at + 3 + long]
        if kind_of == CRC32C:
            where = 16 + size + at + 3
            whole = SIGNATURE + fixed + content
            zeroed = whole[:where] + bytes(4) + whole[where + 4 :]
            assert found.values[kind_of] == struct.pack(">I", crc32c(zeroed)), "the checksum is wrong"
        at += 3 + long
    return found


class ProxyEcho(TcpServer):
    """Wants a header in front of each connection, keeps it, and sends back what follows."""

    def __init__(self) -> None:
        self.announced: list[Announced] = []
        super().__init__()

    def serve(self, conversation: Conversation) -> None:
        self.announced.append(read(conversation.reader))
        while conversation.reader.buffer or conversation.reader.fill():
            conversation.send(bytes(conversation.reader.buffer))
            conversation.reader.buffer.clear()

    @property
    def of_clients(self) -> list[Announced]:
        """Those that are not of a health check."""
        return [each for each in self.announced if not each.local]
