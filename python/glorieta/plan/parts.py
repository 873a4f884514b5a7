"""What one part of a `gather` says: what it is sent, what it needs, and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config.parts import CLIENTS_BODY, is_part_word, part_of
from ..config.words import template_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.errors import Path
    from ..config.gather import Part


def members_of(part: Part, place: Path) -> Iterator[tuple[str, Path]]:
    """The members that a part gives for all that is written, and where it is."""
    if part.nest is not None:
        yield part.nest, (*place, "nest")
        return
    changed = {*part.drop, *part.rename, *part.flatten}
    for index, path in enumerate(part.select):
        name = path.partition(".")[0]
        if changed.isdisjoint((name, path)):
            yield name, (*place, "select", index)
    for path, new in part.rename.items():
        if "." not in path and path not in part.drop:
            yield new, (*place, "rename", path)
    if part.optional is not None and isinstance(part.optional.default, dict):
        for name in part.optional.default:
            yield name, (*place, "optional", "default", name)


def is_within(path: str, outer: str) -> bool:
    """Whether a path of members lies within another, or is the same."""
    return f"{path}.".startswith(f"{outer}.")


def body_of(part: Part) -> str | dict[str, Any]:
    if part.body is None:
        return "none"
    return "request" if part.body == CLIENTS_BODY else {"json": part.body}


def need_of(part: Part) -> str | dict[str, Any]:
    if part.shadow:
        return "shadow"
    if part.optional is None:
        return "required"
    return {"default": part.optional.default} if part.optional.written("default") else "optional"


def needed_by(part: Part, place: Path) -> Iterator[tuple[str, Path]]:
    """The parts that a part needs, and where it says so."""
    for index, name in enumerate(part.after):
        yield name, (*place, "after", index)
    for text, where in texts_of(part, place):
        for word in template_words(text):
            if is_part_word(word):
                yield part_of(word), where


def texts_of(part: Part, place: Path) -> Iterator[tuple[str, Path]]:
    """The templates of a part, and where each is written."""
    if part.path is not None:
        yield part.path, (*place, "path")
    for field in ("query", "headers"):
        for name, text in getattr(part, field).items():
            yield text, (*place, field, name)
    if part.body != CLIENTS_BODY:
        yield from texts_within(part.body, (*place, "body"))


def texts_within(value: Any, path: Path) -> Iterator[tuple[str, Path]]:
    match value:
        case str():
            yield value, path
        case dict():
            for key, each in value.items():
                yield from texts_within(each, (*path, key))
        case list():
            for index, each in enumerate(value):
                yield from texts_within(each, (*path, index))
