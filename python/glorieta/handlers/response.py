"""Answers. What a handler returns becomes one of these; it may also return one itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote

from .encoding import encode_json
from .fields import MutableHeaders, checked_field

if TYPE_CHECKING:
    from .background import BackgroundTask, BackgroundTasks
    from .live.scope import CallScope
    from .transport import Fields, Transport

SameSite = Literal["lax", "strict", "none"]
OF_A_URL = ":/%#?=@[]!$&'()*+,;~"


class Response:
    """An answer with its body, text or bytes, as it is."""

    __slots__ = ("background", "body", "raw", "status_code")

    media_type: ClassVar[str | None] = None

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | BackgroundTasks | None = None,
    ) -> None:
        self.status_code = status_code
        self.background = background
        """What runs once the answer is sent."""
        self.raw: Fields = [checked_field(name, value) for name, value in headers.items()] if headers else []
        self.body: bytes | None = self.render(content)
        """The whole body; none: it is streamed."""
        kind = media_type or self.media_type
        if kind is not None and not (headers and "content-type" in self.headers):
            self.raw.append(checked_field("content-type", with_charset(kind)))

    def render(self, content: Any) -> bytes | None:
        if content is None:
            return b""
        if isinstance(content, str):
            return content.encode()
        if isinstance(content, bytes | bytearray | memoryview):
            return bytes(content)
        raise TypeError(
            f"{type(self).__name__}() takes text or bytes, not {type(content).__name__}; JSONResponse() takes more"
        )

    @property
    def headers(self) -> MutableHeaders:
        return MutableHeaders(self.raw)

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: int | None = None,
        expires: datetime | str | int | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
    ) -> None:
        """A cookie for the client. `max_age` in seconds; `expires` a date, or in seconds from now."""
        cookie: SimpleCookie = SimpleCookie()
        cookie[key] = value
        attributes = cookie[key]
        if max_age is not None:
            attributes["max-age"] = max_age
        if isinstance(expires, datetime):
            attributes["expires"] = format_datetime(expires.astimezone(UTC), usegmt=True)
        elif expires is not None:
            attributes["expires"] = expires
        for name, text in (("path", path), ("domain", domain), ("samesite", samesite)):
            if text is not None:
                attributes[name] = text
        attributes["secure"], attributes["httponly"] = secure, httponly
        self.headers.append("set-cookie", cookie.output(header="").strip())

    def delete_cookie(
        self,
        key: str,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
    ) -> None:
        """Makes the client forget a cookie; path and domain must be those that it was set with."""
        self.set_cookie(key, "", 0, 0, path, domain, secure, httponly, samesite)

    async def send_body(self, transport: Transport, scope: CallScope) -> None:
        """Sends the pieces of a streamed body; the head is sent."""

    async def close(self) -> None:
        """Ends what the body is made from, also where it was not sent to its end."""


def with_charset(kind: str) -> str:
    """A media type that says how its text is encoded, where that is not always UTF-8."""
    unsaid = kind.startswith("text/") and kind != "text/event-stream" and "charset=" not in kind
    return f"{kind}; charset=utf-8" if unsaid else kind


class PlainTextResponse(Response):
    __slots__ = ()

    media_type = "text/plain"


class HTMLResponse(Response):
    __slots__ = ()

    media_type = "text/html"


class JSONResponse(Response):
    """An answer in JSON, made from anything that pydantic can serialise. NaN and Infinity are errors."""

    __slots__ = ()

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode_json(content)


class RedirectResponse(Response):
    """Sends the client elsewhere; by 307 it repeats its method and body there."""

    __slots__ = ()

    def __init__(
        self,
        url: str,
        status_code: int = 307,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | BackgroundTasks | None = None,
    ) -> None:
        super().__init__(b"", status_code, headers, None, background)
        self.headers["location"] = quote(str(url), safe=OF_A_URL)
