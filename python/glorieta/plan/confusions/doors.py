"""Ways by which requests come to an upstream: a route, what is called for one, or a listener of layer 4."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import layer4_of, layer4_upstreams, proxies_of, whole_of, words_of
from .reach import EVERYTHING, SOMEWHERE, Reach, sent_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from ..model import HostMatch, Listener, ProxyTarget, Route
    from .scene import Call, Scene

LAYER4 = "layer 4"
SOME_METHOD = frozenset(("some",))
"""One that nobody knows: where one is asked for, it may be another."""


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
    is_called: bool = False
    """Whether a request of its own is made for the client's: by a handler, or as a part of a `gather`."""


def doors(scene: Scene) -> Iterator[Door]:
    """Those to upstreams of which one is guarded, as far as it can be said where they lead: those that ask for
    headers, queries or words are left out."""
    guarded_ones = guarded_upstreams(scene)
    if not guarded_ones:
        return
    by_name = {listener["id"]: listener for listener in scene.plan["listeners"]}
    at = {group["id"]: by_name[group["listener"]] for group in scene.plan["groups"]}
    for listener in scene.plan["listeners"]:
        layer4 = layer4_of(listener)
        for upstream in layer4_upstreams(listener) if layer4 is not None else ():
            if upstream in guarded_ones:
                place: Path = ("listeners", listener["id"], *(("to",) if whole_of(listener) else ()))
                guarded, name = bool(layer4 and layer4["allow"]), listener["id"]
                yield Door(upstream, listener, name, place, guarded, EVERYTHING, ("any",), LAYER4, frozenset())
    for route, path in scene.routes:
        if not (route["headers"] or route["query"] or words_of(route)):
            found = doors_of(scene, route, path, at[route["group"] or ""])
            yield from (each for each in found if each.upstream in guarded_ones)


def guarded_upstreams(scene: Scene) -> set[str]:
    """Upstreams to which some way lets only named addresses."""
    guarded = [route for route, _ in scene.routes if route["filters"] and is_guarded(route)]
    found = {call["upstream"] for route in guarded for call in scene.calls(route)}
    limited = [each for each in scene.plan["listeners"] if (layer4 := layer4_of(each)) and layer4["allow"]]
    return found | {upstream for each in limited for upstream in layer4_upstreams(each)}


def doors_of(scene: Scene, route: Route, path: Path, listener: Listener) -> Iterator[Door]:
    """Those of a route, as far as it can be said where they lead."""
    target = route["target"]
    for proxy in proxies_of(route):
        reach, methods = sent_on(route, proxy), frozenset(route["methods"])
        if reach is not None:
            yield door(route, path, listener, proxy, reach, methods, proxy)
    for part in target["gather"]["parts"] if "gather" in target else ():
        reach = SOMEWHERE if "${" in part["path"] else Reach(part["path"], below=False)
        if reach is not SOMEWHERE or is_guarded(route):
            yield door(route, path, listener, part, reach, frozenset((part["method"],)))
    if "handler" in target and is_guarded(route):
        for call in scene.calls(route):
            yield door(route, path, listener, call, SOMEWHERE, SOME_METHOD)


def door(
    route: Route,
    path: Path,
    listener: Listener,
    call: Call,
    reach: Reach,
    methods: frozenset[str],
    proxy: ProxyTarget | None = None,
) -> Door:
    """`proxy`: the client's own request is passed on, and nothing is called for it."""
    host = call["host"]
    return Door(
        upstream=call["upstream"],
        listener=listener,
        group=route["group"] or "",
        path=path,
        guarded=is_guarded(route),
        reach=reach,
        hosts=tuple(route["hosts"]) if host == "preserve" else ({"seen": str(host)},),
        mapping=None if proxy is None else (proxy["strip_prefix"], proxy["rewrite"]),
        methods=methods,
        is_called=proxy is None,
    )


def is_guarded(route: Route) -> bool:
    return any(each["addresses"]["allow"] for each in route["filters"] if "addresses" in each)


def lead_to_the_same(one: Door, other: Door) -> bool:
    """Whether the upstream surely sees some requests of both alike; their paths are known to overlap."""
    if one.methods and other.methods and one.methods.isdisjoint(other.methods):
        return False
    if one.is_called or other.is_called:
        return any(same_seen(mine, its) for mine in one.hosts for its in other.hosts)
    if one.listener["id"] != other.listener["id"]:
        return any(overlap(mine, its) for mine in one.hosts for its in other.hosts)
    return one.mapping != other.mapping and not set(map(str, one.hosts)).isdisjoint(map(str, other.hosts))


def same_seen(one: HostMatch, other: HostMatch) -> bool:
    """Whether an upstream may see the same host by both: who passes on any host passes on that one, too."""
    return "any" in (one, other) or overlap(one, other)


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
