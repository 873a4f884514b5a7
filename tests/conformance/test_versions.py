"""HTTP/1.0 and 1.1 clients and origins, and who keeps which connection (RFC 9112 §9.3)."""

from __future__ import annotations

import time

import pytest

from harness import Engine, RawClient, RecordingUpstream, always, build, chunked, get, message
from harness.recording import Conversation, ReceivedRequest


def ask(version: str, connection: str | None = None, path: str = "/a") -> bytes:
    field = f"Connection: {connection}\r\n" if connection else ""
    return f"GET {path} HTTP/{version}\r\nHost: a\r\n{field}\r\n".encode()


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "keep-alive", True),
        ("1.1", "close", False),
        ("1.1", "Close", False),
        ("1.1", "keep-alive, close", False),
        ("1.1", "x, close", False),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
        ("1.0", "Keep-Alive", True),
        ("1.0", "close", False),
    ],
)
def test_clients(edge: Engine, origin: RecordingUpstream, version: str, connection: str | None, kept: bool) -> None:
    with RawClient(edge.port) as client:
        response = client.exchange(ask(version, connection))
        assert (response.body, response.version) == (b"ok", "1.1")
        options = ",".join(response.headers("Connection")).lower()
        if kept:
            assert "close" not in options
            assert version == "1.1" or "keep-alive" in options
            assert client.exchange(ask(version, connection, "/b")).body == b"ok"
        else:
            assert "close" in options
            assert client.is_closed()
    assert all(request.version == "1.1" for request in origin.requests)
    assert all("close" not in str(request.headers("Connection")) for request in origin.requests)


def test_http_1_0_without_host(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(b"GET /a HTTP/1.0\r\n\r\n").status == 200
    [request] = origin.requests
    assert len(request.headers("Host")) == 1, "HTTP/1.1 to the origin needs a Host, if an empty one"


def test_http_1_0_clients_get_no_chunks(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(chunked([b"hello ", b"world"]))
    for connection in (None, "keep-alive"):
        with RawClient(edge.port) as client:
            response = client.exchange(ask("1.0", connection))
            assert (response.body, response.header("Transfer-Encoding")) == (b"hello world", None)
            assert response.header("Content-Length") is None
            assert client.is_closed()


def test_http_1_0_bodies_with_a_length(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(b"POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello")
        assert client.read_response().body == b"ok"
        assert client.exchange(ask("1.0")).body == b"ok"
    assert [request.body for request in origin.requests] == [b"hello", b""]


@pytest.mark.parametrize(
    ("answer", "reused"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", True),
    ],
)
def test_origins(edge: Engine, origin: RecordingUpstream, answer: bytes, reused: bool) -> None:
    """The client's connection is its own matter: it stays, whatever the origin does with its."""
    origin.respond = always(answer)
    with RawClient(edge.port) as client:
        for path in ("/a", "/b"):
            response = client.exchange(build("GET", path))
            assert (response.body, response.version, response.closes) == (b"ok", "1.1", False)
    first, second = origin.requests
    assert (first.connection == second.connection) == reused


def test_an_origin_that_speaks_until_it_closes(edge: Engine, origin: RecordingUpstream) -> None:
    """The client gets an end it can trust: chunks keep its connection, or the close is said before."""
    origin.respond = always(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello world", close=True)
    with RawClient(edge.port) as client:
        response = client.exchange(build("GET", "/a"))
        assert response.body == b"hello world"
        assert response.header("Transfer-Encoding") == "chunked" or response.closes


def test_requests_on_the_upstreams_side_need_no_word_to_stay(edge: Engine, origin: RecordingUpstream) -> None:
    get(edge.port, "/a")
    assert origin.requests[0].headers("Connection") == []
    assert origin.requests[0].headers("Keep-Alive") == []


def test_pipelined_requests_are_answered_in_order(edge: Engine, origin: RecordingUpstream) -> None:
    """The first takes longest. All are sent before the first answer, one of them with a body."""

    def respond(conversation: Conversation, request: ReceivedRequest) -> None:
        if request.target == "/0":
            time.sleep(0.3)
        conversation.send(message(200, request.target.encode() + b":" + request.body))

    origin.respond = respond
    sent = [build("GET", f"/{number}") for number in range(20)]
    sent[3] = build("POST", "/3", body=b"x")
    with RawClient(edge.port) as client:
        client.send(b"".join(sent))
        bodies = [client.read_response().body for _ in range(20)]
    assert bodies == [f"/{number}:{'x' if number == 3 else ''}".encode() for number in range(20)]
    assert origin.errors == []


def test_a_pipeline_ends_at_close(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(ask("1.1", None, "/a") + ask("1.1", "close", "/b") + ask("1.1", None, "/c"))
        assert [client.read_response().body for _ in range(2)] == [b"ok", b"ok"]
        assert client.is_closed()
    assert [request.target for request in origin.requests] == ["/a", "/b"]


def test_an_empty_line_between_requests_is_read_over(edge: Engine, origin: RecordingUpstream) -> None:
    """RFC 9112 §2.2: some clients end a body with one that does not count."""
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", body=b"x") + b"\r\n" + build("GET", "/b"))
        assert [client.read_response().status for _ in range(2)] == [200, 200]
    assert [request.target for request in origin.requests] == ["/a", "/b"]


def test_requests_cut_anywhere(edge: Engine, origin: RecordingUpstream) -> None:
    raw = build("GET", "/a?b=c", {"X-Long": "y" * 50}) + build("GET", "/d")
    with RawClient(edge.port) as client:
        for byte in raw:
            client.send(bytes([byte]))
        assert [client.read_response().body for _ in range(2)] == [b"ok", b"ok"]
    assert [request.target for request in origin.requests] == ["/a?b=c", "/d"]
