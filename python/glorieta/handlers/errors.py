"""What is wrong with a router: where it stands, what it is, and what would be right."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A line of somebody's Python."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Place("<unknown>", 0)


def place_of(call: Callable[..., Any]) -> Place:
    """Where a callable was written."""
    plain = inspect.unwrap(getattr(call, "func", call))
    code = getattr(plain, "__code__", None) or getattr(getattr(type(plain), "__call__", None), "__code__", None)  # noqa: B004
    if code is not None:
        return Place(code.co_filename, code.co_firstlineno)
    try:
        return Place(inspect.getfile(plain), inspect.getsourcelines(plain)[1])
    except (OSError, TypeError):
        return NOWHERE


def name_of(call: Callable[..., Any]) -> str:
    """How a callable is called in logs and errors: `shop.mobile.home`."""
    plain = getattr(call, "func", call)
    named = plain if hasattr(plain, "__qualname__") else type(plain)
    return f"{named.__module__}.{named.__qualname__}"


class RouterError(Exception):
    """A router that cannot be used. `problems` holds everything that is wrong with it, not only the first."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def wrong(place: Place, what: str, fix: str | None = None) -> RouterError:
    return RouterError(f"{place}: {what}" + (f"; {fix}" if fix else ""))
