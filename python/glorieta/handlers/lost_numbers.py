"""NaN and Infinity that became `null` in JSON, which pydantic writes for them wherever a model is.

What an answer has lost nobody sees, so it is looked for: only where a `null` was written and a number may stand, and
first at the serialiser's own speed.
"""

from __future__ import annotations

import dataclasses
import marshal
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, RootModel
from pydantic_core import SchemaSerializer, core_schema, from_json, to_json

FLOATING = frozenset(
    {"any", "float", "function-plain", "function-wrap", "generator", "is-instance", "is-subclass", "callable"}
)
"""Types of a schema whose values may be, or have in them, floating point numbers."""
NAMED = ("fields", "choices")
"""Where a schema has others by names that somebody chose, which are no words of pydantic's."""
NO_SCHEMAS = frozenset({"metadata", "default", "expected", "members"})
"""What a schema has besides others: values, with anything in them."""
ANYTHING = SchemaSerializer(core_schema.any_schema())


def parts_of(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that a schema is made of."""
    for word, part in schema.items():
        if word in NAMED and isinstance(part, Mapping):
            yield from part.values()
        elif word not in NO_SCHEMAS:
            yield part


def may_have_floats(schema: Any) -> bool:
    """Whether a value of pydantic's schema may have a floating point number in it, as far as the schema says."""
    if isinstance(schema, Mapping):
        if schema.get("type") in FLOATING or "allow" in (
            schema.get("extra_behavior"),
            schema.get("extra_fields_behavior"),
        ):
            return True
        return any(map(may_have_floats, parts_of(schema)))
    return isinstance(schema, list | tuple) and any(may_have_floats(each) for each in schema)


def may_be_told_by_types(schema: Any) -> bool:
    """Whether what is `is_plain` has lost nothing. A `TypedDict` looks plain, and may have a configuration."""
    if isinstance(schema, Mapping):
        return schema.get("type") != "typed-dict" and all(map(may_be_told_by_types, parts_of(schema)))
    return not isinstance(schema, list | tuple) or all(may_be_told_by_types(each) for each in schema)


def is_plain(value: Any) -> bool:
    """Whether it consists of Python's own types, in which no number becomes null."""
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def dumped(value: Any, **options: Any) -> Any:
    """Any value as Python's own types, as far as pydantic knows it; the options are `model_dump`'s."""
    return ANYTHING.to_python(value, **{"by_alias": True, "warnings": False, **options})


def has_lost_numbers(
    value: Any,
    data: bytes,
    write: Callable[..., bytes],
    dump: Callable[..., Any],
    options: Mapping[str, Any],
    by_types: bool,
) -> bool:
    """Whether NaN or Infinity stands in a value where its JSON has `null`, and no model says that it shall.

    `write` and `dump` are pydantic's for JSON and for Python's own types, `options` those that the JSON was written
    with; `by_types`: a value that `is_plain` has lost nothing."""
    if b"null" not in data or (by_types and is_plain(value)):
        return False
    # Most are fields that are None, and without those there is none left.
    if b"null" not in write(value, **{**options, "exclude_none": True}):
        return False
    plain = dump(value, **options)
    try:
        text = to_json(plain, serialize_unknown=True)
    except (ValueError, RecursionError):
        text = b"NaN"
    if b"NaN" not in text and b"Infinity" not in text:
        return False
    return is_lost(value, plain, from_json(data), False)


def is_lost(value: Any, plain: Any, written: Any, meant: bool) -> bool:
    """`plain` is the value dumped, `written` what its JSON says, in the same order; `meant`: the model around it wants
    null. Where the two have not the same form, somebody's own serialiser decided."""
    if written is None:
        return not meant and is_no_number(plain)
    if isinstance(value, BaseModel):
        meant = value.model_config.get("ser_json_inf_nan") == "null"
    if isinstance(value, RootModel):
        return is_lost(value.root, plain, written, meant)
    if isinstance(plain, Mapping) and isinstance(written, dict) and len(plain) == len(written):
        own, excused = members(value)
        return any(
            is_lost(own.get(name), inner, said, meant or name in excused)
            for (name, inner), said in zip(plain.items(), written.values(), strict=True)
        )
    if isinstance(plain, list | tuple) and isinstance(written, list) and len(plain) == len(written):
        items = items_of(value, len(plain))
        return any(is_lost(*each, meant) for each in zip(items, plain, written, strict=True))
    # A set's order is its own.
    return isinstance(plain, set | frozenset) and not meant and None in written and any(map(is_no_number, plain))


def is_no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def members(value: Any) -> tuple[Mapping[Any, Any], frozenset[str]]:
    """What a value has by name, and the names of what is serialised in a way of its own where it becomes JSON."""
    if isinstance(value, BaseModel):
        aliases, excused = shown_names(type(value))
        own = {**value.__dict__, **(value.__pydantic_extra__ or {})}
        return {**own, **{alias: own.get(name) for name, alias in aliases.items()}}, excused
    if dataclasses.is_dataclass(value):
        return {each.name: getattr(value, each.name, None) for each in dataclasses.fields(value)}, frozenset()
    return value if isinstance(value, Mapping) else {}, frozenset()


@lru_cache(maxsize=1024)
def shown_names(model: type[BaseModel]) -> tuple[dict[str, str], frozenset[str]]:
    """A model's fields whose names in JSON are others, and those that JSON has serialisers of its own for."""
    fields = model.model_fields
    aliases = {name: info.serialization_alias for name, info in fields.items() if info.serialization_alias}
    decorated = model.__pydantic_decorators__.field_serializers.values()
    own = {name for each in decorated if for_json(each.info) for name in each.info.fields}
    own |= {name for name, info in fields.items() if any(map(for_json, info.metadata))}
    if "*" in own:
        own |= set(fields)
    return aliases, frozenset({*own, *(aliases[name] for name in own if name in aliases)})


def for_json(serialiser: Any) -> bool:
    return getattr(serialiser, "when_used", "") in ("json", "json-unless-none")


def items_of(value: Any, count: int) -> Sequence[Any]:
    """The items of a sequence that was dumped; unknown ones where it is none, or not all were."""
    return value if isinstance(value, list | tuple) and len(value) == count else [None] * count
