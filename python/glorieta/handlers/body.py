"""Bodies of requests: read within bounds, and decoded strictly.

Everything that a body can be wrong in has its own code, so that a client's author finds the cause without guessing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json

from .problems import RequestRefused
from .transport import BodyLost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .fields import Headers
    from .request import HTTPConnection
    from .transport import Transport

LARGEST = 1024 * 1024
"""Bytes of a JSON or text body, unless the route says otherwise."""
LARGEST_FORM = 16 * 1024 * 1024
"""Bytes of a form with files, unless the route says otherwise."""
DEEPEST = 200
"""How deep JSON may be nested: the parser's own bound."""
JSON = "application/json"
ABOUT_BODY = ("content-type", "content-encoding")


class MediaType(NamedTuple):
    """A `Content-Type` without parameters, in lower case, and the parameters."""

    name: str
    parameters: dict[str, str]

    @property
    def is_json(self) -> bool:
        return self.name == JSON or (self.name.endswith("+json") and "/" in self.name)


def media_type(text: str) -> MediaType:
    name, *rest = text.split(";")
    parameters = {}
    for part in rest:
        key, equals, value = part.partition("=")
        if equals:
            parameters[key.strip().lower()] = value.strip().strip('"')
    return MediaType(name.strip().lower(), parameters)


async def pieces(transport: Transport) -> AsyncIterator[bytes]:
    """A body as it comes. `RequestRefused`: it will not be whole."""
    whole = transport.start.body
    if whole is not None:
        if whole:
            yield whole
        return
    try:
        while piece := await transport.read():
            yield piece
    except BodyLost as lost:
        detail = "The body did not arrive whole."
        raise RequestRefused(lost.status, lost.reason, detail, reason=lost.reason) from lost


async def read(transport: Transport, limit: int) -> bytes:
    """The whole body, up to `limit` bytes."""
    whole = transport.start.body
    if whole is not None:
        if len(whole) > limit:
            raise too_large(limit)
        return whole
    parts, size = [], 0
    async for piece in pieces(transport):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        parts.append(piece)
    return b"".join(parts)


def too_large(limit: int) -> RequestRefused:
    detail = f"The body is larger than {limit} bytes."
    return RequestRefused(413, "body_too_large", detail, reason="body_too_large")


def check_encoding(headers: Headers) -> None:
    """A compressed body is refused: how large it becomes would be known too late."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        detail = f"The content coding {coding!r} is not accepted; send the body as it is."
        raise RequestRefused(415, "content_encoding", detail, {"Accept-Encoding": "identity"})


def check_json(request: HTTPConnection) -> None:
    """Refuses a body that does not say that it is JSON: browsers send other types to other sites unasked."""
    about = [value for name, value in request.transport.start.headers if name in ABOUT_BODY]
    if about == [JSON]:
        return
    headers = request.headers
    check_encoding(headers)
    kind = media_type(headers.get("content-type", ""))
    if not kind.is_json:
        got = repr(kind.name) if kind.name else "nothing"
        raise RequestRefused(
            415, "content_type", f"The body must be application/json; Content-Type says {got}.", {"Accept": JSON}
        )
    charset = kind.parameters.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise RequestRefused(415, "charset", f"JSON is UTF-8 (RFC 8259 §8.1); Content-Type says {charset!r}.")


def decode_json(data: bytes) -> Any:
    """The value of a JSON text; strict: no NaN, no Infinity, UTF-8 only, not deeper than `DEEPEST`."""
    try:
        return from_json(data, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise json_refused(data, str(error)) from None


def json_refused(data: bytes, said: str) -> RequestRefused:
    if "recursion limit" in said:
        return RequestRefused(400, "json_too_deep", f"The JSON is nested deeper than {DEEPEST} levels.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return RequestRefused(400, "json_encoding", f"The JSON is not UTF-8: byte {error.start} is wrong.")
    if data.startswith(b"\xef\xbb\xbf"):
        return RequestRefused(400, "json_encoding", "The JSON begins with a byte order mark (RFC 8259 §8.1).")
    if not_a_number(data):
        return RequestRefused(400, "json_not_a_number", "NaN and Infinity are no JSON (RFC 8259 §6).")
    return RequestRefused(400, "json_invalid", f"The body is no JSON: {said}.")


def not_a_number(data: bytes) -> bool:
    """Whether it would be JSON if JSON had NaN and Infinity."""
    try:
        from_json(data, allow_inf_nan=True)
    except ValueError:
        return False
    return True
