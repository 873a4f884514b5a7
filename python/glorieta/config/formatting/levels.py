"""How deep a line is: the columns of blocks and braces, as they were and as they will be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yaml import tokens as kinds

if TYPE_CHECKING:
    from .tokens import Token

STEP = 2


@dataclass(frozen=True)
class Level:
    """The column of a block's keys or dashes, or of an opening brace."""

    old: int
    new: int
    sequence: bool = False
    unmarked: bool = False
    """A list that stands in its key's column, which YAML takes for no block of its own."""

    @property
    def moved(self) -> int:
        return self.new - self.old


@dataclass
class Levels:
    """The blocks and, within them, the braces that are open."""

    blocks: list[Level] = field(default_factory=list)
    braces: list[Level] = field(default_factory=list)
    line_moved: int = 0
    """How far the line moved on which the outermost brace stands."""

    def inner(self) -> int:
        """The column of what belongs to a key or a dash, and stands on a line of its own."""
        return self.blocks[-1].new + STEP if self.blocks else 0

    def moved(self) -> int:
        """How far the lines of a text that goes on move."""
        if self.braces:
            return self.braces[-1].moved
        return self.blocks[-1].moved if self.blocks else 0

    def enter(self, token: Token, column: int | None) -> None:
        """A sign of structure; `column`: where the next token will stand, if its line has begun already."""
        if self.braces:
            return
        if token.kind is kinds.BlockEndToken:
            self.leave_unmarked()
            self.blocks.pop()
        elif token.kind in (kinds.KeyToken, kinds.ValueToken):
            self.leave_unmarked()
        elif token.kind in (kinds.BlockMappingStartToken, kinds.BlockSequenceStartToken):
            new = self.inner() if column is None else column
            self.blocks.append(Level(token.column, new, token.kind is kinds.BlockSequenceStartToken))
        elif token.kind is kinds.BlockEntryToken and not self.blocks[-1].sequence:
            self.blocks.append(Level(token.column, self.inner(), sequence=True, unmarked=True))

    def leave_unmarked(self) -> None:
        if self.blocks and self.blocks[-1].unmarked:
            self.blocks.pop()

    def open_brace(self, old: int, new: int) -> None:
        self.braces.append(Level(old, new))

    def within_braces(self, old: int) -> int:
        """The column of a line that begins within braces: it keeps its distance to the brace that it follows, or else
        to the line with the first brace."""
        for brace in reversed(self.braces):
            if old > brace.old:
                return old + brace.moved
        return max(0, old + self.line_moved)

    def of_comment(self, old: int) -> int:
        """The column of a comment on a line of its own: that of the block to which it belongs."""
        if self.braces:
            return self.within_braces(old)
        for level in reversed(self.blocks):
            if old >= level.old:
                return old + level.moved
        return 0
