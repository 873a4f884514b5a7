"""What is wrong with a configuration, where, and what would be right.

Every other module raises `Wrong` or collects `Problem`s; only this one knows how they look. A person
meets glorieta first through its errors, so their form is fixed here, once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

Path = tuple[str | int, ...]
PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Wrong(ValueError):
    """A value that cannot be right, raised by validators; `fix` says what to write instead."""

    def __init__(self, message: str, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `also` is the path of the second place, where two collide."""

    path: Path
    message: str
    fix: str | None = None
    place: Place | None = None
    file: str | None = None
    also: Path | None = None
    also_place: Place | None = None

    def text(self) -> str:
        """The sentence after the path."""
        sentence = self.message
        if self.also is not None:
            where = f"{self.also_place} " if self.also_place else ""
            sentence += f" (the other: {where}{path_text(self.also)})"
        return f"{sentence}; {self.fix}" if self.fix else sentence

    def where(self) -> str:
        return str(self.place) if self.place else (self.file or "")

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.place.file if self.place else self.file,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
            "path": path_text(self.path),
            "message": self.message,
            "fix": self.fix,
            "also": None
            if self.also is None
            else {"path": path_text(self.also), **(asdict(self.also_place) if self.also_place else {})},
        }


class ConfigError(Exception):
    """Everything that is wrong with one configuration, all at once.

    `partial` is what could be understood of it all the same, so that later checks may add what they find.
    """

    def __init__(self, problems: Sequence[Problem], partial: Any = None) -> None:
        super().__init__(format_problems(problems))
        self.problems = list(problems)
        self.partial = partial


def path_text(path: Iterable[str | int]) -> str:
    """`listeners.web.routes."/service1/*"`: keys that are no plain words are quoted."""
    parts = [str(key) if isinstance(key, int) or PLAIN_KEY.fullmatch(key) else f'"{key}"' for key in path]
    return ".".join(parts)


def format_problems(problems: Sequence[Problem]) -> str:
    """The lines a person reads: place, path, sentence; then how many there are."""
    width = max((len(problem.where()) for problem in problems), default=0)
    lines = []
    for problem in problems:
        where, path = problem.where(), path_text(problem.path)
        prefix = f"{where:<{width}} " if width else ""
        lines.append(f"{prefix}{path}: {problem.text()}" if path else f"{prefix}{problem.text()}")
    count = len(problems)
    lines.append(f"{count} error{'' if count == 1 else 's'}; nothing was changed")
    return "\n".join(lines)


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """In the order of the file, each once."""
    seen = dict.fromkeys(problems)
    return sorted(seen, key=lambda problem: (problem.place.line, problem.place.column) if problem.place else (0, 0))


def at(problem: Problem, path: Path) -> Problem:
    """The same problem, seen from further out."""
    return replace(problem, path=path + problem.path)


def nearest(word: str, right: Iterable[str]) -> str | None:
    """The right word that somebody who wrote `word` most likely meant."""
    candidates = list(right)
    found = difflib.get_close_matches(word.lower(), candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, right: Iterable[str]) -> str | None:
    """A fix: the nearest right word, or else all of them when they are few."""
    candidates = sorted(right)
    close = nearest(word, candidates)
    if close:
        return f'did you mean "{close}"?'
    return f"known are {', '.join(candidates)}" if 0 < len(candidates) <= 24 else None
