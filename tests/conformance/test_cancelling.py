"""Who leaves when: half-closes, aborts, and answers that come before the request has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, always, build, get, message, wait_until
from harness.message import MessageError

if TYPE_CHECKING:
    from harness.recording import Conversation, ReceivedRequest

MIB = 1 << 20


def hang(conversation: Conversation, _: ReceivedRequest) -> None:
    """Waits for the end of the connection and never answers."""
    conversation.wait_closed(10)


def test_a_half_close_after_a_whole_request_is_no_abort(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        time.sleep(0.5)
        conversation.send(message(200, b"late"))

    origin.respond = respond
    for raw in (build("GET", "/a"), build("POST", "/a", body=b"x")):
        with RawClient(edge.port) as client:
            client.send(raw)
            client.finish_sending()
            assert client.read_response().body == b"late"
            assert client.is_closed()


def test_pipelined_requests_before_a_half_close_are_all_answered(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(b"".join(build("GET", f"/{number}") for number in range(5)))
        client.finish_sending()
        assert [client.read_response().status for _ in range(5)] == [200] * 5
        assert client.is_closed()


def test_an_aborted_request_is_cancelled_at_the_origin(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = hang
    with RawClient(edge.port) as client:
        client.send(build("GET", "/a"))
        wait_until(lambda: origin.requests, what="the request at the origin")
        client.reset()
    wait_until(origin.ended, 3, "the end of the request at the origin")
    record = edge.wait_record(reason="client_gone")
    assert (record["path"], record["status"]) == ("/a", 499)
    assert len(origin.requests) == 1, "an aborted request was sent again"


def test_an_abort_within_a_request_body(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", {"Content-Length": "1000"}) + b"x" * 500)
        wait_until(lambda: len(origin.received) > 500, what="half the body at the origin")
        client.reset()
    wait_until(origin.ended, 3, "the end of the request at the origin")
    assert origin.requests == []


def test_an_abort_within_an_answer(edge: Engine, origin: RecordingUpstream) -> None:
    ended = []

    def respond(conversation: Conversation, received: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(1000):
                conversation.send(b"1\r\nx\r\n")
                time.sleep(0.01)
        except OSError:
            ended.append(True)

    origin.respond = respond
    with RawClient(edge.port) as client:
        client.send(build("GET", "/a"))
        assert client.read_head().status == 200
        client.reset()
    wait_until(lambda: ended, 3, "the end of the answer at the origin")


def test_an_early_answer_while_the_body_is_still_being_sent(edge: Engine, origin: RecordingUpstream) -> None:
    """The origin says no after the head and reads no further. The client must get to see it, and no mix of two."""
    origin.early, origin.respond = True, lambda conversation, _: refuse(conversation)
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", {"Content-Length": str(50 * MIB)}))
        client.socket.settimeout(5)
        for _ in range(50):
            if not client.try_send(bytes(MIB)):
                break
        response = client.read_response()
        assert (response.status, response.body) == (413, b"too large")
    origin.forget()
    assert get(edge.port, "/good").body == b"ok"


def refuse(conversation: Conversation) -> None:
    conversation.send(message(413, b"too large", "Connection: close\r\n"))
    time.sleep(0.5)
    conversation.close()


def test_an_early_answer_to_a_request_that_then_ends(edge: Engine, origin: RecordingUpstream) -> None:
    """An honest origin answers at once and reads the rest: the answer must not wait, nor the body be lost."""
    origin.early, origin.respond = True, always(message(200, b"already"))
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", {"Content-Length": "10"}) + b"01234")
        assert client.read_response().body == b"already"
        client.try_send(b"56789")
        if not client.is_closed(1):
            origin.early, origin.respond = False, always(message(200, b"next"))
            assert client.exchange(build("GET", "/b")).body == b"next"


def test_a_first_byte_that_does_not_come(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = hang
    began = time.monotonic()
    assert get(edge.port, "/fast/a").status == 504
    assert 0.4 < time.monotonic() - began < 3
    wait_until(origin.ended, what="the end of the request at the origin")


def test_an_answer_that_stops(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        conversation.wait_closed(10)

    origin.respond = respond
    with RawClient(edge.port) as client:
        client.send(build("GET", "/fast/a"))
        began = time.monotonic()
        with pytest.raises(MessageError):
            client.read_response()
        assert 0.4 < time.monotonic() - began < 3
    wait_until(origin.ended, what="the end of the request at the origin")


def test_a_slow_answer_that_goes_on_is_no_timeout(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(message(200, b"hello")[:-5])
        conversation.dribble(b"hello", 0.3)

    origin.respond = respond
    assert get(edge.port, "/fast/a").body == b"hello"


def test_a_whole_answer_before_a_reset_arrives(edge: Engine, origin: RecordingUpstream) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(message(200, b"whole", "Connection: close\r\n"))
        time.sleep(0.1)
        conversation.reset()

    origin.respond = respond
    assert get(edge.port, "/a").body == b"whole"
