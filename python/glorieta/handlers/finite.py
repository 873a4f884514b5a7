"""Numbers of a body that are none: `"NaN"` as text, and `1e999`, which is JSON and more than a number can hold.

pydantic takes them into a model's fields unless the model forbids it, so what it took is looked at again, where the
body gives reason to.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel

from .lost_numbers import is_no_number

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from .routing.validation import Errors, Location

Steps = tuple[str | int, ...]
LOWER = bytes(range(256)).lower().translate(bytes.maketrans(b"123456789", b"000000000"))
"""All digits alike, all letters small."""
IGNORED = b"+_."
"""What may stand within a number that is written as text."""
REASONS = (b"nan", b"inf", b"0e000", b"\\u", b"0" * 200)
"""An exponent of three digits may be too large, and so may many digits; an escape may be any letter."""


def may_have_not_finite(data: bytes) -> bool:
    """Whether a body's bytes could be read as NaN or Infinity somewhere; told at a glance, and seldom in vain."""
    plain = data.translate(LOWER, IGNORED)
    return any(reason in plain for reason in REASONS)


def not_finite(value: Any, raw: Any, location: Location) -> Errors:
    """The errors of numbers that are none. `value` is what `raw` was validated to."""
    return [
        {
            "type": "finite_number",
            "loc": (*location, *steps),
            "msg": "Input should be a finite number",
            "input": given,
        }
        for steps, given in suspects(raw, ())
        if is_taken(value, steps, False)
    ]


def suspects(raw: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    """What could be read as no number, and where it stands."""
    if isinstance(raw, Mapping):
        for name, inner in raw.items():
            yield from suspects(inner, (*steps, name))
    elif isinstance(raw, list):
        for place, inner in enumerate(raw):
            yield from suspects(inner, (*steps, place))
    elif isinstance(raw, str | float | int) and reads_as_none(raw):
        yield steps, raw


def reads_as_none(raw: str | float) -> bool:
    # pydantic takes underscores out, also where Python would not.
    plain = raw.replace("_", "") if isinstance(raw, str) else raw
    try:
        return not math.isfinite(float(plain))
    except OverflowError:
        return True
    except ValueError:
        return False


def is_taken(value: Any, steps: Steps, meant: bool) -> bool:
    """Whether NaN or Infinity has become a number there. `meant`: the model around it says that it takes them."""
    if isinstance(value, RootModel):
        return is_taken(value.root, steps, value.model_config.get("allow_inf_nan") is True)
    if not steps:
        return not meant and is_no_number(value)
    if isinstance(value, BaseModel):
        return is_taken_by_model(value, steps)
    first, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        return any(is_taken(inner, rest, meant) for name, inner in value.items() if str(name) == str(first))
    if isinstance(value, list | tuple) and isinstance(first, int) and first < len(value):
        return is_taken(value[first], rest, meant)
    if isinstance(value, set | frozenset) and not rest:
        return not meant and any(map(is_no_number, value))
    if dataclasses.is_dataclass(value) and isinstance(first, str):
        return is_taken(getattr(value, first, None), rest, meant)
    return False


def is_taken_by_model(model: BaseModel, steps: Steps) -> bool:
    allowed = model.model_config.get("allow_inf_nan") is True
    for name, info in type(model).model_fields.items():
        meant = allowed or any(getattr(each, "allow_inf_nan", None) is True for each in info.metadata)
        for shown in names_of(name, info):
            if steps[: len(shown)] == shown:
                return is_taken(getattr(model, name), steps[len(shown) :], meant)
    extra = (model.__pydantic_extra__ or {}).get(str(steps[0]))
    return is_taken(extra, steps[1:], allowed)


def names_of(name: str, info: FieldInfo) -> list[Steps]:
    """Where a field's value may stand in the input."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return [tuple(steps) for steps in alias.convert_to_aliases()] + [(name,)]
    if isinstance(alias, AliasPath):
        return [tuple(alias.convert_to_aliases()), (name,)]
    return [(alias,), (name,)] if alias is not None else [(name,)]
