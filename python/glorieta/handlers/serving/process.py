"""The life of a handler process: lifespan, requests, and an orderly end."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import logging
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..live.scope import Surroundings
from ..live.tracebacks import told
from .handling import make_task
from .lag import LagWatch
from .pump import Pump, PumpedRoute

if TYPE_CHECKING:
    from .application import Application
    from .carrier import Carrier

log = logging.getLogger("glorieta.handlers")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a handler process works."""

    threads: int = 40
    """Functions that are not asynchronous and run at the same time; more wait."""
    grace: float = 8.0
    """Seconds that handlers have to end once the process is to stop; after ten it is killed."""


def serve(
    carrier: Carrier,
    applications: Sequence[Application],
    *,
    ready: Callable[[], None],
    parent: int | None = None,
    settings: Settings | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT, or until the descriptor `parent` says that whoever started it has ended.

    `ready` is called once every lifespan has been entered. The routes of several applications are numbered one after
    the other. The result is the process's exit status: 0, 1 where a lifespan failed or the carrier broke.
    """
    spare_the_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(Served(carrier, applications, settings or Settings()).run(ready, parent))


def spare_the_collector() -> None:
    """What a request leaves behind, counting references frees; looking for cycles after every 700 objects costs a
    seventh of a small handler's time, and most of what it looks at are modules."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed; none: asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Any = importlib.import_module("uvloop").new_event_loop
    return factory  # type: ignore[no-any-return]


class Served:
    """What runs in the process."""

    def __init__(self, carrier: Carrier, applications: Sequence[Application], settings: Settings) -> None:
        self.carrier = carrier
        self.applications = applications
        self.settings = settings
        self.threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="glorieta-handler")
        self.is_orphan = False
        """Whether nobody waits for answers any more."""

    def orphaned(self, loop: asyncio.AbstractEventLoop, parent: int, stop: asyncio.Event) -> None:
        """Whoever started this has ended. What has ended stays readable: it is not looked at again."""
        loop.remove_reader(parent)
        self.is_orphan = True
        stop.set()

    async def run(self, ready: Callable[[], None], parent: int | None) -> int:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(make_task)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if parent is not None:
            loop.add_reader(parent, self.orphaned, loop, parent, stop)
        try:
            async with AsyncExitStack() as lifespans:
                for application in self.applications:
                    await lifespans.enter_async_context(application.lifespan())
                return await self.pump(stop, ready)
        except Exception as error:
            log.error("%s", told("the lifespan of the handlers failed", error))
            return 1
        finally:
            if parent is not None:
                loop.remove_reader(parent)
            self.threads.shutdown(wait=False, cancel_futures=True)

    async def pump(self, stop: asyncio.Event, ready: Callable[[], None]) -> int:
        pump = Pump(self.carrier, self.routes())
        watch = LagWatch(pump.is_busy, pump.beat, pump.sign)
        pump.when_busy = watch.wake
        pump.start()
        watch.start()
        ready()
        stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((stopping, pump.broken), return_when=asyncio.FIRST_COMPLETED)
            await pump.drain(0 if pump.broken.done() or self.is_orphan else self.settings.grace)
        finally:
            stopping.cancel()
            watch.stop()
            pump.stop()
        if pump.broken.done():
            log.error("the link to the engine is broken: %s", pump.broken.exception())
            return 1
        return 0

    def routes(self) -> list[PumpedRoute]:
        routes = []
        for application in self.applications:
            surroundings = Surroundings(
                tuple(application.calls), tuple(application.forward_headers), threads=self.threads
            )
            routes += [PumpedRoute(route, surroundings) for route in application.routes]
        return routes
