"""Writes the SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..describe_listeners import roles_text
from ..model import layer4_of
from .box import BETWEEN, PADDING, Box, Line, Picture
from .contents import contents
from .measure import shortened, width
from .placing import MARGIN, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model import Plan

CAPTIONS = ("listeners", "groups", "upstreams", "endpoints")
LONGEST_NAME = 200
MOST_TOLD = 40
"""Groups that the description names."""
PORTS = 13
"""Between two lines that leave or reach one box, at most."""
TIP = 7
STYLE = """\
    .listener, .upstream, .endpoints { fill: #f4f5f7; stroke: #7b8493; stroke-width: 1.5 }
    .endpoints { stroke-width: 1 }
    .group { fill: #d9efe0; stroke: #1f7a43; stroke-width: 2 }
    .title { font-size: 16px; font-weight: bold; fill: #1d2430 }
    .name { font-size: 15px; font-weight: bold; fill: #1d2430 }
    .row { font-size: 12px; fill: #1d2430 }
    .role { font-size: 12px; fill: #1f6b3c }
    .what, .more, .where { font-size: 12px; fill: #414b5a }
    .caption { font-size: 13px; fill: #414b5a }
    .way { fill: none; stroke: #7b8493; stroke-width: 1.5 }
    .tip { fill: #7b8493 }
    .page { fill: #ffffff }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      .listener, .upstream, .endpoints { fill: #1c222b; stroke: #7b8493 }
      .group { fill: #12351f; stroke: #4fb477 }
      .title, .name, .row { fill: #e8ecf1 }
      .role { fill: #8fd6ab }
      .what, .more, .where, .caption { fill: #aab3c0 }
    }"""


def draw(plan: Plan, name: str) -> str:
    """The drawing of a Plan as the text of an SVG file."""
    picture = contents(plan)
    size = tuple(map(round, place(picture)))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
        f'height="{size[1]}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" role="img" '
        'aria-labelledby="title description">',
        f'  <title id="title">{safe(name[:LONGEST_NAME])}</title>',
        f'  <desc id="description">{safe(description(plan))}</desc>',
        f"  <style>\n{STYLE}\n  </style>",
        f'  <rect class="page" width="{size[0]}" height="{size[1]}"/>',
        *(f"  {line}" for line in heads(picture, name, size[0])),
        *(f"  {line}" for line in ways(picture)),
        *(f"  {line}" for column in picture.columns for box in column for line in drawn(box)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def description(plan: Plan) -> str:
    """The same in sentences."""
    said = []
    for group in plan["groups"][:MOST_TOLD]:
        listener = next(each for each in plan["listeners"] if each["id"] == group["listener"])
        routes = sum(route["group"] == group["id"] for route in listener["routes"])
        count = "" if layer4_of(listener) else f", {routes} route{'' if routes == 1 else 's'}"
        what = "" if group["id"] == listener["id"] else f", group {group['id']}"
        said.append(f"Listener {listener['id']}{what}: {roles_text(group['roles'], listener['protocol'])}{count}.")
    if len(plan["groups"]) > MOST_TOLD:
        said.append(f"And {len(plan['groups']) - MOST_TOLD} more groups.")
    endpoints = sum(len(upstream["endpoints"]) for upstream in plan["upstreams"])
    said.append(f"Upstreams: {len(plan['upstreams'])}; endpoints: {endpoints}.")
    return " ".join(said)


def heads(picture: Picture, name: str, room: float) -> Iterator[str]:
    title = shortened(name, room - 2 * MARGIN, 16, bold=True)
    yield text(title, "title", MARGIN, 32, name if title != name else "")
    for caption, column in zip(CAPTIONS, picture.columns, strict=True):
        if column:
            yield text(caption, "caption", column[0].left, 62)


def ways(picture: Picture) -> Iterator[str]:
    """Lines between boxes. At each box they are sorted by their other ends, so that they do not cross without need."""
    leaving = {id(box): sorted(picture.ends(box), key=lambda end: end.center) for box in boxes_of(picture)}
    coming = {id(box): sorted(picture.starts(box), key=lambda start: start.center) for box in boxes_of(picture)}
    for edge in picture.edges:
        start, end = edge.start, edge.end
        y1 = port(start, leaving[id(start)], end)
        y2 = port(end, coming[id(end)], start)
        x1, x2 = start.right, end.left - TIP + 1
        half = (x2 - x1) / 2
        yield f'<path class="way" d="M{x1:g} {y1:g} C{x1 + half:g} {y1:g} {x2 - half:g} {y2:g} {x2:g} {y2:g}"/>'
        yield f'<path class="tip" d="M{end.left:g} {y2:g} l-{TIP} -4 v8 z"/>'


def boxes_of(picture: Picture) -> Iterator[Box]:
    return (box for column in picture.columns for box in column)


def port(box: Box, others: Sequence[Box], other: Box) -> float:
    """The height at which the line to another box leaves or comes."""
    index = next(number for number, each in enumerate(others) if each is other)
    step = min(PORTS, (box.height - 2 * PADDING) / max(1, len(others) - 1))
    return round(box.center + (index - (len(others) - 1) / 2) * step, 1)


def drawn(box: Box) -> Iterator[str]:
    place = f'x="{box.left:g}" y="{box.top:.1f}" width="{box.width:g}" height="{box.height:g}"'
    yield f'<rect class="{box.kind}" {place} rx="10"/>'
    for each, below in zip(box.lines, box.heights(), strict=True):
        yield from line_of(each, box, box.top + PADDING + below - 8)


def line_of(line: Line, box: Box, y: float) -> Iterator[str]:
    room = box.width - 2 * PADDING
    right = shortened(line.right, room * 0.5, line.size) if line.right else ""
    left = shortened(line.text, room - (width(right, line.size) + BETWEEN if right else 0), line.size, bold=line.bold)
    whole = f"{line.text} {line.right}".rstrip()
    about = line.about or (whole if (left, right) != (line.text, line.right) else "")
    yield text(left, line.style, box.left + PADDING, y, about)
    if right:
        yield text(right, "where", box.right - PADDING, y, about, end=True)


def text(shown: str, style: str, x: float, y: float, about: str = "", *, end: bool = False) -> str:
    """`about` is shown when somebody points at it."""
    anchor = ' text-anchor="end"' if end else ""
    title = f"<title>{safe(about)}</title>" if about else ""
    return f'<text class="{style}" x="{x:g}" y="{y:.1f}"{anchor}>{title}{safe(shown)}</text>'


def safe(text: str) -> str:
    """Text for XML, without what would break it or turn its direction."""
    return escape("".join(character if character.isprintable() or character == "\n" else "�" for character in text))
