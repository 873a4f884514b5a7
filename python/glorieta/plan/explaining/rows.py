"""Routes as rows: what is matched, where it leads, why it stands here, and what happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..describe_gather import part_text
from ..describe_matches import match_text
from ..describe_routes import options_text, target_text
from ..describe_upstreams import endpoints_text
from ..match import path_kind
from ..model import words_of
from .inherited import filters_with_origin
from .layout import WIDTH, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model import Filter, Group, HostMatch, Route, SplitVariant
    from .view import View

WIDEST, WIDEST_TARGET = 46, 30
"""What is longer does not push the columns of others away."""
DEEPER = "    "
ORDER = (
    "routes win in this order: exact host, longest wildcard, any host; then exact path, parameters (more literals "
    "first), longest prefix, regex (by priority), everything else; then method, headers and words, query"
)
"""The legend: once, below the routes."""
KINDS = {"any": "catch-all"}


class Row(NamedTuple):
    """A route on one line; `below` is what has no room there."""

    what: str
    where: str
    about: str
    below: tuple[str, ...] = ()


def why(route: Route, tied: bool = False) -> str:
    """The word for where a route stands among those of its host; `tied`: others have the same host and path."""
    kind, _ = path_kind(route["path"])
    word = KINDS.get(kind, kind)
    if kind == "regex" and route["priority"]:
        word = f"regex, priority {route['priority']}"
    asked = [name for name, said in asked_of(route) if said] if tied else []
    return f"{word}, by {' and '.join(asked)}" if asked else word


def asked_of(route: Route) -> list[tuple[str, Sequence[object]]]:
    places: list[tuple[str, Sequence[object]]] = [("method", route["methods"]), ("header", route["headers"])]
    return [*places, ("query", route["query"]), ("word", words_of(route))]


def route_row(view: View, group: Group, route: Route, common: list[Filter], hosts: list[HostMatch]) -> Row:
    """One row. Hosts and filters that are those of the whole group are told there."""
    target = route["target"]
    parts = [why(route, view.is_tied(route))]
    if "proxy" in target:
        upstream = view.upstreams.get(target["proxy"]["upstream"])
        if upstream is not None:
            parts.append(endpoints_text(upstream))
    # The priority is told by the reason already.
    parts += options_text({**route, "priority": 0}, filters=False)
    below = [variant_text(view, each) for each in target["split"]["variants"]] if "split" in target else []
    below += [part_text(part) for part in target["gather"]["parts"]] if "gather" in target else []
    below += [] if route["filters"] == common else [filters_text(view, group, route)]
    shown: Route = {**route, "hosts": ["any"]} if route["hosts"] == hosts else route
    return Row(match_text(shown), where(view, route), "; ".join(parts), tuple(below))


def variant_text(view: View, variant: SplitVariant) -> str:
    upstream = view.upstreams.get(variant["upstream"])
    having = f", {endpoints_text(upstream)}" if upstream is not None else ""
    share = f"weight {variant['weight']}" if variant["weight"] else "no requests (weight 0)"
    return f"{variant['upstream']}: {share}{having}"


def where(view: View, route: Route) -> str:
    """Where it leads; a folder as it was written, where that is below the configuration's own."""
    target = route["target"]
    return f"files {view.short_path(target['files']['root'])}" if "files" in target else target_text(target)


def filters_text(view: View, group: Group, route: Route) -> str:
    found = filters_with_origin(view, group, route)
    if not found:
        return "no filters"
    return listed([(text, origin) for _, text, origin in found])


def listed(filters: list[tuple[str, str]]) -> str:
    """Filters in their order, and the layers that said them."""
    texts = [f"{text} from {origin}" if origin else text for text, origin in filters]
    return f"filters, in this order: {', '.join(texts)}" if len(texts) > 1 else f"filter: {texts[0]}"


def short_row(view: View, route: Route) -> Row:
    """For the start on a terminal: where it leads."""
    target = route["target"]
    upstream = view.upstreams.get(target["proxy"]["upstream"]) if "proxy" in target else None
    return Row(match_text(route), where(view, route), endpoints_text(upstream) if upstream else "")


def aligned(rows: list[Row], indent: str = "  ", width: int = WIDTH) -> list[str]:
    """Rows with arrows below each other; what has no room stands below its row, further in."""
    if not rows:
        return []
    what = max((len(row.what) for row in rows if len(row.what) <= WIDEST), default=0)
    where = max((len(row.where) for row in rows if len(row.where) <= WIDEST_TARGET), default=0)
    return [line for row in rows for line in row_lines(row, f"{indent}{row.what:<{what}}", where, indent, width)]


def row_lines(row: Row, what: str, where: int, indent: str, width: int) -> list[str]:
    """As much as fits on the first line, the rest below."""
    below = list(row.below)
    line = f"{what}  →  {row.where:<{where}}"
    whole = f"{line}  {row.about}".rstrip()
    if len(whole) <= width:
        first = [whole]
    elif len(line.rstrip()) <= width:
        first, below = [line.rstrip()], [row.about, *below]
    else:
        first, below = [what.rstrip()], [f"→  {row.where}", row.about, *below]
    return first + [each for text in below for each in wrapped(text, indent + DEEPER, width)]
