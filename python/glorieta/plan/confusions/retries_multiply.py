"""Retries at two layers of one path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import Found
from .scene import upstream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene

FIX = "retry in one layer: write retries: 0 in the other"


def check(scene: Scene) -> Iterator[Found]:
    """Of each upstream by which requests come back in here, the first route whose tries are multiplied."""
    if not scene.hops:
        return
    told: set[str] = set()
    for route, path in scene.routes:
        upstream = upstream_of(route)
        if upstream is None or upstream not in scene.hops or upstream in told:
            continue
        tries = 1 + route["target"]["proxy"]["retries"]
        behind = max((1 + most_retries(scene, listener["id"]) for _, listener in scene.hops[upstream]), default=1)
        if tries > 1 and behind > 1:
            told.add(upstream)
            listener = scene.hops[upstream][0][1]["id"]
            sentence = f"One request can become {tries * behind}: {tries} tries here, and each of them {behind} there."
            yield Found("retries-multiply", "warning", path, sentence, FIX, ("listeners", listener))


def most_retries(scene: Scene, listener: str) -> int:
    routes = next(each["routes"] for each in scene.plan["listeners"] if each["id"] == listener)
    proxies = (route["target"]["proxy"] for route in routes if "proxy" in route["target"])
    return max((proxy["retries"] for proxy in proxies), default=0)
