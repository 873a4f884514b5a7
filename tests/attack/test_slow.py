"""Input 30: clients that take their time. They are cut off; good clients notice nothing."""

from __future__ import annotations

import threading
import time

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, build, get, wait_until
from harness.message import MessageError
from harness.plan import http, plan, proxy, route, upstream
from harness.recording import Conversation, ReceivedRequest

SLOW_CLIENTS = 300
MIB = 1 << 20


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    """Short patience, so that the tests need none."""
    listener = http(
        [route("/*", proxy())],
        timeouts={"head_ms": 1000, "body_ms": 1000, "write_ms": 1000, "keep_alive_ms": 1000},
        limits={"body_rate": 1000},
    )
    return start.engine(plan(listener, [upstream("service", origin.address)]))


def test_30_slowloris(edge: Engine, origin: RecordingUpstream) -> None:
    """Each sends a byte now and then: what counts is the time since the head began."""
    get(edge.port, "/warm")
    before = edge.memory()
    clients = [RawClient(edge.port) for _ in range(SLOW_CLIENTS)]
    head = b"GET /slow HTTP/1.1\r\nHost: a\r\nX-Header: "
    for client in clients:
        client.send(head)
    began, slowest, largest = time.monotonic(), 0.0, 0
    open_clients = list(clients)
    while open_clients and time.monotonic() - began < 5:
        open_clients = [client for client in open_clients if client.try_send(b"x") and not has_ended(client)]
        asked = time.monotonic()
        assert get(edge.port, "/good").status == 200
        slowest = max(slowest, time.monotonic() - asked)
        largest = max(largest, edge.memory())
        time.sleep(0.1)
    for client in clients:
        client.close()
    assert not open_clients, f"{len(open_clients)} slow clients were still connected after 5 s"
    assert slowest < 1.0
    assert largest - before < 16 * MIB
    assert {request.target for request in origin.requests} == {"/warm", "/good"}


def has_ended(client: RawClient) -> bool:
    """Whether the other side has closed, with or without an answer before."""
    client.socket.setblocking(False)
    try:
        while client.socket.recv(4096):
            continue
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        client.socket.settimeout(5)


def test_30_a_slow_head_is_told_why(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n")
        assert client.read_response().status == 408
        assert client.is_closed()
    assert origin.received == b""


@pytest.mark.parametrize("before", [b"", b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"], ids=["never-used", "used"])
def test_30_an_idle_connection_ends_without_an_answer(edge: Engine, before: bytes) -> None:
    with RawClient(edge.port) as client:
        if before:
            assert client.exchange(before).status == 200
        began = time.monotonic()
        assert client.read_to_end() == b""
        assert 0.8 < time.monotonic() - began < 4


def test_30_a_body_that_stops(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/slow", {"Content-Length": "100"}) + b"only this")
        assert client.read_response().status == 408
        assert client.is_closed()
    wait_until(origin.ended, what="the end of the origin's half-told request")
    assert origin.requests == []


def test_30_a_body_slower_than_the_minimum(edge: Engine, origin: RecordingUpstream) -> None:
    """Never silent for long, and still too slow after the grace of 5 s; a client at twice the rate is left alone."""
    slow, steady = RawClient(edge.port, timeout=12), RawClient(edge.port, timeout=12)
    ended = threading.Event()

    def drip(client: RawClient, size: int) -> None:
        while not ended.wait(0.1) and client.try_send(b"x" * size):
            pass

    with slow, steady:
        slow.send(build("POST", "/slow", {"Content-Length": "1000000"}))
        steady.send(build("POST", "/steady", {"Content-Length": "1000000"}))
        threads = [threading.Thread(target=drip, args=each) for each in ((slow, 20), (steady, 300))]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        try:
            assert slow.read_response().status == 408
            assert 4 < time.monotonic() - began < 9
            assert slow.is_closed()
            assert not has_ended(steady)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    assert origin.requests == []


def test_30_a_client_that_does_not_read(edge: Engine, origin: RecordingUpstream) -> None:
    """The answer is far larger than all buffers; the origin must be held back, then let go."""
    size = 64 * MIB
    sent = []

    def respond(conversation: Conversation, received: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        block = bytes(1 << 16)
        for _ in range(size // len(block)):
            conversation.send(block)
            sent.append(len(block))

    origin.respond = respond
    before = edge.memory()
    with RawClient(edge.port, receive_buffer=4096) as client:
        client.send(build("GET", "/large"))
        wait_until(lambda: sent, what="the beginning of the answer")
        time.sleep(0.5)
        assert edge.memory() - before < 8 * MIB
        wait_until(origin.ended, what="the end of the unread answer")
        assert sum(sent) < size
        with pytest.raises((MessageError, ConnectionError)):
            client.read_response()
    assert get_again(edge, origin) == 200


def get_again(edge: Engine, origin: RecordingUpstream) -> int:
    origin.forget()
    return get(edge.port, "/good").status
