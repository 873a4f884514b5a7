"""Input 20: two answers to the question for whom a request is. The target's authority wins, or it is refused."""

from __future__ import annotations

import pytest

from attack.conftest import SMUGGLED, Attack
from harness import Engine, RawClient, RecordingUpstream


def test_20_the_authority_of_the_target_wins(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(b"GET http://good.example:81/a?b HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 200
    [request] = origin.requests
    assert (request.target, request.header("Host")) == ("/a?b", "good.example:81")
    assert request.header("X-Forwarded-Host") == "good.example:81"
    assert b"evil" not in origin.received


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a\r\nX: y\r\nhost: b\r\n",
        b"Host:\r\n",
        b"Host: a,b\r\n",
        b"Host: a, b\r\n",
        b"Host: a b\r\n",
        b"Host: google.com\x00.x\r\n",
        b"Host: google.com%00.x\r\n",
        b"Host: user@a\r\n",
        b"Host: a/b\r\n",
        b"Host: a\\b\r\n",
        b"Host: a#b\r\n",
        b"Host: a?b\r\n",
        b"Host: http://a\r\n",
        b"Host: a:b\r\n",
        b"Host: a:\r\n",
        b"Host: a:99999\r\n",
        b"Host: :80\r\n",
        b"Host: \xffa\r\n",
        b"Host: [::1\r\n",
        b"Host: [::g]\r\n",
    ],
)
def test_20_hosts(attack: Attack, fields: bytes) -> None:
    attack.refused(b"GET /a HTTP/1.1\r\n" + fields + b"\r\n" + SMUGGLED)


@pytest.mark.parametrize(
    "target",
    [
        b"http://good#@evil/",
        b"http://good/#fragment",
        b"http://user:word@good/",
        b"http://good\\@evil/",
        b"http://good,evil/",
        b"http:///a",
        b"http:/a",
        b"http:a",
        b"ftp://good/",
        b"javascript:alert(1)",
        b"http://good:port/",
        b"http://[::1/",
    ],
)
def test_20_authorities(attack: Attack, target: bytes) -> None:
    attack.refused(b"GET " + target + b" HTTP/1.1\r\nHost: good\r\n\r\n" + SMUGGLED)


def test_20_two_slashes_begin_a_path_and_no_authority(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(b"GET //evil.example/a HTTP/1.1\r\nHost: good\r\n\r\n").status == 200
    assert [(each.target, each.header("Host")) for each in origin.requests] == [("//evil.example/a", "good")]


@pytest.mark.parametrize(
    "host", [b"a.example", b"A.Example:80", b"127.0.0.1", b"[::1]:8080", b"a_b.example", b"xn--caf-dma.example"]
)
def test_20_honest_hosts_pass_as_they_are(edge: Engine, origin: RecordingUpstream, host: bytes) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(b"GET /a HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").status == 200
    assert origin.requests[0].headers("Host") in ([host.decode()], [host.decode().lower()])
