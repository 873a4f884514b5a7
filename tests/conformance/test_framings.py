"""Where bodies end (RFC 9112 §6), with every framing in both directions."""

from __future__ import annotations

import random

import pytest

from harness import Engine, RawClient, RecordingUpstream, always, build, chunked, chunks, get, message, request
from harness.message import header

SIZES = [0, 1, 2, 1023, 8191, 8192, 16384, 65535, 65536, 1_000_003]
CHUNKED = {"Transfer-Encoding": "chunked"}


def content(size: int) -> bytes:
    """Bytes without a pattern, so that a block lost, moved or sent twice is seen."""
    return random.Random(size).randbytes(size)


def pieces(data: bytes, size: int = 7000) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_request_bodies_arrive_whole(edge: Engine, origin: RecordingUpstream, size: int, coding: str) -> None:
    data = content(size)
    with RawClient(edge.port) as client:
        if coding == "length":
            client.send(build("POST", "/a", body=data))
        else:
            client.send(build("POST", "/a", CHUNKED) + chunks(pieces(data)))
        assert client.read_response().body == b"ok"
        assert client.exchange(build("GET", "/next")).body == b"ok"
    first, second = origin.requests
    assert (first.body == data, second.target) == (True, "/next")
    if coding == "length":
        assert first.header("Content-Length") == str(size)
    else:
        assert first.header("Content-Length") is None or first.header("Transfer-Encoding") is None
    assert origin.errors == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("coding", ["length", "chunked", "until-close"])
def test_response_bodies_arrive_whole(edge: Engine, origin: RecordingUpstream, size: int, coding: str) -> None:
    data = content(size)
    answers = {
        "length": message(200, data),
        "chunked": chunked(pieces(data)),
        "until-close": b"HTTP/1.1 200 OK\r\n\r\n" + data,
    }
    origin.respond = always(answers[coding], close=coding == "until-close")
    with RawClient(edge.port) as client:
        response = client.exchange(build("GET", "/a"))
        assert response.body == data
        if coding == "length":
            assert response.header("Content-Length") == str(size)
        if not response.closes:
            origin.respond = always(message(200, b"next"))
            assert client.exchange(build("GET", "/next")).body == b"next"


def test_a_post_without_a_body_says_so_to_the_origin(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build("POST", "/a")).status == 200
    [received] = origin.requests
    assert (received.header("Content-Length"), received.header("Transfer-Encoding")) in (("0", None), (None, None))
    assert received.body == b""


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunks_may_be_cut_anywhere(edge: Engine, origin: RecordingUpstream, size: int) -> None:
    """The client's writes fall into the middle of sizes, line ends and trailers."""
    raw = build("POST", "/a", {**CHUNKED, "Trailer": "X-Sum"}) + chunks(
        [b"hello", b" ", b"world" * 100], "X-Sum: 9\r\n"
    )
    with RawClient(edge.port) as client:
        for piece in pieces(raw, size):
            client.send(piece)
        assert client.read_response().status == 200
    assert origin.requests[0].body == b"hello " + b"world" * 100


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_answers_may_be_cut_anywhere(edge: Engine, origin: RecordingUpstream, size: int) -> None:
    raw = chunked([b"hello", b" ", b"world" * 30], "X-Sum: 9\r\n", "Trailer: X-Sum\r\nX-Long: " + "y" * 100 + "\r\n")
    origin.respond = lambda conversation, _: conversation.dribble(raw, 0.0005, size)
    response = get(edge.port, "/a")
    assert (response.body, response.header("X-Long")) == (b"hello " + b"world" * 30, "y" * 100)


def test_chunk_extensions_are_read_over(edge: Engine, origin: RecordingUpstream) -> None:
    body = b'5;name=value;quoted="a b"\r\nhello\r\n0;last\r\n\r\n'
    origin.respond = always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    with RawClient(edge.port) as client:
        assert client.exchange(build("POST", "/a", CHUNKED) + body).body == b"hello"
    assert origin.requests[0].body == b"hello"
    assert b"quoted" not in origin.received


def test_leading_zeros_and_capitals_in_sizes(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        body = b"0000A\r\n0123456789\r\n00b\r\n01234567890\r\n000\r\n\r\n"
        assert client.exchange(build("POST", "/a", CHUNKED) + body).status == 200
    assert origin.requests[0].body == b"012345678901234567890"


def test_trailers_of_requests(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        head = build("POST", "/a", {**CHUNKED, "TE": "trailers", "Trailer": "X-Sum"})
        assert client.exchange(head + chunks([b"hello"], "X-Sum: 9\r\nX-More: 1\r\n")).status == 200
        assert client.exchange(build("GET", "/next")).status == 200
    assert origin.requests[0].trailers == [("X-Sum", "9"), ("X-More", "1")]
    assert header(origin.requests[0].fields, "Trailer") == "X-Sum"
    assert origin.errors == []


def test_trailers_of_answers(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(chunked([b"hello"], "X-Sum: 9\r\n", "Trailer: X-Sum\r\n"))
    response = get(edge.port, "/a", {"TE": "trailers", "Connection": "TE"})
    assert (response.body, response.trailers, response.header("Trailer")) == (b"hello", [("X-Sum", "9")], "X-Sum")
    assert origin.requests[0].header("TE") == "trailers"


def test_a_body_that_is_cut_off_is_never_passed_on_as_whole(edge: Engine, origin: RecordingUpstream) -> None:
    for raw in (
        build("POST", "/a", {"Content-Length": "10"}) + b"12345",
        build("POST", "/a", CHUNKED) + b"5\r\nhello\r\n",
    ):
        with RawClient(edge.port) as client:
            client.send(raw)
            client.finish_sending()
            assert client.read_response().status == 400
    assert origin.requests == []
    assert b"\r\n0\r\n\r\n" not in origin.received


def test_kept_alive_connections_serve_many(edge: Engine, origin: RecordingUpstream) -> None:
    """And on the upstream's side one connection serves them all, as requests come one after the other."""
    with RawClient(edge.port) as client:
        for number in range(200):
            assert client.exchange(build("POST", f"/{number}", body=b"x" * number)).body == b"ok"
    assert [each.target for each in origin.requests] == [f"/{number}" for number in range(200)]
    assert len({each.connection for each in origin.requests}) == 1


def test_large_bodies_both_ways_at_once(edge: Engine, origin: RecordingUpstream) -> None:
    data = content(8 << 20)
    origin.respond = lambda conversation, received: conversation.send(message(200, received.body))
    assert request(edge.port, "PUT", "/a", body=data, timeout=20).body == data
