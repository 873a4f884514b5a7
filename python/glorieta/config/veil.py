"""Errors say nothing of what came from outside: they quote what is written, `${env:PORT}` instead of its value.

Sentences are made of values all over the checks, whole or in parts (`"127.0.0.1:70a": "70a" is no port`). So that no
check has to think of it, this is done to the sentence, where a problem gets its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .values import Expanded

LEAST, SHORT, LONG = 2, 4, 8
"""A whole value is hidden from the first length on, a word of one from the second, any part from the third: less is
in ordinary sentences, too. What stands in quotes is hidden whatever its length."""
LONGEST = 4000
"""A sentence that is longer quotes what nobody could read anyway."""
WHOLE, PART = "\0", "\1"
"""Stand for what is hidden, until nothing more is looked for."""


def veiled(sentence: str, written: str, text: Expanded) -> str:
    """A sentence about a text, with what is written in the place of it and of every part that came from outside."""
    pieces = [piece for piece in text.pieces if piece.outside and piece.text]
    if not pieces:
        return sentence
    part = pieces[0].template if len(pieces) == 1 else written
    sentence = sentence.replace(written, WHOLE)
    for whole in (str(text), text.strip()):
        sentence = sentence.replace(whole, WHOLE) if len(whole) >= LONG else sentence
    if len(sentence) > LONGEST:
        return f"the value of {part} cannot stand here"
    sentence = hidden(sentence, text.strip(), WHOLE, LEAST)
    for parts in (0, SHORT):
        for piece in pieces:
            sentence = hidden(sentence, piece.text or "", PART, LEAST, parts=parts)
    return sentence.replace(WHOLE, written).replace(PART, part)


def veiled_within(sentence: str, texts: Iterable[Expanded]) -> str:
    """A sentence about something within which these texts stand, without what came from outside: whole or in long
    parts, because short ones may be another's words."""
    for text in texts:
        for piece in text.pieces:
            if piece.outside and piece.text and shares(sentence.lower(), piece.text.lower()):
                sentence = hidden(sentence, piece.text, piece.template, SHORT, parts=LONG)
    return sentence


def shares(sentence: str, value: str) -> bool:
    """Whether a sentence has a value in it, or a long part of one."""
    return value in sentence or any(sentence[start : start + LONG] in value for start in range(len(sentence) - LONG))


def hidden(sentence: str, value: str, mark: str, least: int, *, parts: int = 0) -> str:
    """A sentence with a mark wherever it has a value of at least this length, or a part of one, in whatever case.

    `parts`: from which length on words of the value count; 0: no parts do.
    """
    lower = sentence.lower()
    # There are capitals that become two letters.
    lower, value = (lower, value.lower()) if len(lower) == len(sentence) else (sentence, value)
    made, end, start = [], 0, 0
    while start < len(lower):
        stop = start
        while stop < len(lower) and lower[start : stop + 1] in value:
            stop += 1
        if stop > start and tells(lower, start, stop, value, least, parts):
            made += [sentence[end:start], mark]
            end = stop
        start = end if end > start else start + 1
    return "".join([*made, sentence[end:]])


def tells(sentence: str, start: int, stop: int, value: str, least: int, parts: int) -> bool:
    """Whether what a sentence has in common with a value is taken from it, rather than there by chance."""
    run = sentence[start:stop]
    quoted = sentence[start - 1 : start] == '"' == sentence[stop : stop + 1]
    if run == value:
        return quoted or len(run) >= LONG or (len(run) >= least and stands_alone(sentence, start, stop))
    if not parts or len(run) >= LONG:
        return parts > 0
    if quoted:
        return parts < LONG
    return len(run) >= parts and stands_alone(sentence, start, stop) and is_word_of(run, value)


def is_word_of(run: str, value: str) -> bool:
    return any(stands_alone(value, found.start(), found.end()) for found in re.finditer(re.escape(run), value))


def stands_alone(text: str, start: int, stop: int) -> bool:
    """Whether a word begins and ends where a part of a text does."""
    before, first, last, after = text[start - 1 : start], text[start], text[stop - 1], text[stop : stop + 1]
    return not (before.isalnum() and first.isalnum()) and not (last.isalnum() and after.isalnum())
