"""What a stranger can try where certificates are proved: at the place of pages, and as an issuer by TLS-ALPN-01."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from harness import Engine, RawClient, Runner, build
from harness.certificates import Authority
from harness.plan import http, plan, respond, route, server_tls
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "/.well-known/acme-challenge/"
ACME: dict[str, Any] = {
    "directory": "https://issuer.example/dir",
    "email": None,
    "authorities": None,
    "storage": "/nonexistent",
    "challenge": "http-01",
    "profile": None,
    "renew_before_ms": None,
    "external_account": None,
}


def awaited(folder: Path, *names: str) -> dict[str, Any]:
    file = str(folder / f"{names[0]}.pem")
    return {"certificate": file, "key": file, "acme": list(names)}


@pytest.fixture
def by_http(launch: Runner) -> Engine:
    return launch.engine({**plan([http([route("/*", respond("the routes"))])]), "acme": ACME})


@pytest.mark.parametrize(
    "path",
    [
        PLACE,
        f"{PLACE}token",
        f"{PLACE}../../etc/passwd",
        f"{PLACE}%2e%2e%2fetc%2fpasswd",
        f"{PLACE}%00",
        f"{PLACE}{'a' * 4000}",
        f"{PLACE}a?b#c",
        f"http://shop.example{PLACE}token",
        "/.well-known//acme-challenge/token",
        "/.well-known/acme-challenge\\token",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_nothing_is_told_that_nobody_has_put_there(by_http: Engine, method: str, path: str) -> None:
    with RawClient(by_http.port) as client:
        client.send(build(method, path, {"Host": "shop.example"}))
        answer = client.read_response(method) if method == "HEAD" else client.read_response()
    assert answer.status in (200, 400)
    if answer.status == 200 and method != "HEAD":
        assert answer.text == "the routes"


@pytest.fixture
def by_tls(launch: Runner, tmp_path: Path) -> Engine:
    shop = Authority().leaf("shop.example").write(tmp_path, "shop")
    tls = server_tls(shop)
    tls["certificates"].append(awaited(tmp_path, "late.example", "*.late.example"))
    listener = {**http([route("/*", respond("hello"))]), "tls": tls}
    return launch.engine({**plan([listener]), "acme": {**ACME, "challenge": "tls-alpn-01"}})


def asks(port: int, name: str, protocols: list[str]) -> str:
    """How the handshake of a client with these protocols ends."""
    context = trusting(None, alpn=protocols)
    try:
        with TlsClient(port, context, name) as client:
            return f"in by {client.tls.selected_alpn_protocol()}"
    except ssl.SSLError as error:
        return error.reason or str(error)
    except OSError as error:
        return type(error).__name__


def test_who_poses_as_an_issuer_learns_nothing(by_tls: Engine) -> None:
    for name in ("shop.example", "late.example", "other.example", "a" * 63 + ".example"):
        assert "application protocol" in asks(by_tls.port, name, ["acme-tls/1"]).lower().replace("_", " ")
    # Beside other protocols it is none of an issuer's.
    assert asks(by_tls.port, "shop.example", ["acme-tls/1", "http/1.1"]) == "in by http/1.1"
    assert by_tls.wait_record(reason="handshake_failed")["protocol"] == "tls"


def test_what_is_awaited_is_refused_in_a_way_that_can_be_told_apart(by_tls: Engine) -> None:
    for name in ("late.example", "a.late.example", "LATE.example"):
        assert "internal error" in asks(by_tls.port, name, ["http/1.1"]).lower().replace("_", " ")
    assert asks(by_tls.port, "a.b.late.example", ["http/1.1"]) == "in by http/1.1"
    assert by_tls.wait_record(reason="certificate_awaited")["detail"] == "late.example, *.late.example"
    assert by_tls.metrics().total("glorieta_rejected_total", listener="web", reason="certificate_awaited") >= 3


def test_many_who_pose_as_issuers_keep_nobody_out(by_tls: Engine) -> None:
    context = trusting(None, alpn=["acme-tls/1"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="shop.example").do_handshake()
    hello = outgoing.read()
    held = []
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", by_tls.port))
        connection.sendall(hello)
        held.append(connection)
    assert asks(by_tls.port, "shop.example", ["http/1.1"]) == "in by http/1.1"
    for connection in held:
        connection.close()


def test_a_plan_without_acme_has_neither(launch: Runner, tmp_path: Path) -> None:
    shop = Authority().leaf("shop.example").write(tmp_path, "shop")
    edge = launch.engine(plan([{**http([route("/*", respond("hello"))]), "tls": server_tls(shop)}]))
    assert "application protocol" in asks(edge.port, "shop.example", ["acme-tls/1"]).lower().replace("_", " ")
