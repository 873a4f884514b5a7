"""The chart of results: what each contender costs, relative to the best peer of the row."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from bench.rows import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.figures import Comparison

WIDTH = 860
LEFT = 20
BAR = 12
STEP = 15
ROW_GAP = 44
TOP = 74
SCALE = 230
"""Pixels for 1.0, the best peer."""
MOST = 3.0
"""Longer bars are cut; their value stands beside them."""
COLOURS = {"glorieta": "#c2410c", "nginx": "#15803d", "haproxy": "#1d4ed8", "envoy": "#a21caf", "caddy": "#0e7490"}
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2937 }
  .title { font-weight: 600; font-size: 16px }
  .row { font-weight: 600 }
  .value { font-size: 11px; fill: #4b5563 }
  .best { stroke: #6b7280; stroke-dasharray: 3 3 }
  .goal { stroke: #1f2937; stroke-width: 2 }
  .ground { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .value { fill: #9ca3af } .goal { stroke: #f9fafb } .ground { fill: #111827 }
  }
"""


def draw(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> str:
    shown = [one for one in comparisons if one.best.peer]
    names = [name for name in titles if any(name in one.costs for one in shown)]
    parts = [legend(names, titles)]
    top = TOP
    for one in shown:
        block, height = row(one, [name for name in names if name in one.costs], top)
        parts.append(block)
        top += height
    label = "CPU time per request, relative to the best peer of each row"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" aria-label="{label}">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" width="{WIDTH}" height="{top}"/>\n'
        f'<text class="title" x="{LEFT}" y="28">{label} (shorter is better)</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def legend(names: Sequence[str], titles: Mapping[str, str]) -> str:
    parts = []
    for place, name in enumerate(names):
        x = LEFT + place * 110
        parts.append(f'<rect x="{x}" y="42" width="12" height="12" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{x + 18}" y="53">{escape(titles[name])}</text>')
    if OURS in names:
        x = LEFT + len(names) * 110
        parts.append(f'<line class="goal" x1="{x}" x2="{x}" y1="41" y2="55"/><text x="{x + 8}" y="53">goal</text>')
    return "\n".join(parts)


def row(one: Comparison, names: Sequence[str], top: int) -> tuple[str, int]:
    """The bars of one row, and how high it is."""
    if one.best.peer is None:
        raise ValueError(f"{one.row.id} has no peer to be drawn against")
    best = one.costs[one.best.peer].middle
    height = len(names) * STEP
    line = LEFT + SCALE
    parts = [f'<text class="row" x="{LEFT}" y="{top + 14}">{escape(one.row.title)}</text>']
    for place, name in enumerate(names):
        cost = one.costs[name].middle
        # As in the table: ours is the median of the rounds' ratios, not the ratio of the medians.
        share = one.best.ratio.middle if name == OURS and one.best.ratio else cost / best
        parts.append(bar(name, cost, share, top + 22 + place * STEP))
    parts.append(f'<line class="best" x1="{line}" x2="{line}" y1="{top + 20}" y2="{top + 22 + height}"/>')
    if OURS in names:
        x = LEFT + SCALE * one.best.goal.most
        y = top + 21 + names.index(OURS) * STEP
        parts.append(f'<line class="goal" x1="{x:.0f}" x2="{x:.0f}" y1="{y}" y2="{y + BAR + 2}"/>')
    return "\n".join(parts), height + ROW_GAP


def bar(name: str, cost: float, share: float, y: int) -> str:
    width = min(share, MOST) * SCALE
    cut = "⟩ " if share > MOST else ""
    # Beyond the line of the best peer, which would cross it.
    x = LEFT + max(width, SCALE) + 6
    return (
        f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" fill="{COLOURS[name]}"/>'
        f'<text class="value" x="{x:.0f}" y="{y + 10}">{cut}{share:.2f} · {cost:.1f} µs</text>'
    )
