"""What a Plan does: roles and why, groups, routes in the order in which they win, and what each leads to."""

from __future__ import annotations

from .document import explain_schema
from .explanation import Explanation, explain

__all__ = ["Explanation", "explain", "explain_schema"]
