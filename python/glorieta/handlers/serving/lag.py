"""Notices an event loop that is blocked: by a handler that computes, sleeps or reads a file without `await`.

While it is blocked every other handler of the process waits, so the log says where it is. A thread of its own looks,
only while there are requests, and never holds the loop up. It gives the engine signs in the loop's stead: if these end
as well, code that is not Python's holds the interpreter, and only the engine is left to say so.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from ..live.tracebacks import stack_of

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("glorieta.handlers")
PERIOD = 0.025
"""Seconds between two looks."""
BLOCKED = 0.07
"""Seconds without an answer after which the loop is blocked: with the period less than a tenth of a second."""

SIGN = 0.05
"""Seconds between two signs while it is: less than half of what the engine takes for silence."""


class LagWatch:
    """Watches the loop on which it is made."""

    def __init__(self, busy: Callable[[], bool], beat: Callable[[float], None], sign: Callable[[float], None]) -> None:
        """`busy` says whether there are requests; `beat` is told on the loop, in seconds, how late that was, and
        `sign` while the loop is blocked, on the thread that looks."""
        self._loop = asyncio.get_running_loop()
        self._busy = busy
        self._beat = beat
        self._sign_of_life = sign
        self._wanted = threading.Event()
        self._answered = threading.Event()
        self._stopped = False
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="glorieta-lag", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There are requests from now on."""
        if not self._wanted.is_set():
            self._wanted.set()

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()

    def _watch(self) -> None:
        while True:
            self._wanted.wait()
            if self._stopped or not self._look():
                return
            if not self._busy():
                self._wanted.clear()
                # One may have begun in between, and have found it set.
                if self._busy():
                    self._wanted.set()
            time.sleep(PERIOD)

    def _look(self) -> bool:
        """Asks the loop for a sign. `False`: there is no loop any more."""
        self._answered.clear()
        asked = time.monotonic()
        try:
            self._loop.call_soon_threadsafe(self._sign, asked)
        except RuntimeError:
            return False
        if not self._answered.wait(BLOCKED) and self._loop.is_running():
            self._sign_of_life(time.monotonic() - asked)
            self._tell(asked)
        return self._loop.is_running()

    def _sign(self, asked: float) -> None:
        self._answered.set()
        self._beat(time.monotonic() - asked)

    def _tell(self, asked: float) -> None:
        """Says where the loop is, and once it goes on, how long that took."""
        frame = sys._current_frames().get(self._watched)
        where = "" if frame is None else "\n" + stack_of(frame)
        log.warning(
            "the event loop is blocked; a handler must await what takes time, or be a plain def, which runs on a "
            "thread of its own%s",
            where,
        )
        while not self._answered.wait(SIGN):
            if self._stopped or not self._loop.is_running():
                return
            self._sign_of_life(time.monotonic() - asked)
        log.warning("the event loop was blocked for %.0f ms", (time.monotonic() - asked) * 1000)
