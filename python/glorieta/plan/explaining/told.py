"""The confusions of an explanation, the worst first, each with its place, what it means and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config.errors import path_text
from .layout import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..confusions import Found
    from .view import View

MARKS = {"error": "E", "warning": "W", "note": "N"}


def confusion_lines(view: View) -> Iterator[str]:
    longest = max(len(found.code) for found in view.confusions)
    for found in view.confusions:
        yield from about_confusion(found, longest, view.width)


def about_confusion(found: Found, longest: int, width: int) -> Iterator[str]:
    where = f"{found.path_text} ({found.place})" if found.place else found.path_text
    yield f"  {MARKS[found.severity]} {found.code:<{longest}}  {where}"
    indent = " " * (longest + 6)
    yield from wrapped(found.sentence, indent, width, "")
    if found.also is not None:
        place = f" ({found.also_place})" if found.also_place else ""
        yield f"{indent}see {path_text(found.also)}{place}"
    if found.accepted is not None:
        yield from wrapped(f"accepted: {found.accepted}", indent, width)
    elif found.fix:
        yield from wrapped(f"fix: {found.fix}", indent, width)
