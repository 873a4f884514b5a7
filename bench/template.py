"""Configurations are files that a person can read: one per contender, with ports and paths left open.

`@WORD@` is replaced by a value. Lines between `# [equal` and `# equal]` are for the table of equal duties
only, those between `# [bare` and `# bare]` for the bare one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.rows import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
TABLES = "|".join(Table)
BEGIN = re.compile(rf"\s*# \[({TABLES})")
END = re.compile(rf"\s*# ({TABLES})\]")


def render(text: str, values: Mapping[str, object], table: Table | None = None) -> str:
    """A word without a value is an error, never left in the text."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ValueError(f"the template names @{found[1]}@, which has no value")
        return str(values[found[1]])

    return PLACEHOLDER.sub(value, select(text, table))


def select(text: str, table: Table | None) -> str:
    """The lines for this table; the marks themselves are left out."""
    kept = []
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if begin := BEGIN.fullmatch(line):
            if inside:
                raise ValueError(f"line {number}: [{begin[1]} begins inside [{inside}")
            inside = begin[1]
        elif end := END.fullmatch(line):
            if inside != end[1]:
                raise ValueError(f"line {number}: {end[1]}] ends what did not begin")
            inside = None
        elif inside in (None, table):
            kept.append(line)
    if inside:
        raise ValueError(f"[{inside} does not end")
    return "\n".join(kept) + "\n"
