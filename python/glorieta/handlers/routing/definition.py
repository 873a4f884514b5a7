"""What a decorator keeps of a route until routes are compiled, and what routers around it add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..response import JSONResponse, Response
from .answers import UNSET, Filter

if TYPE_CHECKING:
    from ..declared import Dependency
    from ..errors import Place
    from ..middleware import Middleware

Responses = dict[int | str, dict[str, Any]]
"""Further answers for the OpenAPI document, by status: `{404: {"model": Message, "description": "No such user"}}`."""


WHOLE = Filter()
"""Every field of a model is sent."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A route as it was written."""

    path: str
    methods: tuple[str, ...]
    call: Callable[..., Any]
    place: Place
    is_websocket: bool = False
    name: str = ""
    response_model: Any = UNSET
    status_code: int | None = None
    tags: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    summary: str | None = None
    description: str | None = None
    response_description: str = "The answer"
    responses: Responses = field(default_factory=dict)
    deprecated: bool | None = None
    operation_id: str | None = None
    filter: Filter = WHOLE
    include_in_schema: bool = True
    response_class: type[Response] | None = None
    openapi_extra: dict[str, Any] | None = None
    max_body_size: int | str | None = None
    """The most that a body may be, such as `10MiB`, or in bytes; none: as the router says."""

    @property
    def shown_summary(self) -> str:
        return self.summary or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Shared:
    """What the routers around a route add to it, the outermost first."""

    prefix: str = ""
    tags: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    responses: Responses = field(default_factory=dict)
    deprecated: bool | None = None
    include_in_schema: bool = True
    response_class: type[Response] = JSONResponse
    middleware: tuple[Middleware, ...] = ()
    exception_handlers: dict[int | type[Exception], Callable[..., Any]] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    max_body_size: int | str | None = None

    def within(self, inner: Shared) -> Shared:
        """This one around another."""
        return replace(
            self,
            prefix=self.prefix + inner.prefix,
            tags=(*self.tags, *inner.tags),
            dependencies=(*self.dependencies, *inner.dependencies),
            responses={**self.responses, **inner.responses},
            deprecated=inner.deprecated if self.deprecated is None else self.deprecated,
            include_in_schema=self.include_in_schema and inner.include_in_schema,
            response_class=self.response_class if inner.response_class is JSONResponse else inner.response_class,
            middleware=(*self.middleware, *inner.middleware),
            exception_handlers={**self.exception_handlers, **inner.exception_handlers},
            calls=tuple(dict.fromkeys((*self.calls, *inner.calls))),
            max_body_size=self.max_body_size if inner.max_body_size is None else inner.max_body_size,
        )


def unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def words_of(tags: Sequence[str | Enum] | None) -> tuple[str, ...]:
    """Tags as text; a program may have an enumeration of them."""
    return tuple(str(tag.value) if isinstance(tag, Enum) else tag for tag in tags or ())
