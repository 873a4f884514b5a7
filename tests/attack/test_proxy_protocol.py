"""Attack 34: PROXY headers that are forged, broken, endless or never end."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, wait_until
from harness import proxy_protocol as pp
from harness.plan import http, plan, proxy, route, upstream

CLIENT, SERVER = ("203.0.113.7", 4711), ("198.51.100.1", 443)
GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"
ENDS = bytes([203, 0, 113, 7, 198, 51, 100, 1, 18, 103, 1, 187])


@pytest.fixture(scope="module")
def service(services: Services) -> HttpUpstream:
    return services.keep(HttpUpstream())


@pytest.fixture(scope="module")
def edge(start: Runner, service: HttpUpstream) -> Engine:
    listener = http([route("*", proxy("service"))], timeouts={"handshake_ms": 500})
    listener["proxy_protocol"] = {"trusted": ["127.0.0.1"], "required": True}
    return start.engine(plan(listener, [upstream("service", service.address)]))


def is_cut(edge: Engine, data: bytes) -> bool:
    with contextlib.suppress(ConnectionResetError), RawClient(edge.port) as client:
        client.try_send(data)
        return client.read_to_end() == b""
    return True


BROKEN = {
    "no header": GET,
    "a line without an end": b"PROXY TCP4 " + b"1" * 200,
    "a line of 108 bytes": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n" + GET,
    "a bare LF": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + GET,
    "an unknown family": b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    "an address that is none": b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n" + GET,
    "an address with leading zeros": b"PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n" + GET,
    "a port that is none": b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n" + GET,
    "a signed port": b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n" + GET,
    "two blanks": b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    "lower case": b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    "NUL in an address": b"PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n" + GET,
    "version 1 of the block": pp.SIGNATURE + b"\x11\x11\x00\x0c" + ENDS + GET,
    "an unknown command": pp.SIGNATURE + b"\x22\x11\x00\x0c" + ENDS + GET,
    "an unknown address family": pp.raw(pp.PROXY, 0x41, ENDS) + GET,
    "too short for its addresses": pp.raw(pp.PROXY, pp.TCP4, ENDS[:11]) + GET,
    "too short for IPv6": pp.raw(pp.PROXY, pp.TCP6, ENDS) + GET,
    "a value beyond the end": pp.raw(pp.PROXY, pp.TCP4, ENDS + b"\x02\x00\xffa") + GET,
    "half of a value's head": pp.raw(pp.PROXY, pp.TCP4, ENDS + b"\x02\x00") + GET,
    "a wrong checksum": pp.raw(pp.PROXY, pp.TCP4, ENDS + pp.value(pp.CRC32C, b"abcd")) + GET,
    "a checksum of three bytes": pp.raw(pp.PROXY, pp.TCP4, ENDS + pp.value(pp.CRC32C, b"abc")) + GET,
    "two names": pp.block(CLIENT, SERVER, pp.value(pp.AUTHORITY, b"a"), pp.value(pp.AUTHORITY, b"b")) + GET,
    "a name with CRLF": pp.block(CLIENT, SERVER, pp.value(pp.AUTHORITY, b"a\r\nX: y")) + GET,
    "a length of 65535": pp.SIGNATURE + b"\x21\x11\xff\xff" + ENDS + GET,
    "what is said of TLS is cut": pp.block(CLIENT, SERVER, pp.value(pp.SSL, b"\x01\x00")) + GET,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_cut_and_leads_nowhere(edge: Engine, service: HttpUpstream, name: str) -> None:
    service.forget()
    before = edge.metrics().total("glorieta_rejected_total", reason="proxy_malformed")
    assert is_cut(edge, BROKEN[name])
    wait_until(
        lambda: edge.metrics().total("glorieta_rejected_total", reason="proxy_malformed") > before, what="its count"
    )
    assert not service.heads


def test_a_second_header_is_what_it_is(edge: Engine, service: HttpUpstream) -> None:
    """The proxy's word counts once: what the client itself sends after it is a bad request."""
    service.forget()
    for header in (pp.line(CLIENT, SERVER), pp.block(CLIENT, SERVER)):
        with RawClient(edge.port) as client:
            client.send(header * 2 + GET)
            assert client.read_response().status == 400
    assert not service.heads


@pytest.mark.parametrize("begun", [b"", b"P", pp.line(CLIENT, SERVER)[:-1], pp.block(CLIENT, SERVER)[:-1]])
def test_who_falls_silent_is_let_go(edge: Engine, begun: bytes) -> None:
    with RawClient(edge.port) as client:
        client.send(begun)
        with contextlib.suppress(ConnectionResetError):
            assert client.read_to_end() == b""
    assert edge.wait_record(reason="proxy_timeout")["client"] == "127.0.0.1"


def test_dribbling_gains_no_time(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        for letter in b"PROXY UNKNOWN " + b"x" * 60:
            if not client.try_send(bytes([letter])):
                break
            time.sleep(0.02)
        else:
            pytest.fail("it was never cut")


def test_any_bytes_leave_it_serving(edge: Engine, service: HttpUpstream) -> None:
    """Mutations of good headers: cut, a bad request, or served; never stuck."""
    generator = random.Random(34)
    good = [pp.line(CLIENT, SERVER), pp.block(CLIENT, SERVER, pp.value(pp.AUTHORITY, b"shop.example"), pp.tls())]
    for _ in range(300):
        data = bytearray(generator.choice(good))
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        with RawClient(edge.port) as client:
            client.try_send(bytes(data) + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            with contextlib.suppress(OSError):
                client.finish_sending()
                client.read_to_end()
    with RawClient(edge.port) as client:
        assert client.exchange(good[0] + GET, "GET").status == 200


def test_many_unfinished_headers_do_not_keep_others_out(edge: Engine) -> None:
    waiting = [RawClient(edge.port) for _ in range(300)]
    for client in waiting:
        client.send(b"PROXY TCP4 203.0")
    with RawClient(edge.port) as client:
        assert client.exchange(pp.line(CLIENT, SERVER) + GET, "GET").status == 200
    for client in waiting:
        client.close()
