"""A custom gateway, or a BFF, that only passes on what one upstream says: a reverse proxy does that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..roles import BFF, CUSTOM
from .found import Found
from .handed_on import handed_on_by, is_handed_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Group, Route
    from .scene import Scene

SENTENCE = "A reverse proxy with a detour: this only passes on what one upstream says."
DECLARED = "A reverse proxy by another name: this only passes on what one upstream says."
FIXED = frozenset(("redirect", "respond", "files"))
"""Targets that ask nobody; a reverse proxy has them, too."""


def check(scene: Scene) -> Iterator[Found]:
    for group in scene.plan["groups"]:
        if {CUSTOM, BFF}.isdisjoint(group["roles"]):
            continue
        routes = [route for route in scene.group_routes(group) if FIXED.isdisjoint(route["target"])]
        upstream = the_upstream(scene, routes)
        if upstream is None:
            continue
        detour = next((route for route in routes if "proxy" not in route["target"]), None)
        if detour is not None:
            fix = f"to: {upstream} does the same without {'Python' if 'handler' in detour['target'] else 'gathering'}"
            yield Found("custom-calls-one", "note", scene.paths[detour["id"]], SENTENCE, fix)
        else:
            yield declared(scene, group)


def the_upstream(scene: Scene, routes: list[Route]) -> str | None:
    """The one whose answers all of them pass on as they are; none: that is not certain."""
    found: set[str | None] = set()
    for route in routes:
        found.add(passed_on_by(scene, route))
        if None in found or len(found) > 1:
            return None
    return next(iter(found), None)


def passed_on_by(scene: Scene, route: Route) -> str | None:
    """The upstream whose answer it passes on as it is."""
    target = route["target"]
    if "proxy" in target:
        return target["proxy"]["upstream"]
    if "gather" in target:
        return target["gather"]["parts"][0]["upstream"] if is_handed_on(route, target["gather"]) else None
    if "split" in target:
        return None
    application = scene.applications[target["handler"]["handler"]]
    name = handed_on_by(application.located.application, target["handler"]["route"] - application.first)
    called = dict(zip(application.located.application.calls, application.calls, strict=True))
    return called[name]["upstream"] if name is not None else None


def declared(scene: Scene, group: Group) -> Found:
    """Where it is said to be more than a reverse proxy."""
    path, noun = scene.written(group)
    if noun.role is None:
        return Found("custom-calls-one", "note", (*path, "client"), DECLARED, "leave the client out")
    fix = "write role: reverse-proxy, or leave the role out" if group["client"] is None else "leave role and client out"
    return Found("custom-calls-one", "note", (*path, "role"), DECLARED, fix)
