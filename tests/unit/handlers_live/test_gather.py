"""Several calls at once: one deadline, required and optional parts, what their failing means, what is cancelled."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from glorieta.handlers.live.calls import MOST_KEPT, Running
from glorieta.handlers.live.errors import NoRequest
from glorieta.handlers.live.gather import gather, optional
from glorieta.handlers.live.scope import CallScope
from glorieta.handlers.problems import HTTPException
from glorieta.testing.answers import Answer, after, cut, hanging, overloaded, refused, reset, streamed
from glorieta.testing.clock import run
from glorieta.testing.upstreams import Several
from harness.handled import play


class User(BaseModel):
    name: str


USERS = {"GET /users/{id}": {"name": "Ana"}}


def home(*, deadline: str | None = None, timeout: str | None = None, default: Any = "none") -> Any:
    """A required and an optional part."""

    async def handler(scope: CallScope) -> Any:
        orders = scope.upstream("orders").get("/orders", params={"user": 7}).json()
        if timeout:
            orders = orders.timeout(timeout)
        if default != "none":
            orders = orders.optional(default)
        user = scope.upstream("users").get("/users/{id}", path={"id": 7}).json(User)
        return await gather(user, orders, deadline=deadline)

    return handler


def test_results_stand_in_the_order_of_the_parts() -> None:
    played = play(home(), {"users": {"GET /users/{id}": after("50ms", {"name": "Ana"})}, "orders": {"/orders": [1]}})
    assert played.value == (User(name="Ana"), [1])
    assert played.took == 0.05
    assert played.headers() == {}


def test_an_empty_gather_is_empty() -> None:
    async def handler(scope: CallScope) -> Any:
        return await gather()

    assert play(handler).value == ()


FAILURES = [
    (404, "status", 404),
    (409, "status", 409),
    (500, "status", 502),
    (503, "status", 502),
    (302, "status", 502),
    (refused(), "refused", 502),
    (overloaded(), "overloaded", 503),
    (reset(), "broken", 502),
    (hanging(), "timeout", 504),
    ("no json", "invalid", 502),
    (b"", "invalid", 502),
    (b"[NaN]", "invalid", 502),
    (b"[" * 5000, "invalid", 502),
    (Answer(body=b"{}", headers={"content-encoding": "br"}), "invalid", 502),
    (cut(b"[1,"), "broken", 502),
    (streamed([b"x" * 2**20] * 9), "too_large", 502),
]


@pytest.mark.parametrize(("answer", "kind", "status"), FAILURES, ids=[str(each[0])[:40] for each in FAILURES])
def test_a_required_part_that_fails_is_the_answer(answer: Any, kind: str, status: int) -> None:
    played = play(home(deadline="300ms"), {"users": USERS, "orders": {"/orders": answer}})
    error = played.failed()
    assert (error.upstream, error.kind, error.problem().status) == ("orders", kind, status)


@pytest.mark.parametrize(("answer", "kind", "status"), FAILURES, ids=[str(each[0])[:40] for each in FAILURES])
def test_an_optional_part_that_fails_is_replaced_and_told(answer: Any, kind: str, status: int) -> None:
    del status
    played = play(home(deadline="300ms", default=[]), {"users": USERS, "orders": {"/orders": answer}})
    assert played.value == (User(name="Ana"), [])
    shown = f";s={answer}" if isinstance(answer, int) else ";s=200" if kind == "invalid" else ""
    assert played.headers() == {"glorieta-partial": f"orders{shown};r={kind}"}


def test_a_part_that_does_not_fit_its_model_is_invalid() -> None:
    async def handler(scope: CallScope) -> Any:
        return await gather(scope.upstream("users").get("/").json(User))

    error = play(handler, {"users": {"/": {"name": 7}}}).failed()
    assert (error.kind, error.status, error.problem().status) == ("invalid", 200, 502)
    assert "name" in error.detail


def test_a_required_4xx_passes_with_its_body_and_what_gives_it_meaning() -> None:
    answer = Answer(
        429, json={"why": "slow down"}, headers={"Retry-After": "7", "Set-Cookie": "a=b", "X-Internal": "secret"}
    )
    problem = play(home(), {"users": USERS, "orders": {"/orders": answer}}).failed().problem()
    assert (problem.status, problem.body, problem.content_type) == (429, b'{"why":"slow down"}', "application/json")
    assert problem.headers == [("retry-after", "7")]


def test_what_the_client_is_told_does_not_name_the_upstream() -> None:
    problem = play(home(), {"users": USERS, "orders": {"/orders": refused()}}).failed().problem()
    assert "orders" not in problem.title + problem.detail
    assert problem.body is None


def test_a_failing_required_part_cancels_the_others_at_once() -> None:
    played = play(home(), {"users": {"GET /users/{id}": hanging()}, "orders": {"/orders": after("10ms", 500)}})
    assert played.failed().upstream == "orders"
    assert played.took == 0.01
    assert played.outcomes() == ["cancelled", "answered"]


def test_a_failing_optional_part_cancels_nothing() -> None:
    users = {"GET /users/{id}": after("100ms", {"name": "Ana"})}
    played = play(home(default=None), {"users": users, "orders": {"/orders": refused()}})
    assert played.value == (User(name="Ana"), None)
    assert played.outcomes() == ["answered", "failed"]


def test_the_deadline_is_for_all_parts_and_cancels_what_is_late() -> None:
    played = play(home(deadline="300ms"), {"users": {"GET /users/{id}": hanging()}, "orders": {"/orders": hanging()}})
    assert (played.failed().kind, played.failed().problem().status) == ("timeout", 504)
    assert played.took == 0.3
    assert all(outcome in ("cancelled", "failed") for outcome in played.outcomes())


def test_every_call_is_told_how_long_it_has() -> None:
    played = play(home(deadline="300ms", timeout="100ms"), {"users": USERS, "orders": {"/orders": []}})
    assert played.calls["users"][0].timeout == pytest.approx(0.3)
    assert played.calls["orders"][0].timeout == pytest.approx(0.1)
    played = play(home(deadline="300ms"), {"users": USERS, "orders": {"/orders": []}}, deadline=0.2)
    assert played.calls["users"][0].timeout == pytest.approx(0.2)
    assert play(home(), {"users": USERS, "orders": {"/orders": []}}).calls["users"][0].timeout is None


def test_a_slow_optional_part_costs_itself_and_not_the_answer() -> None:
    played = play(home(default=[]), {"users": USERS, "orders": {"/orders": hanging()}}, deadline=1.0)
    assert played.value == (User(name="Ana"), [])
    assert played.took == pytest.approx(0.95)
    assert played.exchange is not None
    assert played.exchange.status == 200


def test_without_an_optional_part_the_whole_of_the_deadline_is_used() -> None:
    played = play(home(), {"users": USERS, "orders": {"/orders": hanging()}}, deadline=1.0)
    assert isinstance(played.error, asyncio.CancelledError)
    assert played.took == 1.0
    assert played.exchange is not None
    assert played.exchange.late


@pytest.mark.parametrize("wait", ["9ms", "200ms"])
def test_a_client_that_goes_cancels_everything(wait: str) -> None:
    async def meanwhile(exchange: Any) -> None:
        await asyncio.sleep(0.05)
        exchange.disconnect()

    upstreams = {"users": {"GET /users/{id}": hanging()}, "orders": {"/orders": after(wait, [])}}
    played = play(home(), upstreams, meanwhile=meanwhile)
    assert isinstance(played.error, asyncio.CancelledError)
    assert played.took == 0.05
    assert played.outcomes() == ["cancelled", "answered" if wait == "9ms" else "cancelled"]


def test_identical_safe_calls_are_made_once() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        both = await gather(users.get("/a").json(), users.get("/a").json(), users.get("/b").json())
        return [*both, await users.get("/a").json()]

    played = play(handler, {"users": lambda call: {"path": call.path}})
    assert [each["path"] for each in played.value] == ["/a", "/a", "/b", "/a"]
    assert [call.path for call in played.calls["users"]] == ["/a", "/b"]


DIFFERENT: list[tuple[str, Any]] = [
    ("another query", lambda users: users.get("/a", params={"q": 1})),
    ("another header", lambda users: users.get("/a", headers={"accept-language": "es"})),
    ("another method", lambda users: users.head("/a")),
    ("an unsafe method", lambda users: users.post("/a")),
    ("a body", lambda users: users.request("GET", "/a", content=b"x")),
]


@pytest.mark.parametrize(("what", "other"), DIFFERENT)
def test_different_calls_are_each_made(what: str, other: Any) -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return await gather(users.get("/a"), other(users))

    assert len(play(handler, {"users": lambda call: 204}).calls["users"]) == 2, what


def test_after_an_unsafe_call_a_safe_one_is_made_again() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        await users.get("/a")
        await users.post("/a", json={"name": "Eva"})
        await users.get("/a")

    calls = play(handler, {"users": lambda call: 204}).calls["users"]
    assert [call.method for call in calls] == ["GET", "POST", "GET"]


def test_a_shared_call_goes_on_while_somebody_waits_for_it() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")

        async def impatient() -> Any:
            return await users.get("/a").timeout("10ms").json().optional("late")

        first = asyncio.ensure_future(users.get("/a").json())
        await asyncio.sleep(0)
        return [await impatient(), await first]

    played = play(handler, {"users": {"/a": after("50ms", {"a": 1})}})
    assert played.value == ["late", {"a": 1}]
    assert played.outcomes() == ["answered"]
    assert played.took == 0.05


def test_an_impatient_part_that_has_joined_a_patient_one_is_late_on_its_own() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return await gather(users.get("/a").json(), users.get("/a").timeout("10ms").json().optional("late"))

    played = play(handler, {"users": {"/a": after("50ms", {"a": 1})}})
    assert played.value == ({"a": 1}, "late")
    assert played.outcomes() == ["answered"]
    assert played.headers() == {"glorieta-partial": "users;r=timeout"}


def test_a_patient_call_does_not_join_an_impatient_one() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return await gather(users.get("/a").timeout("10ms").json().optional("late"), users.get("/a").json())

    played = play(handler, {"users": {"/a": after("50ms", {"a": 1})}})
    assert played.value == ("late", {"a": 1})
    assert len(played.calls["users"]) == 2


def test_a_failed_call_is_not_remembered() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return [await users.get("/a").json().optional("none"), await users.get("/a").json()]

    assert play(handler, {"users": {"/a": Several(refused(), {"a": 1})}}).value == ["none", {"a": 1}]


def test_what_is_no_success_is_asked_again() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return [(await users.get("/a")).status for _ in range(4)]

    answers = Several(Answer(404), Answer(503), Answer(200), Answer(204))
    played = play(handler, {"users": {"/a": answers}})
    assert (played.value, len(played.calls["users"])) == ([404, 503, 200, 200], 3)


def test_what_is_no_success_is_shared_while_it_is_under_way() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        return [answer.status for answer in await gather(users.get("/a"), users.get("/a"))]

    played = play(handler, {"users": {"/a": after("1s", 404)}})
    assert (played.value, len(played.calls["users"])) == ([404, 404], 1)


def test_a_fresh_call_is_made_anew_and_ends_what_was_kept() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        both = await gather(users.get("/a").text(), users.get("/a").fresh().text())
        polled = [await users.get("/a").fresh().text() for _ in range(2)]
        return [*both, *polled, await users.get("/a").text(), await users.get("/a").text()]

    played = play(handler, {"users": {"/a": Several("1", "2", "3", "4", "5", "6")}})
    assert played.value == ["1", "2", "3", "4", "5", "5"]


def test_a_request_that_goes_on_and_on_keeps_no_more_answers_than_it_shares() -> None:
    async def handler(scope: CallScope) -> Any:
        users = scope.upstream("users")
        for number in range(2 * MOST_KEPT):
            await users.get("/a", params={"n": number})
            await users.get("/poll").fresh()
        await users.get("/a", params={"n": 2 * MOST_KEPT - 1})
        await users.get("/a", params={"n": 0})
        # What an answer is kept by, besides this function's own names.
        return sum(isinstance(each, Running) and each.is_over for each in gc.get_objects())

    before = sum(isinstance(each, Running) for each in gc.get_objects())
    played = play(handler, {"users": {"/a": 204, "/poll": 204}})
    assert len(played.calls["users"]) == 4 * MOST_KEPT + 1
    assert played.value - before <= 2 * MOST_KEPT


def test_coroutines_are_parts_as_well_and_may_be_optional() -> None:
    async def handler(scope: CallScope) -> Any:
        users, orders = scope.upstream("users"), scope.upstream("orders")

        async def chained() -> Any:
            user = await users.get("/me").json()
            return await orders.get("/of/{id}", path=user).json()

        return await gather(chained(), optional(chained(), "none", name="again"), deadline="1s")

    upstreams = {"users": {"/me": {"id": 7}}, "orders": {"/of/{id}": [1]}}
    assert play(handler, upstreams).value == ([1], [1])
    upstreams["orders"] = {"/of/{id}": 500}  # type: ignore[dict-item]
    assert play(handler, upstreams).failed().upstream == "orders"

    async def only(scope: CallScope) -> Any:
        async def slow() -> None:
            await asyncio.sleep(5)

        return await gather(optional(slow(), "none", name="slow"), deadline="1s")

    played = play(only)
    assert played.value == ("none",)
    assert played.headers() == {"glorieta-partial": "slow;r=timeout"}
    assert played.took == 1


@pytest.mark.parametrize("kind", [ConnectionError, TimeoutError, ValueError, HTTPException])
@pytest.mark.parametrize("wait", ["alone", "gather"])
def test_a_part_of_ones_own_may_fail_in_any_way(
    kind: type[Exception], wait: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(scope: CallScope) -> Any:
        async def own() -> None:
            raise kind(404)

        part = optional(own(), "default", name="db")
        return await part if wait == "alone" else (await gather(part))[0]

    with caplog.at_level(logging.ERROR):
        played = play(handler)
    assert (played.value, played.headers()) == ("default", {"glorieta-partial": "db;r=failed"})
    assert played.scope is not None
    assert played.scope.partial.members() == [{"part": "db", "reason": "failed"}]
    assert kind.__name__ in caplog.text
    assert '"db" is missing from the answer to GET /home/7' in caplog.text
    assert "in own" in caplog.text


def test_what_an_upstream_fails_in_is_told_as_before_and_not_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(scope: CallScope) -> Any:
        return await gather(optional(scope.upstream("users").get("/a").json(), "default", name="mine"))

    played = play(handler, {"users": {"/a": 404}})
    assert (played.value, played.headers()) == (("default",), {"glorieta-partial": "mine;s=404;r=status"})
    assert caplog.text == ""


def test_an_exception_of_a_part_passes_and_ends_the_others() -> None:
    ended = []

    async def handler(scope: CallScope) -> Any:
        async def wrong() -> None:
            raise KeyError("mine")

        async def long() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append("long")

        return await gather(long(), wrong(), scope.upstream("users").get("/"))

    played = play(handler, {"users": {"/": hanging()}})
    assert isinstance(played.error, KeyError)
    assert (ended, played.outcomes(), played.took) == (["long"], ["cancelled"], 0.0)


def test_a_part_that_cannot_be_begun_leaves_no_coroutine_unawaited(recwarn: pytest.WarningsRecorder) -> None:
    async def handler(scope: CallScope) -> Any:
        async def other() -> None:
            raise AssertionError("never begun")

        return await gather(7, other())  # type: ignore[call-overload]

    assert isinstance(play(handler).error, TypeError)
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


def test_outside_of_a_request_nothing_is_gathered() -> None:
    with pytest.raises(NoRequest, match="only while a request is handled"):
        run(gather())


def test_a_deadline_needs_a_unit() -> None:
    played = play(home(deadline=300), {"users": USERS, "orders": {"/orders": []}})  # type: ignore[arg-type]
    assert isinstance(played.error, TypeError)
    assert "300" in str(played.error)


def test_a_body_in_pieces_is_collected() -> None:
    answer = streamed([b"[1,", b"2]"], every="10ms")
    played = play(home(), {"users": USERS, "orders": {"/orders": answer}})
    assert played.value[1] == [1, 2]
    assert played.took == 0.02


PARTS = st.lists(
    st.tuples(
        st.integers(0, 5).map(lambda seconds: seconds * 100),
        st.sampled_from(["ok", "500", "404", "refused", "streamed"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@given(PARTS, st.one_of(st.none(), st.integers(1, 6).map(lambda seconds: seconds * 100 + 50)), st.integers(0, 7))
def test_whatever_happens_it_ends_in_time_and_leaves_nothing_under_way(
    parts: list[tuple[int, str, bool]], deadline: int | None, leaves: int
) -> None:
    """Any mixture of answers, failures, delays, deadlines and clients that go."""

    def answer(index: int, delay: int, kind: str) -> Any:
        given: dict[str, Any] = {"ok": index, "500": 500, "404": 404, "refused": refused()}
        made = streamed([b"", str(index).encode()], every="10ms") if kind == "streamed" else given[kind]
        return after(f"{delay}ms", Answer(json=made) if kind == "ok" else made)

    async def handler(scope: CallScope) -> Any:
        calls = []
        for index, (_, _, is_optional) in enumerate(parts):
            call = scope.upstream("users").get(f"/{index}").json()
            calls.append(call.optional(-1, name=f"p{index}") if is_optional else call)
        return await gather(*calls, deadline=None if deadline is None else f"{deadline}ms")

    async def meanwhile(exchange: Any) -> None:
        if leaves:
            await asyncio.sleep(leaves / 10 + 0.025)
            exchange.disconnect()

    fakes = {f"/{index}": answer(index, delay, kind) for index, (delay, kind, _) in enumerate(parts)}
    played = play(handler, {"users": fakes}, meanwhile=meanwhile)
    limit = min(0.6 if deadline is None else deadline / 1000, leaves / 10 + 0.025 if leaves else 9)
    assert played.took <= max(limit, leaves / 10 + 0.025 if leaves else 0) + 0.05
    assert "under way" not in played.outcomes()
    if isinstance(played.error, asyncio.CancelledError):
        assert leaves
    elif played.error is not None:
        failed = [kind for _, kind, is_optional in parts if not is_optional]
        assert played.failed().problem().status in (404, 502, 504)
        assert failed
    else:
        for index, (value, (_, kind, is_optional)) in enumerate(zip(played.value, parts, strict=True)):
            assert value == index or (is_optional and value == -1)
            assert (f"p{index};" in played.headers().get("glorieta-partial", "")) == (value == -1)
            assert value == -1 or kind in ("ok", "streamed")
