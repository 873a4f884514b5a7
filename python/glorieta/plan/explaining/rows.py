"""Routes as rows: what is matched, where it leads, why it stands here, and what happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..describe import endpoints_text, match_text, options_text, target_text
from ..match import path_kind
from .inherited import filters_with_origin

if TYPE_CHECKING:
    from ..model import Filter, Group, Route
    from .view import View

Row = tuple[str, str, str]
WIDEST = 46
ORDER = (
    "routes win in this order: exact host, longest wildcard, any host; then exact path, parameters (more literals "
    "first), longest prefix, regex (by priority), everything else; then method, headers, query"
)
"""The legend: once, below the routes."""


def why(route: Route) -> str:
    """The word for where a route stands among those of its host."""
    kind, _ = path_kind(route["path"])
    if kind == "regex":
        return f"regex, priority {route['priority']}" if route["priority"] else "regex"
    return {"any": "catch-all"}.get(kind, kind)


def route_row(view: View, group: Group, route: Route, common: list[Filter]) -> Row:
    """One row. Filters that are those of the whole group are told there."""
    target = route["target"]
    parts = [why(route)]
    if "proxy" in target:
        upstream = view.upstreams.get(target["proxy"]["upstream"])
        if upstream is not None:
            parts.append(endpoints_text(upstream))
    parts += options_text(route, filters=False)
    if route["filters"] is not common:
        parts += filter_parts(view, group, route, common)
    return match_text(route), target_text(target), "; ".join(parts)


def filter_parts(view: View, group: Group, route: Route, common: list[Filter]) -> list[str]:
    found = filters_with_origin(view, group, route)
    if not found:
        return ["no filters"] if common else []
    texts = [f"{text} from {origin}" if origin else text for _, text, origin in found]
    return [f"filters: {', '.join(texts)}"] if common else texts


def short_row(view: View, route: Route) -> Row:
    """For the start on a terminal: where it leads."""
    target = route["target"]
    upstream = view.upstreams.get(target["proxy"]["upstream"]) if "proxy" in target else None
    return match_text(route), target_text(target), endpoints_text(upstream) if upstream else ""


def aligned(rows: list[Row], indent: str = "  ") -> list[str]:
    """Rows with arrows below each other."""
    if not rows:
        return []
    widths = [min(max(len(row[column]) for row in rows), WIDEST) for column in (0, 1)]
    return [f"{indent}{what:<{widths[0]}}  →  {where:<{widths[1]}}  {about}".rstrip() for what, where, about in rows]
