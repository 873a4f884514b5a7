"""Code that is written for httpx, over the engine's upstreams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from glorieta.handlers import Router, mount
from glorieta.handlers.httpx_transport import httpx_transport
from glorieta.handlers.live.errors import NoRequest
from glorieta.handlers.live.scope import CallScope
from glorieta.testing import TestClient
from glorieta.testing.answers import Answer, after, cut, hanging, overloaded, refused, reset, streamed
from glorieta.testing.clock import run
from glorieta.testing.upstreams import FakeUpstream
from harness.handled import Played, play


def ask(use: Any, fakes: Any, **options: Any) -> Played:
    """A handler that uses an `httpx.AsyncClient`."""

    async def handler(scope: CallScope) -> Any:
        async with httpx.AsyncClient(transport=httpx_transport(), base_url="http://users", timeout=None) as client:
            return await use(client)

    return play(handler, fakes, **options)


def test_requests_go_to_the_upstream_of_their_hosts_name() -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        first = await client.get("/users/7", params={"q": "a b"}, headers={"X-A": "1"})
        second = await client.post("https://orders:8443/find", json={"user": 7})
        first.raise_for_status()
        return first.json(), second.status_code, second.headers["x-b"]

    fakes = {"users": {"/users/{id}": {"name": "Ana"}}, "orders": {"/find": Answer(201, headers={"X-B": "2"})}}
    played = ask(use, fakes, headers=[("traceparent", "00-1-2-01"), ("cookie", "sid=1")])
    assert played.value == ({"name": "Ana"}, 201, "2")
    (call,) = played.calls["users"]
    assert (call.method, call.path, call.query, call.headers["x-a"]) == ("GET", "/users/7", "q=a+b", "1")
    assert {"traceparent", "x-request-id"} <= set(call.headers)
    assert not {"host", "connection", "accept-encoding", "cookie", "content-length"} & set(call.headers)
    (call,) = played.calls["orders"]
    assert (call.json(), call.headers["content-type"]) == ({"user": 7}, "application/json")


def test_a_teams_upstream_has_a_dot_for_its_slash() -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        return (await client.get("http://Orders.Users/a")).status_code

    assert ask(use, {"orders/users": {"/a": 204}}).value == 204


def test_an_upstream_that_is_not_in_calls_is_refused() -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        await client.get("http://example.com/")

    error = ask(use, {"users": {}}).error
    assert isinstance(error, httpx.UnsupportedProtocol)
    assert '"example.com" is no upstream that may be called; calls= has users' in str(error)


def test_bodies_are_streamed_both_ways() -> None:
    async def pieces() -> Any:
        yield b"one "
        await asyncio.sleep(1)
        yield b"two"

    async def use(client: httpx.AsyncClient) -> Any:
        async with client.stream("POST", "/", content=pieces()) as response:
            return [piece async for piece in response.aiter_raw()]

    played = ask(use, {"users": {"/": streamed([b"a", b"b"], every="1s")}})
    assert (played.value, played.calls["users"][0].body, played.took) == ([b"a", b"b"], b"one two", 3)


def test_a_stream_that_is_left_closes_the_upstreams_connection() -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        async with client.stream("GET", "/") as response:
            async for _ in response.aiter_raw():
                break

    assert ask(use, {"users": {"/": streamed([b"a"] * 9, every="1s")}}).outcomes() == ["cancelled"]


ERRORS: list[tuple[Any, type[Exception]]] = [
    (refused(), httpx.ConnectError),
    (overloaded(), httpx.PoolTimeout),
    (reset(), httpx.RemoteProtocolError),
    (cut(b"half"), httpx.RemoteProtocolError),
    (hanging(), httpx.ReadTimeout),
    (streamed([b"a", b"b"], every="6s"), httpx.ReadTimeout),
]


@pytest.mark.parametrize(("answer", "kind"), ERRORS)
def test_errors_are_httpxs(answer: Any, kind: type[Exception]) -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        return (await client.get("/", timeout=5)).content

    played = ask(use, {"users": {"/": answer}})
    assert type(played.error) is kind
    assert "under way" not in played.outcomes()


def test_a_timeout_is_for_each_step() -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        return (await client.get("/", timeout=5)).content

    assert ask(use, {"users": {"/": streamed([b"a", b"b", b"c"], every="4s")}}).value == b"abc"
    assert ask(use, {"users": {"/": after("4s", "x")}}).value == b"x"


def test_a_client_that_goes_cancels_the_call() -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        await client.get("/")

    async def meanwhile(exchange: Any) -> None:
        await asyncio.sleep(1)
        exchange.disconnect()

    played = ask(use, {"users": {"/": hanging()}}, meanwhile=meanwhile)
    assert (played.outcomes(), played.took) == (["cancelled"], 1)


def test_what_a_bodys_own_iterator_raises_passes_as_it_is() -> None:
    async def pieces() -> Any:
        yield b"one"
        raise KeyError("mine")

    async def use(client: httpx.AsyncClient) -> Any:
        await client.post("/", content=pieces())

    played = ask(use, {"users": {"/": hanging()}})
    assert (type(played.error), played.outcomes()) == (KeyError, ["cancelled"])


def on_threads(use: Callable[[httpx.Client], Any], users: Any) -> tuple[Any, FakeUpstream, float]:
    """What a handler that is a plain `def` does with an `httpx.Client`, what was called, and how long it took."""
    found = []
    router = Router(calls=["users"])

    @router.get("/")
    def handler() -> None:
        with httpx.Client(transport=httpx_transport(), base_url="http://users", timeout=5) as client:
            found.append(use(client))

    with TestClient(router, upstreams={"users": users}) as client:
        seconds = client.get("/").seconds
        return found[0], client.upstreams["users"], seconds


def test_a_synchronous_client_waits_on_its_thread() -> None:
    def use(client: httpx.Client) -> Any:
        first = client.get("/users/7", params={"q": 1}).json()
        return first, client.post("/find", content=iter([b"one ", b"two"])).status_code

    fakes = {"/users/{id}": after("2s", {"name": "Ana"}), "/find": after("1s", 201)}
    value, users, seconds = on_threads(use, fakes)
    assert (value, seconds) == (({"name": "Ana"}, 201), 3)
    assert [(call.path, call.query, call.body) for call in users.calls] == [
        ("/users/7", "q=1", b""),
        ("/find", "", b"one two"),
    ]


def test_a_synchronous_client_gets_pieces_as_they_come_and_may_leave() -> None:
    def use(client: httpx.Client) -> Any:
        with client.stream("GET", "/three") as response:
            whole = list(response.iter_raw())
        with client.stream("GET", "/many") as response:
            return whole, next(response.iter_raw())

    fakes = {"/three": streamed([b"a", b"b", b"c"], every="1s"), "/many": streamed([b"x"] * 9, every="1s")}
    value, users, seconds = on_threads(use, fakes)
    assert (value, seconds) == (([b"a", b"b", b"c"], b"x"), 4)
    assert [call.outcome for call in users.calls] == ["answered", "cancelled"]


@pytest.mark.parametrize(("answer", "kind"), ERRORS)
def test_errors_of_a_synchronous_client_are_httpxs(answer: Any, kind: type[Exception]) -> None:
    def use(client: httpx.Client) -> Any:
        with pytest.raises(httpx.TransportError) as raised:
            client.get("/")
        return raised.type

    assert on_threads(use, {"/": answer})[0] is kind


def test_several_threads_wait_at_the_same_time() -> None:
    def use(client: httpx.Client) -> Any:
        return client.get("/").status_code

    async def handler(scope: CallScope) -> Any:
        with httpx.Client(transport=httpx_transport(), base_url="http://users", timeout=5) as client:
            return await asyncio.gather(*(asyncio.to_thread(use, client) for _ in range(3)))

    played = play(handler, {"users": {"/": after("1s", 204)}})
    assert (played.value, played.took) == ([204] * 3, 1)


def test_a_synchronous_client_on_the_event_loop_says_what_is_wrong() -> None:
    async def handler(scope: CallScope) -> Any:
        with httpx.Client(transport=httpx_transport(), base_url="http://users") as client:
            client.get("/")

    error = play(handler, {"users": {"/": 204}}).error
    assert isinstance(error, RuntimeError)
    assert "use httpx.AsyncClient" in str(error)


def test_a_mounted_applications_plain_functions_may_use_one() -> None:
    app = FastAPI()

    @app.get("/")
    def plain() -> Any:
        with httpx.Client(transport=httpx_transport(), base_url="http://users", timeout=5) as client:
            return client.get("/").json()

    with TestClient(mount(app, calls=["users"]), upstreams={"users": {"/": after("1s", {"a": 1})}}) as client:
        answer = client.get("/")
        assert (answer.json(), answer.seconds) == ({"a": 1}, 1)


def test_a_client_outside_of_requests_says_what_is_wrong() -> None:
    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx_transport()) as client:
            await client.get("http://users/")

    with pytest.raises(NoRequest):
        run(main())
