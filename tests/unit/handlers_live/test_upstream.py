"""Calls: what is sent, what travels by itself, what is made of the answer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from glorieta.handlers.encoding import Unserialisable
from glorieta.handlers.live.errors import NoRequest, UnknownUpstream, UpstreamError
from glorieta.handlers.live.gather import gather, optional
from glorieta.handlers.live.scope import CallScope, Surroundings, missing_parts, upstream
from glorieta.handlers.live.upstream import Upstream
from glorieta.testing.answers import Answer, after, cut, hanging, refused, streamed
from harness.handled import play


class User(BaseModel):
    name: str


def asks(ask: Any) -> Any:
    """A handler that makes one call of `users`."""

    async def handler(scope: CallScope) -> Any:
        return await ask(scope.upstream("users"))

    return handler


def sent(ask: Any, **options: Any) -> Any:
    """The call that an upstream gets."""
    (call,) = play(asks(ask), {"users": lambda call: 204}, **options).calls["users"]
    return call


SENT: list[tuple[Any, str, str, dict[str, str], bytes]] = [
    (lambda u: u.get("/a", params={"q": 1}), "GET", "/a", {}, b""),
    (lambda u: u.head("/a"), "HEAD", "/a", {}, b""),
    (lambda u: u.delete("/a"), "DELETE", "/a", {}, b""),
    (lambda u: u.post("/a", json={"a": [1]}), "POST", "/a", {"content-type": "application/json"}, b'{"a":[1]}'),
    (
        lambda u: u.put("/a", json=User(name="é")),
        "PUT",
        "/a",
        {"content-type": "application/json"},
        '{"name":"é"}'.encode(),
    ),
    (lambda u: u.patch("/a", content=b"x"), "PATCH", "/a", {}, b"x"),
    (lambda u: u.post("/a", content="é"), "POST", "/a", {"content-type": "text/plain; charset=utf-8"}, "é".encode()),
    (
        lambda u: u.post("/a", data={"a": "b c"}),
        "POST",
        "/a",
        {"content-type": "application/x-www-form-urlencoded"},
        b"a=b+c",
    ),
    (
        lambda u: u.post("/a", json=1, headers={"Content-Type": "application/vnd.a+json"}),
        "POST",
        "/a",
        {"content-type": "application/vnd.a+json"},
        b"1",
    ),
]


@pytest.mark.parametrize(("ask", "method", "path", "headers", "body"), SENT)
def test_what_is_sent(ask: Any, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    call = sent(ask)
    assert (call.method, call.path, call.body) == (method, path, body)
    assert dict(call.headers) == headers | {"x-request-id": "an-id"}


def test_a_body_may_come_in_pieces() -> None:
    async def pieces() -> Any:
        yield b"one "
        await asyncio.sleep(1)
        yield b"two"

    assert sent(lambda users: users.post("/a", content=pieces())).body == b"one two"


async def failing() -> Any:
    """A body whose iterator fails."""
    yield b"one"
    raise KeyError("mine")


async def relaying(users: Upstream) -> Any:
    """A body that is another service's answer, which breaks off."""
    async with users.get("/half").stream() as answer:
        async for piece in answer:
            yield piece


def streams(call: Any) -> Any:
    async def use() -> Any:
        async with call.stream() as answer:
            return [piece async for piece in answer]

    return use()


@pytest.mark.parametrize(
    "ask",
    [
        lambda call: call,
        lambda call: call.json(),
        lambda call: call.optional("default"),
        lambda call: gather(call),
        lambda call: gather(call.optional("default")),
        lambda call: gather(optional(call, "default", name="mine")),
        streams,
    ],
    ids=["alone", "json", "optional", "gather", "gather optional", "optional of a call", "stream"],
)
@pytest.mark.parametrize("answer", [204, hanging(), streamed([b"a", b"b"], every="1s")], ids=["204", "none", "pieces"])
def test_what_a_bodys_own_iterator_raises_passes_as_it_is(ask: Any, answer: Any) -> None:
    played = play(asks(lambda users: ask(users.post("/a", content=failing()))), {"users": {"/a": answer}})
    assert (type(played.error), str(played.error)) == (KeyError, "'mine'")
    assert (played.outcomes(), played.headers()) == (["cancelled"], {})


def test_a_body_that_is_another_answer_fails_as_that_one() -> None:
    def ask(users: Upstream) -> Any:
        return users.post("/a", content=relaying(users)).json().optional("default")

    played = play(asks(ask), {"users": {"GET /half": cut(b"half"), "POST /a": 204}})
    assert (played.failed().reason, played.outcomes()) == ("response_cut_off", ["cancelled", "failed"])


def test_what_travels_by_itself() -> None:
    given = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "a=1"),
        ("x-request-id", "of-the-client"),
        ("accept-language", "es"),
        ("cookie", "sid=1"),
        ("authorization", "Bearer x"),
        ("connection", "close"),
        ("x-other", "1"),
    ]
    call = sent(lambda users: users.get("/"), headers=given)
    own = {"x-request-id": "an-id"}  # The engine has decided whose id counts.
    assert dict(call.headers) == dict(given[:2]) | own
    call = sent(lambda users: users.get("/"), headers=given, forward=("authorization", "accept-language"))
    assert dict(call.headers) == dict([*given[:2], given[3], given[5]]) | own
    call = sent(
        lambda users: users.get("/", headers={"Accept-Language": "en"}), headers=given, forward=("accept-language",)
    )
    assert call.headers.getlist("accept-language") == ["en"]


WRONG: list[tuple[Any, str]] = [
    ({"x-a": "b\r\nHost: c"}, "line break"),
    ({"x-a": "b\0"}, "NUL"),
    ({"a b": "c"}, "no header name"),
    ({"x-a": "日本"}, "not Latin-1"),
    ({"Connection": "close"}, "belongs to one connection"),
    ({"transfer-encoding": "chunked"}, "belongs to one connection"),
    ({"Host": "evil"}, "written by the engine"),
    ({"content-length": "5"}, "written by the engine"),
]


@pytest.mark.parametrize(("headers", "why"), WRONG)
def test_headers_that_are_not_the_callers_are_refused(headers: Any, why: str) -> None:
    played = play(asks(lambda users: users.get("/", headers=headers)), {"users": lambda call: 204})
    assert isinstance(played.error, ValueError)
    assert why in str(played.error)
    assert played.calls["users"] == []


@pytest.mark.parametrize("name", ["connection", "upgrade", "host", "content-length"])
def test_a_router_cannot_forward_what_belongs_to_a_connection(name: str) -> None:
    with pytest.raises(ValueError, match=f"forward_headers has {name}"):
        Surroundings(("users",), (name,))


BODIES: list[tuple[dict[str, Any], str]] = [
    ({"json": 1, "content": b"x"}, "not several"),
    ({"json": float("nan")}, "NaN and Infinity are no JSON"),
    ({"json": object()}, "cannot be JSON"),
    ({"content": 7}, "content= is int"),
    ({"content": ["a"]}, "content= is list"),
]


@pytest.mark.parametrize(("body", "why"), BODIES)
def test_bodies_that_cannot_be_sent_are_refused(body: dict[str, Any], why: str) -> None:
    played = play(asks(lambda users: users.post("/", **body)), {"users": lambda call: 204})
    assert isinstance(played.error, ValueError | Unserialisable)
    assert why in str(played.error)
    assert played.calls["users"] == []


def test_a_text_that_says_nan_is_a_text() -> None:
    call = sent(lambda users: users.post("/", json={"name": "NaN", "Infinity": 1}))
    assert call.json() == {"name": "NaN", "Infinity": 1}


def test_other_methods_are_refused() -> None:
    played = play(asks(lambda users: users.request("CONNECT", "/")), {"users": lambda call: 204})
    assert isinstance(played.error, ValueError)
    assert "GET" in str(played.error)


def test_an_upstream_that_is_not_in_calls_is_unknown() -> None:
    async def handler(scope: CallScope) -> Any:
        return scope.upstream("user")

    error = play(handler, {"users": {}}).error
    assert isinstance(error, UnknownUpstream)
    assert 'the upstream "user" may not be called; add it to calls= (which has users)' in str(error)


def test_upstreams_are_found_without_parameters_while_a_request_is_handled() -> None:
    async def handler(scope: CallScope) -> Any:
        value = await upstream("users").get("/").json().optional(None)
        return value, missing_parts()

    assert play(handler, {"users": {"/": refused()}}).value == (None, [{"part": "users", "reason": "refused"}])
    with pytest.raises(NoRequest):
        upstream("users")


def test_await_gives_an_answer_of_any_status() -> None:
    answer = Answer(
        404, body="niño".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1", "X-A": "1"}
    )
    response = play(asks(lambda users: users.get("/a", params={"q": 1})), {"users": {"/a": answer}}).value
    assert (response.status, response.ok, response.text, response.target) == (404, False, "niño", "/a?q=1")
    assert (response.headers["x-a"], response.headers["X-A"]) == ("1", "1")
    with pytest.raises(UpstreamError, match='upstream "users": GET /a'):
        response.raise_for_status()


def test_json_is_decoded_and_validated() -> None:
    fakes = {"users": {"/": {"name": "Ana"}, "/l": [1, 2]}}
    assert play(asks(lambda u: u.get("/").json()), fakes).value == {"name": "Ana"}
    assert play(asks(lambda u: u.get("/").json(User)), fakes).value == User(name="Ana")
    assert play(asks(lambda u: u.get("/l").json(list[int])), fakes).value == [1, 2]
    unhashable = Annotated[list[int], Field(json_schema_extra={"a": []})]
    assert play(asks(lambda u: u.get("/l").json(unhashable)), fakes).value == [1, 2]
    assert play(asks(lambda u: u.get("/l").text()), fakes).value == "[1,2]"
    assert play(asks(lambda u: u.get("/l").ok()), fakes).value.status == 200


@pytest.mark.parametrize("ask", [lambda call: call.text(), lambda call: call.json(), lambda call: call])
def test_a_coded_body_is_no_text(ask: Any) -> None:
    coded = Answer(body=b"\x1f\x8b", headers={"content-encoding": "gzip"})
    played = play(asks(lambda users: ask(users.get("/"))), {"users": coded})
    error = played.error
    if played.value is not None:
        with pytest.raises(UpstreamError) as raised:
            _ = played.value.text
        error = raised.value
    assert isinstance(error, UpstreamError)
    assert (error.kind, error.detail) == ("invalid", "GET /: the body is coded as gzip, which was not asked for")


def test_the_order_of_what_is_said_does_not_matter() -> None:
    fakes = {"users": {"/": hanging()}}
    first = play(asks(lambda u: u.get("/").timeout("1s").json().optional(7)), fakes)
    second = play(asks(lambda u: u.get("/").optional(7).json().timeout("1s")), fakes)
    assert (first.value, first.took) == (second.value, second.took) == (7, 1)


def test_a_timeout_ends_the_call() -> None:
    played = play(asks(lambda u: u.get("/").timeout("150ms")), {"users": {"/": hanging()}})
    error = played.failed()
    assert (error.kind, error.tries, error.problem().status, played.took) == ("timeout", 1, 504, 0.15)


def test_a_call_whose_time_is_up_is_not_sent() -> None:
    async def handler(scope: CallScope) -> Any:
        return await scope.upstream("users").get("/").timeout("0s")

    played = play(handler, {"users": {}})
    assert (played.failed().kind, played.failed().tries, played.calls["users"]) == ("timeout", 0, [])


def test_a_limit_says_how_large_an_answer_may_be() -> None:
    fakes = {"users": {"/": b"x" * 100, "/s": streamed([b"x" * 60] * 3, every="1s")}}
    assert play(asks(lambda u: u.get("/").limit(100)), fakes).value.body == b"x" * 100
    assert play(asks(lambda u: u.get("/").limit(99)), fakes).failed().kind == "too_large"
    played = play(asks(lambda u: u.get("/s").limit(100)), fakes)
    assert (played.failed().kind, played.outcomes()) == ("too_large", ["cancelled"])


def test_an_answer_is_streamed_and_left_early() -> None:
    got: list[bytes] = []

    async def handler(scope: CallScope) -> Any:
        async with scope.upstream("users").get("/").stream() as answer:
            assert answer.status == 200
            async for piece in answer.raise_for_status():
                got.append(piece)
                if len(got) == 2:
                    break

    played = play(handler, {"users": {"/": streamed([b"a", b"b", b"c"], every="1s")}})
    assert (got, played.outcomes(), played.took) == ([b"a", b"b"], ["cancelled"], 2)


@pytest.mark.parametrize(
    ("answer", "kind"), [(cut(b"half"), "broken"), (refused(), "refused"), (after("5s", 200), "timeout")]
)
def test_a_stream_that_fails_says_why(answer: Any, kind: str) -> None:
    async def handler(scope: CallScope) -> Any:
        async with scope.upstream("users").get("/").timeout("1s").stream() as response:
            async for _ in response:
                pass

    assert play(handler, {"users": {"/": answer}}).failed().kind == kind


def test_a_whole_answer_can_be_streamed_as_well() -> None:
    async def handler(scope: CallScope) -> Any:
        async with scope.upstream("users").get("/").stream() as response:
            return [piece async for piece in response]

    assert play(handler, {"users": {"/": "whole"}}).value == [b"whole"]


def test_errors_say_which_upstream_what_kind_and_what_was_tried() -> None:
    error = play(asks(lambda u: u.get("/").json(User)), {"users": {"/": refused()}}).failed()
    assert (error.upstream, error.kind, error.reason, error.tries, error.status) == (
        "users",
        "refused",
        "refused",
        1,
        None,
    )
    assert str(error) == 'upstream "users": users: refused'
