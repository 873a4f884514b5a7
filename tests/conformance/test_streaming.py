"""Bodies stream: nothing is stored that could be held back, and nobody waits for a whole that may never come."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, Services, build, get
from harness.plan import http, plan, proxy, route, upstream
from harness.recording import Conversation, ReceivedRequest, TcpServer

MIB = 1 << 20
BLOCK = bytes(range(256)) * 256


class Source(TcpServer):
    """Answers with `size` bytes, as fast as they are taken."""

    keep = False
    size = 16 * MIB

    def serve(self, conversation: Conversation) -> None:
        while conversation.reader.buffer or conversation.reader.fill():
            conversation.read_head()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
            for _ in range(self.size // len(BLOCK)):
                conversation.send(BLOCK)


class Sink(TcpServer):
    """Reads a body at most at `rate` bytes a second and answers with the number of its bytes."""

    keep = False
    rate = 1 << 40

    def serve(self, conversation: Conversation) -> None:
        request = conversation.read_head()
        left = int(request.header("Content-Length") or 0) - len(conversation.reader.buffer)
        conversation.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        while left > 0:
            piece = conversation.socket.recv(min(65536, left))
            if not piece:
                return
            left -= len(piece)
            time.sleep(len(piece) / self.rate)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")


@pytest.fixture(scope="module")
def source(services: Services) -> Source:
    return services.keep(Source())


@pytest.fixture(scope="module")
def sink(services: Services) -> Sink:
    return services.keep(Sink())


@pytest.fixture(scope="module")
def large(start: Runner, source: Source, sink: Sink) -> Engine:
    routes = [route("/source", proxy("source")), route("/sink", proxy("sink"))]
    return start.engine(plan(http(routes), [upstream("source", source.address), upstream("sink", sink.address)]))


async def read_slowly(port: int, size: int, pause: float) -> int:
    """Reads an answer in steps with pauses between, and returns how many body bytes came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=16384)
    writer.write(build("GET", "/source"))
    await reader.readuntil(b"\r\n\r\n")
    total = 0
    while total < size:
        piece = await reader.read(MIB // 2)
        if not piece:
            break
        total += len(piece)
        await asyncio.sleep(pause)
    writer.close()
    return total


def test_a_gibibyte_through_64_slow_clients_does_not_grow_memory(large: Engine, source: Source) -> None:
    get(large.port, "/source", timeout=20)
    before = large.memory()
    peak = [before]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], large.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()

    async def read_all() -> list[int]:
        return await asyncio.gather(*(read_slowly(large.port, source.size, 0.0005) for _ in range(64)))

    try:
        assert asyncio.run(read_all()) == [source.size] * 64
    finally:
        ended.set()
        watcher.join()
    assert peak[0] - before < 16 * MIB, f"{(peak[0] - before) / MIB:.1f} MiB more while 1 GiB passed"


def test_clients_that_read_nothing_cost_little(large: Engine) -> None:
    before = large.memory()
    clients = [RawClient(large.port, receive_buffer=4096) for _ in range(64)]
    for client in clients:
        client.send(build("GET", "/source"))
    time.sleep(1)
    grown = large.memory() - before
    for client in clients:
        client.reset()
    assert grown < 64 * 128 * 1024, f"{grown / 64 / 1024:.0f} KiB for each client that reads nothing"


def test_a_slow_origin_holds_the_client_back(large: Engine, sink: Sink) -> None:
    """The client could send 256 MiB at once; what the origin has not taken stays with the client."""
    sink.rate = 8 * MIB
    before = large.memory()
    with RawClient(large.port) as client:
        client.send(build("POST", "/sink", {"Content-Length": str(256 * MIB)}))
        client.socket.settimeout(0.5)
        sent, began = 0, time.monotonic()
        while time.monotonic() - began < 2:
            try:
                sent += client.socket.send(BLOCK)
            except TimeoutError:
                break
        assert sent < 64 * MIB
        assert large.memory() - before < 8 * MIB
    sink.rate = 1 << 40


def test_a_large_upload_arrives(large: Engine, sink: Sink) -> None:
    sink.rate = 1 << 40
    before = large.memory()
    size = 256 * MIB
    with RawClient(large.port, timeout=20) as client:
        client.send(build("PUT", "/sink", {"Content-Length": str(size)}))
        for _ in range(size // len(BLOCK)):
            client.send(BLOCK)
        assert client.read_response().body == b"done"
    assert large.memory() - before < 8 * MIB


def test_pieces_are_passed_on_as_they_come(edge: Engine, origin: RecordingUpstream) -> None:
    """An event stream: each piece reaches the client before the next is sent."""
    go_on = threading.Semaphore(0)

    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(5):
            conversation.send(b"9\r\ndata: %d\n\n\r\n" % number)
            assert go_on.acquire(timeout=5)
        conversation.send(b"0\r\n\r\n")

    origin.respond = respond
    with RawClient(edge.port) as client:
        client.send(build("GET", "/a"))
        assert client.read_head().header("Transfer-Encoding") == "chunked"
        for number in range(5):
            assert client.reader.line() == b"9"
            assert client.reader.exactly(11) == b"data: %d\n\n\r\n" % number
            go_on.release()
        assert client.reader.line() == b"0"


def test_request_pieces_are_passed_on_as_they_come(edge: Engine, origin: RecordingUpstream) -> None:
    seen: list[bytes] = []

    def respond(conversation: Conversation, request: ReceivedRequest) -> None:
        for _ in range(3):
            size = int(conversation.reader.line(), 16)
            seen.append(conversation.reader.exactly(size + 2)[:-2])
            conversation.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        conversation.read_body(request)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    origin.early, origin.respond = True, respond
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", {"Transfer-Encoding": "chunked"}))
        for piece in (b"one", b"two", b"three"):
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            assert client.read_head().status == 102
        client.send(b"0\r\n\r\n")
        assert client.read_response().body == b"ok"
    assert seen == [b"one", b"two", b"three"]


def test_both_directions_at_once(edge: Engine, origin: RecordingUpstream) -> None:
    """The origin answers while it reads, as echo services and gRPC over HTTP/1.1 do."""

    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while line := conversation.reader.line():
            size = int(line, 16)
            piece = conversation.reader.exactly(size + 2)
            conversation.send(line + b"\r\n" + piece)
            if size == 0:
                return

    origin.early, origin.respond = True, respond
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", {"Transfer-Encoding": "chunked"}) + b"5\r\nfirst\r\n")
        assert client.read_head().status == 200
        assert client.reader.exactly(10) == b"5\r\nfirst\r\n"
        client.send(b"6\r\nsecond\r\n0\r\n\r\n")
        assert client.reader.chunked() == (b"second", [])
