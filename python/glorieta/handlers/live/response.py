"""What an upstream answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..fields import Headers, grouped
from .decoding import decoded, text_of
from .errors import UpstreamError

if TYPE_CHECKING:
    from ..transport import CallResponse, Fields

T = TypeVar("T")


class UpstreamResponse:
    """A whole answer of an upstream, of any status."""

    __slots__ = ("_head", "_headers", "body", "has", "method", "status", "target", "upstream")

    def __init__(self, upstream: str, method: str, target: str, head: CallResponse, body: bytes) -> None:
        self.upstream = upstream
        self.method = method
        self.target = target
        """Path and query that were asked for."""
        self.status = head.status
        self.body = body
        self.has = head.has
        """Whether it has a header of a name, in lower case."""
        self._head = head
        self._headers: Headers | None = None

    @property
    def fields(self) -> Fields:
        """Header fields in order, names in lower case."""
        return self._head.headers

    @property
    def tries(self) -> int:
        """How often the call was sent: 1 without retries."""
        return self._head.tries

    @property
    def headers(self) -> Headers:
        """Header fields by name."""
        if self._headers is None:
            self._headers = Headers(grouped(self.fields))
        return self._headers

    @property
    def ok(self) -> bool:
        """Whether its status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text, by the charset of its `Content-Type`; bytes that are none become U+FFFD. `UpstreamError` of
        kind `invalid`: it has a content coding."""
        try:
            return text_of(self.body, self._coding, self.headers.get("content-type", ""))
        except ValueError as error:
            raise self._invalid(error) from error

    @property
    def _coding(self) -> str:
        return self.headers["content-encoding"] if self.has("content-encoding") else ""

    def _invalid(self, error: ValueError) -> UpstreamError:
        detail = f"{self.method} {self.target}: {error}"
        return UpstreamError(self.upstream, "invalid", detail, tries=self.tries, response=self)

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, model: type[T]) -> T: ...
    @overload
    def json(self, model: Any) -> Any: ...
    def json(self, model: Any = None) -> Any:
        """The body, decoded; with a model, or any annotation that pydantic knows, validated. `UpstreamError` of kind
        `invalid`: it is not JSON, nested too deeply, has NaN or Infinity, a content coding, or does not fit."""
        try:
            return decoded(self.body, self._coding, model)
        except ValueError as error:
            raise self._invalid(error) from error

    def raise_for_status(self) -> UpstreamResponse:
        """Itself. `UpstreamError` of kind `status`: it is not a 2xx."""
        if 200 <= self.status < 300:
            return self
        detail = f"{self.method} {self.target}: {self.status}"
        raise UpstreamError(self.upstream, "status", detail, tries=self.tries, response=self)

    def __repr__(self) -> str:
        return f"<UpstreamResponse {self.upstream} {self.method} {self.target}: {self.status}, {len(self.body)} bytes>"
