"""Input 22: values from a request that would break out of the header, path or target they are put into."""

from __future__ import annotations

import pytest

from harness import Engine, RawClient, RecordingUpstream

INJECTIONS = [
    "a%0d%0aX-Injected:%201",
    "a%0D%0A%0D%0AGET%20/evil%20HTTP/1.1",
    "%0aX-Injected:%201",
    "a%0dX-Injected:%201",
    "a%E5%98%8A%E5%98%8DX-Injected:%201",
    "a%C4%8D%C4%8AX-Injected:%201",
    "%20HTTP/1.1%0d%0aX-Injected:%201",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_22_a_query_value_in_a_header(edge: Engine, origin: RecordingUpstream, text: str) -> None:
    """Both directions: a field to the origin and a field to the client are made of it."""
    with RawClient(edge.port) as client:
        answer = client.exchange(f"GET /reflect/x?q={text} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert answer.status == 200
    assert answer.header("X-Injected") is None
    assert answer.header("X-Back") is not None
    [request] = origin.requests
    assert request.header("X-Injected") is None
    assert request.target.startswith("/got/x")
    assert origin.errors == []


@pytest.mark.parametrize("text", INJECTIONS)
def test_22_a_path_capture_in_a_rewrite(edge: Engine, origin: RecordingUpstream, text: str) -> None:
    with RawClient(edge.port) as client:
        answer = client.exchange(f"GET /reflect/{text} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    if answer.status == 400:
        assert origin.received == b""
        return
    assert answer.status in (200, 404)
    for request in origin.requests:
        assert request.header("X-Injected") is None
        assert "%0" in request.target or "%E5" in request.target or "%C4" in request.target or "%20" in request.target
    assert origin.errors == []


def test_22_a_header_value_with_a_tab_and_bytes_beyond_ascii_stays_one_value(
    edge: Engine, origin: RecordingUpstream
) -> None:
    with RawClient(edge.port) as client:
        client.exchange(b"GET /reflect/x HTTP/1.1\r\nHost: a\r\nX-Sent: a\t\xe5\x98\x8ab\r\n\r\n")
    [request] = origin.requests
    assert request.headers("X-Reflected") == ["a\t\xe5\x98\x8ab x"]


def test_22_what_a_client_sends_is_never_a_template(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        answer = client.exchange(b"GET /reflect/x?q=${client.ip} HTTP/1.1\r\nHost: a\r\nX-Sent: ${host}\r\n\r\n")
    assert answer.status == 200
    assert origin.requests[0].header("X-Reflected") == "${client.ip} ${host} x"
    assert answer.header("X-Back") == "${client.ip}"
