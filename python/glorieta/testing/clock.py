"""An event loop whose time passes only when there is nothing else to do.

A handler that waits for ten seconds is tested in none, and always in the same order: time moves on to the next timer
once every task waits. Nothing here reads the clock.
"""

from __future__ import annotations

import asyncio
import selectors
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..handlers.serving.handling import make_task
from .threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Executor, Future

T = TypeVar("T")
PATIENCE = 30.0
"""Real seconds for which a thread, such as that of a handler that is not asynchronous, is waited for."""


PATIENCE_WITH_STRANGERS = 1.0
"""Real seconds for which a thread is waited for of which nobody knows whether it has anything to say; once."""


class Stuck(RuntimeError):
    """Everything waits for something that can never come."""


class FakeSelector(selectors.BaseSelector):
    """Looks at real descriptors without waiting for them, and lets time pass instead."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0
        self.threads = Threads()
        self.when_idle: list[Callable[[], object]] = []
        """Called once every task waits, before time passes."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if ready := self._wait_for_threads():
            return ready
        if self.when_idle:
            calls, self.when_idle = self.when_idle, []
            for call in calls:
                call()
            return []
        if timeout is None:
            raise Stuck("every task waits, and there is no timer that could wake one")
        self.now += timeout
        return []

    def _wait_for_threads(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What threads say that are at work, or have said while they were looked for; empty where none has."""
        if self.threads.at_work():
            if not (ready := self._real.select(PATIENCE)):
                raise Stuck(f"a thread has not ended within {PATIENCE:g} real seconds")
            return ready
        if strangers := self.threads.strangers():
            if ready := self._real.select(PATIENCE_WITH_STRANGERS):
                return ready
            self.threads.ignore(strangers)
        return self._real.select(0)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class FakeClockLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0 and is nobody else's."""

    def __init__(self) -> None:
        self._fake = FakeSelector()
        super().__init__(self._fake)
        self._own_pool: ThreadPoolExecutor | None = None
        self.set_task_factory(make_task)

    def time(self) -> float:
        return self._fake.now

    async def idle(self) -> None:
        """Returns once every other task waits, without time passing."""
        future = self.create_future()
        self._fake.when_idle.append(partial(wake, future))
        await future

    def run_in_executor(  # type: ignore[override]  # the same, less generic
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        work = (executor or self._pool()).submit(func, *args)
        future = asyncio.wrap_future(work, loop=self)
        # After the loop's own interest: what it is told of the end, it is told before time may pass.
        self._fake.threads.count(work)
        return future

    def _pool(self) -> ThreadPoolExecutor:
        if self._own_pool is None:
            self._own_pool = ThreadPoolExecutor(thread_name_prefix="glorieta-testing")
            self.set_default_executor(self._own_pool)
        return self._own_pool

    def lend_thread(self, awaited: Future[Any]) -> None:
        """A thread waits for what this loop does."""
        self._fake.threads.lend(awaited)
        # It may be waiting for the thread already.
        self.call_soon_threadsafe(lambda: None)

    def count_anyio(self) -> None:
        """Waits from now on for threads of anyio as well, which Starlette and FastAPI use. Called by a task."""
        self._fake.threads.count_anyio()


def wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a test that is a coroutine, with a clock of its own: `asyncio.sleep(3600)` takes no time."""
    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        return runner.run(main)
