"""Plain scalars that YAML 1.2 reads as numbers: texts here, until a field that takes any value asks."""

from __future__ import annotations

import re

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
"""As JSON writes them (RFC 8259 §6)."""
FIRST = frozenset("-0123456789")


class Number(str):
    """A number that was written without quotes."""

    __slots__ = ()


def plain(text: str) -> str:
    """A plain scalar's text, as a `Number` where it is one."""
    return Number(text) if text[:1] in FIRST and NUMBER.fullmatch(text) else text
