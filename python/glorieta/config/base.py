"""What all nouns of the configuration have in common: strict keys, short forms, `off`, and layers.

A field that nobody wrote keeps its default and counts as not written, so that defaults, inherited
values and own values can be laid over each other without a second set of models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from .errors import Wrong


class Noun(BaseModel):
    """A mapping with known keys only."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def without_empty(cls, value: Any) -> Any:
        """A key without a value is a key that nobody wrote."""
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value

    def written(self, name: str) -> bool:
        """Whether somebody wrote this field, rather than leaving it to its default."""
        return name in self.model_fields_set

    def replaced(self, **values: Any) -> Self:
        """The same with these (already valid) values written."""
        return self.model_copy(update=values)


N = TypeVar("N", bound=Noun)


def layered(kind: type[N], *layers: Noun | None) -> N:
    """One `kind` from several layers: what a later layer says wins, mappings merge, defaults lie below."""
    values: dict[str, Any] = {}
    for layer in layers:
        if layer is None:
            continue
        for name in layer.model_fields_set & kind.model_fields.keys():
            value, before = getattr(layer, name), values.get(name)
            if isinstance(value, Noun) and isinstance(before, Noun):
                value = layered(type(value), before, value)
            values[name] = value
    return kind.model_construct(_fields_set=set(values), **values)


@dataclass(frozen=True)
class Shorthand:
    """Marks a type that a person may also write in a short form, which `expand` makes long."""

    expand: Callable[[Any], Any]
    forms: tuple[dict[str, Any], ...]
    """The JSON Schemas of the short forms."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [*self.forms, handler(schema)]}

    def __hash__(self) -> int:
        return id(self)


TEXT = {"type": "string"}
OFF = {"enum": ["off", False]}


def off_is_none(value: Any) -> Any:
    return None if is_off(value) else value


def is_off(value: Any) -> bool:
    """`off` means the same quoted or not; YAML 1.2 has no boolean of that name."""
    return value is False or value == "off"


def parse_switch(value: Any) -> bool:
    if value in (True, "on", "true"):
        return True
    if value in (False, "off", "false"):
        return False
    raise Wrong(f'"{value}" is neither on nor off', "write on or off")


def as_list(value: Any) -> Any:
    """One where several may stand."""
    return value if isinstance(value, list | tuple) else [value]


def checked_text(check: Callable[[str], str]) -> BeforeValidator:
    """A validator for values that are text; anything else is left to pydantic's own words."""

    def validate(value: Any) -> Any:
        return check(value) if isinstance(value, str) else value

    return BeforeValidator(validate)


Switchable = Shorthand(off_is_none, (OFF,))
Switch = Annotated[bool, Shorthand(parse_switch, ({"enum": ["on", "off"]},))]
Texts = Annotated[list[str], Shorthand(as_list, (TEXT,))]
