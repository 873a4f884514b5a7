"""How many connections a listener and each of its clients may have, and how fast they may come."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, TcpEcho, wait_until
from harness import proxy_protocol as pp
from harness.certificates import Authority
from harness.plan import http, plan, proxy, route, server_tls, tcp, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.plan import Document

GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@pytest.fixture(scope="module")
def addresses(services: Services) -> list[Document]:
    return [
        upstream("service", services.keep(HttpUpstream()).address),
        upstream("echo", services.keep(TcpEcho()).address),
    ]


@pytest.fixture
def clients() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def web(**limits: int) -> Document:
    return http([route("*", proxy("service"))], "web", limits=limits)


def mail(**limits: int) -> Document:
    listener = tcp("echo", "mail")
    return {**listener, "limits": {**listener["limits"], **limits}}


def status(client: RawClient, data: bytes = GET) -> int:
    """Of the answer: whoever is turned away is told before it says anything."""
    client.try_send(data)
    return client.read_response("GET").status


def echoes(client: RawClient) -> bool:
    with contextlib.suppress(ConnectionError):
        return client.try_send(b"x") and client.socket.recv(1) == b"x"
    return False


def gets_through(edge: Engine) -> bool:
    """Whether one more connection is served; the reset may come while it is made."""
    with contextlib.suppress(ConnectionError), RawClient(edge.ports["mail"]) as client:
        return echoes(client)
    return False


def rejected(edge: Engine, reason: str) -> float:
    return edge.metrics().total("glorieta_rejected_total", reason=reason)


def test_a_client_has_no_more_than_its_share(
    launch: Runner, addresses: list[Document], clients: contextlib.ExitStack
) -> None:
    edge = launch.engine(plan([web(connections_per_client=3), mail(connections_per_client=2)], addresses))
    first = [clients.enter_context(RawClient(edge.ports["web"])) for _ in range(3)]
    assert [status(each) for each in first] == [200] * 3
    with RawClient(edge.ports["web"]) as one_too_many:
        answer = one_too_many.read_response()
        assert (answer.status, answer.header("Retry-After"), answer.closes) == (429, "1", True)
        assert one_too_many.is_closed()
    with RawClient(edge.ports["web"], source="127.0.0.2") as other:
        assert status(other) == 200
    held = [clients.enter_context(RawClient(edge.ports["mail"])) for _ in range(2)]
    assert all(echoes(each) for each in held)
    assert not gets_through(edge)
    assert rejected(edge, "too_many_connections_per_client") == 2
    # Who leaves makes room for another.
    first[0].close()

    def served() -> bool:
        with RawClient(edge.ports["web"]) as again:
            return status(again) == 200

    wait_until(served, what="room for another")


def test_new_connections_come_at_a_pace(launch: Runner, addresses: list[Document]) -> None:
    edge = launch.engine(plan([web(new_connections=5)], addresses))
    began = time.monotonic()
    seen = []
    for _ in range(40):
        with RawClient(edge.port) as client:
            seen.append(status(client))
    served = seen.count(200)
    assert seen[:5] == [200] * 5
    assert 5 <= served <= 6 + 5 * (time.monotonic() - began)
    assert seen.count(503) == 40 - served
    assert rejected(edge, "connection_rate") == 40 - served

    def served_again() -> bool:
        with RawClient(edge.port) as client:
            return status(client) == 200

    wait_until(served_again, what="the next second")


def test_a_hasty_client_slows_nobody_else_down(launch: Runner, addresses: list[Document]) -> None:
    edge = launch.engine(plan([web(new_connections=50, new_connections_per_client=2)], addresses))
    seen = []
    for _ in range(60):
        with RawClient(edge.port) as client:
            seen.append(status(client))
    assert seen[:2] == [200, 200]
    assert 429 in seen and 503 not in seen
    for number in range(2, 12):
        with RawClient(edge.port, source=f"127.0.0.{number}") as other:
            assert status(other) == 200
    assert rejected(edge, "connection_rate_per_client") == seen.count(429)


def test_limits_hold_over_all_workers(launch: Runner, addresses: list[Document], clients: contextlib.ExitStack) -> None:
    edge = launch.engine(plan([mail(connections_per_client=10)], addresses, workers=4))
    opened = []
    for _ in range(60):
        with contextlib.suppress(ConnectionError):
            opened.append(clients.enter_context(RawClient(edge.port)))
    assert sum(echoes(each) for each in opened) == 10


def test_clients_behind_a_proxy_are_told_apart(
    launch: Runner, addresses: list[Document], clients: contextlib.ExitStack
) -> None:
    listener = web(connections_per_client=2)
    listener["proxy_protocol"] = {"trusted": ["127.0.0.1"], "required": True}
    edge = launch.engine(plan([listener], addresses))
    server = ("198.51.100.1", 443)
    for host in ("203.0.113.7", "203.0.113.8", "2001:db8::1"):
        there = "2001:db8::ffff" if ":" in host else server[0]
        header = pp.block((host, 1), (there, 443))
        opened = [clients.enter_context(RawClient(edge.port)) for _ in range(2)]
        assert [status(each, header + GET) for each in opened] == [200, 200]
        # All addresses of a /64 are one client.
        same = host.replace("::1", "::2")
        with RawClient(edge.port) as one_too_many:
            assert status(one_too_many, pp.block((same, 2), (there, 443))) == 429


def test_with_tls_the_connection_is_reset(
    launch: Runner, addresses: list[Document], clients: contextlib.ExitStack, tmp_path: Path
) -> None:
    files = Authority().leaf("shop.example").write(tmp_path, "shop")
    listener = http([route("*", proxy("service"))], "web", tls=server_tls(files), limits={"connections_per_client": 1})
    edge = launch.engine(plan([listener], addresses))
    clients.enter_context(RawClient(edge.port))
    wait_until(lambda: edge.metrics().total("glorieta_connections", state="active") == 1, what="the first")
    with contextlib.suppress(ConnectionResetError), RawClient(edge.port) as client:
        assert client.read_to_end() == b""
    assert rejected(edge, "too_many_connections_per_client") == 1


def test_what_is_counted_outlives_a_reload(
    launch: Runner, addresses: list[Document], clients: contextlib.ExitStack
) -> None:
    edge = launch.engine(plan([mail()], addresses))
    before = [clients.enter_context(RawClient(edge.port)) for _ in range(3)]
    assert all(echoes(each) for each in before)
    edge.reload(plan([mail(connections_per_client=2)], addresses))
    # Nobody was counted before; from here on clients are.
    held = [clients.enter_context(RawClient(edge.port)) for _ in range(2)]
    assert all(echoes(each) for each in held)
    edge.reload(plan([mail(connections_per_client=3)], addresses))
    with RawClient(edge.port) as third:
        assert echoes(third) and not gets_through(edge)
    edge.reload(plan([mail()], addresses))
    for each in held:
        each.close()
    assert gets_through(edge)
