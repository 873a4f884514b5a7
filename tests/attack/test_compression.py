"""Input 32: glorieta unpacks nothing, so a bomb is as small to it as it came. It passes coded bodies on untouched."""

from __future__ import annotations

import gzip

import pytest

from harness import Engine, RecordingUpstream, always, get, message, request

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
