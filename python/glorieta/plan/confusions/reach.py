"""Which paths a route takes, and which it sends on: as far as that can be said without trying requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import PathMatch, ProxyTarget, Route


@dataclass(frozen=True)
class Reach:
    """One path, or it and everything below."""

    path: str
    below: bool

    def around(self) -> Iterator[str]:
        """Its own path and those above it, up to the root, as prefixes are written."""
        return beginnings(self.path)


def beginnings(path: str) -> Iterator[str]:
    """A path and what it begins with, as prefixes are written: `/a/b`, `/a` and nothing."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


EVERYTHING = Reach("", below=True)
SOMEWHERE = Reach("", below=False)
"""One path that nobody knows: only what takes everything surely takes it."""


def taken(path: PathMatch) -> Reach | None:
    """What a path matches; none: parameters and regular expressions are not followed."""
    match path:
        case "any":
            return EVERYTHING
        case {"exact": str(text)}:
            return Reach(text, below=False)
        case {"prefix": str(text)}:
            return Reach(text, below=True)
    return None


def sent_on(route: Route, proxy: ProxyTarget) -> Reach | None:
    """The paths that its upstream sees; none: that cannot be said."""
    if proxy["rewrite"] is not None:
        return None if "${" in proxy["rewrite"] else Reach(proxy["rewrite"].partition("?")[0], below=False)
    reach = taken(route["path"])
    if reach is None or proxy["strip_prefix"] is None:
        return reach
    rest = reach.path.removeprefix(proxy["strip_prefix"])
    return Reach(rest, below=True) if reach.below else Reach(rest or "/", below=False)
