"""A function's parameters, each with the place that its value comes from. Read once, when routes are compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..declared import Dependency, Source
from ..errors import RouterError, name_of, place_of, wrong
from .kinds import any_member, injected, is_scalar, is_structure, is_upstream, model_of, several, takes_upload
from .validation import with_default

MISSING = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter whose value stands in the request."""

    name: str
    annotation: Any
    """With its constraints, without what says where it comes from."""
    source: Source
    key: str
    """What it is called in the request."""
    validation: FieldInfo
    """Constraints and default."""

    @property
    def required(self) -> bool:
        return self.validation.is_required()

    @property
    def group(self) -> type[BaseModel] | None:
        """The model whose fields are the parameters, instead of one value."""
        return None if self.source.place == "body" else model_of(self.annotation)


@dataclass(slots=True)
class Signature:
    """What a function asks for."""

    call: Callable[..., Any]
    values: list[Value] = field(default_factory=list)
    dependencies: list[tuple[str, Dependency]] = field(default_factory=list)
    upstreams: list[tuple[str, str]] = field(default_factory=list)
    """Parameter and upstream."""
    injected: list[tuple[str, str]] = field(default_factory=list)
    returns: Any = MISSING


def read_signature(call: Callable[..., Any], path_names: tuple[str, ...]) -> Signature:
    """`RouterError`: a parameter is nothing that a request could give."""
    place = place_of(call)
    try:
        signature = inspect.signature(call, eval_str=True)
    except NameError as error:
        raise wrong(
            place,
            f'{name_of(call)}: an annotation names "{error.name}", which its module does not have',
            "import it outside of `if TYPE_CHECKING:`, or define it at the module's top",
        ) from None
    except (TypeError, ValueError, SyntaxError) as error:
        raise wrong(place, f"{name_of(call)}: its parameters cannot be read: {error}") from None
    found = Signature(call, returns=signature.return_annotation)
    problems: list[str] = []
    for parameter in signature.parameters.values():
        try:
            add_parameter(found, parameter, path_names)
        except RouterError as error:
            problems += error.problems
    if problems:
        raise RouterError(*problems)
    return found


def add_parameter(found: Signature, parameter: inspect.Parameter, path_names: tuple[str, ...]) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise refused(found, parameter, "a request has named values only", "write the parameters one by one")
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise refused(found, parameter, "it is positional only", "remove the slash from the parameters")
    annotation, marks = split(parameter.annotation)
    dependency = the_mark(found, parameter, marks, Dependency)
    if dependency is not None:
        found.dependencies.append((parameter.name, made_dependency(found, parameter, dependency, annotation)))
    elif is_upstream(annotation):
        names = [mark for mark in marks if isinstance(mark, str)]
        found.upstreams.append((parameter.name, names[0] if names else parameter.name))
    elif (kind := injected(annotation)) is not None:
        found.injected.append((parameter.name, kind))
    else:
        found.values.append(made_value(found, parameter, annotation, marks, path_names))


def split(annotation: Any) -> tuple[Any, list[Any]]:
    """The type, and what it is annotated with."""
    if get_origin(annotation) is Annotated:
        kind, *marks = get_args(annotation)
        return kind, marks
    value = getattr(annotation, "__value__", None)
    return split(value) if value is not None and get_origin(value) is Annotated else (annotation, [])


def the_mark(found: Signature, parameter: inspect.Parameter, marks: list[Any], kind: type) -> Any:
    """The one mark of a kind, in the annotation or as default."""
    marked = [mark for mark in marks if isinstance(mark, kind)]
    if isinstance(parameter.default, kind):
        if marked:
            raise refused(found, parameter, f"it has {kind.__name__} both in the annotation and as default")
        return parameter.default
    # The last one counts, so that a named annotation can be refined where it is used.
    return marked[-1] if marked else None


def made_dependency(
    found: Signature, parameter: inspect.Parameter, dependency: Dependency, annotation: Any
) -> Dependency:
    if dependency.call is not None:
        return dependency
    if annotation is MISSING or not callable(annotation):
        raise refused(found, parameter, "Depends() names no function and its annotation is no class")
    return replace(dependency, call=annotation)


def made_value(
    found: Signature, parameter: inspect.Parameter, annotation: Any, marks: list[Any], path_names: tuple[str, ...]
) -> Value:
    annotation = Any if annotation is MISSING else annotation
    source: Source | None = the_mark(found, parameter, marks, Source)
    written = source is not None
    if source is None:
        source = Source(inferred_place(parameter.name, annotation, path_names), plain_field(parameter, marks))
    if source.place == "path" and parameter.default is not MISSING and not isinstance(parameter.default, Source):
        raise refused(found, parameter, "a part of the path has no default", "remove it")
    validation = defaulted(source.field, parameter)
    value = Value(
        parameter.name,
        with_marks(annotation, [mark for mark in marks if not isinstance(mark, Source)]),
        source,
        key_of(parameter.name, source),
        validation,
    )
    check_value(found, parameter, value, path_names, written)
    return value


def inferred_place(name: str, annotation: Any, path_names: tuple[str, ...]) -> Any:
    if name in path_names:
        return "path"
    if takes_upload(annotation):
        return "file"
    return "query" if is_scalar(annotation) else "body"


def plain_field(parameter: inspect.Parameter, marks: list[Any]) -> FieldInfo:
    """The field of a parameter that says nothing about its source, with what `pydantic.Field` says of it."""
    if isinstance(parameter.default, FieldInfo):
        return parameter.default
    described = [mark for mark in marks if isinstance(mark, FieldInfo)]
    return described[-1] if described else FieldInfo()


def defaulted(info: FieldInfo, parameter: inspect.Parameter) -> FieldInfo:
    """The field with the parameter's default: `q: Annotated[str, Query()] = "a"`."""
    if parameter.default is MISSING or isinstance(parameter.default, Source | FieldInfo):
        return info
    return with_default(info, parameter.default)


def with_marks(annotation: Any, marks: list[Any]) -> Any:
    for mark in marks:
        annotation = Annotated[annotation, mark]
    return annotation


def key_of(name: str, source: Source) -> str:
    alias = source.field.validation_alias or source.field.alias
    if isinstance(alias, str):
        return alias
    return name.replace("_", "-") if source.place == "header" and source.convert_underscores else name


def check_value(
    found: Signature, parameter: inspect.Parameter, value: Value, path_names: tuple[str, ...], written: bool
) -> None:
    place = value.source.place
    names = [value.source.field.validation_alias]
    if value.group is not None:
        names += [info.validation_alias for info in value.group.model_fields.values()]
    if any(not isinstance(name, str | None) for name in names):
        raise refused(found, parameter, "a choice of aliases cannot be looked up in a request", "write one alias")
    if place == "path" and value.key not in path_names:
        raise refused(
            found, parameter, f'its route\'s path has no "{{{value.key}}}"', "write it into the path, or use Query()"
        )
    if written and place != "path" and value.name in path_names:
        raise refused(found, parameter, f"it stands in the path, but says {place.capitalize()}()", "write Path()")
    if place in ("path", "cookie") and several(value.annotation):
        raise refused(found, parameter, f"a {place} parameter has one value, not several")
    if (
        place in ("query", "header", "cookie", "path")
        and not value.group
        and any_member(value.annotation, is_structure)
    ):
        raise refused(found, parameter, f"a {place} parameter cannot be an object", "use Body(), or a pydantic model")


def refused(found: Signature, parameter: inspect.Parameter, what: str, fix: str | None = None) -> RouterError:
    return wrong(place_of(found.call), f"{name_of(found.call)}: parameter {parameter.name}: {what}", fix)
