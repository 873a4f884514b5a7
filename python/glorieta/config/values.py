"""`${env:NAME}`, `${env:NAME:-default}` and `${file:path}`: values from outside.

What is read becomes text, never syntax: it cannot add keys. A field that the engine fills in for each request keeps
the reference instead, because the Plan must not hold what may be a secret; the engine reads it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import Wrong
from .words import escape

if TYPE_CHECKING:
    from pathlib import Path

OUTSIDE = re.compile(r"\$\$|\$\{(env|file):([^}:]*)(?::-([^}]*))?\}")
LARGEST_FILE = 1024 * 1024


class Expanded(str):
    """Text into which values were put; `template` is the same with references, and with dollar signs escaped."""

    __slots__ = ("missing", "taken", "template")
    template: str
    missing: bool
    """Whether a value was not at hand; the text means nothing then."""
    taken: bool
    """Whether a field took the template."""

    def __new__(cls, text: str, template: str, *, missing: bool = False) -> Expanded:
        made = super().__new__(cls, text)
        made.template = template
        made.missing = missing
        made.taken = False
        return made


@dataclass
class Outside:
    """Where values of one file come from."""

    folder: Path
    read: set[Path]
    """Collects the files that the result depends on."""
    secrets: bool = True
    """Whether every value must be at hand."""

    def expand(self, text: str) -> str:
        """The text with its outside values."""
        plain, template, end, missing = [], [], 0, False
        for found in OUTSIDE.finditer(text):
            between = text[end : found.start()]
            value, reference = self.value(found)
            missing |= value is None
            plain += [between, value or ""]
            template += [between, reference]
            end = found.end()
        if end == 0:
            return text
        return Expanded("".join([*plain, text[end:]]), "".join([*template, text[end:]]), missing=missing)

    def value(self, found: re.Match[str]) -> tuple[str | None, str]:
        """A value (`None`: not at hand) and how a template refers to it."""
        kind, name, default = found[1], found[2], found[3]
        if kind is None:
            return "$", "$$"
        if kind == "env":
            known = os.environ.get(name) or None
            if known is None and default is not None:
                return default, escape(default)
            if known is None and self.secrets:
                fix = f"set it, or write ${{env:{name}:-default}}"
                raise Wrong(f"the environment variable {name} is not set", fix)
            return known, f"${{env:{name}}}"
        path = self.folder / name
        return self.content(path, name), f"${{file:{os.path.normpath(path)}}}"

    def content(self, path: Path, name: str) -> str | None:
        self.read.add(path)
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise Wrong(f"the file {name} is larger than 1 MiB")
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            if not self.secrets:
                return None
            message = f"the file {name} cannot be read: {error.strerror or error}"
            raise Wrong(message, "paths are relative to this file") from None
        except UnicodeDecodeError:
            raise Wrong(f"the file {name} is not UTF-8 text") from None


def as_template(value: object) -> object:
    """The form of a loaded value that belongs into a template field."""
    if isinstance(value, Expanded):
        value.taken = True
        return value.template
    return value
