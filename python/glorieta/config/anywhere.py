"""What may stand in a file wherever a value may: one from outside (`${env:…}`), and `null`, with which a layer removes.

The models do not know of either: the first is read and the second applied before they see the data. An editor sees the
file as it is written.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

OUTSIDE_NAME = "OutsideValue"
OUTSIDE: Schema = {
    "type": "string",
    "description": "A text with a value from outside: `${env:NAME}`, `${env:NAME:-default}` or `${file:path}`.",
    "pattern": r"\$\{(env|file):[^}]+\}",
}
OUTSIDE_HERE: Schema = {"$ref": f"#/$defs/{OUTSIDE_NAME}"}
NULL: Schema = {"type": "null"}
NOTES = ("description", "default", "examples")
"""What is said of a value, beside what it may be."""


def with_what_stands_anywhere(schema: Schema) -> Schema:
    """The schema of a file, with what may stand anywhere."""
    definitions = {name: noun_with(definition) for name, definition in schema["$defs"].items()}
    return {**noun_with(schema), "$defs": {**definitions, OUTSIDE_NAME: OUTSIDE}}


def noun_with(definition: Schema) -> Schema:
    return {**definition, "properties": {key: entry_with(value) for key, value in definition["properties"].items()}}


def entry_with(value: Schema) -> Schema:
    """A key's value, which a layer may remove."""
    kinds = kinds_with(value)
    if kinds == [{"type": "string"}]:
        kinds = [{"type": ["string", "null"]}]
    elif not any(accepts_null(each) for each in kinds):
        kinds = [*kinds, NULL]
    return together(value, kinds)


def item_with(value: Schema) -> Schema:
    """A list's item, which nothing removes."""
    return together(value, kinds_with(value))


def together(value: Schema, kinds: list[Schema]) -> Schema:
    notes = {key: value[key] for key in NOTES if key in value}
    return {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}), **notes}


def kinds_with(value: Schema) -> list[Schema]:
    """The kinds of a value; where one is a scalar, a value from outside is another."""
    bare = {key: each for key, each in value.items() if key not in NOTES}
    kinds = [kind_with(each) for each in bare.get("anyOf", [bare])]
    return [*kinds, OUTSIDE_HERE] if any(map(is_narrow, kinds)) and not any(map(is_any_text, kinds)) else kinds


def kind_with(kind: Schema) -> Schema:
    if kind.get("type") == "array":
        return {**kind, "items": item_with(kind["items"])}
    if isinstance(kind.get("additionalProperties"), dict):
        return {**kind, "additionalProperties": entry_with(kind["additionalProperties"])}
    return kind


def is_narrow(kind: Schema) -> bool:
    """Whether it is a scalar that not every text is."""
    return "anyOf" in kind or ("$ref" not in kind and kind.get("type") not in ("array", "object"))


def is_any_text(kind: Schema) -> bool:
    kinds = kind.get("type")
    return ("string" in kinds if isinstance(kinds, list) else kinds == "string") and not {"pattern", "enum"} & set(kind)


def accepts_null(kind: Schema) -> bool:
    return kind == NULL or (isinstance(kind.get("type"), list) and "null" in kind["type"])
