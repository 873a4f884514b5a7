"""Who may come in: `allow` and `deny` in NGINX's order, and checks that are not built yet, which close a route."""

from __future__ import annotations

import ipaddress
from typing import Any

from .book import Book
from .directive import Directive
from .scope import Scope

Data = dict[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AUTHENTICATION = ("auth_basic", "auth_request", "auth_jwt")
MOST_NETWORKS = 256
CLOSED = "comes with Gateway, not yet"
UNTIL_THEN = "the route answers 401 until then, so that nothing is open by accident"


def address_filters(book: Book, scope: Scope) -> Data | None:
    """`allow:` and `deny:`; none, where nobody may come in."""
    rules = [each for each in scope.level("allow", "deny") if readable(book, each)]
    book.translated(*rules)
    if not rules:
        return {}
    if any(each.first == "unix:" for each in rules):
        rules = [each for each in rules if each.first != "unix:"]
    refused_at_the_end = rules and rules[-1].name == "deny" and rules[-1].first == "all"
    if rules and rules[0].name == "deny" and rules[0].first == "all":
        return None
    denied = refused(rules)
    if not refused_at_the_end:
        return {"deny": texts(denied)} if denied else {}
    allowed = [network_of(each) for each in rules if each.name == "allow" and each.first != "all"]
    if not allowed:
        return None
    # deny wins over allow, so only what is taken out of an allowed network needs to be named.
    denied = [each for each in denied if any(each.version == one.version and each.overlaps(one) for one in allowed)]
    return {"allow": texts(allowed), **({"deny": texts(denied)} if denied else {})}


def readable(book: Book, directive: Directive) -> bool:
    if directive.first in ("all", "unix:"):
        return True
    try:
        ipaddress.ip_network(directive.first, strict=False)
    except ValueError:
        book.missing(directive, f"{directive.first} is no address", "write addresses or networks")
        return False
    return True


def refused(rules: list[Directive]) -> list[Network]:
    """The networks that may not come in: the first rule that fits an address decides."""
    found: list[Network] = []
    for index, rule in enumerate(rules):
        if rule.first == "all":
            break
        if rule.name == "deny":
            found += without(network_of(rule), [network_of(each) for each in rules[:index] if each.name == "allow"])
    return found


def network_of(rule: Directive) -> Network:
    return ipaddress.ip_network(rule.first, strict=False)


def without(network: Network, others: list[Network]) -> list[Network]:
    """A network without others."""
    left = [network]
    for other in others:
        kept: list[Network] = []
        for each in left:
            if each.version != other.version or not each.overlaps(other):
                kept.append(each)
            elif other.supernet_of(each):  # type: ignore[arg-type]
                continue
            else:
                kept += each.address_exclude(other)  # type: ignore[arg-type]
        left = kept
    return sorted(left, key=lambda each: (each.version, each)) if len(left) <= MOST_NETWORKS else [network]


def texts(networks: list[Network]) -> list[str]:
    return [str(each.network_address) if each.num_addresses == 1 else str(each) for each in networks]


def authentication(book: Book, scope: Scope) -> Directive | None:
    """The check that a request must pass here; entered as what it is: not built yet."""
    for name in AUTHENTICATION:
        directive = scope.last(name)
        if directive is None:
            continue
        if directive.first == "off":
            book.needless(directive, "nothing is asked for here")
            continue
        if name == "auth_request" and directive.parent is not None and directive.parent.first == directive.first:
            continue
        book.missing(directive, CLOSED, UNTIL_THEN)
        for each in scope.level(f"{name}_user_file", f"{name}_set"):
            book.missing(each, CLOSED)
        return directive
    return None


def challenge(directive: Directive) -> Data:
    """What NGINX answers to a request without credentials."""
    if directive.name == "auth_basic":
        realm = directive.first.replace('"', "'")
        return {"status": 401, "headers": {"WWW-Authenticate": f'Basic realm="{realm}"'}}
    return {"status": 401}
