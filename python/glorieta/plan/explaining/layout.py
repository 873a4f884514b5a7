"""How lines fit a terminal: what is too long goes on below, and the second column begins in the same place."""

from __future__ import annotations

import textwrap

WIDTH = 110
"""Characters of a line, where nobody says how many there is room for."""
RIGHT = 52
"""Where the column with roles begins."""
FURTHER = "  "


def wrapped(line: str, indent: str, width: int = WIDTH, further: str = FURTHER) -> list[str]:
    """On several lines where one is too long, the later ones further in."""
    return textwrap.wrap(
        line,
        width,
        initial_indent=indent,
        subsequent_indent=indent + further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def in_columns(left: str, right: str) -> str:
    return f"{left:<{RIGHT}} {right}" if len(left) <= RIGHT else f"{left}  {right}"
