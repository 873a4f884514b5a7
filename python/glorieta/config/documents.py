"""What texts say, kept from one load to the next: a process that loads the same files again reads the changed ones.

A text always says the same, unless it names something from outside (`${env:…}`, `${file:…}`). So it is the text that
is compared, not the time of its file: what was kept cannot be out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .document import read_document

if TYPE_CHECKING:
    from pathlib import Path

    from .document import Document

Name = tuple[str, "Path"]
"""A text's file as errors name it, and the folder at which its relative paths start."""


class Documents:
    """What the texts of one load say, some of which may be known from the load before."""

    def __init__(self, known: dict[Name, tuple[str, Document]] | None = None) -> None:
        self.known = known or {}
        self.read: dict[Name, tuple[str, Document]] = {}

    def of(self, text: str, file: str, folder: Path, *, secrets: bool) -> Document:
        """What a text says. One that was kept is given once: each place at which a file is read marks its own."""
        name = file, folder
        before, document = self.known.pop(name, ("", None))
        if document is None or before != text:
            document = read_document(text, file, folder, secrets=secrets)
        self.read[name] = text, document
        return document

    def ahead(self) -> Documents:
        """For a load that is about to come: what was known, and what was read meanwhile."""
        return Documents(self.known | self.kept().known)

    def kept(self) -> Documents:
        """For the next load, once this one was right: then nothing was taken out of what was read."""
        return Documents({name: each for name, each in self.read.items() if each[1].is_lasting})
