"""Which route of a listener takes what another route takes: for requests that come in once more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..match import path_kind
from ..precedence import conditions_key, path_key
from .reach import beginnings

if TYPE_CHECKING:
    from ..model import Listener, Route


class Entrance:
    """The routes of an `http` listener by what they match. Where it is not certain which one wins, it says none."""

    def __init__(self, listener: Listener) -> None:
        self.same: dict[tuple[str, ...], Route] = {}
        self.everything: Route | None = None
        self.paths: set[tuple[str, str]] = set()
        """Kinds and texts of all paths but that of everything."""
        for route in listener["routes"]:
            self.same.setdefault(match_key(route), route)
            if takes_everything(route):
                self.everything = route
            else:
                self.paths.add(path_kind(route["path"]))
        self.kinds = {kind for kind, _ in self.paths}

    def takes(self, like: Route | None) -> Route | None:
        """The route for the requests of `like` (none: for all), but for those that a narrower route takes."""
        kind, text = path_kind(like["path"]) if like is not None else ("any", "")
        if like is not None:
            same = self.same.get(match_key(like))
            if same is not None and self.comes_first(kind):
                return same
        if kind in ("parameters", "regex") or not self.kinds.isdisjoint(("parameters", "regex")):
            return None
        covering = ((each, path) for path in beginnings(text) for each in ("exact", "prefix"))
        return self.everything if self.paths.isdisjoint(covering) else None

    def comes_first(self, kind: str) -> bool:
        """Whether no route of another kind could take all of what one of this kind takes."""
        before: dict[str, set[str]] = {
            "exact": set(),
            "parameters": set(),
            "prefix": {"parameters"},
            "any": {"parameters", "regex"},
        }
        return kind in before and self.kinds.isdisjoint(before[kind])


def match_key(route: Route) -> tuple[str, ...]:
    """Equal for routes that match the same requests."""
    hosts = sorted(json.dumps(host) for host in route["hosts"])
    return (*path_key(route), conditions_key(route), *hosts)


def takes_everything(route: Route) -> bool:
    anywhere = "any" in route["hosts"] and route["path"] in ("any", {"prefix": ""})
    return anywhere and not (route["methods"] or route["headers"] or route["query"])
