"""How long an answer made of parts may be kept, and what it says when parts are missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.handlers.live.caching import Caching
from glorieta.handlers.live.gather import gather
from glorieta.handlers.live.partial import LONGEST, Missing, PartialReport, structured_string
from glorieta.handlers.live.response import UpstreamResponse
from glorieta.handlers.live.scope import CallScope
from glorieta.testing.answers import Answer, refused
from harness.handled import play

STRICTEST: list[tuple[list[str], str | None]] = [
    (["max-age=60"], "max-age=60"),
    (["max-age=60", "max-age=5"], "max-age=5"),
    (["max-age=60", ""], None),
    (["max-age=60", "no-store"], "no-store"),
    (["", "no-store"], "no-store"),
    (["private, max-age=60", "public, max-age=9"], "private, max-age=9"),
    (["public, max-age=60", "public, max-age=9"], "public, max-age=9"),
    (["public, max-age=60", "max-age=9"], "max-age=9"),
    (["no-cache", "max-age=9"], "no-cache"),
    (["private", ""], "private"),
    (["max-age=60, s-maxage=600", "max-age=30"], "max-age=30"),
    (["max-age=60, s-maxage=20", "max-age=30"], "max-age=30, s-maxage=20"),
    (["s-maxage=20", "max-age=30"], "s-maxage=20"),
    (["private, s-maxage=20", "max-age=30"], "private"),
    (["max-age=60, must-revalidate", "max-age=60"], "must-revalidate, max-age=60"),
    (["max-age=60, immutable", "max-age=60"], "max-age=60"),
    (["max-age=60, stale-while-revalidate=10", "max-age=60"], "max-age=60"),
    (["MAX-AGE = 60 , Public"], "public, max-age=60"),
    (['max-age="60"'], "max-age=60"),
    (["max-age=soon"], "max-age=0"),
    (["max-age=-1"], "max-age=0"),
    (["max-age=99999999999999999999"], f"max-age={2**31}"),
    (["max-age=60, max-age=10"], "max-age=60"),
    ([], None),
    (["nonsense=1;;; ="], None),
]


def control(parts: list[str], **headers: str) -> Caching:
    caching = Caching()
    for part in parts:
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        fields += [("cache-control", part)] if part else []
        caching.add(UpstreamResponse("users", "GET", "/", 200, fields, b""))
    return caching


@pytest.mark.parametrize(("parts", "strictest"), STRICTEST)
def test_the_strictest_of_all_parts(parts: list[str], strictest: str | None) -> None:
    assert control(parts).header() == strictest
    assert control(list(reversed(parts))).header() == strictest


def test_an_answer_that_has_aged_has_that_much_less() -> None:
    assert control(["max-age=60"], age="50").header() == "max-age=10"
    assert control(["max-age=60"], age="90").header() == "max-age=0"


def test_what_depends_on_the_request_says_on_what() -> None:
    caching = control(["max-age=60"], vary="Accept-Language, accept")
    assert caching.vary() == ["accept-language", "accept"]
    assert control(["max-age=60"], vary="*").header() == "no-store"


@given(st.lists(st.text(), max_size=4))
def test_anything_may_stand_in_the_header(parts: list[str]) -> None:
    header = control(parts).header()
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
