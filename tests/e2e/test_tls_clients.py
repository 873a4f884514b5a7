"""Mutual TLS: who may come in, who may no more, and what routes know of them."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from harness import Engine, Runner, TcpEcho, wait_until
from harness.certificates import Authority
from harness.plan import clients, headers, http, plan, proxy, respond, route, server_tls, tcp, upstream
from harness.recording import RecordingUpstream
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Services

WORDS = "${client.certificate.verified}|${client.certificate.names}|${client.certificate.subject}|${client.certificate.fingerprint}"


class World:
    def __init__(self, folder: Path):
        self.folder = folder
        self.authority, self.issuer, self.stranger = Authority(), Authority("Clients"), Authority("Strangers")
        self.ca = self.authority.write(folder)
        self.clients = self.issuer.write(folder, "clients")
        self.shop = self.authority.leaf("shop.example").write(folder, "shop")
        self.billing = self.issuer.client("billing.internal", "spiffe://shop/billing")
        self.files = self.billing.write(folder, "billing")
        self.gone = self.issuer.client("gone.internal")
        self.gone_files = self.gone.write(folder, "gone")
        self.forged = self.stranger.client("billing.internal").write(folder, "forged")
        self.revoked = folder / "revoked.pem"
        self.revoked.write_bytes(self.issuer.revocations(self.gone))

    def open(self, edge: Engine, listener: str, shown: tuple[Path, Path] | None) -> str:
        """The answer to who shows this certificate; what TLS says if nobody answers."""
        try:
            with TlsClient(edge.ports[listener], trusting(self.ca, shown)) as client:
                # With TLS 1.3 a client learns with its first answer only whether it was let in.
                return client.get("/words").text
        except (ssl.SSLError, ConnectionError) as error:
            return f"refused: {error}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.keep(RecordingUpstream())


@pytest.fixture(scope="module")
def edge(start: Runner, world: World, origin: RecordingUpstream) -> Engine:
    name = headers({"set": {"x-client-name": "${client.certificate.names}"}})
    routes = [route("/words", respond(WORDS)), route("/*", proxy(), filters=[name])]
    listeners = [
        http(routes, kind, tls=server_tls(world.shop, clients=clients(world.clients, kind, world.revoked)))
        for kind in ("required", "optional")
    ]
    return start.engine(plan(listeners, [upstream("service", origin.address)]))


def test_a_known_client_is_named(edge: Engine, world: World) -> None:
    fingerprint = world.billing.fingerprint
    expected = f"true|billing.internal, spiffe://shop/billing|CN=billing.internal|{fingerprint}"
    for listener in ("required", "optional"):
        assert world.open(edge, listener, world.files) == expected


def test_without_a_certificate(edge: Engine, world: World) -> None:
    assert "certificate required" in world.open(edge, "required", None).lower().replace("_", " ")
    assert world.open(edge, "optional", None) == "false|||"
    assert edge.wait_record(reason="handshake_failed")["listener"] == "required"


@pytest.mark.parametrize("listener", ["required", "optional"])
def test_a_bad_certificate_never_comes_in(edge: Engine, world: World, listener: str) -> None:
    assert "unknown ca" in world.open(edge, listener, world.forged).lower().replace("_", " ")
    assert "revoked" in world.open(edge, listener, world.gone_files).lower()


@pytest.mark.parametrize(
    ("head", "trailer"),
    [
        ("X-Client-Name: admin", ""),
        # What services behind WSGI and its kin take for the same header.
        ("X_Client_Name: admin\r\nx_client-name: admin", ""),
        # What some services take for headers.
        ("Trailer: X-Client-Name", "X-Client-Name: admin\r\nx_client_name: admin\r\n"),
    ],
    ids=["header", "disguise", "trailer"],
)
def test_nobody_gives_himself_a_name(
    edge: Engine, world: World, origin: RecordingUpstream, head: str, trailer: str
) -> None:
    body = f"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{trailer}X-Sum: 1\r\n\r\n"
    forged = f"POST / HTTP/1.1\r\nHost: shop.example\r\n{head}\r\n{body}".encode()
    for shown, names in ((world.files, ["billing.internal, spiffe://shop/billing"]), (None, [])):
        origin.forget()
        with TlsClient(edge.ports["optional"], trusting(world.ca, shown)) as client:
            assert client.exchange(forged).status == 200
        request = origin.requests[0]
        assert request.headers("X-Client-Name") == names
        assert not [name for name, _ in request.fields if "_" in name]
        assert request.trailers == [("X-Sum", "1")]


def test_who_comes_back_is_still_known(edge: Engine, world: World) -> None:
    context = trusting(world.ca, world.files)
    with TlsClient(edge.ports["required"], context) as client:
        first = client.get("/words").text
        session = client.tls.session
    with TlsClient(edge.ports["required"], context, session=session) as client:
        assert client.tls.session_reused
        assert client.get("/words").text == first
    # Where nobody need show a certificate, a session without one says nothing about those who must.
    context = trusting(world.ca)
    with TlsClient(edge.ports["optional"], context) as client:
        client.get("/words")
        session = client.tls.session
    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        TlsClient(edge.ports["required"], context, session=session) as client,
    ):
        client.get("/words")


def test_the_log_may_name_clients(launch: Runner, world: World, services: Services) -> None:
    template = "${listener} ${sni} ${tls.version} ${client.certificate.verified} ${client.certificate.names}"
    tls = server_tls(world.shop, clients=clients(world.clients, "optional"))
    listeners = [http([route("/*", respond("here"))], tls=tls), tcp("echo", "mail", tls=tls)]
    document = plan(listeners, [upstream("echo", services.keep(TcpEcho()).address)])
    document["access_log"]["format"] = {"template": template}
    edge = launch.engine(document)
    for name, shown in (("web", world.files), ("web", None), ("mail", world.files)):
        with TlsClient(edge.ports[name], trusting(world.ca, shown)) as client:
            if name == "web":
                assert client.get().status == 200
    known = "shop.example 1.3 true billing.internal, spiffe://shop/billing"
    lines = {f"web {known}", "web shop.example 1.3 false -", f"mail {known}"}
    wait_until(lambda: set(edge.log_file.read_text().splitlines()) == lines, 5, "three lines")


def test_a_client_that_is_revoked_while_it_has_tickets_is_out(launch: Runner, tmp_path: Path) -> None:
    world = World(tmp_path)
    tls = server_tls(world.shop, clients=clients(world.clients, "required", world.revoked))
    edge = launch.engine(plan(http([route("/*", respond("here"))], tls=tls)))
    context = trusting(world.ca, world.files)
    with TlsClient(edge.port, context) as client:
        assert client.get().status == 200
        session = client.tls.session
    world.revoked.write_bytes(world.issuer.revocations(world.gone, world.billing))
    wait_until(lambda: "its TLS files have changed" in edge.stderr, 15, "the new list")
    with pytest.raises((ssl.SSLError, ConnectionError)), TlsClient(edge.port, context, session=session) as client:
        client.get()
