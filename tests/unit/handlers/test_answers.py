"""What becomes of what a handler returns."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from glorieta.handlers import (
    BackgroundTask,
    BackgroundTasks,
    Depends,
    Event,
    EventStream,
    HTMLResponse,
    HTTPException,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Request,
    Response,
    Router,
    StreamingResponse,
    Upstream,
    UpstreamError,
    status,
)
from glorieta.testing.answers import Answer as FakeAnswer
from glorieta.testing.exchange import Exchange
from harness.asked import Answer, ask


class Model(BaseModel):
    name: str
    size: float = 0.0


@dataclass
class Point:
    x: int
    y: int


def answer_of(value: Any, **options: Any) -> Answer:
    """The answer of a handler that returns this."""
    router = Router()

    @router.get("/", **options)
    async def handler() -> Any:
        return value

    return ask(router, "GET", "/")


def kind_and_body(answer: Answer) -> tuple[str | None, bytes]:
    return answer.header("content-type"), answer.body


@pytest.mark.parametrize(
    ("value", "kind", "body"),
    [
        (Model(name="a"), "application/json", b'{"name":"a","size":0.0}'),
        ({"a": [1, None, Model(name="b")]}, "application/json", b'{"a":[1,null,{"name":"b","size":0.0}]}'),
        ([1, 2], "application/json", b"[1,2]"),
        (Point(1, 2), "application/json", b'{"x":1,"y":2}'),
        ("text", "application/json", b'"text"'),
        (None, "application/json", b"null"),
        (True, "application/json", b"true"),
        (b"\xff\x00", "application/octet-stream", b"\xff\x00"),
        (PlainTextResponse("é"), "text/plain; charset=utf-8", "é".encode()),
        (HTMLResponse("<p>"), "text/html; charset=utf-8", b"<p>"),
        (JSONResponse({"a": Model(name="b")}), "application/json", b'{"a":{"name":"b","size":0.0}}'),
        (Response(b"<a/>", media_type="application/xml"), "application/xml", b"<a/>"),
        (Response("x", headers={"Content-Type": "text/x"}, media_type="text/y"), "text/x", b"x"),
        (Response(), None, b""),
    ],
)
def test_values(value: Any, kind: str | None, body: bytes) -> None:
    answer = answer_of(value)
    assert (answer.status, kind_and_body(answer)) == (200, (kind, body))


def test_a_class_of_answers_for_a_route() -> None:
    assert kind_and_body(answer_of("<p>", response_class=HTMLResponse)) == ("text/html; charset=utf-8", b"<p>")


@pytest.mark.parametrize("code", [204, 304])
def test_an_answer_without_content_has_none(code: int) -> None:
    answer = answer_of(None, status_code=code)
    assert (answer.status, kind_and_body(answer)) == (code, (None, b""))


def test_a_redirect() -> None:
    answer = answer_of(RedirectResponse("/a b?c=é&d=%20"))
    assert (answer.status, answer.header("location")) == (307, "/a%20b?c=%C3%A9&d=%20")


def test_cookies() -> None:
    response = Response()
    response.set_cookie("a", "1", max_age=60, secure=True, httponly=True, samesite="strict", domain="a.example")
    response.set_cookie("b", "x y")
    response.delete_cookie("c")
    set_cookies = answer_of(response).headers("set-cookie")
    assert set_cookies[0] == "a=1; Domain=a.example; HttpOnly; Max-Age=60; Path=/; SameSite=strict; Secure"
    assert set_cookies[1] == 'b="x y"; Path=/; SameSite=lax'
    assert set_cookies[2].startswith('c=""; expires=') and "Max-Age=0" in set_cookies[2]


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b=c", "a\nb", "a\0b", "€"])
def test_a_header_that_would_be_two_is_refused_where_it_is_set(value: str) -> None:
    with pytest.raises(ValueError, match="the value of the header x-name"):
        Response(headers={"x-name": value})
    with pytest.raises(ValueError, match="the value of the header x-name"):
        Response().headers["x-name"] = value
    with pytest.raises(ValueError, match="no header name"):
        Response().headers.append("x\r\ny", "z")


def test_headers_of_an_answer() -> None:
    response = Response()
    response.headers["X-A"] = "1"
    response.headers.append("x-a", "2")
    assert (response.headers["x-A"], response.headers.getlist("X-a"), "x-a" in response.headers) == (
        "1",
        ["1", "2"],
        True,
    )
    response.headers["X-A"] = "3"
    assert response.headers.items() == {"x-a": "3"}.items()
    del response.headers["X-A"]
    assert len(response.headers) == 0


class Loop:
    pass


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
DEEP: list[Any] = []
for _ in range(10_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [Loop(), {"a": Loop()}, CIRCLE, DEEP, math.nan, {"a": [math.inf]}, "\ud800", {"a": "\ud800"}, {"b": b"\xff"}],
    ids=["object", "inner", "circle", "deep", "nan", "inf", "surrogate", "inner surrogate", "bytes"],
)
def test_what_cannot_be_sent_is_told_to_the_log_only(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = answer_of(value)
    assert (answer.status, answer.json) == (
        500,
        {"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "an-id"},
    )
    assert "test_answers.answer_of.<locals>.handler returned what cannot be sent" in caplog.text


@pytest.mark.parametrize(("options", "status"), [({}, 307), ({"status_code": 303}, 303)])
def test_a_route_whose_answers_are_redirections(options: dict[str, int], status: int) -> None:
    router = Router()

    @router.get("/", response_class=RedirectResponse, **options)
    async def handler() -> str:
        return "/new?a=é"

    answer = ask(router, "GET", "/")
    assert (answer.status, answer.header("location"), answer.body) == (status, "/new?a=%C3%A9", b"")
    assert str(status) in router.openapi()["paths"]["/"]["get"]["responses"]


def test_a_text_about_nan_is_no_nan() -> None:
    assert answer_of({"NaN": "Infinity"}).json == {"NaN": "Infinity"}


def crashed(router: Router, caplog: pytest.LogCaptureFixture) -> str:
    with caplog.at_level(logging.ERROR):
        answer = ask(router, "GET", "/")
    assert (answer.status, answer.json["request_id"]) == (500, "an-id")
    assert "secret" not in answer.text
    return caplog.text


def test_a_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.get("/")
    async def handler() -> None:
        raise RuntimeError("secret")

    assert "RuntimeError: secret" in crashed(router, caplog)


def test_an_answer_that_is_not_what_it_should_be(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.get("/")
    async def handler() -> Model:
        return {"name": 1, "secret": "secret"}  # type: ignore[return-value]

    assert "handler returned what is not its response model" in crashed(router, caplog)


def test_nan_in_an_annotated_answer(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.get("/")
    async def handler() -> dict[str, float]:
        return {"secret": math.nan}

    assert "NaN and Infinity are no JSON" in crashed(router, caplog)


def test_raised_answers() -> None:
    router = Router()

    @router.get("/{kind}")
    async def handler(kind: str) -> None:
        if kind == "data":
            raise HTTPException(409, {"a": 1}, {"X-A": "b"})
        raise HTTPException(404, "There is no such thing.") if kind == "text" else HTTPException(304)

    answer = ask(router, "GET", "/text")
    assert (answer.status, answer.header("content-type")) == (404, "application/problem+json")
    assert answer.json == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no such thing.",
    }
    answer = ask(router, "GET", "/data")
    assert (answer.header("x-a"), answer.json["detail"]) == ("b", {"a": 1})
    answer = ask(router, "GET", "/none")
    assert (answer.status, kind_and_body(answer)) == (304, (None, b""))


def test_exception_handlers_go_by_status_then_by_the_nearest_class() -> None:
    class Base(Exception):
        pass

    class Special(Base):
        pass

    router = Router()

    @router.exception_handler(Base)
    async def base(request: Request, error: Base) -> Response:
        return PlainTextResponse(f"base {error}", 400)

    @router.exception_handler(404)
    def missing(request: Request, error: HTTPException) -> Response:
        return PlainTextResponse(f"none at {request.url.path}", 404)

    @router.get("/{kind}")
    async def handler(kind: str) -> None:
        raise {"special": Special("s"), "missing": HTTPException(404), "other": HTTPException(403)}[kind]

    assert ask(router, "GET", "/special").text == "base s"
    assert ask(router, "GET", "/missing").text == "none at /missing"
    assert ask(router, "GET", "/other").json["title"] == "Forbidden"


def test_a_handler_of_every_exception_answers_crashes(caplog: pytest.LogCaptureFixture) -> None:
    router = Router(exception_handlers={Exception: lambda request, error: PlainTextResponse("sorry", 500)})

    @router.get("/")
    async def handler() -> None:
        raise RuntimeError("why")

    answer = ask(router, "GET", "/")
    assert (answer.status, answer.text) == (500, "sorry")
    assert "RuntimeError: why" in caplog.text


def test_an_upstream_that_fails_keeps_its_meaning() -> None:
    router = Router()

    @router.get("/{kind}")
    async def handler(kind: Any) -> None:
        raise UpstreamError("users", kind, "for the log")

    for kind, code in (("timeout", 504), ("overloaded", 503), ("refused", 502)):
        answer = ask(router, "GET", f"/{kind}")
        assert (answer.status, answer.header("content-type")) == (code, "application/problem+json")
        assert answer.json["status"] == code and "users" not in answer.text and "log" not in answer.text


def streamed(*items: Any, **options: Any) -> Answer:
    router = Router()

    @router.get("/", **options)
    async def handler() -> AsyncIterator[Any]:
        for item in items:
            yield item

    return ask(router, "GET", "/")


@pytest.mark.parametrize(
    ("items", "kind", "pieces"),
    [
        ([b"a", b"b"], "application/octet-stream", [b"a", b"b"]),
        (["a", "é"], "text/plain; charset=utf-8", [b"a", "é".encode()]),
        ([{"a": 1}, [2]], "application/jsonl", [b'{"a":1}\n', b"[2]\n"]),
        ([Model(name="a")], "application/jsonl", [b'{"name":"a","size":0.0}\n']),
        (
            [Event("a"), Event({"b": 1}, event="n", id="7", retry=5)],
            "text/event-stream",
            [b"data: a\n\n", b'event: n\nid: 7\nretry: 5\ndata: {"b":1}\n\n'],
        ),
        ([], "application/jsonl", []),
    ],
)
def test_streams_are_what_their_first_item_is(items: list[Any], kind: str, pieces: list[bytes]) -> None:
    answer = streamed(*items)
    assert (answer.header("content-type"), answer.pieces, answer.failed) == (kind, pieces, False)


def test_items_of_a_stream_are_validated_and_filtered() -> None:
    router = Router()

    class Wide(Model):
        secret: str = "s"

    @router.get("/")
    async def handler() -> AsyncIterator[Model]:
        yield Wide(name="a")
        yield {"name": "b", "size": "2"}  # type: ignore[misc]

    assert ask(router, "GET", "/").pieces == [b'{"name":"a","size":0.0}\n', b'{"name":"b","size":2.0}\n']


def test_a_stream_that_fails_at_once_has_an_answer_of_its_own() -> None:
    router = Router()

    @router.get("/")
    async def handler() -> AsyncIterator[str]:
        raise HTTPException(404, "none")
        yield ""

    assert ask(router, "GET", "/").status == 404


def test_a_stream_that_fails_later_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.get("/")
    async def handler() -> AsyncIterator[str]:
        yield "a"
        raise RuntimeError("later")

    answer = ask(router, "GET", "/")
    assert (answer.status, answer.body, answer.failed) == (200, b"a", True)
    assert "RuntimeError: later" in caplog.text


def test_plain_iterators_run_on_threads() -> None:
    router = Router()

    @router.get("/lines")
    def lines() -> Iterator[Any]:
        yield {"a": 1}
        yield {"a": 2}

    @router.get("/response")
    async def response() -> Response:
        return StreamingResponse(iter(["a", b"b"]), media_type="text/csv")

    answer = ask(router, "GET", "/lines")
    assert (answer.pieces, answer.on_threads) == ([b'{"a":1}\n', b'{"a":2}\n'], 3)
    assert kind_and_body(ask(router, "GET", "/response")) == ("text/csv; charset=utf-8", b"ab")


def test_a_head_asks_for_no_body_and_the_stream_is_not_run() -> None:
    router = Router()
    told: list[str] = []

    async def pieces() -> AsyncIterator[str]:
        told.append("run")
        yield "a"

    @router.get("/")
    async def handler() -> Response:
        return StreamingResponse(pieces())

    assert (ask(router, "HEAD", "/").body, told) == (b"", [])


def test_events_with_comments_while_nothing_happens() -> None:
    router = Router()

    async def events() -> AsyncIterator[Any]:
        yield "one\ntwo\r\nthree"
        await asyncio.sleep(32)
        yield {"n": 1}
        yield Event(comment="a note")

    @router.get("/")
    async def handler() -> EventStream:
        return EventStream(events(), keep_alive="15s")

    answer = ask(router, "GET", "/")
    assert (answer.header("content-type"), answer.header("cache-control")) == ("text/event-stream", "no-cache")
    alive = b": keep-alive\n\n"
    assert answer.pieces == [
        b"data: one\ndata: two\ndata: three\n\n",
        alive,
        alive,
        b'data: {"n":1}\n\n',
        b": a note\n\n",
    ]


def test_a_generator_as_a_stream_of_events() -> None:
    assert streamed({"a": 1}, response_class=EventStream).pieces == [b'data: {"a":1}\n\n']


@pytest.mark.parametrize("field", ["event", "id"])
def test_an_event_cannot_be_two(field: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Event("a", **{field: "b\ndata: c"})


def test_a_client_that_leaves_ends_the_stream_and_what_makes_it() -> None:
    router = Router()
    told: list[str] = []

    async def opened() -> AsyncIterator[str]:
        yield "resource"
        told.append("closed")

    async def endless() -> AsyncIterator[Any]:
        try:
            while True:
                yield Event("x")
                await asyncio.sleep(3600)
        finally:
            told.append("ended")

    @router.get("/")
    async def handler(resource: str = Depends(opened)) -> EventStream:
        return EventStream(endless(), keep_alive=None)

    async def client(exchange: Exchange) -> None:
        await exchange.outbox.get()
        exchange.disconnect()

    ask(router, "GET", "/", client=client)
    assert told == ["ended", "closed"]


def test_background_tasks_run_in_order_after_the_answer_and_before_clean_up() -> None:
    router = Router()
    told: list[str] = []

    async def resource() -> AsyncIterator[str]:
        yield "open"
        told.append("closed")

    async def slow(text: str) -> None:
        await asyncio.sleep(1)
        told.append(text)

    def broken() -> None:
        raise RuntimeError("broken")

    @router.get("/")
    async def handler(tasks: BackgroundTasks, resource: str = Depends(resource)) -> str:
        tasks.add_task(slow, "first")
        tasks.add_task(broken)
        tasks.add_task(told.append, "second")
        return "answer"

    async def client(exchange: Exchange) -> None:
        await exchange.whole()
        assert (exchange.status, told) == (200, [])

    ask(router, "GET", "/", client=client)
    assert told == ["first", "second", "closed"]


def test_a_task_of_the_answer_itself() -> None:
    told: list[int] = []
    assert answer_of(Response("x", background=BackgroundTask(told.append, 1))).status == 200
    assert told == [1]


def test_an_answer_that_a_handler_keeps_stays_as_it_is() -> None:
    router = Router()
    kept = PlainTextResponse("x")

    @router.get("/")
    async def handler(response: Response, tasks: BackgroundTasks) -> Response:
        response.headers["x-a"] = "b"
        return kept

    for _ in range(2):
        assert ask(router, "GET", "/").headers("x-a") == ["b"]
    assert (kept.raw, kept.background) == ([("content-type", "text/plain; charset=utf-8")], None)


@pytest.mark.parametrize("code", [0, 100, 199, 600])
def test_a_status_that_no_answer_has(code: int, caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_of(Response("x", status_code=code))
    assert (answer.status, answer.failed) == (None, True)
    assert f"answered with the status {code}" in caplog.text


def test_names_of_statuses() -> None:
    assert status.HTTP_201_CREATED == 201
    assert status.HTTP_422_UNPROCESSABLE_ENTITY == status.HTTP_422_UNPROCESSABLE_CONTENT == 422
    assert status.HTTP_413_CONTENT_TOO_LARGE == status.HTTP_413_REQUEST_ENTITY_TOO_LARGE == 413
    assert status.WS_1008_POLICY_VIOLATION == 1008
    with pytest.raises(AttributeError, match="there is no status HTTP_600_X"):
        _ = status.HTTP_600_X


def test_a_refusal_of_an_upstreams_passes_as_it_is_and_a_partial_answer_says_so() -> None:
    router = Router(calls=["users"])

    @router.get("/whole")
    async def whole(users: Upstream) -> Any:
        return await users.get("/users/1").json()

    @router.get("/partial")
    async def partial(users: Upstream) -> Any:
        return await users.get("/users/1").json().optional({"name": "unknown"})

    upstreams = {"users": {"GET /users/1": FakeAnswer(404, {"why": "gone"}, headers={"X-Inner": "secret"})}}
    answer = ask(router, "GET", "/whole", upstreams=upstreams)
    assert (answer.status, kind_and_body(answer)) == (404, ("application/json", b'{"why":"gone"}'))
    assert answer.header("x-inner") is None
    answer = ask(router, "GET", "/partial", upstreams=upstreams)
    assert (answer.status, answer.json) == (200, {"name": "unknown"})
    assert answer.header("glorieta-partial") is not None
