"""Reading one parameter of a request. A reader is made once per route and called once per request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..forms import UploadFile
from .kinds import several
from .validation import Validator

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..errors import Place
    from ..fields import Multi
    from ..request import HTTPConnection
    from .signature import Value
    from .validation import Errors

Lookup = Callable[["HTTPConnection", str], Any]
Read = Callable[["HTTPConnection", "Errors"], Any]


def path_value(request: HTTPConnection, key: str) -> Any:
    return request.path_params.get(key)


def query_value(request: HTTPConnection, key: str) -> Any:
    return request.query_params.get(key)


def query_values(request: HTTPConnection, key: str) -> Any:
    return request.query_params.getlist(key) or None


def header_value(request: HTTPConnection, key: str) -> Any:
    return request.headers.get(key)


def header_values(request: HTTPConnection, key: str) -> Any:
    return request.headers.getlist(key) or None


def cookie_value(request: HTTPConnection, key: str) -> Any:
    return request.cookies.get(key)


LOOKUPS: dict[tuple[str, bool], Lookup] = {
    ("path", False): path_value,
    ("query", False): query_value,
    ("query", True): query_values,
    ("header", False): header_value,
    ("header", True): header_values,
    ("cookie", False): cookie_value,
}


def reader_of(value: Value, alone: bool, where: str, place: Place) -> Read:
    """The reader of a parameter that is not in the body. `alone`: no other parameter comes from the same place."""
    validator = Validator(value, where, place)
    model = value.group
    if model is not None:
        return group_reader(value, model, validator, alone)
    return single_reader(
        value.source.place, value.key, LOOKUPS[value.source.place, several(value.annotation)], validator
    )


def single_reader(source: str, key: str, lookup: Lookup, validator: Validator) -> Read:
    location = (source, key)

    def read(request: HTTPConnection, errors: Errors) -> Any:
        raw = lookup(request, key)
        if raw is None:
            return validator.absent(location, errors)
        return validator.check(raw, location, errors)

    return read


def group_reader(value: Value, kind: type[BaseModel], validator: Validator, alone: bool) -> Read:
    """Reads a model whose fields are parameters."""
    source = value.source.place
    named = group_fields(kind, source, value.source.convert_underscores)
    fields = [(name, key, LOOKUPS.get((source, many), LOOKUPS[source, False])) for name, key, many in named]
    known = {key.lower() if source == "header" else key for _, key, _ in named}
    shown = {name: key for name, key, _ in named if name != key}
    extras = alone and kind.model_config.get("extra") in ("allow", "forbid")

    def read(request: HTTPConnection, errors: Errors) -> Any:
        found = {}
        for name, key, lookup in fields:
            raw = lookup(request, key)
            if raw is not None:
                found[name] = raw
        if extras:
            found.update(others(everything(request, source), known))
        if not found and not validator.required:
            return validator.absent((source,), errors)
        before = len(errors)
        model = validator.check_finite(found, (source,), errors)
        for error in errors[before:] if shown else ():
            error["loc"] = (source, *(shown.get(step, step) for step in error["loc"][1:2]), *error["loc"][2:])
        return model

    return read


def group_fields(model: type[BaseModel], source: str, convert: bool) -> list[tuple[str, str, bool]]:
    """Of each field its name for pydantic, its name in the request, and whether it takes several values."""
    found = []
    for name, info in model.model_fields.items():
        alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
        key = alias or name
        if source == "header" and convert and alias is None:
            key = key.replace("_", "-")
        found.append((alias or name, key, several(info.annotation)))
    return found


def everything(request: HTTPConnection, source: str) -> Iterable[tuple[str, list[Any]]]:
    if source == "query":
        return request.query_params.lists.items()
    if source == "header":
        return request.headers.lists.items()
    values = request.cookies if source == "cookie" else request.path_params
    return [(name, [value]) for name, value in values.items()]


def others(values: Iterable[tuple[str, list[Any]]], known: set[str]) -> dict[str, Any]:
    """What the model has no field for, since the model may take or refuse it."""
    return {name: all[0] if len(all) == 1 else all for name, all in values if name not in known}


def form_value(form: Multi[Any], key: str, many: bool) -> Any:
    """A field of a form; browsers send empty text, and files without a name, for what was left out."""
    if many:
        return [each for each in form.getlist(key) if not no_file(each)] or None
    value = form.get(key)
    return None if value == "" or no_file(value) else value


def no_file(value: Any) -> bool:
    return isinstance(value, UploadFile) and not value.filename and not value.size
