"""What a Plan does: roles, groups, routes in the order in which they win, and what each leads to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from .describe import (
    endpoints_text,
    filter_text,
    listener_text,
    match_text,
    options_text,
    roles_text,
    target_text,
    upstream_text,
)
from .precedence import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Group, Listener, Plan, Route, Upstream

RIGHT = 52
"""Where the column with roles begins."""
LIMITS: tuple[Literal["allow", "deny"], ...] = ("allow", "deny")
PEOPLE: tuple[Literal["owner", "client"], ...] = ("owner", "client")
MOST_SHOWN = 12
"""Routes of a listener that `short` shows."""


@dataclass(frozen=True)
class Explanation:
    """An explained Plan, for a person or a program."""

    plan: Plan

    def text(self) -> str:
        lines: list[str] = []
        for listener in self.plan["listeners"]:
            lines += [*self.listener_lines(listener), ""]
        lines += ["upstreams", *(f"  {line}" for line in self.upstream_lines())] if self.plan["upstreams"] else []
        return "\n".join(lines).rstrip()

    def short(self) -> str:
        """Listeners, roles and the first routes: for the start on a terminal."""
        lines: list[str] = []
        for listener in self.plan["listeners"]:
            lines.append(head(listener))
            routes = in_order(listener["routes"])
            lines += aligned([self.row(route, full=False) for route in routes[:MOST_SHOWN]])
            if len(routes) > MOST_SHOWN:
                lines.append(f"  … and {len(routes) - MOST_SHOWN} more routes: glorieta explain")
            lines += self.tcp_lines(listener)
        return "\n".join(lines)

    def listener_lines(self, listener: Listener) -> Iterator[str]:
        yield head(listener)
        yield from self.tcp_lines(listener)
        groups = [group for group in self.plan["groups"] if group["listener"] == listener["id"]]
        alone = len(groups) == 1 and groups[0]["id"] == listener["id"]
        for group in groups:
            routes = routes_of(listener, group)
            rows = [self.row(route, full=True) for route in in_order(routes)]
            if alone:
                yield from aligned(rows)
                continue
            if listener["protocol"] == "http":
                yield group_head(group, listener)
            yield from (f"  {line}" for line in aligned(rows))

    def row(self, route: Route, *, full: bool) -> tuple[str, str, str]:
        """What is matched, where it leads, and what there is to say."""
        target = route["target"]
        parts = []
        if "proxy" in target:
            upstream = self.upstreams.get(target["proxy"]["upstream"])
            if upstream is not None:
                parts.append(upstream_text(upstream) if full else endpoints_text(upstream))
        parts += options_text(route) if full else []
        return match_text(route), target_text(target), ", ".join(parts)

    def tcp_lines(self, listener: Listener) -> list[str]:
        tcp = listener["tcp"]
        if tcp is None:
            return []
        upstream = self.upstreams.get(tcp["upstream"])
        limits = [f"{word} {', '.join(tcp[word])}" for word in LIMITS if tcp[word]]
        about = ", ".join([*([upstream_text(upstream)] if upstream else []), *limits])
        return aligned([("every connection", tcp["upstream"], about)])

    def upstream_lines(self) -> Iterator[str]:
        for upstream in self.plan["upstreams"]:
            check = "" if upstream["health"] else ", no active check"
            yield f"{upstream['id']}  {upstream_text(upstream)}{check}"
            for endpoint in upstream["endpoints"]:
                weight = f"  weight {endpoint['weight']}" if endpoint["weight"] != 1 else ""
                yield f"  {endpoint['address']}{weight}"

    @cached_property
    def upstreams(self) -> dict[str, Upstream]:
        return {upstream["id"]: upstream for upstream in self.plan["upstreams"]}

    def as_json(self) -> dict[str, Any]:
        return {
            "version": self.plan["version"],
            "listeners": [self.listener_json(listener) for listener in self.plan["listeners"]],
            "upstreams": [upstream_json(upstream) for upstream in self.plan["upstreams"]],
        }

    def listener_json(self, listener: Listener) -> dict[str, Any]:
        groups = [group for group in self.plan["groups"] if group["listener"] == listener["id"]]
        return {
            "id": listener["id"],
            "bind": listener["bind"],
            "protocol": listener["protocol"],
            "layer": layer(listener),
            "roles": listener["roles"],
            "to": listener["tcp"]["upstream"] if listener["tcp"] else None,
            "groups": [group_json(group, listener) for group in groups],
        }


def explain(plan: Plan) -> Explanation:
    """What a Plan does."""
    return Explanation(plan)


def routes_of(listener: Listener, group: Group) -> list[Route]:
    return [route for route in listener["routes"] if route["group"] == group["id"]]


def layer(listener: Listener) -> int:
    return 4 if listener["protocol"] == "tcp" else 7


def head(listener: Listener) -> str:
    left = f"{listener['id']}  {listener_text(listener)}"
    return f"{left:<{RIGHT}} {roles_text(listener['roles'], listener['protocol'])}"


def group_head(group: Group, listener: Listener) -> str:
    left = f"  group {group['id']}"
    about = [roles_text(group["roles"], listener["protocol"])]
    about += [f"{word} {group[word]}" for word in PEOPLE if group[word]]
    return f"{left:<{RIGHT}} {'; '.join(about)}"


def aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    """Rows with arrows below each other."""
    if not rows:
        return []
    widths = [min(max(len(row[column]) for row in rows), 48) for column in (0, 1)]
    return [f"  {what:<{widths[0]}}  →  {where:<{widths[1]}}  {about}".rstrip() for what, where, about in rows]


def group_json(group: Group, listener: Listener) -> dict[str, Any]:
    return {
        "id": group["id"],
        "roles": group["roles"],
        "owner": group["owner"],
        "client": group["client"],
        "routes": [route_json(route) for route in in_order(routes_of(listener, group))],
    }


def route_json(route: Route) -> dict[str, Any]:
    return {
        "id": route["id"],
        "name": route["name"],
        "matches": match_text(route),
        "target": route["target"],
        "leads_to": target_text(route["target"]),
        "filters": [{"filter": next(iter(each)), "text": filter_text(each)} for each in route["filters"]],
        "deadline_ms": route["deadline_ms"],
    }


def upstream_json(upstream: Upstream) -> dict[str, Any]:
    return {
        "id": upstream["id"],
        "endpoints": upstream["endpoints"],
        "balance": upstream["balance"],
        "health": upstream["health"],
        "text": upstream_text(upstream),
    }
