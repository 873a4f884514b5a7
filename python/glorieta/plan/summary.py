"""A Plan, or what has changed, in a few words: for a list of those that were applied."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .diff import SHOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .diff import Change
    from .model import Plan


def summary(plan: Plan, changes: Sequence[Change] = ()) -> str:
    """`+ 2 routes, ~ 1 upstream`; without changes what there is."""
    if changes:
        counts = Counter((each.sign, each.kind) for each in changes)
        return ", ".join(f"{SHOWN[sign]} {counted(count, kind)}" for (sign, kind), count in sorted(counts.items()))
    routes = sum(len(listener["routes"]) for listener in plan["listeners"])
    parts = (("listener", len(plan["listeners"])), ("route", routes), ("upstream", len(plan["upstreams"])))
    return ", ".join(counted(count, kind) for kind, count in parts if count)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
