"""What goes wrong with an upstream, and what that means to the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..status import title

if TYPE_CHECKING:
    from ..transport import CallFailed, Fields
    from .response import UpstreamResponse

Kind = Literal["refused", "timeout", "overloaded", "broken", "status", "invalid", "too_large"]
"""What kind of failure it was.

- `refused`: no connection
- `timeout`: the call's or the request's time was up
- `overloaded`: no endpoint may be used, or the queue for one was full
- `broken`: the answer was cut, or is not HTTP
- `status`: an answer, but not a 2xx where one is needed
- `invalid`: not the JSON, or not of the form, that is needed
- `too_large`: more than the call's limit
"""

KINDS: dict[str, Kind] = {
    "refused": "refused",
    "unreachable": "refused",
    "name_unresolved": "refused",
    "tls": "refused",
    "connect_timeout": "timeout",
    "first_byte_timeout": "timeout",
    "idle_timeout": "timeout",
    "deadline": "timeout",
    "no_endpoint": "overloaded",
    "queue_full": "overloaded",
    "queue_timeout": "overloaded",
    "draining": "overloaded",
}
"""Of the engine's words for why there is no answer; every other one is `broken`."""
STATUS_OF_KIND = {"timeout": 504, "overloaded": 503}
"""Every other kind is a 502."""
WORDS = {
    "status": "part_failed",
    "invalid": "part_invalid",
    "too_large": "part_too_large",
    "broken": "part_failed",
    "cancelled": "part_failed",
}
"""The engine's words for what only a handler can find wrong with an answer, as for the parts of a gathered one."""
PASSED_ON = ("retry-after", "www-authenticate", "content-language")
"""Headers without which a passed 4xx loses its meaning."""
WHY = {
    "refused": "it cannot be reached",
    "timeout": "it took too long",
    "overloaded": "it is overloaded",
    "broken": "its answer broke off",
    "status": "it failed",
    "invalid": "its answer cannot be understood",
    "too_large": "its answer is too large",
}


class UnknownUpstream(LookupError):
    """An upstream that is not among the router's `calls`."""

    def __init__(self, name: str, calls: tuple[str, ...]) -> None:
        known = ", ".join(calls) if calls else "none"
        super().__init__(f'the upstream "{name}" may not be called; add it to calls= (which has {known})')
        self.name = name


class NoRequest(RuntimeError):
    """An upstream was called outside of any request."""

    def __init__(self) -> None:
        super().__init__("upstreams can be called only while a request is handled; not at import and not in lifespan")


@dataclass(slots=True)
class UpstreamProblem:
    """What the client is told. Nothing in it says more about the upstream than a client may know."""

    status: int
    title: str
    detail: str
    headers: Fields = field(default_factory=list)
    """Headers of the upstream's that go with it."""
    body: bytes | None = None
    """The upstream's own body; none: the answer is a problem document made of title and detail."""
    content_type: str | None = None


class UpstreamError(Exception):
    """An upstream did not give what the handler needs.

    A handler that does not catch it answers with `problem()`: a 4xx of the upstream's passes, an overloaded one is
    a 503, a timeout a 504, everything else a 502.
    """

    def __init__(
        self,
        upstream: str,
        kind: Kind,
        detail: str,
        *,
        reason: str | None = None,
        tries: int = 0,
        response: UpstreamResponse | None = None,
    ) -> None:
        super().__init__(f'upstream "{upstream}": {detail}')
        self.upstream = upstream
        self.kind = kind
        self.detail = detail
        """For the log; a client is not told."""
        self.reason = reason or kind
        """The engine's word for it, as in the access log, where it is finer than `kind`: `first_byte_timeout`."""
        self.tries = tries
        """How often the request was sent."""
        self.response = response
        """The answer, where there was one."""

    @classmethod
    def of(cls, upstream: str, failed: CallFailed) -> UpstreamError:
        kind = KINDS.get(failed.reason, "broken")
        return cls(upstream, kind, failed.detail or failed.reason, reason=failed.reason, tries=failed.tries)

    @property
    def word(self) -> str:
        """The engine's word for it in the access log, if nobody catches it."""
        return WORDS.get(self.reason, self.reason)

    @property
    def status(self) -> int | None:
        """The upstream's status; none: there was no answer."""
        return None if self.response is None else self.response.status

    def problem(self) -> UpstreamProblem:
        """What it means to the client."""
        if self.kind == "status" and self.response is not None and 400 <= self.response.status < 500:
            return self._passed(self.response)
        status = STATUS_OF_KIND.get(self.kind, 502)
        detail = f"A service that this answer needs did not give it: {WHY[self.kind]}."
        return UpstreamProblem(status, title(status), detail)

    def _passed(self, response: UpstreamResponse) -> UpstreamProblem:
        status = response.status
        headers = [(name, value) for name, value in response.fields if name in PASSED_ON]
        body = response.body or None
        content_type = response.headers.get("content-type") if body else None
        detail = f"A service that this answer needs refused it with {status}."
        return UpstreamProblem(status, title(status), detail, headers, body, content_type)
