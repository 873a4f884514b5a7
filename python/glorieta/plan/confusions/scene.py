"""What all checks look at: the Plan, the configuration, who leads to whom, and which hops end at an own listener."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..model import layer4_of, layer4_upstreams, proxies_of, reached
from .addresses import bound_by, listener_at
from .entrance import Entrance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...config.edge import Edge
    from ...config.errors import Path
    from ...config.group import Group as GroupNoun
    from ...config.listener import Listener as ListenerNoun
    from ..applications import Application
    from ..model import GatherPart, Group, HandlerCall, Listener, Plan, ProxyTarget, Route, Upstream

    Call = ProxyTarget | GatherPart | HandlerCall


@dataclass(frozen=True)
class Scene:
    """A Plan, and the configuration that it was made from."""

    edge: Edge
    plan: Plan
    routes: list[tuple[Route, Path]]
    """All routes, and where each was written."""
    applications: dict[str, Application]
    """Python that answers requests, by the id of its handler in the Plan."""

    @cached_property
    def upstreams(self) -> dict[str, Upstream]:
        return {upstream["id"]: upstream for upstream in self.plan["upstreams"]}

    @cached_property
    def hops(self) -> dict[str, list[tuple[int, Listener]]]:
        """Upstream → its endpoints (by their place in the list) that are an own listener."""
        listeners = self.plan["listeners"]
        bound = {udp: bound_by(listeners, udp=udp) for udp in (False, True)}
        by_datagrams = {each["udp"]["upstream"] for each in listeners if each["udp"] is not None}
        by_datagrams -= {name for each in listeners if each["udp"] is None for name in self.reached_from[each["id"]]}
        found: dict[str, list[tuple[int, Listener]]] = {}
        for upstream in self.plan["upstreams"]:
            for index, endpoint in enumerate(upstream["endpoints"]):
                listener = listener_at(endpoint["address"], bound[upstream["id"] in by_datagrams])
                if listener is not None:
                    found.setdefault(upstream["id"], []).append((index, listener))
        return found

    @cached_property
    def entrances(self) -> dict[str, Entrance]:
        """What is known already of the routes of listeners, by listener."""
        return {}

    def entrance(self, listener: Listener) -> Entrance:
        known = self.entrances.get(listener["id"])
        if known is None:
            known = self.entrances[listener["id"]] = Entrance(listener)
        return known

    @cached_property
    def reached_from(self) -> dict[str, list[str]]:
        """Listener → the upstreams to which something of it leads, through handlers as well."""
        found = {each["id"]: reached(self.plan, each["routes"]) for each in self.plan["listeners"]}
        return found | {each["id"]: layer4_upstreams(each) for each in self.plan["listeners"] if layer4_of(each)}

    def leading_to(self, upstream: str) -> list[Listener]:
        """The listeners from which something leads there."""
        return [each for each in self.plan["listeners"] if upstream in self.reached_from[each["id"]]]

    @cached_property
    def callable(self) -> dict[str, list[HandlerCall]]:
        """Handler → what it may call."""
        return {each["id"]: each["calls"] for each in self.plan.get("handlers", ())}

    def calls(self, route: Route) -> Sequence[Call]:
        """What upstreams are asked for a route, whoever asks them; of a handler, what it may ask them."""
        target = route["target"]
        if "handler" in target:
            return self.callable[target["handler"]["handler"]]
        if "gather" in target:
            return target["gather"]["parts"]
        return proxies_of(route)

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Where each route was written, by its id."""
        return {route["id"]: path for route, path in self.routes}

    def group_routes(self, group: Group) -> list[Route]:
        listener = next(each for each in self.plan["listeners"] if each["id"] == group["listener"])
        return [route for route in listener["routes"] if route["group"] == group["id"]]

    def written(self, group: Group) -> tuple[Path, GroupNoun | ListenerNoun]:
        """What holds a group's routes, and where: a written group, or the listener whose own routes they are. Where
        these are none, a written group may have the listener's name."""
        noun = self.edge.listeners[group["listener"]]
        if group["id"] == group["listener"] and (noun.protocol != "http" or noun.has_own_routes):
            return ("listeners", group["id"]), noun
        return ("groups", group["id"]), self.edge.groups[group["id"]]
