"""Inputs 1–9, 14 and 15: bodies whose end two parsers could see in two places."""

from __future__ import annotations

import pytest

from attack.conftest import SMUGGLED, Attack
from harness import Engine, RawClient, RecordingUpstream, chunks
from harness.recording import OK

START = b"POST /a HTTP/1.1\r\nHost: a\r\n"


def post(fields: bytes, body: bytes = b"") -> bytes:
    return START + fields + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"content-length: 0\r\nTRANSFER-ENCODING: CHUNKED",
        b"Content-Length: 5\r\nX: y\r\nTransfer-Encoding: identity",
    ],
)
def test_01_both_lengths(attack: Attack, fields: bytes) -> None:
    attack.refused(post(fields, b"0\r\n\r\n" + SMUGGLED))


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 0\r\nContent-Length: 31",
        b"Content-Length: 31\r\nContent-Length: 0",
        b"Content-Length: 31\r\nX: y\r\nContent-Length: 31\r\nContent-Length: 0",
    ],
)
def test_02_two_lengths(attack: Attack, fields: bytes) -> None:
    attack.refused(post(fields, SMUGGLED))


def test_02_equal_lengths_are_refused_or_become_one(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        answer = client.exchange(post(b"Content-Length: 3\r\nContent-Length: 3", b"abc"))
        if answer.status == 400:
            assert origin.received == b""
            assert client.is_closed()
            return
    assert answer.status == 200
    assert [request.headers("Content-Length") for request in origin.requests] == [["3"]]
    assert origin.requests[0].body == b"abc"


@pytest.mark.parametrize("fields", [b"Content-Length: ", b"Content-Length:", b"content-length: \r\ncontent-length: 59"])
def test_03_empty_length(attack: Attack, fields: bytes) -> None:
    attack.refused(post(fields, SMUGGLED))


@pytest.mark.parametrize(
    "length",
    [
        b"+1_0", b"+1", b"0x10", b"010", b"1Z", b"-48", b"5,5", b"5, 5", b"1 0", b"1.0", b"\xb2",
        b"18446744073709551616", b"18446744073709551615", b"99999999999999999999999",
    ],
)  # fmt: skip
def test_04_forms_of_length(attack: Attack, length: bytes) -> None:
    attack.refused(post(b"Content-Length: " + length, SMUGGLED))


@pytest.mark.parametrize(
    "coding",
    [
        b",chunked", b"chunked,", b"xchunked", b"chunked, identity", b"identity, chunked", b"gzip, chunked",
        b"chunked, chunked", b"identity", b"", b'"chunked"', b"chunked;a=b", b"\x0bchunked", b"chunked\x0c",
        b"\xffchunked\xff", b"\xa0chunked", b"\x85chunked", b"chunked\r\nTransfer-Encoding: chunked",
        b"chunked\r\nTransfer-Encoding: identity", b"identity\r\nTransfer-Encoding: chunked", b"\r\n chunked",
    ],
)  # fmt: skip
def test_05_transfer_codings(attack: Attack, coding: bytes) -> None:
    attack.refused(post(b"Transfer-Encoding: " + coding, b"0\r\n\r\n" + SMUGGLED), (400, 501))


@pytest.mark.parametrize(
    "data",
    [
        b"POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        + SMUGGLED,
        b"POST /a HTTP/1.0\r\nHost: a\r\n\r\n" + SMUGGLED,
        b"POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + SMUGGLED,
    ],
)
def test_06_bodies_in_http_1_0(attack: Attack, data: bytes) -> None:
    attack.refused(data)


@pytest.mark.parametrize(
    "size",
    [
        b"0_2e", b"0x1", b"-0x0", b"+1", b" 0", b"0 ", b"\t1", b"1these-bytes-are-skipped", b"", b"ffffffffffffffff",
        b"10000000000000001", b"00000000000000000000000000000001", b"1.0", b"g", b";a=b", b"\xb2",
    ],
)  # fmt: skip
def test_07_chunk_sizes(attack: Attack, size: bytes) -> None:
    body = size + b"\r\nx\r\n0\r\n\r\n"
    attack.refused_in_body(post(b"Transfer-Encoding: chunked", body + SMUGGLED))


@pytest.mark.parametrize(
    "body",
    [
        b"2\r\r;a\r\nxx\r\n0\r\n\r\n",
        b"41;a=b\r\rXXXX\r\n0\r\n\r\n",
        b"2;a\nb\r\nxx\r\n0\r\n\r\n",
        b"2;a=\0\r\nxx\r\n0\r\n\r\n",
        b"2;" + b"a" * 20_000 + b"\r\nxx\r\n0\r\n\r\n",
        b"1;a\r\nx\r\n" * 20_000 + b"0\r\n\r\n",
    ],
    ids=["return", "two-returns", "feed", "nul", "long", "many"],
)
def test_08_chunk_extensions(attack: Attack, body: bytes) -> None:
    attack.refused_in_body(post(b"Transfer-Encoding: chunked", body + SMUGGLED))


@pytest.mark.parametrize(
    "body",
    [
        b"2\nxx\r\n0\r\n\r\n",
        b"2\r\nxx\n0\r\n\r\n",
        b"2\rXxx\r\n0\r\n\r\n",
        b"2\r\nxx\rX0\r\n\r\n",
        b"2\r\nxxXX0\r\n\r\n",
        b"2\r\nxx\r\n0\n\r\n",
        b"2\r\nxx\r\n0\r\n\n",
        b"2\r\nxx\r\n0\r\nX:POST\n\r\n",
        b"2\r\nxx\r\n0\r\nX\r\n\r\n",
        b"2\r\nxx\r\n0\r\nX: a\rb\r\n\r\n",
        b"2\r\nxx\r\n0\r\n X: folded\r\n\r\n",
        b"2\r\nxx\r\n0\r\nContent-Length : 3\r\n\r\n",
    ],
)
def test_09_chunk_terminators(attack: Attack, body: bytes) -> None:
    attack.refused_in_body(post(b"Transfer-Encoding: chunked", body + SMUGGLED))


def test_09_a_trailer_that_looks_like_a_request_stays_a_trailer(edge: Engine, origin: RecordingUpstream) -> None:
    body = b"2\r\nxx\r\n0\r\nX:POST /evil HTTP/1.1\r\n\r\n"
    with RawClient(edge.port) as client:
        assert client.exchange(post(b"Transfer-Encoding: chunked", body)).status == 200
    assert [(request.target, request.body) for request in origin.requests] == [("/a", b"xx")]


def test_14_a_request_inside_a_chunk_is_data(edge: Engine, origin: RecordingUpstream) -> None:
    inside = b"0\r\n\r\n" + SMUGGLED
    with RawClient(edge.port) as client:
        assert client.exchange(post(b"Transfer-Encoding: chunked", chunks([b"\r\n", inside, b"\r\n"]))).status == 200
        assert client.exchange(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert [(request.target, request.body) for request in origin.requests] == [
        ("/a", b"\r\n" + inside + b"\r\n"),
        ("/next", b""),
    ]
    assert origin.errors == []


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE", b"OPTIONS"])
@pytest.mark.parametrize("fields", [b"Content-Length: %d" % len(SMUGGLED), b"Transfer-Encoding: chunked"])
def test_15_a_body_of_get_goes_with_its_length_or_not_at_all(
    edge: Engine, origin: RecordingUpstream, method: bytes, fields: bytes
) -> None:
    if method == b"HEAD":
        origin.respond = lambda conversation, request: conversation.send(OK if request.method != "HEAD" else OK[:-2])
    body = SMUGGLED if fields.startswith(b"Content") else chunks([SMUGGLED])
    with RawClient(edge.port) as client:
        client.send(method + b" /a HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n\r\n" + body)
        answer = client.read_response(method.decode())
        if answer.status == 400:
            assert origin.received == b""
            assert client.is_closed()
            return
        assert answer.status == 200
        assert client.exchange(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert [(each.target, each.body) for each in origin.requests] == [("/a", SMUGGLED), ("/next", b"")]
    assert origin.errors == []
