"""`listen` in all its forms, and which servers share an address."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .book import Book
from .directive import Directive
from .unclear import Unclear

ANY4, ANY6 = "0.0.0.0", "[::]"
LOCAL = {ANY4: "127.0.0.1", ANY6: "[::1]"}
NO_CERTIFICATE = "has no certificate that could be written; the listener speaks plain HTTP, to its own machine only"
NAME_ONE = "tls: {certificate: FILE, key: FILE}"


@dataclass(frozen=True)
class Listen:
    """One address of one server."""

    host: str
    port: str
    default: bool
    tls: bool
    udp: bool
    directive: Directive | None
    proxy_protocol: bool = False

    @property
    def address(self) -> str:
        return self.host if self.host.startswith("unix:") else f"{self.host}:{self.port}"


def listens_of(book: Book, server: Directive, *, stream: bool = False) -> list[Listen]:
    """The addresses of a server; without any NGINX takes port 80."""
    found = []
    old_ssl = server.last("ssl")
    for directive in server.named("listen"):
        try:
            found.append(listen_of(book, directive, old_ssl is not None and old_ssl.first == "on"))
        except Unclear as unclear:
            book.missing(directive, unclear.what, unclear.nearest)
    if not found and not server.named("listen") and not stream:
        found.append(Listen(ANY4, "80", False, False, False, None))
    return found


def listen_of(book: Book, directive: Directive, ssl: bool) -> Listen:
    host, port = split_address(directive.first)
    options = set(directive.args[1:])
    tls = ssl or bool({"ssl", "quic"} & options)
    default = bool({"default_server", "default"} & options)
    book.translated(directive)
    if "quic" in options:
        book.nearly(directive, "the TLS listener of the same address speaks HTTP/3 and announces it in Alt-Svc")
    udp = bool({"udp", "quic"} & options)
    return Listen(host, port, default, tls, udp, directive, "proxy_protocol" in options)


def split_address(text: str) -> tuple[str, str]:
    if text.startswith("unix:"):
        return text, ""
    if text.isdigit():
        return ANY4, text
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d+))?", text)
    if found is None:
        raise Unclear(f"{text} is no address", "an address and a port, such as 127.0.0.1:8080")
    host = ANY4 if found[1] == "*" else found[1]
    return host, found[2] or "80"


@dataclass
class Socket:
    """An address with the servers behind it."""

    address: str
    listens: list[tuple[Listen, Directive]] = field(default_factory=list)

    @property
    def servers(self) -> list[Directive]:
        return list(dict.fromkeys(server for _, server in self.listens))

    @property
    def default(self) -> Directive:
        return next((server for listen, server in self.listens if listen.default), self.listens[0][1])

    @property
    def tls(self) -> bool:
        return any(listen.tls for listen, _ in self.listens)

    @property
    def port(self) -> str:
        return self.listens[0][0].port

    @property
    def proxy_protocol(self) -> bool:
        return any(listen.proxy_protocol for listen, _ in self.listens)

    @property
    def signature(self) -> tuple[object, ...]:
        return (*map(id, self.servers), id(self.default), self.tls, self.proxy_protocol, self.port)


def sockets_of(pairs: list[tuple[Listen, Directive]]) -> list[list[Socket]]:
    """Sockets that have the same servers stand together: they become one listener."""
    sockets: dict[str, Socket] = {}
    for listen, server in pairs:
        sockets.setdefault(listen.address, Socket(listen.address)).listens.append((listen, server))
    together: dict[tuple[object, ...], list[Socket]] = {}
    for socket in sockets.values():
        together.setdefault(socket.signature, []).append(socket)
    return list(together.values())


def binds_of(sockets: list[Socket], *, local_only: bool = False) -> list[str]:
    """Addresses to listen at; `local_only`: what was meant for TLS and has no certificate stays on its own machine."""
    addresses = [socket.address for socket in sockets]
    if local_only:
        return [local(each) for each in addresses]
    port = sockets[0].port
    both = [f"{ANY4}:{port}", f"{ANY6}:{port}"]
    if all(each in addresses for each in both):
        addresses = [f":{port}", *(each for each in addresses if each not in both)]
    return addresses


def local(address: str) -> str:
    for host, own in LOCAL.items():
        if address.startswith(f"{host}:"):
            return own + address.removeprefix(host)
    return address


def listener_name(sockets: list[Socket], taken: set[str], alone: bool) -> str:
    port = sockets[0].port
    wish = "web" if alone else {"80": "http", "443": "https"}.get(port, f"web-{port}" if port else "socket")
    name, number = wish, 2
    while name in taken:
        name, number = f"{wish}-{number}", number + 1
    return name
