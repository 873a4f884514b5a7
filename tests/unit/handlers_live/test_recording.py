"""What `glorieta dev` is told of a request and its calls."""

from __future__ import annotations

from typing import Any

import pytest

from glorieta.handlers import Router, Upstream, gather
from glorieta.handlers.serving.recording import MOST_CALLS, RecordedApplication
from glorieta.testing import Disconnected, TestClient, after, cut, hanging, refused, streamed

router = Router(calls=["users", "orders"])


@router.get("/home/{user}")
async def home(user: int, users: Upstream, orders: Upstream) -> Any:
    return await gather(
        users.get("/users/{id}", path={"id": user}).json(),
        orders.get("/orders", params={"user": user}).timeout("100ms").json().optional([]),
    )


@router.get("/whole")
async def whole(users: Upstream) -> int:
    async with users.get("/big").stream() as answer:
        return sum([len(piece) async for piece in answer])


@router.get("/first")
async def first(users: Upstream) -> int:
    async with users.get("/big").stream() as answer:
        async for piece in answer:
            return len(piece)
    return 0


@router.get("/many")
async def many(users: Upstream) -> int:
    await gather(*(users.get("/users/{id}", path={"id": number}) for number in range(MOST_CALLS + 3)))
    return 0


@router.get("/fails")
async def fails() -> None:
    raise KeyError("x")


class Told:
    """A client, and what was told."""

    def __init__(self, **upstreams: Any) -> None:
        self.documents: list[dict[str, Any]] = []
        application = RecordedApplication(router.table(), self.documents.append)
        self.client = TestClient(application, upstreams=upstreams, raise_server_exceptions=False)

    def of(self, path: str) -> dict[str, Any]:
        self.client.get(path)
        return self.documents[-1]


def calls(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(each["upstream"], each["target"], each["status"], each["reason"]) for each in document["calls"]]


def test_a_request_is_told_with_its_calls() -> None:
    told = Told(users={"GET /users/{id}": {"name": "Ana"}}, orders={"GET /orders": []}).of("/home/7?a=b")
    assert (told["handler"], told["method"], told["target"]) == (f"{__name__}.home", "GET", "/home/7?a=b")
    assert (told["status"], told["cancelled"], told["more_calls"]) == (200, False, 0)
    assert calls(told) == [("users", "/users/7", 200, None), ("orders", "/orders?user=7", 200, None)]
    for call in told["calls"]:
        assert call["tries"] == 1
        assert 0 <= call["began_ms"] <= call["ended_ms"] <= told["took_ms"]


def test_what_is_late_and_what_fails_has_its_reason() -> None:
    told = Told(users={"GET /users/{id}": {"name": "Ana"}}, orders=hanging()).of("/home/7")
    assert told["status"] == 200
    assert calls(told)[1][2:] == (None, "first_byte_timeout")
    told = Told(users=refused(), orders=after("50ms", [])).of("/home/7")
    assert told["status"] == 502
    assert calls(told) == [("users", "/users/7", None, "refused"), ("orders", "/orders?user=7", None, "cancelled")]
    assert told["calls"][0]["tries"] == 1


def test_a_client_that_goes_away_is_told_as_cancelled() -> None:
    told = Told(users=hanging(), orders={"GET /orders": []})
    ongoing = told.client.begin("GET", "/home/7")
    ongoing.disconnect()
    with pytest.raises(Disconnected):
        told.client.finish(ongoing)
    (document,) = told.documents
    assert (document["status"], document["cancelled"]) == (None, True)
    assert calls(document)[0][2:] == (None, "cancelled")


def test_a_stream_ends_when_it_is_read_left_or_cut() -> None:
    assert calls(Told(users=streamed([b"a", b"b"])).of("/whole")) == [("users", "/big", 200, None)]
    assert calls(Told(users=streamed([b"a", b"b"], every="1s")).of("/first")) == [("users", "/big", 200, "cancelled")]
    assert calls(Told(users=cut(b"half")).of("/whole")) == [("users", "/big", 200, "response_cut_off")]


def test_a_crash_is_a_500_and_of_many_calls_some_are_only_counted() -> None:
    assert Told().of("/fails")["status"] == 500
    told = Told(users={"GET /users/{id}": {}}).of("/many")
    assert (len(told["calls"]), told["more_calls"]) == (MOST_CALLS, 3)
