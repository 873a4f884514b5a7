"""`Upgrade` (RFC 9110 §7.8): two connections become one, once the origin agrees."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, always, build, message, wait_until

if TYPE_CHECKING:
    from harness.recording import Conversation, ReceivedRequest

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo/1\r\nConnection: Upgrade\r\nX-Extra: 1\r\n\r\n"


def upgrade(path: str = "/a", protocol: str = "foo/1") -> bytes:
    return build("GET", path, {"Upgrade": protocol, "Connection": "Upgrade"})


def echo(conversation: Conversation, _: ReceivedRequest) -> None:
    """Agrees, then sends back what comes, and a farewell when the client's direction has ended."""
    conversation.send(SWITCHING)
    if conversation.reader.buffer:
        conversation.send(bytes(conversation.reader.buffer))
        conversation.reader.buffer.clear()
    while piece := conversation.socket.recv(65536):
        conversation.send(piece)
    conversation.send(b"bye")
    conversation.close()


def test_a_tunnel_both_ways(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = echo
    with RawClient(edge.port) as client:
        response = client.exchange(upgrade())
        assert (response.status, response.header("Upgrade"), response.header("X-Extra")) == (101, "foo/1", "1")
        assert [token.strip().lower() for token in (response.header("Connection") or "").split(",")] == ["upgrade"]
        assert response.header("Content-Length") is response.header("Transfer-Encoding") is None
        for size in (1, 1000, 100_000):
            client.send(b"x" * size)
            assert client.reader.exactly(size) == b"x" * size
        client.finish_sending()
        assert client.read_to_end() == b"bye"
    [request] = origin.requests
    assert (request.header("Upgrade"), request.header("Connection")) == ("foo/1", "upgrade")


def test_bytes_sent_at_once_belong_to_the_tunnel(edge: Engine, origin: RecordingUpstream) -> None:
    """The client writes before it has the 101, and the origin together with it."""

    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(SWITCHING + b"first")
        while len(conversation.reader.buffer) < 5 and conversation.reader.fill():
            pass
        conversation.send(bytes(conversation.reader.buffer))
        conversation.close()

    origin.respond = respond
    with RawClient(edge.port) as client:
        client.send(upgrade() + b"early")
        assert client.read_response().status == 101
        assert client.read_to_end() == b"firstearly"


def test_a_refused_upgrade_is_an_ordinary_answer(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(message(426, b"no", "Upgrade: bar\r\nConnection: Upgrade\r\n"))
    with RawClient(edge.port) as client:
        response = client.exchange(upgrade())
        assert (response.status, response.body) == (426, b"no")
        origin.respond = always(message(200, b"next"))
        if not response.closes:
            assert client.exchange(build("GET", "/b")).body == b"next"


@pytest.mark.parametrize(
    "fields", [{"Upgrade": "foo"}, {"Connection": "Upgrade"}, {"Upgrade": "foo", "Connection": "close"}], ids=str
)
def test_half_an_upgrade_is_none(edge: Engine, origin: RecordingUpstream, fields: dict[str, str]) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build("GET", "/a", fields)).body == b"ok"
    assert origin.requests[0].headers("Upgrade") == []
    assert "pgrade" not in str(origin.requests[0].headers("Connection"))


def test_http_1_0_cannot_upgrade(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        raw = b"GET /a HTTP/1.0\r\nHost: a\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"
        assert client.exchange(raw).body == b"ok"
    assert origin.requests[0].headers("Upgrade") == []


@pytest.mark.parametrize("who", ["client", "origin"])
def test_a_close_is_passed_on(edge: Engine, origin: RecordingUpstream, who: str) -> None:
    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(SWITCHING)
        if who == "origin":
            conversation.close()
        else:
            conversation.wait_closed()

    origin.respond = respond
    with RawClient(edge.port) as client:
        assert client.exchange(upgrade()).status == 101
        if who == "origin":
            assert client.is_closed()
    wait_until(origin.ended, what="the end of the origin's side")


def test_a_reset_is_passed_on_as_a_reset(edge: Engine, origin: RecordingUpstream) -> None:
    """A stream that broke off must not look complete."""

    def respond(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(SWITCHING + b"partial")
        time.sleep(0.2)
        conversation.reset()

    origin.respond = respond
    with RawClient(edge.port) as client:
        assert client.exchange(upgrade()).status == 101
        with pytest.raises(ConnectionResetError):
            while client.socket.recv(1000):
                pass


def test_an_idle_tunnel_ends(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = echo
    with RawClient(edge.port) as client:
        assert client.exchange(upgrade("/tunnel/a")).status == 101
        for _ in range(4):
            time.sleep(0.4)
            client.send(b"x")
            assert client.reader.exactly(1) == b"x"
        began = time.monotonic()
        client.read_to_end()
        assert 0.5 < time.monotonic() - began < 3
    wait_until(origin.ended, what="the end of the origin's side")


def test_a_slow_reader_holds_the_sender_back(edge: Engine, origin: RecordingUpstream) -> None:
    sent = []

    def respond(conversation: Conversation, received: ReceivedRequest) -> None:
        conversation.send(SWITCHING)
        conversation.socket.settimeout(1)
        try:
            for _ in range(1024):
                conversation.send(bytes(65536))
                sent.append(65536)
        except TimeoutError:
            conversation.reset()

    origin.respond = respond
    before = edge.memory()
    with RawClient(edge.port, receive_buffer=4096) as client:
        assert client.exchange(upgrade()).status == 101
        wait_until(origin.ended, what="the sender's giving up")
        assert sum(sent) < 32 << 20
        assert edge.memory() - before < 8 << 20


def test_tunnels_are_counted(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = echo
    with RawClient(edge.port) as client:
        assert client.exchange(upgrade()).status == 101
        client.send(b"hello")
        assert client.reader.exactly(5) == b"hello"
        client.socket.shutdown(socket.SHUT_WR)
        client.read_to_end()
    record = edge.wait_record(status=101, bytes_in=5, bytes_out=8)
    assert record["path"] == "/a"
