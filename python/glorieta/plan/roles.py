"""Roles: inferred from what a group does, by the table in `config/role.py`, or declared and checked.

A role never changes behaviour. Declared, it is a contract: what it does not contain is an error, with the
sentence that says where the line is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.address import is_literal
from ..config.role import ROLES
from .model import upstream_of, upstreams_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..config.errors import Path
    from .compiling import Compiling
    from .model import Route, Upstream
    from .routes import Scope

BALANCER = "load-balancer"
PROXY = "reverse-proxy"


CUSTOM = "custom-gateway"
BFF = "bff"
OWN_ANSWERS = frozenset(("handler", "gather"))
"""Targets that make their answers here; others pass on what an upstream says, or are fixed."""


def inferred(routes: Iterable[Route], upstreams: dict[str, Upstream], client: str | None) -> list[str]:
    """What the routes of an `http` group are evidence for."""
    leads = {(name, *route["target"]) for route in routes for name in upstreams_of(route) or ("",)}
    own = any(kind in OWN_ANSWERS for _, kind in leads)
    roles = {PROXY} if any(kind not in OWN_ANSWERS for _, kind in leads) else set()
    if client is not None and leads:
        roles.add(BFF)
    elif own:
        roles.add(CUSTOM)
    if any(balances(upstreams.get(name)) for name, _ in leads):
        roles.add(BALANCER)
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


def check_declared(
    compiling: Compiling, role: str, routes: list[tuple[Route, Path]], scope: Scope, listener: Scope
) -> None:
    """What a declared role does not contain, each with its place and the role's."""
    if role == PROXY:
        check_passes_on(compiling, routes, scope)
    if role != BALANCER:
        return
    first: str | None = None
    for route, path in routes:
        first = first or upstream_of(route)
        for what, place in beyond_balancing(route, path, first, scope, listener):
            message = f"role load-balancer only chooses among equal endpoints; {what} is a reverse proxy's work"
            fix = "write role: reverse-proxy, or leave the role out"
            compiling.error(place, message, fix, also=(*scope.path, "role"))


def check_passes_on(compiling: Compiling, routes: list[tuple[Route, Path]], scope: Scope) -> None:
    """A reverse proxy passes on what others say."""
    for path in dict.fromkeys(path for route, path in routes if not OWN_ANSWERS.isdisjoint(route["target"])):
        message = "role reverse-proxy passes requests on; an answer of its own is a custom gateway's work"
        fix = "write role: custom-gateway, or bff with a client, or leave the role out"
        compiling.error(path, message, fix, also=(*scope.path, "role"))


def check_client(compiling: Compiling, scope: Scope, client: str | None) -> None:
    """A BFF is for one kind of client, and says for which."""
    role, place = scope.noun.role, (*scope.path, "role")
    if role == BFF and client is None:
        compiling.error(place, "a bff is for one kind of client, and none is named", "write client: mobile")
    elif role in (PROXY, BALANCER, CUSTOM) and client is not None:
        message = f"what is for one kind of client is a bff, not a {role}"
        compiling.error(place, message, "write role: bff, or leave the client out")


def client_of(compiling: Compiling, scope: Scope, routes: list[tuple[Route, Path]]) -> str | None:
    """The kind of client that a group says it is for, or that its routers are for."""
    said: str | None = getattr(scope.noun, "client", None)
    handlers = {route["target"]["handler"]["handler"] for route, _ in routes if "handler" in route["target"]}
    made_for = {each.client for each in compiling.applications.found if each.id in handlers} - {None}
    if said is None and len(made_for) > 1:
        message = f"its routers are for several kinds of client: {', '.join(sorted(map(str, made_for)))}"
        compiling.error(scope.path, message, "give each a group of its own, or write client: for both", key=True)
    return said or next(iter(sorted(map(str, made_for))), None)


def beyond_balancing(
    route: Route, path: Path, upstream: str | None, scope: Scope, listener: Scope
) -> Iterator[tuple[str, Path]]:
    """What a route does that is more than choosing an endpoint (`config/role.py`: `BEYOND_BALANCING`), and where that
    is written."""
    target = route["target"]
    key = written_key(path)
    if "proxy" not in target:
        kind = next(iter(target))
        yield f"{kind}:", (*path, kind) if key is not None else path
        return
    proxy = target["proxy"]
    if proxy["upstream"] != upstream:
        yield (
            f'a second upstream ("{proxy["upstream"]}" beside "{upstream}")',
            (*path, "to") if key is not None else path,
        )
    for word in ("strip_prefix", "rewrite"):
        if proxy[word] is not None:
            yield word, (*path, word)
    if proxy["host"] != "preserve":
        yield "another Host", host_place(path, scope)
    for each in route["filters"]:
        if "addresses" in each:
            yield "a limit by address (allow, deny)", filter_place(("allow", "deny"), key, scope, listener)
        if "compress" in each:
            yield "compressing answers", filter_place(("compress",), key, scope, listener)
        if "decompress" in each:
            yield "reading bodies", filter_place(("decompress",), key, scope, listener)
        if "headers" in each:
            yield "changing headers", filter_place(("headers",), key, scope, listener)


def written_key(path: Path) -> str | None:
    """The key of a route; none: it is the target of its group or listener."""
    return str(path[3]) if len(path) > 3 and path[2] == "routes" else None


def host_place(path: Path, scope: Scope) -> Path:
    """Where `host` was said: by the route, the group's defaults or everybody's."""
    key = written_key(path)
    if key is not None and scope.noun.routes[key].written("host"):
        return (*path, "host")
    defaults = getattr(scope.noun, "defaults", None)
    if defaults is not None and defaults.route.written("host"):
        return (*scope.path, "defaults", "route", "host")
    return ("defaults", "route", "host")


def filter_place(words: tuple[str, ...], key: str | None, scope: Scope, listener: Scope) -> Path:
    """Where a filter was said, the innermost place."""
    layers = [(each.path, each.noun.filters) for each in (scope, listener)]
    if key is not None:
        layers.insert(0, ((*scope.path, "routes", key), scope.noun.routes[key].filters))
    for path, filters in layers:
        word = next((word for word in words if getattr(filters, word)), None)
        if word is not None:
            return (*path, "filters", word)
    return scope.path
