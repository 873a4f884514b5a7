"""The PROXY protocol: whose headers are believed, and which servers are told of clients."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .book import Book
    from .directive import Directive
    from .listens import Listen
    from .scope import Scope

Data = dict[str, Any]
HEADER = "proxy_protocol"
NOT_SAID = "does not say whose PROXY headers are believed (set_real_ip_from), and NGINX takes those of anybody"
NAME_THEM = "proxy_protocol: [NETWORK of the proxy in front]; until then connections that begin with it are refused"
PARTLY = "reads the header of anybody; glorieta closes connections from elsewhere at once"


def announced(book: Book, scope: Scope, listens: list[Listen], *, stream: bool) -> Data:
    """`proxy_protocol:` of a listener, where its `listen` asks for headers and `set_real_ip_from` says whose count."""
    asking = [each.directive for each in listens if each.proxy_protocol and each.directive is not None]
    if not asking:
        return {}
    networks = believed(book, scope) if stream or takes_addresses_from_it(book, scope) else []
    for directive in asking:
        if networks:
            book.nearly(directive, PARTLY)
        else:
            book.missing(directive, NOT_SAID, NAME_THEM)
    return {"proxy_protocol": networks} if networks else {}


def takes_addresses_from_it(book: Book, scope: Scope) -> bool:
    header = scope.last("real_ip_header")
    if header is None or header.first != HEADER:
        return False
    book.translated(header)
    return True


def believed(book: Book, scope: Scope) -> list[str]:
    found = []
    for directive in scope.level("set_real_ip_from"):
        try:
            found.append(str(ipaddress.ip_network(directive.first, strict=False)))
            book.translated(directive)
        except ValueError:
            book.missing(directive, f"{directive.first} is no network", "networks in proxy_protocol:")
    return found


def announces(book: Book, scope: Scope) -> bool:
    """Whether servers are told of clients: `proxy_protocol on` of a stream."""
    directive: Directive | None = scope.last(HEADER)
    book.translated(directive)
    return directive is not None and directive.first == "on"
