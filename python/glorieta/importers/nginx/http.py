"""`http`: from servers to listeners, groups and upstreams."""

from __future__ import annotations

from typing import Any

from .action import Data
from .announced import announced
from .book import Book
from .directive import Directive
from .encrypting import listener_tls
from .listens import NAME_ONE, NO_CERTIFICATE, Socket, binds_of, listener_name, listens_of, sockets_of
from .locations import locations_of
from .maps import read_maps
from .result import Result
from .routing import Routes, Routing
from .scope import Scope
from .servers import Named, asked_hosts, named_servers, shadowed, split_hosts
from .settings import listener_settings, with_http3
from .site import Site
from .upstreams import Upstreams

TLS_REMARK = "No certificate could be written: this is plain HTTP, for something on this machine that ends TLS"
GROUP_NAME_LONGEST = 40


class Http:
    """One `http` block."""

    def __init__(self, book: Book, http: Directive, result: Result, *, whole_segments: bool) -> None:
        self.book = book
        self.http = http
        self.result = result
        self.whole_segments = whole_segments
        self.maps = read_maps(http)
        self.upstreams = Upstreams(book, http.named("upstream"))
        self.quic: set[str] = set()
        """Addresses at which HTTP/3 is spoken."""
        self.several = False
        """Whether groups have to say at which listener they are."""

    def translate(self) -> None:
        pairs = []
        for server in self.http.named("server"):
            listens = listens_of(self.book, server)
            pairs += [(listen, server) for listen in listens if not listen.udp]
            self.quic |= {listen.address for listen in listens if listen.udp}
        together = sockets_of(pairs)
        self.several = len(together) > 1
        for sockets in together:
            name = listener_name(sockets, set(self.result.listeners), len(together) == 1)
            self.listener(name, sockets)
        for name, data in self.upstreams.data.items():
            self.result.upstreams[name] = data
        self.upstreams.place(self.result.places)

    def listener(self, name: str, sockets: list[Socket]) -> None:
        named = named_servers(self.book, sockets[0])
        default = Scope((self.http, sockets[0].default))
        servers = [Scope((self.http, each.server)) for each in named]
        tls = listener_tls(self.book, default, servers) if sockets[0].tls else {}
        binds = binds_of(sockets, local_only=sockets[0].tls and not tls)
        data: Data = {"bind": binds[0] if len(binds) == 1 else binds}
        data |= {"tls": tls} if tls else {}
        self.result.listeners[name] = data
        listen = sockets[0].listens[0][0].directive
        self.result.places["listeners", name] = (listen or sockets[0].servers[0]).place
        if sockets[0].tls and not tls:
            self.result.remarks.setdefault(("listeners", name), []).append(TLS_REMARK)
            for listened, _ in sockets[0].listens:
                if listened.tls and listened.directive is not None:
                    self.book.nearly(listened.directive, NO_CERTIFICATE, NAME_ONE)
        data |= announced(self.book, default, [each for each, _ in sockets[0].listens], stream=False)
        data |= listener_settings(self.book, default, servers)
        if tls and any(socket.address in self.quic for socket in sockets):
            data |= with_http3(self.book, default, data)
        for each in named:
            self.server(name, each, named, sockets[0].port)

    def server(self, listener: str, named: Named, others: list[Named], port: str) -> None:
        """One server: sites of the same routes have their hosts together."""
        self.book.translated(named.server)
        scope = Scope((self.http, named.server))
        made: list[tuple[list[str], Routes]] = []
        for hosts, excluded in split_hosts(named, asked_hosts(scope, self.maps)):
            routes = self.site_routes(scope, hosts, excluded, port)
            twin = next((each for each in made if same(each[1], routes)), None)
            if twin is not None and (hosts or not named.default):
                twin[0].extend(hosts)
            else:
                made.append((list(hosts), routes))
        for index, (hosts, routes) in enumerate(made):
            last = index == len(made) - 1
            if named.default and last:
                everywhere = [*named.hosts, "*"] if shadowed(named, others) else []
                self.place(listener, everywhere, routes, named)
            else:
                self.place(listener, hosts, routes, named)

    def site_routes(self, scope: Scope, hosts: list[str], excluded: list[str], port: str) -> Routes:
        site = Site(self.book, scope, locations_of(self.book, scope), self.upstreams, self.maps, hosts, excluded, port)
        return Routing(site, whole_segments=self.whole_segments).routes()

    def place(self, listener: str, hosts: list[str], routes: Routes, named: Named) -> None:
        """The default server's routes stand on the listener, those of the others in groups."""
        if not hosts:
            container, path = self.result.listeners[listener], ("listeners", listener)
        else:
            name = self.group_name(hosts, listener)
            at = {"at": listener} if self.several else {}
            container = {**at, "match": hosts[0] if len(hosts) == 1 else {"host": hosts}}
            self.result.groups[name] = container
            path = ("groups", name)
            self.result.places[path] = named.server.place
            self.result.at[name] = listener
        drop_default(routes, named, bool(hosts))
        fill(container, routes, hosts)
        for key, origin in routes.origins.items():
            self.result.places[(*path, "routes", key or "rest")] = origin.place
            self.result.places.setdefault((*path, *rest_key(routes)), origin.place)
        for key, remarks in routes.remarks.items():
            where = (*path, "routes", key) if key else path
            self.result.remarks.setdefault(where, []).extend(remarks)

    def group_name(self, hosts: list[str], listener: str) -> str:
        wish = (
            next((each for each in hosts if each != "*"), "default").replace("*.", "any.").strip("[]").replace(":", "-")
        )
        wish = wish[:GROUP_NAME_LONGEST]
        taken = {*self.result.groups, *self.result.listeners}
        if wish not in taken:
            return wish
        wish, number = f"{wish}-{listener}", 2
        name = wish
        while name in taken:
            name, number = f"{wish}-{number}", number + 1
        return name


def same(one: Routes, other: Routes) -> bool:
    return one.data == other.data and one.rest == other.rest


def rest_key(routes: Routes) -> tuple[str, ...]:
    return (next(iter(routes.rest)),) if routes.rest else ()


def drop_default(routes: Routes, named: Named, in_group: bool) -> None:
    """A 404 that nobody wrote is what a listener answers anyway."""
    if in_group:
        return
    if routes.origins.get("") is named.server and routes.rest and routes.rest.get("respond") == 404:
        routes.rest = None
    if routes.origins.get("/*") is named.server and routes.data["/*"].get("respond") == 404:
        del routes.data["/*"]


def fill(container: dict[str, Any], routes: Routes, hosts: list[str]) -> None:
    """Routes, and the target of everything else."""
    if routes.data:
        container["routes"] = dict(routes.data)
    if routes.rest is None:
        return
    rest = dict(routes.rest)
    container.setdefault("routes", {})["rest"] = {"match": {"host": hosts or ["*"]}, **rest}
