"""Clients that abuse the handshake: healthy ones notice nothing."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, wait_until
from harness.certificates import Authority
from harness.plan import http, plan, respond, route, server_tls
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

HALF_OPEN = 300
FLOODERS = 8
MIB = 1 << 20


class World:
    def __init__(self, folder: Path):
        authority = Authority()
        self.client = trusting(authority.write(folder))
        self.files = authority.leaf("shop.example").write(folder, "shop")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def edge(start: Runner, world: World) -> Engine:
    listener = http(
        [route("/*", respond("here"))],
        tls=server_tls(world.files),
        timeouts={"handshake_ms": 1000},
        limits={"connections": 1000},
    )
    return start.engine(plan(listener))


def healthy(edge: Engine, world: World) -> float:
    """The seconds that a new client waits for its answer."""
    began = time.monotonic()
    with TlsClient(edge.port, world.client) as client:
        assert client.get().status == 200
    return time.monotonic() - began


def hello(world: World) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        world.client.wrap_bio(incoming, outgoing, server_hostname="shop.example").do_handshake()
    return outgoing.read()


def test_half_open_handshakes_end_in_time(edge: Engine, world: World) -> None:
    """Some say nothing, some half a word, some everything but the end."""
    first = hello(world)
    beginnings = [b"", first[:1], first[: len(first) // 2], first]
    clients = [RawClient(edge.port) for _ in range(HALF_OPEN)]
    for number, client in enumerate(clients):
        client.send(beginnings[number % len(beginnings)])
    assert healthy(edge, world) < 5
    began = time.monotonic()
    for client in clients:
        client.read_to_end()
        client.close()
    assert time.monotonic() - began < 5
    wait_until(lambda: edge.metrics().total("glorieta_connections", listener="web") == 0, 5, "all to be closed")
    assert edge.metrics().total("glorieta_rejected_total", reason="handshake_timeout") >= HALF_OPEN
    assert healthy(edge, world) < 5


def test_a_client_that_feeds_its_handshake_slowly_gets_no_more_time(edge: Engine, world: World) -> None:
    first = hello(world)
    with RawClient(edge.port) as client:
        began = time.monotonic()
        for at in range(len(first)):
            if not client.try_send(first[at : at + 1]) or time.monotonic() - began > 4:
                break
            time.sleep(0.05)
        assert time.monotonic() - began < 4


def test_a_flood_of_handshakes_leaves_room_for_others(edge: Engine, world: World) -> None:
    done = threading.Event()
    first = hello(world)

    def flood() -> None:
        while not done.is_set():
            try:
                with RawClient(edge.port) as client:
                    client.send(first)
                    client.socket.recv(1)
            except OSError:
                pass

    threads = [threading.Thread(target=flood) for _ in range(FLOODERS)]
    before = edge.memory()
    for thread in threads:
        thread.start()
    try:
        waits = [healthy(edge, world) for _ in range(20)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert max(waits) < 5
    assert edge.memory() - before < 64 * MIB


def test_half_open_handshakes_do_not_hold_up_the_end(launch: Runner, world: World) -> None:
    edge = launch.engine(plan(http([route("/*", respond("here"))], tls=server_tls(world.files)), drain_ms=30_000))
    clients = [RawClient(edge.port) for _ in range(20)]
    for client in clients:
        client.send(hello(world)[:50])
    healthy(edge, world)
    began = time.monotonic()
    assert edge.stop() == 0
    assert time.monotonic() - began < 5
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\xff\xff" + b"\x01" * 65_535, id="a record of 65,535 bytes"),
        pytest.param(b"\x16\x03\x01\x00\x00" * 1000, id="empty records"),
        pytest.param(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", id="a message of 16 MiB"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x28", id="an alert first"),
        pytest.param(b"\x17\x03\x03\x00\x04data", id="data first"),
        pytest.param(b"\x80\x2e\x01\x00\x02" + b"\x00" * 41, id="SSL 2"),
        pytest.param(b"\x00" * 1000, id="zeros"),
    ],
)
def test_nonsense_ends_the_connection(edge: Engine, world: World, sent: bytes) -> None:
    with RawClient(edge.port) as client:
        client.try_send(sent)
        client.read_to_end()
    assert healthy(edge, world) < 5


def test_nonsense_after_the_handshake_ends_the_connection(edge: Engine, world: World) -> None:
    with TlsClient(edge.port, world.client) as client:
        assert client.get().status == 200
        with socket.socket(fileno=client.tls.detach()) as beneath:
            beneath.settimeout(5)
            beneath.sendall(b"\x17\x03\x03\x40\x00" + b"\x00" * 16_384)
            while beneath.recv(4096):
                pass
    assert healthy(edge, world) < 5


def test_a_client_that_never_reads_holds_little(edge: Engine, world: World) -> None:
    before = edge.memory()
    clients = [TlsClient(edge.port, world.client) for _ in range(50)]
    request = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n" * 100
    for client in clients:
        client.tls.settimeout(0.2)
        client.try_send(request)
    assert healthy(edge, world) < 5
    assert edge.memory() - before < 32 * MIB
    for client in clients:
        client.close()
