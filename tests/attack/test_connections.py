"""Inputs 16–19: bytes that follow a message whose end of the conversation is disputed."""

from __future__ import annotations

import contextlib

import pytest

from attack.conftest import SMUGGLED, Attack, read_all
from harness import Engine, RawClient, RecordingUpstream, always
from harness.recording import Conversation, ReceivedRequest

UPGRADE = b"GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"


def test_16_a_request_behind_a_refused_upgrade_is_a_request_of_its_own(edge: Engine, origin: RecordingUpstream) -> None:
    """Policed: it is routed and normalised like any other, never passed on as the bytes it was."""
    with RawClient(edge.port) as client:
        client.send(UPGRADE + b"GET /own/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
    assert answers[0].body == b"ok"
    assert [answer.body for answer in answers[1:]] in ([], [b"own"])
    assert [request.target for request in origin.requests] == ["/a"]
    assert b"/own" not in origin.received


def test_16_bytes_behind_an_upgrade_wait_for_the_101(edge: Engine, origin: RecordingUpstream) -> None:
    seen: list[bytes] = []

    def refuse_late(conversation: Conversation, request: ReceivedRequest) -> None:
        conversation.socket.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            conversation.reader.fill()
        conversation.socket.settimeout(None)
        seen.append(bytes(conversation.reader.buffer))
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    origin.respond = refuse_late
    with RawClient(edge.port) as client:
        client.send(UPGRADE + b"GET /own/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read_all(client)[0].status == 200
    assert seen[0] == b"", "bytes went to the origin as a tunnel's before it had agreed to one"


def test_16_a_101_nobody_asked_for_is_a_bad_answer(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n")
    with RawClient(edge.port) as client:
        answer = client.exchange(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.status == 502


@pytest.mark.parametrize("target", [b"a.example:443", b"127.0.0.1:22", b"[::1]:443", b"a.example"])
def test_17_connect_is_refused_and_its_payload_never_read(attack: Attack, target: bytes) -> None:
    head = b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n"
    answer = attack.refused(head + SMUGGLED, (400, 405, 501))
    assert not 200 <= answer.status < 300


@pytest.mark.parametrize(
    "head",
    [
        b"POST /own/x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED),
        b"POST /own/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SMUGGLED),
    ],
    ids=["length", "chunked"],
)
def test_18_a_body_that_nobody_needs_is_not_the_next_request(
    edge: Engine, origin: RecordingUpstream, head: bytes
) -> None:
    """glorieta answers by itself before the body has come; then the body comes."""
    with RawClient(edge.port) as client:
        client.send(head)
        first = client.read_response()
        assert first.status == 200
        assert first.body == b"own"
        client.try_send(SMUGGLED + (b"\r\n0\r\n\r\n" if b"chunked" in head else b""))
        client.try_send(b"GET /own/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
    assert [answer.status for answer in answers] in ([], [200])
    assert origin.received == b"", "the body was read as a request"


def test_18_a_refused_path_with_an_unsent_body(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(b"POST /%%00 HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED))
        assert client.read_response().status == 400
        client.try_send(SMUGGLED)
        client.try_send(b"GET /own/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
    assert [answer.body for answer in answers] in ([], [b"own"])
    assert origin.received == b""


@pytest.mark.parametrize("sent_at_once", [True, False])
def test_19_an_early_answer_to_an_expectation_does_not_desync(
    edge: Engine, origin: RecordingUpstream, sent_at_once: bool
) -> None:
    """The origin answers without reading the body (0.CL): what the client then sends is no request."""
    origin.early = True
    origin.respond = always(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)
    with RawClient(edge.port) as client:
        client.send(head + (SMUGGLED if sent_at_once else b""))
        assert client.read_response().status == 401
        client.try_send(b"" if sent_at_once else SMUGGLED)
        client.try_send(b"GET /own/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
    assert [answer.body for answer in answers] in ([], [b"own"])
    assert [request.target for request in origin.requests] == ["/a"]
    Attack(edge, origin).good_clients_are_served()


@pytest.mark.parametrize("value", [b"100-continue, x", b"x", b"100-continue;a=b", b"y 100-continue"])
def test_19_other_expectations_are_refused(attack: Attack, value: bytes) -> None:
    body = b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: " + value + b"\r\nContent-Length: 31\r\n\r\n" + SMUGGLED
    attack.refused(body, (400, 417))
