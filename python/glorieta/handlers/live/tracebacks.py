"""Exceptions as a handler's author wants to read them: the own frames first, the whole story after them."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable
    from types import FrameType

OURS = str(Path(__file__).resolve().parents[2])
LIBRARIES = tuple({OURS, *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))})


def is_own(filename: str) -> bool:
    """Whether a file is the author's: neither a library's nor made up by one."""
    return not filename.startswith((*LIBRARIES, "<frozen"))


class Told(str):
    """What is said of an exception: one text for a person, and its two parts for a program."""

    what: str
    traceback: str

    def __new__(cls, what: str, traceback: str) -> Told:
        made = super().__new__(cls, f"{what}\n{traceback}")
        made.what, made.traceback = what, traceback
        return made


def told(what: str, error: BaseException) -> Told:
    """What happened, and how it came about."""
    summary = "".join(traceback.format_exception_only(error)).rstrip()
    return Told(f"{what}: {summary}", traceback_of(error))


def traceback_of(error: BaseException) -> str:
    """The author's frames with the innermost first, and the traceback as Python prints it."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename)]
    whole = "".join(traceback.format_exception(error)).rstrip()
    return "\n".join([*lines(reversed(own)), whole])


def stack_of(frame: FrameType) -> str:
    """Where a thread is, the author's frames with the innermost first; without any of them the innermost ten."""
    return own_first(traceback.extract_stack(frame))


def stack_of_task(task: asyncio.Task[Any]) -> str:
    """The same for a task that waits: its coroutine, what that awaits, and so on."""
    found: list[traceback.FrameSummary] = []
    waiting: Any = task.get_coro()
    while (frame := getattr(waiting, "cr_frame", None)) is not None:
        found += traceback.StackSummary.extract([(frame, frame.f_lineno)])
        waiting = waiting.cr_await
    return own_first(found)


def own_first(stack: list[traceback.FrameSummary]) -> str:
    own = [one for one in stack if is_own(one.filename)] or stack[-10:]
    return "\n".join(lines(reversed(own)))


def lines(frames: Iterable[traceback.FrameSummary]) -> list[str]:
    found = []
    for frame in frames:
        found.append(f"  at {frame.name} ({frame.filename}:{frame.lineno})")
        if frame.line:
            found.append(f"    {frame.line}")
    return found
