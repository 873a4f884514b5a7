"""What all checks look at: the Plan, the configuration, who leads to whom, and which hops end at an own listener."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..model import upstream_of
from .addresses import bound_by, reached
from .entrance import Entrance

if TYPE_CHECKING:
    from ...config.edge import Edge
    from ...config.errors import Path
    from ..model import Group, Listener, Plan, Route, Upstream


@dataclass(frozen=True)
class Scene:
    """A Plan, and the configuration that it was made from."""

    edge: Edge
    plan: Plan
    routes: list[tuple[Route, Path]]
    """All routes, and where each was written."""

    @cached_property
    def upstreams(self) -> dict[str, Upstream]:
        return {upstream["id"]: upstream for upstream in self.plan["upstreams"]}

    @cached_property
    def hops(self) -> dict[str, list[tuple[int, Listener]]]:
        """Upstream → its endpoints (by their place in the list) that are an own listener."""
        bound = bound_by(self.plan["listeners"])
        found: dict[str, list[tuple[int, Listener]]] = {}
        for upstream in self.plan["upstreams"]:
            for index, endpoint in enumerate(upstream["endpoints"]):
                listener = reached(endpoint["address"], bound)
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

    def leading_to(self, upstream: str) -> list[Listener]:
        """The listeners from which something leads there."""
        return [
            listener
            for listener in self.plan["listeners"]
            if (listener["tcp"] is not None and listener["tcp"]["upstream"] == upstream)
            or any(upstream_of(route) == upstream for route in listener["routes"])
        ]

    def group_routes(self, group: Group) -> list[Route]:
        listener = next(each for each in self.plan["listeners"] if each["id"] == group["listener"])
        return [route for route in listener["routes"] if route["group"] == group["id"]]
