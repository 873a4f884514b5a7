"""Values of requests against their annotations, by pydantic."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from ..errors import wrong
from ..finite import may_have_not_finite, not_finite
from ..lost_numbers import may_have_floats
from .kinds import bare

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ..errors import Place
    from .signature import Value

Errors = list[dict[str, Any]]
Location = tuple[str | int, ...]
PLAIN = (type(None), bool, int, float, str, bytes)


def adapter_of(annotation: Any, where: str, place: Place) -> TypeAdapter[Any]:
    """`RouterError`: pydantic knows nothing of such a type."""
    try:
        adapter = strict_about_numbers(annotation)
        # A type that names one that is not defined yet shows that only when it is used.
        adapter.rebuild(raise_errors=True)
        return adapter
    except PydanticSchemaGenerationError:
        raise wrong(
            place, f"{where}: {bare(annotation)!r} is no type that pydantic can validate", "use a model or a plain type"
        ) from None
    except PydanticUserError as error:
        raise wrong(place, f"{where}: {error.message}") from None


def strict_about_numbers(annotation: Any) -> TypeAdapter[Any]:
    """An adapter that takes neither NaN nor Infinity; a model of its own decides for itself."""
    try:
        return TypeAdapter(annotation, config={"allow_inf_nan": False})
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(annotation)


class Validator:
    """What one parameter must be."""

    __slots__ = ("adapter", "default", "default_factory", "has_floats", "required", "validate", "validate_default")

    def __init__(self, value: Value, where: str, place: Place) -> None:
        self.adapter = adapter_of(typed(value), where, place)
        self.validate: Callable[[Any], Any] = self.adapter.validator.validate_python
        self.has_floats = may_have_floats(self.adapter.core_schema)
        self.required = value.validation.is_required()
        self.default = value.validation.default
        self.default_factory = value.validation.default_factory
        self.validate_default = bool(value.validation.validate_default)

    def check(self, raw: Any, location: Location, errors: Errors) -> Any:
        """The value; on failure an error is added and the value is of no use."""
        try:
            return self.validate(raw)
        except ValidationError as error:
            errors += located(error, location)
            return None

    def check_finite(self, raw: Any, location: Location, errors: Errors, data: bytes | None = None) -> Any:
        """The same for what a model may be made of: it takes NaN and Infinity, unless it says otherwise. `data`: what
        the value was read from, where that is quicker to look at."""
        before = len(errors)
        value = self.check(raw, location, errors)
        if self.has_floats and len(errors) == before and (data is None or may_have_not_finite(data)):
            errors += not_finite(value, raw, location)
        return value

    def absent(self, location: Location, errors: Errors) -> Any:
        """What stands for a value that is not there."""
        if self.required:
            errors.append(missing(location))
            return None
        value = default_of(self.default, self.default_factory)
        return self.check(value, location, errors) if self.validate_default else value


def default_of(default: Any, factory: Callable[..., Any] | None) -> Any:
    """A default for one request: nobody's changes to it are seen by the next."""
    if factory is not None:
        return factory()
    if default is PydanticUndefined:
        return None
    return default if type(default) in PLAIN else copy.deepcopy(default)


def missing(location: Location, given: Any = None) -> dict[str, Any]:
    return {"type": "missing", "loc": location, "msg": "Field required", "input": given}


def located(error: ValidationError, location: Location) -> Errors:
    """The errors of pydantic, each with its place in the request."""
    found = error.errors(include_url=False)
    return [{**each, "loc": (*location, *each["loc"])} for each in found]


def typed(value: Value) -> Any:
    """A parameter's type with its constraints. Its other names and its age are not pydantic's business here."""
    info = copy.copy(value.validation)
    for name in ("alias", "validation_alias", "serialization_alias", "deprecated"):
        setattr(info, name, None)
    return Annotated[value.annotation, info]


def with_default(info: FieldInfo, default: Any) -> FieldInfo:
    copied = copy.copy(info)
    copied.default = default
    copied.default_factory = None
    return copied
