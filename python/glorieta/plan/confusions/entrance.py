"""Which route of a listener takes a request, by the engine's precedence, as far as that is certain."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..match import path_kind
from ..model import words_of
from ..precedence import conditions_rank, host_rank, path_key, path_rank
from .asked import PERHAPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import HostMatch, Listener, Route, ValueMatch
    from ..precedence import Rank
    from .asked import Asked

PARAMETER = "{}"
COOKIE = "cookie."


@dataclass
class Node:
    """The routes whose path leads here: those that end here, and those that take everything below as well."""

    children: dict[str, Node] = field(default_factory=dict)
    ends: list[Route] = field(default_factory=list)
    rests: list[Route] = field(default_factory=list)

    def child(self, segment: str) -> Node:
        return self.children.setdefault(PARAMETER if segment.startswith("{") else segment, Node())

    def search(self, segments: list[str]) -> Iterator[tuple[Route, bool]]:
        """Every route that may match, and whether it does."""
        yield from ((route, True) for route in self.rests)
        if not segments:
            yield from ((route, True) for route in self.ends)
            return
        segment, rest = segments[0], segments[1:]
        if PERHAPS not in segment:
            following = [(child, True) for child in (self.children.get(segment),) if child is not None]
        else:
            following = [(child, False) for name, child in self.children.items() if name != PARAMETER]
        if segment and PARAMETER in self.children:
            # No parameter is empty.
            following.append((self.children[PARAMETER], segment.strip(PERHAPS) != ""))
        for child, sure in following:
            yield from ((route, sure and below) for route, below in child.search(rest))


class Entrance:
    """The routes of an `http` listener by what they match."""

    def __init__(self, listener: Listener) -> None:
        self.root = Node()
        self.others: list[tuple[Route, bool]] = []
        """Regular expressions, which are not tried, and what takes every path."""
        self.merges = any(route["merge_slashes"] for route in listener["routes"])
        for route in listener["routes"]:
            kind, text = path_kind(route["path"])
            if kind in ("regex", "any"):
                self.others.append((route, kind == "any"))
                continue
            node = self.root
            for segment in text.removesuffix("/*").split("/")[1:]:
                node = node.child(segment)
            below = kind == "prefix" or (kind == "parameters" and text.endswith("/*"))
            (node.rests if below else node.ends).append(route)

    def takes(self, asked: Asked) -> Route | None:
        """The route of a request. None: there is none, or something that nobody knows decides it."""
        if self.merges and "//" in asked.path:
            return None
        found: list[tuple[Rank, Route, bool]] = []
        for route, sure in (*self.root.search(asked.segments), *self.others):
            ranks = [host_rank(host) for host in route["hosts"] if is_host(host, asked.host)]
            if ranks and allows(route, asked.method):
                found.append((rank(route, min(ranks), asked), route, sure))
        for _, route, sure in sorted(found, key=lambda each: each[0]):
            meets = meets_all(route, asked)
            if meets is not False:
                return route if meets and sure else None
        return None


def rank(route: Route, host: Rank, asked: Asked) -> Rank:
    """The place among all routes that may take a request. Of one path a route that names `HEAD` takes it first."""
    unnamed = asked.method == "HEAD" and "HEAD" not in route["methods"]
    return (host, path_rank(route), path_key(route), unnamed, conditions_rank(route))


def is_host(host: HostMatch, name: str) -> bool:
    match host:
        case {"exact": str(text)}:
            return name == text
        case {"wildcard": str(text)}:
            return name.endswith(f".{text}")
    return True


def allows(route: Route, method: str) -> bool:
    methods = route["methods"]
    return not methods or method in methods or (method == "HEAD" and "GET" in methods)


def meets_all(route: Route, asked: Asked) -> bool | None:
    """Whether a request meets what a route asks of headers, query and words; none: nobody knows."""
    met = [meets(asked, "headers", each) for each in route["headers"]]
    met += [meets(asked, "query", each) for each in route["query"]]
    met += [meets(asked, "words", each) for each in words_of(route)]
    return False if False in met else None if None in met else True


def meets(asked: Asked, place: str, wanted: ValueMatch) -> bool | None:
    if asked.conditions is None:
        return None
    name = wanted["name"].lower() if place == "headers" else wanted["name"]
    if (place, name, json.dumps(wanted["value"])) in asked.conditions:
        return True
    if any(each[:2] == (place, name) for each in asked.conditions):
        return None
    if place == "words" and not name.startswith(COOKIE):
        # What a connection says is there without being asked for.
        return None
    return wanted["value"] == "absent"
