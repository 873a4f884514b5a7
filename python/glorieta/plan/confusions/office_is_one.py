"""A whole office behind one address: hashed by an address that is an own proxy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene

SENTENCE = "Behind a proxy all clients have one address: they share this endpoint."
FIX = "lead to the upstream directly, or hash something that the request says"


def check(scene: Scene) -> Iterator[Found]:
    behind = {
        listener["id"]: balancer["id"]
        for balancer in scene.plan["listeners"]
        if balancer["tcp"] is not None
        for _, listener in scene.hops.get(balancer["tcp"]["upstream"], ())
    }
    if not behind:
        return
    for upstream in scene.plan["upstreams"]:
        balance = upstream["balance"]
        if isinstance(balance, str) or balance["hash"] != "client.ip":
            continue
        for listener in scene.leading_to(upstream["id"]):
            if listener["id"] in behind:
                path = ("upstreams", upstream["id"], "balance")
                yield Found("office-is-one", "warning", path, SENTENCE, FIX, ("listeners", behind[listener["id"]]))
                break
