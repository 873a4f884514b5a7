"""Plans: `compile(Edge) -> Plan`, what changes between two, and what one does, in words."""

from .build import Built, build, build_edge
from .compile import compile
from .diff import Change, FieldChange, diff, diff_text
from .explaining import Explanation, explain, explain_schema
from .located import located
from .lost import Loss, at_next_start, lost, lost_text
from .model import Plan
from .summary import summary
from .text import plan_json, read_plan

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
