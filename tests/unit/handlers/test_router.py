"""Routers: what is compiled, what is listed for the Plan, and everything that is wrong with one, at once."""

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, Field

from glorieta.handlers import (
    Body,
    Cookie,
    Depends,
    File,
    Form,
    HTTPConnection,
    HTTPException,
    JSONResponse,
    PlainTextResponse,
    Query,
    Request,
    Response,
    Router,
    RouterError,
    UploadFile,
    Upstream,
    UpstreamError,
    WebSocket,
)
from glorieta.handlers import Path as InPath
from glorieta.handlers.routing.paths import WrongPath, read_path
from glorieta.handlers.routing.table import Table
from harness.asked import ask

FILE = __file__


@pytest.mark.parametrize(
    ("written", "match", "names", "rest"),
    [
        ("/", "/", (), ""),
        ("/users", "/users", (), ""),
        ("/users/", "/users/", (), ""),
        ("/users/{id}/orders/{order_id}", "/users/{id}/orders/{order_id}", ("id", "order_id"), ""),
        ("/files/{rest:path}", "/files/*", ("rest",), "rest"),
        ("/{team}/{rest:path}", "/{team}/*", ("team", "rest"), "rest"),
        ("/{all:path}", "/*", ("all",), "all"),
    ],
)
def test_paths(written: str, match: str, names: tuple[str, ...], rest: str) -> None:
    found = read_path(written)
    assert (found.match, found.names, found.rest) == (match, names, rest)


@pytest.mark.parametrize(
    ("path", "what", "fix"),
    [
        ("users", "does not begin with a slash", 'write "/users"'),
        ("/{id:int}", 'converter "int"', "id: int"),
        ("/{rest:path}/more", "something follows", "comes last"),
        ("/a-{id}", "mixes text and parameter", "whole segment"),
        ("/{id}.json", "mixes text and parameter", "whole segment"),
        ("/{}", "mixes text and parameter", "whole segment"),
        ("/{id}/{id}", "names {id} twice", None),
        ("/a*", "cannot be matched", None),
        ("/a?b", "cannot be matched", None),
        ("/a/../b", "dot segment", None),
    ],
)
def test_paths_that_cannot_be_matched(path: str, what: str, fix: str | None) -> None:
    with pytest.raises(WrongPath) as error:
        read_path(path)
    assert what in str(error.value)
    assert (fix or "") in (error.value.fix or "")


def test_the_listing_for_the_plan() -> None:
    router = Router(client="mobile", calls=["users"], forward_headers=["Accept-Language"])

    @router.get("/users/{id}", summary="One user")
    async def one_user(id: int, users: Upstream) -> None: ...

    @router.api_route("/files/{rest:path}", methods=["GET", "PUT"])
    async def any_file(rest: str) -> None: ...

    @router.websocket("/live")
    async def live(websocket: WebSocket) -> None: ...

    table = router.table()
    assert (table.client, table.calls, table.forward_headers) == ("mobile", ("users",), ("accept-language",))
    found = [(each.method, each.path, each.summary, each.is_websocket, each.upstreams) for each in table.listing()]
    assert found == [
        ("GET", "/users/{id}", "One user", False, ("users",)),
        ("GET", "/files/*", "Any file", False, ()),
        ("PUT", "/files/*", "Any file", False, ()),
        ("GET", "/live", "Live", True, ()),
    ]
    first = table.listing()[0]
    assert first.name.endswith("test_router.test_the_listing_for_the_plan.<locals>.one_user")
    assert first.place.startswith(f"{FILE}:")


def test_routers_within_routers() -> None:
    told: list[str] = []

    def telling(text: str) -> Any:
        async def dependency() -> None:
            told.append(text)

        return Depends(dependency)

    inner = Router(prefix="/orders", tags=["orders"], dependencies=[telling("inner")], calls=["orders"])
    middle = Router(prefix="/v1", dependencies=[telling("middle")])
    outer = Router(prefix="/api", tags=["api"], calls=["users"], dependencies=[telling("outer")])
    middle.include_router(inner, prefix="/shop", tags=["shop"], dependencies=[telling("include")])
    outer.include_router(middle)

    @inner.get("/{id}", tags=["one"], dependencies=[telling("route")])
    async def order(id: int, users: Upstream, orders: Upstream) -> Any:
        return [id, users.name, orders.name]

    table = outer.table()
    assert table.listing()[0].path == "/api/v1/shop/orders/{id}"
    assert table.routes[0].definition.tags == ("api", "shop", "orders", "one")
    assert table.calls == ("users", "orders")
    assert ask(outer, "GET", "/api/v1/shop/orders/7").json == [7, "users", "orders"]
    assert told == ["outer", "middle", "include", "inner", "route"]


def test_an_included_router_may_not_call_what_only_others_call() -> None:
    one, two, both = Router(calls=["users"]), Router(), Router()

    @two.get("/")
    async def handler(users: Upstream) -> None: ...

    both.include_router(one)
    both.include_router(two)
    with pytest.raises(RouterError, match="does not call the upstream"):
        both.table()


def test_middleware_is_around_handlers_in_the_order_of_routers() -> None:
    told: list[str] = []

    def telling(text: str) -> Any:
        async def middleware(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
            told.append(f"{text} in")
            response = await call_next(request)
            told.append(f"{text} out")
            response.headers.append("x-by", text)
            return response

        return middleware

    inner, outer = Router(middleware=[telling("inner")]), Router()
    outer.middleware("http")(telling("first"))
    outer.middleware(telling("last"))
    outer.include_router(inner)

    @inner.get("/{kind}")
    async def handler(kind: str) -> str:
        if kind == "refused":
            raise HTTPException(404)
        return kind

    answer = ask(outer, "GET", "/a")
    assert answer.headers("x-by") == ["inner", "first", "last"]
    assert told == ["last in", "first in", "inner in", "inner out", "first out", "last out"]
    # An answer that was raised is an answer: middleware sees it.
    assert ask(outer, "GET", "/refused").headers("x-by") == ["inner", "first", "last"]


def test_a_middleware_may_answer_itself_and_share_state() -> None:
    router = Router()

    @router.middleware
    async def gate(request: Request, call_next: Any) -> Any:
        if "x-closed" in request.headers:
            return PlainTextResponse("closed", 503)
        request.state.who = "me"
        return await call_next(request)

    @router.get("/")
    async def handler(request: Request) -> str:
        return request.state.who

    assert ask(router, "GET", "/").json == "me"
    assert ask(router, "GET", "/", headers={"x-closed": "1"}).status == 503


class Mine(Exception):
    pass


class Reraised(Exception):
    pass


RAISED_BY_MIDDLEWARE: dict[str, tuple[Callable[[], Exception], int, str | None]] = {
    "refusal": (lambda: HTTPException(401, "who are you?", {"WWW-Authenticate": "Basic"}), 401, "who are you?"),
    "upstream": (lambda: UpstreamError("users", "timeout", "secret"), 504, None),
    "own": (lambda: Mine("secret"), 418, "mine"),
}


@pytest.mark.parametrize("raised", RAISED_BY_MIDDLEWARE)
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_middleware_raises_is_the_answer_that_it_means(
    raised: str, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    error, status, detail = RAISED_BY_MIDDLEWARE[raised]
    closed = []

    def dependency() -> Iterator[None]:
        yield
        closed.append(True)

    router = Router()

    @router.exception_handler(Mine)
    async def answer(request: Request, error: Mine) -> Response:
        return JSONResponse({"detail": "mine"}, 418)

    @router.middleware
    async def refuses(request: Request, call_next: Any) -> Response:
        if when == "after":
            await call_next(request)
        raise error()

    @router.middleware
    async def outer(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-outer"] = "seen"
        return response

    @router.get("/", dependencies=[Depends(dependency)])
    async def handler() -> int:
        return 1

    answered = ask(router, "GET", "/")
    assert (answered.status, answered.header("x-outer")) == (status, "seen")
    assert detail is None or answered.json["detail"] == detail
    assert answered.header("www-authenticate") == ("Basic" if raised == "refusal" else None)
    assert closed == ([True] if when == "after" else [])
    assert "Traceback" not in caplog.text
    told = "GET / (request_id an-id) is answered with 504: upstream" in caplog.text
    assert told == (raised == "upstream"), "which upstream failed is for the log"


def test_a_body_that_middleware_reads_is_refused_as_one_that_a_handler_reads() -> None:
    router = Router(max_body_size=2)

    @router.middleware
    async def reads(request: Request, call_next: Any) -> Response:
        await request.body()
        return await call_next(request)  # type: ignore[no-any-return]

    @router.post("/")
    async def handler() -> None: ...

    assert ask(router, "POST", "/", body=b"long").status == 413


def test_an_exception_on_its_way_out_through_middleware_is_answered_once(caplog: pytest.LogCaptureFixture) -> None:
    asked = []
    router = Router()

    @router.exception_handler(Reraised)
    async def answer(request: Request, error: Reraised) -> Response:
        asked.append(type(error))
        raise error

    @router.middleware
    @router.middleware
    async def passes(request: Request, call_next: Any) -> Response:
        return await call_next(request)  # type: ignore[no-any-return]

    @router.get("/")
    async def handler() -> None:
        raise Reraised()

    with caplog.at_level(logging.ERROR):
        assert ask(router, "GET", "/").status == 500
    assert (len(asked), caplog.text.count("the handler of GET / failed")) == (1, 1)


def test_a_middleware_that_fails_or_returns_nothing(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[bool] = []

    async def resource() -> AsyncIterator[None]:
        yield
        closed.append(True)

    router = Router()

    @router.middleware
    async def forgetful(request: Request, call_next: Any) -> Any:
        await call_next(request)

    @router.get("/")
    async def handler(resource: Annotated[None, Depends(resource)]) -> None: ...

    assert ask(router, "GET", "/").status == 500
    assert "forgetful returned NoneType, not a Response" in caplog.text
    assert closed == [True]


def test_lifespan_gives_state_to_requests_which_do_not_share_it() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def outer(router: Router) -> AsyncIterator[dict[str, Any]]:
        told.append("outer in")
        router.state.shared = "app"
        yield {"a": 1, "b": 1}
        told.append("outer out")

    @asynccontextmanager
    async def inner(router: Router) -> AsyncIterator[dict[str, Any]]:
        told.append("inner in")
        yield {"b": 2}
        told.append("inner out")

    child = Router(lifespan=inner)
    router = Router(lifespan=outer)
    router.include_router(child)

    @child.get("/")
    async def handler(request: Request) -> Any:
        seen = [request.state.a, request.state.b, request.app.state.shared, hasattr(request.state, "own")]
        request.state.own = True
        return seen

    table = router.table()
    assert ask(table, "GET", "/").json == [1, 2, "app", False]
    assert ask(table, "GET", "/").json == [1, 2, "app", False]
    assert told[:4] == ["outer in", "inner in", "inner out", "outer out"]


class Model(BaseModel):
    a: int = 0


async def uses_missing(users: Upstream) -> None: ...


async def wrong_name(order_service: Upstream) -> None: ...


async def many(*args: int) -> None: ...


async def keywords(**kwargs: int) -> None: ...


async def positional(a: int, /) -> None: ...


class Opaque: ...


async def no_type(a: Opaque) -> None: ...


async def unknown_type(a: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821


async def not_in_path(a: Annotated[int, InPath()]) -> None: ...


async def path_default(id: int = 3) -> None: ...


async def path_as_query(id: Annotated[int, Query()]) -> None: ...


async def object_in_query(q: Annotated[dict[str, int], Query()]) -> None: ...


async def several_cookies(c: Annotated[list[int], Cookie()]) -> None: ...


async def choices(q: Annotated[int, Field(validation_alias=AliasChoices("a", "b"))] = 1) -> None: ...


async def twice(q: Annotated[int, Query()] = Query(1)) -> None: ...


async def two_bodies(a: Annotated[int, Form()], b: Annotated[Model, Body()]) -> None: ...


async def file_and_json(a: UploadFile, b: Model) -> None: ...


async def bare_depends(a: Annotated[Any, Depends()] = None) -> None: ...


async def socket_for_http(websocket: WebSocket) -> None: ...


async def request_for_socket(request: Request) -> None: ...


async def unanswerable() -> Opaque: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("handler", "what"),
    [
        (uses_missing, 'parameter users: the router does not call the upstream "users"; write calls=["users"]'),
        (wrong_name, 'Annotated[Upstream, "order-service"]'),
        (many, "parameter args: a request has named values only"),
        (keywords, "parameter kwargs: a request has named values only"),
        (positional, "parameter a: it is positional only"),
        (no_type, "Opaque'> is no type that pydantic can validate"),
        (unknown_type, 'an annotation names "Nowhere"'),
        (not_in_path, 'parameter a: its route\'s path has no "{a}"'),
        (path_default, "parameter id: a part of the path has no default"),
        (path_as_query, "parameter id: it stands in the path, but says Query()"),
        (object_in_query, "parameter q: a query parameter cannot be an object"),
        (several_cookies, "parameter c: a cookie parameter has one value"),
        (choices, "parameter q: a choice of aliases cannot be looked up"),
        (twice, "parameter q: it has Source both in the annotation and as default"),
        (two_bodies, "it asks for a form and for a JSON body"),
        (file_and_json, "it asks for a form and for a JSON body"),
        (socket_for_http, "parameter websocket: its route serves HTTP; write Request"),
        (unanswerable, "what it returns"),
    ],
)
def test_handlers_that_no_request_can_call(handler: Any, what: str) -> None:
    router = Router(calls=["order-service"])
    router.get("/{id}")(handler)
    with pytest.raises(RouterError) as error:
        router.table()
    line = handler.__code__.co_firstlineno
    (problem,) = error.value.problems
    assert problem.startswith(f"{FILE}:{line}: ")
    assert what in problem and handler.__name__ in problem


def test_what_http_and_websockets_have_in_common_fits_both() -> None:
    async def who(connection: HTTPConnection) -> str:
        return connection.headers["x-who"]

    router = Router(dependencies=[Depends(who)])
    router.websocket("/live")(request_for_socket)

    @router.get("/")
    async def handler(who: Annotated[str, Depends(who)]) -> str:
        return who

    with pytest.raises(RouterError, match="parameter request: its route serves WebSockets; write WebSocket") as error:
        router.table()
    assert len(error.value.problems) == 1
    del router.entries[0]
    assert ask(router, "GET", "/", headers={"x-who": "me"}).json == "me"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    router = Router()
    router.get("/a")(uses_missing)
    router.get("b")(many)
    router.get("/c")(keywords)
    with pytest.raises(RouterError) as error:
        router.table()
    assert len(error.value.problems) == 3
    assert str(error.value) == "\n".join(error.value.problems)


async def first(id: int) -> None: ...


async def second(other: int) -> None: ...


def test_two_handlers_of_the_same_requests() -> None:
    router = Router()
    router.get("/a/{id}")(first)
    router.post("/a/{other}")(second)
    router.get("/a/{other}")(second)
    with pytest.raises(RouterError) as error:
        router.table()
    (problem,) = error.value.problems
    assert problem.startswith(f"{FILE}:{second.__code__.co_firstlineno}: GET /a/{{other}} is served by ")
    assert f"already by {__name__}.first ({FILE}:{first.__code__.co_firstlineno})" in problem


@pytest.mark.parametrize("prefix", ["a", "/a/", "/"])
def test_a_prefix_that_no_path_can_follow(prefix: str) -> None:
    with pytest.raises(RouterError, match=rf"{FILE}:\d+: the prefix"):
        Router(prefix=prefix)


def test_other_things_that_are_refused_where_they_are_written() -> None:
    router = Router()
    with pytest.raises(RouterError, match="CONNECT"):
        router.api_route("/", methods=["CONNECT"])(first)
    with pytest.raises(RouterError, match="a middleware is an async function"):
        router.middleware(lambda request, call_next: None)
    with pytest.raises(TypeError, match=r"takes Depends"):
        Router(dependencies=[first])
    with pytest.raises(TypeError, match="takes no default"):
        InPath(3)
    with pytest.raises(RouterError, match="has no unit"):
        unbounded = Router(max_body_size="10")
        unbounded.get("/{id}")(first)
        unbounded.table()
    with pytest.raises(RouterError, match="includes itself"):
        router.include_router(router)
        router.table()


def test_nothing_is_inspected_while_requests_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router()

    @router.post("/{id}")
    async def handler(id: int, model: Model, q: str = "", file: Annotated[str | None, Cookie()] = None) -> Model:
        return model

    table: Table = router.table()

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a signature is read per request")

    for name in ("signature", "iscoroutinefunction", "isasyncgenfunction"):
        monkeypatch.setattr(inspect, name, refused)
    assert ask(table, "POST", "/1", json_body={"a": 5}).json == {"a": 5}


def test_files_are_named_in_the_signature() -> None:
    router = Router()

    @router.post("/")
    async def handler(file: Annotated[bytes, File()]) -> int:
        return len(file)

    assert router.table().routes[0].program.body.media_type == "multipart/form-data"
