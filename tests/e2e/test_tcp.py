"""Layer 4: bytes in, bytes out, ends kept."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time

import pytest

from harness import Engine, RawClient, Runner, Services, Silent, TcpEcho, TcpNamed, refusing_address, wait_until
from harness.plan import check, plan, tcp, upstream
from harness.recording import Conversation, TcpServer

MIB = 1 << 20


class ServerFirst(TcpServer):
    """Speaks before the client does, then counts what comes."""

    def serve(self, conversation: Conversation) -> None:
        conversation.send(b"220 ready\r\n")
        line = conversation.reader.line()
        conversation.send(b"250 " + line + b"\r\n")


@pytest.fixture(scope="module")
def echo(services: Services) -> TcpEcho:
    return services.keep(TcpEcho(farewell=b"bye"))


@pytest.fixture(scope="module")
def named(services: Services) -> list[TcpNamed]:
    return [services.keep(TcpNamed(name)) for name in (b"one", b"two", b"three")]


@pytest.fixture(scope="module")
def silent(services: Services) -> Silent:
    return services.keep(Silent())


@pytest.fixture(scope="module")
def edge(start: Runner, services: Services, echo: TcpEcho, named: list[TcpNamed], silent: Silent) -> Engine:
    listeners = [
        tcp("echo", "echo"),
        tcp("echo", "short", idle_ms=600),
        tcp("mail", "mail"),
        tcp("named", "named"),
        tcp("failing", "failing"),
        tcp("refused", "refused"),
        tcp("silent", "silent", connect_ms=400),
        tcp("echo", "closed", allow=["127.0.0.2"]),
        tcp("echo", "denied", deny=["127.0.0.2"]),
        tcp("unix", "unix"),
    ]
    unix = services.keep(TcpEcho(path=f"{start.folder()}/echo.sock"))
    upstreams = [
        upstream("echo", echo.address),
        upstream("mail", services.keep(ServerFirst()).address),
        upstream("named", [each.address for each in named], balance="round_robin"),
        upstream("failing", [refusing_address(), named[1].address], balance="first_available"),
        upstream("refused", refusing_address()),
        upstream("silent", silent.address),
        upstream("unix", unix.address),
    ]
    return start.engine(plan(listeners, upstreams))


@pytest.mark.parametrize("name", ["echo", "unix"])
def test_bytes_come_back(edge: Engine, name: str) -> None:
    with RawClient(edge.ports[name]) as client:
        for size in (1, 100, 16_384, 65_536, 1_000_003):
            block = random.Random(size).randbytes(size)
            threading.Thread(target=client.send, args=(block,)).start()
            assert client.reader.exactly(size) == block


def test_a_half_close_is_kept(edge: Engine) -> None:
    with RawClient(edge.ports["echo"]) as client:
        client.send(b"hello")
        client.finish_sending()
        assert client.read_to_end() == b"hellobye"


def test_the_server_may_speak_first(edge: Engine) -> None:
    with RawClient(edge.ports["mail"]) as client:
        assert client.reader.line() == b"220 ready"
        client.send(b"HELO a\r\n")
        assert client.reader.line() == b"250 HELO a"
        assert client.is_closed()


def test_large_transfers_arrive_unchanged(edge: Engine) -> None:
    """Both ways at once and far beyond the change to splice; checked by a sum over all bytes."""
    size = 192 * MIB
    sums = [hashlib.sha256(), hashlib.sha256()]
    before = edge.memory()
    with RawClient(edge.ports["echo"], timeout=20) as client:

        def send() -> None:
            generator = random.Random(5)
            block = generator.randbytes(MIB)
            for number in range(size // MIB):
                piece = number.to_bytes(8) + block[8:]
                sums[0].update(piece)
                client.send(piece)
            client.finish_sending()

        sender = threading.Thread(target=send)
        sender.start()
        total, tail = 0, b""
        while piece := client.socket.recv(MIB):
            total += len(piece)
            joined = tail + piece
            sums[1].update(joined[:-3])
            tail = joined[-3:]
        sender.join()
    assert (total, tail) == (size + 3, b"bye")
    assert sums[0].digest() == sums[1].digest()
    assert edge.memory() - before < 8 * MIB


def test_an_idle_connection_ends(edge: Engine, echo: TcpEcho) -> None:
    with RawClient(edge.ports["short"]) as client:
        for _ in range(4):
            time.sleep(0.35)
            client.send(b"x")
            assert client.reader.exactly(1) == b"x"
        began = time.monotonic()
        client.read_to_end()
        assert 0.5 < time.monotonic() - began < 2.5
    wait_until(lambda: echo.open_connections == 0, what="the end of the service's side")


def test_connections_are_balanced(edge: Engine) -> None:
    seen = []
    for _ in range(30):
        with RawClient(edge.ports["named"]) as client:
            seen.append(client.read_to_end())
    assert {name: seen.count(name) for name in seen} == {b"one": 10, b"two": 10, b"three": 10}


def test_an_endpoint_that_refuses_is_passed_over(edge: Engine) -> None:
    for _ in range(5):
        with RawClient(edge.ports["failing"]) as client:
            assert client.read_to_end() == b"two"


@pytest.mark.parametrize("name", ["refused", "silent"])
def test_without_an_endpoint_the_connection_ends(edge: Engine, name: str) -> None:
    began = time.monotonic()
    with contextlib.suppress(ConnectionResetError), RawClient(edge.ports[name]) as client:
        client.try_send(b"hello")
        assert client.read_to_end() == b""
    assert time.monotonic() - began < 3
    record = edge.wait_record(listener=name)
    assert record["reason"] == {"refused": "refused", "silent": "connect_timeout"}[name]


@pytest.mark.parametrize(
    ("name", "source", "served"),
    [
        ("closed", "127.0.0.1", False),
        ("closed", "127.0.0.2", True),
        ("denied", "127.0.0.1", True),
        ("denied", "127.0.0.2", False),
    ],
)
def test_allow_and_deny(edge: Engine, name: str, source: str, served: bool) -> None:
    with RawClient(edge.ports[name], source=source) as client:
        client.try_send(b"x")
        client.socket.settimeout(2)
        try:
            assert (client.socket.recv(1) == b"x") == served
        except ConnectionResetError:
            assert not served


def test_a_reset_stays_a_reset(edge: Engine, echo: TcpEcho) -> None:
    with RawClient(edge.ports["echo"]) as client:
        client.send(b"hello")
        assert client.reader.exactly(5) == b"hello"
        client.reset()
    wait_until(lambda: echo.open_connections == 0, what="the end of the service's side")


def test_a_slow_reader_holds_its_own_sender_back(edge: Engine) -> None:
    before = edge.memory()
    with RawClient(edge.ports["echo"], receive_buffer=4096) as slow, RawClient(edge.ports["echo"]) as quick:
        slow.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 256 * MIB:
                sent += slow.socket.send(bytes(MIB))
        except TimeoutError:
            pass
        assert sent < 64 * MIB
        assert edge.memory() - before < 8 * MIB
        quick.send(b"quick")
        assert quick.reader.exactly(5) == b"quick"


def test_connections_are_logged_and_counted(edge: Engine) -> None:
    with RawClient(edge.ports["unix"]) as client:
        client.send(b"hello")
        client.finish_sending()
        client.read_to_end()
    record = edge.wait_record(listener="unix", bytes_in=5)
    assert (record["bytes_out"], record["upstream"], record["client"]) == (5, "unix", "127.0.0.1")
    wait_until(
        lambda: edge.metrics().total("glorieta_connections", listener="unix", state="active") == 0, what="no connection"
    )


def test_many_at_once(edge: Engine) -> None:
    clients = [RawClient(edge.ports["echo"]) for _ in range(500)]
    for number, client in enumerate(clients):
        client.send(b"%d\r\n" % number)
    for number, client in enumerate(clients):
        assert client.reader.line() == b"%d" % number
        client.close()
    wait_until(lambda: edge.open_files() < 200, what="the descriptors of all of them closed")


def test_checks_apply_to_layer_4_too(launch: Runner, own_services: Services) -> None:
    one, two = own_services.keep(TcpNamed(b"one")), own_services.keep(TcpNamed(b"two"))
    service = upstream("service", [one.address, two.address], balance="first_available", health=check())
    edge = launch.engine(plan(tcp("service"), [service]))
    one.stop()

    def answer() -> bytes:
        with RawClient(edge.port) as client:
            return client.read_to_end()

    wait_until(lambda: answer() == b"two", 5, "the other endpoint's answer")
