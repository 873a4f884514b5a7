"""Routes that can never match, because another of the same host always wins before them.

Only what is certain is told: a regular expression comes after every prefix, so one that begins within an
unconditional prefix (`/*` above all) never gets a request of the methods that the prefix takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .beginnings import common_beginning
from .match import path_kind, written_path
from .model import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.errors import Path
    from .compiling import Compiling
    from .model import HostMatch, Route

Written = tuple["Route", "Path"]
Prefixes = dict[str, list[Written]]
"""Routes of one host by prefix, those only that ask for nothing but methods."""


def check_unreachable(compiling: Compiling, routes: list[Written]) -> None:
    """Warns of every regular expression that loses under each of its hosts."""
    expressions = [each for each in routes if path_kind(each[0]["path"])[0] == "regex"]
    if not expressions:
        return
    prefixes = prefixes_by_host(routes)
    for route, path in expressions:
        winners = [winner(route, prefixes.get(host_key(host), {})) for host in route["hosts"]]
        if None in winners or not winners[0]:
            continue
        other, place = winners[0]
        compiling.warn(
            path,
            f"can never match: prefixes come before regular expressions, and {written_path(other['path'])} takes all",
            advice(other),
            also=place,
        )


def prefixes_by_host(routes: list[Written]) -> dict[str, Prefixes]:
    found: dict[str, Prefixes] = {}
    for route, path in routes:
        kind, text = path_kind(route["path"])
        if kind == "prefix" and not (route["headers"] or route["query"] or words_of(route)):
            for host in route["hosts"]:
                found.setdefault(host_key(host), {}).setdefault(text, []).append((route, path))
    return found


def host_key(host: HostMatch) -> str:
    return host if isinstance(host, str) else ":".join(next(iter(host.items())))


def winner(route: Route, prefixes: Prefixes) -> Written | None:
    """The first of the prefixes that together take every request that the expression could match."""
    around = [each for prefix in within(path_kind(route["path"])[1]) for each in prefixes.get(prefix, ())]
    taken = {method for other, _ in around for method in other["methods"] or ("*",)}
    if "GET" in taken:
        taken.add("HEAD")
    if around and ("*" in taken or (route["methods"] and taken.issuperset(route["methods"]))):
        return next((each for each in around if not each[0]["methods"]), around[0])
    return None


def within(regex: str) -> Iterator[str]:
    """The prefixes that all paths of an expression have: `` and `/a` for `/a/[0-9]+`."""
    start = common_beginning(regex)
    yield ""
    for end, character in enumerate(start):
        if character == "/" and end:
            yield start[:end]


def advice(other: Route) -> str:
    if path_kind(other["path"])[1] or other["methods"]:
        return "use a path with parameters, or a regular expression for the other one, too"
    return "write the other one as to: (or respond:, files:, …) of the listener or group: that comes last"
