"""Texts of a Plan on one line of bounded length: as they are where they are one plain word, else as JSON strings."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST = 80
"""Characters of one value; what is longer is cut in the middle."""
KEPT = 20
"""Characters of an equal beginning that are shown before two long texts differ."""
CUT = "…"
PLAIN_WORD = re.compile(r"""[^\s"'\\,]+""")
NOTHING = "none"
ARROW = " → "


def shown(text: str) -> str:
    """A text as a person can read it back."""
    if PLAIN_WORD.fullmatch(text) and text.isprintable() and text != NOTHING and len(text) <= LONGEST:
        return text
    return f'"{shortened(text)}"'


def shortened(text: str, longest: int = LONGEST) -> str:
    """The inside of a JSON string, at most so long, without what would break a line or move a terminal."""
    characters = [character if safe(character) else json.dumps(character)[1:-1] for character in text]
    if sum(map(len, characters)) <= longest:
        return "".join(characters)
    half = (longest - len(CUT)) // 2
    return f"{''.join(fitting(characters, half))}{CUT}{''.join(reversed(fitting(characters[::-1], half)))}"


def safe(character: str) -> bool:
    return character.isprintable() and character not in '"\\'


def fitting(characters: list[str], width: int) -> list[str]:
    """As many as fit, none of them cut itself: an escape is whole or not there."""
    found: list[str] = []
    for character in characters:
        width -= len(character)
        if width < 0:
            break
        found.append(character)
    return found


def both_shown(old: str, new: str) -> tuple[str, str]:
    """Two texts that differ; where they are long, from shortly before the difference on."""
    differing = (index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    same = next(differing, min(len(old), len(new))) - KEPT
    if same <= 0 or max(len(old), len(new)) <= LONGEST:
        return shown(old), shown(new)
    one, other = (f'"{CUT}{shortened(text[same:], LONGEST - len(CUT))}"' for text in (old, new))
    return one, other


def shortened_json(value: Any) -> str:
    """Anything else, on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST and text.isprintable() else shown(text)
