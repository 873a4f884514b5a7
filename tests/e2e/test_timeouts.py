"""Patience, per step and for the whole: timeouts and deadlines of routes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness import (
    Engine,
    RawClient,
    RecordingUpstream,
    Runner,
    Services,
    Silent,
    build,
    get,
    message,
    request,
    wait_until,
)
from harness.message import MessageError
from harness.plan import http, plan, proxy, route, upstream

if TYPE_CHECKING:
    from harness.recording import Conversation, ReceivedRequest, Respond


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def silent(services: Services) -> Silent:
    return services.keep(Silent())


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream, silent: Silent) -> Engine:
    short = {"connect_ms": 300, "first_byte_ms": 400, "idle_ms": 400}
    routes = [
        route("/patient/*", proxy()),
        route("/short/*", proxy(timeouts=short, retries=0)),
        route("/retried/*", proxy(timeouts=short)),
        route("/connect/*", proxy("silent", timeouts=short, retries=0)),
        route("/deadline/*", proxy(timeouts={"first_byte_ms": 10_000}), deadline_ms=600),
        route("/deadline-connect/*", proxy("silent"), deadline_ms=600),
    ]
    upstreams = [upstream("service", origin.address), upstream("silent", silent.address)]
    return start.engine(plan(http(routes), upstreams))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


def answer_after(seconds: float) -> Respond:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        time.sleep(seconds)
        conversation.send(message(200, b"late"))

    return respond


def timed(edge: Engine, path: str, **options: object) -> tuple[int, float]:
    began = time.monotonic()
    status = request(edge.port, "GET", path, **options).status  # type: ignore[arg-type]
    return status, time.monotonic() - began


@pytest.mark.parametrize(
    ("path", "delay", "status", "least", "most", "reason"),
    [
        ("/patient/a", 0.8, 200, 0.7, 2.0, None),
        ("/short/a", 0.1, 200, 0.0, 1.0, None),
        ("/short/b", 5.0, 504, 0.35, 1.5, "first_byte_timeout"),
        ("/connect/a", 0.0, 504, 0.25, 1.5, "connect_timeout"),
        ("/deadline/a", 0.2, 200, 0.1, 1.0, None),
        ("/deadline/b", 5.0, 504, 0.55, 1.7, "deadline"),
        ("/deadline-connect/a", 0.0, 504, 0.55, 1.7, "deadline"),
    ],
)
def test_how_long_is_waited(
    edge: Engine,
    origin: RecordingUpstream,
    path: str,
    delay: float,
    status: int,
    least: float,
    most: float,
    reason: str | None,
) -> None:
    origin.respond = answer_after(delay)
    found, seconds = timed(edge, path)
    assert found == status
    assert least < seconds < most
    assert edge.wait_record(path=path).get("reason") == reason


def test_a_late_answer_is_nobodys(edge: Engine, origin: RecordingUpstream) -> None:
    """The connection on which it comes is not used again."""
    origin.respond = answer_after(1.0)
    with RawClient(edge.port) as client:
        assert client.exchange(build("GET", "/short/late")).status == 504
        origin.respond = lambda conversation, received: conversation.send(message(200, received.target.encode()))
        for number in range(10):
            assert client.exchange(build("GET", f"/short/{number}")).body == f"/short/{number}".encode()
            time.sleep(0.1)


def test_a_slow_answer_is_not_asked_for_again(edge: Engine, origin: RecordingUpstream) -> None:
    """Asking a service that is too slow once more makes it slower."""
    origin.respond = answer_after(5)
    status, seconds = timed(edge, "/retried/a")
    assert status == 504
    assert 0.35 < seconds < 1.5
    assert len(origin.requests) == 1


def test_a_deadline_counts_the_clients_body(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/deadline/body", {"Content-Length": "10"}) + b"12345")
        began = time.monotonic()
        response = client.read_response()
        assert response.status in (408, 504)
        assert response.closes, "the connection ends, and the client is not told"
        assert 0.4 < time.monotonic() - began < 2
        assert client.is_closed(5)
    assert origin.requests == []


def test_a_deadline_cuts_an_answer_that_goes_on(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, received: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            conversation.send(b"1\r\nx\r\n")
            time.sleep(0.05)

    origin.respond = respond
    with RawClient(edge.port) as client:
        client.send(build("GET", "/deadline/stream"))
        began = time.monotonic()
        with pytest.raises(MessageError):
            client.read_response()
        assert 0.4 < time.monotonic() - began < 2
    wait_until(origin.ended, what="the end of the request at the origin")
    assert edge.wait_record(path="/deadline/stream")["reason"] == "deadline"


def test_an_idle_kept_connection_counts_for_no_deadline(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        for _ in range(2):
            assert client.exchange(build("GET", "/deadline/a")).status == 200
            time.sleep(0.8)
    assert get(edge.port, "/deadline/a").status == 200
