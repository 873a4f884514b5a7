"""Listeners, roles and the first routes, for the start on a terminal."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from ..model import layer4_of
from ..precedence import order_of
from .rows import aligned, short_row
from .text import head, layer4_lines

if TYPE_CHECKING:
    from .view import View

MOST_SHOWN = 12
"""Routes of a listener."""


def short(view: View) -> str:
    """Cheap also at ten thousand routes: what is not shown is not put in order."""
    lines: list[str] = []
    for listener in view.plan["listeners"]:
        lines.append(head(listener))
        if layer4_of(listener) is not None:
            lines += layer4_lines(view, listener)
            continue
        routes = listener["routes"]
        lines += aligned([short_row(view, route) for route in nsmallest(MOST_SHOWN, routes, key=order_of)])
        if len(routes) > MOST_SHOWN:
            lines.append(f"  … and {len(routes) - MOST_SHOWN} more routes: glorieta explain")
    return "\n".join(lines)
