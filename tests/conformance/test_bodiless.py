"""Answers without a body: to HEAD, 204, 304 (RFC 9110 §6.4.1)."""

from __future__ import annotations

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, always, build, message
from harness.plan import http, plan, redirect, respond, route

NEXT = message(200, b"next")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"Content-Length: 1234\r\n", ("1234", None)),
        (b"Content-Length: 0\r\n", ("0", None)),
        (b"Transfer-Encoding: chunked\r\n", (None, "chunked")),
        (b"", (None, None)),
    ],
)
def test_head(edge: Engine, origin: RecordingUpstream, fields: bytes, expected: tuple[str | None, str | None]) -> None:
    """What would have come is told where it is known; nothing comes."""
    origin.respond = always(b'HTTP/1.1 200 OK\r\nETag: "a"\r\n' + fields + b"\r\n")
    with RawClient(edge.port) as client:
        response = client.exchange(build("HEAD", "/a"))
        assert (response.status, response.header("ETag")) == (200, '"a"')
        assert response.header("Content-Length") == expected[0]
        assert response.header("Transfer-Encoding") in (expected[1], None)
        origin.respond = always(NEXT)
        assert client.exchange(build("GET", "/b")).body == b"next"
    assert [request.method for request in origin.requests] == ["HEAD", "GET"]
    assert len({request.connection for request in origin.requests}) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("fields", [b"", b"Content-Length: 7\r\n", b"Content-Length: 0\r\n"])
def test_204_and_304(edge: Engine, origin: RecordingUpstream, status: int, fields: bytes, method: str) -> None:
    origin.respond = always(b"HTTP/1.1 %d Status\r\nX: 1\r\n%s\r\n" % (status, fields))
    with RawClient(edge.port) as client:
        response = client.exchange(build(method, "/a", body=b"x" if method == "POST" else None))
        assert (response.status, response.header("X"), response.header("Transfer-Encoding")) == (status, "1", None)
        if status == 204:
            assert response.header("Content-Length") is None
        elif fields:
            assert response.header("Content-Length") == fields.split(b" ")[1].strip().decode()
        origin.respond = always(NEXT)
        assert client.exchange(build("GET", "/b")).body == b"next"


def test_205_has_a_body_of_no_bytes(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n")
    with RawClient(edge.port) as client:
        assert client.exchange(build("POST", "/a", body=b"x")).body == b""
        origin.respond = always(NEXT)
        assert client.exchange(build("GET", "/b")).body == b"next"


def test_head_of_what_glorieta_answers_itself(start: Runner) -> None:
    edge = start.engine(plan(http([route("/own", respond("hello")), route("/away", redirect("/own"))])))
    with RawClient(edge.port) as client:
        for path in ("/own", "/away", "/nowhere"):
            whole, head = client.exchange(build("GET", path)), client.exchange(build("HEAD", path))
            assert head.status == whole.status
            assert head.header("Content-Length") in (str(len(whole.body)), None)
            assert head.header("Content-Type") == whole.header("Content-Type")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_an_empty_body_keeps_the_connection(edge: Engine, origin: RecordingUpstream, status: int) -> None:
    origin.respond = always(message(status, b""))
    with RawClient(edge.port) as client:
        response = client.exchange(build("GET", "/a"))
        assert (response.status, response.body, response.header("Content-Length")) == (status, b"", "0")
        assert client.exchange(build("GET", "/b")).status == status
