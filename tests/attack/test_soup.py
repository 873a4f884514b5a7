"""Random mixtures of good and bad pieces: what reaches the other side is well-formed, whatever came in.

The seeds are fixed, so a failure can be repeated; each round's bytes are in the assertion's message.
"""

from __future__ import annotations

import contextlib
import random

import pytest

from harness import Engine, RawClient, RecordingUpstream, get, wait_until
from harness.message import EndOfStream
from harness.recording import Conversation, ReceivedRequest

ROUNDS = 250
LINES = [
    b"GET /a HTTP/1.1", b"POST /b HTTP/1.1", b"PUT /c?d HTTP/1.0", b"HEAD /own/x HTTP/1.1", b"OPTIONS * HTTP/1.1",
    b"GET http://a/ HTTP/1.1", b"GET  /a HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET /a",
]  # fmt: skip
FIELDS = [
    b"Host: a", b"Host: b", b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: 5, 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding:\tchunked", b"X: y",
    b"Transfer-Encoding : chunked", b"Connection: close", b"Connection: X, Content-Length", b"Expect: 100-continue",
    b"Upgrade: foo", b"Connection: upgrade", b" folded: yes", b"X: \x00", b": x", b"TE: trailers", b"Trailer: X",
]  # fmt: skip
BODIES = [
    b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", b"5\nhello\n0\n\n", b"\r\n",
    b"5;x=y\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
]  # fmt: skip
STATUS_LINES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 x", b"HTTP/1.1 100 Continue",
    b"HTTP/1.1 103 Hints", b"HTTP/1.1 101 Switching", b"HTTP/1.1 99 x", b"HTTP/1.1 200", b"HTTP/2 200 OK", b"garbage",
]  # fmt: skip
ENDS = [b"\r\n"] * 30 + [b"\n", b"\r", b"\r\r\n", b""]


def soup(chance: random.Random, lines: list[bytes]) -> bytes:
    """One message, more or less."""
    data = chance.choice(lines) + chance.choice(ENDS)
    if chance.random() < 0.8 and lines is LINES:
        data += b"Host: a\r\n"
    for _ in range(chance.randrange(4)):
        data += chance.choice(FIELDS) + chance.choice(ENDS)
    data += b"\r\n" + chance.choice(BODIES)
    if chance.random() < 0.1:
        place = chance.randrange(len(data))
        data = data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
    return data


@pytest.mark.parametrize("seed", range(8))
def test_requests(edge: Engine, origin: RecordingUpstream, seed: int) -> None:
    """The origin's strict reader refuses nothing that it is sent, and sees no request that got no answer."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        data = b"".join(soup(chance, LINES) for _ in range(chance.randrange(1, 4)))
        with RawClient(edge.port, timeout=0.05) as client:
            client.try_send(data)
            with contextlib.suppress(OSError):
                client.finish_sending()
            answers = []
            with contextlib.suppress(TimeoutError, EndOfStream):
                # HEAD's answers have lengths without bodies, so only the first head is read strictly.
                answers.append(client.read_head())
            assert not answers or 100 <= answers[0].status < 600
        assert origin.errors == [], data
    assert {request.method for request in origin.requests} >= {"GET", "POST"}
    origin.forget()
    assert get(edge.port, "/good").status == 200


@pytest.mark.parametrize("seed", range(8))
def test_responses(edge: Engine, origin: RecordingUpstream, seed: int) -> None:
    """The client gets one answer that can be read strictly, or one that is cut short; never two."""
    chance = random.Random(seed)
    finals = 0
    for _ in range(ROUNDS):
        data = b"".join(soup(chance, STATUS_LINES) for _ in range(chance.randrange(1, 4)))

        def respond(conversation: Conversation, _: ReceivedRequest, data: bytes = data) -> None:
            conversation.send(data)
            conversation.close()

        origin.respond = respond
        with RawClient(edge.port) as client:
            client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            try:
                answer = client.read_response("POST")
            except EndOfStream:
                continue
            assert answer.status >= 200, data
            assert client.reader.buffer == b"", data
            assert client.read_to_end() == b"", data
            finals += answer.status < 500
    assert finals > ROUNDS / 10
    origin.forget()
    wait_until(lambda: get(edge.port, "/good").body == b"ok", what="good service after all that")
