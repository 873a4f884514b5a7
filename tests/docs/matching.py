"""Compares what was printed with what a document shows; `…` stands for what differs from run to run."""

from __future__ import annotations

import re

ANYTHING = "…"


def matches(shown: str, printed: str) -> bool:
    """Whether all that was printed is what is shown."""
    return re.fullmatch(pattern(shown), tidy(printed)) is not None


def contains(shown: str, printed: str) -> bool:
    """Whether what is shown stands somewhere in what was printed, as whole lines."""
    return re.search(rf"^{pattern(shown)}$", tidy(printed), re.MULTILINE) is not None


def pattern(shown: str) -> str:
    """An expression for it: `…` is anything within its line, alone on a line it is any number of lines."""
    lines = [
        r"(?:.*(?:\n|\Z))*?" if line.strip() == ANYTHING else re.escape(line).replace(ANYTHING, ".*?") + r"(?:\n|\Z)"
        for line in tidy(shown).split("\n")
    ]
    return "".join(lines).removesuffix(r"(?:\n|\Z)")


def tidy(text: str) -> str:
    """Without blanks at the end of lines, without empty lines around, and with columns two blanks apart: their width
    depends on ports and paths."""
    lines = (re.sub(r"(?<=\S) {3,}", "  ", line.rstrip()) for line in text.split("\n"))
    return "\n".join(lines).strip("\n")
