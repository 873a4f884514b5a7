"""From a text to its form; what cannot be read, or would mean something else afterwards, is refused."""

from __future__ import annotations

from pathlib import Path

from ..document import LARGEST_TEXT, Reader, read_nodes
from ..errors import ConfigError, Problem
from ..places import Places
from ..values import Outside
from .same import comments, same_nodes
from .writer import Writer


class Unread(Outside):
    """Values from outside stay the references that they are."""

    def expand(self, text: str) -> str:
        return text


def format_text(text: str, file: str) -> str:
    """The same configuration in the house's form. `ConfigError`: it is no YAML, or a key stands twice."""
    before = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(before) > LARGEST_TEXT:
        raise ConfigError([Problem((), f"is larger than {LARGEST_TEXT // 1024**2} MiB", file=file)])
    node = read_nodes(before, file)
    if node is None:
        return as_comments(before)
    reader = Reader(Places(file, node), Unread(Path(), set()))
    reader.read(node)
    if reader.problems:
        raise ConfigError(reader.problems)
    try:
        after = Writer(before).written()
        kept = same_nodes(node, read_nodes(after, file)) and comments(before) == comments(after)
    except (ValueError, ConfigError):
        kept = False
    if not kept:
        message = "cannot be formatted without changing what it means, and stays as it is"
        raise ConfigError([Problem((), message, "please report it, with the file", file=file)])
    return after


def as_comments(text: str) -> str:
    """A text with nothing but comments in it."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip() or lines[-1:] not in ([], [""]):
            lines.append(line.strip())
    return "\n".join(lines).rstrip("\n") + "\n" if any(lines) else ""
