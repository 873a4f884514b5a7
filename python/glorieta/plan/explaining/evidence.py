"""Why a group has its roles, in words: the rows of `config/role.py` that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config.address import is_literal
from ..model import proxies_of, upstreams_of
from ..roles import BALANCER, BFF, CUSTOM, OWN_ANSWERS, PROXY, balances

if TYPE_CHECKING:
    from ..model import Group, Route, Upstream
    from .view import View

MOST_NAMED = 3


def evidence(view: View, group: Group) -> dict[str, str]:
    """Role → why."""
    routes = view.routes.get(group["id"], [])
    found: dict[str, str] = {}
    for role in group["roles"]:
        if role == PROXY:
            found[role] = proxying(routes)
        elif role == BALANCER:
            found[role] = balancing(view, routes)
        elif role == CUSTOM:
            found[role] = answering(routes)
        elif role == BFF:
            found[role] = f"for the client {group['client']}; {answering(routes)}".removesuffix("; ")
    return {role: why for role, why in found.items() if why}


def proxying(routes: list[Route]) -> str:
    kinds = dict.fromkeys(kind for route in routes for kind in route["target"])
    others = [kind for kind in kinds if kind not in ("proxy", "split") and kind not in OWN_ANSWERS]
    upstreams = leads_to([route for route in routes if proxies_of(route)])
    parts = [f"one address for {named(upstreams)}"] if upstreams else []
    parts += [f"answers by itself ({', '.join(others)})"] if others else []
    return "; ".join(parts)


def answering(routes: list[Route]) -> str:
    """What makes answers of its own."""
    handlers = dict.fromkeys(route["target"]["handler"]["handler"] for route in routes if "handler" in route["target"])
    parts = [f"answers by {named(list(handlers))}"] if handlers else []
    gathered = [route for route in routes if "gather" in route["target"]]
    parts += [f"makes one answer of {named(leads_to(gathered))}"] if gathered else []
    return "; ".join(parts)


def balancing(view: View, routes: list[Route]) -> str:
    if not routes:
        return "layer 4: it sees addresses, ports and SNI only"
    several = [name for name in leads_to(routes) if balances(view.upstreams.get(name))]
    return named([f"{name} {having(view.upstreams[name])}" for name in several])


def leads_to(routes: list[Route]) -> list[str]:
    """The upstreams of all routes, each once."""
    return list(dict.fromkeys(name for route in routes for name in upstreams_of(route)))


def having(upstream: Upstream) -> str:
    names = [endpoint["address"] for endpoint in upstream["endpoints"] if not is_literal(endpoint["address"])]
    if len(upstream["endpoints"]) > 1:
        return f"has {len(upstream['endpoints'])} endpoints"
    return "is a name, which means all its addresses" if names else "has one endpoint"


def named(names: list[str]) -> str:
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
