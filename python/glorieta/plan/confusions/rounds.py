"""Requests that come back: followed from listener to listener as long as they leave as they came.

Whatever changes a request (a prefix that is taken off, another `Host`, headers) ends the search, because what is
changed may take another route; so does a check of addresses, which may refuse this machine. Parts of a `gather` are
followed that are asked for in any case, and by a path without words. What a handler calls is not known. So what is
found is certain, and not all there is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from ...config.gather import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import GatherPart, Listener, ProxyTarget, Route
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
            onward = [hop for upstream, sent in sent_by(route) for hop in entries(scene, upstream, sent)]
            if onward:
                found[listener["id"], route["id"]] = onward
    return found


def sent_by(route: Route) -> Iterator[tuple[str, Route]]:
    """What leaves a route for which upstream, as a route that takes just that."""
    target = route["target"]
    if any("headers" in each for each in route["filters"]):
        return
    if "proxy" in target and is_unchanged(target["proxy"]):
        yield target["proxy"]["upstream"], route
    if "gather" in target:
        for part in target["gather"]["parts"]:
            if part["host"] == "preserve" and is_asked_anyway(part) and "${" not in part["path"]:
                asked = {"path": {"exact": part["path"]}, "methods": [part["method"]], "headers": [], "query": []}
                yield part["upstream"], cast("Route", {**route, **asked})


def is_asked_anyway(part: GatherPart) -> bool:
    """Whether it waits for no other part, which may fail."""
    return not part["after"] and f"${{{PARTS}." not in json.dumps([part["query"], part["headers"], part["body"]])


def entries(scene: Scene, upstream: str, route: Route | None) -> Iterator[tuple[Hop, Step]]:
    """Where what a route takes (none: everything) comes in behind an upstream, if that is certain."""
    by_tls = scene.upstreams[upstream]["tls"] is not None
    for index, following in scene.hops.get(upstream, ()):
        step = entry(scene, following, route, by_tls)
        if step is not None:
            yield (upstream, index), step


def entry(scene: Scene, listener: Listener, route: Route | None, by_tls: bool) -> Step | None:
    """None: that depends on the request, or it may be refused; so is what comes in clear where TLS is spoken, or the
    other way round."""
    if listener["passthrough"] is not None or (listener["tls"] is not None) != by_tls:
        return None
    tcp = listener["tcp"]
    if tcp is not None:
        return None if tcp["allow"] or tcp["deny"] else (listener["id"], None)
    taken = scene.entrance(listener).takes(route if route is None else with_methods_of(listener, route))
    if taken is None or any("addresses" in each for each in taken["filters"]):
        return None
    return listener["id"], taken["id"]


def with_methods_of(listener: Listener, asked: Route) -> Route:
    """What is asked for, as the only route with its path says it: one that takes more methods takes this one, too."""
    if "gather" not in asked["target"]:
        return asked
    same = [route for route in listener["routes"] if route["path"] == asked["path"]]
    wider = len(same) == 1 and (not same[0]["methods"] or set(asked["methods"]) <= set(same[0]["methods"]))
    return cast("Route", {**asked, "methods": same[0]["methods"]}) if wider else asked


def is_unchanged(proxy: ProxyTarget) -> bool:
    """Whether a request leaves as it came, as far as routes look at it."""
    return proxy["strip_prefix"] is None and proxy["rewrite"] is None and proxy["host"] == "preserve"
