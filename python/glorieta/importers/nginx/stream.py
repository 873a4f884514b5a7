"""`stream`: listeners of layer 4."""

from __future__ import annotations

from typing import Any

from .access import address_filters
from .book import Book
from .directive import Directive
from .listens import Listen, binds_of, listens_of, sockets_of
from .result import Result
from .scope import Scope
from .unclear import Unclear
from .units import duration_text
from .upstreams import Upstreams, endpoint_address

Data = dict[str, Any]
UDP_LATER = "UDP comes with Protocols, not yet"
UNTIL_THEN = "until then clients reach the service directly"
TLS_LATER = "TLS comes with Protocols; the listener passes TLS on without reading it"
BY_NAME = "chooses by what TLS names; it comes with Protocols (protocol: tls)"


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
            self.book.missing(
                directive,
                BY_NAME if "ssl_preread" in directive.first else "gives a variable that routes cannot ask for",
            )
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
            upstream = self.upstream(directive, listens[0].port)
        except Unclear as unclear:
            self.book.missing(directive, unclear.what, unclear.nearest)
            self.book.missing(server, "leads nowhere that is known before a connection comes")
            return
        self.book.translated(directive)
        for listen in listens:
            if listen.tls and listen.directive is not None:
                self.book.nearly(listen.directive, TLS_LATER)
        for sockets in sockets_of([(listen, server) for listen in listens]):
            binds = binds_of(sockets)
            data: Data = {"bind": binds[0] if len(binds) == 1 else binds, "protocol": "tcp", "to": upstream}
            data |= self.settings(scope)
            name = self.free_name(upstream)
            self.result.listeners[name] = data
            self.result.places["listeners", name] = server.place

    def upstream(self, directive: Directive, port: str) -> str:
        target = directive.first
        if "$" in target:
            raise Unclear(BY_NAME if "ssl_preread" in target or "$" in target else target)
        return self.upstreams.declared_name(target) or self.upstreams.address_name(
            endpoint_address(target), f"port-{port}", directive
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
