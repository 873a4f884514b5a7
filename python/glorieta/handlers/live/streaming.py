"""Answers of upstreams in pieces."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..fields import Headers, grouped
from ..transport import CallFailed
from .calls import upload
from .errors import UpstreamError
from .response import UpstreamResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from ..transport import CallRequest, CallResponse, CallTransport
    from .scope import CallScope


class StreamedResponse:
    """The head of an answer; its body comes by iterating, once."""

    __slots__ = ("_call", "_rest", "fields", "headers", "request", "status", "tries")

    def __init__(self, call: CallTransport, request: CallRequest, head: CallResponse) -> None:
        self._call = call
        self._rest = head.body
        self.request = request
        self.status = head.status
        self.fields = head.headers
        self.headers = Headers(grouped(head.headers))
        self.tries = head.tries
        """How often the call was sent."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._rest is not None:
            rest, self._rest = self._rest, b""
            if rest:
                yield rest
            return
        while piece := await self._read():
            yield piece

    async def _read(self) -> bytes:
        try:
            return await self._call.read()
        except CallFailed as failed:
            raise UpstreamError.of(self.request.upstream, failed) from None

    def raise_for_status(self) -> StreamedResponse:
        """Itself. `UpstreamError` of kind `status`, without a body: it is not a 2xx."""
        request = self.request
        about = (request.upstream, request.method, request.target)
        UpstreamResponse(*about, self.status, self.fields, b"", self.tries).raise_for_status()
        return self


@asynccontextmanager
async def streamed(
    scope: CallScope, request: CallRequest, content: AsyncIterable[bytes] | None
) -> AsyncIterator[StreamedResponse]:
    """Begins a call, and cancels it when the block is left before its end."""
    call = scope.transport.call(request)
    uploading = None if content is None else asyncio.ensure_future(upload(call, content))
    try:
        try:
            head = await call.response()
        except CallFailed as failed:
            raise UpstreamError.of(request.upstream, failed) from None
        yield StreamedResponse(call, request, head)
    finally:
        if uploading is not None:
            uploading.cancel()
        call.cancel()
