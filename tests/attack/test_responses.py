"""Input 21: an upstream that lies. The client gets 502 or a connection cut short, never a forged answer."""

from __future__ import annotations

import pytest

from attack.conftest import SMUGGLED, Attack
from harness import Engine, RawClient, RecordingUpstream, always, build, get, wait_until
from harness.message import MessageError
from harness.recording import Conversation, ReceivedRequest

START = b"HTTP/1.1 200 OK\r\n"
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Forged: 1\r\n\r\nforged"

BAD_HEADS = {
    "two-lengths": START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two-equal-lengths": START + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "list-of-lengths": START + b"Content-Length: 5,5\r\n\r\nhello",
    "signed-length": START + b"Content-Length: +5\r\n\r\nhello",
    "octal-length": START + b"Content-Length: 05\r\n\r\nhello",
    "both": START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "other-coding": START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two-codings": START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding-in-1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare-feeds": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "folded": START + b"X: 1\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
    "blank-before-colon": START + b"Content-Length : 5\r\n\r\nhello",
    "no-colon": START + b"X\r\nContent-Length: 5\r\n\r\nhello",
    "return-in-value": START + b"X: a\rSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello",
    "nul-in-value": START + b"X: a\0b\r\nContent-Length: 5\r\n\r\nhello",
    "return-in-phrase": b"HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello",
    "two-digits": b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello",
    "four-digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello",
    "below-100": b"HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello",
    "http-2": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "html": b"<html><body>It works</body></html>\r\n\r\n",
    "empty-line-first": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "long-field": START + b"X: " + b"x" * 40_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    "many-fields": START + b"X: y\r\n" * 51 + b"Content-Length: 5\r\n\r\nhello",
    "endless-interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10_000,
    "close-before-head": b"HTTP/1.1 200 OK\r\nContent-",
}


@pytest.mark.parametrize("answer", BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_21_bad_heads(edge: Engine, origin: RecordingUpstream, answer: bytes) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        try:
            conversation.send(answer)
        finally:
            if answer is BAD_HEADS["close-before-head"]:
                conversation.close()

    origin.respond = respond
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", body=b"x"))
        response = client.read_response()
        assert response.status == 502
        assert b"hello" not in response.body
        assert response.header("X-Forged") is None
        assert len(response.interim) < 100
    assert [request.target for request in origin.requests] == ["/a"], "a POST was sent again"
    wait_until(origin.ended, what="the end of the bad connection")
    Attack(edge, origin).good_clients_are_served()


BAD_BODIES = {
    "short": START + b"Content-Length: 10\r\n\r\nhello",
    "no-last-chunk": START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "within-a-chunk": START + b"Transfer-Encoding: chunked\r\n\r\na\r\nhello",
    "bad-size": START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "bad-chunk-end": START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    "bad-trailer": START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX : 1\r\n\r\n",
    "huge-trailer": START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_21_bad_bodies_are_cut_short_and_never_look_whole(
    edge: Engine, origin: RecordingUpstream, answer: bytes
) -> None:
    origin.respond = always(answer, close=True)
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", body=b"x"))
        try:
            response = client.read_response()
        except MessageError:
            pass
        else:
            assert response.status == 502, f"a broken answer looks whole: {response}"
    wait_until(origin.ended, what="the end of the bad connection")
    Attack(edge, origin).good_clients_are_served()


@pytest.mark.parametrize(
    "answer",
    [
        START + b"Content-Length: 5\r\n\r\nhello" + FORGED,
        START + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + FORGED,
        b"HTTP/1.1 204 No Content\r\n\r\n" + FORGED,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" + FORGED,
    ],
    ids=["length", "chunked", "204", "304"],
)
def test_21_bytes_behind_an_answer_are_nobodys_answer(edge: Engine, origin: RecordingUpstream, answer: bytes) -> None:
    origin.respond = always(answer)
    with RawClient(edge.port) as client:
        first = client.exchange(build("GET", "/a"))
        assert first.status in (200, 204, 304)
        origin.respond = always(START + b"Content-Length: 4\r\n\r\ngood")
        second = client.exchange(build("GET", "/b"))
    assert (second.body, second.header("X-Forged")) == (b"good", None)
    assert get(edge.port, "/c").body == b"good"
    assert next(request.connection for request in origin.requests) not in [
        request.connection for request in origin.requests[1:]
    ]


def test_21_bytes_that_come_before_any_request_are_nobodys_answer(edge: Engine, origin: RecordingUpstream) -> None:
    """The origin sends an answer on an idle connection: the pool must notice, not hand it to the next client."""
    assert get(edge.port, "/a").body == b"ok"
    with origin.lock:
        idle = [each for each in origin.conversations if not each.finished.is_set()]
    for conversation in idle:
        conversation.send(FORGED)
    answers = [get(edge.port, f"/{number}") for number in range(8)]
    assert [answer.body for answer in answers] == [b"ok"] * 8


def test_21_a_length_with_head_is_not_awaited(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(START + b"Content-Length: 1000\r\n\r\n")
    with RawClient(edge.port) as client:
        for _ in range(2):
            answer = client.exchange(b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (answer.status, answer.header("Content-Length")) == (200, "1000")


def test_21_a_request_in_a_request_body_stays_there_when_the_origin_fails(
    edge: Engine, origin: RecordingUpstream
) -> None:
    origin.respond = always(b"garbage\r\n\r\n")
    body = SMUGGLED
    with RawClient(edge.port) as client:
        assert client.exchange(build("POST", "/a", body=body)).status == 502
        try:
            assert client.exchange(build("GET", "/own/b")).body == b"own"
        except (MessageError, ConnectionError):
            assert client.is_closed()
    assert [request.target for request in origin.requests] == ["/a"]
