"""Ways by which requests come to an upstream: a route, or a listener of layer 4."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import upstream_of
from .reach import EVERYTHING, Reach, sent_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ..model import HostMatch, Listener, Route
    from .scene import Scene

LAYER4 = "layer 4"


@dataclass(frozen=True)
class Door:
    """One way in, and what the upstream sees of it."""

    upstream: str
    listener: Listener
    group: str
    path: Path
    guarded: bool
    """Whether only named addresses may come in."""
    reach: Reach
    hosts: tuple[HostMatch, ...]
    """Hosts that are asked for; where the upstream sees another, only that one."""
    mapping: object
    """What is done to the path. Two routes of one listener that do the same to it never send on the same request."""
    methods: frozenset[str]


def doors(scene: Scene) -> Iterator[Door]:
    """Those to upstreams of which one is guarded, as far as it can be said where they lead: those that ask for
    headers or queries are left out."""
    guarded_ones = guarded_upstreams(scene)
    if not guarded_ones:
        return
    by_name = {listener["id"]: listener for listener in scene.plan["listeners"]}
    at = {group["id"]: by_name[group["listener"]] for group in scene.plan["groups"]}
    for listener in scene.plan["listeners"]:
        tcp = listener["tcp"]
        if tcp is not None and tcp["upstream"] in guarded_ones:
            place = ("listeners", listener["id"], "to")
            guarded, name = bool(tcp["allow"]), listener["id"]
            yield Door(tcp["upstream"], listener, name, place, guarded, EVERYTHING, ("any",), LAYER4, frozenset())
    for route, path in scene.routes:
        if upstream_of(route) not in guarded_ones or route["headers"] or route["query"]:
            continue
        reach = sent_on(route)
        if reach is not None:
            yield door(route, path, reach, at[route["group"] or ""])


def guarded_upstreams(scene: Scene) -> set[str | None]:
    """Upstreams to which some way lets only named addresses."""
    found = {upstream_of(route) for route, _ in scene.routes if route["filters"] and is_guarded(route)}
    tcp = [listener["tcp"] for listener in scene.plan["listeners"]]
    found |= {each["upstream"] for each in tcp if each is not None and each["allow"]}
    return found - {None}


def door(route: Route, path: Path, reach: Reach, listener: Listener) -> Door:
    proxy = route["target"]["proxy"]
    host = proxy["host"]
    return Door(
        upstream=proxy["upstream"],
        listener=listener,
        group=route["group"] or "",
        path=path,
        guarded=is_guarded(route),
        reach=reach,
        hosts=tuple(route["hosts"]) if host == "preserve" else ({"seen": str(host)},),
        mapping=(proxy["strip_prefix"], proxy["rewrite"]),
        methods=frozenset(route["methods"]),
    )


def is_guarded(route: Route) -> bool:
    return any(each["addresses"]["allow"] for each in route["filters"] if "addresses" in each)


def lead_to_the_same(one: Door, other: Door) -> bool:
    """Whether the upstream surely sees some requests of both alike; their paths are known to overlap."""
    if one.methods and other.methods and one.methods.isdisjoint(other.methods):
        return False
    if one.listener["id"] != other.listener["id"]:
        return any(overlap(mine, its) for mine in one.hosts for its in other.hosts)
    return one.mapping != other.mapping and not set(map(str, one.hosts)).isdisjoint(map(str, other.hosts))


def overlap(one: HostMatch, other: HostMatch) -> bool:
    if "any" in (one, other):
        return not any(isinstance(each, dict) and "seen" in each for each in (one, other))
    if one == other:
        return True
    match one, other:
        case ({"exact": str(name)}, {"wildcard": str(suffix)}) | ({"wildcard": str(suffix)}, {"exact": str(name)}):
            return name.endswith(f".{suffix}")
        case {"wildcard": str(name)}, {"wildcard": str(suffix)}:
            return name.endswith(f".{suffix}") or suffix.endswith(f".{name}")
    return False


def is_open_to_others(listener: Listener) -> bool:
    """Whether other networks surely reach it: not where it is bound to loopback, a private address or a socket."""
    return any(is_public(bind) for bind in listener["bind"])


def is_public(bind: str) -> bool:
    host = bind.rpartition(":")[0].strip("[]")
    if host in ("*", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False
