"""Steady load over kept-alive connections, in a thread of its own, with every failure kept.

A connection that glorieta closes without having said so is a failure here, also between two requests:
that is what the tests of reloads and drains count.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

HEAD_END = b"\r\n\r\n"


class Load:
    """`connections` clients, each sending its next request when the last is answered, after a short pause."""

    def __init__(self, port: int, path: str, connections: int = 16, pause: float = 0.005, method: str = "GET"):
        self.port = port
        self.connections = connections
        self.pause = pause
        body = "Content-Length: 5\r\n\r\nhello" if method == "POST" else "\r\n"
        self.request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{body}".encode()
        self.statuses: Counter[int] = Counter()
        self.marks: Counter[str] = Counter()
        self.failures: list[str] = []
        self.opened = 0
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)

    def __enter__(self) -> Load:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Lets every client finish its request."""
        self.stopping = True
        self.thread.join(20)
        assert not self.thread.is_alive(), "the load did not end: a request was never answered"

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    async def run(self) -> None:
        await asyncio.gather(*(self.client() for _ in range(self.connections)))

    async def client(self) -> None:
        while not self.stopping:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                self.failures.append(f"connect: {error}")
                return
            self.opened += 1
            try:
                await self.requests(reader, writer)
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            finally:
                writer.close()

    async def requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests on one connection until an answer says that it ends."""
        while not self.stopping:
            writer.write(self.request)
            head = await asyncio.wait_for(reader.readuntil(HEAD_END), 15)
            status, fields = parse(head)
            if fields.get("transfer-encoding") == "chunked":
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
            else:
                await reader.readexactly(int(fields.get("content-length", "0")))
            self.statuses[status] += 1
            self.marks[fields.get("x-mark", "")] += 1
            if fields.get("connection") == "close":
                return
            if self.pause:
                await asyncio.sleep(self.pause)


def parse(head: bytes) -> tuple[int, dict[str, str]]:
    line, *lines = head[:-4].decode("latin-1").split("\r\n")
    pairs = (each.partition(": ") for each in lines)
    return int(line.split(" ")[1]), {name.lower(): value for name, _, value in pairs}
