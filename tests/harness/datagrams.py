"""Services and clients that speak UDP."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

import dns.flags
import dns.message
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 65_535


class UdpService:
    """Answers each datagram with what `answers` says, and keeps what came and from whom."""

    def __init__(self, answers: Callable[[bytes], list[bytes]] | None = None, port: int = 0):
        self.answers = answers or (lambda data: [data])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.seen: list[bytes] = []
        self.peers: list[tuple[str, int]] = []
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def serve(self) -> None:
        while True:
            try:
                data, peer = self.socket.recvfrom(LARGEST)
            except OSError:
                return
            if not peer:
                # It was shut down.
                return
            self.seen.append(data)
            self.peers.append(peer)
            for answer in self.answers(data):
                with contextlib.suppress(OSError):
                    self.socket.sendto(answer, peer)

    def forget(self) -> None:
        self.seen.clear()
        self.peers.clear()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class UdpClient:
    """One socket that sends to one port, and takes answers from there only."""

    def __init__(self, port: int, source: str = "127.0.0.1", timeout: float = 5.0, host: str = "127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def send(self, data: bytes) -> None:
        self.socket.send(data)

    def receive(self) -> bytes:
        return self.socket.recv(LARGEST)

    def ask(self, data: bytes) -> bytes:
        self.send(data)
        return self.receive()

    def hears(self, timeout: float) -> bool:
        """Whether anything comes within that time."""
        before = self.socket.gettimeout()
        self.socket.settimeout(timeout)
        try:
            self.socket.recv(LARGEST)
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(before)
        return True


def named(name: bytes) -> Callable[[bytes], list[bytes]]:
    """Answers with a name: shows who was chosen."""
    return lambda _: [name]


def dns_answers(address: str) -> Callable[[bytes], list[bytes]]:
    """A small DNS server: every A record is this address; `big.…` has a long answer."""

    def answer(data: bytes) -> list[bytes]:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        name = query.question[0].name
        addresses = [address]
        if str(name).startswith("big."):
            addresses = [f"10.0.{number}.1" for number in range(200)]
        response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *addresses))
        return [response.to_wire(max_size=LARGEST)]

    return answer


def is_free(port: int) -> bool:
    """Whether nobody receives datagrams at a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
