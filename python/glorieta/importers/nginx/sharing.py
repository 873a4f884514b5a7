"""`split_clients` and `mirror`: who else gets requests, and copies of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .proxying import URL, destination
from .unclear import Unclear
from .variables import FAMILIES, variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .action import Action
    from .book import Book
    from .directive import Directive
    from .maps import Map
    from .scope import Scope
    from .site import Site
    from .variables import Words

WHOLE = 10_000
"""NGINX counts shares in hundredths of a percent."""
OTHER_HASH = "shares are the same, and another hash decides who meets which"
ONE_WORD = "only {} decides who meets which"
ONE_HOST = "all of them are told the host {}; NGINX tells each its own name"
WITHOUT_REST = "leaves a rest of the requests without a service"
BY_CHANCE = ("request_id", "msec", "pid", "connection", "connection_requests")
"""Variables that are others for each request, or for no client."""
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
"""NGINX copies all requests."""
ASKS_NOBODY = "copies go to a location that asks no service"
AS_FORWARDED = "the copy is what is forwarded, with its Host and headers"
ITS_PATH = "and its path; NGINX asks for {}"
WITHOUT_BODY = "requests with a body have no copy; NGINX copies them without it"
SECOND = "copies go to one place only"


@dataclass(frozen=True)
class Shares:
    """A variable of `split_clients` that chooses where a `proxy_pass` leads."""

    directive: Directive
    variable: str
    weights: dict[str, int]
    by: str


def shares_of(maps: Mapping[str, Map], proxy: Directive) -> Shares | None:
    """None: the service of a `proxy_pass` is not chosen so."""
    found = URL.fullmatch(proxy.first)
    names = variables_of(found["authority"]) if found is not None else []
    mapped = maps.get(names[0]) if len(names) == 1 else None
    if mapped is None or mapped.directive.name != "split_clients":
        return None
    weights: dict[str, int] = {}
    for line in mapped.directive.children:
        rest = WHOLE - sum(weights.values())
        share = rest if line.name == "*" else hundredths(line.name)
        weights[line.first] = weights.get(line.first, 0) + share
    if sum(weights.values()) != WHOLE or not all(weights):
        raise Unclear(WITHOUT_REST, "split: {UPSTREAM: WEIGHT, …}")
    return Shares(mapped.directive, names[0], weights, decided_by(mapped.directive.first))


def hundredths(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?%", text):
        raise Unclear(f"{text} is no share")
    return round(float(text[:-1]) * 100)


def decided_by(source: str) -> str:
    """The word for the variable that is hashed; of several the first that names a client."""
    for name in variables_of(source):
        if name in ("remote_addr", "binary_remote_addr", "realip_remote_addr"):
            return "client.ip"
        for start, family in FAMILIES.items():
            if name.startswith(start):
                rest = name.removeprefix(start)
                return f"{family}.{rest.replace('_', '-') if family == 'header' else rest}"
        if name in BY_CHANCE:
            return "random"
    raise Unclear("shares requests out by what has no word", "by: client.ip, a header or a cookie")


def note_shares(book: Book, shares: Shares) -> None:
    several = len(variables_of(shares.directive.first)) > 1
    book.nearly(shares.directive, OTHER_HASH if not several else f"{OTHER_HASH}; {ONE_WORD.format(shares.by)}")
    book.translated(*shares.directive.children)


def with_variant(words: Words, shares: Shares, value: str) -> Words:
    return replace(words, constants={**words.constants, shares.variable: value})


def share_out(site: Site, scope: Scope, action: Action, shares: Shares, words: Words, wish: str) -> None:
    """Makes a split of what leads to the first of several services."""
    found: dict[str, int] = {}
    for value, weight in shares.weights.items():
        where = destination(site.book, scope, action.origin, with_variant(words, shares, value), site.upstreams, wish)
        found[where.upstream] = found.get(where.upstream, 0) + weight
    note_shares(site.book, shares)
    if action.options.get("host") == next(iter(shares.weights)):
        site.book.nearly(action.origin, ONE_HOST.format(action.options["host"]))
    action.target = {"split": {"to": smallest(found), "by": shares.by}}


def smallest(weights: dict[str, int]) -> dict[str, int]:
    """The same shares in the smallest whole numbers that read as percent, where they do."""
    unit = 100 if all(weight % 100 == 0 for weight in weights.values()) else 1
    return {name: weight // unit for name, weight in weights.items()}


def add_mirror(site: Site, scope: Scope, action: Action, words: Words) -> None:
    """The copies of what is proxied."""
    written = [each for each in scope.level("mirror") if each.first != "off"]
    for each in written[1:]:
        site.book.missing(each, SECOND)
    if not written:
        return
    mirror = written[0]
    rule = site.locations.find(mirror.first)
    proxy = rule.scope.block.last("proxy_pass") if rule is not None else None
    if rule is None or proxy is None:
        site.book.missing(mirror, ASKS_NOBODY, "mirror: UPSTREAM on the route")
        return
    where = destination(site.book, rule.scope, proxy, words, site.upstreams, "copies")
    site.book.translated(mirror, proxy, rule.directive)
    data: dict[str, Any] = {"to": where.upstream, "methods": METHODS, "max_body": "1MiB"}
    body = scope.last("mirror_request_body")
    site.book.translated(body)
    if body is not None and body.first == "off":
        data["max_body"] = "0B"
        site.book.nearly(body, WITHOUT_BODY)
    site.book.nearly(mirror, AS_FORWARDED)
    if "$request_uri" not in proxy.first:
        site.book.nearly(mirror, ITS_PATH.format(where.uri or mirror.first))
    elif not {"strip_prefix", "rewrite"}.isdisjoint(action.options):
        site.book.nearly(mirror, ITS_PATH.format("the one that the client asked for"))
    action.options["mirror"] = data
    action.options["accept"] = {"mirrored-writes": "as NGINX does it"}
