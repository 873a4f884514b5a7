"""What an importer gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .note import MEANINGS, RANK, Kind, Note, count_notes, summary

if TYPE_CHECKING:
    from pathlib import Path

    from ..config.edge import Edge


@dataclass(frozen=True)
class Imported:
    """A foreign configuration in glorieta's words."""

    edge: Edge
    """Its origin knows the places in the foreign files."""
    yaml: str
    """The file that a person would write for it."""
    notes: tuple[Note, ...]
    """One per directive of the input, in its order."""
    files: tuple[Path, ...] = ()
    """Absolute paths of everything that was read."""

    def of(self, *kinds: Kind) -> list[Note]:
        """The notes of these classes."""
        return [note for note in self.notes if note.kind in kinds]

    def text(self) -> str:
        """For a person: what has no twin and what is not the same, then the counts."""
        lines = []
        for kind in sorted(("nearly", "missing"), key=lambda each: -RANK[each]):  # type: ignore[index]
            chosen = list(dict.fromkeys(note.line() for note in self.of(kind)))  # type: ignore[arg-type]
            lines += [f"{MEANINGS[kind]}:", *(f"  {line}" for line in chosen)] if chosen else []  # type: ignore[index]
        return "\n".join([*lines, summary(self.notes)])

    def as_json(self) -> dict[str, Any]:
        return {
            "yaml": self.yaml,
            "counts": count_notes(self.notes),
            "notes": [note.as_json() for note in self.notes],
            "files": [str(file) for file in self.files],
        }
