"""Routes that ask for request words: who has proved to be whom, which name was asked for by TLS, which cookie is sent."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest

from harness import Engine, RawClient, Runner, get
from harness.certificates import Authority
from harness.http2 import Http2Client
from harness.http3 import Http3Client
from harness.plan import clients, http, plan, respond, route, server_tls
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from harness.plan import Document
    from harness.tls import Files

BILLING = "spiffe://shop/billing"
FORGED = (
    b"GET /a HTTP/1.1\r\nHost: shop.example\r\nclient.certificate.names: spiffe://shop/billing\r\n"
    b"client.certificate.verified: true\r\nX-Client-Cert: spiffe://shop/billing\r\nX-SSL-Client-Verify: SUCCESS\r\n"
    b"X-Forwarded-Client-Cert: URI=spiffe://shop/billing\r\nClient-Cert: :AAAA:\r\n"
    b"Cookie: client.certificate.names=spiffe://shop/billing\r\n\r\n"
)


def asking(name: str, **words: Any) -> Document:
    """A route for everything that asks for words and answers its name; `_` stands for the dot."""
    asked = [{"name": word.replace("_", "."), "value": value} for word, value in words.items()]
    return route("/*", respond(name), name=name, words=asked)


class World:
    """An authority of servers, one of clients, and who has a certificate of it."""

    def __init__(self, folder: Path):
        self.folder = folder
        authority, self.issuer = Authority(), Authority("Clients")
        self.ca = authority.write(folder)
        self.clients = self.issuer.write(folder, "clients")
        self.shop = authority.leaf("shop.example", "www.shop.example").write(folder, "shop")
        self.billing = self.shown("billing", "billing.internal", BILLING)
        self.mail = self.shown("mail", "mail.internal", "spiffe://shop/mail")
        self.other = self.shown("other", "other.internal")
        # One name, which says two where names are joined.
        self.sly = self.shown("sly", "sly.internal", f"spiffe://other/x, {BILLING}")

    def shown(self, name: str, *names: str) -> Files:
        return self.issuer.client(*names).write(self.folder, name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def edge(start: Runner, world: World) -> Engine:
    verified = {"client_certificate_verified": {"exact": "true"}}
    partners = [
        asking("billing", client_certificate_names={"exact": BILLING}, **verified),
        asking("verified", **verified),
        route("/*", respond("everybody")),
    ]
    names = [
        asking("www", sni={"exact": "www.shop.example"}),
        asking("nameless", sni="absent"),
        asking("old", tls_version={"exact": "1.2"}, sni={"exact": "shop.example"}),
        route("/*", respond("other name")),
    ]
    cookies = [
        asking("canary", cookie_version={"exact": "canary"}),
        asking("known", cookie_sid={"regex": "[0-9a-f]+"}),
        asking("nobody", cookie_version="absent", cookie_sid="absent"),
        route("/*", respond("stable")),
    ]
    tls = server_tls(world.shop, clients=clients(world.clients, "optional"))
    listeners = [
        http(partners, "partners", tls=tls, versions=["h1", "h2", "h3"]),
        http(names, "names", tls=server_tls(world.shop)),
        http(cookies, "cookies"),
        http([asking("here", client_ip={"exact": "127.0.0.1"})], "addresses", trusted_proxies=["127.0.0.0/8"]),
        http([{**asking("post", cookie_sid="present"), "methods": ["POST"]}], "methods"),
    ]
    return start.engine(plan(listeners))


def test_who_has_proved_it_gets_the_route(edge: Engine, world: World) -> None:
    port = edge.ports["partners"]
    shown = {None: "everybody", world.billing: "billing", world.mail: "verified", world.other: "verified"}
    for files, expected in shown.items():
        with TlsClient(port, trusting(world.ca, files)) as client:
            assert client.get("/a").text == expected
        with Http2Client(port, trusting(world.ca, files, ["h2"])) as client:
            assert client.request(path="/a").text == expected
        with Http3Client(port, world.ca, shown=files) as client:
            assert client.get("/a").text == expected


def test_nobody_becomes_somebody_by_what_he_says(edge: Engine, world: World) -> None:
    for files, expected in ((None, "everybody"), (world.sly, "verified")):
        with TlsClient(edge.ports["partners"], trusting(world.ca, files)) as client:
            assert client.exchange(FORGED).text == expected


def test_who_comes_back_is_still_himself_and_nobody_else(edge: Engine, world: World) -> None:
    port, context = edge.ports["partners"], trusting(world.ca, world.billing)
    with TlsClient(port, context) as client:
        assert client.get("/a").text == "billing"
        session = client.tls.session
    with TlsClient(port, context, session=session) as client:
        assert client.tls.session_reused
        assert client.get("/a").text == "billing"


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("www.shop.example", "www.shop.example", "www"),
        # The name of the connection counts, whatever its requests ask for.
        ("www.shop.example", "shop.example", "www"),
        ("WWW.Shop.Example", "shop.example", "www"),
        ("shop.example", "www.shop.example", "other name"),
        (None, "www.shop.example", "nameless"),
    ],
)
def test_the_name_of_the_connection_chooses(
    edge: Engine, world: World, name: str | None, host: str, expected: str
) -> None:
    with TlsClient(edge.ports["names"], trusting(None), name) as client:
        assert client.get("/a", host).text == expected


def test_the_version_of_tls_chooses(edge: Engine, world: World) -> None:
    context = trusting(world.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsClient(edge.ports["names"], context) as client:
        assert client.get("/a").text == "old"


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        (None, "nobody"),
        ("version=canary", "canary"),
        ("a=b; version=canary; sid=x", "canary"),
        ("version=stable", "stable"),
        # Of two of one name the first counts, as for services that read them in order.
        ("version=stable; version=canary", "stable"),
        ("xversion=canary", "nobody"),
        ("version=canary2", "stable"),
        ("Version=canary", "nobody"),
        ('version="canary"', "stable"),
        ("sid=7f", "known"),
        ("sid=7g", "stable"),
        (";;version", "nobody"),
    ],
)
def test_a_cookie_chooses(edge: Engine, cookies: str | None, expected: str) -> None:
    sent = {"Cookie": cookies} if cookies else {}
    assert get(edge.ports["cookies"], "/a", sent).text == expected
    with Http2Client(edge.ports["cookies"]) as client:
        # HTTP/2 may send each pair as a field of its own (RFC 9113 §8.2.3).
        crumbs = [("cookie", crumb.strip()) for crumb in (cookies or "").split(";") if crumb.strip()]
        assert client.request(path="/a", fields=crumbs).text == expected


def test_the_address_is_that_of_the_client(edge: Engine) -> None:
    port = edge.ports["addresses"]
    assert get(port, "/a").text == "here"
    assert get(port, "/a", {"X-Forwarded-For": "203.0.113.7"}).status == 404


def test_a_method_is_refused_only_to_whom_the_words_mean(edge: Engine) -> None:
    answer = get(edge.ports["methods"], "/a", {"Cookie": "sid=1"})
    assert (answer.status, answer.header("Allow")) == (405, "POST")
    assert get(edge.ports["methods"], "/a").status == 404


def test_a_request_without_a_host_of_old_is_matched_too(edge: Engine) -> None:
    with RawClient(edge.ports["cookies"]) as client:
        assert client.exchange(b"GET /a HTTP/1.0\r\nCookie: version=canary\r\n\r\n").text == "canary"
