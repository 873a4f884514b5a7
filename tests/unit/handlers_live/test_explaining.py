"""Why an answer is an error, as the engine is told for its access log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glorieta.handlers.live.errors import UpstreamError
from harness.carrying import Pumped, pumped

if TYPE_CHECKING:
    from glorieta.handlers.live.scope import CallScope
    from glorieta.handlers.transport import Transport


def said(*statuses: int, detail: str = "KeyError") -> list[tuple[Any, ...]]:
    """What the engine hears of a handler that explains itself and then answers with the first of these."""

    async def handler(transport: Transport, _: CallScope) -> None:
        transport.explain("reset", "replaced by the next")
        transport.explain("handler_failed", detail)
        for status in statuses:
            transport.answer(status, [], b"")
        transport.explain("deadline", "too late")

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()

    return pumped(script, handler).said


def test_the_reason_goes_before_the_answer() -> None:
    assert said(500, 404) == [("explain", 0, 1, "handler_failed", "KeyError"), ("answer", 0, 1, 500, [], b"")]


def test_an_answer_that_is_no_error_after_all_has_none() -> None:
    assert said(200) == [("answer", 0, 1, 200, [], b"")]


def test_details_are_bounded() -> None:
    assert said(502, detail="x" * 10_000)[0][4] == "x" * 500


def test_failures_of_upstreams_have_the_words_of_gathered_parts() -> None:
    words = {kind: UpstreamError("users", kind, "detail").word for kind in ("status", "invalid", "too_large", "broken")}
    assert words == {
        "status": "part_failed",
        "invalid": "part_invalid",
        "too_large": "part_too_large",
        "broken": "part_failed",
    }
    assert UpstreamError("users", "timeout", "detail", reason="first_byte_timeout").word == "first_byte_timeout"
