"""`${env:NAME}`, `${env:NAME:-default}` and `${file:path}`: values from outside.

What is read becomes text, never syntax: it cannot add keys. A field whose text is sent or compared keeps the reference
instead, because the Plan must not hold what may be a secret; the engine reads it. What says where traffic goes is put
in here, and shown. An error shows neither: it quotes what is written.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BeforeValidator

from .errors import Wrong
from .words import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OUTSIDE = re.compile(r"\$\$|\$\{(env|file):([^}:]*)(?::-([^}]*))?\}")
LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True)
class Piece:
    """A part of a written text."""

    text: str | None
    """What it says; `None`: that is not at hand."""
    template: str
    """How a template says the same."""
    outside: bool = False
    """Whether it comes from outside."""


class Expanded(str):
    """Text into which values were put; `template` is the same with references, and with dollar signs escaped."""

    __slots__ = ("pieces", "taken")
    pieces: tuple[Piece, ...]
    taken: bool
    """Whether a field took the template."""

    def __new__(cls, pieces: tuple[Piece, ...]) -> Expanded:
        made = super().__new__(cls, "".join(piece.text or "" for piece in pieces))
        made.pieces = pieces
        made.taken = False
        return made

    @property
    def template(self) -> str:
        return "".join(piece.template for piece in self.pieces)

    @property
    def missing(self) -> bool:
        """Whether a value was not at hand; the text means nothing then."""
        return any(piece.text is None for piece in self.pieces)


@dataclass
class Outside:
    """Where values of one file come from."""

    folder: Path
    read: set[Path]
    """Collects the files that the result depends on."""
    secrets: bool = True
    """Whether every value must be at hand."""
    used: bool = False
    """Whether a text was anything but itself: it may say another thing the next time."""

    def expand(self, text: str) -> str:
        """The text with its outside values."""
        pieces: list[Piece] = []
        end = 0
        for found in OUTSIDE.finditer(text):
            between = text[end : found.start()]
            pieces += [Piece(between, between), self.piece(found)]
            end = found.end()
        if end == 0:
            return text
        self.used = True
        return Expanded((*pieces, Piece(text[end:], text[end:])))

    def piece(self, found: re.Match[str]) -> Piece:
        """A dollar sign, a default, or what comes from outside."""
        kind, name, default = found[1], found[2], found[3]
        if kind is None:
            return Piece("$", "$$")
        if kind == "env":
            known = os.environ.get(name) or None
            if known is None and default is not None:
                return Piece(default, escape(default))
            if known is None and self.secrets:
                fix = f"set it, or write ${{env:{name}:-default}}"
                raise Wrong(f"the environment variable {name} is not set", fix)
            return Piece(known, f"${{env:{name}}}", outside=True)
        path = self.folder / name
        return Piece(self.content(path, name), f"${{file:{os.path.normpath(path)}}}", outside=True)

    def content(self, path: Path, name: str) -> str | None:
        self.read.add(path)
        try:
            content = read_regular(path)
        except OSError as error:
            if not self.secrets:
                return None
            message = f"the file {name} cannot be read: {error.strerror or error}"
            raise Wrong(message, "paths are relative to this file") from None
        if content is None:
            raise Wrong(f"{name} is no file", "name a file; pipes and devices are not read")
        if len(content) > LARGEST_FILE:
            raise Wrong(f"the file {name} is larger than 1 MiB")
        try:
            return content.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise Wrong(f"the file {name} is not UTF-8 text") from None


def read_regular(path: Path) -> bytes | None:
    """The content of a file, however it grows one byte more than the largest at most; `None`, where it is a folder, a
    pipe or a device."""
    # Without O_NONBLOCK a pipe without a writer would stop whoever loads this.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST_FILE + 1)
    finally:
        os.close(descriptor)


def as_template(value: object) -> object:
    """The form of a loaded value that belongs into a field that keeps references."""
    if isinstance(value, Expanded):
        value.taken = True
        return value.template
    return value


Kept = BeforeValidator(as_template)
"""Marks a text in which what comes from outside stays a reference."""


def template_after(mark: str) -> Callable[[object], object]:
    """For a text that says where to, and behind a mark what is sent: only there references are kept."""

    def read(value: object) -> object:
        if not isinstance(value, Expanded):
            return value
        before, behind = parted(value.pieces, mark)
        value.taken = all(piece.text is not None for piece in before)
        where = "".join(escape(piece.text or "") for piece in before)
        return where + "".join(piece.template for piece in behind)

    return read


def parted(pieces: tuple[Piece, ...], mark: str) -> tuple[list[Piece], list[Piece]]:
    """The pieces before a mark that is written, and those from it on."""
    for index, piece in enumerate(pieces):
        if not piece.outside and piece.text and mark in piece.text:
            before, found, behind = piece.text.partition(mark)
            rest = found + behind
            return [*pieces[:index], Piece(before, before)], [Piece(rest, rest), *pieces[index + 1 :]]
    return list(pieces), []
