"""`Expect: 100-continue` (RFC 9110 §10.1.1) and other interim answers (§15.2)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness import (
    Engine,
    RawClient,
    RecordingUpstream,
    Runner,
    always,
    build,
    get,
    message,
    refusing_address,
    wait_until,
)
from harness.plan import http, plan, proxy, route, upstream

if TYPE_CHECKING:
    from harness.recording import Conversation, ReceivedRequest

EXPECTING = build("POST", "/a", {"Expect": "100-continue", "Content-Length": "5"})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = message(200, b"ok")


def test_the_body_is_asked_for_once_the_origin_accepts(edge: Engine, origin: RecordingUpstream) -> None:
    bodies = []

    def respond(conversation: Conversation, request: ReceivedRequest) -> None:
        assert not conversation.reader.buffer
        conversation.send(CONTINUE)
        conversation.read_body(request)
        bodies.append(request.body)
        conversation.send(OK)

    origin.early, origin.respond = True, respond
    with RawClient(edge.port) as client:
        client.send(EXPECTING)
        assert client.read_head().status == 100
        client.send(b"hello")
        assert client.read_response().body == b"ok"
        origin.early, origin.respond = False, always(OK)
        assert client.exchange(build("GET", "/next")).body == b"ok"
    assert bodies == [b"hello"]


def test_a_refusal_saves_the_body(edge: Engine, origin: RecordingUpstream) -> None:
    origin.early, origin.respond = True, always(message(401, b"no"), close=True)
    with RawClient(edge.port) as client:
        client.send(EXPECTING)
        response = client.read_response()
        assert (response.status, response.interim, response.body) == (401, [], b"no")
        assert response.closes
        assert client.is_closed()
    assert b"hello" not in origin.received


def test_a_silent_origin_gets_the_body_without_a_100_of_its_own(edge: Engine, origin: RecordingUpstream) -> None:
    """An origin that knows nothing of expectations reads the body; the client must not wait for ever."""
    with RawClient(edge.port) as client:
        client.send(EXPECTING)
        assert client.read_head().status == 100
        client.send(b"hello")
        assert client.read_response().body == b"ok"
    assert [request.body for request in origin.requests] == [b"hello"]


def test_a_client_that_does_not_wait_is_served(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        for _ in range(2):
            assert client.exchange(EXPECTING + b"hello").body == b"ok"
    assert [request.body for request in origin.requests] == [b"hello", b"hello"]


def test_an_expectation_without_a_body_is_nothing(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        response = client.exchange(build("GET", "/a", {"Expect": "100-continue"}))
        assert (response.status, response.body) == (200, b"ok")


def test_http_1_0_expects_nothing(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(b"POST /a HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
        response = client.read_response()
    assert (response.body, response.interim) == (b"ok", [])
    assert origin.requests[0].headers("Expect") == []


def test_no_body_is_asked_for_while_no_endpoint_can_be_reached(launch: Runner) -> None:
    edge = launch.engine(plan(http([route("/*", proxy())]), [upstream("service", refusing_address())]))
    with RawClient(edge.port) as client:
        client.send(EXPECTING)
        response = client.read_response()
        assert (response.status, response.interim) == (502, [])
        assert response.closes
        assert client.is_closed()


def test_early_hints_are_passed_on(edge: Engine, origin: RecordingUpstream) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nConnection: x\r\nX: 1\r\n\r\n"
    origin.respond = always(hints + b"HTTP/1.1 102 Processing\r\n\r\n" + OK)
    with RawClient(edge.port) as client:
        response = client.exchange(build("GET", "/a"))
        assert [status for status, _ in response.interim] == [103, 102]
        assert ("Link", "</style.css>; rel=preload") in response.interim[0][1]
        assert "Content-Length" not in dict(response.interim[0][1])
        assert client.exchange(build("GET", "/b")).status == 200


def test_early_hints_arrive_early(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        time.sleep(0.6)
        conversation.send(OK)

    origin.respond = respond
    with RawClient(edge.port) as client:
        began = time.monotonic()
        client.send(build("GET", "/a"))
        assert client.read_head().status == 103
        assert time.monotonic() - began < 0.4
        assert client.read_response().body == b"ok"


def test_http_1_0_gets_no_interim_answer(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    with RawClient(edge.port) as client:
        response = client.exchange(b"GET /a HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (response.status, response.interim, response.body) == (200, [], b"ok")


def test_an_unasked_100_is_swallowed(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(CONTINUE + OK)
    response = get(edge.port, "/a")
    assert (response.status, response.body, response.interim) == (200, b"ok", [])


def test_a_flood_of_interim_answers_is_refused(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, received: ReceivedRequest) -> None:
        for _ in range(100_000):
            conversation.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        conversation.send(OK)

    origin.respond = respond
    with RawClient(edge.port) as client:
        response = client.exchange(build("POST", "/a", body=b"x"))
        assert response.status == 502
        assert len(response.interim) < 1000
    wait_until(origin.ended, what="the end of the flood")
