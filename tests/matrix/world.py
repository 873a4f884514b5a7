"""Everything that a cell of the matrix needs: glorieta with one listener for each way in, and a service for each way
out."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

from harness import Glorieta, unused_port
from harness.certificates import Authority
from harness.handled_edge import put
from harness.tls import trusting

from .clients import H1Client, H2Client, H3Client
from .services import H1Service, H2Service, Shop

if TYPE_CHECKING:
    from pathlib import Path

    from .clients import Client

CLIENTS = ("HTTP/1.1", "HTTP/1.1 by TLS", "HTTP/2 in clear", "HTTP/2 by TLS", "HTTP/3")
UPSTREAMS = ("HTTP/1.1", "HTTP/1.1 by TLS", "HTTP/2 in clear", "HTTP/2 by TLS")
NAMES = {"HTTP/1.1": "h1", "HTTP/1.1 by TLS": "h1s", "HTTP/2 in clear": "h2", "HTTP/2 by TLS": "h2s"}
"""Of upstreams, in the configuration and in paths."""
ROUTER = """\
from glorieta.handlers import Router, Upstream, WebSocket

router = Router(calls=["h1", "h1s", "h2", "h2s"])


async def talk(socket: WebSocket, service: Upstream) -> None:
    async with service.websocket(f"/{service.name}/talk", params=socket.query_params) as other:
        await socket.accept()
        await other.send(await socket.receive())
        await socket.send(await other.receive())
        await socket.close()
"""
"""What handlers do, for each service."""
HANDLERS = """

@router.get("/called/{name}/echo")
async def {name}({name}: Upstream) -> dict:
    return {{"called": await {name}.get("/{name}/echo").json()}}


@router.websocket("/talked/{name}")
async def talk_{name}(socket: WebSocket, {name}: Upstream) -> None:
    await talk(socket, {name})
"""


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = Authority()
        self.authorities = authority.write(folder)
        self.certificate, self.key = authority.leaf("shop.example").write(folder, "shop")
        self.shop = Shop()
        self.services = {
            "h1": H1Service(self.shop),
            "h1s": H1Service(self.shop, self.serving("http/1.1")),
            "h2": H2Service(self.shop),
            "h2s": H2Service(self.shop, self.serving("h2")),
        }
        self.clear, self.encrypted, self.admin = unused_port(), unused_port(), unused_port()
        put(folder / "shop.py", ROUTER + "".join(HANDLERS.format(name=name) for name in NAMES.values()))
        self.write("first")
        command = [sys.executable, "-m", "glorieta", "run", str(folder / "glorieta.yaml")]
        self.glorieta = Glorieta(command, folder, {"clear": self.clear}, self.admin).wait_ready()

    def serving(self, protocol: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols([protocol])
        return context

    def write(self, mark: str) -> None:
        """The configuration; `mark` is what it answers at /mark."""
        put(self.folder / "glorieta.yaml", self.text(mark))

    def text(self, mark: str) -> str:
        routes = "".join(
            f"""
  {name}-{listener}:
    at: {listener}
    routes:
      /{name}/*: {{to: {name}, filters: {{compress: on}}, retries: 1}}
      /gathered/{name}/*: {{gather: {{parts: {{one: {{to: {name}, path: /{name}/echo, nest: gathered}}}}}}}}
      /mirrored/{name}/*: {{to: h1, rewrite: /h1/echo, mirror: {name}}}"""
            for name in NAMES.values()
            for listener in ("clear", "encrypted")
        )
        upstreams = "".join(
            f"""
  {name}: {{endpoints: ["{"https://" if name.endswith("s") else ""}{service.address}"], version: {name[:2]}{
                ", tls: {name: shop.example, authorities: " + self.authorities.name + "}" if name.endswith("s") else ""
            }}}"""
            for name, service in self.services.items()
        )
        return f"""\
version: 1
admin: {{address: "127.0.0.1:{self.admin}"}}
listeners:
  clear:
    bind: "127.0.0.1:{self.clear}"
    handler: shop.py:router
    routes: {{/mark: {{respond: {mark}}}}}
  encrypted:
    bind: "127.0.0.1:{self.encrypted}"
    tls: {{certificate: shop.crt, key: shop.key}}
    versions: [h1, h2, h3]
    handler: shop.py:router
    routes: {{/mark: {{respond: {mark}}}}}
groups:{routes}
upstreams:{upstreams}
"""

    def client(self, kind: str) -> Client:
        tls = trusting(self.authorities, alpn=["h2" if kind.startswith("HTTP/2") else "http/1.1"])
        match kind:
            case "HTTP/1.1":
                return H1Client(self.clear)
            case "HTTP/1.1 by TLS":
                return H1Client(self.encrypted, tls)
            case "HTTP/2 in clear":
                return H2Client(self.clear)
            case "HTTP/2 by TLS":
                return H2Client(self.encrypted, tls)
            case _:
                return H3Client(self.encrypted, self.authorities)

    def stop(self) -> None:
        self.glorieta.check()
        self.glorieta.stop()
        for each in self.services.values():
            each.stop()
