"""`stream`: listeners of layer 4."""

from __future__ import annotations

from typing import Any

from .access import address_filters
from .announced import announced, announces
from .book import Book
from .datagrams import session_settings
from .directive import Directive
from .encrypting import listener_tls, upstream_tls
from .listens import NAME_ONE, NO_CERTIFICATE, Listen, binds_of, listens_of, sockets_of
from .result import Result
from .scope import Scope
from .unclear import Unclear
from .units import duration_text
from .upstreams import Upstreams, endpoint_address

Data = dict[str, Any]
BY_NAME = "chooses by what TLS names"
NAMES = "protocol: tls, with names: {NAME: UPSTREAM}"
BY_CLIENT = ("$binary_remote_addr", "$remote_addr")


class Stream:
    """One `stream` block."""

    def __init__(self, book: Book, stream: Directive, result: Result) -> None:
        self.book = book
        self.stream = stream
        self.result = result
        self.upstreams = Upstreams(book, stream.named("upstream"), layer4=True)
        self.zones = {
            argument.removeprefix("zone=").partition(":")[0]: each
            for each in stream.named("limit_conn_zone")
            for argument in each.args[1:]
        }
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
            for udp in (False, True):
                some = [listen for listen in listens if listen.udp == udp]
                if some:
                    self.server(server, some, udp=udp)
        for name, data in self.upstreams.data.items():
            if data:
                self.result.upstreams[name] = data
        self.upstreams.place(self.result.places)

    def server(self, server: Directive, listens: list[Listen], *, udp: bool) -> None:
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
            protocol = "udp" if udp else "tcp"
            data: Data = {"bind": binds[0] if len(binds) == 1 else binds, "protocol": protocol, "to": upstream}
            data |= {"tls": tls} if tls else {}
            data |= announced(self.book, scope, [each for each, _ in sockets[0].listens], stream=True)
            for listen in (each for socket in sockets for each, _ in socket.listens):
                if listen.tls and not tls and listen.directive is not None:
                    self.book.nearly(listen.directive, NO_CERTIFICATE, NAME_ONE)
            data |= session_settings(self.book, scope) if udp else self.timeouts(scope)
            data |= self.limits(scope)
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
        told = announces(self.book, scope)
        return self.upstreams.declared_name(target, tls, told=told) or self.upstreams.address_name(
            endpoint_address(target), f"port-{port}", directive, tls, told=told
        )

    def timeouts(self, scope: Scope) -> Data:
        timeouts: Data = {}
        connect, idle = scope.last("proxy_connect_timeout"), scope.last("proxy_timeout")
        if connect is not None:
            timeouts["connect"] = duration_text(connect.first)
        # NGINX closes after ten minutes of silence, glorieta after an hour.
        timeouts["idle"] = duration_text(idle.first) if idle is not None else "10m"
        self.book.translated(connect, idle)
        return {"timeouts": timeouts}

    def limits(self, scope: Scope) -> Data:
        """Who may connect, and how often at one time."""
        found: Data = {}
        for directive in scope.level("limit_conn"):
            zone = self.zones.get(directive.first)
            if zone is not None and zone.first in BY_CLIENT and directive.args[-1].isdigit():
                self.book.translated(directive, zone)
                found["limits"] = {"connections_per_client": int(directive.args[-1])}
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
