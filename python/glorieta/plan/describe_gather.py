"""Gathered answers and their parts, in words for a person."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from .describe_numbers import time_text
from .wording import shortened_json

if TYPE_CHECKING:
    from .model import GatherPart, GatherTarget

PART_WORD = re.compile(r"(?<!\$)\$\{parts\.([A-Za-z0-9_-]+)")
CONFLICTS = {
    "error": "no member twice",
    "first": "of a member given twice the first",
    "last": "of a member given twice the last",
    "deep": "members given twice are merged",
    "list": "members given twice become lists",
}


def gather_texts(gather: GatherTarget) -> list[str]:
    """What holds for all parts of one answer."""
    texts = []
    if gather["deadline_ms"] is not None:
        texts.append(f"all within {time_text(gather['deadline_ms'])}")
    if len(gather["parts"]) > 1:
        texts.append(CONFLICTS[gather["conflict"]])
    return texts


def part_text(part: GatherPart) -> str:
    """`orders: GET /orders of orders, after user, else []`."""
    texts = [f"{part['name']}: {part['method']} {part['path']} of {part['upstream']}"]
    if needs := needs_of(part):
        texts.append(f"after {' and '.join(needs)}")
    if part["timeout_ms"] is not None:
        texts.append(f"within {time_text(part['timeout_ms'])}")
    match part["need"]:
        case "shadow":
            texts.append("nobody waits for it")
        case "optional":
            texts.append("optional")
        case {"default": default}:
            texts.append(f"else {shortened_json(default)}")
    return ", ".join(texts)


def needs_of(part: GatherPart) -> list[str]:
    """The parts that come before a part."""
    written = json.dumps([part["path"], part["query"], part["headers"], part["body"]])
    return list(dict.fromkeys([*part["after"], *PART_WORD.findall(written)]))
