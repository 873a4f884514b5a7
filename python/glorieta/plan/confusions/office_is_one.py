"""A whole office behind one address: an own proxy's address is taken for the client's.

Behind an own listener of layer 4 nobody knows the client's address, because it has no way to tell it. Behind an own
listener for HTTP it is known where that one is among the `trusted_proxies`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ..model import upstream_of
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ...config.filter import Filters
    from ...config.group import Group as GroupNoun
    from ...config.listener import Listener as ListenerNoun
    from ..model import Listener
    from .scene import Scene

HASHED = "Behind a proxy all clients have one address: they share this endpoint."
LISTED = "Behind a proxy all clients have one address, the proxy's: this list does not tell them apart."
DIRECTLY = "lead to the upstream directly, or hash something that the request says"
TRUST = "name the proxy in trusted_proxies here, or lead to the upstream directly"
BEFORE = "write it where the clients come in"
LOOPBACK = "127.0.0.1"


def check(scene: Scene) -> Iterator[Found]:
    before = {
        listener["id"]: (listener, front)
        for front in scene.plan["listeners"]
        for upstream in leads_to(front)
        for _, listener in scene.hops.get(upstream, ())
        if listener is not front and (front["tcp"] is not None or not listener["trusted_proxies"])
    }
    if not before:
        return
    for upstream in scene.plan["upstreams"]:
        balance = upstream["balance"]
        if isinstance(balance, str) or balance["hash"] != "client.ip":
            continue
        front = next((before[each["id"]][1] for each in scene.leading_to(upstream["id"]) if each["id"] in before), None)
        if front is not None:
            path: Path = ("upstreams", upstream["id"], "balance")
            fix = DIRECTLY if front["tcp"] is not None else TRUST
            yield Found("office-is-one", "warning", path, HASHED, fix, ("listeners", front["id"]))
    for listener, front in before.values():
        for path, filters in written(scene, listener):
            which = telling_apart(filters)
            if which is not None:
                also: Path = ("listeners", front["id"])
                yield Found("office-is-one", "warning", (*path, "filters", which), LISTED, BEFORE, also)


def leads_to(listener: Listener) -> set[str]:
    """The upstreams of a listener."""
    upstreams = {upstream_of(route) for route in listener["routes"]}
    return {each for each in upstreams if each} | ({listener["tcp"]["upstream"]} if listener["tcp"] else set())


def written(scene: Scene, listener: Listener) -> Iterator[tuple[Path, Filters]]:
    """The filters that are written at a listener, in its groups and in their routes."""
    groups = [group["id"] for group in scene.plan["groups"] if group["listener"] == listener["id"]]
    nouns: list[tuple[Path, GroupNoun | ListenerNoun]]
    nouns = [(("listeners", listener["id"]), scene.edge.listeners[listener["id"]])]
    nouns += [(("groups", name), scene.edge.groups[name]) for name in groups if name in scene.edge.groups]
    for path, noun in nouns:
        yield path, noun.filters
        for key, route in noun.routes.items():
            yield (*path, "routes", key), route.filters


def telling_apart(filters: Filters) -> str | None:
    """The list that is meant for clients. One that lets this machine in may be meant for the proxy."""
    if filters.allow and not any(includes_this_machine(network) for network in filters.allow):
        return "allow"
    return "deny" if filters.deny else None


def includes_this_machine(network: str) -> bool:
    known = ipaddress.ip_network(network)
    return known.is_loopback or (known.version == 4 and ipaddress.ip_address(LOOPBACK) in known) or known.prefixlen == 0
