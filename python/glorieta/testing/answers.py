"""What fake upstreams answer, and how they fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..handlers.encoding import encode_json
from ..handlers.live.durations import seconds
from .asking import fields_of

if TYPE_CHECKING:
    from ..handlers.live.durations import Duration
    from ..handlers.transport import Fields

UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a fake upstream. A mapping or list in its place is its JSON, text its body, a number its status."""

    status: int = 200
    json: Any = UNSET
    body: bytes | str | Sequence[bytes] = b""
    """Several pieces are sent one by one."""
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    """By name; or in pairs, where a name comes several times."""
    delay: float = 0.0
    """Seconds on the fake clock before its head."""
    between: float = 0.0
    """Seconds on the fake clock before each piece."""
    failure: str = ""
    """The engine's word for why there is no answer."""
    cut: bool = False
    """Whether it breaks off after its pieces."""

    def fields(self) -> Fields:
        fields = fields_of(self.headers)
        if self.json is not UNSET and not any(name == "content-type" for name, _ in fields):
            fields.append(("content-type", "application/json"))
        return fields

    def pieces(self) -> list[bytes]:
        if self.json is not UNSET:
            return [encode_json(self.json)]
        if isinstance(self.body, str):
            return [self.body.encode()]
        return [self.body] if isinstance(self.body, bytes) else list(self.body)

    @property
    def is_streamed(self) -> bool:
        """Whether its pieces come one by one."""
        return self.cut or self.between > 0 or not isinstance(self.body, bytes | str)


def answer_of(given: Any) -> Answer:
    """An answer in its short forms. `TypeError`: it is none of them."""
    if isinstance(given, Answer):
        return given
    if isinstance(given, bool) or given is None:
        return Answer(json=given)
    if isinstance(given, int):
        return Answer(status=given)
    if isinstance(given, bytes | str):
        return Answer(body=given)
    if isinstance(given, Mapping | list | tuple) or hasattr(given, "model_dump"):
        return Answer(json=given)
    raise TypeError(f"{given!r} is no answer of a fake upstream; give an Answer, JSON, text, bytes or a status")


def after(delay: Duration, answer: Any) -> Answer:
    """The same answer, later on the fake clock: `after("150ms", {"id": 7})`."""
    return replace(answer_of(answer), delay=seconds(delay))


def streamed(pieces: Sequence[bytes], *, every: Duration = "0ms", **answer: Any) -> Answer:
    """An answer whose pieces come one by one, each after a time on the fake clock."""
    return Answer(body=tuple(pieces), between=seconds(every), **answer)


def refused() -> Answer:
    """Nobody listens."""
    return Answer(failure="refused")


def overloaded() -> Answer:
    """No endpoint may be used, as when all are ejected or every queue is full."""
    return Answer(failure="queue_full")


def reset() -> Answer:
    """The connection is closed before there is an answer."""
    return Answer(failure="reset")


def hanging() -> Answer:
    """It never answers; on the fake clock the call's deadline comes at once."""
    return Answer(delay=float("inf"))


def cut(body: bytes = b"", **answer: Any) -> Answer:
    """It breaks off after so much of its body."""
    return Answer(body=body, cut=True, **answer)
