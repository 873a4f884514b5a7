"""What all checks look at: the Plan, the configuration, who leads to whom, and which hops end at an own listener."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ...config.address import UNIX
from ...config.base import layered
from ...config.upstream import UpstreamDefaults

if TYPE_CHECKING:
    from ...config.edge import Edge
    from ...config.errors import Path
    from ..model import Group, Listener, Plan, Route, Upstream

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY = ("*", "0.0.0.0", "[::]")


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
        found: dict[str, list[tuple[int, Listener]]] = {}
        for upstream in self.plan["upstreams"]:
            for index, endpoint in enumerate(upstream["endpoints"]):
                listener = self.listener_at(endpoint["address"])
                if listener is not None:
                    found.setdefault(upstream["id"], []).append((index, listener))
        return found

    @cached_property
    def addresses(self) -> dict[str, Listener]:
        """Where own listeners can be reached for certain."""
        found: dict[str, Listener] = {}
        for listener in self.plan["listeners"]:
            for bind in listener["bind"]:
                for address in reached_by(bind):
                    found.setdefault(address, listener)
        return found

    def listener_at(self, address: str) -> Listener | None:
        return self.addresses.get(address)

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

    def used(self, upstream: str) -> UpstreamDefaults:
        """How an upstream is used, with what it inherits."""
        return layered(UpstreamDefaults, self.edge.defaults.upstream, self.edge.upstreams[upstream])


def reached_by(bind: str) -> list[str]:
    """The addresses that surely mean this socket."""
    if bind.startswith(UNIX):
        return [bind]
    host, _, port = bind.rpartition(":")
    if host in ANY:
        return [f"{each}:{port}" for each in LOOPBACK]
    if host in ("127.0.0.1", "[::1]"):
        return [bind, f"localhost:{port}"]
    return [bind]


def upstream_of(route: Route) -> str | None:
    target = route["target"]
    return target["proxy"]["upstream"] if "proxy" in target else None
