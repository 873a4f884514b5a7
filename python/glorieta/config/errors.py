"""What is wrong with a configuration, where, and what would be right.

Every other module raises `Wrong` or collects `Problem`s; only this one knows how they look. A person
meets glorieta first through its errors, so their form is fixed here, once.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path as FilePath

Path = tuple[str | int, ...]
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
FEW_WORDS = 28
"""Up to so many right words are all listed where none of them is near."""


class Wrong(ValueError):
    """A value that cannot be right, raised by validators; `fix` says what to write instead, `code` which
    confusion of roles it is."""

    def __init__(self, message: str, fix: str | None = None, code: str | None = None) -> None:
        super().__init__(f"{message}; {fix}" if fix else message)
        self.message = message
        self.fix = fix
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class CodePlace(Place):
    """A line of somebody's Python. Python names lines only, and so do we to a person; a program is told the column in
    which the line's text begins."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


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
    severity: Severity = "error"
    code: str | None = None
    """Which confusion of roles it is, if it is one."""

    def text(self) -> str:
        """The sentence after the path."""
        sentence = self.message
        if self.also is not None:
            where = f"{self.also_place} " if self.also_place else ""
            sentence += f" (the other: {where}{path_text(self.also)})"
        return f"{sentence}; {self.fix}" if self.fix else sentence

    def where(self) -> str:
        return str(self.place) if self.place else (self.file or "")

    def line(self, width: int = 0) -> str:
        """One line for a person: place, path, sentence."""
        where, path = self.where(), path_text(self.path)
        prefix = f"{where:<{width}} " if where or width else ""
        mark = "" if self.severity == "error" else f"{self.severity}: "
        mark += f"{self.code}: " if self.code else ""
        return f"{prefix}{path}: {mark}{self.text()}" if path else f"{prefix}{mark}{self.text()}"

    def as_json(self) -> dict[str, Any]:
        also = None
        if self.also is not None:
            place = asdict(self.also_place) if self.also_place else {"file": None, "line": None, "column": None}
            also = {"path": path_text(self.also), **place}
        return {
            "severity": self.severity,
            "code": self.code,
            "file": self.place.file if self.place else self.file,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
            "path": path_text(self.path),
            "message": self.message,
            "fix": self.fix,
            "also": also,
        }


class ConfigError(Exception):
    """Everything that is wrong with one configuration, all at once.

    `partial` is what could be understood of it all the same, so that later checks may add what they find;
    `files` is what was read until then, and `globs` by which patterns files were looked for, so that whoever watches
    a configuration goes on watching.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        partial: Any = None,
        files: Iterable[FilePath] = (),
        globs: Iterable[str] = (),
    ) -> None:
        super().__init__(format_problems(problems))
        self.problems = list(problems)
        self.partial = partial
        self.files = tuple(files)
        self.globs = tuple(globs)

    def as_json(self) -> dict[str, Any]:
        return {"problems": [problem.as_json() for problem in self.problems]}


def path_text(path: Iterable[str | int]) -> str:
    """`listeners.web.routes."/service1/*"`: keys that are no plain words are quoted."""
    parts = [str(key) if isinstance(key, int) or PLAIN_KEY.fullmatch(key) else f'"{key}"' for key in path]
    return ".".join(parts)


def format_problems(problems: Sequence[Problem]) -> str:
    """The lines a person reads: place, path, sentence; then how many there are."""
    width = max((len(problem.where()) for problem in problems), default=0)
    lines = [problem.line(width) for problem in problems]
    numbers = {severity: sum(problem.severity == severity for problem in problems) for severity in SEVERITIES}
    counts = [counted(number, severity) for severity, number in numbers.items() if number]
    if counts:
        lines.append(", ".join(counts) + ("; nothing was changed" if numbers["error"] else ""))
    return "\n".join(lines)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def sort_problems(problems: Iterable[Problem], order: Mapping[str, int] | None = None) -> list[Problem]:
    """In the order of the files (by name), Python first, then of the lines; the same of the same place once."""
    ranks = order or {}
    seen: dict[Any, Problem] = {}
    for each in problems:
        seen.setdefault((each.place, each.message, each.fix, each.also_place) if each.place else each, each)

    def rank(problem: Problem) -> tuple[int, str, int, int]:
        place = problem.place
        if place is None:
            return (ranks.get(problem.file or "", 0), "", 0, 0)
        of_python = place.file if isinstance(place, CodePlace) else ""
        return (-1 if of_python else ranks.get(place.file, 0), of_python, place.line, place.column)

    return sorted(seen.values(), key=rank)


def nearest(word: str, right: Iterable[str]) -> str | None:
    """The right word that somebody who wrote `word` most likely meant."""
    candidates = {each.lower(): each for each in right}
    found = difflib.get_close_matches(word.lower(), candidates, n=1, cutoff=0.6)
    return candidates[found[0]] if found else None


def did_you_mean(word: str, right: Iterable[str]) -> str | None:
    """A fix: the nearest right word, or else all of them when they are few."""
    candidates = sorted(right)
    close = nearest(word, candidates)
    if close:
        return f'did you mean "{close}"?'
    return f"known are {', '.join(candidates)}" if 0 < len(candidates) <= FEW_WORDS else None
