"""JSON of answers."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

from .lost_numbers import dumped, has_lost_numbers, is_plain

NO_JSON = "NaN and Infinity are no JSON; give null or text instead"

class Unserialisable(Exception):
    """What a handler gave cannot be said in the answer's format."""


def encode_json(value: Any) -> bytes:
    """Any value that pydantic knows, as JSON. `Unserialisable`: it has something else in it, NaN, or itself."""
    try:
        data = to_json(value)
        lost = b"null" in data and not is_plain(value) and has_lost_numbers(value, data, lambda: dumped(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise Unserialisable(f"{type(value).__name__} cannot be JSON: {error}") from error
    # The serialiser writes NaN as if JSON had it.
    if may_have_not_numbers(data):
        refuse_not_a_number(data)
    if lost:
        raise Unserialisable(NO_JSON)
    return data


def may_have_not_numbers(data: bytes) -> bool:
    """Whether the words NaN or Infinity stand in it, which JSON does not have (RFC 8259 §6) and Python's own reads and
    writes; perhaps within a text. Single letters are looked for first: that is done at a glance, and mostly enough."""
    return (b"N" in data and b"NaN" in data) or (b"I" in data and b"Infinity" in data)


def refuse_not_a_number(data: bytes) -> None:
    try:
        from_json(data, allow_inf_nan=False)
    except ValueError:
        raise Unserialisable(NO_JSON) from None
