"""The router: what somebody who writes a gateway begins with.

A router is data. Decorators only collect; `table()` compiles everything, and says everything that is wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from .declared import Dependency
from .errors import NOWHERE, Place, place_of, wrong
from .fields import State
from .response import JSONResponse, Response
from .routing.answers import UNSET, Filter
from .routing.compiling import compile_table
from .routing.definition import Definition, Responses, Shared, words_of

if TYPE_CHECKING:
    from enum import Enum

    from .middleware import Middleware
    from .routing.table import Lifespan, Table

F = TypeVar("F", bound=Callable[..., Any])
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"})
FILTERS = ("include", "exclude", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none")


class RouteOptions(TypedDict, total=False):
    """What may be said of a route besides its path; the names are FastAPI's."""

    response_model: Any
    """What answers must be; fields that it does not have are not sent. Left out: the handler's annotation."""
    status_code: int
    tags: Sequence[str | Enum]
    dependencies: Sequence[Any]
    summary: str
    description: str
    response_description: str
    responses: Responses
    deprecated: bool
    operation_id: str
    response_model_include: Any
    response_model_exclude: Any
    response_model_by_alias: bool
    response_model_exclude_unset: bool
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    include_in_schema: bool
    response_class: type[Response]
    name: str
    openapi_extra: dict[str, Any]
    max_body_size: int | str
    """The most that a body may be, such as `10MiB`, or in bytes."""


class Router:
    """Handlers by method and path."""

    def __init__(
        self,
        *,
        client: str | None = None,
        calls: Iterable[str] = (),
        forward_headers: Iterable[str] = (),
        prefix: str = "",
        tags: Sequence[str | Enum] = (),
        dependencies: Sequence[Any] = (),
        responses: Responses | None = None,
        default_response_class: type[Response] = JSONResponse,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        lifespan: Lifespan | None = None,
        middleware: Sequence[Middleware] = (),
        exception_handlers: Mapping[int | type[Exception], Callable[..., Any]] | None = None,
        max_body_size: int | str | None = None,
        redirect_slashes: bool = True,
        title: str = "glorieta",
        version: str = "0.1.0",
        summary: str | None = None,
        description: str = "",
        openapi_url: str | None = None,
    ) -> None:
        """`client`: the kind of client that it serves; none: a custom gateway, no BFF. `calls`: the upstreams that its
        handlers may call. `forward_headers`: headers of the client's that go to every one of them. `max_body_size`: the
        most that a request's body may be, such as `10MiB`; left out: 1 MiB, forms with files 16 MiB. `openapi_url`:
        where the OpenAPI document is served; left out: nowhere. `redirect_slashes`: whether a request that no route
        takes is sent to the same path with or without a slash at its end, where a route of this router takes that; of
        routers that are included it does not count. All else is as in FastAPI."""
        self.place = called_from()
        self.client = client
        self.calls = tuple(calls) if not isinstance(calls, str) else (calls,)
        self.forward_headers = tuple(name.lower() for name in forward_headers)
        self.lifespan = lifespan
        self.redirect_slashes = redirect_slashes
        self.title = title
        self.version = version
        self.summary = summary
        self.description = description
        self.state = State()
        """Anything that handlers share; they find it as `request.app.state`."""
        self.entries: list[Definition | tuple[Router, Shared]] = []
        self.around = list(middleware)
        self.exception_handlers: dict[int | type[Exception], Callable[..., Any]] = dict(exception_handlers or {})
        self.prefix = prefix
        self.about = Shared(
            prefix=prefix,
            tags=words_of(tags),
            dependencies=dependencies_of(dependencies),
            responses=responses or {},
            deprecated=deprecated,
            include_in_schema=include_in_schema,
            response_class=default_response_class,
            max_body_size=max_body_size,
        )
        check_prefix(prefix, self.place)
        if openapi_url:
            self.serve_openapi(openapi_url)

    @property
    def shared(self) -> Shared:
        """What it adds to each of its routes."""
        return Shared(
            **{
                **{name: getattr(self.about, name) for name in Shared.__slots__},
                "middleware": tuple(self.around),
                "exception_handlers": self.exception_handlers,
                "calls": self.calls,
            }
        )

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of GET."""
        return self.api_route(path, methods=["GET"], **options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of POST."""
        return self.api_route(path, methods=["POST"], **options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of PUT."""
        return self.api_route(path, methods=["PUT"], **options)

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of PATCH."""
        return self.api_route(path, methods=["PATCH"], **options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of DELETE."""
        return self.api_route(path, methods=["DELETE"], **options)

    def head(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of HEAD."""
        return self.api_route(path, methods=["HEAD"], **options)

    def options(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of OPTIONS."""
        return self.api_route(path, methods=["OPTIONS"], **options)

    def trace(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """A handler of TRACE."""
        return self.api_route(path, methods=["TRACE"], **options)

    def api_route(
        self, path: str, *, methods: Sequence[str] = ("GET",), **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """A handler of several methods."""

        def decorate(call: F) -> F:
            self.add_api_route(path, call, methods=methods, **options)
            return call

        return decorate

    def add_api_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Sequence[str] = ("GET",),
        **options: Unpack[RouteOptions],
    ) -> None:
        """As `api_route`, for a function that is not decorated."""
        place = place_of(endpoint)
        upper = tuple(method.upper() for method in methods)
        for method in upper:
            if method not in METHODS:
                raise wrong(place, f'"{method}" is no method of a handler', f"one of {', '.join(sorted(METHODS))}")
        self.entries.append(definition_of(path, upper, endpoint, place, options))

    def websocket(self, path: str, *, name: str | None = None, dependencies: Sequence[Any] = ()) -> Callable[[F], F]:
        """A handler of WebSockets."""

        def decorate(call: F) -> F:
            self.entries.append(
                Definition(
                    path,
                    ("GET",),
                    call,
                    place_of(call),
                    is_websocket=True,
                    name=name or plain_name(call),
                    dependencies=dependencies_of(dependencies),
                )
            )
            return call

        return decorate

    def include_router(
        self,
        router: Router,
        *,
        prefix: str = "",
        tags: Sequence[str | Enum] = (),
        dependencies: Sequence[Any] = (),
        responses: Responses | None = None,
        default_response_class: type[Response] = JSONResponse,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
    ) -> None:
        """Takes in another router's routes, those that it gets later as well."""
        check_prefix(prefix, called_from())
        around = Shared(
            prefix=prefix,
            tags=words_of(tags),
            dependencies=dependencies_of(dependencies),
            responses=responses or {},
            deprecated=deprecated,
            include_in_schema=include_in_schema,
            response_class=default_response_class,
        )
        self.entries.append((router, around))

    def middleware(self, kind: Any = "http") -> Any:
        """Decorates `async def middleware(request, call_next)`. The one that is added last is outermost."""
        if callable(kind):
            return self.add_middleware(kind)
        if kind != "http":
            raise ValueError(f'"{kind}" is no kind of middleware; write "http"')
        return self.add_middleware

    def add_middleware(self, middleware: Middleware) -> Middleware:
        if not inspect.iscoroutinefunction(middleware):
            raise wrong(
                place_of(middleware), "a middleware is an async function", "write async def name(request, call_next)"
            )
        self.around.insert(0, middleware)
        return middleware

    def exception_handler(self, kind: int | type[Exception]) -> Callable[[F], F]:
        """Decorates `async def answer(request, error)`, which answers an exception or an HTTP status."""

        def decorate(call: F) -> F:
            self.exception_handlers[kind] = call
            return call

        return decorate

    def table(self, *, overrides: Mapping[Callable[..., Any], Callable[..., Any]] | None = None) -> Table:
        """Compiles it. `overrides`: what stands in for dependencies, in tests. `RouterError`: all that is wrong."""
        return compile_table(self, overrides or {})

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of all its routes."""
        return self.table().openapi()

    def serve_openapi(self, url: str) -> None:
        from .openapi.servers import server_of
        from .request import Request

        async def openapi(request: Any) -> Response:
            server = server_of(request)
            return JSONResponse(request.route.table.openapi([server] if server else []))

        openapi.__annotations__["request"] = Request
        self.add_api_route(url, openapi, include_in_schema=False, response_model=None)


def definition_of(
    path: str, methods: tuple[str, ...], call: Callable[..., Any], place: Place, options: RouteOptions
) -> Definition:
    given: dict[str, Any] = dict(options)
    filters = {name: given.pop(f"response_model_{name}") for name in FILTERS if f"response_model_{name}" in given}
    described = inspect.cleandoc(call.__doc__).split("\f")[0].strip() if call.__doc__ else None
    unknown = given.keys() - Definition.__slots__
    if unknown:
        raise wrong(place, f"a route has no {', '.join(sorted(unknown))}")
    given["tags"] = words_of(given.get("tags"))
    given["dependencies"] = dependencies_of(given.get("dependencies") or ())
    given.setdefault("description", described)
    given.setdefault("response_model", UNSET)
    given["name"] = given.get("name") or plain_name(call)
    return Definition(path, methods, call, place, filter=Filter(**filters), **given)


def dependencies_of(written: Sequence[Any]) -> tuple[Dependency, ...]:
    for each in written:
        if not isinstance(each, Dependency):
            raise TypeError(f"dependencies= takes Depends(…), not {each!r}")
    return tuple(written)


def plain_name(call: Callable[..., Any]) -> str:
    return str(getattr(call, "__name__", type(call).__name__))


def check_prefix(prefix: str, place: Place) -> None:
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise wrong(place, f'the prefix "{prefix}" must begin with a slash and not end with one')


def called_from() -> Place:
    """The line outside of this module that is being run."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return NOWHERE if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)
