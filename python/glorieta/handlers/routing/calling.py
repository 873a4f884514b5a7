"""How a function is called: awaited, iterated, or run on a thread. Found once, when routes are compiled."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ..live.scope import CallScope

Kind = Literal["async", "sync", "async generator", "generator"]


def kind_of(call: Callable[..., Any]) -> Kind:
    plain: Any = call
    while isinstance(plain, functools.partial):
        plain = plain.func
    if not inspect.isroutine(plain) and not inspect.isclass(plain):
        plain = plain.__call__
    if inspect.iscoroutinefunction(plain):
        return "async"
    if inspect.isasyncgenfunction(plain):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(plain) else "sync"


async def call_by(kind: Kind, call: Callable[..., Any], arguments: dict[str, Any], scope: CallScope) -> Any:
    """What a function returns; generators are returned as they are."""
    if kind == "async":
        return await call(**arguments)
    if kind == "sync":
        return await scope.run_sync(functools.partial(call, **arguments))
    return call(**arguments)


def opened(
    kind: Kind, call: Callable[..., Any], arguments: dict[str, Any], scope: CallScope
) -> AbstractAsyncContextManager[Any]:
    """A dependency that yields, as something to be entered and left."""
    if kind == "async generator":
        return asynccontextmanager(call)(**arguments)
    return on_threads(functools.partial(call, **arguments), scope)


@asynccontextmanager
async def on_threads(call: Callable[[], Any], scope: CallScope) -> AsyncIterator[Any]:
    """A plain generator with one `yield`, run on threads."""
    manager = contextmanager(call)()
    value = await scope.run_sync(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        if not await scope.run_sync(manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await scope.run_sync(manager.__exit__, None, None, None)
