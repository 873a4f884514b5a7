"""Input 21 by HTTP/2: an upstream that lies, floods or hangs. Its own clients get an error; nobody else notices."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, build, get, wait_until
from harness.plan import http, plan, proxy, route, upstream
from harness.recording import Conversation, TcpServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Services

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
OFFERED = b"\0\x08\0\0\0\x01"
"""SETTINGS_ENABLE_CONNECT_PROTOCOL, which is 1."""
OK = b"\x88"
"""`:status: 200`, by its number in the static table."""


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A field that stands in no table, both texts shorter than 127 bytes."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def indexed(name: bytes, value: bytes) -> bytes:
    """The same, and it comes into the table."""
    return b"\x40" + bytes([len(name)]) + name + bytes([len(value)]) + value


class Lying(TcpServer):
    """Says SETTINGS, waits for a request, and then does what it is told with that stream."""

    keep = False

    def __init__(self) -> None:
        self.attack: Callable[[Conversation, int], None] = lambda conversation, stream: None
        super().__init__()

    def serve(self, conversation: Conversation) -> None:
        if conversation.reader.exactly(len(PREFACE)) != PREFACE:
            return
        conversation.send(frame(SETTINGS, 0, 0, OFFERED))
        while True:
            head = conversation.reader.exactly(9)
            conversation.reader.exactly(int.from_bytes(head[:3], "big"))
            if head[3] == SETTINGS and not head[4] & ACK:
                conversation.send(frame(SETTINGS, ACK))
            elif head[3] == HEADERS:
                self.attack(conversation, int.from_bytes(head[5:], "big"))


@pytest.fixture(scope="module")
def liar(services: Services) -> Lying:
    return services.keep(Lying())


@pytest.fixture(scope="module")
def edge(start: Runner, liar: Lying, services: Services) -> Engine:
    honest = services.recording()
    upstreams = [upstream("liar", liar.address, version="h2"), upstream("honest", honest.address)]
    times = {"connect_ms": 2000, "first_byte_ms": 5000, "idle_ms": 5000, "tunnel_ms": 5000}
    routes = [route("/*", proxy("liar", timeouts=times, retries=0)), route("/good", proxy("honest"))]
    document = plan(http(routes), upstreams)
    document["workers"] = 1
    return start.engine(document)


def good_clients_are_served(edge: Engine) -> None:
    assert get(edge.port, "/good").status == 200


def head(*fields: tuple[bytes, bytes], stream: int, end: bool = False) -> bytes:
    block = OK + b"".join(literal(*field) for field in fields)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)


BAD_ANSWERS: dict[str, Callable[[int], bytes]] = {
    "more-data-than-announced": lambda stream: (
        head((b"content-length", b"4"), stream=stream) + frame(DATA, END_STREAM, stream, b"longer")
    ),
    "no-data-of-what-was-announced": lambda stream: head((b"content-length", b"4"), stream=stream, end=True),
    "two-lengths": lambda stream: head((b"content-length", b"0"), (b"content-length", b"5"), stream=stream, end=True),
    "signed-length": lambda stream: head((b"content-length", b"+5"), stream=stream) + frame(DATA, 1, stream, b"hello"),
    "transfer-encoding": lambda stream: head((b"transfer-encoding", b"chunked"), stream=stream, end=True),
    "connection": lambda stream: head((b"connection", b"close"), stream=stream, end=True),
    "upper-case": lambda stream: head((b"X-Forged", b"1"), stream=stream, end=True),
    "return-in-value": lambda stream: head((b"x", b"a\r\nset-cookie: b"), stream=stream, end=True),
    "feed-in-value": lambda stream: head((b"x", b"a\nb"), stream=stream, end=True),
    "nul-in-value": lambda stream: head((b"x", b"a\0b"), stream=stream, end=True),
    "blank-in-name": lambda stream: head((b"x y", b"a"), stream=stream, end=True),
    "colon-in-name": lambda stream: head((b"x:y", b"a"), stream=stream, end=True),
    "no-status": lambda stream: frame(HEADERS, 5, stream, literal(b"x", b"y")),
    "bad-status": lambda stream: frame(HEADERS, 5, stream, literal(b":status", b"2000")),
    "two-statuses": lambda stream: frame(HEADERS, 5, stream, OK + OK),
    "status-after-fields": lambda stream: frame(HEADERS, 5, stream, literal(b"x", b"y") + OK),
    "101": lambda stream: frame(HEADERS, 5, stream, literal(b":status", b"101")),
    "endless-interim": lambda stream: frame(HEADERS, 4, stream, literal(b":status", b"103")) * 5000,
    "data-first": lambda stream: frame(DATA, 1, stream, b"hello"),
    "many-fields": lambda stream: head(*[(b"x", b"y")] * 150, stream=stream, end=True),
    "large-fields": lambda stream: (
        frame(HEADERS, 1, stream, OK + literal(b"x", b"y" * 100) * 130)
        + frame(CONTINUATION, 0, stream, literal(b"x", b"y" * 100) * 130)
        + frame(CONTINUATION, END_HEADERS, stream, literal(b"x", b"y" * 100) * 130)
    ),
    "large-frame": lambda stream: frame(DATA, 0, stream, bytes(20_000)),
    "push": lambda stream: frame(PUSH, END_HEADERS, stream, b"\0\0\0\x02\x82\x84\x86\x41\x01a"),
    "data-on-no-stream": lambda stream: frame(DATA, 0, 0, b"x"),
    "window-overflow": lambda stream: frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 2,
    "window-of-nothing": lambda stream: frame(WINDOW, 0, 0, bytes(4)),
    "bad-settings": lambda stream: frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),
    "short-settings": lambda stream: frame(SETTINGS, 0, 0, b"\0\4\xff"),
    "short-ping": lambda stream: frame(PING, 0, 0, b"1234"),
    "headers-within-headers": lambda stream: frame(HEADERS, 0, stream, OK) + frame(DATA, 1, stream, b"x"),
    "continuation-alone": lambda stream: frame(CONTINUATION, END_HEADERS, stream, OK),
    "unknown-index": lambda stream: frame(HEADERS, 5, stream, b"\xff\xff\xff\x7f"),
    "table-size": lambda stream: frame(HEADERS, 5, stream, b"\x3f\xe1\xff\xff\x0f" + OK),
    "goaway": lambda stream: frame(GOAWAY, 0, 0, struct.pack(">II", 0, 1) + b"debug" * 1000),
    "goaway-of-a-stream-to-come": lambda stream: (
        frame(GOAWAY, 0, 0, struct.pack(">II", 0x7FFFFFFF, 0))
        + frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0))
        + frame(GOAWAY, 0, 0, struct.pack(">II", 0x7FFFFFFF, 0))
    ),
    "http-1": lambda stream: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_21_bad_answers(edge: Engine, liar: Lying, name: str) -> None:
    liar.attack = lambda conversation, stream: conversation.send(BAD_ANSWERS[name](stream))
    with RawClient(edge.port, timeout=15) as client:
        client.send(build("POST", "/a", body=b"x"))
        response = client.read_response()
    assert response.status == 502, response
    assert b"hello" not in response.body and response.header("X-Forged") is None
    assert len(response.interim) < 100
    good_clients_are_served(edge)


SOCKET = build(
    "GET",
    "/socket",
    {
        "Connection": "upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
)
NO_SUCCESS = (
    "101",
    "no-status",
    "bad-status",
    "two-statuses",
    "status-after-fields",
    "http-1",
    "connection",
    "data-first",
)


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_21_bad_answers_to_a_websocket(edge: Engine, liar: Lying, name: str) -> None:
    liar.attack = lambda conversation, stream: conversation.send(BAD_ANSWERS[name](stream))
    with RawClient(edge.port, timeout=15) as client:
        client.send(SOCKET)
        response = client.read_head()
        while response.status not in (101, 502):
            response = client.read_head()
        assert response.header("X-Forged") is None
        if response.status == 101:
            # Of an answer that is none of success nothing may look so; what follows one is the client's own affair.
            assert name not in NO_SUCCESS
            assert response.headers("Sec-WebSocket-Accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
            assert response.header("Content-Length") is None
    good_clients_are_served(edge)


def flooding(name: str) -> Callable[[Conversation, int], None]:
    """A service that sends a flood for an answer."""

    def attack(conversation: Conversation, stream: int) -> None:
        for piece in FLOODS[name](stream):
            conversation.send(piece)

    return attack


@pytest.mark.parametrize("name", ["empty-data", "padding-only", "tiny-data", "beyond-the-window"])
def test_21_floods_in_a_websocket_take_no_memory(edge: Engine, liar: Lying, name: str) -> None:
    good_clients_are_served(edge)
    before = edge.memory()

    liar.attack = flooding(name)
    with RawClient(edge.port, timeout=20, receive_buffer=4096) as client:
        client.send(SOCKET)
        for _ in range(10):
            good_clients_are_served(edge)
            assert edge.memory() - before < 24 * MIB
    good_clients_are_served(edge)


BAD_BODIES: dict[str, Callable[[int], bytes]] = {
    "short": lambda stream: frame(DATA, END_STREAM, stream, b"hello"),
    "long": lambda stream: frame(DATA, END_STREAM, stream, b"hello hello hello"),
    "reset": lambda stream: frame(DATA, 0, stream, b"hello") + frame(RESET, 0, stream, b"\0\0\0\2"),
    "trailers-too-early": lambda stream: frame(DATA, 0, stream, b"hello") + head((b"x", b"y"), stream=stream, end=True),
    "trailers-without-an-end": lambda stream: (
        frame(DATA, 0, stream, b"hello") + frame(HEADERS, END_HEADERS, stream, literal(b"x", b"y"))
    ),
    "bad-padding": lambda stream: frame(DATA, 8, stream, b"\xffhello"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_21_bad_bodies_are_cut_short_and_never_look_whole(edge: Engine, liar: Lying, name: str) -> None:
    def attack(conversation: Conversation, stream: int) -> None:
        conversation.send(head((b"content-length", b"10"), stream=stream) + BAD_BODIES[name](stream))

    liar.attack = attack
    with RawClient(edge.port, timeout=15) as client:
        client.send(build("GET", f"/bodies/{name}"))
        seen = client.read_to_end()
    body = seen.partition(b"\r\n\r\n")[2]
    assert seen.startswith((b"HTTP/1.1 200", b"HTTP/1.1 502")), seen
    assert seen.startswith(b"HTTP/1.1 502") or len(body) < 10, seen
    good_clients_are_served(edge)


MIB = 1 << 20


def repeated(piece: bytes, total: int = 32 * MIB) -> bytes:
    return piece * (total // len(piece))


FLOODS: dict[str, Callable[[int], list[bytes]]] = {
    "settings": lambda stream: [repeated(frame(SETTINGS, 0, 0, b"\0\4\0\1\0\0"), 4 * MIB)],
    "settings-acknowledged": lambda stream: [repeated(frame(SETTINGS, ACK), 4 * MIB)],
    "pings": lambda stream: [repeated(frame(PING, 0, 0, bytes(8)), 4 * MIB)],
    "pongs": lambda stream: [repeated(frame(PING, ACK, 0, bytes(8)), 4 * MIB)],
    "priorities": lambda stream: [repeated(frame(PRIORITY, 0, stream, bytes(5)), 4 * MIB)],
    "windows": lambda stream: [repeated(frame(WINDOW, 0, stream, b"\0\0\0\1"), 4 * MIB)],
    "unknown-frames": lambda stream: [repeated(frame(0x42, 0, stream, bytes(100)), 8 * MIB)],
    "empty-data": lambda stream: [head(stream=stream), repeated(frame(DATA, 0, stream), 4 * MIB)],
    "padding-only": lambda stream: [head(stream=stream), repeated(frame(DATA, 8, stream, b"\x07" + bytes(7)), 4 * MIB)],
    "tiny-data": lambda stream: [head(stream=stream), repeated(frame(DATA, 0, stream, b"x"), 4 * MIB)],
    "beyond-the-window": lambda stream: [head(stream=stream), repeated(frame(DATA, 0, stream, bytes(16000)))],
    "continuations": lambda stream: [
        frame(HEADERS, 0, stream, OK),
        repeated(frame(CONTINUATION, 0, stream, literal(b"x", b"y" * 100) * 50)),
    ],
    "empty-continuations": lambda stream: [
        frame(HEADERS, 0, stream, OK),
        repeated(frame(CONTINUATION, 0, stream), 4 * MIB),
    ],
    "a-bomb-of-indexes": lambda stream: [
        frame(HEADERS, 0, stream, OK + indexed(b"x", b"y" * 120)),
        repeated(frame(CONTINUATION, 0, stream, b"\xbe" * 16000), 8 * MIB),
    ],
    "resets": lambda stream: [repeated(frame(RESET, 0, stream, b"\0\0\0\2"), 2 * MIB)],
    "goaways": lambda stream: [repeated(frame(GOAWAY, 0, 0, struct.pack(">II", stream, 0)), 4 * MIB)],
    "interims": lambda stream: [repeated(frame(HEADERS, 4, stream, literal(b":status", b"103")), 4 * MIB)],
}


@pytest.mark.parametrize("name", FLOODS)
def test_21_floods_take_no_memory_and_hold_nobody_up(edge: Engine, liar: Lying, name: str) -> None:
    good_clients_are_served(edge)
    before = edge.memory()

    liar.attack = flooding(name)
    # Reads slowly, so that what is not bounded would pile up.
    with RawClient(edge.port, timeout=20, receive_buffer=4096) as client:
        client.send(build("GET", f"/floods/{name}"))
        for _ in range(10):
            good_clients_are_served(edge)
            assert edge.memory() - before < 24 * MIB
    wait_until(lambda: all(each.finished.is_set() for each in liar.conversations[:-1]), 20, "the floods' end")
    good_clients_are_served(edge)


def test_21_what_belongs_to_requests_reaches_nobody(edge: Engine, liar: Lying) -> None:
    """The library passes it over, though the answer is malformed (RFC 9113 §8.3)."""
    block = OK + literal(b":path", b"/forged") + literal(b":authority", b"forged")
    liar.attack = lambda conversation, stream: conversation.send(frame(HEADERS, 5, stream, block))
    answer = get(edge.port, "/a")
    assert "forged" not in repr(answer)


def test_21_a_window_beyond_bounds_costs_its_own_request_only(edge: Engine, liar: Lying) -> None:
    liar.attack = lambda conversation, stream: conversation.send(frame(WINDOW, 0, stream, b"\x7f\xff\xff\xff"))
    assert get(edge.port, "/a", timeout=15).status in (502, 504)
    good_clients_are_served(edge)


def test_21_an_upstream_that_never_speaks_is_given_up(services: Services, launch: Runner) -> None:
    class Mute(TcpServer):
        def serve(self, conversation: Conversation) -> None:
            conversation.wait_closed(30)

    mute = services.keep(Mute())
    times = {"connect_ms": 300, "first_byte_ms": 5000, "idle_ms": 5000, "tunnel_ms": 5000}
    made = upstream("service", mute.address, version="h2")
    mine = launch.engine(plan(http([route("/*", proxy(timeouts=times))]), [made]))
    answers = [get(mine.port, "/", timeout=10) for _ in range(3)]
    assert [answer.status for answer in answers] == [504] * 3
    wait_until(lambda: mute.open_connections == 0, what="the end of what was never opened")


def test_21_a_bad_connection_does_not_spoil_the_next(edge: Engine, liar: Lying) -> None:
    liar.attack = lambda conversation, stream: conversation.send(frame(DATA, 0, 0, b"x"))
    assert get(edge.port, "/a").status == 502
    liar.attack = lambda conversation, stream: conversation.send(head(stream=stream, end=True))
    assert get(edge.port, "/a").status == 200
