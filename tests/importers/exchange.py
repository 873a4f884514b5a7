"""One request to one of the two, and what came of it: on the client's side and on that of the services."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.client import RawClient, Response, build
from harness.message import MessageError, Reader

if TYPE_CHECKING:
    from harness import ReceivedRequest

    from .asking import Asked
    from .layout import Layout, Service
    from .services import Behind

ANSWER_SECONDS = 5.0


@dataclass
class Answer:
    """What a client was told, and what reached services meanwhile."""

    response: Response | None
    """None, where the connection was closed without an answer."""
    reached: list[tuple[Service, ReceivedRequest]] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        return self.response.status if self.response else None

    def header(self, name: str) -> str | None:
        return self.response.header(name) if self.response else None


def ask(layout: Layout, asked: Asked, behind: Behind, tls: bool) -> Answer:
    """Sends one request to one side, and takes what reached the services by it."""
    port = layout.ports[asked.port]
    headers = [("Host", asked.host), *asked.headers]
    body = b"x" * asked.sent if asked.sent is not None else None
    client = RawClient(port, timeout=ANSWER_SECONDS)
    try:
        if tls:
            wrap(client, asked.host)
        response = client.exchange(build(asked.method, asked.path, headers, body), asked.method)
    except (ConnectionError, EOFError, MessageError, ssl.SSLError) as error:
        if isinstance(error, MessageError) and str(error).startswith("not a status line"):
            raise
        response = None
    finally:
        client.close()
    return Answer(response, behind.take())


def wrap(client: RawClient, host: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A name that is asked for by TLS has no port.
    client.socket = context.wrap_socket(client.socket, server_hostname=host.partition(":")[0] or None)
    client.reader = Reader(client.socket)
