"""What glorieta costs at rest: its own size, and that of a connection that waits.

The bounds are those of debug builds on any machine; `make bench` measures the figures that are promised.
"""

from __future__ import annotations

import gc
import socket
import time
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, Services, build, get, wait_until
from harness.certificates import Authority
from harness.http2 import Http2Client
from harness.plan import http, plan, proxy, respond, route, server_tls, upstream
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 5000
ENCRYPTED = 1000
KIB = 1024
MIB = 1 << 20


@pytest.fixture
def edge(launch: Runner, own_services: Services) -> Engine:
    service = own_services.http()
    routes = [route("/service/*", proxy()), route("/own", respond("own"))]
    return launch.engine(
        plan(http(routes, timeouts={"keep_alive_ms": 300_000}), [upstream("service", service.address)])
    )


def settled(edge: Engine) -> int:
    """The resident size once it stands still."""
    last, since = edge.memory(), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.1)
        if abs((now := edge.memory()) - last) > 64 * KIB:
            last, since = now, time.monotonic()
    return edge.memory()


def test_at_start(edge: Engine) -> None:
    assert settled(edge) < 24 * MIB


@pytest.mark.parametrize("path", ["/own", "/service/a"])
@pytest.mark.timeout(120)
def test_five_thousand_idle_connections(edge: Engine, path: str) -> None:
    request = build("GET", path)
    with RawClient(edge.port) as client:
        for _ in range(200):
            client.exchange(request)
    before = settled(edge)
    clients: list[socket.socket] = []
    try:
        for _ in range(CONNECTIONS):
            clients.append(socket.create_connection(("127.0.0.1", edge.port)))
            clients[-1].sendall(request)
            assert clients[-1].recv(65536).startswith(b"HTTP/1.1 200")
        wait_until(
            lambda: edge.metrics().total("glorieta_connections", state="idle") >= CONNECTIONS, what="all of them idle"
        )
        each = (settled(edge) - before) / CONNECTIONS
        assert each <= 3 * KIB, f"{each / KIB:.2f} KiB of resident memory for each idle connection"
        for kept in clients[:: CONNECTIONS // 50]:
            kept.sendall(request)
            assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        assert get(edge.port, path).status == 200
    finally:
        for opened in clients:
            opened.close()
        gc.collect()
    wait_until(lambda: edge.open_files() < 200, 10, "the descriptors of all of them closed")


@pytest.mark.parametrize(("version", "most"), [("h1", 12 * KIB), ("h2", 48 * KIB)])
@pytest.mark.timeout(120)
def test_idle_connections_by_tls(launch: Runner, tmp_path: Path, version: str, most: int) -> None:
    authority = Authority()
    ca, shop = authority.write(tmp_path), authority.leaf("shop.example").write(tmp_path, "shop")
    timeouts, context = {"keep_alive_ms": 300_000}, trusting(ca)
    edge = launch.engine(plan(http([route("/*", respond("own"))], tls=server_tls(shop), timeouts=timeouts)))

    def asked() -> TlsClient | Http2Client:
        made = TlsClient(edge.port, context) if version == "h1" else Http2Client(edge.port, trusting(ca, None, ["h2"]))
        assert made.get("/").status == 200
        return made

    for _ in range(100):
        asked().close()
    before = settled(edge)
    clients = [asked() for _ in range(ENCRYPTED)]
    each = (settled(edge) - before) / ENCRYPTED
    for client in clients:
        client.close()
    assert each <= most, f"{each / KIB:.2f} KiB of resident memory for each idle connection"


def test_connections_that_never_ask_cost_as_little(edge: Engine) -> None:
    get(edge.port, "/own")
    before = settled(edge)
    clients = [socket.create_connection(("127.0.0.1", edge.port)) for _ in range(CONNECTIONS)]
    try:
        wait_until(lambda: edge.open_files() > CONNECTIONS, 10, "all of them accepted")
        each = (settled(edge) - before) / CONNECTIONS
        assert each <= 3 * KIB, f"{each / KIB:.2f} KiB of resident memory for each connection"
    finally:
        for client in clients:
            client.close()


def test_memory_comes_back_to_where_it_was(edge: Engine) -> None:
    """The same work over and over: what the allocator keeps for the next round swings, and must not climb."""

    def work() -> None:
        clients = [RawClient(edge.port) for _ in range(200)]
        for client in clients:
            client.send(build("POST", "/service/x", body=bytes(20_000)))
        for client in clients:
            assert client.read_response().status == 200
            client.close()

    def most(rounds: int) -> int:
        sizes = []
        for _ in range(rounds):
            work()
            sizes.append(edge.memory())
        return max(sizes)

    first = most(5)
    assert most(15) - first < 16 * MIB
