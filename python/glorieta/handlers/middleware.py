"""Functions around handlers: `async def middleware(request, call_next)`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from .errors import name_of
from .response import Response

if TYPE_CHECKING:
    from .request import Request

Next = Callable[["Request"], Awaitable[Response]]
"""What comes after a middleware, down to the handler."""
Answered = Callable[["Request", Exception], Awaitable[Response]]
"""The answer that an exception means. It is raised again if it means none."""
Middleware = Callable[["Request", Next], Awaitable[Response]]


def chained(middleware: Sequence[Middleware], innermost: Next, answered: Answered) -> Next:
    """One function that runs all of them, the first one outermost. Without any it is the innermost itself. What one
    raises is an answer for those around it, as what the handler raises is."""
    chain = innermost
    for each in reversed(middleware):
        chain = around(each, chain, answered)
    return chain


def around(middleware: Middleware, inner: Next, answered: Answered) -> Next:
    async def run(request: Request) -> Response:
        try:
            response = await middleware(request, inner)
        except Exception as error:
            return await answered(request, error)
        if not isinstance(response, Response):
            raise TypeError(f"the middleware {name_of(middleware)} returned {type(response).__name__}, not a Response")
        return response

    return run
