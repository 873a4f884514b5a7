"""Retries at two layers of one path: a route, or a call of its, that is tried again, before a listener of layer 4 that
does so, too.

An own `http` listener is no second layer: when its tries are used up it answers 502, and answers are not tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import layer4_of, layer4_upstreams, proxies_of
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ..model import Listener, Route
    from .scene import Call, Scene

LAYER4_TRIES = 3
"""How often a `tcp` listener connects (`engine/runtime/src/worker/tcp.rs`: `RETRIES` after the first)."""
FIX = "retry in one layer: write retries: 0 on the route"
OF_CALLS = "retry in one layer: write defaults: {route: {retries: 0}}, which holds for what handlers call"


def check(scene: Scene) -> Iterator[Found]:
    """Of each upstream that leads to an own listener of layer 4, the first route whose tries are multiplied."""
    if not scene.hops:
        return
    told: set[str] = set()
    for route, path in scene.routes:
        for call in scene.calls(route):
            upstream = call["upstream"]
            if upstream in told or upstream not in scene.hops:
                continue
            behind = next((listener for _, listener in scene.hops[upstream] if layer4_of(listener)), None)
            if call["retries"] > 0 and behind is not None:
                told.add(upstream)
                yield multiplied(scene, route, path, call, behind)


def multiplied(scene: Scene, route: Route, path: Path, call: Call, behind: Listener) -> Found:
    tries, there = 1 + call["retries"], LAYER4_TRIES ** layers(scene, behind, frozenset())
    what = "request" if proxies_of(route) else f'call of "{call["upstream"]}"'
    sentence = f"One {what} can become {tries * there} connections: {tries} tries here, and {there} for each."
    fix = OF_CALLS if "handler" in route["target"] else FIX
    return Found("retries-multiply", "warning", path, sentence, fix, ("listeners", behind["id"]))


def layers(scene: Scene, listener: Listener, seen: frozenset[str]) -> int:
    """How many listeners of layer 4 stand behind each other from here on; a ring is counted once."""
    if layer4_of(listener) is None or listener["id"] in seen:
        return 0
    following = (each for name in layer4_upstreams(listener) for _, each in scene.hops.get(name, ()))
    return 1 + max((layers(scene, each, seen | {listener["id"]}) for each in following), default=0)
