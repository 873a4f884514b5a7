"""A load balancer that has nothing to choose between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import upstream_of
from ..roles import BALANCER, balances
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Group
    from .scene import Scene

SENTENCE = "Nothing to choose between: this is a plain proxy."
FIX = "add endpoints, write role: reverse-proxy, or leave the role out"


def check(scene: Scene) -> Iterator[Found]:
    for group in scene.plan["groups"]:
        own = is_own(scene, group)
        noun = scene.edge.listeners[group["listener"]] if own else scene.edge.groups[group["id"]]
        if noun.role != BALANCER:
            continue
        tcp = scene.edge.listeners[group["listener"]].to if own else None
        names = {upstream_of(route) for route in scene.group_routes(group)} | {tcp}
        if not any(balances(scene.upstreams.get(name)) for name in names if name):
            yield Found("balances-one", "note", ("listeners" if own else "groups", group["id"], "role"), SENTENCE, FIX)


def is_own(scene: Scene, group: Group) -> bool:
    """Whether it is a listener's own routes; where there are none, a written group may have the listener's name."""
    if group["id"] != group["listener"]:
        return False
    noun = scene.edge.listeners[group["listener"]]
    return noun.protocol == "tcp" or noun.has_own_routes
