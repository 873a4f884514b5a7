"""Input 32: where nothing asks for it glorieta unpacks nothing, so a bomb is as small to it as it came, and coded bodies
pass untouched. Where a route decompresses, a bomb ends at its bounds, and takes little memory until then."""

from __future__ import annotations

import gzip
import zlib

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, always, build, get, message, request
from harness.plan import compress, decompress, http, plan, proxy, respond, route, upstream

UNPACKED = 256 << 20
MIB = 1 << 20


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return gzip.compress(bytes(1 << 20)) * (UNPACKED >> 20)


def test_32_a_bomb_to_the_origin(edge: Engine, origin: RecordingUpstream, bomb: bytes) -> None:
    before = edge.memory()
    answer = request(edge.port, "POST", "/a", {"Content-Encoding": "gzip"}, bomb)
    assert answer.status == 200
    [received] = origin.requests
    assert received.body == bomb
    assert received.header("Content-Encoding") == "gzip"
    assert edge.memory("VmHWM") - before < 16 * MIB


def test_32_a_bomb_to_the_client(edge: Engine, origin: RecordingUpstream, bomb: bytes) -> None:
    before = edge.memory()
    origin.respond = always(message(200, bomb, "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"))
    answer = get(edge.port, "/a", {"Accept-Encoding": "gzip, br;q=0.5"})
    assert answer.body == bomb
    assert (answer.header("Content-Encoding"), answer.header("Vary")) == ("gzip", "Accept-Encoding")
    assert origin.requests[0].header("Accept-Encoding") == "gzip, br;q=0.5"
    assert edge.memory("VmHWM") - before < 16 * MIB


@pytest.mark.parametrize(
    "body", [gzip.compress(b"hello") + b"trailing", b"no gzip at all", gzip.compress(b"hello")[:-4]]
)
def test_32_what_is_no_good_gzip_passes_too(edge: Engine, origin: RecordingUpstream, body: bytes) -> None:
    origin.respond = always(message(200, body, "Content-Encoding: gzip\r\n"))
    answer = request(edge.port, "POST", "/a", {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}, body)
    assert (answer.body, origin.requests[0].body) == (body, body)


def test_32_nothing_is_compressed_that_came_plain(edge: Engine, origin: RecordingUpstream) -> None:
    """So a secret beside reflected input keeps its length to itself (BREACH)."""
    body = b"a" * 10_000
    origin.respond = always(message(200, body, "Content-Type: text/html\r\n"))
    answer = get(edge.port, "/a", {"Accept-Encoding": "gzip"})
    assert (answer.body, answer.header("Content-Encoding")) == (body, None)


@pytest.fixture(scope="module")
def unpacking(start: Runner, origin: RecordingUpstream) -> Engine:
    """One worker, so that all that one may take is soon taken."""
    patient = decompress(max_bytes=1 << 40, ratio=100_000)
    routes = [
        route("/*", proxy(), filters=[decompress()]),
        route("/by-size/*", proxy(), filters=[decompress(ratio=100_000)]),
        route("/patient/*", proxy(), filters=[patient]),
        route("/answers/*", proxy(), filters=[compress()]),
        route("/text", respond("a" * 20_000, content_type="text/plain"), filters=[compress()]),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address)], workers=1))


@pytest.mark.parametrize("path", ["/a", "/by-size/a"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_32_a_bomb_ends_at_its_bounds(
    unpacking: Engine, origin: RecordingUpstream, bomb: bytes, path: str, coding: str
) -> None:
    before = unpacking.memory()
    body = bomb if coding == "gzip" else zlib.compress(bytes(UNPACKED), 9)
    answer = request(unpacking.port, "POST", path, {"Content-Encoding": coding}, body)
    assert answer.status == 413
    assert origin.requests == []
    assert unpacking.memory("VmHWM") - before < 24 * MIB
    assert unpacking.wait_record(path=path, status=413)["reason"] == "body_too_large"


def test_32_a_bomb_within_bounds_takes_no_memory_either(
    unpacking: Engine, origin: RecordingUpstream, bomb: bytes
) -> None:
    """It streams: what the origin has not taken yet is not unpacked."""
    before = unpacking.memory()
    answer = request(unpacking.port, "POST", "/patient/a", {"Content-Encoding": "gzip"}, bomb, timeout=60)
    assert answer.status == 200
    assert len(origin.requests[0].body) == UNPACKED
    assert unpacking.memory("VmHWM") - before < 24 * MIB


def test_32_many_empty_members_are_no_work_without_end(unpacking: Engine, origin: RecordingUpstream) -> None:
    body = gzip.compress(b"") * 100_000
    assert request(unpacking.port, "POST", "/a", {"Content-Encoding": "gzip"}, body).status == 400
    assert origin.requests == []


def test_32_clients_that_do_not_read_take_no_more_than_their_share(
    unpacking: Engine, origin: RecordingUpstream
) -> None:
    """Each would hold an encoder of 1.5 MiB; beyond the worker's share answers go as they are."""
    large = message(200, b"".join(b"%d " % number for number in range(2_000_000)), "Content-Type: text/plain\r\n")
    origin.respond = always(large)
    before = unpacking.memory()
    clients = [RawClient(unpacking.port, receive_buffer=4096) for _ in range(100)]
    try:
        for client in clients:
            client.send(build("GET", "/answers/a", {"Accept-Encoding": "zstd"}))
        codings = [client.read_head().header("Content-Encoding") for client in clients]
        assert 0 < codings.count("zstd") < 100
        assert set(codings) == {"zstd", None}
        assert unpacking.memory() - before < 160 * MIB
    finally:
        for client in clients:
            client.close()
    # They have gone, and their encoders are free.
    assert get(unpacking.port, "/text", {"Accept-Encoding": "zstd"}).header("Content-Encoding") == "zstd"


def test_32_a_secret_beside_reflected_input_keeps_its_length(unpacking: Engine, origin: RecordingUpstream) -> None:
    """BREACH: with a cookie, answers of two guesses are as long as they are, whether one is right or not."""
    lengths = set()
    for guess in ("token=aaaaaaaa", "token=s3cr3t42"):
        body = (guess + "<input name=token value=s3cr3t42>").encode() * 40
        origin.respond = always(message(200, body, "Content-Type: text/html\r\n"))
        answer = get(unpacking.port, "/answers/a", {"Accept-Encoding": "gzip, br, zstd", "Cookie": "session=1"})
        assert answer.header("Content-Encoding") is None
        lengths.add(len(answer.body))
    assert len(lengths) == 1
