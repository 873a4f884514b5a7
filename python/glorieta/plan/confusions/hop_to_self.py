"""An endpoint that is an own listener: both roles are in this process already; and requests that go round for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import Found
from .scene import upstream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ..model import Listener, Route
    from .scene import Scene

SENTENCE = "Both roles are in this process: fuse them and save a hop."
FIX = "lead to what that listener leads to"
LOOP = "This comes back to where it came in, and goes round until something breaks."
LOOP_FIX = "lead to another address; this one is the listener's own"

Step = tuple[str, str | None]
"""A listener, and its route; none at layer 4."""


def check(scene: Scene) -> Iterator[Found]:
    if not scene.hops:
        return
    looping = {upstream for upstream, _ in loops(scene)}
    for upstream, hops in scene.hops.items():
        index, listener = hops[0]
        path: Path = ("upstreams", upstream, "endpoints", index)
        if upstream in looping:
            yield Found("hop-to-self", "error", path, LOOP, LOOP_FIX, ("listeners", listener["id"]))
        else:
            yield Found("hop-to-self", "note", path, SENTENCE, FIX, ("listeners", listener["id"]))


def loops(scene: Scene) -> Iterator[tuple[str, Step]]:
    """Upstreams by which something comes back to a step where it has been, unchanged: that is certain."""
    onward = {step: each for listener in scene.plan["listeners"] for step, each in steps(scene, listener)}
    for start in onward:
        seen: list[tuple[Step, str]] = []
        step: Step | None = start
        while step is not None and step in onward and step not in [each for each, _ in seen]:
            upstream, following = onward[step]
            seen.append((step, upstream))
            step = following
        if step == start:
            yield from ((upstream, each) for each, upstream in seen[:1])


def steps(scene: Scene, listener: Listener) -> Iterator[tuple[Step, tuple[str, Step | None]]]:
    """From each step of a listener that leads to an own listener unchanged, the upstream and the next step."""
    if listener["tcp"] is not None:
        for _, following in scene.hops.get(listener["tcp"]["upstream"], ())[:1]:
            yield (listener["id"], None), (listener["tcp"]["upstream"], entry(following))
    for route in listener["routes"]:
        upstream = upstream_of(route)
        if upstream not in scene.hops or not is_unchanged(route):
            continue
        following = scene.hops[upstream][0][1]
        same = following["id"] == listener["id"]
        step = (listener["id"], route["id"])
        yield step, (upstream, step if same else entry(following))


def entry(listener: Listener) -> Step | None:
    """Where everything goes that comes in there; none: that depends on the request."""
    if listener["tcp"] is not None:
        return listener["id"], None
    routes = listener["routes"]
    if len(routes) == 1 and takes_everything(routes[0]):
        return listener["id"], routes[0]["id"]
    return None


def takes_everything(route: Route) -> bool:
    path = route["path"]
    return (
        (path == "any" or path == {"prefix": ""})
        and "any" in route["hosts"]
        and not (route["methods"] or route["headers"] or route["query"])
    )


def is_unchanged(route: Route) -> bool:
    """Whether a request leaves as it came, as far as routes look at it."""
    target = route["target"]
    if "proxy" not in target:
        return False
    proxy = target["proxy"]
    changed = proxy["strip_prefix"] is not None or proxy["rewrite"] is not None or proxy["host"] != "preserve"
    return not changed and not any("headers" in each for each in route["filters"])
