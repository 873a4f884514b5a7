"""Clients and services that speak TLS, by Python's `ssl`."""

import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

from harness.client import RawClient, Response
from harness.message import Reader
from harness.recording import Conversation, RecordingUpstream, Respond, TcpServer

Files = tuple[Path, Path]
"""A certificate and its key."""


def trusting(authorities: Path | None, shown: Files | None = None, alpn: list[str] | None = None) -> ssl.SSLContext:
    """A client that believes these authorities (none: everybody) and shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authorities)
    if shown:
        context.load_cert_chain(*shown)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsReader(Reader):
    """What TLS says against it is an error, not an end."""

    def fill(self) -> bool:
        piece = self.connection.recv(1 << 18)
        self.buffer += piece
        self.raw += piece
        return bool(piece)


class TlsClient(RawClient):
    """One encrypted connection that asks for `name`. An end that is not said is an error."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        name: str | None = "shop.example",
        timeout: float = 5.0,
        session: ssl.SSLSession | None = None,
    ):
        super().__init__(port, timeout)
        try:
            self.tls = context.wrap_socket(
                self.socket, server_hostname=name, session=session, suppress_ragged_eofs=False
            )
        except (OSError, ValueError):
            self.socket.close()
            raise
        self.socket: socket.socket = self.tls
        self.reader = TlsReader(self.tls)

    @property
    def names(self) -> list[str]:
        """The DNS names of the certificate that answered; only where it was verified."""
        certificate: Any = self.tls.getpeercert() or {}
        return [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]

    def get(self, path: str = "/", host: str = "shop.example") -> Response:
        return self.exchange(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


class Encrypted(TcpServer):
    """Makes each connection a TLS connection before it is served."""

    context: ssl.SSLContext

    def run(self, conversation: Conversation) -> None:
        try:
            conversation.socket = self.context.wrap_socket(conversation.socket, server_side=True)
        except OSError:
            with contextlib.suppress(OSError):
                conversation.socket.close()
            conversation.open = False
            conversation.finished.set()
            return
        conversation.reader = Reader(conversation.socket, self.keep)
        super().run(conversation)


class TlsUpstream(Encrypted, RecordingUpstream):
    """A recording service behind TLS. `clients`: whose certificates it demands. `names` is what was asked for."""

    def __init__(
        self,
        files: Files,
        respond: Respond | None = None,
        clients: Path | None = None,
        newest: ssl.TLSVersion | None = None,
    ):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        if newest:
            self.context.maximum_version = newest
        if clients:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(clients)
        super().__init__(respond)


class TlsEcho(Encrypted):
    """Sends back what it gets, behind TLS."""

    def __init__(self, files: Files):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        super().__init__()

    def serve(self, conversation: Conversation) -> None:
        while data := conversation.socket.recv(65536):
            conversation.send(data)
