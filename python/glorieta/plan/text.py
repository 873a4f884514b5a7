"""A Plan as text, and the version that names its content."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from .model import FORMAT, Plan


def canonical(value: Any) -> str:
    """The same text for the same content: sorted keys, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def version_of(plan: Plan) -> str:
    """Twelve hexadecimal digits of a hash over everything else in a Plan."""
    content = {key: value for key, value in plan.items() if key != "version"}
    return hashlib.sha256(canonical(content).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def plan_json(plan: Plan) -> str:
    """What the engine reads."""
    return json.dumps(plan, separators=(",", ":"), ensure_ascii=False)


def read_plan(text: str) -> Plan:
    """A Plan from its text; `ValueError` for what is none."""
    plan = json.loads(text)
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        raise ValueError(f"not a Plan of format {FORMAT}")
    return cast("Plan", plan)
