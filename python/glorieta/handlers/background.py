"""Work after the answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .live.scope import CallScope


class BackgroundTask:
    """A function, `async def` or `def`, and what it is called with once the answer is sent."""

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.function = function
        self.arguments = partial(function, *args, **kwargs)
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - not whether it can be called, but what calling does
        )

    async def run(self, scope: CallScope) -> None:
        if self.is_async:
            await self.arguments()
        else:
            await scope.run_sync(self.arguments)


class BackgroundTasks:
    """Tasks of one request, in order. One that fails is reported and does not stop the others."""

    def __init__(self, tasks: list[BackgroundTask] | None = None) -> None:
        self.tasks = tasks or []

    def add_task(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.tasks.append(BackgroundTask(function, *args, **kwargs))

    async def run(self, scope: CallScope) -> None:
        for task in self.tasks:
            try:
                await task.run(scope)
            except Exception as error:
                scope.crashed(error)
