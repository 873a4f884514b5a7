"""Plans: `compile(Edge) -> Plan`, what changes between two, and what one does, in words."""

from .build import Built, build, build_edge
from .compile import compile
from .diff import Change, FieldChange, diff, diff_text
from .explain import Explanation, explain
from .located import located
from .model import Plan
from .text import plan_json, read_plan

__all__ = [
    "Built",
    "Change",
    "Explanation",
    "FieldChange",
    "Plan",
    "build",
    "build_edge",
    "compile",
    "diff",
    "diff_text",
    "explain",
    "located",
    "plan_json",
    "read_plan",
]
