"""`${env:NAME}`, `${env:NAME:-default}` and `${file:path}`: values from outside, read once, when loading.

What is read becomes text, never syntax: it cannot add keys, and in a template its dollar signs are escaped.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .errors import Wrong
from .words import escape

if TYPE_CHECKING:
    from pathlib import Path

OUTSIDE = re.compile(r"\$\$|\$\{(env|file):([^}:]*)(?::-([^}]*))?\}")
LARGEST_FILE = 1024 * 1024


class Expanded(str):
    """Text into which values were put; `template` is the same with their dollar signs escaped."""

    __slots__ = ("template",)
    template: str

    def __new__(cls, text: str, template: str) -> Expanded:
        made = super().__new__(cls, text)
        made.template = template
        return made


def expand(text: str, folder: Path, read: set[Path]) -> str:
    """The text with its outside values; `read` collects the files that it depends on."""
    if "$" not in text:
        return text
    plain, template, end = [], [], 0
    for found in OUTSIDE.finditer(text):
        between = text[end : found.start()]
        value = None if found[1] is None else outside(found, folder, read)
        plain += [between, "$" if value is None else value]
        template += [between, "$$" if value is None else escape(value)]
        end = found.end()
    if end == 0:
        return text
    return Expanded("".join([*plain, text[end:]]), "".join([*template, text[end:]]))


def outside(found: re.Match[str], folder: Path, read: set[Path]) -> str:
    kind, name, default = found[1], found[2], found[3]
    if kind == "env":
        value = os.environ.get(name)
        if value:
            return value
        if default is not None:
            return default
        raise Wrong(f"the environment variable {name} is not set", f"set it, or write ${{env:{name}:-default}}")
    path = folder / name
    read.add(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Wrong(f"the file {name} is larger than 1 MiB")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        message = f"the file {name} cannot be read: {error.strerror or error}"
        raise Wrong(message, "paths are relative to this file") from None
    except UnicodeDecodeError:
        raise Wrong(f"the file {name} is not UTF-8 text") from None


def as_template(value: object) -> object:
    """The form of a loaded value that belongs into a template field."""
    return value.template if isinstance(value, Expanded) else value
