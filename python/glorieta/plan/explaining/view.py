"""What is explained: a Plan, and what is known of the configuration that it was made from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..https_only import redirecting_name
from ..naming import team_of
from ..precedence import path_key
from .layout import WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...config.edge import Edge
    from ...config.errors import Place
    from ...config.filter import Filters
    from ...config.group import Group as GroupNoun
    from ...config.handler import Handlers
    from ...config.listener import Listener as ListenerNoun
    from ...config.route import Route as RouteNoun
    from ..confusions import Found
    from ..model import Group, HostMatch, Listener, Plan, Route, Upstream


@dataclass(frozen=True)
class View:
    """A Plan and, where it was made from a configuration that is at hand, that."""

    plan: Plan
    edge: Edge | None = None
    confusions: Sequence[Found] = field(default_factory=tuple)
    width: int = WIDTH
    """How many characters a line has room for."""

    @cached_property
    def upstreams(self) -> dict[str, Upstream]:
        return {upstream["id"]: upstream for upstream in self.plan["upstreams"]}

    @property
    def processes(self) -> Handlers | None:
        """How the processes of handlers work; none: it is not known."""
        return None if self.edge is None else self.edge.handlers

    @cached_property
    def routes(self) -> dict[str, list[Route]]:
        """Routes by their group's id."""
        found: dict[str, list[Route]] = {}
        for listener in self.plan["listeners"]:
            for route in listener["routes"]:
                found.setdefault(route["group"] or listener["id"], []).append(route)
        return found

    def asked_by(self, listener: Listener) -> str | None:
        """The listener whose `https_only` has asked for one that nobody wrote."""
        if self.edge is None or listener["id"] in self.edge.listeners:
            return None
        return next((name for name in self.edge.listeners if redirecting_name(name) == listener["id"]), None)

    def groups(self, listener: Listener) -> list[Group]:
        return [group for group in self.plan["groups"] if group["listener"] == listener["id"]]

    def is_own(self, group: Group) -> bool:
        """Whether these are a listener's own routes rather than a group that somebody wrote."""
        return group["id"] == group["listener"]

    def noun(self, group: Group) -> GroupNoun | None:
        """What was written of a group; none: it is not known, or these are a listener's own routes."""
        return None if self.edge is None or self.is_own(group) else self.edge.groups.get(group["id"])

    def filters_of(self, group: Group) -> list[tuple[str, Filters]]:
        """The layers of filters that its routes inherit, and what each is called; the outermost first."""
        if self.edge is None or group["listener"] not in self.edge.listeners:
            return []
        layers = [(f"listener {group['listener']}", self.edge.listeners[group["listener"]].filters)]
        noun = self.noun(group)
        return [*layers, ("group", noun.filters)] if noun is not None else layers

    def holder(self, group: Group) -> GroupNoun | ListenerNoun | None:
        """The group or listener that holds its routes, as it was written."""
        return self.noun(group) or (self.edge.listeners.get(group["listener"]) if self.edge is not None else None)

    def written_key(self, group: Group, route: Route) -> str | None:
        """The key under which a route is written; none: it is a catch-all, or not known."""
        noun = self.holder(group)
        key = route["id"].removeprefix(group["id"])
        keys = (key, key.removeprefix("/"))
        return next((each for each in keys if each in noun.routes), None) if noun is not None else None

    def written_route(self, group: Group, route: Route) -> RouteNoun | None:
        """What was written of a route."""
        noun, key = self.holder(group), self.written_key(group, route)
        return noun.routes[key] if noun is not None and key is not None else None

    def declares(self, group: Group) -> bool:
        """Whether somebody wrote its role."""
        noun = self.holder(group)
        return noun is not None and noun.role is not None

    def team(self, group: Group) -> str | None:
        return None if self.is_own(group) else team_of(group["id"])

    def common_hosts(self, group: Group) -> list[HostMatch]:
        """The hosts of all its routes, if all have the same."""
        routes = self.routes.get(group["id"], [])
        return routes[0]["hosts"] if routes and all(each["hosts"] == routes[0]["hosts"] for each in routes) else ["any"]

    @cached_property
    def ties(self) -> Counter[tuple[object, ...]]:
        """How many routes of a listener have the same hosts and path."""
        return Counter(self.standing(route) for routes in self.routes.values() for route in routes)

    def standing(self, route: Route) -> tuple[object, ...]:
        return (self.listeners_of[route["group"] or ""], *path_key(route), *map(str, route["hosts"]))

    @cached_property
    def listeners_of(self) -> dict[str, str]:
        """Listeners by their groups."""
        return {group["id"]: group["listener"] for group in self.plan["groups"]}

    def is_tied(self, route: Route) -> bool:
        """Whether method, headers or query decide between this route and others."""
        return self.ties[self.standing(route)] > 1

    def short_path(self, path: str) -> str:
        """A path as somebody at the configuration's folder would write it; others in full."""
        folder = str(self.edge.origin.folder) if self.edge is not None and self.edge.origin else ""
        return f".{path.removeprefix(folder)}" if folder and path.startswith(f"{folder}/") else path

    def place(self, *path: str | int) -> Place | None:
        """Where something is written, if that is known."""
        return self.edge.origin.places.find(path) if self.edge is not None and self.edge.origin else None
