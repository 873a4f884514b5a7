"""Requests that come back: one of each route is followed from listener to listener, as far as its way is certain.

Whatever changes a request beyond its path (another `Host`, headers) ends the search, because what is changed may take
another route; so does a proxied path that is changed, and a check of addresses, which may refuse this machine. Parts of
a `gather` are followed that are asked for in any case; words of the path are known in what they ask for, all others
are not. What a handler calls is not known. So what is found is certain, and not all there is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...config.parts import PARTS
from ..model import proxies_of, upstreams_of, whole_of
from .asked import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import GatherPart, Listener, ProxyTarget, Route
    from .asked import Asked
    from .scene import Scene

Hop = tuple[str, int]
"""An upstream, and which of its endpoints."""
Step = tuple[str, str | None, "Asked | None"]
"""A listener, its route and a request; without both at layer 4, where everything is sent on."""
Trail = list[tuple["Hop | None", Step]]
"""Steps, and the hop that led to each."""

ROUNDS = 4
"""So often a path grows, and it will grow for ever."""
MOST = 1000
"""Steps that are looked at for one request."""


def going_round(scene: Scene) -> set[Hop]:
    """The hops by which something comes back to a step where it has been."""
    walk = Walk(scene)
    for listener in scene.plan["listeners"]:
        if whole_of(listener) is not None:
            walk.begin((listener["id"], None, None))
        for route in listener["routes"]:
            if any(upstream in scene.hops for upstream in upstreams_of(route)):
                for asked in samples(route):
                    if scene.entrance(listener).takes(asked) is route:
                        walk.begin((listener["id"], route["id"], asked))
    return walk.found


class Walk:
    """The ways of requests, each step looked at once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        listeners = scene.plan["listeners"]
        self.tunnels = {each["id"]: whole["upstream"] for each in listeners if (whole := whole_of(each)) is not None}
        self.routes = {route["id"]: route for each in listeners for route in each["routes"]}
        self.found: set[Hop] = set()
        self.ended: set[Step] = set()
        self.left = 0

    def begin(self, step: Step) -> None:
        self.left = MOST
        self.follow([(None, step)])

    def follow(self, trail: Trail) -> None:
        step = trail[-1][1]
        if step in self.ended or not self.left:
            return
        self.left -= 1
        for hop, following in self.onward(step):
            begin = round_from([each for _, each in trail], following)
            if begin is None:
                self.follow([*trail, (hop, following)])
            else:
                self.found |= {each for each, _ in trail[begin + 1 :] if each is not None} | {hop}
        self.ended.add(step)

    def onward(self, step: Step) -> Iterator[tuple[Hop, Step]]:
        """To where a step certainly leads, and how."""
        for upstream, asked in self.sent(step):
            by_tls = self.scene.upstreams[upstream]["tls"] is not None
            for index, listener in self.scene.hops.get(upstream, ()):
                following = entry(self.scene, listener, asked, by_tls)
                if following is not None:
                    yield (upstream, index), following

    def sent(self, step: Step) -> Iterator[tuple[str, Asked | None]]:
        listener, route, asked = step
        if route is None:
            yield self.tunnels[listener], asked
        elif asked is not None:
            yield from sent_by(self.routes[route], asked)


def round_from(trail: list[Step], step: Step) -> int | None:
    """Where on its way a request was that is there again, or has a longer path each time."""
    if step in trail:
        return trail.index(step)
    asked = step[2]
    same = [(index, was) for index, (*place, was) in enumerate(trail) if place == [*step[:2]] and was is not None]
    if asked is None or len(same) < ROUNDS:
        return None
    lengths = [*(len(was.path) for _, was in same), len(asked.path)]
    return same[0][0] if lengths == sorted(set(lengths)) else None


def sent_by(route: Route, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """What leaves a route for which upstream."""
    target = route["target"]
    if any("headers" in each for each in route["filters"]):
        return
    for proxy in proxies_of(route):
        if is_unchanged(proxy):
            yield proxy["upstream"], asked
    if "gather" in target:
        for part in target["gather"]["parts"]:
            sent = asked.sent(route, part["method"], part["path"]) if is_asked_anyway(part) else None
            if sent is not None:
                yield part["upstream"], sent


def is_asked_anyway(part: GatherPart) -> bool:
    """Whether it goes to the same host, and waits for no other part, which may fail."""
    texts = json.dumps([part["path"], part["query"], part["headers"], part["body"]])
    return part["host"] == "preserve" and not part["after"] and f"${{{PARTS}." not in texts


def entry(scene: Scene, listener: Listener, asked: Asked | None, by_tls: bool) -> Step | None:
    """None: that depends on the request, or it may be refused; so is what comes in clear where TLS is spoken, or the
    other way round."""
    if listener["passthrough"] is not None or (listener["tls"] is not None) != by_tls:
        return None
    whole = whole_of(listener)
    if whole is not None:
        return None if whole["allow"] or whole["deny"] else (listener["id"], None, asked)
    taken = None if asked is None else scene.entrance(listener).takes(asked)
    if taken is None or any("addresses" in each for each in taken["filters"]):
        return None
    return listener["id"], taken["id"], asked


def is_unchanged(proxy: ProxyTarget) -> bool:
    """Whether a request leaves as it came, as far as routes look at it."""
    return proxy["strip_prefix"] is None and proxy["rewrite"] is None and proxy["host"] == "preserve"
