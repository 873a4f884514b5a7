"""Upstreams as a handler calls them.

```python
user = await users.get("/users/{id}", path={"id": user_id}).json(User)
```

A call goes through the engine's pools, balancing, health, retries and budgets; how it is sent is the upstream's
configuration, what is sent and what is made of the answer is said here.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode

from ..encoding import encode_json
from .call import Call
from .headers import fields_of
from .targets import target_of
from .websocket import opened

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ..transport import Fields
    from .headers import HeaderValues
    from .response import UpstreamResponse
    from .scope import CallScope
    from .targets import Params
    from .websocket import UpstreamWebSocket

Content = bytes | str | AsyncIterable[bytes]
"""A body: whole, or in pieces as they come. Text is sent as UTF-8."""


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FormValues = Mapping[str, str] | Iterable[tuple[str, str]]


class Sent(TypedDict, total=False):
    """What may be said of a call that has a body; see `Upstream.request`."""

    path: Mapping[str, Any] | None
    params: Params | None
    headers: HeaderValues | None
    json: Any
    data: FormValues | None
    content: Content | None


class Upstream:
    """A service that the handler may call. Handlers get it by naming it in a parameter."""

    __slots__ = ("_scope", "name")

    def __init__(self, name: str, scope: CallScope) -> None:
        self.name = name
        self._scope = scope

    def __repr__(self) -> str:
        return f"<Upstream {self.name}>"

    def get(
        self,
        target: str,
        *,
        path: Mapping[str, Any] | None = None,
        params: Params | None = None,
        headers: HeaderValues | None = None,
    ) -> Call[UpstreamResponse]:
        """A GET; see `request`."""
        return self._bodiless("GET", target, path, params, headers)

    def head(
        self,
        target: str,
        *,
        path: Mapping[str, Any] | None = None,
        params: Params | None = None,
        headers: HeaderValues | None = None,
    ) -> Call[UpstreamResponse]:
        """A HEAD; see `request`."""
        return self._bodiless("HEAD", target, path, params, headers)

    def delete(
        self,
        target: str,
        *,
        path: Mapping[str, Any] | None = None,
        params: Params | None = None,
        headers: HeaderValues | None = None,
    ) -> Call[UpstreamResponse]:
        """A DELETE; see `request`."""
        return self._bodiless("DELETE", target, path, params, headers)

    def post(self, target: str, **what: Unpack[Sent]) -> Call[UpstreamResponse]:
        """A POST; see `request`."""
        return self.request("POST", target, **what)

    def put(self, target: str, **what: Unpack[Sent]) -> Call[UpstreamResponse]:
        """A PUT; see `request`."""
        return self.request("PUT", target, **what)

    def patch(self, target: str, **what: Unpack[Sent]) -> Call[UpstreamResponse]:
        """A PATCH; see `request`."""
        return self.request("PATCH", target, **what)

    def request(
        self,
        method: str,
        target: str,
        *,
        path: Mapping[str, Any] | None = None,
        params: Params | None = None,
        headers: HeaderValues | None = None,
        json: Any = None,
        data: FormValues | None = None,
        content: Content | None = None,
    ) -> Call[UpstreamResponse]:
        """A call; nothing is sent before it is awaited or gathered.

        `target` is a path that may name values, which `path` gives: they are escaped, a slash included, but for
        `{name:path}`. `params` go into the query. A body is one of `json` (anything that pydantic can write), `data`
        (a form) and `content`. `ValueError`, and for JSON `Unserialisable`: something of it cannot be sent, with the
        reason.
        """
        if method not in METHODS:
            raise ValueError(f"{method!r} is not a method to call with; one of {', '.join(sorted(METHODS))}")
        if json is None and data is None and content is None:
            return self._bodiless(method, target, path, params, headers)
        fields = fields_of(headers) if headers else []
        body, pieces, kind = body_of(json, data, content)
        if kind and not any(name == "content-type" for name, _ in fields):
            fields.append(("content-type", kind))
        return Call(self._scope, self.name, method, target_of(target, path, params), fields, body, pieces)

    def _bodiless(
        self,
        method: str,
        target: str,
        path: Mapping[str, Any] | None,
        params: Params | None,
        headers: HeaderValues | None,
    ) -> Call[UpstreamResponse]:
        fields = fields_of(headers) if headers else []
        return Call(self._scope, self.name, method, target_of(target, path, params), fields, b"", None)

    def websocket(
        self,
        target: str,
        *,
        path: Mapping[str, Any] | None = None,
        params: Params | None = None,
        headers: HeaderValues | None = None,
        subprotocols: Iterable[str] = (),
    ) -> AbstractAsyncContextManager[UpstreamWebSocket]:
        """A WebSocket to the upstream: `async with users.websocket("/events") as socket:`. `UpstreamError`: it does
        not open one."""
        fields: Fields = fields_of(headers) if headers else []
        return opened(self._scope, self.name, target_of(target, path, params), fields, tuple(subprotocols))


def body_of(
    json: Any, data: FormValues | None, content: Content | None
) -> tuple[bytes | None, AsyncIterable[bytes] | None, str | None]:
    """The body, whole or in pieces, and its media type where that is known."""
    if sum(given is not None for given in (json, data, content)) > 1:
        raise ValueError("a body is one of json=, data= and content=, not several of them")
    if json is not None:
        return encode_json(json), None, "application/json"
    if data is not None:
        pairs = data.items() if isinstance(data, Mapping) else data
        return urlencode(list(pairs)).encode("ascii"), None, "application/x-www-form-urlencoded"
    if isinstance(content, str):
        return content.encode(), None, "text/plain; charset=utf-8"
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content), None, None
    if not isinstance(content, AsyncIterable):
        raise ValueError(f"content= is {type(content).__name__}; give bytes, text or an asynchronous iterator of bytes")
    return None, content, None
