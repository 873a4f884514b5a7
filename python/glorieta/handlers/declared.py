"""What a person writes at a parameter to say where its value comes from: `Query(gt=0)`, `Depends(session)`.

The names and arguments are FastAPI's. Constraints are pydantic's and go to it as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

from pydantic import Field
from pydantic.fields import FieldInfo

From = Literal["path", "query", "header", "cookie", "body", "form", "file"]
Exit = Literal["function", "request"]


class Options(TypedDict, total=False):
    """What pydantic knows of a value; each as in `pydantic.Field`."""

    default_factory: Callable[[], Any]
    alias: str
    validation_alias: str
    title: str
    description: str
    gt: float
    ge: float
    lt: float
    le: float
    multiple_of: float
    min_length: int
    max_length: int
    pattern: str
    strict: bool
    allow_inf_nan: bool
    max_digits: int
    decimal_places: int
    discriminator: str
    examples: list[Any]
    deprecated: bool | str
    json_schema_extra: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a parameter's value comes from, and what it must be."""

    place: From
    field: FieldInfo
    embed: bool | None = None
    """Whether the body is an object with the parameter's name; none: decided by how many parameters it has."""
    media_type: str | None = None
    convert_underscores: bool = True
    include_in_schema: bool = True
    openapi_examples: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """A parameter that another function provides."""

    call: Callable[..., Any] | None
    """None: the class that the parameter is annotated with."""
    use_cache: bool = True
    scope: Exit = "request"


def Path(
    default: Any = ..., *, include_in_schema: bool = True, openapi_examples: Any = None, **options: Unpack[Options]
) -> Any:
    """A part of the path. It has no default: without it the path is another one."""
    if default is not ... or "default_factory" in options:
        raise TypeError("Path() takes no default: a path without its parameter is another path")
    field = made(..., options)
    return Source("path", field, include_in_schema=include_in_schema, openapi_examples=openapi_examples)


def Query(
    default: Any = ..., *, include_in_schema: bool = True, openapi_examples: Any = None, **options: Unpack[Options]
) -> Any:
    """A parameter of the query; with a model all parameters that it has fields for."""
    field = made(default, options)
    return Source("query", field, include_in_schema=include_in_schema, openapi_examples=openapi_examples)


def Header(
    default: Any = ...,
    *,
    convert_underscores: bool = True,
    include_in_schema: bool = True,
    openapi_examples: Any = None,
    **options: Unpack[Options],
) -> Any:
    """A header field; `_` in the parameter's name stands for `-` unless `convert_underscores` is false."""
    return Source(
        "header",
        made(default, options),
        convert_underscores=convert_underscores,
        include_in_schema=include_in_schema,
        openapi_examples=openapi_examples,
    )


def Cookie(
    default: Any = ..., *, include_in_schema: bool = True, openapi_examples: Any = None, **options: Unpack[Options]
) -> Any:
    """A cookie."""
    field = made(default, options)
    return Source("cookie", field, include_in_schema=include_in_schema, openapi_examples=openapi_examples)


def Body(
    default: Any = ...,
    *,
    embed: bool | None = None,
    media_type: str | None = None,
    openapi_examples: Any = None,
    **options: Unpack[Options],
) -> Any:
    """The body or a member of it. With a `media_type` that is not JSON: its bytes or text as they are."""
    field = made(default, options)
    return Source("body", field, embed=embed, media_type=media_type, openapi_examples=openapi_examples)


def Form(
    default: Any = ..., *, media_type: str | None = None, openapi_examples: Any = None, **options: Unpack[Options]
) -> Any:
    """A field of a form; with a model all fields."""
    return Source("form", made(default, options), media_type=media_type, openapi_examples=openapi_examples)


def File(default: Any = ..., *, media_type: str | None = None, **options: Unpack[Options]) -> Any:
    """A file of a form, as `bytes` or `UploadFile`."""
    return Source("file", made(default, options), media_type=media_type or "multipart/form-data")


def Depends(dependency: Callable[..., Any] | None = None, *, use_cache: bool = True, scope: Exit | None = None) -> Any:
    """What `dependency` returns or yields. It runs once per request unless `use_cache` is false.

    What stands after a `yield` runs when the answer is sent, or with `scope="function"` when the handler has returned.
    """
    return Dependency(dependency, use_cache, scope or "request")


def made(default: Any, options: Options) -> FieldInfo:
    field: FieldInfo = Field(default, **options)  # type: ignore[call-overload]
    return field
