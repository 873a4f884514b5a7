"""Inputs 23–28: HTTP/2. Heads that HTTP/1.1 would read differently, and floods; healthy clients notice nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import hpack
import pytest

from harness import Engine, RecordingUpstream, Runner, wait_until
from harness.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    FrameClient,
    Http2Client,
    frame,
    head,
)
from harness.plan import http, plan, proxy, respond, route, upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Conversation, ReceivedRequest, Services

MIB = 1 << 20
REFUSED = (400, "reset", "closed")
SMALL_WINDOW = {4: 1}


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream, large: RecordingUpstream) -> Engine:
    routes = [route("/*", proxy()), route("/own", respond("own")), route("/large", proxy("large"))]
    listener = http(routes, timeouts={"write_ms": 1000, "head_ms": 1000}, limits={"connections": 2000})
    services = [upstream("service", origin.address), upstream("large", large.address)]
    return start.engine(plan(listener, services))


@pytest.fixture(scope="module")
def large(services: Services) -> RecordingUpstream:
    """Answers with a megabyte."""

    def respond_large(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))

    return services.keep(RecordingUpstream(respond_large))


class Watch:
    """A healthy client beside an attack: the longest that it waited, and the most memory meanwhile."""

    def __init__(self, edge: Engine):
        self.edge = edge
        self.slowest = 0.0
        self.before = edge.memory()
        self.largest = self.before
        self.over = threading.Event()
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        try:
            with Http2Client(self.edge.port) as client:
                while not self.over.is_set():
                    began = time.monotonic()
                    assert client.get("/own").status == 200
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.largest = max(self.largest, self.edge.memory())
                    time.sleep(0.02)
        except Exception as failure:
            self.failure = failure

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.over.set()
        self.thread.join(20)
        if kind is None:
            assert self.failure is None, self.failure
            assert self.slowest < 2.0
            assert self.largest - self.before < 48 * MIB, f"{(self.largest - self.before) / MIB:.1f} MiB"


@pytest.fixture
def healthy(edge: Engine) -> Iterator[Watch]:
    with Watch(edge) as watch:
        yield watch


def flood(edge: Engine, make: Callable[[int], bytes], begin: bytes = b"", times: int = 2000) -> int | str | None:
    """Sends until it is sent away: the code of GOAWAY, if it could be read; `stays` if it was not sent away."""
    with FrameClient(edge.port) as client:
        client.send(begin)
        ended: list[int | None] = []
        reader = threading.Thread(target=lambda: ended.append(client.ends_with()), daemon=True)
        reader.start()
        for number in range(times):
            if not client.try_send(make(number)):
                break
        else:
            reader.join(3)
            if reader.is_alive():
                return "stays"
        reader.join(10)
        return ended[0] if ended else None


def sent_away(edge: Engine, reason: str, outcome: int | str | None) -> None:
    """It was told to be calm, if it still listened; and the log says so."""
    assert outcome in (ENHANCE_YOUR_CALM, None), outcome
    record = edge.wait_record(reason=reason)
    assert record["protocol"] == "HTTP/2"
    edge.log_file.write_text("")


BAD_HEADS = {
    "space in path": head("/a b"),
    "line break in path": head("/a\r\nX: y"),
    "no path": [each for each in head() if each[0] != ":path"],
    "empty path": head(""),
    "relative path": head("a"),
    "method with a question mark": head(method="GET?"),
    "method with a blank": head(method="GET / HTTP/1.1"),
    "scheme that is a URL": [
        (":method", "GET"),
        (":scheme", "http://localhost/?"),
        (":authority", "a"),
        (":path", "/"),
    ],
    "authority with a path": head(authority="a/b"),
    "authority with a user": head(authority="user@a"),
    "authority with a blank": head(authority="a b"),
    "authority that is not host": head("/", ("host", "b")),
    "two hosts": head("/", ("host", "a"), ("host", "a")),
    "line break in a value": head("/", ("x", "a\r\nsmuggled: b")),
    "carriage return in a value": head("/", ("x", "a\rb")),
    "line feed in a value": head("/", ("x", "a\nb")),
    "zero in a value": head("/", ("x", "a\0b")),
    "blank before a value": head("/", ("x", " a")),
    "blank behind a value": head("/", ("x", "a\t")),
    "upper-case name": head("/", ("X-Upper", "a")),
    "empty name": head("/", ("", "a")),
    "name with a colon": head("/", ("x:y", "a")),
    "name with a blank": head("/", ("x y", "a")),
    "name with a line break": head("/", ("x\r\ny", "a")),
    "transfer-encoding": head("/", ("transfer-encoding", "chunked")),
    "connection": head("/", ("connection", "close")),
    "keep-alive": head("/", ("keep-alive", "timeout=5")),
    "upgrade": head("/", ("upgrade", "h2c")),
    "te": head("/", ("te", "gzip")),
    "pseudo-header behind a field": [*head()[:3], ("x", "y"), head()[3]],
    "unknown pseudo-header": [*head(), (":secret", "y")],
    "pseudo-header twice": [*head(), (":path", "/other")],
    "status in a request": [*head(), (":status", "200")],
    "protocol without CONNECT": [*head(), (":protocol", "websocket")],
    "length that is none": head("/", ("content-length", "+0")),
    "two lengths": head("/", ("content-length", "0"), ("content-length", "1")),
}


@pytest.mark.parametrize("fields", BAD_HEADS.values(), ids=BAD_HEADS)
def test_23_heads_that_http_1_would_read_differently(
    edge: Engine, origin: RecordingUpstream, fields: list[tuple[str, str]]
) -> None:
    with FrameClient(edge.port) as client:
        client.send(client.headers(1, fields))
        assert client.outcome(1) in REFUSED
    assert origin.received == b""


@pytest.mark.parametrize("sent", [b"", b"abc", b"abcdef"], ids=["nothing", "less", "more"])
def test_23_a_length_that_is_not_the_bodys(edge: Engine, origin: RecordingUpstream, sent: bytes) -> None:
    fields = head("/own", ("content-length", "5"), method="POST")
    with FrameClient(edge.port) as client:
        client.send(client.headers(1, fields, END_HEADERS) + frame(DATA, END_STREAM, 1, sent))
        assert client.outcome(1) in REFUSED
    assert origin.received == b""


def test_23_a_body_that_speaks_http_1_stays_a_body(edge: Engine, origin: RecordingUpstream) -> None:
    smuggled = b"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
    with Http2Client(edge.port) as client:
        assert client.request("POST", "/", body=smuggled).status == 200
    assert [(each.target, each.body) for each in origin.requests] == [("/", smuggled)]


def test_23_plain_connect_is_refused(edge: Engine, origin: RecordingUpstream) -> None:
    with FrameClient(edge.port) as client:
        client.send(client.headers(1, [(":method", "CONNECT"), (":authority", "a:443")], END_HEADERS))
        assert client.outcome(1) == 405
    assert origin.received == b""


def test_24_rapid_reset(edge: Engine, healthy: Watch) -> None:
    """CVE-2023-44487: streams that are opened and reset, each with its own write."""
    cancel = (8).to_bytes(4)

    def pair(number: int) -> bytes:
        stream = 2 * number + 1
        opened = frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST)
        return opened + frame(RST_STREAM, 0, stream, cancel)

    sent_away(edge, "flood", flood(edge, pair, times=10_000))


REQUEST = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*each) for each in head("/slow")], huffman=False)


def test_24_resets_that_come_later(edge: Engine, healthy: Watch) -> None:
    """Where each request has begun before it is reset: what counts is how many a second."""
    cancel = (8).to_bytes(4)

    def half(number: int) -> bytes:
        stream = 2 * (number // 2) + 1
        if number % 2 == 0:
            return frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST)
        return frame(RST_STREAM, 0, stream, cancel)

    sent_away(edge, "flood", flood(edge, half, times=20_000))


MADE = {
    "window of nothing": lambda stream: frame(WINDOW_UPDATE, 0, stream, bytes(4)),
    "window too large": lambda stream: frame(WINDOW_UPDATE, 0, stream, (0x7FFFFFFF).to_bytes(4)),
    "data behind the end": lambda stream: frame(DATA, 0, stream, b"x"),
    "priority of itself": lambda stream: frame(PRIORITY, 0, stream, stream.to_bytes(4) + b"\x10"),
    "head behind the end": lambda stream: frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST),
}


@pytest.mark.parametrize("provoke", MADE.values(), ids=MADE)
def test_25_made_you_reset(edge: Engine, healthy: Watch, provoke: Callable[[int], bytes]) -> None:
    """CVE-2025-8671: the server is made to reset streams whose requests go on behind them."""

    def both(number: int) -> bytes:
        stream = 2 * number + 1
        return frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST) + provoke(stream)

    outcome = flood(edge, both, times=10_000)
    assert outcome != "stays"
    wait_until(lambda: any(each.get("reason") in ("flood", "protocol_broken") for each in edge.records()))
    edge.log_file.write_text("")


@pytest.mark.parametrize("size", [0, 16384], ids=["empty", "full"])
def test_26_continuation_flood(edge: Engine, healthy: Watch, size: int) -> None:
    """CVE-2024-27316 and its kin: a head that never ends."""
    # A field that is never indexed, whose value goes on and on.
    begin = frame(HEADERS, END_STREAM, 1, b"\x82\x86\x84\x10\x01x\x7f\xff\xff\xff\x7f")
    outcome = flood(edge, lambda _: frame(CONTINUATION, 0, 1, bytes(size)), begin, times=5000)
    assert outcome != "stays"
    wait_until(lambda: any(each.get("reason") in ("flood", "protocol_broken") for each in edge.records()))
    edge.log_file.write_text("")


def test_26_a_head_that_stops_in_the_middle(edge: Engine, healthy: Watch) -> None:
    with FrameClient(edge.port) as client:
        client.read_until(lambda got: got.kind == SETTINGS and not got.flags & ACK)
        client.send(client.headers(1, head("/slow")))
        client.send(frame(HEADERS, END_STREAM, 3, REQUEST))
        assert client.ends_with() == ENHANCE_YOUR_CALM
    edge.wait_record(reason="head_timeout", protocol="HTTP/2")
    edge.log_file.write_text("")


def test_27_hpack_bomb(edge: Engine, healthy: Watch) -> None:
    """One field of 4 KB in the table, referred to by one byte each time."""
    field = b"\x40\x01x\x7f\x81\x1f" + b"y" * 4000
    bomb = b"\xbe" * 16_000
    with FrameClient(edge.port) as client:
        for stream in range(1, 200, 2):
            block = REQUEST + (field if stream == 1 else b"")
            opened = frame(HEADERS, END_STREAM, stream, block) + frame(CONTINUATION, END_HEADERS, stream, bomb)
            if not client.try_send(opened):
                break
        got = client.read_until(lambda got: got.kind in (HEADERS, RST_STREAM, GOAWAY))
        assert got is None or got.kind != HEADERS or b"431" in b"".join(values(client, got.payload))


def values(client: FrameClient, block: bytes) -> list[bytes]:
    return [value.encode() if isinstance(value, str) else bytes(value) for _, value in client.decoder.decode(block)]


def test_27_heads_that_are_pinned_by_windows_of_nothing(edge: Engine, healthy: Watch) -> None:
    """Requests with the largest heads whose answers may not be sent: bounded by streams, and not for ever."""
    clients = [FrameClient(edge.port, settings={4: 0}) for _ in range(4)]
    fields = head("/large", *((f"x-{number}", "y" * 1000) for number in range(25)))
    for client in clients:
        for stream in range(1, 2 * 128 + 1, 2):
            block = client.block(fields)
            client.send(frame(HEADERS, END_STREAM, stream, block[:16000]))
            client.send(frame(CONTINUATION, END_HEADERS, stream, block[16000:]))
    for client in clients:
        got = client.read_until(lambda got: got.kind == RST_STREAM)
        assert got is not None
        client.close()


FLOODS = {
    "settings": frame(SETTINGS),
    "settings with values": frame(SETTINGS, payload=b"\x00\x04\x00\x01\x00\x00" * 10),
    "acknowledged settings": frame(SETTINGS, ACK),
    "pings": frame(PING, payload=bytes(8)),
    "pongs": frame(PING, ACK, payload=bytes(8)),
    "priorities": frame(PRIORITY, 0, 1, bytes(4) + b"\x10"),
    "windows": frame(WINDOW_UPDATE, payload=(1).to_bytes(4)),
    "empty data": frame(DATA, 0, 1),
    "padded data": frame(DATA, 0x8, 1, bytes([255]) + bytes(255)),
    "unknown": frame(0xFA),
}


@pytest.mark.parametrize("each", FLOODS.values(), ids=FLOODS)
def test_28_frames_that_bring_no_work(edge: Engine, healthy: Watch, each: bytes) -> None:
    fields = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*pair) for pair in head("/up", method="POST")])
    begin = frame(HEADERS, END_HEADERS, 1, fields)
    outcome = flood(edge, lambda _: each * 50, begin, times=4000)
    assert outcome != "stays"
    wait_until(lambda: any(each.get("reason") in ("flood", "protocol_broken") for each in edge.records()))
    edge.log_file.write_text("")


def test_28_pings_whose_answers_nobody_reads(edge: Engine, healthy: Watch) -> None:
    with FrameClient(edge.port) as client:
        client.socket.settimeout(5)
        many = frame(PING, payload=bytes(8)) * 1000
        while client.try_send(many):
            continue
    edge.wait_record(reason="flood")
    edge.log_file.write_text("")


def test_28_answers_taken_byte_by_byte(edge: Engine, healthy: Watch) -> None:
    """Windows of one byte, opened again for each."""
    with FrameClient(edge.port, settings=SMALL_WINDOW) as client:
        streams = range(1, 201, 2)
        client.send(b"".join(client.headers(stream, head("/large")) for stream in streams))
        more = b"".join(frame(WINDOW_UPDATE, 0, stream, (1).to_bytes(4)) for stream in streams)
        reader = threading.Thread(target=client.ends_with, daemon=True)
        reader.start()
        for _ in range(10_000):
            if not client.try_send(more):
                break
        else:
            pytest.fail("it was not sent away")
        reader.join(10)
    edge.wait_record(reason="flood")
    edge.log_file.write_text("")


def test_28_slow_readers_hold_little(edge: Engine, healthy: Watch) -> None:
    """100 streams of a megabyte each that nobody reads: less than 48 MiB more, and they are given up."""
    with FrameClient(edge.port, settings={4: 65535}) as client:
        client.send(b"".join(client.headers(stream, head("/large")) for stream in range(1, 201, 2)))
        assert client.read_until(lambda got: got.kind == RST_STREAM) is not None


def test_28_a_client_that_reads_nothing_at_all_is_cut_off(edge: Engine, healthy: Watch) -> None:
    with FrameClient(edge.port, settings={4: 0x7FFFFFFF}) as client:
        client.send(frame(WINDOW_UPDATE, payload=(0x7FFF0000).to_bytes(4)))
        client.send(b"".join(client.headers(stream, head("/large")) for stream in range(1, 201, 2)))
        edge.wait_record(timeout=15, path="/large", reason="client_gone")
    edge.log_file.write_text("")
