"""Mirrors that do more than show: copies of requests that change something, and copies that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config.mirror import SAFE
from ..model import mirror_of, upstreams_of
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ..model import Mirror, Route
    from .scene import Scene

WRITES = "What a client changes is changed twice: once for it, and once where nobody looks."
WRITES_FIX = "mirror GET and HEAD only; or accept it, where the copies' upstream has a store of its own"
SAME = "The same service gets each of these requests twice."
BACK = "The copies come back in at an own listener, and are answered here once more."
SAME_FIX = "mirror to another service, or to what that listener leads to"
HARMLESS = frozenset((*SAFE, "TRACE"))


def check_writes(scene: Scene) -> Iterator[Found]:
    """Each place where such a mirror is written, once."""
    told: set[Path] = set()
    for route, path in scene.routes:
        mirror = mirror_of(route)
        if mirror is None or HARMLESS.issuperset(copied(mirror, route)):
            continue
        place = written(scene, path)
        if place not in told:
            told.add(place)
            yield Found("mirrored-writes", "warning", place, WRITES, WRITES_FIX)


def copied(mirror: Mirror, route: Route) -> list[str]:
    """The methods of requests that are copied."""
    return [method for method in mirror["methods"] if not route["methods"] or method in route["methods"]]


def check_self(scene: Scene) -> Iterator[Found]:
    """Each place where a mirror is written, once."""
    told: set[Path] = set()
    for route, path in scene.routes:
        mirror = mirror_of(route)
        if mirror is None:
            continue
        place, upstream = written(scene, path), mirror["upstream"]
        if place in told:
            continue
        if shared := same_service(scene, route, upstream):
            told.add(place)
            yield Found("mirror-to-self", "warning", place, SAME, SAME_FIX, ("upstreams", shared))
        elif upstream in scene.hops:
            told.add(place)
            other: Path = ("listeners", scene.hops[upstream][0][1]["id"])
            yield Found("mirror-to-self", "warning", place, BACK, SAME_FIX, other)


def same_service(scene: Scene, route: Route, upstream: str) -> str | None:
    """The upstream of a route that is the mirror's as well, or has an endpoint in common with it."""
    own = addresses(scene, upstream)
    return next((name for name in upstreams_of(route) if name == upstream or own & addresses(scene, name)), None)


def addresses(scene: Scene, upstream: str) -> set[str]:
    known = scene.upstreams.get(upstream)
    return {endpoint["address"] for endpoint in known["endpoints"]} if known is not None else set()


def written(scene: Scene, path: Path) -> Path:
    """Where a route's mirror was said: by the route, its group's defaults or everybody's."""
    noun = scene.edge.listeners[str(path[1])] if path[0] == "listeners" else scene.edge.groups[str(path[1])]
    if path[2] == "routes" and noun.routes[str(path[3])].written("mirror"):
        return (*path[:4], "mirror")
    defaults = getattr(noun, "defaults", None)
    if defaults is not None and defaults.route.written("mirror"):
        return (*path[:2], "defaults", "route", "mirror")
    return ("defaults", "route", "mirror")
