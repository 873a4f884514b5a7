"""The book in which every directive is entered once it has been understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..note import RANK, Kind, Note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .directive import Directive

UNKNOWN = "not a directive that this importer knows"


class Book:
    """What became of each directive."""

    def __init__(self) -> None:
        self.entries: dict[int, tuple[Kind, str, str | None]] = {}

    def enter(self, directive: Directive, kind: Kind, text: str = "", nearest: str | None = None) -> None:
        """The first entry of the class that needs the most attention stays."""
        known = self.entries.get(id(directive))
        if known is None or RANK[kind] > RANK[known[0]]:
            self.entries[id(directive)] = (kind, text, nearest)
        elif kind == known[0] == "nearly" and text not in known[1]:
            self.entries[id(directive)] = (kind, f"{known[1]}; {text}", known[2] or nearest)

    def translated(self, *directives: Directive | None) -> None:
        for directive in directives:
            if directive is not None:
                self.enter(directive, "translated")

    def needless(self, directive: Directive, why: str) -> None:
        self.enter(directive, "needless", why)

    def nearly(self, directive: Directive, difference: str, nearest: str | None = None) -> None:
        self.enter(directive, "nearly", difference, nearest)

    def missing(self, directive: Directive, what: str, nearest: str | None = None) -> None:
        """No twin; what stands in its block is named with it."""
        self.enter(directive, "missing", what, nearest)
        for child in directive.children:
            for each in child.all():
                if id(each) not in self.entries:
                    self.enter(each, "missing", f"belongs to {directive.text()}, which has no twin")

    def knows(self, directive: Directive) -> bool:
        return id(directive) in self.entries

    def kind(self, directive: Directive) -> Kind | None:
        entry = self.entries.get(id(directive))
        return entry[0] if entry else None

    def notes(self, directives: Iterable[Directive]) -> list[Note]:
        """One note per directive, in the order of the input."""
        found = []
        for directive in directives:
            kind, text, nearest = self.entries.get(id(directive), ("missing", UNKNOWN, None))
            found.append(Note(directive.place, directive.text(), kind, text, nearest))
        return found
