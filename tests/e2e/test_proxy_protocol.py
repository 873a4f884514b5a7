"""The PROXY protocol: clients that a proxy in front names, and endpoints that are told of clients."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, TcpEcho, wait_until
from harness import proxy_protocol as pp
from harness.certificates import Authority
from harness.plan import check, client_tls, http, passthrough, plan, proxy, route, server_tls, tcp, upstream
from harness.tls import TlsEcho, trusting

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from harness import Services
    from harness.plan import Document

CLIENT, SERVER = ("203.0.113.7", 4711), ("198.51.100.1", 443)
CLIENT6, SERVER6 = ("2001:db8::7", 4711), ("2001:db8::1", 443)
GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"


def believes(*networks: str, required: bool = True) -> Document:
    return {"trusted": list(networks), "required": required}


class World:
    def __init__(self, folder: Path, services: Services):
        self.authority = Authority()
        self.ca = self.authority.write(folder)
        self.shop = self.authority.leaf("shop.example").write(folder, "shop")
        self.service = services.keep(HttpUpstream())
        self.echo = services.keep(TcpEcho())
        self.encrypted = services.keep(TlsEcho(self.shop))
        self.told = services.keep(pp.ProxyEcho())
        self.client = trusting(self.ca)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, services: Services) -> World:
    return World(tmp_path_factory.mktemp("certificates"), services)


def told(listener: Document, proxies: Document) -> Document:
    return {**listener, "proxy_protocol": proxies}


@pytest.fixture(scope="module")
def edge(start: Runner, world: World) -> Engine:
    every = [route("*", proxy("service"))]
    here = believes("127.0.0.1")
    unix = f"unix:{start.folder()}/edge.sock"
    listeners = [
        told(http(every, "web"), here),
        told(http(every, "open"), believes("127.0.0.1", required=False)),
        told(http(every, "hasty", timeouts={"handshake_ms": 300}), here),
        told(http(every, "https", tls=server_tls(world.shop)), here),
        told(http(every, "socket", ["", unix]), here),
        told(tcp("echo", "tcp", deny=["203.0.113.8"]), here),
        told(passthrough({"shop.example": "encrypted"}, "sni"), here),
        tcp("one", "one"),
        tcp("two", "two"),
        told(tcp("two", "chain"), here),
        tcp("two", "terminated", tls=server_tls(world.shop)),
    ]
    upstreams = [
        upstream("service", world.service.address),
        upstream("echo", world.echo.address),
        upstream("encrypted", world.encrypted.address),
        upstream("one", world.told.address, proxy_protocol="v1"),
        upstream("two", world.told.address, proxy_protocol="v2"),
    ]
    return start.engine(plan(listeners, upstreams))


@pytest.fixture(autouse=True)
def forget(world: World) -> None:
    world.service.forget()
    world.told.announced.clear()


def asked(edge: Engine, name: str, before: bytes, source: str | None = None) -> dict[str, str]:
    """The fields that reach the service."""
    with RawClient(edge.ports[name], source=source) as client:
        answer = client.exchange(before + GET, "GET")
    assert answer.status == 200, answer
    return {key.lower(): value for key, value in answer.json()["fields"]}


def wrapped(edge: Engine, name: str, before: bytes, context: ssl.SSLContext) -> ssl.SSLSocket:
    """TLS after a header."""
    client = RawClient(edge.ports[name])
    client.send(before)
    return context.wrap_socket(client.socket, server_hostname="shop.example")


def is_cut(edge: Engine, name: str, data: bytes, source: str | None = None) -> bool:
    """Whether nothing comes back but the end."""
    with contextlib.suppress(ConnectionResetError), RawClient(edge.ports[name], source=source) as client:
        client.try_send(data)
        return client.read_to_end() == b""
    return True


HEADERS = {
    "v1": pp.line(CLIENT, SERVER),
    "v2": pp.block(CLIENT, SERVER),
    "v2 without a checksum": pp.block(CLIENT, SERVER, checksum=False),
    "v2 with values": pp.block(CLIENT, SERVER, pp.value(pp.ALPN, b"h2"), pp.value(0xEA, b"vpce"), pp.tls(client=0)),
}


@pytest.mark.parametrize("name", HEADERS)
def test_the_client_is_who_the_proxy_says(edge: Engine, name: str) -> None:
    fields = asked(edge, "web", HEADERS[name])
    assert (fields["x-forwarded-for"], fields["x-forwarded-proto"]) == ("203.0.113.7", "http")
    edge.wait_record(listener="web", client="203.0.113.7")


@pytest.mark.parametrize("build", [pp.line, pp.block])
def test_ipv6(edge: Engine, build: type) -> None:
    assert asked(edge, "web", build(CLIENT6, SERVER6))["x-forwarded-for"] == "2001:db8::7"


@pytest.mark.parametrize(
    "header",
    [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN what ever\r\n", pp.raw(pp.LOCAL, 0, b""), pp.raw(pp.PROXY, pp.UNSPEC, b"")],
)
def test_a_proxy_may_speak_for_itself(edge: Engine, header: bytes) -> None:
    assert asked(edge, "web", header)["x-forwarded-for"] == "127.0.0.1"


def test_a_client_without_an_address(edge: Engine) -> None:
    assert "x-forwarded-for" not in asked(edge, "web", pp.raw(pp.PROXY, pp.UNIX, bytes(216)))


def test_a_header_may_come_in_small_pieces(edge: Engine) -> None:
    for header in (HEADERS["v1"], HEADERS["v2"]):
        with RawClient(edge.ports["web"]) as client:
            for at in range(len(header)):
                client.send(header[at : at + 1])
            assert client.exchange(GET).status == 200


def test_what_the_proxy_saw_of_tls_counts(edge: Engine) -> None:
    header = pp.block(CLIENT, SERVER, pp.value(pp.AUTHORITY, b"shop.example"), pp.tls())
    assert asked(edge, "web", header)["x-forwarded-proto"] == "https"
    edge.wait_record(listener="web", tls="1.3")


def test_tls_begins_after_the_header(edge: Engine, world: World) -> None:
    for name in ("https", "sni"):
        with wrapped(edge, name, HEADERS["v2"], world.client) as client:
            client.sendall(GET)
            assert client.recv(1) in (b"H", b"G")
    assert edge.wait_record(listener="https")["client"] == "203.0.113.7"
    record = edge.wait_record(listener="sni")
    assert (record["client"], record["host"]) == ("203.0.113.7", "shop.example")


def test_allow_and_deny_are_about_the_client(edge: Engine) -> None:
    with RawClient(edge.ports["tcp"]) as client:
        client.send(HEADERS["v1"] + b"hello")
        assert client.reader.exactly(5) == b"hello"
    assert is_cut(edge, "tcp", pp.line(("203.0.113.8", 1), SERVER) + b"hello")
    assert edge.wait_record(listener="tcp", reason="denied")["client"] == "203.0.113.8"


def test_who_is_not_believed_is_refused(edge: Engine, world: World) -> None:
    for data in (HEADERS["v1"] + GET, GET, b""):
        assert is_cut(edge, "web", data, source="127.0.0.2")
    assert not world.service.heads
    record = edge.wait_record(reason="proxy_refused")
    assert (record["client"], record["protocol"]) == ("127.0.0.2", "proxy")


def test_where_headers_are_not_required_others_speak_for_themselves(edge: Engine, world: World) -> None:
    assert asked(edge, "open", HEADERS["v1"])["x-forwarded-for"] == "203.0.113.7"
    assert asked(edge, "open", b"", source="127.0.0.2")["x-forwarded-for"] == "127.0.0.2"
    world.service.forget()
    for header in (HEADERS["v1"], HEADERS["v2"]):
        with RawClient(edge.ports["open"], source="127.0.0.2") as client:
            client.send(header + GET)
            assert client.read_response().status == 400
    assert not world.service.heads


def test_through_a_unix_socket_a_header_is_always_expected(edge: Engine) -> None:
    path = next(each for each in edge.plan["listeners"] if each["id"] == "socket")["bind"][1].removeprefix("unix:")
    with RawClient(path) as client:
        answer = client.exchange(HEADERS["v1"] + GET, "GET")
    assert dict(map(tuple, answer.json()["fields"]))["X-Forwarded-For"] == "203.0.113.7"
    with RawClient(path) as client:
        client.send(GET)
        assert client.read_to_end() == b""


def test_an_endpoint_is_told_of_the_client(edge: Engine, world: World) -> None:
    for name, version in (("one", 1), ("two", 2)):
        with RawClient(edge.ports[name], source="127.0.0.9") as client:
            client.send(b"hello")
            assert client.reader.exactly(5) == b"hello"
            port = client.socket.getsockname()[1]
        seen = world.told.announced[-1]
        assert (seen.version, seen.client) == (version, ("127.0.0.9", port))
        assert seen.server == ("127.0.0.1", edge.ports[name])
    record = edge.wait_record(listener="two")
    assert world.told.announced[-1].values[pp.UNIQUE_ID].decode() == record["request_id"]
    assert pp.SSL not in world.told.announced[-1].values


def test_what_was_told_is_told_on(edge: Engine, world: World) -> None:
    for header, client, server in ((HEADERS["v1"], CLIENT, SERVER), (pp.block(CLIENT6, SERVER6), CLIENT6, SERVER6)):
        with RawClient(edge.ports["chain"]) as connection:
            connection.send(header + b"hello")
            assert connection.reader.exactly(5) == b"hello"
        assert (world.told.announced[-1].client, world.told.announced[-1].server) == (client, server)


def test_an_endpoint_is_told_of_tls_that_ends_here(edge: Engine, world: World) -> None:
    with wrapped(edge, "terminated", b"", world.client) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    values = world.told.announced[-1].values
    assert values[pp.AUTHORITY] == b"shop.example"
    assert values[pp.SSL][:5] == b"\x01\x00\x00\x00\x01"
    assert values[pp.SSL][5:] == pp.value(pp.SSL_VERSION, b"TLSv1.3")


def test_a_health_check_says_that_it_is_one(launch: Runner, world: World) -> None:
    for version in ("v1", "v2"):
        world.told.announced.clear()
        edge = launch.engine(
            plan(tcp("told"), [upstream("told", world.told.address, proxy_protocol=version, health=check())])
        )
        wait_until(lambda: len(world.told.announced) >= 2, what="two checks")
        assert {(each.version, each.local) for each in world.told.announced} == {(int(version[1]), True)}
        edge.stop()


def test_the_header_goes_before_tls_to_the_endpoint(launch: Runner, world: World, own_services: Services) -> None:
    between = own_services.keep(pp.ProxyEcho())
    service = upstream("told", between.address, proxy_protocol="v2", tls=client_tls(world.ca, name="shop.example"))
    edge = launch.engine(plan(tcp("told"), [service]))
    with RawClient(edge.port) as client:
        wait_until(lambda: between.announced, what="a header")
        client.send(b"hello")
    wait_until(lambda: b"\x16\x03\x01" in between.conversations[0].received, what="a handshake")
    assert between.announced[0].client is not None


def test_connections_for_http_are_shared_so_they_have_none(launch: Runner, world: World) -> None:
    edge = launch.engine(plan(http([route("*", proxy("service"))]), [upstream("service", world.service.address)]))
    edge.write(
        plan(
            http([route("*", proxy("service"))]),
            [upstream("service", world.service.address, proxy_protocol="v2")],
        )
    )
    edge.signal(signal.SIGHUP)
    wait_until(lambda: "HTTP connections are shared by clients" in edge.stderr, what="the refusal")


def test_a_reload_changes_who_is_believed(launch: Runner, world: World) -> None:
    listener = http([route("*", proxy("service"))], "web")
    services = [upstream("service", world.service.address)]
    edge = launch.engine(plan(listener, services))
    assert asked(edge, "web", b"")["x-forwarded-for"] == "127.0.0.1"
    edge.reload(plan(told(listener, believes("127.0.0.0/8")), services))
    assert asked(edge, "web", HEADERS["v1"])["x-forwarded-for"] == "203.0.113.7"
    edge.reload(plan(listener, services, server_name="again"))
    assert asked(edge, "web", b"")["x-forwarded-for"] == "127.0.0.1"
