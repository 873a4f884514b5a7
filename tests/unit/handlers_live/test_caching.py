"""How long an answer made of parts may be kept, and what it says when parts are missing."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from glorieta.handlers.live.caching import Caching
from glorieta.handlers.live.gather import gather
from glorieta.handlers.live.partial import LONGEST, Missing, PartialReport, structured_string
from glorieta.handlers.live.response import UpstreamResponse
from glorieta.handlers.live.scope import CallScope
from glorieta.handlers.transport import CallResponse
from glorieta.testing.answers import Answer, refused
from harness.handled import play


@given(st.lists(st.text(), max_size=4))
def test_anything_may_stand_in_the_header(parts: list[str]) -> None:
    caching = Caching()
    for part in parts:
        caching.add(
            UpstreamResponse(
                "users", "GET", "/", CallResponse(200, [("cache-control", part), ("vary", part)], b""), b""
            )
        )
    header = caching.header()
    assert header is None or header.isascii()


def caches(*cached: str, optional: bool = False) -> Any:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        calls = [users.get(f"/{index}").ok() for index in range(len(cached))]
        if optional:
            calls.append(users.get("/gone").optional(None, name="gone"))
        return await gather(*calls)

    fakes: dict[str, Any] = {
        f"/{index}": Answer(headers={"Cache-Control": value, "Vary": "accept"}) for index, value in enumerate(cached)
    }
    return play(handler, {"users": {**fakes, "/gone": refused()}})


def test_gather_says_the_strictest() -> None:
    played = caches("max-age=60", "private, max-age=70")
    assert played.headers() == {"cache-control": "private, max-age=60", "vary": "accept"}


def test_what_the_handler_says_counts() -> None:
    assert caches("max-age=60").headers(cache_control="max-age=1") == {"cache-control": "max-age=1"}
    assert caches("max-age=60").headers(set_cookie="sid=1") == {"set-cookie": "sid=1"}
    assert caches("max-age=60").headers(vary="Accept") == {"vary": "Accept", "cache-control": "max-age=60"}


def test_only_a_200_is_said_to_be_fresh() -> None:
    played = caches("max-age=60")
    fields: list[tuple[str, str]] = []
    assert played.scope is not None
    played.scope.finish(fields, 201)
    assert fields == []


def test_a_partial_answer_is_never_said_to_be_fresh() -> None:
    played = caches("max-age=60", optional=True)
    assert played.headers() == {"glorieta-partial": "gone;r=refused"}
    assert played.headers(cache_control="max-age=60") == {"glorieta-partial": "gone;r=refused"}
    assert played.headers(cache_control="no-store")["cache-control"] == "no-store"


def test_an_unsafe_part_or_one_that_is_unknown_allows_nothing() -> None:
    async def unsafe(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return await gather(users.get("/"), users.post("/"))

    async def unknown(scope: CallScope) -> Any:
        return await gather(scope.upstream("users").get("/"), asyncio.sleep(0))

    fakes = {"users": {"/": Answer(headers={"Cache-Control": "max-age=60"})}}
    assert play(unsafe, fakes).headers() == {}
    assert play(unknown, fakes).headers() == {}


def test_names_that_are_no_tokens_are_strings() -> None:
    assert Missing("team/orders", "status", 404).item() == "team/orders;s=404;r=status"
    assert Missing("7up", "timeout").item() == '"7up";r=timeout'
    assert structured_string('a"b\\cé') == '"a\\"b\\\\c?"'


def test_a_report_is_a_header_of_bounded_size_and_a_list_for_bodies() -> None:
    report = PartialReport([Missing("orders", "timeout"), Missing("ads", "status", 404)])
    assert report.header() == "orders;r=timeout, ads;s=404;r=status"
    assert report.members() == [
        {"part": "orders", "reason": "timeout"},
        {"part": "ads", "reason": "status", "status": 404},
    ]
    many = PartialReport([Missing(f"upstream-{index}", "timeout") for index in range(1000)])
    assert len(many.header()) <= LONGEST
    assert many.header().endswith(";r=timeout")
