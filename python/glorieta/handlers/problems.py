"""Answers that say what went wrong, as RFC 9457 problem documents, and the exceptions that become them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .encoding import encode_json
from .fields import checked_field
from .status import NO_BODY, title

if TYPE_CHECKING:
    from .transport import Fields

MEDIA_TYPE = "application/problem+json"
SHOWN = 100
"""How many wrong fields an answer names at most."""


class HTTPException(Exception):
    """An answer that a handler or a dependency gives by raising it."""

    def __init__(self, status_code: int, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status_code
        self.detail = detail
        """Text, or anything that JSON can say; it becomes the problem's `detail`."""
        self.headers = headers
        super().__init__(status_code, detail)

    def __str__(self) -> str:
        return f"{self.status_code}: {self.detail or title(self.status_code)}"

    def members(self) -> dict[str, Any]:
        """The problem document's members."""
        return problem(self.status_code, self.detail)


INVALID = "request_invalid"
"""The engine's word for a request that is not what its handler declares."""


class RequestRefused(HTTPException):
    """A request that cannot be understood at all: `code` is one stable word for the reason, and `reason` the engine's
    word in the access log."""

    def __init__(
        self,
        status_code: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        reason: str = INVALID,
    ) -> None:
        super().__init__(status_code, detail, headers)
        self.code = code
        self.reason = reason

    def members(self) -> dict[str, Any]:
        return {**super().members(), "code": self.code}


class RequestValidationError(HTTPException):
    """A request whose values are not what the handler asks for."""

    def __init__(self, errors: Sequence[Mapping[str, Any]], body: Any = None) -> None:
        super().__init__(422, None)
        self.reason = INVALID
        self.body = body
        self._errors = errors

    def errors(self) -> Sequence[Mapping[str, Any]]:
        """What is wrong, as pydantic says it: `type`, `loc`, `msg`, `input`; `loc` begins with the value's source."""
        return self._errors

    def __str__(self) -> str:
        return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in self._errors)

    def members(self) -> dict[str, Any]:
        count = len(self._errors)
        members = problem(422, "One value is wrong." if count == 1 else f"{count} values are wrong.")
        return {**members, "errors": [told(error) for error in self._errors[:SHOWN]]}


def problem(status: int, detail: Any = None) -> dict[str, Any]:
    members = {"type": "about:blank", "title": title(status), "status": status}
    return members if detail is None else {**members, "detail": detail}


def told(error: Mapping[str, Any]) -> dict[str, Any]:
    """One wrong value for the client: where it stands and what is wrong, without repeating it."""
    place, *rest = error["loc"]
    told: dict[str, Any] = {"in": place}
    if place != "body" and rest:
        told["name"], rest = rest[0], rest[1:]
    if rest or place == "body":
        told["pointer"] = pointer(rest)
    return {**told, "detail": error["msg"], "code": error["type"]}


def pointer(steps: Sequence[str | int]) -> str:
    """A JSON pointer as a URI's fragment (RFC 6901 §6, without escapes of the URI)."""
    return "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def answer_of(error: HTTPException) -> tuple[int, Fields, bytes]:
    """Status, header fields and body of an exception's answer. `Unserialisable`: its detail cannot be JSON."""
    fields: Fields = [("content-type", MEDIA_TYPE)]
    fields += [checked_field(name, value) for name, value in (error.headers or {}).items()]
    if error.status_code in NO_BODY:
        return error.status_code, fields[1:], b""
    return error.status_code, fields, encode_json(error.members())


def crash_answer(request_id: str) -> tuple[int, Fields, bytes]:
    """What a client learns of a handler that crashed: only under which id the log tells more."""
    return answer_by_id(500, None, request_id)


def answer_by_id(status: int, detail: str | None, request_id: str) -> tuple[int, Fields, bytes]:
    """An error that is not the client's: under this id the log says more."""
    return status, [("content-type", MEDIA_TYPE)], encode_json({**problem(status, detail), "request_id": request_id})
