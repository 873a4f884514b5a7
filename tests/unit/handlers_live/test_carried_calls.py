"""Calls as messages: how large they may be, and what is told of how often they were sent."""

from __future__ import annotations

import pytest

from glorieta.handlers.live.errors import UpstreamError
from glorieta.handlers.live.scope import CallScope
from glorieta.handlers.serving.calling import INLINE
from glorieta.handlers.transport import Transport
from harness.carrying import Pumped, pumped


def test_an_answer_says_how_often_its_call_was_sent() -> None:
    async def calls(transport: Transport, scope: CallScope) -> None:
        whole = await scope.upstream("users").get("/")
        async with scope.upstream("users").get("/pieces").stream() as streamed:
            pass
        read = await scope.upstream("orders").get("/pieces")
        try:
            await scope.upstream("users").get("/missing").ok()
        except UpstreamError as error:
            tries = [each.tries for each in (whole, streamed, read, error)]
            transport.answer(200, [], str(tries).encode())

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        for part, tries in enumerate((3, 2, 4)):
            made.carrier.result(0, 1, part, 200, [], b"" if part == 0 else None, tries)
            made.carrier.send(6, 0, 1, part, b"", True)
            await made.idle()
        made.carrier.result(0, 1, 3, 404, [], b"", 5)
        await made.idle()

    assert pumped(script, calls).heard("answer")[0][4] == b"[3, 2, 4, 5]"


@pytest.mark.parametrize(
    ("target", "header", "body", "what"),
    [
        ("/" + "t" * 31_000, 0, 0, "its target (path and query) has 31001 bytes; a call may have 30720"),
        ("/", 62_000, 0, "bytes, 8 counted for each field; a call may have 61440"),
    ],
)
def test_a_call_that_no_message_carries_says_what_of_it_is_too_large(
    target: str, header: int, body: int, what: str
) -> None:
    failures: list[UpstreamError] = []

    async def calls(transport: Transport, scope: CallScope) -> None:
        try:
            await scope.upstream("users").post(target, content=b"b" * body, headers={"x-large": "h" * header})
        except UpstreamError as error:
            failures.append(error)
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    carrier = pumped(script, calls)
    assert carrier.heard("call") == []
    (failure,) = failures
    assert (failure.reason, failure.tries) == ("head_too_large", 0)
    assert what in failure.detail
    assert len(failure.detail) < 300


def test_a_body_that_does_not_fit_beside_a_large_head_follows_it() -> None:
    async def calls(transport: Transport, scope: CallScope) -> None:
        headers = {"x-large": "h" * 60_000}
        await scope.upstream("users").post("/" + "t" * 30_000, content=b"b" * INLINE, headers=headers)
        transport.answer(200, [], b"")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        made.carrier.send(8, 0, 1, 0, 2 * INLINE)
        await made.idle()
        made.carrier.result(0, 1, 0, 200, [], b"")
        await made.idle()

    carrier = pumped(script, calls)
    assert carrier.heard("call")[0][-1] is None
    assert sum(len(piece[3]) for piece in carrier.heard("call_body")) == INLINE
