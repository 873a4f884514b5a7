"""What a handler does after its answer: which calls it may make, and who ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from glorieta.handlers.live.errors import UpstreamError
from glorieta.handlers.live.scope import CallScope
from glorieta.handlers.serving.calling import INLINE
from glorieta.handlers.transport import Transport
from harness.carrying import PlayedCarrier, Pumped, pumped


def goes_on(failures: list[UpstreamError], seconds: float = 0.0) -> Any:
    """A handler that calls an upstream once its answer is sent."""

    async def handler(transport: Transport, scope: CallScope) -> None:
        async def work() -> None:
            await asyncio.sleep(seconds)
            try:
                await scope.upstream("users").get("/")
            except UpstreamError as error:
                failures.append(error)

        scope.background.append(work)
        transport.linger()
        if transport.start.path == "/large":
            transport.answer(200, [], b"x" * (INLINE + 1))
        else:
            transport.answer(200, [], b"")

    return handler


def said(carrier: PlayedCarrier) -> list[str]:
    return [message[0] for message in carrier.said]


def test_a_handler_that_goes_on_says_so_and_calls_upstreams_without_the_deadline_of_its_request() -> None:
    failures: list[UpstreamError] = []

    async def script(made: Pumped) -> None:
        made.carrier.start(deadline_ms=50)
        await asyncio.sleep(2)
        await made.idle()
        made.carrier.result(0, 1, 0, 200, [], b"", 1)
        await made.idle()
        assert not made.pump.running

    carrier = pumped(script, goes_on(failures, 1))
    assert said(carrier) == ["linger", "answer", "call", "done"]
    assert carrier.heard("call")[0][4] == 0
    assert failures == []


def test_a_client_that_goes_away_cancels_no_work_after_the_answer() -> None:
    failures: list[UpstreamError] = []

    async def script(made: Pumped) -> None:
        made.carrier.start(path="/large")
        await made.idle()
        made.carrier.send(3, 0, 1)
        await asyncio.sleep(2)
        await made.idle()
        made.carrier.send(4, 0, 1, INLINE)
        made.carrier.result(0, 1, 0, 200, [], b"", 1)
        await made.idle()
        assert not made.pump.running
        assert not made.pump.is_busy()

    carrier = pumped(script, goes_on(failures, 1))
    assert said(carrier) == ["answer", "linger", "call", "done"]
    assert failures == []


@pytest.mark.parametrize(("reason", "kind"), [("deadline", "timeout"), ("queue_full", "overloaded")])
def test_what_the_engine_does_not_keep_goes_on_and_calls_nobody(reason: str, kind: str) -> None:
    failures: list[UpstreamError] = []

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.send(9, 0, 1, reason)
        await asyncio.sleep(2)
        assert not made.pump.running

    carrier = pumped(script, goes_on(failures, 1))
    assert said(carrier) == ["linger", "answer"]
    (failure,) = failures
    assert (failure.reason, failure.kind) == (reason, kind)
    assert "handlers: {" in failure.detail


def test_a_call_under_way_when_its_time_is_up_fails_with_that() -> None:
    failures: list[UpstreamError] = []

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.send(9, 0, 1, "deadline")
        await made.idle()
        assert not made.pump.running

    pumped(script, goes_on(failures))
    assert [failure.reason for failure in failures] == ["deadline"]


def test_a_handler_that_fails_does_not_go_on() -> None:
    async def fails(transport: Transport, scope: CallScope) -> None:
        transport.linger()
        raise ValueError("not for the log of a test that passes")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    assert said(pumped(script, fails)) == ["failed"]


def test_one_that_is_done_before_its_answer_has_gone_out_says_so_and_the_rest_goes_out() -> None:
    async def large(transport: Transport, scope: CallScope) -> None:
        transport.linger()
        transport.answer(200, [], b"x" * (INLINE + 1))

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.send(4, 0, 1, 2 * INLINE)
        await made.idle()
        assert not made.pump.is_busy()

    assert said(pumped(script, large))[:3] == ["answer", "linger", "done"]
