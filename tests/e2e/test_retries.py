"""What is sent again, what never is, and what bounds it."""

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
    always,
    build,
    chunks,
    message,
    refusing_address,
    request,
)
from harness.plan import http, plan, proxy, route, upstream

if TYPE_CHECKING:
    from harness.recording import Conversation, ReceivedRequest

KEPT_BYTES = 64 * 1024
GENEROUS = {"percent": 100, "floor_per_second": 1000}


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    """`mixed` has an endpoint that refuses before one that answers; `breaking` only one, which breaks as told."""
    routes = [
        route("/mixed/*", proxy("mixed")),
        route("/mixed-once/*", proxy("mixed", retries=0)),
        route("/breaking/*", proxy("breaking")),
        route("/three/*", proxy("breaking", retries=3)),
        route("/poor/*", proxy("poor")),
    ]
    upstreams = [
        upstream("mixed", [refusing_address(), origin.address], balance="first_available", retry_budget=GENEROUS),
        upstream("breaking", origin.address, retry_budget=GENEROUS),
        upstream("poor", origin.address, retry_budget={"percent": 20, "floor_per_second": 0, "window_ms": 60_000}),
    ]
    return start.engine(plan(http(routes), upstreams))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


def break_first(origin: RecordingUpstream, times: int = 1, head: bytes = b"") -> None:
    """Closes on the first requests after they were read; then answers. No connection is left from before.

    (A request that met a closed connection of the pool has not been tried yet, so that try would not count.)
    """
    origin.close_connections()
    time.sleep(0.05)
    left = [times]

    def respond(conversation: Conversation, received: ReceivedRequest) -> None:
        if left[0] > 0:
            left[0] -= 1
            if head:
                conversation.send(head)
            conversation.close()
            return
        answer = message(200, b"ok")
        conversation.send(answer[:-2] if received.method == "HEAD" else answer)

    origin.respond = respond


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_refused_connection_is_tried_elsewhere_whatever_the_method(
    edge: Engine, origin: RecordingUpstream, method: str
) -> None:
    """Not a byte was sent, so nothing can happen twice."""
    response = request(edge.port, method, "/mixed/a", body=b"hello")
    assert (response.status, [each.body for each in origin.requests]) == (200, [b"hello"])
    assert edge.wait_record(path="/mixed/a", method=method)["tries"] == 2
    assert edge.metrics().total("glorieta_retries_total", upstream="mixed", reason="refused") >= 1


def test_without_retries_a_refused_connection_is_an_error(edge: Engine) -> None:
    assert request(edge.port, "GET", "/mixed-once/a").status == 502


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_idempotent_methods_are_sent_again(edge: Engine, origin: RecordingUpstream, method: str) -> None:
    break_first(origin)
    body = b"hello" if method in ("PUT", "DELETE") else None
    assert request(edge.port, method, "/breaking/a", body=body).status == 200
    assert [(each.method, each.body) for each in origin.requests] == [(method, body or b"")] * 2
    assert edge.wait_record(path="/breaking/a", method=method)["tries"] == 2


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
def test_other_methods_are_never_sent_again(edge: Engine, origin: RecordingUpstream, method: str) -> None:
    break_first(origin)
    assert request(edge.port, method, "/breaking/post", body=b"hello").status == 502
    assert len(origin.requests) == 1
    assert edge.wait_record(path="/breaking/post", method=method)["tries"] == 1


@pytest.mark.parametrize("size", [0, 1, KEPT_BYTES - 1000])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_bodies_that_were_kept_are_sent_again_whole(
    edge: Engine, origin: RecordingUpstream, size: int, coding: str
) -> None:
    break_first(origin)
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with RawClient(edge.port) as client:
        if coding == "length":
            client.send(build("PUT", "/breaking/b", body=body))
        else:
            client.send(build("PUT", "/breaking/b", {"Transfer-Encoding": "chunked"}) + chunks([body] if body else []))
        assert client.read_response().status == 200
    assert [each.body == body for each in origin.requests] == [True, True]


def test_bodies_too_large_to_keep_are_not_sent_again(edge: Engine, origin: RecordingUpstream) -> None:
    break_first(origin)
    assert request(edge.port, "PUT", "/breaking/c", body=bytes(4 * KEPT_BYTES)).status == 502
    assert len(origin.requests) == 1


def test_nothing_is_sent_again_once_an_answer_has_begun(edge: Engine, origin: RecordingUpstream) -> None:
    break_first(origin, head=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    with RawClient(edge.port) as client:
        client.send(build("GET", "/breaking/begun", {"Connection": "close"}))
        head = client.read_to_end()
    assert head.startswith((b"HTTP/1.1 200 OK", b"HTTP/1.1 502 "))
    assert len(origin.requests) == 1


@pytest.mark.parametrize(
    ("path", "times", "status"), [("/breaking/a", 2, 502), ("/three/a", 3, 200), ("/three/a", 4, 502)]
)
def test_as_many_tries_as_allowed(edge: Engine, origin: RecordingUpstream, path: str, times: int, status: int) -> None:
    break_first(origin, times)
    assert request(edge.port, "GET", path).status == status
    assert len(origin.requests) == (times if status == 502 else times + 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_services_own_error_is_its_answer(edge: Engine, origin: RecordingUpstream, status: int) -> None:
    origin.respond = always(message(status, b"theirs"))
    response = request(edge.port, "GET", "/breaking/own")
    assert (response.status, response.body, len(origin.requests)) == (status, b"theirs", 1)


def test_a_budget_bounds_retries(edge: Engine, origin: RecordingUpstream) -> None:
    """All requests fail; a fifth of them may be sent again, so the origin gets 1.2 times as many, not twice."""
    origin.respond = lambda conversation, _: conversation.close()
    for number in range(100):
        assert request(edge.port, "GET", f"/poor/{number}").status == 502
    assert 100 <= len(origin.requests) <= 122


def test_a_body_that_fails_to_come_is_not_retried(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("PUT", "/breaking/d", {"Content-Length": "10"}) + b"12345")
        client.finish_sending()
        assert client.read_response().status == 400
    assert origin.requests == []
    assert origin.received.count(b"PUT ") <= 1
