"""Upstreams: NGINX's `upstream` blocks, and addresses that `proxy_pass` names directly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...config.address import check_endpoint
from ...config.errors import Wrong
from ...config.upstream import Pool
from .book import Book
from .directive import Directive
from .unclear import Unclear
from .units import duration, duration_text
from .variables import Words, variables_of

if TYPE_CHECKING:
    from ...config.errors import Place

Data = dict[str, Any]
NAME_LETTER = re.compile(r"[^A-Za-z0-9_.-]+")
NUMERIC = re.compile(r"[\d.]+|\[.*\]|localhost|unix")
DEFAULT_FAILS = ("1", "10s")
"""NGINX's max_fails and fail_timeout, which glorieta's own outlier detection replaces."""
HASH_WORDS = {"$remote_addr": "client.ip", "$binary_remote_addr": "client.ip", "$request_uri": "path", "$uri": "path"}
PEAK_EWMA = (
    "peak_ewma counts requests in flight times latency, of two random endpoints: without load the quicker one gets more"
)
NO_WEIGHT = "weights of glorieta end at 1000"


@dataclass
class Servers:
    """The servers of one upstream as they are read."""

    endpoints: list[Data | str] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    """Where each endpoint is written."""
    backups: list[tuple[str, Directive]] = field(default_factory=list)
    fails: set[tuple[str, str]] = field(default_factory=set)
    connections: set[int] = field(default_factory=set)


def way_to(address: str, tls: Data | None, version: str | None, *, told: bool) -> str:
    """An address that is spoken to in another way is another."""
    by_tls = "" if tls is None else f" by TLS {tls}"
    by_version = f" by {version}" if version else ""
    return f"{address}{by_tls}{by_version}{' told of clients' if told else ''}"


class Upstreams:
    """All that are used, in the order in which they are met."""

    def __init__(self, book: Book, declared: list[Directive], *, layer4: bool = False) -> None:
        self.book = book
        self.layer4 = layer4
        self.declared = {each.first: each for each in declared}
        self.names: dict[str, str] = {}
        """An upstream's name or address in NGINX → its name here."""
        self.data: dict[str, Data] = {}
        self.origins: dict[str, Directive] = {}
        self.endpoints: dict[str, list[Directive]] = {}
        """Where the endpoints of each upstream are written."""

    def declared_name(
        self, authority: str, tls: Data | None = None, version: str | None = None, *, told: bool = False
    ) -> str | None:
        """The name here of an `upstream` block; by TLS it is one of its own, as by other TLS or by HTTP/2."""
        if authority not in self.declared:
            return None
        known = way_to(authority, tls, version, told=told)
        if known not in self.names:
            directive = self.declared[authority]
            name = self.free_name(NAME_LETTER.sub("-", authority).strip("-.") or "upstream")
            self.names[known] = name
            self.origins[name] = directive
            self.data[name] = self.read(directive, name)
            if tls is not None:
                self.data[name]["tls"] = tls or "on"
            if version is not None:
                self.data[name]["version"] = version
            if told:
                self.data[name]["proxy_protocol"] = "v1"
        return self.names[known]

    def address_name(
        self,
        address: str,
        wish: str,
        origin: Directive,
        tls: Data | None = None,
        version: str | None = None,
        *,
        told: bool = False,
    ) -> str:
        """The name of an upstream that has this one endpoint."""
        known = way_to(address, tls, version, told=told)
        if known not in self.names:
            host = address.rpartition(":")[0]
            label = host.split(".")[0]
            name = self.free_name(wish if NUMERIC.fullmatch(host) or address.startswith("unix:") else label)
            self.names[known] = name
            self.origins[name] = origin
            self.data[name] = {"endpoints": [address]}
            if tls is not None and address.startswith("unix:"):
                self.data[name]["tls"] = {"name": "localhost", **tls}
            elif tls is not None:
                self.data[name] |= {"endpoints": [f"https://{address}"], **({"tls": tls} if tls else {})}
            if told:
                self.data[name]["proxy_protocol"] = "v1"
            if version is not None:
                self.data[name]["version"] = version
        return self.names[known]

    def free_name(self, wish: str) -> str:
        name = NAME_LETTER.sub("-", wish).strip("-.")[:56] or "app"
        taken, number, wanted = set(self.data) | set(self.names.values()), 2, name
        while name in taken:
            name, number = f"{wanted}-{number}", number + 1
        return name

    def place(self, places: dict[tuple[str, ...], Place]) -> None:
        """Says where each upstream and each endpoint is written."""
        for name, origin in self.origins.items():
            places["upstreams", name] = origin.place
            for index, directive in enumerate(self.endpoints.get(name, ())):
                places["upstreams", name, "endpoints", str(index)] = directive.place

    def read(self, block: Directive, name: str) -> Data:
        """One `upstream` block."""
        self.book.translated(block)
        servers = Servers()
        options: Data = {}
        for child in block.children:
            if child.name == "server":
                self.read_server(child, servers)
            else:
                options |= self.read_option(child)
        self.keep_backups(servers, options)
        self.endpoints[name] = servers.directives
        data: Data = {"endpoints": servers.endpoints}
        if "balance" not in options and len(servers.endpoints) > 1:
            options["balance"] = "round_robin"
        if len(servers.endpoints) < 2:
            options.pop("balance", None)
        data |= options | self.outlier(servers, block)
        if len(servers.connections) == 1:
            data.setdefault("pool", {})["max_connections"] = servers.connections.pop()
        if not servers.endpoints:
            raise Unclear(f"upstream {block.first} has no server that is up")
        return data

    def read_server(self, server: Directive, servers: Servers) -> None:
        try:
            address = endpoint_address(server.first)
        except Unclear as unclear:
            self.book.missing(server, unclear.what, unclear.nearest)
            return
        parameters = dict(each.partition("=")[::2] for each in server.args[1:])
        if "down" in parameters:
            self.book.needless(server, "it is marked as down, so it gets nothing")
            return
        self.book.translated(server)
        for name in ("slow_start", "route", "service", "drain"):
            if name in parameters:
                self.book.nearly(server, f"{name} has no twin yet", "it comes with Balancing")
        if "backup" in parameters:
            servers.backups.append((address, server))
            return
        weight = int(parameters.get("weight", "1"))
        if weight > 1000:
            self.book.nearly(server, NO_WEIGHT)
        servers.endpoints.append({"address": address, "weight": min(weight, 1000)} if weight != 1 else address)
        servers.directives.append(server)
        servers.fails.add(
            (parameters.get("max_fails", DEFAULT_FAILS[0]), parameters.get("fail_timeout", DEFAULT_FAILS[1]))
        )
        if parameters.get("max_conns", "0") != "0":
            servers.connections.add(int(parameters["max_conns"]))

    def keep_backups(self, servers: Servers, options: Data) -> None:
        """One server and its stand-ins are what `first_available` means; more have no twin."""
        if not servers.backups:
            return
        if len(servers.endpoints) == 1 and "balance" not in options:
            servers.endpoints += [address for address, _ in servers.backups]
            servers.directives += [directive for _, directive in servers.backups]
            options["balance"] = "first_available"
            return
        for _, directive in servers.backups:
            self.book.missing(
                directive,
                "a stand-in for several servers that share the requests has no twin; it is left out",
                "balance: first_available, where one server and its stand-ins are enough",
            )

    def outlier(self, servers: Servers, block: Directive) -> Data:
        if len(servers.fails) > 1:
            self.book.nearly(block, "max_fails and fail_timeout differ by server, outlier: is for all endpoints alike")
            return {}
        fails, timeout = next(iter(servers.fails), DEFAULT_FAILS)
        if fails == "0" or not duration(timeout):
            return {"outlier": "off"}
        if (fails, timeout) == DEFAULT_FAILS:
            return {}
        found: Data = {"consecutive": int(fails)}
        if timeout != DEFAULT_FAILS[1]:
            found["ejection"] = duration_text(timeout)
        return {"outlier": found}

    def read_option(self, child: Directive) -> Data:
        """A directive of the block other than `server`."""
        match child.name:
            case "least_conn" | "least_time":
                self.book.nearly(child, PEAK_EWMA)
                return {"balance": "peak_ewma"}
            case "random" if "two" in child.args:
                self.book.nearly(child, PEAK_EWMA)
                return {"balance": "peak_ewma"}
            case "random":
                self.book.translated(child)
                return {"balance": "random"}
            case "ip_hash":
                self.book.nearly(child, "the whole address is hashed, not the first three numbers")
                return {"balance": {"hash": "client.ip"}}
            case "hash":
                return self.read_hash(child)
            case "sticky":
                return self.read_sticky(child)
            case "keepalive":
                self.book.needless(child, "connections are kept; pool.max_connections bounds them")
            case "keepalive_timeout":
                self.book.translated(child)
                same = duration(child.first) == Pool.model_fields["idle"].default
                return {} if same else {"pool": {"idle": duration_text(child.first)}}
            case "keepalive_time":
                self.book.translated(child)
                return {"pool": {"max_age": duration_text(child.first)}}
        return {}

    def read_hash(self, child: Directive) -> Data:
        key = child.first
        if "consistent" not in child.args:
            self.book.nearly(child, "the hash is consistent: an endpoint that comes or goes moves few keys")
        if key in HASH_WORDS:
            self.book.translated(child)
            return {"balance": {"hash": HASH_WORDS[key]}}
        names = variables_of(key)
        try:
            words = Words().template(key) if len(names) == 1 and key in (f"${names[0]}", f"${{{names[0]}}}") else ""
        except Unclear:
            words = ""
        if words:
            self.book.translated(child)
            return {"balance": {"hash": words[2:-1]}}
        self.book.missing(
            child, "hashes what no one word says; the first endpoint is chosen by latency", "balance: {hash: WORD}"
        )
        return {}

    def read_sticky(self, child: Directive) -> Data:
        self.book.missing(
            child,
            "keeps a client at one server by a cookie of its own",
            "balance: {hash: cookie.NAME} by a cookie of the service",
        )
        return {}


def endpoint_address(text: str, port: str = "80") -> str:
    """`10.0.0.1`, `name:8080` or `unix:/run/app.sock`, with its port."""
    if text.startswith("unix:"):
        return text.removesuffix(":")
    full = text if re.search(r":\d+$", text) and (not text.startswith("[") or "]:" in text) else f"{text}:{port}"
    try:
        return check_endpoint(full)
    except Wrong as wrong:
        raise Unclear(wrong.message, wrong.fix) from None
