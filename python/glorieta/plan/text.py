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
    return digest({key: canonical(value) for key, value in plan.items() if key != "version"})


def version_and_text(plan: Plan, anywhere: Plan) -> tuple[str, str]:
    """The version of `anywhere`, and the text of the Plan with that version.

    What both have is written once: at ten thousand routes that is most of what both cost.
    """
    texts = {key: canonical(value) for key, value in plan.items() if key != "version"}
    others = {key: canonical(value) for key, value in anywhere.items() if value is not plan.get(key)}
    version = digest(texts | others)
    return version, joined(texts | {"version": canonical(version)})


def digest(texts: dict[str, str]) -> str:
    return hashlib.sha256(joined(texts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def joined(texts: dict[str, str]) -> str:
    """The canonical text of a mapping, from those of its values."""
    return "{" + ",".join(f"{canonical(key)}:{texts[key]}" for key in sorted(texts)) + "}"


def plan_json(plan: Plan) -> str:
    """What the engine reads."""
    return json.dumps(plan, separators=(",", ":"), ensure_ascii=False)


def read_plan(text: str) -> Plan:
    """A Plan from its text; `ValueError` for what is none."""
    plan = json.loads(text)
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        raise ValueError(f"not a Plan of format {FORMAT}")
    return cast("Plan", plan)
