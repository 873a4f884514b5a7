"""A client's certificate as handlers see it: whichever version of HTTP it comes by, and nothing of what it writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.certificates import Authority
from harness.handled_edge import HandledEdge
from harness.http2 import Http2Client
from harness.http3 import Http3Client
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Services
    from harness.tls import Files

HANDLER = """
@router.get("/who")
async def who(request: Request) -> Any:
    shown = request.client_certificate
    if shown is None:
        return None
    return {
        "subject": shown.subject, "issuer": shown.issuer, "names": shown.names, "serial": shown.serial,
        "fingerprint": shown.fingerprint, "begins": shown.not_before.isoformat(), "ends": shown.not_after.isoformat(),
        "pem": shown.pem,
    }


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError
    body = json.dumps(scope.get("extensions", {}).get("tls")).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""
FORGED = (("client-cert", ":AAAA:"), ("x-client-certificate", "admin"))


class World:
    def __init__(self, folder: Path) -> None:
        self.authority, self.issuer = Authority(), Authority("Clients")
        self.ca = self.authority.write(folder)
        clients = self.issuer.write(folder, "clients")
        self.authority.leaf("shop.example").write(folder, "shop")
        self.billing = self.issuer.client("billing.internal", "spiffe://shop/billing")
        self.files = self.billing.write(folder, "billing")
        self.edge = HandledEdge(folder, listener=", /asgi: {asgi: 'shop.py:app'}")
        self.edge.write(f"import json\n\n{HANDLER}")
        tls = f"{{certificate: shop.crt, key: shop.key, clients: {{authorities: {clients}, certificate: optional}}}}"
        self.edge.configure(f"handler: shop.py:router\n    tls: {tls}\n    versions: [h1, h2, h3]")

    def ask(self, version: str, path: str, shown: Files | None) -> Any:
        """What the handler answers, whatever headers the client writes."""
        port = self.edge.port
        if version == "h1":
            with TlsClient(port, trusting(self.ca, shown)) as client:
                lines = "".join(f"{name}: {value}\r\n" for name, value in FORGED)
                request = f"GET {path} HTTP/1.1\r\nHost: shop.example\r\n{lines}\r\n"
                return json.loads(client.exchange(request.encode()).text)
        if version == "h2":
            with Http2Client(port, trusting(self.ca, shown, ["h2"])) as client:
                return json.loads(client.get(path, *FORGED).body)
        with Http3Client(port, self.ca, shown=shown) as client:
            return json.loads(client.get(path, fields=FORGED).body)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, services: Services) -> World:
    world = World(tmp_path_factory.mktemp("handled"))
    services.keep(world.edge.start())
    return world


@pytest.mark.parametrize("version", ["h1", "h2", "h3"])
def test_a_handler_sees_whose_certificate_it_is(world: World, version: str) -> None:
    certificate = world.billing.certificate
    assert world.ask(version, "/who", world.files) == {
        "subject": "CN=billing.internal",
        "issuer": "CN=Clients",
        "names": ["billing.internal", "spiffe://shop/billing"],
        "serial": certificate.serial_number.to_bytes(20).lstrip(b"\0").hex().upper(),
        "fingerprint": world.billing.fingerprint,
        "begins": certificate.not_valid_before_utc.isoformat(),
        "ends": certificate.not_valid_after_utc.isoformat(),
        "pem": world.billing.pem.decode(),
    }
    assert world.ask(version, "/who", None) is None


@pytest.mark.parametrize("version", ["h1", "h2", "h3"])
def test_an_application_is_told_by_the_extension(world: World, version: str) -> None:
    said = world.ask(version, "/asgi", world.files)
    assert said == {
        "server_cert": None,
        "client_cert_chain": [world.billing.pem.decode()],
        "client_cert_name": "CN=billing.internal",
        "client_cert_error": None,
        "tls_version": 0x0304,
        "cipher_suite": None,
    }
    unknown = world.ask(version, "/asgi", None)
    assert unknown == {**said, "client_cert_chain": [], "client_cert_name": None}


def test_in_clear_there_is_neither(tmp_path: Path, services: Services) -> None:
    edge = HandledEdge(tmp_path, listener=", /asgi: {asgi: 'shop.py:app'}")
    edge.write(f"import json\n\n{HANDLER}")
    edge.configure()
    services.keep(edge.start())
    assert (edge.get("/who").text, edge.get("/asgi").text) == ("null", "null")
