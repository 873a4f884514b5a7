"""Writes tokens with new blanks between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yaml import tokens as kinds

from .levels import Levels
from .quotes import unquoted
from .tokens import BLOCKS, CLOSING, DOCUMENT, NAMES, OPENING, Token, aligned_comments, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

APART = 2
"""Blanks before a comment that stands below another one, at least."""


class Writer:
    """Writes one text. `column` is where the next character would stand."""

    def __init__(self, text: str) -> None:
        self.tokens = list(tokens(text))
        self.aligned = aligned_comments(self.tokens)
        self.parts: list[str] = []
        self.column = 0
        self.levels = Levels()
        self.last: Token | None = None
        self.line = 0, 0
        """The column of the line's first token, as it was and as it is."""
        self.is_aligned = False
        """Whether the comment before the next token stands below or above another one."""
        self.end = 0
        """The old column after the last token."""

    def written(self) -> str:
        signs: list[Token] = []
        for number, token in enumerate(self.tokens):
            self.is_aligned = number in self.aligned
            if not token.text and token.kind is not kinds.StreamEndToken:
                signs.append(token)
                continue
            if token.kind is kinds.StreamEndToken:
                self.put_end(token)
                break
            if self.last is None or "\n" in token.before:
                self.begin_line(token, signs)
            else:
                self.put(self.blanks(self.last, token))
                self.enter(token, signs, self.column)
            self.put_token(token)
            self.last, signs = token, []
        return "".join(self.parts)

    def put_end(self, token: Token) -> None:
        """A newline at the end; none, where it would belong to a text in a block."""
        if token.before or self.last is None or self.last.style not in BLOCKS:
            self.between(token, 0)

    def put(self, text: str) -> None:
        self.parts.append(text)
        _, newline, after = text.rpartition("\n")
        self.column = len(after) if newline else self.column + len(text)

    def enter(self, token: Token, signs: list[Token], column: int | None) -> None:
        for sign in signs:
            self.levels.enter(sign, column)
        if token.kind in (kinds.KeyToken, kinds.ValueToken, kinds.BlockEntryToken):
            self.levels.enter(token, column)

    def begin_line(self, token: Token, signs: list[Token]) -> None:
        """Ends the line before, writes comments and blank lines, and puts the token's indentation."""
        around = Levels([*self.levels.blocks], [*self.levels.braces], self.levels.line_moved)
        self.enter(token, signs, None)
        column = self.indentation(token, signs)
        self.levels, inside = around, self.levels
        self.between(token, column)
        self.levels = inside
        self.put(" " * column)
        self.line = token.column, column

    def indentation(self, token: Token, signs: list[Token]) -> int:
        """The column of a line's first token."""
        levels = self.levels
        if levels.braces:
            return levels.within_braces(token.column)
        if token.one_of(DOCUMENT):
            return 0
        marks = (kinds.BlockEntryToken, kinds.KeyToken, kinds.ValueToken)
        if token.one_of(marks) or any(sign.one_of((kinds.KeyToken, kinds.BlockMappingStartToken)) for sign in signs):
            return levels.blocks[-1].new
        return levels.inner()

    def between(self, token: Token, column: int) -> None:
        """Comments and blank lines before a token that begins a line at this column."""
        lines = token.before.split("\n")
        if self.last is not None:
            self.put_comment_behind(lines.pop(0))
        if token.kind is not kinds.StreamEndToken:
            lines = lines[:-1]
        blank = False
        for line in lines:
            comment = line.strip(" \t")
            if comment:
                old = len(line) - len(line.lstrip(" \t"))
                self.new_line(blank)
                self.put(" " * (column if old == token.column else self.column_of_comment(old)) + comment)
            blank = not comment
        self.new_line(blank and token.kind is not kinds.StreamEndToken)

    def column_of_comment(self, old: int) -> int:
        """Behind a text in a block, a comment that were as deep as the text would be a part of it."""
        column = self.levels.of_comment(old)
        after_block = self.last is not None and self.last.style in BLOCKS and self.levels.blocks
        return min(column, self.levels.blocks[-1].new) if after_block else column

    def new_line(self, blank: bool) -> None:
        if self.parts:
            self.put("\n\n" if blank else "\n")

    def put_comment_behind(self, text: str) -> None:
        """A comment at the end of a line with something else on it."""
        comment = text.strip(" \t")
        if not comment:
            return
        distance = len(text) - len(text.lstrip(" \t"))
        if self.is_aligned:
            distance = max(min(distance, APART), self.end + distance - self.column)
        self.put(" " * distance + comment)

    def blanks(self, last: Token, token: Token) -> str:
        """What stands between two tokens of one line."""
        if last.one_of(OPENING):
            return ""
        ends = token.one_of(CLOSING) or token.kind is kinds.FlowEntryToken
        if last.one_of(NAMES) or last.kind is kinds.ValueToken:
            # Without a blank a colon would be a part of the name; what is empty needs one to be seen.
            return "" if ends and last.kind is kinds.AliasToken else " "
        return "" if ends or token.kind is kinds.ValueToken else " "

    def put_token(self, token: Token) -> None:
        self.end = token.column + len(token.text) if "\n" not in token.text else len(token.text.rpartition("\n")[2])
        if token.one_of(OPENING):
            if not self.levels.braces:
                self.levels.line_moved = self.line[1] - self.line[0]
            self.levels.open_brace(token.column, self.column)
        elif token.one_of(CLOSING):
            self.levels.braces.pop()
        self.put("\n".join(self.lines(token)))

    def lines(self, token: Token) -> Iterator[str]:
        """A token's lines; those after the first move with what is around it."""
        first, *others = token.text.split("\n")
        if token.kind is kinds.ScalarToken and token.style in ("'", '"') and not others:
            yield unquoted(first, token.value or "", in_braces=bool(self.levels.braces))
            return
        yield first
        block = token.style in BLOCKS
        moved = self.moved_block(first, others) if block else self.levels.moved()
        least = self.levels.blocks[-1].new + 1 if self.levels.blocks and not block else 0
        for line in others:
            rest = line.lstrip(" ")
            if not rest and not block:
                yield ""
            else:
                yield " " * max(least, len(line) - len(rest) + moved) + rest if line else ""

    def moved_block(self, header: str, lines: list[str]) -> int:
        """How far a text in a block moves; one whose first line says how deep it is keeps its distance."""
        first = next((line for line in lines if line.strip(" ")), None)
        if first is None or any(character.isdigit() for character in header.partition("#")[0]):
            return self.levels.moved()
        return self.levels.inner() - (len(first) - len(first.lstrip(" ")))
