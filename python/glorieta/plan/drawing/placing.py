"""Where boxes stand: columns in the order of a request's way, each box near what it is connected with."""

from __future__ import annotations

from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .box import Box, Picture

WIDTHS = ((130, 220), (250, 470), (150, 300), (120, 260))
"""The least and the largest width of each column."""
GAPS = (56, 96, 36)
"""Between columns: the more lines cross a gap, the wider it is."""
APART = 16
ASIDE = 30
"""Between the groups of one listener and those of the next."""
MARGIN = 24
HEAD = 78
"""Room for the title and the names of the columns."""


def place(picture: Picture) -> tuple[float, float]:
    """Gives every box its place; the size of the whole."""
    set_columns(picture)
    top = 0.0
    for number, listener in enumerate(picture.listeners):
        top += ASIDE if number else 0
        for group in picture.ends(listener):
            group.top = top
            top += group.height + APART
    place_upstreams(picture)
    settle(picture.listeners, [middle(picture.ends(box)) for box in picture.listeners])
    boxes = [box for column in picture.columns for box in column]
    shift = HEAD - min((box.top for box in boxes), default=0)
    for box in boxes:
        box.top += shift
    bottom = max((box.top + box.height for box in boxes), default=HEAD)
    right = max(column_right(picture), MARGIN)
    return right + MARGIN, bottom + MARGIN


def set_columns(picture: Picture) -> None:
    left = float(MARGIN)
    for column, (least, most), gap in zip(picture.columns, WIDTHS, (*GAPS, 0), strict=True):
        if not column:
            continue
        width = min(most, max(least, *(box.wanted_width() for box in column)))
        for box in column:
            box.left, box.width = left, ceil(width)
        left += ceil(width) + gap


def column_right(picture: Picture) -> float:
    return max((box.right for column in picture.columns for box in column), default=0)


def place_upstreams(picture: Picture) -> None:
    """Upstreams and their endpoints side by side, in the order of the groups that lead to them."""
    pairs = list(zip(picture.upstreams, picture.endpoints, strict=True))
    wishes = {id(box): middle(picture.starts(box)) for box in picture.upstreams}
    used = [(box, found) for box, found in pairs if picture.starts(box)]
    used.sort(key=lambda pair: wishes[id(pair[0])])
    unused = [pair for pair in pairs if not picture.starts(pair[0])]
    heights = [max(box.height, found.height) for box, found in used]
    tops = settled([wishes[id(box)] for box, _ in used], heights)
    below = max((top + height for top, height in zip(tops, heights, strict=True)), default=0) + APART
    for box, found in unused:
        heights.append(max(box.height, found.height))
        tops.append(below)
        below += heights[-1] + APART
    for (box, found), top, height in zip([*used, *unused], tops, heights, strict=True):
        box.top = top + (height - box.height) / 2
        found.top = top + (height - found.height) / 2
    picture.upstreams[:] = [box for box, _ in [*used, *unused]]
    picture.endpoints[:] = [found for _, found in [*used, *unused]]


def middle(boxes: Sequence[Box]) -> float:
    return fmean(box.center for box in boxes) if boxes else 0.0


def settle(boxes: Sequence[Box], centers: Sequence[float]) -> None:
    for box, top in zip(boxes, settled(centers, [box.height for box in boxes]), strict=True):
        box.top = top


def settled(centers: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Tops in this order, none over the next, and together as near to the wished centers as can be.

    Boxes that would overlap become one block, which stands where its boxes wish on average; so on until nothing
    overlaps any more (isotonic regression by pooling).
    """
    blocks: list[tuple[float, int, float]] = []
    """Of each block: the wished top, how many boxes, how high."""
    for center, height in zip(centers, heights, strict=True):
        block = (center - height / 2, 1, height + APART)
        while blocks and blocks[-1][0] + blocks[-1][2] > block[0]:
            top, count, before = blocks.pop()
            both = count + block[1]
            block = ((top * count + (block[0] - before) * block[1]) / both, both, before + block[2])
        blocks.append(block)
    tops: list[float] = []
    for top, count, _ in blocks:
        for _ in range(count):
            tops.append(top)
            top += heights[len(tops) - 1] + APART
    return tops
