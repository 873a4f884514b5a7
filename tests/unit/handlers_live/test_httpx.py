"""Code that is written for httpx, over the engine's upstreams."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from glorieta.handlers.httpx_transport import httpx_transport
from glorieta.handlers.live.errors import NoRequest
from glorieta.handlers.live.scope import CallScope
from glorieta.testing.answers import Answer, after, cut, hanging, overloaded, refused, reset, streamed
from glorieta.testing.clock import run
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


def test_a_synchronous_client_and_one_outside_of_requests_say_what_is_wrong() -> None:
    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx_transport()) as client:
            await client.get("http://users/")

    with pytest.raises(NoRequest):
        run(main())
