"""A load balancer that has nothing to choose between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import upstreams_of
from ..roles import BALANCER, balances
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene

SENTENCE = "Nothing to choose between: this is a plain proxy."
FIX = "add endpoints, write role: reverse-proxy, or leave the role out"


def check(scene: Scene) -> Iterator[Found]:
    for group in scene.plan["groups"]:
        path, noun = scene.written(group)
        if noun.role != BALANCER:
            continue
        layer4 = {noun.to, *getattr(noun, "names", {}).values()} if path[0] == "listeners" else set()
        names = {name for route in scene.group_routes(group) for name in upstreams_of(route)} | layer4
        if not any(balances(scene.upstreams.get(name)) for name in names if name):
            yield Found("balances-one", "note", (*path, "role"), SENTENCE, FIX)
