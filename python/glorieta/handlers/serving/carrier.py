"""The engine's end of a handler process, as Python sees it (`glorieta._engine.Carrier`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..transport import Fields

START = 0
"""`(0, link, call, deadline_ms, start)`: a request, as a `Start`; with 0 milliseconds it has no deadline."""
BODY = 1
"""`(1, link, call, data, last)`: a piece of the request's body."""
BODY_FAILED = 2
"""`(2, link, call, reason)`"""
CANCEL = 3
"""`(3, link, call)`: nobody waits for the answer any more."""
CREDIT = 4
"""`(4, link, call, bytes)`: so much more of the answer may be sent."""
RESULT = 5
"""`(5, link, call, part, response)`: an upstream's answer, as a `CallResponse`."""
RESULT_BODY = 6
"""`(6, link, call, part, data, last)`"""
RESULT_FAILED = 7
"""`(7, link, call, part, reason, detail, tries)`: before the head or after it."""
CALL_CREDIT = 8
"""`(8, link, call, part, bytes)`: so much more of the body to an upstream may be sent."""

OVER = 9
"""`(9, link, call, reason)`: the call of a handler that went on after its answer is kept no longer."""


class Carrier(Protocol):
    """Messages to and from the workers, one link for each. `ConnectionError`: a link is broken, and the process of no
    use any more."""

    def fileno(self) -> int:
        """Readable once there is something to receive."""

    def receive(self) -> list[tuple[Any, ...]]:
        """What has come, each with its kind first."""

    def sleep(self) -> bool:
        """Says that the next message has to be signalled. `False`: one has come meanwhile."""

    def flush(self) -> None:
        """Wakes the workers that sleep and were sent something."""

    def answer(self, link: int, call: int, status: int, headers: Fields, body: bytes | None) -> None: ...

    def answer_body(self, link: int, call: int, data: bytes, last: bool) -> None: ...

    def explain(self, link: int, call: int, reason: str, detail: str) -> None:
        """Why the answer that follows is an error that the handler has not made itself; `reason` is the engine's
        word."""

    def failed(self, link: int, call: int) -> None: ...

    def linger(self, link: int, call: int) -> None:
        """The handler goes on once its answer is whole; said before what makes it whole."""

    def done(self, link: int, call: int) -> None:
        """A handler that went on has ended."""

    def credit(self, link: int, call: int, bytes: int) -> None: ...

    def call(
        self,
        link: int,
        call: int,
        part: int,
        upstream: int,
        timeout_ms: int,
        method: str,
        target: str,
        headers: Fields,
        body: bytes | None,
    ) -> None: ...

    def call_body(self, link: int, call: int, part: int, data: bytes, last: bool) -> None: ...

    def call_credit(self, link: int, call: int, part: int, bytes: int) -> None: ...

    def call_cancel(self, link: int, call: int, part: int) -> None: ...

    def beat(self, lag_us: int, running: int) -> None: ...

    def sign(self, lag_us: int, running: int) -> bool:
        """The same from another thread than the event loop's, at once. `False`: the event loop is at the links."""
