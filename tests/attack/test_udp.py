"""Floods of datagrams: from thousands of addresses, oversized, empty, and from those who may not come in."""

from __future__ import annotations

import contextlib
import random
import socket

import pytest

from harness import Engine, Runner, Services, wait_until
from harness.datagrams import UdpClient, UdpService
from harness.plan import plan, udp, upstream

MOST = 300


@pytest.fixture(scope="module")
def echo(services: Services) -> UdpService:
    return services.keep(UdpService())


@pytest.fixture(scope="module")
def edge(start: Runner, services: Services, echo: UdpService) -> Engine:
    bomb = services.keep(UdpService(lambda data: [bytes(1000)] * 20))
    listeners = [
        udp("echo", "echo", limits={"connections": MOST}, session_ms=400),
        udp("echo", "paced", limits={"connections_per_client": 20, "new_connections_per_client": 50}, session_ms=400),
        udp("bomb", "bomb", amplification=3, session_ms=400),
        udp("echo", "closed", allow=["127.0.0.2"]),
    ]
    return start.engine(plan(listeners, [upstream("echo", echo.address), upstream("bomb", bomb.address)]))


def is_served(edge: Engine, name: str, source: str = "127.0.0.1") -> bool:
    """UDP may lose a datagram where a flood has filled a buffer: so it is asked again."""
    with UdpClient(edge.ports[name], source, timeout=0.2) as client:
        for _ in range(20):
            client.send(b"well")
            with contextlib.suppress(TimeoutError):
                if client.receive() == b"well":
                    return True
    return False


def active(edge: Engine, name: str) -> float:
    return edge.metrics().total("glorieta_connections", listener=name, state="active")


def flood(port: int, count: int, sources: int, data: bytes = b"x") -> None:
    """Datagrams from many addresses of loopback, as forged ones would come."""
    for number in range(count):
        source = number % sources
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((f"127.9.{source >> 8}.{source & 255}", 0))
            sender.sendto(data, ("127.0.0.1", port))


def test_thousands_of_addresses_take_no_more_than_the_limit(edge: Engine) -> None:
    before, files = edge.memory(), edge.open_files()
    flood(edge.ports["echo"], 6000, 6000)
    assert active(edge, "echo") <= MOST
    assert edge.open_files() <= files + MOST + 20
    assert edge.metrics().total("glorieta_rejected_total", listener="echo", reason="too_many_connections") > 0
    wait_until(lambda: active(edge, "echo") == 0, what="the end of all sessions")
    assert is_served(edge, "echo")
    assert edge.memory() - before < 24 << 20
    wait_until(lambda: edge.open_files() <= files + 5, what="their sockets closed")


def test_one_address_with_many_ports_leaves_the_others_alone(edge: Engine) -> None:
    flood(edge.ports["paced"], 2000, 1)
    assert active(edge, "paced") <= 22
    assert all(is_served(edge, "paced", f"127.0.3.{number}") for number in range(1, 10))


def test_who_may_not_come_in_costs_nothing(edge: Engine, echo: UdpService) -> None:
    files, before = edge.open_files(), len(edge.records())
    echo.forget()
    flood(edge.ports["closed"], 3000, 500, bytes(1400))
    wait_until(
        lambda: edge.metrics().total("glorieta_rejected_total", listener="closed", reason="denied") > 0, what="refusals"
    )
    assert is_served(edge, "closed", "127.0.0.2")
    assert [data for data in echo.seen if data != b"well"] == []
    assert edge.open_files() <= files + 5
    # A line for each would fill the disk at the cost of a datagram.
    assert not [each for each in edge.records()[before:] if each["listener"] == "closed" and each.get("reason")]


def test_sizes_at_the_edges(edge: Engine) -> None:
    with UdpClient(edge.ports["echo"]) as client:
        for size in (0, 1, 0, 65_507, 0, 65_506, 1473):
            data = random.Random(size).randbytes(size)
            assert client.ask(data) == data
        for _ in range(200):
            client.send(b"")
        assert all(client.receive() == b"" for _ in range(200))


def test_answers_are_bounded_by_what_was_asked(edge: Engine) -> None:
    with UdpClient(edge.ports["bomb"]) as client:
        client.send(bytes(500))
        seen = 0
        while client.hears(0.3):
            seen += 1
        assert seen == 1
    record = edge.wait_record(listener="bomb", bytes_in=500)
    assert record["bytes_out"] == 1000


def test_any_bytes_leave_it_serving(edge: Engine) -> None:
    generator = random.Random(17)
    with UdpClient(edge.ports["echo"]) as client:
        for _ in range(300):
            data = generator.randbytes(generator.choice([0, 1, 20, 60, 500, 1400, 9000]))
            assert client.ask(data) == data
