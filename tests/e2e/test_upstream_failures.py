"""Upstreams that fail in every way: the client gets a plain status, the operator the reason, others nothing at all."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from harness import (
    Engine,
    Load,
    RawClient,
    RecordingUpstream,
    Runner,
    Services,
    Silent,
    always,
    build,
    get,
    message,
    refusing_address,
    wait_until,
)
from harness.message import MessageError
from harness.plan import http, plan, proxy, route, upstream

if TYPE_CHECKING:
    from harness.recording import Conversation, ReceivedRequest, Respond

HEAD = b"HTTP/1.1 200 OK\r\n"


def reset_after(data: bytes) -> Respond:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        if data:
            conversation.send(data)
            time.sleep(0.05)
        conversation.reset()

    return respond


def hang_after(data: bytes) -> Respond:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(data)
        conversation.wait_closed(10)

    return respond


def endless_head(conversation: Conversation, _: ReceivedRequest) -> None:
    conversation.send(HEAD)
    while True:
        conversation.send(b"X-Endless: " + b"x" * 1000 + b"\r\n")


def endless_interim(conversation: Conversation, _: ReceivedRequest) -> None:
    while True:
        conversation.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


# Name: (what the origin does, status to the client or None where the answer may have begun, reason in the log)
FAILURES: dict[str, tuple[Respond, int | None, str]] = {
    "closes-at-once": (always(b"", close=True), 502, "reset"),
    "resets-at-once": (reset_after(b""), 502, "reset"),
    "closes-within-the-head": (always(HEAD + b"Content-Le", close=True), 502, "reset"),
    "resets-within-the-head": (reset_after(HEAD + b"Content-Le"), 502, "reset"),
    "hangs-before-the-head": (hang_after(b""), 504, "first_byte_timeout"),
    "hangs-within-the-head": (hang_after(HEAD), 504, "first_byte_timeout"),
    "sends-garbage": (always(b"\x00\x01\x02garbage\r\n\r\n"), 502, "response_malformed"),
    "lies-in-two-lengths": (always(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, "response_malformed"),
    "sends-an-endless-head": (endless_head, 502, "response_head_too_large"),
    "floods-with-1xx": (endless_interim, 502, "response_malformed"),
    "closes-within-the-body": (always(HEAD + b"Content-Length: 10\r\n\r\n12345", close=True), None, "response_cut_off"),
    "resets-within-the-body": (reset_after(HEAD + b"Content-Length: 10\r\n\r\n12345"), None, "response_cut_off"),
    "closes-within-a-chunk": (
        always(HEAD + b"Transfer-Encoding: chunked\r\n\r\na\r\n12345", close=True), None, "response_cut_off",
    ),
    "sends-a-bad-chunk": (
        always(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nxyz\r\n"), None, "response_malformed",
    ),
    "hangs-within-the-body": (hang_after(HEAD + b"Content-Length: 10\r\n\r\n12345"), None, "idle_timeout"),
}  # fmt: skip


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def silent(services: Services) -> Silent:
    return services.keep(Silent())


@pytest.fixture(scope="module")
def edge(start: Runner, services: Services, origin: RecordingUpstream, silent: Silent) -> Engine:
    short = {"connect_ms": 400, "first_byte_ms": 400, "idle_ms": 400}
    routes = [
        route("/bad/*", proxy("bad", timeouts=short, retries=0)),
        route("/retried/*", proxy("bad")),
        route("/good/*", proxy("good")),
        route("/refused", proxy("refused", retries=0)),
        route("/silent", proxy("silent", timeouts=short, retries=0)),
        route("/missing", proxy("missing", retries=0)),
        route("/unresolved", proxy("unresolved", retries=0)),
        route("/none", proxy("none", retries=0)),
    ]
    upstreams = [
        upstream("bad", origin.address),
        upstream("good", services.http("good").address),
        upstream("refused", refusing_address()),
        upstream("silent", silent.address),
        upstream("missing", "unix:/nonexistent/socket"),
        upstream("unresolved", "does-not-exist.invalid:80"),
        upstream("none", []),
    ]
    return start.engine(plan(http(routes), upstreams))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


def ends_badly(client: RawClient) -> bool:
    """Cut short; or, where nothing of the answer had been passed on yet, told so."""
    try:
        return client.read_response().status == 502
    except MessageError:
        return True


@pytest.mark.parametrize("name", FAILURES)
def test_failures(edge: Engine, origin: RecordingUpstream, name: str) -> None:
    respond, status, reason = FAILURES[name]
    origin.respond = respond
    counted = edge.metrics().total("glorieta_upstream_requests_total", upstream="bad", outcome=reason)
    with Load(edge.port, "/good/load", connections=4) as load, RawClient(edge.port) as client:
        wait_until(lambda: load.answered > 4, what="the healthy clients' first answers")
        client.send(build("POST", f"/bad/{name}", body=b"x"))
        if status:
            response = client.read_response()
            assert response.status == status
            assert len(response.body) < 512
        else:
            assert ends_badly(client)
        before = load.answered
        wait_until(lambda: load.answered > before + 4, what="their next answers")
    assert load.failures == []
    assert set(load.statuses) == {200}
    record = edge.wait_record(path=f"/bad/{name}")
    assert (record["reason"], record["upstream"], record["endpoint"]) == (reason, "bad", origin.address)
    assert edge.metrics().total("glorieta_upstream_requests_total", upstream="bad", outcome=reason) == counted + 1
    wait_until(origin.ended, what="the end of the bad connection")
    assert len(origin.requests) == 1, "a POST was sent twice"
    origin.respond = always(message(200, b"fine"))
    assert get(edge.port, "/bad/again").body == b"fine"


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/refused", 502, "refused"),
        ("/silent", 504, "connect_timeout"),
        ("/missing", 502, "unreachable"),
        ("/unresolved", 502, "name_unresolved"),
        ("/none", 503, "no_endpoint"),
    ],
)
def test_endpoints_that_cannot_be_reached(edge: Engine, path: str, status: int, reason: str) -> None:
    response = get(edge.port, path)
    record = edge.wait_record(path=path)
    assert response.status == status
    assert record["reason"] == reason or (path == "/unresolved" and record["reason"] == "no_endpoint")
    assert reason not in response.text
    assert "nonexistent" not in response.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_idle_connections_that_the_origin_closes_fail_no_idempotent_request(
    edge: Engine, origin: RecordingUpstream, method: str
) -> None:
    """The origin closes each connection a moment after its answer: some requests meet the close halfway."""
    pauses = iter([0.0005 * (number % 5) for number in range(100_000)])

    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(message(200, b"ok"))
        threading.Timer(next(pauses), conversation.close).start()

    origin.respond = respond
    with RawClient(edge.port) as client:
        for number in range(400):
            response = client.exchange(build(method, f"/retried/{number}"))
            assert response.status == 200, response
            time.sleep(0.0003 * (number % 7))


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 5\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
def test_a_client_never_gets_an_empty_reply(edge: Engine, origin: RecordingUpstream, answer: bytes) -> None:
    """An answer may break before anything of it was passed on: then it can still be a 502 with a request id."""
    for _ in range(30):
        origin.respond = always(answer, close=True)
        with RawClient(edge.port) as client:
            client.send(build("POST", "/bad/empty", {"Connection": "close"}, b"x"))
            assert client.read_to_end().startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 200 "))
