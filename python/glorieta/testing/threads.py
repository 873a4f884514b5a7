"""Threads beside the event loop of a test: for those that are at work time does not pass."""

from __future__ import annotations

import concurrent.futures.thread
import sys
import threading
import weakref
from typing import Any

POOL_WORKER = concurrent.futures.thread._worker.__code__
"""What a thread of a pool runs while it has nothing to do."""


class Threads:
    """Which threads are waited for."""

    def __init__(self) -> None:
        self._at_work = 0
        self._lock = threading.Lock()
        self._known = weakref.WeakSet(threading.enumerate())
        """Threads that have nothing to do with what is tested."""
        self._anyio: Any = None

    def count(self, work: concurrent.futures.Future[Any]) -> None:
        """Waits for this from now on. Whoever else wants to hear of its end has asked before."""
        with self._lock:
            self._at_work += 1
        work.add_done_callback(self._ended)

    def _ended(self, _: object) -> None:
        with self._lock:
            self._at_work -= 1

    def lend(self, awaited: concurrent.futures.Future[Any]) -> None:
        """This thread waits for something that the event loop does: until then it is not waited for itself."""
        with self._lock:
            self._at_work -= 1
            self._known.add(threading.current_thread())
        # Called by the loop, before time may pass again.
        awaited.add_done_callback(self._goes_on)

    def _goes_on(self, _: object) -> None:
        with self._lock:
            self._at_work += 1

    def count_anyio(self) -> None:
        anyio = sys.modules.get("anyio")
        if anyio is not None and self._anyio is None:
            self._anyio = anyio.to_thread.current_default_thread_limiter()

    def at_work(self) -> bool:
        """Whether a thread is certain to say something."""
        return self._at_work + (0 if self._anyio is None else self._anyio.borrowed_tokens) > 0

    def strangers(self) -> list[threading.Thread]:
        """Threads that were begun since, and of which nothing is known."""
        frames = sys._current_frames()
        return [
            thread
            for thread in threading.enumerate()
            if thread not in self._known
            and not type(thread).__module__.startswith("anyio.")
            and (frame := frames.get(thread.ident or 0)) is not None
            and frame.f_code is not POOL_WORKER
        ]

    def ignore(self, threads: list[threading.Thread]) -> None:
        self._known.update(threads)
