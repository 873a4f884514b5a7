"""What became of each line of a foreign configuration: nothing of it is dropped in silence.

Every directive ends in exactly one class. Several translators may speak of one directive (a header set for a whole
server is read once for each location); the class that needs more attention wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..config.errors import Place

Kind = Literal["translated", "needless", "nearly", "missing"]

RANK: dict[Kind, int] = {"needless": 0, "translated": 1, "nearly": 2, "missing": 3}
"""Which class wins where two were said of one directive: the higher."""
MEANINGS: dict[Kind, str] = {
    "translated": "means the same in glorieta",
    "needless": "glorieta does it by itself, or it changes nothing",
    "nearly": "translated, but not the same in every respect",
    "missing": "has no twin",
}


@dataclass(frozen=True)
class Note:
    """One line of the input and what became of it."""

    place: Place
    directive: str
    """The directive as it was written, shortened."""
    kind: Kind
    text: str
    """Why it is needless, what differs, or what is missing."""
    nearest: str | None = None
    """The nearest way to get the same."""

    def line(self) -> str:
        """One line for a person."""
        about = f"  {self.directive}: {self.text}" if self.text else f"  {self.directive}"
        return f"{self.place}{about}" + (f"; {self.nearest}" if self.nearest else "")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "directive": self.directive,
            "text": self.text,
            "nearest": self.nearest,
        }


def count_notes(notes: Iterable[Note]) -> dict[Kind, int]:
    """How many notes each class has."""
    counts: dict[Kind, int] = dict.fromkeys(MEANINGS, 0)
    for note in notes:
        counts[note.kind] += 1
    return counts


def summary(notes: Iterable[Note]) -> str:
    """The counts in one line: `41 lines: 30 translated, 6 needless, 3 nearly, 2 without a twin`."""
    counts = count_notes(notes)
    words: dict[Kind, str] = {
        "translated": "translated",
        "needless": "needless",
        "nearly": "nearly the same",
        "missing": "without a twin",
    }
    parts = ", ".join(f"{counts[kind]} {words[kind]}" for kind in words)
    total = sum(counts.values())
    return f"{total} {'directive' if total == 1 else 'directives'}: {parts}"
