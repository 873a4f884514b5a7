"""Which of several routes wins, and which cannot stand beside each other: the engine's rules, read before it runs.

Host exact, longest wildcard, any; path exact, parameters (more literals first), longest prefix, regular
expressions by priority, the catch-all; then a named method, more headers and words, more query. The truth is
`engine/policy/src/route`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..config.match import without_names
from .match import path_kind
from .model import words_of

if TYPE_CHECKING:
    from ..config.errors import Path
    from .compiling import Compiling
    from .model import HostMatch, Route

Rank = tuple[Any, ...]


def host_rank(host: HostMatch) -> Rank:
    if isinstance(host, str):
        return (2, 0, "")
    kind, name = next(iter(host.items()))
    return (0, 0, name) if kind == "exact" else (1, -len(name), name)


def path_rank(route: Route) -> Rank:
    """The place among a host's paths; the smallest is tried first."""
    kind, text = path_kind(route["path"])
    if kind == "exact":
        return (0,)
    if kind == "parameters":
        rest = text.endswith("/*")
        names = [segment.startswith("{") for segment in text.removesuffix("/*").split("/")[1:]]
        return (1, -names.count(False), rest, -len(names), names)
    if kind == "prefix":
        return (2, -len(text))
    return (3, -route["priority"]) if kind == "regex" else (4,)


def path_key(route: Route) -> tuple[str, str]:
    """Equal for two routes exactly if they match the same paths (regular expressions: are the same text)."""
    kind, text = path_kind(route["path"])
    if kind == "parameters":
        text = without_names(text)
    return ("prefix", "") if kind == "any" else (kind, text)


def conditions_rank(route: Route) -> Rank:
    asked = len(route["headers"]) + len(words_of(route))
    return (not route["methods"], -asked, -len(route["query"]), len(route["methods"]), route["id"])


def conditions_key(route: Route) -> str:
    methods = ",".join(sorted(set(route["methods"]))) if route["methods"] else ""
    words = words_of(route)
    if not (route["headers"] or route["query"] or words):
        return methods
    headers = sorted({json.dumps([each["name"].lower(), each["value"]]) for each in route["headers"]})
    query = sorted({json.dumps([each["name"], each["value"]]) for each in route["query"]})
    return json.dumps([methods, headers, query, sorted({json.dumps([each["name"], each["value"]]) for each in words})])


def in_order(routes: list[Route]) -> list[Route]:
    """Routes as they win; one with several hosts stands where its best host does."""
    return sorted(routes, key=order_of)


def order_of(route: Route) -> Rank:
    """The place of a route among all of a listener; the smallest is tried first."""
    return (min(map(host_rank, route["hosts"])), path_rank(route), path_key(route), conditions_rank(route))


def check_collisions(compiling: Compiling, routes: list[tuple[Route, Path]]) -> None:
    """Two routes that match the same requests, and regular expressions of which neither comes first."""
    seen: dict[tuple[Any, ...], tuple[Route, Path]] = {}
    expressions: dict[tuple[Any, ...], list[tuple[Route, Path]]] = {}
    told: set[tuple[Path, Path]] = set()
    for route, path in routes:
        kind = path_key(route)
        conditions = conditions_key(route)
        for host in route["hosts"]:
            host_key = host if isinstance(host, str) else next(iter(host.items()))
            key = (host_key, kind, route["priority"] if kind[0] == "regex" else 0, conditions)
            other, first = seen.setdefault(key, (route, path))
            if other is not route:
                if (first, path) not in told:
                    told.add((first, path))
                    message = f"matches the same requests as another route{answering(compiling, route, other)}"
                    compiling.error(path, message, "keep one of both", also=first)
            elif kind[0] == "regex":
                expressions.setdefault((host_key, route["priority"]), []).append((route, path))
    for rivals in expressions.values():
        check_priorities(compiling, rivals, told)


def answering(compiling: Compiling, *routes: Route) -> str:
    """Which handlers answer routes, and where they stand: a configuration says only where their router is."""
    found = {route["name"]: compiling.applications.handler(route["target"]) for route in routes}
    return "".join(f"; {name} is that of {handler}" for name, handler in found.items() if handler)


def check_priorities(compiling: Compiling, rivals: list[tuple[Route, Path]], told: set[tuple[Path, Path]]) -> None:
    for index, (route, path) in enumerate(rivals):
        for other, first in rivals[:index]:
            if route["path"] != other["path"] and methods_overlap(route, other) and (first, path) not in told:
                told.add((first, path))
                message = "two regular expressions have the same priority, so neither comes first"
                compiling.error(path, message, "write priority: 1 on the one that comes first", also=first)
                break


def methods_overlap(one: Route, other: Route) -> bool:
    if not one["methods"] or not other["methods"]:
        return True
    return not set(one["methods"]).isdisjoint(other["methods"])
