"""What all routes have in common is said once: on the group, on the listener, or in `defaults:`.

Translation says everything on every route, because NGINX decides that way. A person would not.
"""

from __future__ import annotations

from typing import Any

from .result import Result

Data = dict[str, Any]
TARGETS = ("to", "split", "redirect", "respond", "files")
CHANGES = ("set", "add", "remove")
FILTERS: tuple[tuple[str, ...], ...] = (
    ("max_body",),
    *(("headers", "response", change) for change in CHANGES),
    *(("headers", "request", change) for change in CHANGES),
    ("allow",),
    ("deny",),
    ("compress",),
)
ROUTE_DEFAULTS = ("host", "retries", "timeouts")
FIRST_BYTE = "1m"
"""NGINX's own proxy_read_timeout: some services rely on it."""


def hoist(result: Result) -> None:
    for group in result.groups.values():
        lift(group, routes_of(group))
    for name, listener in result.listeners.items():
        groups = [result.groups[group] for group, at in result.at.items() if at == name]
        lift(listener, [*routes_of(listener), *groups])
    everywhere = [*result.listeners.values(), *result.groups.values()]
    route_defaults(result, [route for each in everywhere for route in routes_of(each)])
    for each in everywhere:
        collapse(each)


def routes_of(container: Data) -> list[Data]:
    return list(container.get("routes", {}).values())


def lift(container: Data, parts: list[Data]) -> None:
    """Filters that all parts have alike go to the container."""
    for keys in FILTERS:
        asked = [each for each in parts if is_asked(each, keys)]
        if not asked or (len(parts) < 2 and keys != ("max_body",)):
            continue
        values = [found(each.get("filters", {}), keys) for each in asked]
        if values[0] is None or any(value != values[0] for value in values):
            continue
        for each in asked:
            remove(each, keys)
        put(container.setdefault("filters", {}), keys, values[0])


def is_asked(part: Data, keys: tuple[str, ...]) -> bool:
    """Headers for upstreams mean nothing where there is none, the largest body nothing where none is read."""
    if keys == ("max_body",):
        return found(part.get("filters", {}), keys) is not None or not ("redirect" in part or "respond" in part)
    if keys == ("compress",):
        return "to" in part or "split" in part or "files" in part or "routes" in part
    return keys[:2] != ("headers", "request") or "to" in part or "split" in part or "routes" in part


def found(filters: Data, keys: tuple[str, ...]) -> Any:
    value: Any = filters
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def put(filters: Data, keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        filters = filters.setdefault(key, {})
    filters[keys[-1]] = value


def remove(part: Data, keys: tuple[str, ...]) -> None:
    """Takes a filter out, and what is empty then."""
    path = ("filters", *keys)
    for length in range(len(path), 0, -1):
        above = part
        for key in path[: length - 1]:
            above = above[key]
        if length == len(path) or not above[path[length - 1]]:
            del above[path[length - 1]]


def route_defaults(result: Result, routes: list[Data]) -> None:
    """What all routes to upstreams have alike, and NGINX's patience."""
    proxied = [route for route in routes if "to" in route or "split" in route]
    if not proxied:
        return
    common: Data = {}
    for key in ROUTE_DEFAULTS:
        values = [route.get(key) for route in proxied]
        if len(proxied) > 1 and values[0] is not None and all(value == values[0] for value in values):
            common[key] = values[0]
            for route in proxied:
                del route[key]
    shared: Data = common.get("timeouts") or {}
    if any("first_byte" not in (route.get("timeouts") or shared) for route in proxied):
        common["timeouts"] = {"first_byte": FIRST_BYTE, **shared}
    result.defaults.setdefault("route", {}).update(common)


def collapse(container: Data) -> None:
    """A route for everything else that has nothing but a target is the container's own target."""
    routes = container.get("routes", {})
    key = "/*" if list(routes) == ["/*"] else "rest"
    if key not in routes:
        return
    left = {name: value for name, value in routes[key].items() if name != "match"}
    if len(left) == 1 and next(iter(left)) in TARGETS:
        del routes[key]
        container |= left
        if not routes:
            del container["routes"]
