"""A blocked loop is noticed by a thread of its own, and told with its stack; an idle one costs nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import pytest

from glorieta.handlers.serving.lag import BLOCKED, LagWatch

PATIENCE = 20.0


def blocks_until(condition: Callable[[], bool]) -> None:
    """A handler that computes and never awaits."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.001)


async def awaits_until(condition: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE
        await asyncio.sleep(0.001)


def test_a_blocked_loop_is_told_with_its_stack_and_then_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    beats: list[float] = []
    signs: list[float] = []

    async def main() -> None:
        watch = LagWatch(lambda: True, beats.append, signs.append)
        watch.start()
        watch.wake()
        blocks_until(lambda: len(signs) > 3)
        await awaits_until(lambda: len(caplog.records) == 2)
        watch.stop()

    with caplog.at_level(logging.WARNING, "glorieta.handlers"):
        asyncio.run(main())
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("the event loop is blocked")
    assert first.splitlines()[1].strip().startswith("at blocks_until (")
    assert "at main (" in first
    assert second.startswith("the event loop was blocked for ")
    assert max(beats) > 0
    assert signs == sorted(signs), "the thread says for how long by now"
    assert signs[0] >= BLOCKED


def test_a_loop_that_turns_is_not_told_of_and_beats(caplog: pytest.LogCaptureFixture) -> None:
    beats: list[float] = []

    async def main() -> None:
        watch = LagWatch(lambda: True, beats.append, beats.append)
        watch.start()
        watch.wake()
        await awaits_until(lambda: len(beats) >= 3)
        watch.stop()

    asyncio.run(main())
    assert all(beat >= 0 for beat in beats)


def test_while_nothing_runs_nobody_looks() -> None:
    running = 0
    looks: list[int] = []

    def count() -> int:
        looks.append(running)
        return running

    async def main() -> None:
        nonlocal running
        beats: list[float] = []
        watch = LagWatch(lambda: bool(count()), beats.append, beats.append)
        watch.start()
        watch.wake()
        await awaits_until(lambda: not watch._wanted.is_set())
        seen = len(beats)
        running = 1
        watch.wake()
        await awaits_until(lambda: len(beats) > seen)
        running = 0
        await awaits_until(lambda: not watch._wanted.is_set())
        watch.stop()

    asyncio.run(main())
    assert looks


def test_the_thread_ends_with_the_watch_and_with_the_loop() -> None:
    async def main(stop: bool) -> threading.Thread:
        watch = LagWatch(lambda: True, lambda lag: None, lambda lag: None)
        watch.start()
        watch.wake()
        if stop:
            watch.stop()
        return watch._thread

    for stop in (True, False):
        thread = asyncio.run(main(stop))
        thread.join(PATIENCE)
        assert not thread.is_alive()
