"""Open-loop load over raw sockets: a request is due by the clock, whether or not others were answered.

A closed loop would send less while something is slow and so hide the very moment the demo is about.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import cycle, islice

from .ledger import Ledger, Outcome

ANSWER_SECONDS = 10.0
BODY = b'{"item": "coffee", "quantity": 1}'


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the schedule; its path is unique, so that logs and answers can be matched to it."""

    number: int
    due: float
    method: str
    path: str

    def encode(self, host: str) -> bytes:
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: glorieta-demo\r\n"
        if self.method != "POST":
            return (head + "\r\n").encode()
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    keep_alive: bool

    def service(self) -> str | None:
        """The name of the instance that answered; None when glorieta answered itself."""
        with contextlib.suppress(ValueError, AttributeError):
            name = json.loads(self.body).get("service")
            return name if isinstance(name, str) else None
        return None


MIX = (
    ("GET", "/service1/items"),
    ("POST", "/service1/orders"),
    ("GET", "/service2/items"),
    ("GET", "/service1/items"),
    ("POST", "/service1/orders"),
    ("POST", "/service2/orders"),
)


def schedule(rate: float, seconds: float) -> list[Request]:
    """`rate` requests a second, evenly spaced."""
    return [
        Request(number, number / rate, method, f"{path}/{number}")
        for number, (method, path) in enumerate(islice(cycle(MIX), int(rate * seconds)))
    ]


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """One response with Content-Length, which is what the services and glorieta's own answers have."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(status_line.split(" ")[1]), body, headers.get("connection", "").lower() != "close")


class Connection:
    """One kept-alive connection to glorieta, opened again when it was closed."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, request: Request) -> Answer:
        """Sends once. Nothing is tried again here: retrying is what is being tested."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        try:
            writer.write(request.encode(f"{self.host}:{self.port}"))
            answer = await read_answer(reader)
        except BaseException:
            self.close()
            raise
        if not answer.keep_alive:
            self.close()
        return answer

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


class Load:
    """A schedule, played over a fixed number of connections into a ledger."""

    def __init__(self, host: str, port: int, requests: list[Request], connections: int) -> None:
        self.host = host
        self.port = port
        self.requests = requests
        self.connections = connections
        self.ledger = Ledger()
        self.sent = 0
        self.began = 0.0

    def elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    async def run(self) -> Ledger:
        """Returns once every request of the schedule has an outcome."""
        self.began = asyncio.get_running_loop().time()
        due: asyncio.Queue[Request | None] = asyncio.Queue()
        workers = [asyncio.create_task(self.work(due)) for _ in range(self.connections)]
        try:
            async for request in self.paced():
                due.put_nowait(request)
            for _ in workers:
                due.put_nowait(None)
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        return self.ledger

    async def paced(self) -> AsyncIterator[Request]:
        for request in self.requests:
            wait = request.due - self.elapsed()
            if wait > 0:
                await asyncio.sleep(wait)
            yield request

    async def work(self, due: asyncio.Queue[Request | None]) -> None:
        connection = Connection(self.host, self.port)
        try:
            while (request := await due.get()) is not None:
                self.sent += 1
                self.ledger.add(await self.outcome(connection, request))
        finally:
            connection.close()

    async def outcome(self, connection: Connection, request: Request) -> Outcome:
        status = service = error = None
        try:
            answer = await asyncio.wait_for(connection.exchange(request), ANSWER_SECONDS)
            status, service = answer.status, answer.service()
        except TimeoutError:
            error = f"no answer within {ANSWER_SECONDS:.0f} s"
        except asyncio.IncompleteReadError:
            error = "glorieta closed the connection without an answer"
        except (OSError, ValueError, IndexError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        return Outcome(
            request.number, request.method, request.path, request.due, self.elapsed(), status, service, error
        )
