"""A router that answers two kinds of client: what one of them needs changes for the other as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from .scene import Scene

    Router = tuple[str, str]

SENTENCE = "A BFF is shaped for one frontend, and this one answers several"
FIX = "give each client a router of its own, and let both call the same upstreams"


def check(scene: Scene) -> Iterator[Found]:
    """Of each router, the first place where it is for another client than before."""
    for clients in clients_by_router(scene).values():
        if len(clients) > 1:
            first, path = list(clients.values())[:2]
            assert path is not None
            yield Found("bff-two-clients", "warning", path, f"{SENTENCE}: {', '.join(clients)}.", FIX, first)


def clients_by_router(scene: Scene) -> dict[Router, dict[str, Path | None]]:
    """For each router the kinds of client, and where that is said first; none: in the router itself.

    A router is known by where it is in Python, because each team and each prefix has a handler of its own.
    """
    groups = {(group["listener"], group["id"]): group["client"] for group in scene.plan["groups"]}
    found: dict[Router, dict[str, Path | None]] = {}
    for listener in scene.plan["listeners"]:
        for route in listener["routes"]:
            client = groups[listener["id"], route["group"] or listener["id"]]
            if "handler" not in route["target"] or client is None:
                continue
            application = scene.applications[route["target"]["handler"]["handler"]]
            router = (application.named.reference, application.named.folder)
            own: dict[str, Path | None] = {application.client: None} if application.client is not None else {}
            clients = found.setdefault(router, own)
            clients[client] = clients.get(client) or scene.paths[route["id"]]
    return found
