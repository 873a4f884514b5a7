"""Input 31: too many, too long, too different."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, Services, get, wait_until
from harness.plan import http, plan, proxy, respond, route, upstream

if TYPE_CHECKING:
    from attack.conftest import Attack

CONNECTIONS = 40


def with_headers(count: int) -> bytes:
    return (
        b"GET /a HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(count - 1)) + b"\r\n"
    )


def test_31_as_many_headers_as_allowed(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(with_headers(100)).status == 200
    assert [name for name, _ in origin.requests[0].fields if name.startswith("X-") and name[2:].isdigit()] == [
        f"X-{number}" for number in range(99)
    ]


@pytest.mark.parametrize("count", [101, 1001])
def test_31_more_headers(attack: Attack, count: int) -> None:
    attack.refused(with_headers(count), (431,))


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 65536 + b"\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\n" + b"x" * 65536 + b": y\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 60 + b"\r\n",
        b"x" * 65536,
    ],
    ids=["value", "name", "sum", "method"],
)
def test_31_larger_heads(attack: Attack, data: bytes) -> None:
    attack.refused(data, (400, 431))


@pytest.mark.parametrize("length", [8193, 30_000, 1 << 20])
def test_31_longer_targets(attack: Attack, length: int) -> None:
    attack.refused(b"GET /" + b"a" * length + b" HTTP/1.1\r\nHost: a\r\n\r\n", (414, 431))


def test_31_a_target_as_long_as_allowed(edge: Engine, origin: RecordingUpstream) -> None:
    target = "/" + "a" * 8191
    assert get(edge.port, target).status == 200
    assert [request.target for request in origin.requests] == [target]


def test_31_names_that_clients_make_up_are_no_labels(edge: Engine, origin: RecordingUpstream) -> None:
    """Hosts, paths, queries, methods, ids and codes: nothing of them makes a series of its own."""

    def ask(numbers: range) -> None:
        with RawClient(edge.port) as client:
            for number in numbers:
                method = b"GET" if number % 3 else b"M%d" % number
                client.send(
                    b"%s /path-%d?q-%d=%d HTTP/1.1\r\nHost: host-%d.example\r\nX-Request-ID: id-%d\r\nX-%d: y\r\n\r\n"
                    % (method, number, number, number, number, number, number)
                )
                assert client.read_response().status == 200

    ask(range(50))
    before = {name: len(edge.metrics().labels(name)) for name in edge.metrics().names()}
    ask(range(50, 2050))
    after = edge.metrics()
    assert {name: len(after.labels(name)) for name in after.names()} == before
    for word in ("host-", "path-", "q-", "id-", "M51"):
        assert word not in after.text
    assert after.total("glorieta_requests_total", method="other") >= 600


def test_31_connections_beyond_the_limit(launch: Runner, own_services: Services) -> None:
    origin = own_services.http()
    listener = http([route("/*", proxy())], limits={"connections": CONNECTIONS})
    edge = launch.engine(plan(listener, [upstream("service", origin.address)]))
    clients = [RawClient(edge.port) for _ in range(CONNECTIONS)]
    for client in clients:
        assert client.exchange(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    with RawClient(edge.port) as beyond:
        beyond.try_send(b"GET /beyond HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = beyond.read_to_end()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 503 ")
    assert "/beyond" not in [request.target for request in origin.requests]
    assert clients[0].exchange(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert edge.metrics().total("glorieta_rejected_total", reason="too_many_connections") >= 1
    for client in clients:
        client.close()
    wait_until(lambda: answers(edge), what="service after the others have left")


def answers(edge: Engine) -> bool:
    try:
        return get(edge.port, "/after").status == 200
    except (AssertionError, ConnectionError):
        return False


def test_31_requests_on_one_connection_may_be_limited(launch: Runner) -> None:
    listener = http([route("/*", respond("hello"))], limits={"requests_per_connection": 3})
    edge = launch.engine(plan(listener))
    with RawClient(edge.port) as client:
        closes = [client.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").closes for _ in range(3)]
        assert closes == [False, False, True]
        assert client.is_closed()
