"""Plans: `compile(Edge) -> Plan`, what changes between two, and what one does, in words."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .build import Built, build, build_edge
from .compile import compile
from .diff import Change, FieldChange, diff, diff_text
from .located import located
from .lost import Loss, at_next_start, lost, lost_text
from .model import Plan
from .summary import summary
from .text import plan_json, read_plan

if TYPE_CHECKING:
    from .explaining import Explanation, explain, explain_schema

__all__ = [
    "Built",
    "Change",
    "Explanation",
    "FieldChange",
    "Loss",
    "Plan",
    "at_next_start",
    "build",
    "build_edge",
    "compile",
    "diff",
    "diff_text",
    "explain",
    "explain_schema",
    "located",
    "lost",
    "lost_text",
    "plan_json",
    "read_plan",
    "summary",
]


def __getattr__(name: str) -> Any:
    """What only some commands need is imported when they ask."""
    if name in ("Explanation", "explain", "explain_schema"):
        return getattr(import_module(".explaining", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
