"""Clients that abuse QUIC and HTTP/3: what they send is refused, costs little, and healthy clients notice nothing."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from harness import Engine, RecordingUpstream, Runner, Services, wait_until
from harness.certificates import Authority
from harness.http3 import Http3Client
from harness.plan import http, plan, proxy, respond, route, server_tls, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
DATAGRAM = 1200
FLOOD = 400
PROVEN_FROM = 64
"""Handshakes under way on a worker from which on addresses must be proved."""
RETRY, VERSION_NEGOTIATION = 3, 0
DATA, HEADERS, SETTINGS, GREASE = 0, 1, 4, 0x21
MESSAGE_ERROR, FRAME_ERROR, EXCESSIVE_LOAD, FRAME_UNEXPECTED = 0x10E, 0x106, 0x107, 0x105
MISSING_SETTINGS, CLOSED_CRITICAL, STREAM_CREATION = 0x10A, 0x104, 0x103
DECOMPRESSION_FAILED = 0x200
# Encoded with the static table alone (RFC 9204 Appendix A).
METHOD_GET, METHOD_POST, SCHEME, PATH, STATUS = b"\xd1", b"\xd4", b"\xd7", b"\xc1", b"\xd9"
AUTHORITY = b"\x50\x0cshop.example"
ACCEPT = b"\xdd"
GET = METHOD_GET + SCHEME + AUTHORITY + PATH
POST = METHOD_POST + SCHEME + AUTHORITY + PATH


class World:
    def __init__(self, folder: Path):
        authority = Authority()
        self.ca = authority.write(folder)
        self.files = authority.leaf("shop.example").write(folder, "shop")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, world: World, origin: RecordingUpstream) -> Engine:
    listener = http(
        [route("/*", proxy()), route("/own", respond("own"))],
        versions=["h1", "h2", "h3"],
        tls=server_tls(world.files),
        timeouts={"handshake_ms": 2000, "head_ms": 1000, "body_ms": 1000},
        limits={"connections": 2000, "streams": 100},
    )
    return start.engine(plan(listener, [upstream("service", origin.address)]))


@pytest.fixture
def healthy(edge: Engine, world: World) -> Iterator[Http3Client]:
    """Who was there before the attack, and is served after it, as are those who come then."""
    with Http3Client(edge.port, world.ca) as client:
        assert client.get("/own").status == 200
        yield client
        assert client.get("/own").status == 200
    with Http3Client(edge.port, world.ca) as another:
        assert another.get("/own").status == 200


def number(value: int) -> bytes:
    """An integer of variable length (RFC 9000 §16)."""
    for bits, prefix in ((6, 0), (14, 1), (30, 2), (62, 3)):
        if value < 1 << bits:
            return (value | prefix << bits).to_bytes((bits + 2) // 8, "big")
    raise ValueError(value)


def frame(kind: int, payload: bytes) -> bytes:
    return number(kind) + number(len(payload)) + payload


def section(*lines: bytes) -> bytes:
    return b"\0\0" + b"".join(lines)


def head(*lines: bytes) -> bytes:
    return frame(HEADERS, section(*(lines or (GET,))))


def literal(name: bytes, value: bytes) -> bytes:
    """A line whose name is written out, both without Huffman's code."""
    length = bytes([0x20 | len(name)]) if len(name) < 7 else bytes([0x27, len(name) - 7])
    assert len(value) < 127
    return length + name + bytes([len(value)]) + value


def datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(0.05)
    return made


def first_datagrams(world: World, **settings: object) -> list[bytes]:
    """What a client says first."""
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name="shop.example", **settings)
    configuration.load_verify_locations(str(world.ca))
    quic = QuicConnection(configuration=configuration)
    quic.connect(("127.0.0.1", 1), now=time.monotonic())
    return [data for data, _ in quic.datagrams_to_send(now=time.monotonic())]


def everything(from_socket: socket.socket) -> list[bytes]:
    """What has come, until nothing comes."""
    found = []
    with contextlib.suppress(OSError):
        while True:
            found.append(from_socket.recv(65536))
    return found


def packet_type(datagram: bytes) -> int | None:
    """Of a long header; none: a short one."""
    return datagram[0] >> 4 & 3 if datagram[0] & 0x80 else None


# QUIC.


def test_noise_is_not_answered(edge: Engine, healthy: Http3Client) -> None:
    noise = random.Random(1)
    answered = 0
    for _ in range(20):
        with datagram_socket() as attacker:
            for _ in range(200):
                data = bytearray(noise.randbytes(noise.randint(1, 1500)))
                if noise.random() < 0.3:
                    data[0] = 0x40 | data[0] & 0x3F
                attacker.sendto(data, ("127.0.0.1", edge.port))
            # A long header with any version may be told of ours.
            answered += sum(packet_type(each) is None for each in everything(attacker))
        healthy.settle()
    assert answered == 0, "nobody has given these connection ids"


def test_a_flood_of_beginnings_has_to_prove_its_address(edge: Engine, world: World, healthy: Http3Client) -> None:
    before = edge.memory()
    beginnings = [first_datagrams(world) for _ in range(FLOOD)]
    sockets = [datagram_socket() for _ in range(FLOOD)]
    for attacker, datagrams in zip(sockets, beginnings, strict=True):
        for each in datagrams:
            attacker.sendto(each, ("127.0.0.1", edge.port))
    retries = 0
    for attacker, datagrams in zip(sockets, beginnings, strict=True):
        attacker.settimeout(0.02)
        answers = everything(attacker)
        sent, came = sum(map(len, datagrams)), sum(map(len, answers))
        # RFC 9000 §8.1, and quinn lets the last datagram be a whole one.
        assert came <= 3 * sent + DATAGRAM, "an address that is not proved gets three times as much"
        retries += any(packet_type(each) == RETRY for each in answers)
    # Whoever answers the demand is served also now.
    with Http3Client(edge.port, world.ca) as client:
        assert client.get("/own").status == 200
    assert retries >= FLOOD - 2 * PROVEN_FROM - 100
    assert edge.memory() - before < 40 * MIB
    wait_until(lambda: edge.metrics().total("glorieta_connections", listener="web") <= 1, 10, "the end of handshakes")
    for attacker in sockets:
        attacker.close()


def test_nobody_uses_up_what_another_may_have(launch: Runner, world: World) -> None:
    """Datagrams with a forged sender count for nobody: who is limited proves its address first."""
    limits = {"connections_per_client": 2, "new_connections_per_client": 2}
    for_each = http(
        [route("/*", respond("own"))], versions=["h1", "h2", "h3"], tls=server_tls(world.files), limits=limits
    )
    edge = launch.engine(plan(for_each))
    with datagram_socket() as attacker:
        for _ in range(20):
            for each in first_datagrams(world):
                attacker.sendto(each, ("127.0.0.1", edge.port))
        answers = [packet_type(each) for each in everything(attacker)]
    assert set(answers) == {RETRY}
    with Http3Client(edge.port, world.ca) as client:
        assert client.get("/own").status == 200


def test_cut_and_oversized_packets_are_dropped(edge: Engine, world: World, healthy: Http3Client) -> None:
    whole = first_datagrams(world)[0]
    with datagram_socket() as attacker:
        for length in (*range(1, 60), 100, 500, 1000, len(whole) - 1):
            attacker.sendto(whole[:length], ("127.0.0.1", edge.port))
        for length in (1500, 9000, 65_000):
            attacker.sendto(whole + os.urandom(length - len(whole)), ("127.0.0.1", edge.port))
        # Bits that are changed anywhere.
        for place in range(0, len(whole), 7):
            changed = bytearray(whole)
            changed[place] ^= 0x40
            attacker.sendto(changed, ("127.0.0.1", edge.port))
        everything(attacker)


def test_tokens_of_nobody_prove_nothing(edge: Engine, world: World, healthy: Http3Client) -> None:
    for length in (1, 16, 64, 400):
        with datagram_socket() as attacker:
            for each in first_datagrams(world, token=os.urandom(length)):
                attacker.sendto(each, ("127.0.0.1", edge.port))
            assert sum(map(len, everything(attacker))) <= 3 * DATAGRAM
    with Http3Client(edge.port, world.ca, token=os.urandom(64)) as client:
        assert client.get("/own").status == 200


def test_other_versions_are_told_of_ours_and_small_packets_of_nothing(edge: Engine, healthy: Http3Client) -> None:
    ids = bytes([8]) + b"destinat" + bytes([8]) + b"sourceid"
    packet = b"\xc0" + struct.pack(">I", 0x1A2A3A4A) + ids
    with datagram_socket() as client:
        client.sendto(packet.ljust(1200, b"\0"), ("127.0.0.1", edge.port))
        answer = client.recv(65536)
        assert struct.unpack(">I", answer[1:5]) == (VERSION_NEGOTIATION,)
        assert struct.pack(">I", 1) in answer
        assert len(answer) < 1200
        client.sendto(packet.ljust(1199, b"\0"), ("127.0.0.1", edge.port))
        assert everything(client) == []


def test_a_connection_that_is_gone_is_reset_seldom_and_smaller(
    edge: Engine, world: World, healthy: Http3Client
) -> None:
    """Packets that only we can have given ids for: resets are bounded, and none is larger than what provoked it."""
    with Http3Client(edge.port, world.ca) as client:
        assert client.get("/own").status == 200
        peer = client.quic._peer_cid.cid
    wait_until(lambda: edge.metrics().total("glorieta_connections", listener="web") <= 1, 5, "the end")
    packet = b"\x41" + peer + os.urandom(200)
    with datagram_socket() as attacker:
        began = time.monotonic()
        for _ in range(3000):
            attacker.sendto(packet, ("127.0.0.1", edge.port))
        answers = everything(attacker)
        seconds = time.monotonic() - began
    assert all(len(each) < len(packet) for each in answers)
    assert len(answers) <= 2 * (seconds / 0.02 + 2)


def test_a_packet_from_elsewhere_makes_nobody_another(edge: Engine, world: World, healthy: Http3Client) -> None:
    """Replayed from other ports: nothing is asked twice, nobody gets much, and the client goes on."""
    with Http3Client(edge.port, world.ca) as client:
        assert client.get("/own").status == 200
        client.settle()
        client.begin("/own", end=True)
        recorded = [data for data, _ in client.quic.datagrams_to_send(now=time.monotonic() + 1)]
        client.quic.send_ping(1)
        recorded += [data for data, _ in client.quic.datagrams_to_send(now=time.monotonic())]
        for _ in range(50):
            with datagram_socket() as attacker:
                attacker.settimeout(0.01)
                for each in recorded:
                    attacker.sendto(each, ("127.0.0.1", edge.port))
                assert sum(map(len, everything(attacker))) <= 3 * sum(map(len, recorded)) + 4000
        client.settle()
        assert client.get("/own").status == 200


# Streams and frames.


class Attacker(Http3Client):
    """Writes what it likes into streams."""

    def raw(self, data: bytes, end: bool = True) -> int:
        stream = self.quic.get_next_available_stream_id()
        self.quic.send_stream_data(stream, data, end)
        self.flush()
        return stream

    def end_code(self, timeout: float = 10.0) -> int:
        """The code with which the connection is ended."""
        with contextlib.suppress(ConnectionError):
            self.wait(lambda: False, "the end", timeout)
        assert self.terminated is not None
        return int(self.terminated.error_code)


@pytest.fixture
def attacker(edge: Engine, world: World, origin: RecordingUpstream) -> Iterator[Attacker]:
    origin.forget()
    with Attacker(edge.port, world.ca) as client:
        yield client


@pytest.mark.parametrize(
    "lines",
    [
        (METHOD_GET, METHOD_GET, SCHEME, AUTHORITY, PATH),
        (METHOD_GET, SCHEME, AUTHORITY, PATH, PATH),
        (METHOD_GET, SCHEME, AUTHORITY, ACCEPT, PATH),
        (METHOD_GET, SCHEME, AUTHORITY, PATH, literal(b":path", b"/evil")),
        (METHOD_GET, SCHEME, AUTHORITY, PATH, STATUS),
        (METHOD_GET, SCHEME, AUTHORITY, PATH, literal(b":evil", b"x")),
        (GET, literal(b"X-Upper", b"x")),
        (GET, literal(b"x-a", b"a\r\nx-b: c")),
        (GET, literal(b"x-a", b"a\0b")),
        (GET, literal(b"x a", b"a")),
        (GET, literal(b"", b"a")),
        (METHOD_GET, SCHEME, PATH),
        (SCHEME, AUTHORITY, PATH),
        (literal(b":method", b"GET /evil HTTP/1.1\r\nx:"), SCHEME, AUTHORITY, PATH),
        (METHOD_GET, SCHEME, AUTHORITY, literal(b":path", b"/a b")),
        (METHOD_GET, SCHEME, AUTHORITY, literal(b":path", b"/a\r\nx: y")),
        (METHOD_GET, SCHEME, literal(b":authority", b"a b"), PATH),
        (METHOD_GET, SCHEME, literal(b":authority", b"user@shop.example"), PATH),
        (GET, literal(b"host", b"other.example")),
    ],
)
def test_no_head_of_a_request_is_passed_on(
    attacker: Attacker, healthy: Http3Client, origin: RecordingUpstream, lines: tuple[bytes, ...]
) -> None:
    answer = attacker.read(attacker.raw(head(*lines)))
    assert answer.reset == MESSAGE_ERROR or answer.status == 400, answer
    assert origin.received == b""
    # The connection is as good as before.
    assert attacker.get("/own").status == 200


@pytest.mark.parametrize("lines", [(METHOD_GET, SCHEME, AUTHORITY), (METHOD_GET, AUTHORITY, PATH)])
def test_a_head_without_a_path_or_a_scheme_is_none(
    attacker: Attacker, origin: RecordingUpstream, lines: tuple[bytes, ...]
) -> None:
    answer = attacker.read(attacker.raw(head(*lines)))
    assert answer.reset == MESSAGE_ERROR or answer.status == 400
    assert origin.received == b""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (head() + b"\0", FRAME_ERROR),
        (head(POST) + number(DATA) + number(10) + b"12345", FRAME_ERROR),
        (frame(DATA, b"x"), FRAME_UNEXPECTED),
        (frame(SETTINGS, b""), FRAME_UNEXPECTED),
        (head() + frame(SETTINGS, b""), FRAME_UNEXPECTED),
        (frame(0x02, b""), FRAME_UNEXPECTED),
        (frame(HEADERS, b"\0\0\xff\xff\xff\xff\xff\xff"), DECOMPRESSION_FAILED),
        # A reference into a dynamic table, of which there is none.
        (frame(HEADERS, b"\x02\0\x80"), DECOMPRESSION_FAILED),
        (frame(HEADERS, b"\x05\x01\x10"), DECOMPRESSION_FAILED),
        (frame(GREASE, b"x" * 1000) * 80, EXCESSIVE_LOAD),
        (frame(GREASE, b"") * 8000, EXCESSIVE_LOAD),
        (head(POST) + frame(DATA, b"") * 8000, EXCESSIVE_LOAD),
    ],
)
def test_frames_out_of_place_end_the_connection(
    attacker: Attacker, healthy: Http3Client, origin: RecordingUpstream, edge: Engine, data: bytes, code: int
) -> None:
    attacker.raw(data)
    assert attacker.end_code() == code
    assert not any(request.complete for request in origin.requests)
    reason = "flood" if code == EXCESSIVE_LOAD else "protocol_broken"
    assert edge.wait_record(reason=reason)["protocol"] == "HTTP/3"


def test_a_head_without_end_costs_nothing(attacker: Attacker, edge: Engine, healthy: Http3Client) -> None:
    before = edge.memory()
    for announced in (100_000, 1 << 30, 1 << 60):
        stream = attacker.raw(number(HEADERS) + number(announced) + b"x" * 20_000, end=False)
        assert attacker.read(stream).status == 431
    assert edge.memory() - before < 8 * MIB


def test_a_body_shorter_or_longer_than_announced_is_refused(attacker: Attacker, origin: RecordingUpstream) -> None:
    long = head(POST, literal(b"content-length", b"3")) + frame(DATA, b"12345")
    short = head(POST, literal(b"content-length", b"30")) + frame(DATA, b"12345")
    for data in (long, short):
        answer = attacker.read(attacker.raw(data))
        assert answer.status == 400 or answer.reset is not None
    assert not any(request.complete for request in origin.requests)
    assert attacker.get("/own").status == 200


def test_bodies_in_tiny_frames_cost_no_memory(attacker: Attacker, edge: Engine, origin: RecordingUpstream) -> None:
    before = edge.memory()
    stream = attacker.raw(head(POST), end=False)
    for _ in range(50):
        attacker.quic.send_stream_data(stream, frame(DATA, b"x") * 2000)
        attacker.settle()
    attacker.quic.send_stream_data(stream, b"", True)
    assert attacker.read(stream, 20).status == 200
    assert origin.requests[-1].body == b"x" * 100_000
    assert edge.memory() - before < 16 * MIB


def test_streams_that_say_nothing_end_in_time(attacker: Attacker, edge: Engine, healthy: Http3Client) -> None:
    streams = [attacker.raw(b"\x01", end=False) for _ in range(100)]
    attacker.wait(lambda: all(attacker.answer(stream).over for stream in streams), "their end", 10)
    assert edge.metrics().total("glorieta_rejected_total", listener="web", reason="head_timeout") >= 100


def test_a_body_that_does_not_come_ends_in_time(attacker: Attacker, edge: Engine) -> None:
    stream = attacker.raw(head(POST, literal(b"content-length", b"10")), end=False)
    answer = attacker.read(stream, 10)
    assert answer.status == 408 or answer.reset is not None
    assert edge.wait_record(reason="body_timeout")["protocol"] == "HTTP/3"


def test_streams_that_are_opened_and_given_up_are_a_flood(
    attacker: Attacker, edge: Engine, healthy: Http3Client
) -> None:
    """CVE-2023-44487, by QUIC."""
    given_up = 0
    with contextlib.suppress(ConnectionError):
        while given_up < 5000 and attacker.terminated is None:
            # As many as the client may open: beyond that its own QUIC would be at fault.
            while attacker.quic.get_next_available_stream_id() // 4 < attacker.quic._remote_max_streams_bidi:
                stream = attacker.raw(head(), end=False)
                attacker.quic.reset_stream(stream, 0x10C)
                attacker.quic.stop_stream(stream, 0x10C)
                given_up += 1
            attacker.pass_time(0.002)
    assert attacker.end_code() == EXCESSIVE_LOAD
    assert edge.wait_record(reason="flood")["protocol"] == "HTTP/3"


def one_way(attacker: Attacker, data: bytes, end: bool = False) -> None:
    stream = attacker.quic.get_next_available_stream_id(is_unidirectional=True)
    attacker.quic.send_stream_data(stream, data, end)
    attacker.flush()


def test_a_second_control_stream_ends_the_connection(attacker: Attacker, healthy: Http3Client) -> None:
    one_way(attacker, b"\0" + frame(SETTINGS, b""))
    assert attacker.end_code() == STREAM_CREATION


def test_words_without_end_on_the_control_stream_are_a_flood(attacker: Attacker, healthy: Http3Client) -> None:
    assert attacker.h3 is not None
    control = attacker.h3._local_control_stream_id
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            attacker.quic.send_stream_data(control, frame(GREASE, b"x" * 1000))
            attacker.wait(lambda: True, "nothing")
            attacker.pass_time(0.002)
            if attacker.terminated is not None:
                break
    assert attacker.end_code() == EXCESSIVE_LOAD


def test_streams_that_mean_nothing_are_not_read(attacker: Attacker, healthy: Http3Client) -> None:
    for _ in range(4):
        one_way(attacker, number(GREASE) + b"x" * 100)
    attacker.settle()
    assert attacker.get("/own").status == 200


def test_many_who_connect_and_leave_leave_nothing(edge: Engine, world: World, healthy: Http3Client) -> None:
    def come_and_go() -> None:
        for index in range(40):
            client = Http3Client(edge.port, world.ca)
            client.begin("/own")
            if index % 2:
                client.close()
            else:
                # Without a word: it is found out by silence.
                client.socket.close()

    come_and_go()
    files, before = edge.open_files(), edge.memory()
    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert edge.open_files() <= files + 4
    assert edge.memory() - before < 64 * MIB
