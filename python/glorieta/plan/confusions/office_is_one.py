"""A whole office behind one address: an own proxy's address is taken for the client's.

Behind an own listener of layer 4 nobody knows the client's address, because it has no way to tell it. Behind an own
listener for HTTP it is known where that one is among the `trusted_proxies`; in what a handler calls it is told only
where the handler forwards the header that has it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from ..model import layer4_of, layer4_upstreams
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ...config.filter import Filters
    from ...config.group import Group as GroupNoun
    from ...config.listener import Listener as ListenerNoun
    from ..model import Listener, Route
    from .scene import Scene

HASHED = "Behind a proxy all clients have one address: they share this endpoint."
LISTED = "Behind a proxy all clients have one address, the proxy's: this list does not tell them apart."
DIRECTLY = "lead to the upstream directly, or hash something that the request says"
TRUST = "name the proxy in trusted_proxies here, or lead to the upstream directly"
BEFORE = "write it where the clients come in"
LOOPBACK = "127.0.0.1"
CLIENT_HEADERS = ("x-forwarded-for", "forwarded")
"""Those that say who the client is."""


class Behind(NamedTuple):
    """An own listener that sees another one's address instead of its clients'."""

    listener: Listener
    front: Listener
    is_hidden: bool
    """Whether the front has no way to say who they are, or does not use it."""


def check(scene: Scene) -> Iterator[Found]:
    behind = {each.listener["id"]: each for each in all_behind(scene)}
    if not behind:
        return
    for upstream in scene.plan["upstreams"]:
        balance = upstream["balance"]
        if isinstance(balance, str) or balance["hash"] != "client.ip":
            continue
        first = next((behind[each["id"]] for each in scene.leading_to(upstream["id"]) if each["id"] in behind), None)
        if first is not None:
            path: Path = ("upstreams", upstream["id"], "balance")
            fix = DIRECTLY if first.is_hidden else TRUST
            yield Found("office-is-one", "warning", path, HASHED, fix, ("listeners", first.front["id"]))
    for each in behind.values():
        for path, filters in written(scene, each.listener):
            which = telling_apart(filters)
            if which is not None:
                also: Path = ("listeners", each.front["id"])
                yield Found("office-is-one", "warning", (*path, "filters", which), LISTED, BEFORE, also)


def all_behind(scene: Scene) -> Iterator[Behind]:
    if not scene.hops:
        return
    for front in scene.plan["listeners"]:
        for upstream in scene.reached_from[front["id"]]:
            for _, listener in scene.hops.get(upstream, ()):
                is_hidden = hides_clients(scene, front, upstream)
                if listener is not front and (is_hidden or not listener["trusted_proxies"]):
                    yield Behind(listener, front, is_hidden)


def hides_clients(scene: Scene, front: Listener, upstream: str) -> bool:
    """Whether something of what a listener sends there does not say who the client is."""
    if layer4_of(front) is not None:
        return upstream in layer4_upstreams(front)
    return any(calls_silently(scene, route, upstream) for route in front["routes"])


def calls_silently(scene: Scene, route: Route, upstream: str) -> bool:
    """Whether a handler calls it without the headers that say who the client is."""
    target = route["target"]
    if "handler" not in target or all(call["upstream"] != upstream for call in scene.calls(route)):
        return False
    forwarded = scene.applications[target["handler"]["handler"]].located.application.forward_headers
    return not any(name in forwarded for name in CLIENT_HEADERS)


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
