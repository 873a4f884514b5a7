"""Roles: inferred from what a group does, by the table in `config/role.py`, or declared and checked.

A role never changes behaviour. Declared, it is a contract: what it does not contain is an error, with the
sentence that says where the line is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.address import is_literal
from ..config.role import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..config.errors import Path
    from .compiling import Compiling
    from .model import Route, Upstream

BALANCER = "load-balancer"
PROXY = "reverse-proxy"


def inferred(routes: Iterable[Route], upstreams: dict[str, Upstream]) -> list[str]:
    """What the routes of an `http` group are evidence for."""
    roles: set[str] = set()
    for route in routes:
        roles.add(PROXY)
        target = route["target"]
        if "proxy" in target and balances(upstreams.get(target["proxy"]["upstream"])):
            roles.add(BALANCER)
            break
    return in_order(roles)


def balances(upstream: Upstream | None) -> bool:
    """Whether there is, or may be, more than one to choose from: a DNS name means all its addresses."""
    if upstream is None:
        return False
    endpoints = upstream["endpoints"]
    return len(endpoints) > 1 or any(not is_literal(endpoint["address"]) for endpoint in endpoints)


def in_order(roles: Iterable[str]) -> list[str]:
    found = set(roles)
    return [role for role in ROLES if role in found]


def check_declared(compiling: Compiling, role: str, routes: list[tuple[Route, Path]], place: Path) -> None:
    """What a declared role does not contain, each with its place."""
    if role != BALANCER:
        return
    first: str | None = None
    for route, path in routes:
        target = route["target"]
        if "proxy" in target:
            first = first or target["proxy"]["upstream"]
        for what in beyond_balancing(route, first):
            message = f"role load-balancer only chooses among equal endpoints; {what} is a reverse proxy's work"
            compiling.error(path, message, "write role: reverse-proxy, or leave the role out", also=(*place, "role"))


def beyond_balancing(route: Route, upstream: str | None) -> Iterator[str]:
    """What a route does that is more than choosing an endpoint (`config/role.py`: `BEYOND_BALANCING`)."""
    target = route["target"]
    if "proxy" not in target:
        yield f"{next(iter(target))}:"
        return
    proxy = target["proxy"]
    if proxy["upstream"] != upstream:
        yield f'a second upstream ("{proxy["upstream"]}" beside "{upstream}")'
    if proxy["strip_prefix"] is not None:
        yield "strip_prefix"
    if proxy["rewrite"] is not None:
        yield "rewrite"
    for each in route["filters"]:
        if "addresses" in each:
            yield "a limit by address (allow, deny)"
        if "headers" in each:
            yield "changing headers"
