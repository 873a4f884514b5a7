"""What stands where in a configuration, with the short forms in which it may be written.

Whoever lays one layer of data over another must know that `/a: orders` says the same as `/a: {to: orders}`; the
models know it, so it is read from them.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from .base import Noun, Shorthand
from .errors import Wrong


@dataclass(frozen=True)
class Shape:
    """The type of a value, and how its short forms become long."""

    kind: Any
    short: tuple[Shorthand, ...] = ()
    """In the order in which they are applied."""

    @property
    def noun(self) -> type[Noun] | None:
        return self.kind if isinstance(self.kind, type) and issubclass(self.kind, Noun) else None

    @property
    def merges(self) -> bool:
        """Whether it is a mapping, which is merged key by key."""
        return self.noun is not None or typing.get_origin(self.kind) is dict

    def inner(self, key: str) -> Shape:
        """The shape of what stands at a key."""
        if self.noun is not None:
            return field_shape(self.noun, key)
        arguments = typing.get_args(self.kind)
        return shape_of(arguments[-1]) if arguments else ANYTHING

    def expanded(self, data: Any) -> Any:
        """The long form; what is no right short form stays as it is, and is refused later."""
        try:
            long = data
            for each in self.short:
                long = each.expand(long)
        except Wrong:
            return data
        return long


ANYTHING = Shape(None)


@lru_cache(maxsize=1024)
def field_shape(noun: type[Noun], key: str) -> Shape:
    field = noun.model_fields.get(key)
    return shape_of(field.annotation, reversed(field.metadata)) if field else ANYTHING


def shape_of(kind: Any, marks: Iterable[Any] = ()) -> Shape:
    """The shape of a type: without what it is annotated with, and without `None`."""
    short = [mark for mark in marks if isinstance(mark, Shorthand)]
    while True:
        if typing.get_origin(kind) is Annotated:
            kind, *marks = typing.get_args(kind)
            short += [mark for mark in reversed(marks) if isinstance(mark, Shorthand)]
        elif typing.get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(each for each in typing.get_args(kind) if each is not type(None))
        else:
            return Shape(kind, tuple(short))
