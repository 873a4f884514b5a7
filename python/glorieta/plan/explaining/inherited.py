"""The filters of a route in the order in which they run, and where each was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..describe_filters import filter_text

if TYPE_CHECKING:
    from ...config.filter import Filters
    from ..model import Filter, Group, Route
    from .view import View

WRITTEN: dict[str, tuple[str, ...]] = {
    "addresses": ("allow", "deny"),
    "max_body": ("max_body",),
    "grpc_web": ("grpc_web",),
    "compress": ("compress",),
    "decompress": ("decompress",),
    "headers": ("headers",),
}
"""Filters of the Plan, and the keys that make them."""
MERGED = ("compress", "decompress", "headers")
"""Filters that are laid over each other field by field."""


def filters_with_origin(view: View, group: Group, route: Route) -> list[tuple[Filter, str, str]]:
    """Filter, text, and the layers that made it; without a layer it is the route's own, or nobody knows."""
    layers = view.filters_of(group)
    written = view.written_route(group, route)
    if written is not None:
        layers = [*layers, ("", written.filters)]
    return [(each, filter_text(each), origin(layers, next(iter(each)))) for each in route["filters"]]


def group_filters(view: View, group: Group) -> list[Filter]:
    """What those routes of a group have that say nothing of their own: the commonest list among them."""
    routes = view.routes.get(group["id"], [])
    counts: dict[str, tuple[int, list[Filter]]] = {}
    for route in routes:
        key = str(route["filters"])
        counts[key] = (counts.get(key, (0, []))[0] + 1, route["filters"])
    number, most = max(counts.values(), key=lambda each: each[0], default=(0, []))
    return most if number > 1 or (routes and not says_filters(view, group, routes[0])) else []


def says_filters(view: View, group: Group, route: Route) -> bool:
    written = view.written_route(group, route)
    return written is not None and bool(written.filters.model_fields_set)


def origin(layers: list[tuple[str, Filters]], kind: str) -> str:
    """The layers that say something of this kind: all of them where they are merged, else the innermost."""
    saying = [name for name, filters in layers if not filters.model_fields_set.isdisjoint(WRITTEN[kind])]
    if not saying or saying == [""]:
        return ""
    if kind not in MERGED:
        return saying[-1]
    return ", ".join(name or "route" for name in saying)
