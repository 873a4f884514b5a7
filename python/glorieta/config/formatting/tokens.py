"""libyaml's tokens with their places in the text, and what stands between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yaml import tokens as kinds
from yaml.tokens import Token as YamlToken

from ..document import Parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BREAKS = str.maketrans("\x85\u2028\u2029", "\n\n\n")
"""Further line breaks of YAML."""
OPENING = (kinds.FlowMappingStartToken, kinds.FlowSequenceStartToken)
CLOSING = (kinds.FlowMappingEndToken, kinds.FlowSequenceEndToken)
DOCUMENT = (kinds.DirectiveToken, kinds.DocumentStartToken, kinds.DocumentEndToken)
BLOCKS = ("|", ">")
"""Styles of texts in a block of lines."""
NAMES = (kinds.AliasToken, kinds.AnchorToken, kinds.TagToken)


@dataclass(frozen=True)
class Token:
    """What is written (`text`), or a sign of structure that is not; and what stands before it."""

    kind: type[YamlToken]
    column: int
    text: str
    before: str
    value: str | None = None
    style: str | None = None

    def one_of(self, kinds: tuple[type[YamlToken], ...]) -> bool:
        return self.kind in kinds


def tokens(text: str) -> Iterator[Token]:
    """All tokens; the last one is the end, with what stands before it."""
    parser, end = Parser(text), 0
    while (found := parser.get_token()) is not None:
        start, stop = found.start_mark.index, found.end_mark.index
        kind = type(found)
        if kind is kinds.StreamStartToken:
            continue
        if start == stop and kind is not kinds.StreamEndToken:
            yield Token(kind, found.start_mark.column, "", "")
            continue
        style = getattr(found, "style", None)
        written = text[start:stop]
        if kind is kinds.ScalarToken and style in BLOCKS:
            written = block_scalar(written)
        written = written.rstrip(" \t\n") if kind is kinds.DirectiveToken else written
        between = text[end : len(text) if kind is kinds.StreamEndToken else start].translate(BREAKS)
        check_between(between)
        yield Token(kind, found.start_mark.column, written, between, getattr(found, "value", None), style)
        end = start + len(written)


def block_scalar(text: str) -> str:
    """Without the empty lines that follow it; where it says `+`, these belong to it."""
    header, *lines = text.split("\n")
    if "+" in header.partition("#")[0]:
        return text.removesuffix("\n")
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    least = min(indents, default=0)
    while lines and not lines[-1].strip(" ") and len(lines[-1]) <= (least if indents else 0):
        lines.pop()
    return "\n".join([header, *lines])


def check_between(text: str) -> None:
    """Between tokens there are blanks and comments, or something here is not understood."""
    for line in text.split("\n"):
        rest = line.strip(" \t")
        if rest and not rest.startswith("#"):
            raise ValueError(f"between tokens: {rest}")


def aligned_comments(found: Iterable[Token]) -> set[int]:
    """The numbers of tokens with a comment behind them that stands below, or above, another one."""
    columns: dict[int, tuple[int, int]] = {}
    line, column = 0, None
    for number, token in enumerate(found):
        head = token.before.partition("\n")[0]
        if column is not None and head.strip():
            columns[line] = column + len(head) - len(head.lstrip(" \t")), number
        line += token.before.count("\n") + token.text.count("\n")
        if token.text:
            last = token.text.rpartition("\n")[2]
            column = len(last) + (token.column if "\n" not in token.text else 0)
    return {
        number
        for line, (column, number) in columns.items()
        if any(columns.get(beside, (-1, 0))[0] == column for beside in (line - 1, line + 1))
    }
