"""`stream`: listeners of layer 4."""

from __future__ import annotations

from typing import Any

from .access import address_filters
from .book import Book
from .directive import Directive
from .encrypting import listener_tls, upstream_tls
from .listens import NAME_ONE, NO_CERTIFICATE, Listen, binds_of, listens_of, sockets_of
from .result import Result
from .scope import Scope
from .unclear import Unclear
from .units import duration_text
from .upstreams import Upstreams, endpoint_address

Data = dict[str, Any]
UDP_LATER = "UDP comes with Protocols, not yet"
UNTIL_THEN = "until then clients reach the service directly"
BY_NAME = "chooses by what TLS names"
NAMES = "protocol: tls, with names: {NAME: UPSTREAM}"


class Stream:
    """One `stream` block."""

    def __init__(self, book: Book, stream: Directive, result: Result) -> None:
        self.book = book
        self.stream = stream
        self.result = result
        self.upstreams = Upstreams(book, stream.named("upstream"), layer4=True)
        # Names are shared with those of http.
        self.upstreams.data |= {name: {} for name in result.upstreams}

    def translate(self) -> None:
        for directive in self.stream.named("map", "geo", "split_clients"):
            is_name = "ssl_preread" in directive.first
            what = BY_NAME if is_name else "gives a variable that routes cannot ask for"
            self.book.missing(directive, what, NAMES if is_name else None)
        for server in self.stream.named("server"):
            self.book.translated(server)
            listens = listens_of(self.book, server, stream=True)
            for listen in listens:
                if listen.udp and listen.directive is not None:
                    self.book.missing(listen.directive, UDP_LATER, UNTIL_THEN)
            tcp = [listen for listen in listens if not listen.udp]
            if tcp:
                self.server(server, tcp)
            else:
                self.book.missing(server, UDP_LATER, UNTIL_THEN)
        for name, data in self.upstreams.data.items():
            if data:
                self.result.upstreams[name] = data
        self.upstreams.place(self.result.places)

    def server(self, server: Directive, listens: list[Listen]) -> None:
        scope = Scope((self.stream, server))
        directive = server.last("proxy_pass")
        if directive is None:
            self.book.missing(server, "answers by itself, which layer 4 does not", "protocol: http, with respond:")
            return
        try:
            upstream = self.upstream(scope, directive, listens[0].port)
        except Unclear as unclear:
            self.book.missing(directive, unclear.what, unclear.nearest)
            self.book.missing(server, "leads nowhere that is known before a connection comes")
            return
        self.book.translated(directive)
        for sockets in sockets_of([(listen, server) for listen in listens]):
            tls = listener_tls(self.book, scope, ()) if sockets[0].tls else {}
            binds = binds_of(sockets, local_only=sockets[0].tls and not tls)
            data: Data = {"bind": binds[0] if len(binds) == 1 else binds, "protocol": "tcp", "to": upstream}
            data |= {"tls": tls} if tls else {}
            for listen in (each for socket in sockets for each, _ in socket.listens):
                if listen.tls and not tls and listen.directive is not None:
                    self.book.nearly(listen.directive, NO_CERTIFICATE, NAME_ONE)
            data |= self.settings(scope)
            name = self.free_name(upstream)
            self.result.listeners[name] = data
            self.result.places["listeners", name] = server.place

    def upstream(self, scope: Scope, directive: Directive, port: str) -> str:
        target = directive.first
        if "$" in target:
            raise Unclear(BY_NAME, NAMES)
        by_tls = scope.last("proxy_ssl")
        self.book.translated(by_tls)
        tls = None
        if by_tls is not None and by_tls.first == "on":
            tls = upstream_tls(self.book, scope, by_tls, target if target in self.upstreams.declared else None)
        return self.upstreams.declared_name(target, tls) or self.upstreams.address_name(
            endpoint_address(target), f"port-{port}", directive, tls
        )

    def settings(self, scope: Scope) -> Data:
        """Timeouts, and who may connect."""
        timeouts: Data = {}
        connect, idle = scope.last("proxy_connect_timeout"), scope.last("proxy_timeout")
        if connect is not None:
            timeouts["connect"] = duration_text(connect.first)
        # NGINX closes after ten minutes of silence, glorieta after an hour.
        timeouts["idle"] = duration_text(idle.first) if idle is not None else "10m"
        self.book.translated(connect, idle)
        found: Data = {"timeouts": timeouts}
        addresses = address_filters(self.book, scope)
        if addresses is None:
            found["filters"] = {"deny": ["0.0.0.0/0", "::/0"]}
        elif addresses:
            found["filters"] = addresses
        return found

    def free_name(self, wish: str) -> str:
        taken, name, number = {*self.result.listeners, *self.result.groups}, wish, 2
        while name in taken:
            name, number = f"{wish}-{number}", number + 1
        return name
