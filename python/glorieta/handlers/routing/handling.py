"""What becomes of exceptions: an answer where they mean one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..live.errors import UpstreamError
from ..problems import HTTPException, RequestRefused, RequestValidationError, answer_by_id, answer_of
from ..response import Response
from .calling import call_by, kind_of

if TYPE_CHECKING:
    from ..request import HTTPConnection

log = logging.getLogger("glorieta.handlers")
Handlers = Mapping[int | type[Exception], Callable[..., Any]]
"""Functions by the exception, or the status of an `HTTPException`, that they answer."""


async def answer_to(error: Exception, request: HTTPConnection, handlers: Handlers) -> Response | None:
    """The answer that an exception means; none: it means none, and is a crash."""
    handler = find(error, handlers) if handlers else None
    if handler is not None:
        response = await call_by(kind_of(handler), partial(handler, request, error), {}, request.call_scope)
        if not isinstance(response, Response):
            raise TypeError(f"an exception handler must return a Response, not {type(response).__name__}") from error
        return response
    if isinstance(error, RequestRefused | RequestValidationError):
        request.transport.explain(error.reason, str(error))
    if isinstance(error, HTTPException):
        return raw_response(*answer_of(error))
    return upstream_answer(error, request) if isinstance(error, UpstreamError) else None


def find(error: Exception, handlers: Handlers) -> Callable[..., Any] | None:
    """By status, then by the nearest class. What answers to every exception is not asked here, but for crashes."""
    if isinstance(error, HTTPException) and error.status_code in handlers:
        return handlers[error.status_code]
    for kind in type(error).__mro__:
        if kind is not Exception and kind in handlers:
            return handlers[kind]
    return None


def upstream_answer(error: UpstreamError, request: HTTPConnection) -> Response:
    """A required upstream's failure, with its meaning kept. What is not the client's fault is told to the log: which
    upstream failed, and how, is nothing for clients."""
    told = error.problem()
    request.transport.explain(error.word, str(error))
    if told.status >= 500:
        start = request.transport.start
        log.warning(
            "%s %s (request_id %s) is answered with %d: %s",
            start.method,
            start.path,
            start.request_id,
            told.status,
            error,
        )
        response = raw_response(*answer_by_id(told.status, told.detail, start.request_id))
    elif told.body is not None:
        kind = [("content-type", told.content_type)] if told.content_type else []
        return raw_response(told.status, [*kind, *told.headers], told.body)
    else:
        response = raw_response(*answer_of(HTTPException(told.status, told.detail)))
    response.raw += told.headers
    return response


def raw_response(status: int, fields: list[tuple[str, str]], body: bytes) -> Response:
    """An answer whose fields are known to be right."""
    response = Response(body, status)
    response.raw += fields
    return response
