"""From messages to running handlers: what is said to the engine, in which order, and what ends what."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from glorieta.handlers import BackgroundTasks, Depends, Router
from glorieta.handlers.live.calls import Running
from glorieta.handlers.live.errors import UpstreamError
from glorieta.handlers.live.gather import gather
from glorieta.handlers.live.scope import CallScope
from glorieta.handlers.serving.calling import INLINE, CarriedCall
from glorieta.handlers.serving.carrying import CarriedRequest
from glorieta.handlers.serving.flow import PIECE, WINDOW
from glorieta.handlers.transport import BodyLost, CallFailed, CallRequest, CallResponse, Transport
from harness.carrying import PlayedCarrier, Pumped, pumped

SECRET = "not for the log of a test that passes"


async def answers(transport: Transport, scope: CallScope) -> None:
    transport.answer(200, [("content-type", "text/plain")], transport.start.request_id.encode())


def test_requests_are_answered_and_the_engine_is_woken_once_for_all() -> None:
    async def script(made: Pumped) -> None:
        for call in range(1, 6):
            made.carrier.start(call, link=call % 2)
        await made.idle()

    carrier = pumped(script, answers)
    fields = [("content-type", "text/plain")]
    assert carrier.heard("answer") == [(call % 2, call, 200, fields, b"id-%d" % call) for call in range(1, 6)]
    assert carrier.flushes == 1


def test_a_request_says_what_the_engine_said() -> None:
    seen: list[Any] = []

    async def keeps(transport: Transport, scope: CallScope) -> None:
        seen.append(transport)
        await answers(transport, scope)

    async def script(made: Pumped) -> None:
        made.carrier.start(3, deadline_ms=1500, body=b"x", method="POST", query="a=1")
        await made.idle()

    pumped(script, keeps)
    (transport,) = seen
    start = transport.start
    assert (start.method, start.path, start.query, start.protocol, start.scheme) == (
        "POST",
        "/home/7",
        "a=1",
        "h2",
        "https",
    )
    assert (start.client, start.request_id, transport.deadline, start.body) == ("192.0.2.1", "id-3", 1.5, b"x")
    assert (start.parameters, start.headers) == ([("id", "7")], [("accept", "*/*")])


def test_the_body_is_asked_for_when_it_is_read_and_within_a_window() -> None:
    read: list[bytes] = []

    async def reads(transport: Transport, scope: CallScope) -> None:
        await asyncio.sleep(1)
        while piece := await transport.read():
            read.append(piece)
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start(body=None)
        await made.idle()
        assert made.carrier.heard("credit") == []
        await asyncio.sleep(2)
        assert made.carrier.heard("credit") == [(0, 1, WINDOW)]
        for _ in range(WINDOW // PIECE):
            made.carrier.send(1, 0, 1, b"x" * PIECE, False)
        await made.idle()
        assert sum(credit for *_, credit in made.carrier.heard("credit")) <= 2 * WINDOW
        assert len(made.carrier.heard("credit")) > 1
        made.carrier.send(1, 0, 1, b"y", True)
        await made.idle()

    carrier = pumped(script, reads)
    assert b"".join(read) == b"x" * WINDOW + b"y"
    assert len(carrier.heard("answer")) == 1


@pytest.mark.parametrize(("reason", "status"), [("body_cut_off", 400), ("body_too_large", 413), ("body_timeout", 408)])
def test_a_body_that_is_lost_says_why(reason: str, status: int) -> None:
    lost: list[BodyLost] = []

    async def reads(transport: Transport, scope: CallScope) -> None:
        assert await transport.read() == b"half"
        try:
            await transport.read()
        except BodyLost as error:
            lost.append(error)
        transport.answer(400, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start(body=None)
        await made.idle()
        made.carrier.send(1, 0, 1, b"half", False)
        made.carrier.send(2, 0, 1, reason)
        await made.idle()

    pumped(script, reads)
    assert [(error.reason, error.status) for error in lost] == [(reason, status)]


def test_an_answer_in_pieces_waits_for_credit() -> None:
    wrote: list[int] = []

    async def streams(transport: Transport, scope: CallScope) -> None:
        transport.answer(200, [], None)
        for size in (10, PIECE * 2, 5):
            await transport.write(b"x" * size)
            wrote.append(size)
        transport.end()

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        assert (made.carrier.heard("answer_body"), wrote) == ([], [])
        made.carrier.send(4, 0, 1, 12)
        await made.idle()
        assert [len(data) for _, _, data, _ in made.carrier.heard("answer_body")] == [10, 2]
        assert wrote == [10]
        made.carrier.send(4, 0, 1, PIECE * 2 + 100)
        await made.idle()

    carrier = pumped(script, streams)
    pieces = carrier.heard("answer_body")
    assert sum(len(data) for _, _, data, _ in pieces) == 10 + PIECE * 2 + 5
    assert max(len(data) for _, _, data, _ in pieces) <= PIECE
    assert [last for *_, last in pieces] == [False] * (len(pieces) - 1) + [True]


def test_a_large_whole_answer_goes_in_pieces_with_its_length() -> None:
    body = bytes(range(256)) * 1024

    async def large(transport: Transport, scope: CallScope) -> None:
        transport.answer(200, [], body)

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        assert not made.pump.running, "nobody has to wait for the client"
        made.carrier.send(4, 0, 1, len(body))
        await made.idle()

    carrier = pumped(script, large)
    assert len(body) > INLINE
    assert carrier.heard("answer") == [(0, 1, 200, [("content-length", str(len(body)))], None)]
    assert b"".join(data for _, _, data, _ in carrier.heard("answer_body")) == body


def test_an_answer_is_given_once() -> None:
    async def twice(transport: Transport, scope: CallScope) -> None:
        transport.answer(200, [], None)
        transport.answer(201, [], b"again")
        transport.end()
        transport.end()
        transport.fail()
        transport.answer(202, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    carrier = pumped(script, twice)
    assert [message[0] for message in carrier.said] == ["answer", "answer_body"]


def test_headers_that_no_message_carries_are_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def endless(transport: Transport, scope: CallScope) -> None:
        transport.answer(200, [("x", "y" * 70_000)], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    carrier = pumped(script, endless)
    assert carrier.said == [("failed", 0, 1)]
    assert "larger than 60 KiB" in caplog.text


def test_a_handler_that_raises_is_a_failure_and_its_frames_come_first(caplog: pytest.LogCaptureFixture) -> None:
    def deep() -> None:
        raise KeyError(SECRET)

    async def wrong(transport: Transport, scope: CallScope) -> None:
        deep()

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    carrier = pumped(script, wrong)
    assert carrier.said == [("failed", 0, 1)]
    (record,) = caplog.records
    told = record.getMessage().splitlines()
    assert told[0] == f"the handler of GET /home/7 failed (request_id id-1): KeyError: '{SECRET}'"
    assert told[1].startswith("  at deep (") and __file__ in told[1]
    assert told[2] == "    raise KeyError(SECRET)"
    assert told[3].startswith("  at wrong (")


def test_a_handler_that_gives_no_answer_has_failed() -> None:
    async def silent(transport: Transport, scope: CallScope) -> None:
        return

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    assert pumped(script, silent).said == [("failed", 0, 1)]


def test_a_cancelled_handler_hears_it_and_says_nothing_more() -> None:
    heard: list[str] = []

    async def waits(transport: Transport, scope: CallScope) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("cancelled")
            transport.answer(500, [], b"")
            raise

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.send(3, 0, 1)
        await made.idle()
        assert not made.pump.running

    carrier = pumped(script, waits)
    assert (heard, carrier.said) == (["cancelled"], [])


def test_what_comes_for_a_request_that_is_over_is_let_go() -> None:
    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        for message in [
            (1, 0, 1, b"x", True),
            (2, 0, 1, "r"),
            (3, 0, 1),
            (4, 0, 1, 5),
            (5, 0, 1, 0, CallResponse(200, [], b"")),
        ]:
            made.carrier.send(*message)
        for message in [(6, 0, 1, 0, b"", True), (7, 0, 1, 0, "reset", "", 1), (8, 0, 1, 0, 5), (3, 0, 99)]:
            made.carrier.send(*message)
        await made.idle()
        assert not made.pump.broken.done()

    assert len(pumped(script, answers).said) == 1


def test_one_that_is_cancelled_before_it_begins_says_nothing_and_is_not_kept() -> None:
    async def script(made: Pumped) -> None:
        made.carrier.start()
        made.carrier.send(3, 0, 1)
        await made.idle()
        assert not made.pump.is_busy()

    assert pumped(script, answers).said == []


def test_a_handler_that_swallows_its_cancellation_hurts_nobody_and_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stubborn(transport: Transport, scope: CallScope) -> None:
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        transport.answer(200, [], b"too late")

    async def script(made: Pumped) -> None:
        made.carrier.start(1)
        await made.idle()
        made.carrier.send(3, 0, 1)
        made.carrier.start(2, route=1)
        await made.idle()
        assert [message[1] for message in made.carrier.heard("answer")] == [2]
        await asyncio.sleep(6)
        assert "still runs 5 s after it was cancelled" in caplog.text
        assert "\n  at stubborn (" in caplog.text
        assert not made.pump.running

    carrier = pumped(script, stubborn, answers)
    assert [message[1] for message in carrier.heard("answer")] == [2]


@pytest.mark.parametrize("operation", ["read", "write", "call"])
def test_a_swallowed_cancellation_meets_the_next_one_at_every_wait(operation: str) -> None:
    turns: list[str] = []

    async def stubborn(transport: Transport, scope: CallScope) -> None:
        transport.answer(200, [], None)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            turns.append("swallowed")
        if operation == "read":
            await transport.read()
        elif operation == "write":
            await transport.write(b"x")
        else:
            await transport.call(CallRequest("users", "GET", "/", [])).response()
        turns.append("went on")

    async def script(made: Pumped) -> None:
        made.carrier.start(body=None)
        await made.idle()
        made.carrier.send(3, 0, 1)
        await made.idle()
        assert not made.pump.running

    pumped(script, stubborn)
    assert turns == ["swallowed"]


def test_calls_go_out_together_and_their_answers_find_them() -> None:
    async def gathers(transport: Transport, scope: CallScope) -> None:
        users, orders = scope.upstream("users"), scope.upstream("orders")
        user, recent = await gather(
            users.get("/users/7").json(), orders.post("/find", json={"user": 7}).timeout("150ms").json()
        )
        transport.answer(200, [], f"{user} {recent}".encode())

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.result(0, 1, 1, 200, [], b"[1]")
        made.carrier.result(0, 1, 0, 200, [], b'"Ana"')
        await made.idle()

    carrier = pumped(script, gathers)
    travelling = [("x-request-id", "id-1")]
    assert carrier.heard("call") == [
        (0, 1, 0, 0, 0, "GET", "/users/7", travelling, b""),
        (0, 1, 1, 1, 150, "POST", "/find", [("content-type", "application/json"), *travelling], b'{"user":7}'),
    ]
    assert carrier.heard("answer") == [(0, 1, 200, [], b"Ana [1]")]
    assert carrier.heard("call_cancel") == []


def test_what_is_left_of_a_request_with_calls_is_no_work_for_the_collector_of_cycles() -> None:
    """A cycle would keep bodies until so many have gathered that they are looked for, which costs more than calling."""
    left: list[list[str]] = []

    def alive() -> list[Any]:
        return [
            each for each in gc.get_objects() if isinstance(each, CallScope | Running | CarriedCall | CarriedRequest)
        ]

    async def calls(transport: Transport, scope: CallScope) -> None:
        await gather(scope.upstream("users").get("/7").json(), scope.upstream("orders").get("/").json().optional([]))
        await scope.upstream("users").get("/8")
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.result(0, 1, 0, 200, [], b"[1]")
        made.carrier.send(7, 0, 1, 1, "first_byte_timeout", "no answer", 3)
        await made.idle()
        made.carrier.result(0, 1, 2, 404, [], b"")
        await made.idle()
        left.append([type(each).__name__ for each in alive() if all(each is not other for other in before)])

    gc.collect()
    # Other tests may still hold theirs, by an exception that they have raised.
    before = alive()
    gc.disable()
    try:
        carrier = pumped(script, calls)
    finally:
        gc.enable()
    assert len(carrier.heard("answer")) == 1
    assert left == [[]]


def test_a_failed_call_says_what_was_tried() -> None:
    errors: list[UpstreamError] = []

    async def calls(transport: Transport, scope: CallScope) -> None:
        try:
            await scope.upstream("users").get("/")
        except UpstreamError as error:
            errors.append(error)
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.send(7, 0, 1, 0, "first_byte_timeout", "10.0.0.1:80 gave no answer within 2 s", 3)
        await made.idle()

    pumped(script, calls)
    (error,) = errors
    assert (error.kind, error.reason, error.tries, error.status) == ("timeout", "first_byte_timeout", 3, None)
    assert str(error) == 'upstream "users": 10.0.0.1:80 gave no answer within 2 s'


def test_a_part_that_nobody_wants_any_more_is_cancelled_by_name() -> None:
    async def gathers(transport: Transport, scope: CallScope) -> None:
        users = scope.upstream("users")
        try:
            await gather(users.get("/a").json(), users.get("/b").json())
        except UpstreamError:
            transport.answer(502, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.result(0, 1, 1, 500, [], b"")
        await made.idle()

    carrier = pumped(script, gathers)
    assert [message[0] for message in carrier.said] == ["call", "call", "call_cancel", "answer"]
    assert carrier.heard("call_cancel") == [(0, 1, 0)]


def test_an_answer_of_an_upstream_in_pieces_is_asked_for_as_it_is_read() -> None:
    async def calls(transport: Transport, scope: CallScope) -> None:
        response = await scope.upstream("users").get("/")
        transport.answer(200, [], response.body)

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.result(0, 1, 0, 200, [], None)
        await made.idle()
        assert made.carrier.heard("call_credit") == [(0, 1, 0, WINDOW)]
        made.carrier.send(6, 0, 1, 0, b"one ", False)
        made.carrier.send(6, 0, 1, 0, b"two", True)
        await made.idle()

    assert pumped(script, calls).heard("answer") == [(0, 1, 200, [], b"one two")]


def test_an_answer_of_an_upstream_that_is_cut_is_broken() -> None:
    kinds: list[str] = []

    async def calls(transport: Transport, scope: CallScope) -> None:
        try:
            await scope.upstream("users").get("/")
        except UpstreamError as error:
            kinds.append(error.kind)
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.result(0, 1, 0, 200, [], None)
        made.carrier.send(6, 0, 1, 0, b"half", False)
        made.carrier.send(7, 0, 1, 0, "response_cut_off", "", 1)
        await made.idle()

    pumped(script, calls)
    assert kinds == ["broken"]


def test_a_body_to_an_upstream_goes_by_credit_and_stops_when_the_answer_is_there() -> None:
    produced: list[int] = []

    async def calls(transport: Transport, scope: CallScope) -> None:
        async def content() -> Any:
            for index in range(100):
                produced.append(index)
                yield b"x" * 10

        response = await scope.upstream("users").post("/", content=content())
        transport.answer(response.status, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        assert len(produced) == 1
        made.carrier.send(8, 0, 1, 0, 30)
        await made.idle()
        assert len(produced) == 4
        made.carrier.result(0, 1, 0, 413, [], b"")
        await made.idle()
        assert not made.pump.running

    carrier = pumped(script, calls)
    assert carrier.heard("call_body") == [(0, 1, 0, b"x" * 10, False)] * 3
    assert carrier.heard("answer")[0][2] == 413


def test_a_large_body_to_an_upstream_goes_in_pieces() -> None:
    async def calls(transport: Transport, scope: CallScope) -> None:
        await scope.upstream("users").post("/", content=b"x" * (INLINE + 1))
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        assert made.carrier.heard("call")[0][-1] is None
        made.carrier.send(8, 0, 1, 0, 2 * INLINE)
        await made.idle()
        made.carrier.result(0, 1, 0, 200, [], b"")
        await made.idle()

    carrier = pumped(script, calls)
    pieces = carrier.heard("call_body")
    assert sum(len(piece[3]) for piece in pieces) == INLINE + 1
    assert [piece[4] for piece in pieces] == [False, False, True]


def test_after_the_answer_upstreams_cannot_be_called_and_nobody_waits_for_ever() -> None:
    failures: list[CallFailed | UpstreamError] = []

    async def background(transport: Transport, scope: CallScope) -> None:
        early = scope.transport.call(CallRequest("users", "GET", "/", []))
        transport.answer(200, [], b"")

        async def work() -> None:
            try:
                await early.response()
            except CallFailed as error:
                failures.append(error)
            try:
                await scope.upstream("users").get("/")
            except UpstreamError as error:
                failures.append(error)

        scope.background.append(work)

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        assert not made.pump.running

    carrier = pumped(script, background)
    assert [message[0] for message in carrier.said] == ["call", "answer"]
    assert [failure.reason for failure in failures] == ["cancelled", "cancelled"]
    assert all("until the answer is whole" in str(failure) for failure in failures)


def test_background_work_runs_after_the_answer_and_is_not_cancelled() -> None:
    order: list[str] = []

    async def handler(transport: Transport, scope: CallScope) -> None:
        async def work() -> None:
            await asyncio.sleep(10)
            order.append("worked")

        scope.background.append(work)
        transport.answer(200, [], b"")
        order.append("answered")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        assert len(made.carrier.heard("answer")) == 1
        await asyncio.sleep(11)

    pumped(script, handler)
    assert order == ["answered", "worked"]


def test_tasks_that_outlive_their_request_are_cancelled_and_told_of(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def forgotten() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("forgotten")

    async def leaks(transport: Transport, scope: CallScope) -> None:
        task = asyncio.create_task(forgotten())
        await asyncio.sleep(0)
        transport.answer(200, [], str(task.done()).encode())

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    pumped(script, leaks)
    assert ended == ["forgotten"]
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "left 1 tasks running" in record.getMessage()
    assert "forgotten (" in record.getMessage()


def test_tasks_of_lifespan_are_nobodys_and_go_on() -> None:
    async def script(made: Pumped) -> None:
        own = asyncio.ensure_future(asyncio.sleep(100))
        made.carrier.start()
        await made.idle()
        assert not own.done()
        own.cancel()

    pumped(script, answers)


def test_a_broken_link_ends_the_pump_and_cancels_what_runs() -> None:
    ended: list[str] = []

    async def waits(transport: Transport, scope: CallScope) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.broken = True
        made.carrier.send(3, 0, 99)
        await made.idle()
        with pytest.raises(ConnectionError, match="no known kind"):
            await made.pump.broken

    pumped(script, waits)
    assert ended == ["ended"]


def test_a_route_that_does_not_exist_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def script(made: Pumped) -> None:
        made.carrier.start(route=7)
        await made.idle()

    assert pumped(script, answers).said == [("failed", 0, 1)]
    assert "route 7" in caplog.text


def test_after_a_101_pieces_come_and_go_and_the_deadline_is_over() -> None:
    deadlines: list[float | None] = []

    async def switches(transport: Transport, scope: CallScope) -> None:
        deadlines.append(transport.deadline)
        transport.answer(101, [("upgrade", "websocket")], None)
        deadlines.append(scope.remaining())
        while piece := await transport.read():
            await transport.write(piece.upper())
        transport.end()

    async def script(made: Pumped) -> None:
        made.carrier.start(deadline_ms=1000, body=b"")
        await made.idle()
        assert made.carrier.heard("credit") == [(0, 1, WINDOW)]
        made.carrier.send(4, 0, 1, 100)
        made.carrier.send(1, 0, 1, b"hola", False)
        await made.idle()
        made.carrier.send(1, 0, 1, b"", True)
        await made.idle()

    carrier = pumped(script, switches)
    assert deadlines == [1.0, None]
    assert carrier.heard("answer_body") == [(0, 1, b"HOLA", False), (0, 1, b"", True)]


def test_draining_waits_for_handlers_and_cancels_those_that_take_too_long() -> None:
    ended: list[str] = []

    async def takes(transport: Transport, scope: CallScope) -> None:
        try:
            await asyncio.sleep(5 if transport.start.request_id == "id-1" else 50)
            transport.answer(200, [], b"")
        finally:
            ended.append(transport.start.request_id)

    async def script(made: Pumped) -> None:
        made.carrier.start(1)
        made.carrier.start(2)
        await made.idle()
        await made.pump.drain(10)
        assert made.loop.time() == 10

    carrier = pumped(script, takes)
    assert ended == ["id-1", "id-2"]
    assert [message[0] for message in carrier.said] == ["answer", "failed"]


def test_draining_waits_for_answers_that_wait_for_credit_and_for_requests_that_still_come() -> None:
    async def large(transport: Transport, scope: CallScope) -> None:
        transport.answer(200, [], b"x" * (INLINE + 1))

    async def script(made: Pumped) -> None:
        made.carrier.start(1)
        await made.idle()
        draining = asyncio.ensure_future(made.pump.drain(10))
        await asyncio.sleep(3)
        made.carrier.start(2, route=1)
        made.carrier.send(4, 0, 1, 2 * INLINE)
        await draining
        assert made.loop.time() == 3

    carrier = pumped(script, large, answers)
    assert [message[1] for message in carrier.heard("answer")] == [1, 2]
    assert sum(len(data) for _, _, data, _ in carrier.heard("answer_body")) == INLINE + 1


def test_what_was_answered_is_not_kept() -> None:
    kept: list[Any] = []

    async def script(made: Pumped) -> None:
        for call in range(1, 50):
            made.carrier.start(call)
        await made.idle()
        gc.collect()
        kept.append((made.pump.running, made.pump._requests))

    pumped(script, answers)
    assert kept == [({}, {})]


def test_a_thousand_requests_in_one_batch_take_their_turns() -> None:
    order: list[str] = []

    async def turns(transport: Transport, scope: CallScope) -> None:
        for _ in range(3):
            order.append(transport.start.request_id)
            await asyncio.sleep(0)
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        for call in range(1, 1001):
            made.carrier.start(call)
        await made.idle()

    carrier: PlayedCarrier = pumped(script, turns)
    assert order == [f"id-{call}" for call in range(1, 1001)] * 3
    assert len(carrier.heard("answer")) == 1000


def test_an_answer_has_left_before_what_follows_it_begins() -> None:
    flushed: dict[str, int] = {}
    router = Router()

    def note(name: str) -> None:
        flushed[name] = made[0].carrier.flushes

    async def opened() -> AsyncIterator[None]:
        yield
        note("dependency")

    @router.get("/background")
    async def background(tasks: BackgroundTasks) -> None:
        async def blocking() -> None:
            note("background")

        tasks.add_task(blocking)

    @router.get("/dependency", dependencies=[Depends(opened)])
    async def dependency() -> None: ...

    made: list[Pumped] = []

    async def script(pumped: Pumped) -> None:
        made.append(pumped)
        pumped.carrier.start(1, path="/background")
        await pumped.idle()
        pumped.carrier.start(2, route=1, path="/dependency")
        await pumped.idle()

    table = router.table()
    said = [message[0] for message in pumped(script, *(route.serve for route in table.routes)).said]
    assert said == ["linger", "answer", "done", "answer"]
    assert flushed == {"background": 1, "dependency": 3}
