"""Answers of upstreams in pieces."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..fields import Headers, grouped
from ..transport import CallFailed
from .errors import UpstreamError
from .response import UpstreamResponse
from .uploading import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from ..transport import CallRequest, CallResponse, CallTransport
    from .scope import CallScope


class StreamedResponse:
    """The head of an answer; its body comes by iterating, once."""

    __slots__ = ("_call", "_head", "_rest", "_uploading", "fields", "headers", "request", "status", "tries")

    def __init__(self, call: CallTransport, request: CallRequest, head: CallResponse, uploading: Upload | None) -> None:
        self._call = call
        self._uploading = uploading
        self._head = head
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
            raise reason_of(failed, self.request, self._uploading) from None

    def raise_for_status(self) -> StreamedResponse:
        """Itself. `UpstreamError` of kind `status`, without a body: it is not a 2xx."""
        request = self.request
        about = (request.upstream, request.method, request.target)
        UpstreamResponse(*about, self._head, b"").raise_for_status()
        return self


@asynccontextmanager
async def streamed(
    scope: CallScope, request: CallRequest, content: AsyncIterable[bytes] | None
) -> AsyncIterator[StreamedResponse]:
    """Begins a call, and cancels it when the block is left before its end."""
    call = scope.transport.call(request)
    uploading = None if content is None else Upload(call, content)
    try:
        try:
            head = await call.response()
        except CallFailed as failed:
            raise reason_of(failed, request, uploading) from None
        yield StreamedResponse(call, request, head, uploading)
    finally:
        if uploading is not None:
            uploading.cancel()
        call.cancel()


def reason_of(failed: CallFailed, request: CallRequest, uploading: Upload | None) -> Exception:
    """Why a call has ended: what the caller's own iterator of its body raised, or the upstream's failing."""
    if uploading is not None and uploading.error is not None:
        return uploading.error
    return UpstreamError.of(request.upstream, failed)
