"""What is still open where a file of NGINX ends: the block or the quote, and the line on which it begins."""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"""\s+
    | (?P<comment>\#[^\n]*)
    | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<open>["'])
    | (?P<end>[;{}])
    | (?P<word>(?:\\.|\$\{[^}\s]*\}?|[^\s;{}\\]|\\\Z)+)""",
    re.VERBOSE | re.DOTALL,
)
"""A quote or a `#` means something only where a word could begin."""


def unclosed(text: str) -> tuple[int, str] | None:
    """The line on which the innermost of it begins, and how it begins; nothing, where all is closed."""
    blocks: list[tuple[int, str]] = []
    begin: int | None = None
    words: list[str] = []
    line = 1
    for token in TOKEN.finditer(text):
        if token["open"]:
            # What follows is a part of the text in quotes, whatever it looks like.
            return line, token["open"]
        if token["word"] or token["text"]:
            begin = line if begin is None else begin
            words.append(token[0])
        elif token["end"] == "{":
            blocks.append((line if begin is None else begin, " ".join([*words, "{"])))
        elif token["end"] == "}" and blocks:
            blocks.pop()
        if token["end"]:
            begin, words = None, []
        line += token[0].count("\n")
    return blocks[-1] if blocks else None
