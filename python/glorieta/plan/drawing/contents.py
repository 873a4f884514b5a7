"""What is drawn: the boxes of a Plan and their lines."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from ...config.address import short_bind
from ..describe_listeners import layer_of, protocol_text, role_text
from ..describe_matches import match_text
from ..describe_routes import target_text
from ..describe_upstreams import balance_text, health_text, spoken_texts
from ..match import written_host
from ..model import layer4_of, layer4_upstreams, reached
from ..naming import team_of, visible
from ..precedence import in_order
from .box import Box, Edge, Line, Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model import Group, Listener, Plan, Route, Upstream

FEW_GROUPS = 2
MOST_ROUTES = {True: 16, False: 8}
"""Routes that a group shows: where there are few groups, and where there are many."""
MOST_ADDRESSES = 6
MOST_TOLD = 30
"""Lines of what is left out, for whoever points at it."""
OWN = "own routes"
EVERYTHING = "every connection"
UNKNOWN = "not at hand"
"""Endpoints that come from outside, where that is not known (`--no-secrets`)."""


def contents(plan: Plan) -> Picture:
    """All boxes, not yet placed."""
    picture = Picture()
    upstreams = {upstream["id"]: upstream_box(upstream) for upstream in plan["upstreams"]}
    for upstream in plan["upstreams"]:
        box = upstreams[upstream["id"]]
        found = Box("endpoints", upstream["id"], endpoint_lines(upstream))
        picture.upstreams.append(box)
        picture.endpoints.append(found)
        picture.edges.append(Edge(box, found))
    for listener in plan["listeners"]:
        box = listener_box(listener)
        picture.listeners.append(box)
        for group in plan["groups"]:
            if group["listener"] == listener["id"]:
                add_group(picture, plan, box, group, listener, upstreams)
    return picture


def add_group(
    picture: Picture, plan: Plan, at: Box, group: Group, listener: Listener, upstreams: dict[str, Box]
) -> None:
    few = len(plan["groups"]) <= FEW_GROUPS
    routes = in_order([route for route in listener["routes"] if route["group"] == group["id"]])
    box = Box("group", group["id"], group_lines(group, listener, routes, few))
    picture.groups.append(box)
    picture.edges.append(Edge(at, box))
    named = layer4_upstreams(listener) if layer4_of(listener) else reached(plan, routes)
    picture.edges += [Edge(box, upstreams[name]) for name in named if name in upstreams]


def listener_box(listener: Listener) -> Box:
    layer = layer_of(listener["protocol"])
    addresses = limited([Line(short_bind(each), "row") for each in listener["bind"]], MOST_ADDRESSES)
    lines = [Line(listener["id"], "name"), *addresses, Line(f"{protocol_text(listener)}, layer {layer}", "what")]
    return Box("listener", listener["id"], lines)


def group_lines(group: Group, listener: Listener, routes: Sequence[Route], few: bool) -> list[Line]:
    own = group["id"] == listener["id"]
    name = group["id"] if not own else EVERYTHING if layer4_of(listener) else OWN
    roles = ", ".join(role_text(role, listener["protocol"]) for role in group["roles"])
    lines = [Line(name, "name"), Line(roles or "no role", "role")]
    if group["client"]:
        lines.append(Line(f"for {group['client']}", "what"))
    if group["owner"]:
        lines.append(Line(group["owner"], "what"))
    rows = [Line(match_text(route), "row", f"→ {leads_to(route, group)}") for route in routes]
    if listener["passthrough"] is not None:
        named = listener["passthrough"]["names"]
        rows = [Line(written_host(each["name"]), "row", f"→ {each['upstream']}") for each in named]
    return lines + limited(rows, MOST_ROUTES[few])


def leads_to(route: Route, group: Group) -> str:
    """A route's target: an upstream as the group's team would write it, a folder without what differs by machine."""
    target = route["target"]
    if "proxy" in target:
        return visible([target["proxy"]["upstream"]], team_of(group["id"]))[0]
    return f"files {PurePath(target['files']['root']).name}" if "files" in target else target_text(target)


def upstream_box(upstream: Upstream) -> Box:
    lines = [Line(upstream["id"], "name")]
    if len(upstream["endpoints"]) > 1 or not isinstance(upstream["balance"], str):
        lines.append(Line(balance_text(upstream), "what"))
    lines += [Line(text, "what") for text in spoken_texts(upstream)]
    health = upstream["health"]
    lines.append(Line(f"health {health_text(health)}" if health else "no active check", "what"))
    return Box("upstream", upstream["id"], lines)


def endpoint_lines(upstream: Upstream) -> list[Line]:
    rows = [
        Line(each["address"], "row", f"× {each['weight']}" if each["weight"] != 1 else "")
        for each in upstream["endpoints"]
    ]
    return limited(rows, MOST_ADDRESSES) or [Line(UNKNOWN, "what")]


def limited(rows: list[Line], most: int) -> list[Line]:
    """So many of them, and how many more there are; one more is shown rather than counted."""
    if len(rows) <= most + 1:
        return rows
    rest = rows[most:]
    told = [f"{row.text} {row.right}".rstrip() for row in rest[:MOST_TOLD]]
    told += [f"… and {len(rest) - MOST_TOLD} more"] if len(rest) > MOST_TOLD else []
    return [*rows[:most], Line(f"… and {len(rest)} more", "more", about="\n".join(told))]
