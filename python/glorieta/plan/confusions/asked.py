"""One request as routes see it, made up where a route takes many: what it is sent on as can be followed.

Values that only requests know are stood in for by characters that no path has.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...config.match import normal_escape
from ...config.words import MARK, OUTSIDE
from ..match import path_kind, pattern_of
from ..model import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import HostMatch, Route

ANY = "\x00"
"""A text that is in no configuration: some value that a client chose."""
PERHAPS = "\x01"
"""A text that nobody knows; it may be empty, and be what stands in a configuration."""
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
DEPTHS = (8, 1, 0)
"""How many segments the rest of a path has: more than other routes look at, one, and none."""

Condition = tuple[str, str, str]
"""`headers`, `query` or `words`, a name, and its value as JSON."""


@dataclass(frozen=True)
class Asked:
    """A request. `conditions`: all that is known of its headers, its query and its words; none: not known."""

    host: str
    method: str
    path: str
    conditions: frozenset[Condition] | None = frozenset()

    @property
    def segments(self) -> list[str]:
        return self.path.split("/")[1:]

    def sent(self, route: Route, method: str, template: str) -> Asked | None:
        """What a part of this request's route asks for; none: not even its form is known."""
        path = self.expanded(route, template)
        if path is None or not path.startswith("/"):
            return None
        return replace(self, method=method, path=path, conditions=None)

    def expanded(self, route: Route, template: str) -> str | None:
        """The path that a template gives, without its query."""
        path, end = "", 0
        for mark in MARK.finditer(template):
            path += template[end : mark.start()]
            end = mark.end()
            word = mark[1]
            if "?" in path or word == "search":
                break
            if word is not None and word.startswith(OUTSIDE):
                return None
            path += "$" if word is None else self.value(route, word)
            if word == "target":
                break
        else:
            path += template[end:]
        return ESCAPE.sub(normal_escape, path.partition("?")[0])

    def value(self, route: Route, word: str) -> str:
        """What a word is, as it stands in a path."""
        if word in ("path", "target"):
            return self.path
        family, _, name = word.partition(".")
        return self.parameters(route).get(name, PERHAPS) if family == "path" else PERHAPS

    def parameters(self, route: Route) -> dict[str, str]:
        """What the route's path takes of this one; `*` is the rest."""
        pattern, segments = pattern_of(route["path"]).split("/")[1:], self.segments
        found = {name[1:-1]: value for name, value in zip(pattern, segments, strict=False) if name.startswith("{")}
        if pattern[-1:] == ["*"]:
            found["*"] = "/".join(segments[len(pattern) - 1 :])
        return found


def samples(route: Route) -> Iterator[Asked]:
    """Requests for a route; none for a regular expression."""
    conditions = frozenset(
        (place, each["name"].lower() if place == "headers" else each["name"], json.dumps(each["value"]))
        for place, asked in (("headers", route["headers"]), ("query", route["query"]), ("words", words_of(route)))
        for each in asked
    )
    for host in route["hosts"]:
        for method in route["methods"] or [ANY]:
            for path in paths(route):
                yield Asked(name_of(host), method, path, conditions)


def paths(route: Route) -> Iterator[str]:
    kind, text = path_kind(route["path"])
    if kind == "regex":
        return
    written = "/".join(ANY if each.startswith("{") else each for each in text.split("/"))
    if kind == "exact" or (kind == "parameters" and not text.endswith("/*")):
        yield written
        return
    for depth in DEPTHS:
        yield written.removesuffix("/*") + f"/{ANY}" * depth or "/"


def name_of(host: HostMatch) -> str:
    """A name that a host matches, and no other of the same kind."""
    if isinstance(host, str):
        return ANY
    kind, name = next(iter(host.items()))
    return f"{ANY}.{name}" if kind == "wildcard" else name
