"""Requests that come back: followed from listener to listener as long as they leave as they came.

Whatever changes a request (a prefix that is taken off, another `Host`, headers) ends the search, because what is
changed may take another route; so does a check of addresses, which may refuse this machine. So what is found is
certain, and not all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import upstream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Listener, Route
    from .scene import Scene

Step = tuple[str, str | None]
"""A listener, and its route; none at layer 4."""
Hop = tuple[str, int]
"""An upstream, and which of its endpoints."""


def going_round(scene: Scene) -> set[Hop]:
    """The hops by which something comes back to a step where it has been."""
    onward = steps(scene)
    return {hop for start, hops in onward.items() for hop, step in hops if start in reached(onward, step)}


def reached(onward: dict[Step, list[tuple[Hop, Step]]], start: Step) -> set[Step]:
    found: set[Step] = set()
    waiting = [start]
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            waiting += [following for _, following in onward.get(step, ())]
    return found


def steps(scene: Scene) -> dict[Step, list[tuple[Hop, Step]]]:
    """From each step that leads to own listeners unchanged, how and to which next ones."""
    found: dict[Step, list[tuple[Hop, Step]]] = {}
    for listener in scene.plan["listeners"]:
        if listener["tcp"] is not None and listener["tcp"]["upstream"] in scene.hops:
            found[listener["id"], None] = list(entries(scene, listener["tcp"]["upstream"], None))
        for route in listener["routes"]:
            upstream = upstream_of(route)
            if upstream in scene.hops and is_unchanged(route):
                found[listener["id"], route["id"]] = list(entries(scene, upstream, route))
    return found


def entries(scene: Scene, upstream: str, route: Route | None) -> Iterator[tuple[Hop, Step]]:
    """Where what a route takes (none: everything) comes in behind an upstream, if that is certain."""
    for index, following in scene.hops[upstream]:
        step = entry(scene, following, route)
        if step is not None:
            yield (upstream, index), step


def entry(scene: Scene, listener: Listener, route: Route | None) -> Step | None:
    """None: that depends on the request, or it may be refused."""
    tcp = listener["tcp"]
    if tcp is not None:
        return None if tcp["allow"] or tcp["deny"] else (listener["id"], None)
    taken = scene.entrance(listener).takes(route)
    if taken is None or any("addresses" in each for each in taken["filters"]):
        return None
    return listener["id"], taken["id"]


def is_unchanged(route: Route) -> bool:
    """Whether a request leaves as it came, as far as routes look at it."""
    proxy = route["target"]["proxy"]
    changed = proxy["strip_prefix"] is not None or proxy["rewrite"] is not None or proxy["host"] != "preserve"
    return not changed and not any("headers" in each for each in route["filters"])
