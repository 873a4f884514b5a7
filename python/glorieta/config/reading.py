"""The text of a file, or why there is none."""

from __future__ import annotations

import linecache
from pathlib import Path

from .document import LARGEST_TEXT
from .errors import CodePlace, ConfigError, Place, Problem


def read_text(path: Path, name: str) -> tuple[str, int]:
    """The text of a file, and its size in bytes; what cannot be read is a `ConfigError`, in which it has its name."""
    try:
        if path.is_dir():
            raise ConfigError([Problem((), "is a folder", "name a file, such as glorieta.yaml", file=name)])
        with path.open("rb") as source:
            content = source.read(LARGEST_TEXT + 1)
    except OSError as error:
        raise ConfigError([Problem((), f"cannot be read: {error.strerror or error}", file=name)]) from None
    if len(content) > LARGEST_TEXT:
        raise ConfigError([Problem((), f"is larger than {LARGEST_TEXT // 1024**2} MiB", file=name)])
    return decode(content, name), len(content)


def decode(content: bytes, name: str) -> str:
    """The text that bytes are."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        place = Place(name, line, column)
        raise ConfigError([Problem((), "is not UTF-8 text", "save the file as UTF-8", place)]) from None


def shown(filename: str) -> str:
    """A file's name as a person at the working folder would write it."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def code_place(filename: str, line: int) -> CodePlace:
    """A line of a Python file."""
    linecache.checkcache(filename)
    text = linecache.getline(filename, line)
    return CodePlace(shown(filename), line, len(text) - len(text.lstrip()) + 1)
