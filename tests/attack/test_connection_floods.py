"""Floods of connections: one client that wants all of them, and one that opens them without end."""

from __future__ import annotations

import contextlib

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, wait_until
from harness.plan import http, plan, proxy, route, upstream

GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"
HELD = 50


@pytest.fixture(scope="module")
def edge(start: Runner, services: Services) -> Engine:
    limits = {"connections": 200, "connections_per_client": HELD, "new_connections_per_client": 100}
    listener = http([route("*", proxy("service"))], limits=limits)
    return start.engine(plan(listener, [upstream("service", services.keep(HttpUpstream()).address)]))


def is_served(edge: Engine, source: str) -> bool:
    with RawClient(edge.port, source=source) as client:
        client.try_send(GET)
        return client.read_response("GET").status == 200


def test_one_that_holds_all_it_can_leaves_room_for_others(edge: Engine) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(HELD * 4):
            with contextlib.suppress(ConnectionError):
                stack.enter_context(RawClient(edge.port, source="127.0.0.66"))
        assert all(is_served(edge, f"127.0.1.{number}") for number in range(1, 20))
        active = edge.metrics().total("glorieta_connections", state="active")
        assert active <= HELD + 2
    wait_until(lambda: edge.metrics().total("glorieta_connections", state="active") == 0, what="no connection")


def test_one_that_opens_without_end_is_refused_and_others_are_not(edge: Engine) -> None:
    before = edge.memory()
    for number in range(2000):
        with contextlib.suppress(ConnectionError), RawClient(edge.port, source="127.0.0.67"):
            pass
        if number % 200 == 0:
            assert is_served(edge, f"127.0.2.{number // 200 + 1}")
    assert edge.metrics().total("glorieta_rejected_total", reason="connection_rate_per_client") > 0
    assert edge.memory() - before < 16 << 20


def test_thousands_of_addresses_take_bounded_memory(edge: Engine) -> None:
    before = edge.memory()
    for number in range(6000):
        source = f"127.7.{number >> 8}.{number & 255}"
        with contextlib.suppress(ConnectionError), RawClient(edge.port, source=source):
            pass
    assert is_served(edge, "127.0.3.1")
    assert edge.memory() - before < 16 << 20
