"""The Plans that were applied, newest last, so that an earlier one can be had back at once.

They are kept packed: ten thousand routes are a few hundred kilobytes. What runs is always the last entry.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, replace
from typing import Any

MOST_ENTRIES = 10
MOST_BYTES = 16 << 20


class NoSuchPlan(Exception):
    """The sentence why there is nothing to go back to."""


@dataclass(frozen=True)
class Applied:
    """One Plan at the time when it began to run."""

    version: str
    cause: str
    """`start`, `file change`, `SIGHUP`, `reload` or `rollback`."""
    summary: str
    packed: bytes
    secrets: tuple[str, ...] = ()
    """Files that the engine reads when it is applied."""
    launch: dict[str, Any] | None = None
    """What its handler processes are started with."""
    orders: dict[str, Any] | None = None
    """Which certificates are ordered for it."""
    number: int = 0
    """Counts from 1; an entry keeps its number when older ones are forgotten."""
    time: float = 0.0
    """Seconds since 1970."""
    restores: int | None = None
    """Of a rollback: the number under which its Plan was first applied."""

    @property
    def origin(self) -> int:
        """Where it stands in the order of what was applied, whenever it was brought back."""
        return self.number if self.restores is None else self.restores

    def as_json(self) -> dict[str, Any]:
        """What a person chooses by."""
        return {
            "number": self.number,
            "version": self.version,
            "time": self.time,
            "cause": self.cause,
            "summary": self.summary,
        }


class History:
    """At least the Plan that runs."""

    def __init__(self, first: Applied) -> None:
        self.entries: list[Applied] = []
        self.add(first)

    @property
    def current(self) -> Applied:
        """What runs."""
        return self.entries[-1]

    def add(self, applied: Applied) -> Applied:
        """Notes what runs from now on; the oldest are forgotten where there are too many."""
        number = self.entries[-1].number + 1 if self.entries else 1
        self.entries.append(replace(applied, number=number, time=applied.time or time.time()))
        while len(self.entries) > MOST_ENTRIES or (len(self.entries) > 1 and self.size() > MOST_BYTES):
            del self.entries[0]
        return self.current

    def describe(self, summary: str) -> None:
        """What is to be said of what runs."""
        self.entries[-1] = replace(self.current, summary=summary)

    def size(self) -> int:
        """Bytes of all Plans; what was brought back is there once."""
        return sum({id(entry.packed): len(entry.packed) for entry in self.entries}.values())

    def find(self, wanted: str | None = None) -> Applied:
        """The entry with this version or number; without either the one before what runs. `NoSuchPlan`."""
        if wanted is None:
            return self.before()
        for entry in reversed(self.entries):
            if wanted in (entry.version, str(entry.number)):
                return entry
        known = ", ".join(f"{entry.number} ({entry.version})" for entry in self.entries)
        raise NoSuchPlan(f'no plan "{wanted}" is remembered; there are {known}')

    def before(self) -> Applied:
        """The next older Plan: a second rollback goes on to the one before, not forward again."""
        for entry in reversed(self.entries):
            if entry.number < self.current.origin and entry.version != self.current.version:
                return entry
        raise NoSuchPlan(f"no plan before {self.current.version} is remembered")

    def as_json(self) -> list[dict[str, Any]]:
        return [{**entry.as_json(), "running": entry is self.current} for entry in self.entries]


def pack(plan: str) -> bytes:
    """A Plan is text of few words: packed it is a twentieth."""
    return zlib.compress(plan.encode(), 1)


def unpack(packed: bytes) -> str:
    return zlib.decompress(packed).decode() if packed else ""
