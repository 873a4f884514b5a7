"""Servers and their names: which hosts each of them answers for, on each of its addresses."""

from __future__ import annotations

from dataclasses import dataclass

from .book import Book
from .conditions import question
from .directive import Directive
from .listens import Socket
from .maps import Map
from .names import NOBODY, hosts_of
from .scope import Scope
from .unclear import Unclear
from .variables import Words

UNREACHED = "no host leads to this server: it has no name of its own, and another one is the default"
NAMELESS = "none of its names has a twin, so nothing leads to it"
SECOND = "another server of this address has the name already"


@dataclass
class Named:
    """A server and the hosts that it has on one socket."""

    server: Directive
    hosts: list[str]
    default: bool


def named_servers(book: Book, socket: Socket) -> list[Named]:
    """All servers of a socket; the default one comes last and has every host that no other has."""
    taken: set[str] = set()
    found = []
    for server in socket.servers:
        default = server is socket.default
        hosts = server_hosts(book, server, taken)
        if not hosts and not default and any(book.kind(each) == "missing" for each in server.named("server_name")):
            book.missing(server, NAMELESS, "write its names out")
            continue
        if not hosts and not default:
            for each in server.all():
                book.needless(each, UNREACHED)
            continue
        found.append(Named(server, hosts, default))
    found.sort(key=lambda each: each.default)
    return found


def server_hosts(book: Book, server: Directive, taken: set[str]) -> list[str]:
    hosts: list[str] = []
    for directive in server.named("server_name"):
        book.translated(directive)
        for name in directive.args:
            try:
                found, difference = hosts_of(name)
            except Unclear as unclear:
                book.missing(directive, unclear.what, unclear.nearest)
                continue
            if difference:
                book.nearly(directive, difference)
            if any(host in taken for host in found):
                book.nearly(directive, SECOND)
            if name in NOBODY and name not in ("_", ""):
                book.needless(directive, "no request has this name")
            hosts += [host for host in found if host not in taken]
            taken |= set(found)
    return list(dict.fromkeys(hosts))


def asked_hosts(server: Scope, maps: dict[str, Map]) -> list[str]:
    """Hosts that conditions and maps of a server ask for: each becomes a site of its own."""
    found: list[str] = []
    words = Words()
    for directive in server.block.all():
        if directive.name != "if":
            continue
        try:
            found += question(directive.args, words).hosts
        except Unclear:
            continue
    used = {
        name
        for each in server.block.all()
        for text in each.args
        for name in maps
        if f"${name}" in text or f"${{{name}}}" in text
    }
    for name in used:
        if maps[name].source in ("host", "http_host"):
            found += [key.lower() for key, _ in maps[name].exact if not key.startswith((".", "*"))]
    return list(dict.fromkeys(found))


def split_hosts(named: Named, asked: list[str]) -> list[tuple[list[str], list[str]]]:
    """Hosts of each site of a server, and the hosts that others of its sites have; the last has the rest."""
    own = [host for host in asked if named.default or covered_by(host, named.hosts)]
    rest = [host for host in named.hosts if host not in own]
    found: list[tuple[list[str], list[str]]] = [([host], [each for each in own if each != host]) for host in own]
    if rest or named.default or any(host.startswith("*.") for host in named.hosts):
        found.append((rest, own))
    return found


def covered_by(host: str, hosts: list[str]) -> bool:
    return any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in hosts)


def shadowed(named: Named, others: list[Named]) -> bool:
    """Whether a wildcard of another server would take a name of the default one."""
    wildcards = [host for other in others if other is not named for host in other.hosts if host.startswith("*.")]
    return any(covered_by(host, wildcards) for host in named.hosts)
