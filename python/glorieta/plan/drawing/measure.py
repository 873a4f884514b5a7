"""How wide a text is, before anybody has drawn it: rather too wide than too narrow, so that nothing overflows."""

from __future__ import annotations

from unicodedata import east_asian_width

FIRST = 32
WIDTHS = (
    *(32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34),
    *(84, 84, 84, 57, 103, 69, 69, 73, 78, 68, 62, 79, 76, 30, 51, 68, 57, 87, 75, 79, 68, 79, 73, 68, 64, 74, 69, 99),
    *(69, 68, 69, 40, 34, 40, 84, 57, 50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53),
    *(40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84),
)
"""Hundredths of the font size from blank to tilde: the wider one of DejaVu Sans and Arial."""
OTHER, WIDE, BOLD = 110, 125, 10
"""Other characters, those of East Asia, and what bold letters have more."""
ELLIPSIS = "…"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is at most."""
    return sum(hundredths(character) + (BOLD if bold else 0) for character in text) * size / 100


def hundredths(character: str) -> int:
    index = ord(character) - FIRST
    if 0 <= index < len(WIDTHS):
        return WIDTHS[index]
    return WIDE if east_asian_width(character) in "WF" else OTHER


def shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, or as much of its beginning as has room, with a sign that more follows."""
    if width(text, size, bold=bold) <= room:
        return text
    room -= width(ELLIPSIS, size, bold=bold)
    kept = 0
    while room > 0:
        room -= width(text[kept], size, bold=bold)
        kept += 1
    return text[: max(0, kept - 1)].rstrip() + ELLIPSIS
