"""TLS at layer 4: taken off, put on, or passed through by the name that it asks for."""

from __future__ import annotations

import contextlib
import random
import select
import ssl
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, TcpEcho
from harness.certificates import Authority
from harness.plan import client_tls, passthrough, plan, server_tls, tcp, upstream
from harness.tls import TlsClient, TlsEcho, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Services

SIZES = (1, 16_384, 3_000_001)
PIECE = 50_000


class World:
    def __init__(self, folder: Path, services: Services):
        self.authority = Authority()
        self.ca = self.authority.write(folder)
        self.shop = self.authority.leaf("shop.example").write(folder, "shop")
        self.echo = services.keep(TcpEcho())
        self.encrypted = services.keep(TlsEcho(self.authority.leaf("localhost").write(folder, "localhost")))
        self.named = {
            name: services.keep(TlsEcho(self.authority.leaf(name).write(folder, name.replace("*", "any"))))
            for name in ("shop.example", "*.api.example", "other.example")
        }
        self.client = trusting(self.ca)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, services: Services) -> World:
    return World(tmp_path_factory.mktemp("certificates"), services)


@pytest.fixture(scope="module")
def edge(start: Runner, world: World) -> Engine:
    names = {name: name.replace("*.", "") for name in world.named}
    listed = {name: names[name] for name in ("shop.example", "*.api.example")}
    listeners = [
        tcp("echo", "off", tls=server_tls(world.shop)),
        tcp("encrypted", "on"),
        tcp("encrypted", "both", tls=server_tls(world.shop)),
        passthrough(listed, "listed"),
        passthrough({**listed, "*": "other.example"}, "all"),
    ]
    upstreams = [
        upstream("echo", world.echo.address),
        upstream("encrypted", f"localhost:{world.encrypted.port}", tls=client_tls(world.ca)),
        *(upstream(names[name], service.address) for name, service in world.named.items()),
    ]
    return start.engine(plan(listeners, upstreams))


def echoes(client: RawClient) -> None:
    """Everything comes back. One thread sends and reads: Python's `ssl` lets no two of them use one connection."""
    for size in SIZES:
        block = random.Random(size).randbytes(size)
        for at in range(0, size, PIECE):
            piece = block[at : at + PIECE]
            client.send(piece)
            assert client.reader.exactly(len(piece)) == piece


@pytest.mark.parametrize("listener", ["off", "both", "all"])
def test_both_ways_at_once(edge: Engine, world: World, listener: str) -> None:
    """Neither side waits for the other; one thread, as Python's `ssl` wants it."""
    block = random.Random(7).randbytes(8_000_003)
    with TlsClient(edge.ports[listener], world.client, timeout=10) as client:
        client.tls.setblocking(False)
        sent, seen = 0, bytearray()
        while len(seen) < len(block):
            select.select([client.tls], [client.tls] if sent < len(block) else [], [], 5)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                sent += client.tls.send(block[sent : sent + PIECE])
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                seen += client.tls.recv(1 << 16)
        assert bytes(seen) == block


@pytest.mark.parametrize("listener", ["off", "both"])
def test_tls_is_taken_off(edge: Engine, world: World, listener: str) -> None:
    with TlsClient(edge.ports[listener], world.client, timeout=10) as client:
        echoes(client)
    record = edge.wait_record(listener=listener, bytes_in=sum(SIZES))
    assert (record["tls"], record["host"]) == ("1.3", "shop.example")


def test_tls_is_put_on(edge: Engine) -> None:
    with RawClient(edge.ports["on"], timeout=10) as client:
        echoes(client)


@pytest.mark.parametrize(
    ("listener", "asked", "answers"),
    [
        ("listed", "shop.example", "shop.example"),
        ("listed", "a.api.example", "*.api.example"),
        ("all", "shop.example", "shop.example"),
        ("all", "other.example", "other.example"),
    ],
)
def test_what_is_passed_through_is_the_services_own(
    edge: Engine, world: World, listener: str, asked: str, answers: str
) -> None:
    with TlsClient(edge.ports[listener], world.client, asked, timeout=10) as client:
        assert client.names == [answers]
        echoes(client)
    record = edge.wait_record(listener=listener, host=asked)
    assert (record["protocol"], "tls" in record) == ("tcp", False)


def test_names_that_lead_nowhere_are_refused(edge: Engine) -> None:
    everybody = trusting(None)
    for name in ("unknown.example", None):
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            TlsClient(edge.ports["listed"], everybody, name)
    with TlsClient(edge.ports["all"], everybody, None) as client:
        client.send(b"hello")
        assert client.reader.exactly(5) == b"hello"
    assert edge.wait_record(reason="name_unknown")["listener"] == "listed"


def test_what_is_no_tls_leads_nowhere(edge: Engine, world: World) -> None:
    before = world.named["other.example"].accepted
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\x02\x03", b"\x16\x03\x01\x00\x04\xff\x00\x00\x00"):
        with RawClient(edge.ports["all"]) as client:
            client.send(data)
            client.read_to_end()
    assert world.named["other.example"].accepted == before


def test_a_first_message_in_small_pieces_still_chooses(edge: Engine, world: World) -> None:
    """Byte by byte through a client that is half Python's `ssl` and half this test."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = world.client.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    with pytest.raises(ssl.SSLWantReadError):
        talk.do_handshake()
    hello = outgoing.read()
    with RawClient(edge.ports["listed"]) as client:
        for at in range(len(hello)):
            client.send(hello[at : at + 1])
        assert client.reader.exactly(1) == b"\x16"


def test_a_wrong_certificate_resets_the_client(edge: Engine, launch: Runner, world: World, tmp_path: Path) -> None:
    stranger = client_tls(Authority("Strangers").write(tmp_path))
    strange = launch.engine(
        plan(tcp("encrypted"), [upstream("encrypted", f"localhost:{world.encrypted.port}", tls=stranger)])
    )
    with RawClient(strange.port) as client, pytest.raises(ConnectionResetError):
        client.socket.recv(1)
    assert strange.wait_record(reason="tls")["upstream"] == "encrypted"
