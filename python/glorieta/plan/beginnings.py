"""With which texts everything begins that a regular expression matches, as far as its own text shows.

Whether a route stays within its group, and a team within what it may take, is decided by it; so whatever is not plain
ends a beginning, and none is ever longer than what is certain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

MOST_BEGINNINGS = 64
"""Of so many alternatives each is looked at by itself; of more only what they have in common before them."""
MOST_DEPTH = 64
"""Groups within groups."""
PLAIN_GROUP = re.compile(r"\((?!\?)|\(\?:|\(\?P?<[A-Za-z_]\w*>")
"""Groups that only hold something together; all others change how what they hold is read."""
QUANTIFIER = re.compile(r"(?:[?*+]|\{(?P<least>\d+)(?:,\d*)?\})\??")
"""A question mark behind it changes which match is looked for first, and none of the texts that match."""
CLASS_BEGINS = re.compile(r"\[\^?\]?")
"""Directly behind the opening bracket a closing one is a character."""
ANCHORS = ("^", "$")
ESCAPED_ANCHORS = ("A", "z", "Z")


@dataclass(frozen=True, slots=True)
class Beginning:
    """One text; `whole`: nothing follows it."""

    text: str
    whole: bool = True


UNKNOWN = Beginning("", whole=False)
NOTHING = Beginning("")


class Unclear(Exception):
    """The expression changes how it is read on its way, or has more levels than anybody writes."""


def beginnings(regex: str) -> list[Beginning]:
    """One of them begins every text that the expression matches. The engine asks for the whole path anyway, so `^`
    and `$` change nothing."""
    reader = Reader(regex)
    try:
        found = reader.choice(0)
    except Unclear:
        return [UNKNOWN]
    return found if reader.at == len(regex) else [UNKNOWN]


def common_beginning(regex: str) -> str:
    """The text with which everything that the expression matches begins."""
    return shared(beginnings(regex))


class Reader:
    """Goes through an expression once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def choice(self, depth: int) -> list[Beginning]:
        """All alternatives up to the end of the group, or of the expression."""
        if depth > MOST_DEPTH:
            raise Unclear
        found = self.sequence(depth)
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            found = bounded([*found, *self.sequence(depth)])
        return found

    def sequence(self, depth: int) -> list[Beginning]:
        found = [NOTHING]
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            found = joined(found, self.repeated(self.piece(depth)))
        return found

    def piece(self, depth: int) -> list[Beginning]:
        """One character, class or group."""
        character = self.text[self.at]
        match character:
            case "(":
                return self.group(depth)
            case "[":
                self.skip_class()
                return [UNKNOWN]
            case "\\":
                return [self.escape()]
        self.at += 1
        if character in ANCHORS:
            return [NOTHING]
        return [UNKNOWN if character in ".*+?{}" else Beginning(character)]

    def group(self, depth: int) -> list[Beginning]:
        opening = PLAIN_GROUP.match(self.text, self.at)
        if opening is None:
            raise Unclear
        self.at = opening.end()
        found = self.choice(depth + 1)
        if self.text[self.at : self.at + 1] != ")":
            raise Unclear
        self.at += 1
        return found

    def escape(self) -> Beginning:
        character = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if character in ESCAPED_ANCHORS:
            return NOTHING
        # A letter or a digit means a class, a place or a code; everything else means itself.
        return UNKNOWN if character.isalnum() or not character else Beginning(character)

    def skip_class(self) -> None:
        """To the end of `[…]`, in which there may be others."""
        depth = 0
        while self.at < len(self.text):
            if begins := CLASS_BEGINS.match(self.text, self.at):
                depth += 1
                self.at = begins.end()
                continue
            character = self.text[self.at]
            self.at += 2 if character == "\\" else 1
            if character == "]":
                depth -= 1
                if not depth:
                    return
        raise Unclear

    def repeated(self, piece: list[Beginning]) -> list[Beginning]:
        """A piece with all that says how often it comes."""
        while quantifier := QUANTIFIER.match(self.text, self.at):
            self.at = quantifier.end()
            if quantifier[0][0] == "?":
                piece = [*piece, NOTHING]
            elif quantifier[0][0] == "+" or int(quantifier["least"] or 0):
                piece = [replace(each, whole=False) for each in piece]
            else:
                piece = [UNKNOWN]
        return piece


def joined(before: list[Beginning], after: list[Beginning]) -> list[Beginning]:
    found = [each for each in before if not each.whole]
    whole = [each for each in before if each.whole]
    if len(found) + len(whole) * len(after) > MOST_BEGINNINGS:
        return [*found, *(replace(each, whole=False) for each in whole)]
    return [*found, *(Beginning(each.text + other.text, other.whole) for each in whole for other in after)]


def bounded(found: list[Beginning]) -> list[Beginning]:
    if len(found) <= MOST_BEGINNINGS:
        return found
    return [Beginning(shared(found), whole=False)]


def shared(found: list[Beginning]) -> str:
    """What all of them begin with: of sorted texts the first and the last differ soonest."""
    texts = [each.text for each in found]
    first, last = min(texts), max(texts)
    same = next((place for place, character in enumerate(first) if not last.startswith(character, place)), len(first))
    return first[:same]
