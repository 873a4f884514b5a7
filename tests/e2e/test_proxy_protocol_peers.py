"""The PROXY protocol with those who use it most: HAProxy and NGINX, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, TcpEcho, unused_port
from harness.certificates import Authority
from harness.plan import http, passthrough, plan, proxy, route, server_tls, tcp, upstream
from harness.proxies import haproxy, nginx
from harness.tls import trusting

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Services
    from harness.plan import Document

SOURCE = "127.0.0.77"
GET = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"
HAPROXY = pytest.mark.tool("haproxy", "haproxy")
NGINX = pytest.mark.tool("nginx", "nginx libnginx-mod-stream")


def asked(port: int) -> dict[str, str]:
    """The fields that reach the service, through everything that lies before it."""
    with RawClient(port, source=SOURCE) as client:
        answer = client.exchange(GET)
    assert answer.status == 200, answer
    return {key.lower(): value for key, value in answer.json()["fields"]}


@pytest.fixture
def believing(launch: Runner, own_services: Services) -> Engine:
    """It stands behind them: one HTTP listener, one of layer 4."""
    service, echo = own_services.keep(HttpUpstream()), own_services.keep(TcpEcho())
    listeners: list[Document] = [http([route("*", proxy("service"))], "web"), tcp("echo", "echo")]
    for listener in listeners:
        listener["proxy_protocol"] = {"trusted": ["127.0.0.1"], "required": True}
    return launch.engine(plan(listeners, [upstream("service", service.address), upstream("echo", echo.address)]))


@HAPROXY
@pytest.mark.parametrize(
    "how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl"]
)
def test_haproxy_in_front(believing: Engine, own_services: Services, tmp_path: Path, how: str) -> None:
    web, echo = unused_port(), unused_port()
    text = f"""
listen web
    mode tcp
    bind 127.0.0.1:{web}
    unique-id-format %[uuid()]
    server edge 127.0.0.1:{believing.ports["web"]} {how}
listen echo
    mode tcp
    bind 127.0.0.1:{echo}
    unique-id-format %[uuid()]
    server edge 127.0.0.1:{believing.ports["echo"]} {how}
"""
    own_services.keep(haproxy(tmp_path, text, [web, echo]))
    assert asked(web)["x-forwarded-for"] == SOURCE
    with RawClient(echo, source=SOURCE) as client:
        client.send(b"hello")
        assert client.reader.exactly(5) == b"hello"
    believing.wait_record(listener="echo", client=SOURCE)


@HAPROXY
def test_haproxy_that_ends_tls_in_front(believing: Engine, own_services: Services, tmp_path: Path) -> None:
    certificate, key = Authority().leaf("shop.example").write(tmp_path, "shop")
    (tmp_path / "both.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    port = unused_port()
    text = f"""
listen web
    mode tcp
    bind 127.0.0.1:{port} ssl crt {tmp_path / "both.pem"}
    server edge 127.0.0.1:{believing.ports["web"]} send-proxy-v2-ssl-cn proxy-v2-options crc32c,authority,ssl
"""
    own_services.keep(haproxy(tmp_path, text, [port]))
    client = RawClient(port, source=SOURCE)
    with trusting(None).wrap_socket(client.socket, server_hostname="shop.example") as wrapped:
        wrapped.sendall(GET)
        assert wrapped.recv(12) == b"HTTP/1.1 200"
    assert believing.wait_record(listener="web", client=SOURCE)["tls"] == "1.3"


@HAPROXY
@pytest.mark.parametrize("health", [False, True])
def test_haproxy_checks_with_a_header_of_its_own(
    believing: Engine, own_services: Services, tmp_path: Path, health: bool
) -> None:
    port = unused_port()
    text = f"""
listen web
    mode tcp
    bind 127.0.0.1:{port}
    {"option httpchk GET /a" if health else ""}
    server edge 127.0.0.1:{believing.ports["web"]} send-proxy-v2 check check-send-proxy inter 100 fall 1
"""
    own_services.keep(haproxy(tmp_path, text, [port]))
    if health:
        believing.wait_record(listener="web", client="127.0.0.1")
    assert asked(port)["x-forwarded-for"] == SOURCE
    assert believing.metrics().total("glorieta_rejected_total", reason="proxy_malformed") == 0


@NGINX
def test_nginx_in_front(believing: Engine, own_services: Services, tmp_path: Path) -> None:
    port = unused_port()
    stream = f"server {{ listen 127.0.0.1:{port}; proxy_protocol on; proxy_pass 127.0.0.1:{believing.ports['web']}; }}"
    own_services.keep(nginx(tmp_path, stream=stream, ports=[port]))
    assert asked(port)["x-forwarded-for"] == SOURCE


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("peer", [pytest.param("haproxy", marks=HAPROXY), pytest.param("nginx", marks=NGINX)])
def test_behind_us(launch: Runner, own_services: Services, tmp_path: Path, peer: str, version: str) -> None:
    port = unused_port()
    if peer == "haproxy":
        service = own_services.keep(HttpUpstream())
        text = f"""
listen web
    mode http
    option forwardfor
    bind 127.0.0.1:{port} accept-proxy
    server service {service.address}
"""
        own_services.keep(haproxy(tmp_path, text, [port]))
    else:
        answer = '\'{"fields": [["X-Forwarded-For", "$proxy_protocol_addr"]]}\''
        server = f"server {{ listen 127.0.0.1:{port} proxy_protocol; return 200 {answer}; }}"
        own_services.keep(nginx(tmp_path, http=server, ports=[port]))
    edge = launch.engine(plan(tcp("peer"), [upstream("peer", f"127.0.0.1:{port}", proxy_protocol=version)]))
    assert asked(edge.port)["x-forwarded-for"] == SOURCE


@HAPROXY
def test_haproxy_reads_what_is_said_of_tls(launch: Runner, own_services: Services, tmp_path: Path) -> None:
    files = Authority().leaf("shop.example").write(tmp_path, "shop")
    port = unused_port()
    text = f"""
listen web
    mode http
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[fc_pp_authority] %[fc_pp_unique_id] %[src]"
"""
    own_services.keep(haproxy(tmp_path, text, [port]))
    told = upstream("peer", f"127.0.0.1:{port}", proxy_protocol="v2")
    edge = launch.engine(plan(tcp("peer", "peer", tls=server_tls(files)), [told]))
    client = RawClient(edge.port, source=SOURCE)
    with trusting(None).wrap_socket(client.socket, server_hostname="shop.example") as wrapped:
        wrapped.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b""
        while piece := wrapped.recv(4096):
            answer += piece
    name, number, source = answer.rpartition(b"\r\n\r\n")[2].decode().split(" ")
    assert (name, source) == ("shop.example", SOURCE)
    assert edge.wait_record(listener="peer")["request_id"] == number


@HAPROXY
def test_tls_is_passed_on_with_a_header_before_it(launch: Runner, own_services: Services, tmp_path: Path) -> None:
    certificate, key = Authority().leaf("shop.example").write(tmp_path, "shop")
    (tmp_path / "both.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    port = unused_port()
    text = f"""
listen web
    mode http
    bind 127.0.0.1:{port} accept-proxy ssl crt {tmp_path / "both.pem"}
    http-request return status 200 content-type text/plain lf-string "%[fc_pp_authority] %[src]"
"""
    own_services.keep(haproxy(tmp_path, text, [port]))
    told = upstream("peer", f"127.0.0.1:{port}", proxy_protocol="v2")
    edge = launch.engine(plan(passthrough({"shop.example": "peer"}), [told]))
    client = RawClient(edge.port, source=SOURCE)
    with trusting(None).wrap_socket(client.socket, server_hostname="shop.example") as wrapped:
        wrapped.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b""
        while piece := wrapped.recv(4096):
            answer += piece
    assert answer.endswith(f"shop.example {SOURCE}".encode()), answer
