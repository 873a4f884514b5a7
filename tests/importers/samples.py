"""Paths that an expression matches, made of its own parts: the first choice of each, and the second."""

from __future__ import annotations

import re
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

TYPICAL = "a7-xZ_"
MOST = 2


def samples(expression: str, ignore_case: bool = False) -> list[str]:
    """Paths, each of which it finds; none, where only an expert could say."""
    python = re.sub(r"\(\?<([a-zA-Z_]\w*)>", r"(?P<\1>", expression)
    try:
        compiled = re.compile(python, re.IGNORECASE if ignore_case else 0)
        parsed = parser.parse(python)
    except re.error:
        return []
    found = []
    for choice in range(MOST):
        made = text_of(parsed, choice)
        made = made if made.startswith("/") else f"/{made}"
        if compiled.search(made) and made not in found:
            found.append(made)
    return found


def text_of(parsed: Any, choice: int) -> str:
    return "".join(part(kind, value, choice) for kind, value in parsed)


def part(kind: Any, value: Any, choice: int) -> str:
    if kind is kinds.LITERAL:
        return chr(value)
    if kind is kinds.NOT_LITERAL:
        return next(each for each in TYPICAL if ord(each) != value)
    if kind is kinds.ANY:
        return TYPICAL[choice]
    if kind is kinds.IN:
        return one_of(value, choice)
    if kind is kinds.BRANCH:
        branches = value[1]
        return text_of(branches[min(choice, len(branches) - 1)], choice)
    if kind is kinds.SUBPATTERN:
        return text_of(value[3], choice)
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
        least, most, inner = value
        count = least if choice == 0 and least else min(most, max(least, choice + 1))
        return text_of(inner, choice) * int(count)
    return ""


def one_of(members: list[Any], choice: int) -> str:
    """A character of a class."""
    pattern = re.compile(class_text(members))
    fitting = [each for each in TYPICAL + "/ .b1" if pattern.fullmatch(each)]
    if fitting:
        return fitting[min(choice, len(fitting) - 1)]
    kind, value = members[0]
    return chr(value if kind is kinds.LITERAL else value[0])


def class_text(members: list[Any]) -> str:
    written: list[str] = []
    for kind, value in members:
        if kind is kinds.NEGATE:
            written.insert(0, "^")
        elif kind is kinds.LITERAL:
            written.append(re.escape(chr(value)))
        elif kind is kinds.RANGE:
            written.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        elif kind is kinds.CATEGORY:
            written.append(CATEGORIES[value])
    return f"[{''.join(written)}]"


CATEGORIES = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_NOT_DIGIT: r"\D",
    kinds.CATEGORY_WORD: r"\w",
    kinds.CATEGORY_NOT_WORD: r"\W",
    kinds.CATEGORY_SPACE: r"\s",
    kinds.CATEGORY_NOT_SPACE: r"\S",
}
