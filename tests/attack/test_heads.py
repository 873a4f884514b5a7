"""Inputs 10–13: heads that are no heads, and bytes that some trim and others do not."""

from __future__ import annotations

import pytest

from attack.conftest import SMUGGLED, Attack
from harness import Engine, RawClient, RecordingUpstream


def with_field(line: bytes) -> bytes:
    return b"GET /a HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n" + SMUGGLED


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\nHost: a\n\n",
        b"GET /a HTTP/1.1\r\nHost: a\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\n\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n",
        b"\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: va\rlue\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nVisible: :/\rSmuggled: x\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\r\n\r\n",
        b"GET /a HTTP/1.1\r\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
    ],
)
def test_10_line_ends(attack: Attack, data: bytes) -> None:
    attack.refused(data + SMUGGLED)


@pytest.mark.parametrize(
    "line",
    [
        b"He\0ader: x",
        b"Header: x\0y",
        b"Header\x85: x",
        b"Header\xa0: x",
        b"X: \x08",
        b"X: \x7f",
        b"X: a\x1bb",
        b"\x00: x",
    ],
)
def test_11_control_bytes_and_names_beyond_ascii(attack: Attack, line: bytes) -> None:
    attack.refused(with_field(line))


def test_11_only_blanks_are_trimmed(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(b"GET /a HTTP/1.1\r\nHost: a\r\nX-A: \t \xa0v\x85 \t \r\n\r\n").status == 200
    assert [request.headers("X-A") for request in origin.requests] == [["\xa0v\x85"]]


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length : 34", b"Content-Length\t: 34", b"X: 1\r\n folded", b"X: 1\r\n\tfolded", b"Te\r\nst: test",
        b"Content-Length 10", b": x", b":", b"X Y: 1", b'X"Y: 1', b"X(Y): 1", b"X/Y: 1", b" X: 1",
    ],
)  # fmt: skip
def test_12_field_lines(attack: Attack, line: bytes) -> None:
    attack.refused(with_field(line))


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\n\tHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost : a\r\n\r\n",
    ],
)
def test_12_a_blank_before_or_in_the_first_field(attack: Attack, data: bytes) -> None:
    attack.refused(data + SMUGGLED)


@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        (b"GET /a HTTP/1.32", (400,)),
        (b"GET /a HTTP/4294967295.255", (400,)),
        (b"GET /a \rHTTP/1.1", (400,)),
        (b"GET /a HTTP/1.1\r", (400,)),
        (b"GET? /a HTTP/1.1", (400,)),
        (b'G=":<> /a HTTP/1.1', (400,)),
        (b"GET ! HTTP/1.1", (400,)),
        (b"GET a HTTP/1.1", (400,)),
        (b"GET /a b HTTP/1.1", (400,)),
        (b"GET  /a HTTP/1.1", (400,)),
        (b"GET /a  HTTP/1.1", (400,)),
        (b"GET\t/a\tHTTP/1.1", (400,)),
        (b" GET /a HTTP/1.1", (400,)),
        (b"GET /a http/1.1", (400,)),
        (b"GET /a HTTP/1.1 ", (400,)),
        (b"GET /a", (400,)),
        (b"GET /a HTTP/", (400,)),
        (b"GET /\xc3\xa9 HTTP/1.1", (400,)),
        (b"GET /a\x00 HTTP/1.1", (400,)),
        (b"GET /a#fragment HTTP/1.1", (400,)),
        (b"GET /a HTTP/1.2", (400, 505)),
        (b"GET /a HTTP/0.9", (400, 505)),
        (b"GET /a HTTP/2.0", (400, 505)),
    ],
)
def test_13_request_lines(attack: Attack, line: bytes, statuses: tuple[int, ...]) -> None:
    attack.refused(line + b"\r\nHost: a\r\n\r\n" + SMUGGLED, statuses)


def test_13_a_line_of_http_2_with_something_else_behind_it_gets_no_service(attack: Attack) -> None:
    """It is HTTP/2 by its first line, and no preface (RFC 9113 §3.4): the connection ends, and nothing is passed on."""
    with RawClient(attack.edge.port) as client:
        client.try_send(b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n" + SMUGGLED)
        assert b"HTTP/1" not in client.read_to_end()
    assert attack.origin.received == b""
    attack.good_clients_are_served()


def test_13_http_0_9_gets_no_service(attack: Attack) -> None:
    attack.refused(b"GET /a\r\n\r\n" + SMUGGLED)


def test_tls_spoken_to_a_plain_listener_is_refused(attack: Attack) -> None:
    attack.refused(bytes.fromhex("16030100c4010000c00303") + bytes(range(185)))
