"""One request from its start to its end: it is handled, and nothing of it is left over."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any

from ..live.scope import CallScope, scope_or_none

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from ..live.scope import Surroundings
    from ..transport import Transport
    from .application import ServedRoute

log = logging.getLogger("glorieta.handlers")
FAILURES = (Exception, SystemExit, KeyboardInterrupt)
"""What code may raise without ending more than its own request: `sys.exit()`, perhaps far down in a library, would end
the event loop, and with it what other requests have in this process."""


async def handle(route: ServedRoute, transport: Transport, surroundings: Surroundings) -> None:
    """Runs the handler, then what it left for after the answer, then ends the tasks that it forgot."""
    scope = CallScope(transport, surroundings)
    scope.enter()
    try:
        await route.serve(transport, scope)
        for work in scope.background:
            await done(work, scope)
    except FAILURES as error:
        scope.crashed(error)
        transport.fail()
    finally:
        try:
            scope.leave()
            if scope.tasks:
                end_leaked(scope)
        finally:
            transport.handled()


async def done(work: Callable[[], Awaitable[object]], scope: CallScope) -> None:
    """Work after the answer: one that fails stops neither the others nor the answer on its way."""
    try:
        await work()
    except FAILURES as error:
        scope.crashed(error)


def end_leaked(scope: CallScope) -> None:
    """Cancels tasks that outlive their request. Whoever wants one to go on starts it in `lifespan`."""
    current, start = asyncio.current_task(), scope.transport.start
    leaked = [task for task in scope.tasks if task is not current and not task.done()]
    for task in leaked:
        task.cancel("its request has ended")
    # Tasks that were cancelled before, by gather or a task group, are about to end by themselves.
    names = [where(task) for task in leaked if task.cancelling() == 1]
    if names:
        log.warning(
            "the handler of %s %s (request_id %s) left %d tasks running, which are cancelled: %s; await them, or give "
            "them to BackgroundTasks",
            start.method,
            start.path,
            start.request_id,
            len(names),
            ", ".join(names),
        )


def where(task: asyncio.Task[Any]) -> str:
    """A task by its coroutine's name and line."""
    coroutine: Any = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    name = getattr(coroutine, "__qualname__", task.get_name())
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: contextvars.Context | None = None,
) -> asyncio.Task[Any]:
    """A task factory that knows which request a task was begun for."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, context=context)
    # Closing a generator that nobody iterates any more is Python's own task.
    if inspect.iscoroutine(coroutine) and (scope := scope_or_none()) is not None:
        scope.track(task)
    return task
