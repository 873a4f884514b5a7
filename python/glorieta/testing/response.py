"""What came of a request, as a test sees it; the names are httpx's."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from ..handlers.fields import Headers, grouped
from ..handlers.live.decoding import charset_of
from ..handlers.live.partial import HEADER
from ..handlers.transport import Fields


class TestResponse:
    """An answer."""

    __test__ = False

    def __init__(self, status: int, fields: Fields, content: bytes, *, reason: str | None, seconds: float) -> None:
        self.status_code = status
        self.fields = fields
        """Header fields in order, names in lower case."""
        self.headers = Headers(grouped(fields))
        self.content = content
        self.reason = reason
        """The engine's word where the answer is its own, as in the access log: `no_route`, `handler_timeout`; `cut`
        where the answer broke off; none: the handler's answer, whole."""
        self.seconds = seconds
        """How long it took, on the fake clock."""

    @property
    def text(self) -> str:
        return self.content.decode(charset_of(self.headers.get("content-type", "")), errors="replace")

    def json(self) -> Any:
        return from_json(self.content)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def missing(self) -> list[str]:
        """Optional parts that are missing, by name, as the header `glorieta-partial` tells."""
        items = self.headers.get(HEADER, "")
        return [item.partition(";")[0].strip().strip('"') for item in items.split(",") if item.strip()]

    def __repr__(self) -> str:
        return f"<TestResponse {self.status_code}{f' {self.reason}' if self.reason else ''}, {len(self.content)} bytes>"
