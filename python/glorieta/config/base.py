"""What all nouns of the configuration have in common: strict keys, short forms, `off`, and layers.

A field that nobody wrote keeps its default and counts as not written, so that defaults, inherited
values and own values can be laid over each other without a second set of models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from .errors import Wrong, did_you_mean
from .later import VALUES, not_yet

FREE = "x-"
"""Keys that begin like this belong to whoever writes the file: for anchors, or for other programs."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class Noun(BaseModel):
    """A mapping with known keys only."""

    # Built when first used: of most nouns only the part within `Edge` is.
    model_config = ConfigDict(extra="forbid", revalidate_instances="always", defer_build=True)

    alternatives: ClassVar[tuple[frozenset[str], ...]] = ()
    """Fields of which a layer that says one takes back what layers below it said of the others."""

    @model_validator(mode="wrap")
    @classmethod
    def without_empty(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """A key without a value is a key that nobody wrote; `x-…` keys are nobody's business.

        In a model that exists, nothing is what `off` means, and stays.
        """
        if not isinstance(value, dict):
            return validate(value)
        known = cls.__pydantic_fields__
        # Nearly always: what has only known keys has no free ones.
        if None not in value.values() and value.keys() <= known.keys():
            return validate(value)
        said = {key: item for key, item in value.items() if not is_free(key) and not (item is None and key in known)}
        return validate(said)

    def written(self, name: str) -> bool:
        """Whether somebody wrote this field, rather than leaving it to its default."""
        return name in self.model_fields_set


N = TypeVar("N", bound=Noun)


def layered(kind: type[N], *layers: Noun | None) -> N:
    """One `kind` from several layers: what a later layer says wins, mappings merge, defaults lie below."""
    made = cast("N", unwritten(kind))
    for layer in layers:
        if layer is not None:
            is_first = made is unwritten(kind) and type(layer) is kind
            made = cast("N", layer) if is_first else laid_over(made, layer)
    return made


@cache
def unwritten(kind: type[Noun]) -> Noun:
    """A noun that leaves everything to its defaults; nobody may change it."""
    return kind.model_construct()


def left_to_defaults(kind: type[N]) -> Callable[[], N]:
    """Makes nouns that leave everything to their defaults.

    As pydantic's `model_construct` does, so that a noun that stands only within others needs no schema of its own;
    and without asking for each default anew, where none can be changed: at ten thousand routes that counts.
    """
    new, set_on = object.__new__, object.__setattr__
    defaults: dict[str, Any] = {}

    def make() -> N:
        if not defaults:
            if has_changeable(kind):
                return cast("N", kind.model_construct())
            defaults.update(unwritten(kind).__dict__)
        made = new(kind)
        set_on(made, "__dict__", defaults.copy())
        set_on(made, "__pydantic_extra__", None)
        set_on(made, "__pydantic_private__", None)
        set_on(made, "__pydantic_fields_set__", set())
        return made

    return make


@cache
def has_changeable(kind: type[Noun]) -> bool:
    """Whether a default of it is an object that somebody could change, which each noun has to have for itself."""
    return any(isinstance(value, Noun | list | dict | set) for value in unwritten(kind).__dict__.values())


def laid_over(below: N, above: Noun) -> N:
    """A noun with what another layer says laid over it. Copied, because making one asks for every default anew."""
    kind = type(below)
    written = above.model_fields_set & kind.model_fields.keys()
    if not written:
        return below
    gone = [name for name in taken_back(kind, written) if below.written(name)]
    values = {name: getattr(unwritten(kind), name) for name in gone}
    for name in written:
        value, before = getattr(above, name), getattr(below, name)
        if isinstance(value, Noun) and isinstance(before, Noun) and below.written(name):
            value = laid_over(before, value)
        values[name] = value
    made = below.model_copy(update=values)
    made.model_fields_set.difference_update(gone)
    return made


def taken_back(kind: type[Noun], written: Collection[str]) -> Iterator[str]:
    """The fields that a layer takes back from those below, because it says their alternatives."""
    for each in kind.alternatives:
        if not each.isdisjoint(written):
            yield from each.difference(written)


@dataclass(frozen=True)
class Shorthand:
    """Marks a type that a person may also write in a short form, which `expand` makes long."""

    expand: Callable[[Any], Any]
    forms: tuple[dict[str, Any], ...] = ()
    """The JSON Schemas of the short forms."""
    off: bool = False
    """Whether nothing (`None`) is written `off`."""
    narrows: dict[str, Any] | None = None
    """What the JSON Schema of the long form says besides."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        serialization = None
        if self.off:
            serialization = core_schema.wrap_serializer_function_ser_schema(off_for_none)
        return core_schema.no_info_before_validator_function(self.expand, handler(source), serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        long = {**handler(schema), **(self.narrows or {})}
        if not self.forms:
            return long
        kinds = [each for each in long.get("anyOf", [long]) if each != {"type": "null"}]
        return {"anyOf": [*self.forms, *kinds]}

    def __hash__(self) -> int:
        return id(self)


TEXT = {"type": "string"}
OFF = {"enum": ["off", False]}
ON = {"enum": ["on", True]}


def off_for_none(value: Any, serialize: Callable[[Any], Any]) -> Any:
    return "off" if value is None else serialize(value)


def off_is_none(value: Any) -> Any:
    return None if is_off(value) else value


def all_off(*names: str) -> Callable[[Any], Any]:
    """`off` for a mapping of switches: each of them."""

    def expand(value: Any) -> Any:
        return dict.fromkeys(names, False) if is_off(value) else value

    return expand


def off_as_text(value: Any) -> Any:
    return "off" if value is False else value


def off_is_zero(value: Any) -> Any:
    return 0 if is_off(value) else value


def is_off(value: Any) -> bool:
    """`off` means the same quoted or not; YAML 1.2 has no boolean of that name."""
    return value is False or value == "off"


def is_free(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(FREE)


def parse_switch(value: Any) -> bool:
    if value is True or value in ("on", "true"):
        return True
    if value is False or value in ("off", "false"):
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


def one_of(*words: str) -> Shorthand:
    """A closed list of words."""

    def check(word: Any) -> Any:
        if word in words or not isinstance(word, str):
            return word
        if word in VALUES:
            raise Wrong(not_yet(word, VALUES[word]))
        raise Wrong(f'"{word}" is not one of the words for this', did_you_mean(word, words))

    return Shorthand(check, narrows={"enum": list(words)})


def whole(least: int, most: int) -> Shorthand:
    """A whole number within bounds, as a number or as text (YAML's plain scalars arrive as text)."""

    def validate(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            number = int(value)
        elif isinstance(value, str):
            raise Wrong(f'"{value}" is not a whole number', f"write {least} to {most}")
        else:
            raise Wrong("a whole number is expected here", f"write {least} to {most}")
        if not least <= number <= most:
            raise Wrong(f"{number} is out of bounds", f"write {least} to {most}")
        return number

    return Shorthand(validate, narrows={"minimum": least, "maximum": most})


def check_name(text: str) -> str:
    """A name of a listener, group or upstream: it becomes part of ids, metrics and paths."""
    if is_free(text):
        raise Wrong(
            f'"{text}" begins with {FREE}; such keys are free for anchors and mean nothing', "choose another name"
        )
    if not NAME.fullmatch(text):
        raise Wrong(f'"{text}" is no name', "names have letters, digits, _ - and . only, at most 64")
    return text


def check_full_name(text: str) -> str:
    """A name that may be a team's: `orders/public`."""
    team, slash, name = text.partition("/")
    if slash:
        check_name(team)
    check_name(name if slash else team)
    return text


def without_free(value: Any) -> Any:
    """A mapping of names without its `x-…` keys."""
    if isinstance(value, Mapping):
        return {key: item for key, item in value.items() if not is_free(key)}
    return value


Switchable = Shorthand(off_is_none, (OFF,), off=True)
OffIsZero = Shorthand(off_is_zero, (OFF,))
Switch = Annotated[bool, Shorthand(parse_switch, ({"enum": ["on", "off"]},))]
Name = Annotated[str, checked_text(check_name)]
FullName = Annotated[str, checked_text(check_full_name)]
NamesOnly = Shorthand(without_free)
