"""Boxes with lines of text, and the lines between boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .measure import width

Style = Literal["name", "role", "what", "row", "more"]
SIZES: dict[Style, float] = {"name": 15, "role": 12, "what": 12, "row": 12, "more": 12}
HEIGHTS: dict[Style, float] = {"name": 21, "role": 17, "what": 17, "row": 17, "more": 17}
AFTER_HEAD = 6
"""Room between what a group is and its routes."""
PADDING = 12
BETWEEN = 18
"""The least room between the two texts of one line."""


@dataclass(frozen=True)
class Line:
    """One line of text in a box, and perhaps another text at its right end."""

    text: str
    style: Style
    right: str = ""
    about: str = ""
    """What a reader is told who points at it; the whole text, where it is left out."""

    @property
    def size(self) -> float:
        return SIZES[self.style]

    @property
    def bold(self) -> bool:
        return self.style == "name"

    def width(self) -> float:
        right = width(self.right, self.size) + BETWEEN if self.right else 0
        return width(self.text, self.size, bold=self.bold) + right


@dataclass
class Box:
    """A box at its place."""

    kind: Literal["listener", "group", "upstream", "endpoints"]
    name: str
    lines: list[Line]
    left: float = 0
    top: float = 0
    width: float = 0

    @property
    def height(self) -> float:
        return self.heights()[-1] + 2 * PADDING - 4

    def heights(self) -> list[float]:
        """How far below the box's padding each line ends."""
        ends: list[float] = []
        end: float = 0
        for before, line in zip([None, *self.lines], self.lines, strict=False):
            begins = self.kind == "group" and line.style == "row" and before is not None and before.style != "row"
            end += HEIGHTS[line.style] + (AFTER_HEAD if begins else 0)
            ends.append(end)
        return ends

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def center(self) -> float:
        return self.top + self.height / 2

    def wanted_width(self) -> float:
        return max((line.width() for line in self.lines), default=0) + 2 * PADDING


@dataclass(frozen=True)
class Edge:
    """A line from one box to another."""

    start: Box
    end: Box


@dataclass
class Picture:
    """All boxes, column by column, and what connects them."""

    listeners: list[Box] = field(default_factory=list)
    groups: list[Box] = field(default_factory=list)
    upstreams: list[Box] = field(default_factory=list)
    endpoints: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @property
    def columns(self) -> list[list[Box]]:
        return [self.listeners, self.groups, self.upstreams, self.endpoints]

    def starts(self, box: Box) -> list[Box]:
        """Where what leads to a box begins."""
        return [edge.start for edge in self.edges if edge.end is box]

    def ends(self, box: Box) -> list[Box]:
        return [edge.end for edge in self.edges if edge.start is box]
