"""JSON of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json, to_json

from .lost_numbers import dumped, has_lost_numbers, is_lost

NO_JSON = "NaN and Infinity are no JSON; give null or text instead"


class Unserialisable(Exception):
    """What a handler gave cannot be said in the answer's format."""


def encode_json(value: Any) -> bytes:
    """Any value that pydantic knows, as JSON. `Unserialisable`: it has something else in it, NaN, or itself."""
    try:
        data = to_json(value)
        lost = has_lost_numbers(value, data, to_json, dumped, {}, True)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unserialisable(f"{type(value).__name__} cannot be JSON: {error}") from error
    # The serialiser writes NaN as if JSON had it.
    if may_have_not_numbers(data):
        refuse_not_a_number(data)
    if lost:
        raise Unserialisable(NO_JSON)
    return data


def jsonable_encoder(
    obj: Any,
    include: Any = None,
    exclude: Any = None,
    by_alias: bool = True,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    custom_encoder: Mapping[type, Callable[[Any], Any]] | None = None,
) -> Any:
    """A value made of what JSON has, for code that goes on with it: models become dicts, dates text. The name and the
    parameters are FastAPI's, what becomes of values is pydantic's. `custom_encoder`: functions by type, for what
    pydantic does not know. `Unserialisable`: it has something else in it, itself, or NaN where that would be lost."""
    own = custom_encoder or {}

    def unknown(value: Any) -> Any:
        for kind in type(value).__mro__:
            if kind in own:
                return own[kind](value)
        raise TypeError(
            f"{type(value).__name__} is no type that pydantic knows; give custom_encoder= a function for it"
        )

    options = {"include": include, "exclude": exclude, "by_alias": by_alias, "exclude_unset": exclude_unset}
    options |= {"exclude_defaults": exclude_defaults, "exclude_none": exclude_none, "fallback": unknown}
    try:
        said = dumped(obj, mode="json", **options)
        lost = is_lost(obj, dumped(obj, **options), said, False)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unserialisable(f"{type(obj).__name__} cannot be JSON: {error}") from error
    if lost:
        raise Unserialisable(NO_JSON)
    return said


def may_have_not_numbers(data: bytes) -> bool:
    """Whether the words NaN or Infinity stand in it, which JSON does not have (RFC 8259 §6) and Python's own reads and
    writes; perhaps within a text. Single letters are looked for first: that is done at a glance, and mostly enough."""
    return (b"N" in data and b"NaN" in data) or (b"I" in data and b"Infinity" in data)


def refuse_not_a_number(data: bytes) -> None:
    try:
        from_json(data, allow_inf_nan=False)
    except ValueError:
        raise Unserialisable(NO_JSON) from None
