"""Inputs 34 and 35: clients that speak as if they were proxies."""

from __future__ import annotations

import pytest

from attack.conftest import SMUGGLED, Attack
from harness import Engine, RawClient, RecordingUpstream, Runner, get
from harness.plan import http, plan, proxy, route, upstream

PROXY_2 = b"\r\n\r\n\x00\r\nQUIT\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"X-Forwarded-For": "192.0.2.66"},
        {"x-forwarded-for": "192.0.2.66, 127.0.0.1"},
        {"X-Forwarded-For": "192.0.2.66", "X-FORWARDED-FOR": "192.0.2.66"},
        {"Forwarded": "for=192.0.2.66;proto=https"},
        {"Forwarded": 'for="192.0.2.66:80";by=127.0.0.1, for=192.0.2.66'},
        {"X-Real-IP": "192.0.2.66"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Port": "31337"},
        {"X-Forwarded-Prefix": "/evil"},
        {"X-Forwarded-Server": "evil.example"},
        {"X-Forwarded-User": "evil"},
        {"Connection": "X-Forwarded-For, X-Forwarded-Proto, Forwarded"},
        {"Connection": "close, X-Forwarded-For", "X-Forwarded-For": "192.0.2.66"},
    ],
)
def test_34_what_an_untrusted_peer_says_of_itself_is_dropped(
    edge: Engine, origin: RecordingUpstream, fields: dict[str, str]
) -> None:
    assert get(edge.port, "/a", {"Host": "shop.example", **fields}).status == 200
    [request] = origin.requests
    assert request.headers("X-Forwarded-For") == ["127.0.0.1"]
    assert request.headers("X-Forwarded-Proto") == ["http"]
    assert request.headers("X-Forwarded-Host") == ["shop.example"]
    assert len(request.headers("Forwarded")) == 1
    assert "127.0.0.1" in request.headers("Forwarded")[0]
    assert request.headers("X-Forwarded-Prefix") == []
    for word in (b"192.0.2.66", b"evil", b"31337", b"https"):
        assert word not in origin.received


def test_34_an_untrusted_request_id_is_not_taken_over(edge: Engine, origin: RecordingUpstream) -> None:
    answer = get(edge.port, "/a", {"X-Request-ID": "mine"})
    assert answer.header("X-Request-ID") == origin.requests[0].header("X-Request-ID") != "mine"


@pytest.mark.parametrize(
    "preamble",
    [
        b"PROXY TCP4 192.0.2.66 127.0.0.1 1234 80\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 " + b"1" * 107 + b"\r\n",
        PROXY_2 + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 66, 127, 0, 0, 1, 4, 210, 0, 80]),
        PROXY_2 + b"\x21\x11\xff\xff" + b"short",
        PROXY_2 + b"\x20\x00\x00\x00",
        PROXY_2 + b"\x11\x11\x00\x0c" + bytes(12),
    ],
    ids=["v1", "v1-unknown", "v1-long", "v2", "v2-length", "v2-local", "v2-version"],
)
def test_34_a_proxy_header_from_anybody_is_no_request(attack: Attack, preamble: bytes) -> None:
    attack.refused(preamble + SMUGGLED)
    assert b"192.0.2.66" not in attack.origin.received


@pytest.mark.parametrize("part", [b"PROXY TCP4 192", PROXY_2[:7], PROXY_2])
def test_34_a_partial_proxy_header_then_silence(launch: Runner, origin: RecordingUpstream, part: bytes) -> None:
    listener = http([route("/*", proxy())], timeouts={"head_ms": 500})
    edge = launch.engine(plan(listener, [upstream("service", origin.address)]))
    with RawClient(edge.port) as client:
        client.send(part)
        answer = client.read_to_end()
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"408")
    assert origin.received == b""


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "Cookie", "X-Auth-User", "X-User-Id", "X-Forwarded-For", "Forwarded", "Via", "X-Request-ID",
        "traceparent", "Content-Type", "Content-Length", "Host", "Cache-Control", "X-Client-Cert", "Max-Forwards",
    ],
)  # fmt: skip
def test_35_nobody_may_have_a_header_of_trust_stripped(edge: Engine, origin: RecordingUpstream, name: str) -> None:
    """`Connection: X-Auth-User` must not take off what a proxy in front, or the client itself, vouches for."""
    mine = {"Host": "a", "Content-Length": "2", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    fields = {name: mine.get(name, "1"), "Connection": f"close, {name}, keep-alive"}
    if name != "Host":
        fields["Host"] = "a"
    with RawClient(edge.port) as client:
        head = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        body = "xy" if name == "Content-Length" else ""
        client.send(f"POST /a HTTP/1.1\r\n{head}\r\n{body}".encode())
        assert client.read_response().status == 200
    [request] = origin.requests
    assert len(request.headers(name)) == 1
    assert request.body == body.encode()


@pytest.mark.parametrize("named", ["X-Mine", "x-mine", "X-Mine, X-Other", "close,X-Mine", " ,, X-Mine ,"])
def test_35_what_connection_names_goes(edge: Engine, origin: RecordingUpstream, named: str) -> None:
    assert get(edge.port, "/a", {"Connection": named, "X-Mine": "1", "X-Kept": "1"}).status == 200
    [request] = origin.requests
    assert (request.headers("X-Mine"), request.headers("X-Kept")) == ([], ["1"])
    assert "X-Mine" not in str(request.headers("Connection"))


@pytest.mark.parametrize(
    "field",
    [
        ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eDp5"),
        ("TE", "gzip, deflate"), ("Trailer", "Content-Length"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ],
)  # fmt: skip
def test_35_hop_by_hop_fields_stay_here(edge: Engine, origin: RecordingUpstream, field: tuple[str, str]) -> None:
    name, value = field
    assert get(edge.port, "/a", {name: value}).status == 200
    assert origin.requests[0].headers(name) == []


def test_35_h2c_is_not_offered_to_the_origin(edge: Engine, origin: RecordingUpstream) -> None:
    fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    answer = get(edge.port, "/a", fields)
    assert answer.status == 200
    assert b"HTTP2-Settings" not in origin.received
    assert b"h2c" not in origin.received


def test_35_too_many_connection_options(attack: Attack) -> None:
    names = ", ".join(f"x-{number}" for number in range(2000))
    attack.refused(f"GET /a HTTP/1.1\r\nHost: a\r\nConnection: {names}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "trailer",
    [
        "Content-Length: 5",
        "Host: evil",
        "Authorization: x",
        "X-Forwarded-For: 192.0.2.66",
        "x_forwarded_for: 192.0.2.66",
        "Content_Length: 5",
        "Transfer-Encoding: chunked",
    ],
)
def test_35_trailers_that_steer_are_dropped(edge: Engine, origin: RecordingUpstream, trailer: str) -> None:
    body = f"2\r\nxx\r\n0\r\n{trailer}\r\nX-Checksum: 1\r\n\r\n"
    with RawClient(edge.port) as client:
        client.send(f"POST /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n{body}".encode())
        assert client.read_response().status in (200, 400)
    for request in origin.requests:
        assert [name for name, _ in request.trailers] in ([], ["X-Checksum"])


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_35_max_forwards_0_ends_here(edge: Engine, origin: RecordingUpstream, method: str) -> None:
    """RFC 9110 §7.6.2: the last recipient answers; it does not forward."""
    with RawClient(edge.port) as client:
        answer = client.exchange(
            f"{method} /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n".encode()
        )
    assert origin.received == b""
    assert answer.status in (200, 204, 405, 501)
    assert b"secret" not in answer.body


def test_35_max_forwards_counts_down(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(b"OPTIONS /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 5\r\n\r\n").status == 200
    assert origin.requests[0].headers("Max-Forwards") == ["4"]
