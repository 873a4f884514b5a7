"""A Plan as text, and the version that names its content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticSerializationError, from_json, to_json

from ..config.errors import Wrong
from .model import FORMAT, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator


def canonical(value: Any) -> bytes:
    """Without blanks, keys in the order in which compiling puts them: the same text for the same content.

    `Wrong`: it has half of a character (a lone surrogate), which no text in UTF-8 can have.
    """
    try:
        return to_json(value)
    except PydanticSerializationError:
        raise Wrong("has half of a character, which is no text", "write the whole character") from None


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
    return version, b"".join(pieces(texts | {"version": canonical(version)})).decode()


def digest(texts: dict[str, bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces(texts):
        found.update(piece)
    return found.hexdigest()[:12]


def pieces(texts: dict[str, bytes]) -> Iterator[bytes]:
    """The canonical text of a mapping, from those of its values. In pieces, because they may be megabytes."""
    for index, key in enumerate(sorted(texts)):
        yield b",%b:" % canonical(key) if index else b"{%b:" % canonical(key)
        yield texts[key]
    yield b"}"


def plan_json(plan: Plan) -> str:
    """What the engine reads."""
    return canonical(plan).decode()


def read_plan(text: str) -> Plan:
    """A Plan from its text; `ValueError` for what is none."""
    plan = from_json(text)
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        raise ValueError(f"not a Plan of format {FORMAT}")
    return cast("Plan", plan)
