"""Finding the glorieta that runs a configuration, and asking it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from ..control import places
from ..control.channel import ask
from .output import fail

ASK_SECONDS = 10.0


def identity_of(references: Sequence[str]) -> str:
    """What names this configuration to everything on this machine."""
    from ..config import is_object

    return places.identity(references, is_object)


def ask_running(
    references: Sequence[str], question: dict[str, Any], seconds: float = ASK_SECONDS
) -> dict[str, Any] | None:
    """The answer of the glorieta that runs this configuration; None: there is none.

    `TimeoutError`: there is one, and it did not answer in time.
    """
    for path in places.find_control(identity_of(references)):
        # Nobody behind it any more, or not for us.
        with contextlib.suppress(ConnectionError, PermissionError, FileNotFoundError):
            return ask(path, question, seconds)
    return None


def running_configurations() -> list[str]:
    """What does run on this machine, as far as this user may know."""
    found = []
    for path in places.every_control():
        with contextlib.suppress(OSError, ValueError):
            found.append(str(ask(path, {"do": "status"}, 1.0).get("configuration")))
    return sorted(set(found))


def nothing_runs(references: Sequence[str]) -> str:
    """The sentence for somebody who asks for a glorieta that is not there."""
    others = running_configurations()
    known = f"; running are: {', '.join(others)}" if others else ""
    return f"no glorieta runs {identity_of(references)} (or not as this user){known}"


def answer_of(
    references: Sequence[str], question: dict[str, Any], seconds: float, as_json: bool, *, late: str = "", refused: str
) -> dict[str, Any]:
    """The answer of the one that runs; where there is none, that is said, and the command ends.

    `late`: what else there is to say where it does not answer in time; `refused`: what it then has not done.
    """
    try:
        answer = ask_running(references, question, seconds)
    except TimeoutError:
        fail(f"no answer within {seconds:g} s{late}", as_json)
    if answer is None:
        fail(nothing_runs(references), as_json)
    if "error" in answer:
        fail(f"{refused}: {answer['error']}", as_json)
    return answer
