"""WebSockets within streams of HTTP/2 (RFC 8441), against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from harness import Engine, Runner, wait_until
from harness.http2 import Http2Client
from harness.plan import http, plan, proxy, respond, route, upstream

from .test_websockets import WebSocketService

if TYPE_CHECKING:
    from collections.abc import Iterator

ENABLE_CONNECT_PROTOCOL = 8
VERSION = ("sec-websocket-version", "13")


@pytest.fixture(scope="module")
def service() -> Iterator[WebSocketService]:
    made = WebSocketService()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def edge(start: Runner, service: WebSocketService) -> Engine:
    routes = [
        route("/*", proxy()),
        route("/page", respond("a page")),
        route("/quiet/*", proxy(timeouts={"tunnel_ms": 500})),
    ]
    return start.engine(plan(http(routes), [upstream("service", f"127.0.0.1:{service.port}")]))


class WebSocket:
    """A client's side of a WebSocket on one stream: the frames by the `websockets` library, without its handshake."""

    def __init__(self, client: Http2Client, path: str = "/chat", *fields: tuple[str, str]):
        self.client = client
        self.stream = client.begin("CONNECT", path, [VERSION, *fields], end=False, protocol="websocket")
        self.answer = client.answers[self.stream]
        client.wait_for(lambda: self.answer.status or self.answer.over, "an answer")
        self.protocol = ClientProtocol(parse_uri("ws://a/"))
        self.protocol.state = self.protocol.state.OPEN
        self.protocol.parser = self.protocol.parse()
        next(self.protocol.parser)
        self.taken = 0

    def say(self, text: str) -> None:
        self.protocol.send_text(text.encode())
        self.flush()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            self.client.send(self.stream, data, end=not data)

    def hear(self) -> str:
        """The next text."""
        while True:
            for event in self.protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    return bytes(event.data).decode()
            self.client.wait_for(lambda: len(self.answer.body) > self.taken or self.answer.over, "a frame")
            assert len(self.answer.body) > self.taken, self.answer
            self.protocol.receive_data(self.answer.body[self.taken :])
            self.taken = len(self.answer.body)


def test_protocols_within_streams_are_offered(edge: Engine) -> None:
    with Http2Client(edge.port) as client:
        client.get("/page")
        assert client.h2.remote_settings[ENABLE_CONNECT_PROTOCOL] == 1


def test_texts_of_all_sizes_come_back(edge: Engine, service: WebSocketService) -> None:
    with Http2Client(edge.port) as client:
        socket = WebSocket(client, "/chat?room=1", ("sec-websocket-protocol", "chat"), ("origin", "http://a.example"))
        assert (socket.answer.status, socket.answer.header("sec-websocket-protocol")) == (200, "chat")
        assert socket.answer.header("sec-websocket-accept") is None
        for text in ("hello", "x" * 70_000, ""):
            socket.say(text)
            assert socket.hear() == text
        # Other requests go on beside it.
        assert client.get("/page").text == "a page"
    fields = {name.lower(): value for name, value in service.headers[-1].items()}
    assert fields["origin"] == "http://a.example"
    assert fields["upgrade"] == "websocket"


def test_closing_is_passed_on_both_ways_and_written_down(edge: Engine, service: WebSocketService) -> None:
    with Http2Client(edge.port) as client:
        socket = WebSocket(client, "/closing")
        socket.protocol.send_close(1000, "bye")
        socket.flush()
        client.wait_for(lambda: socket.answer.over, "the end")
        assert socket.answer.ended
    wait_until(lambda: service.closes and service.closes[-1] == (1000, "bye"))
    record = edge.wait_record(path="/closing")
    assert (record["protocol"], record["method"], record["status"]) == ("HTTP/2", "GET", 101)
    assert record["bytes_in"] > 0
    assert record["bytes_out"] > 0


def test_a_dropped_connection_ends_its_stream_alone(edge: Engine) -> None:
    with Http2Client(edge.port) as client:
        socket = WebSocket(client)
        socket.say("drop")
        client.wait_for(lambda: socket.answer.over, "the end")
        assert client.get("/page").status == 200


def test_a_quiet_one_ends(edge: Engine) -> None:
    with Http2Client(edge.port) as client:
        socket = WebSocket(client, "/quiet/")
        client.wait_for(lambda: socket.answer.over, "the end")
        assert socket.answer.reset is not None


def test_success_without_a_web_socket_and_other_protocols_are_refused(edge: Engine) -> None:
    with Http2Client(edge.port) as client:
        assert WebSocket(client, "/page").answer.status == 502
        stream = client.begin("CONNECT", "/chat", end=False, protocol="connect-udp")
        client.wait_for(lambda: client.answers[stream].status, "an answer")
        assert client.answers[stream].status == 501
