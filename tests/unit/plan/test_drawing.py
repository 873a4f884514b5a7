"""The drawing: everything is in it, nothing overflows, nothing in a configuration can break it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glorieta.plan import build
from glorieta.plan.drawing import draw
from glorieta.plan.drawing.box import Box
from glorieta.plan.drawing.contents import contents
from glorieta.plan.drawing.measure import shortened, width
from glorieta.plan.drawing.placing import place, settled
from harness.configuring import compiled

SVG = "{http://www.w3.org/2000/svg}"
PLANS = sorted((Path(__file__).parents[2] / "contract" / "plans").glob("*.yaml"))
TEAMS = [
    "orders",
    "billing",
    "catalogue",
    "search",
    "accounts",
    "shipping",
    "reviews",
    "recommendations",
    "stock",
    "payments",
]


def large() -> str:
    """Ten groups with 300 routes, and an upstream that all share."""
    lines = [
        "version: 1",
        "listeners:",
        '  web: {bind: ":8080"}',
        '  mail: {bind: ":1025", protocol: tcp, to: smtp}',
        "groups:",
    ]
    for team in TEAMS:
        lines += [
            f"  {team}:",
            "    at: web",
            f"    match: shop.example/{team}/*",
            f"    owner: {team}@shop.example",
            "    routes:",
        ]
        lines += [
            f"      /{team}/a-rather-long-path-with-a-number-in-it/{number}/{{id}}/*: {'shared' if number == 1 else team}"
            for number in range(30)
        ]
    lines += ["upstreams:", "  smtp: {endpoints: [smtp1:25]}", "  shared: {endpoints: [s1:1, s2:1]}"]
    lines += [
        f"  {team}: {{endpoints: [{', '.join(f'{team}-{number}:80' for number in range(1, 12))}]}}" for team in TEAMS
    ]
    return "\n".join(lines) + "\n"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    """All texts that are drawn, without their tooltips."""
    return [
        "".join([each.text or "", *(inner.tail or "" for inner in each)]) for each in parsed(svg).iter(f"{SVG}text")
    ]


def boxes(picture: Any) -> list[Box]:
    return [box for column in picture.columns for box in column]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_listeners_groups_upstreams_and_endpoints_are_drawn(path: Path) -> None:
    plan = build(path, secrets=False).plan
    shown = texts(draw(plan, path.name))
    assert shown[0] == path.name
    for name in [each["id"] for kind in ("listeners", "upstreams") for each in plan[kind]]:  # type: ignore[literal-required]
        assert name in shown
    for group in plan["groups"]:
        assert group["id"] in shown
    for upstream in plan["upstreams"]:
        for endpoint in upstream["endpoints"]:
            assert endpoint["address"] in shown


def test_roles_owners_and_where_routes_lead_are_drawn() -> None:
    shown = texts(draw(compiled(large()), "shop"))
    assert shown.count("reverse proxy, load balancer (layer 7)") == len(TEAMS)
    assert "load balancer (layer 4)" in shown and "every connection" in shown
    assert "billing@shop.example" in shown
    assert "→ orders" in shown and "→ shared" in shown


def test_what_is_too_much_is_counted_and_told() -> None:
    svg = draw(compiled(large()), "shop")
    assert texts(svg).count("… and 22 more") == len(TEAMS)
    assert texts(svg).count("… and 5 more") == len(TEAMS)
    more = next(each for each in parsed(svg).iter(f"{SVG}text") if "… and 22 more" in "".join(each.itertext()))
    told = more.findtext(f"{SVG}title") or ""
    assert len(told.splitlines()) == 22 and "→ orders" in told


@pytest.mark.parametrize(
    "text", [large(), *(path.read_text() for path in PLANS)], ids=["large", *(path.stem for path in PLANS)]
)
def test_no_text_overflows_and_no_box_lies_over_another(text: str) -> None:
    folder = PLANS[0].parent
    picture = contents(compiled(text, folder, secrets=False))
    right, bottom = place(picture)
    for column in picture.columns:
        for before, after in zip(
            sorted(column, key=lambda box: box.top), sorted(column, key=lambda box: box.top)[1:], strict=False
        ):
            assert before.top + before.height <= after.top
    for before, after in zip(picture.columns, picture.columns[1:], strict=False):
        assert not before or not after or max(box.right for box in before) < min(box.left for box in after)
    for box in boxes(picture):
        assert box.left >= 0 and box.top >= 0 and box.right <= right and box.top + box.height <= bottom
    svg = draw(compiled(text, folder, secrets=False), "shop")
    for each in drawn_texts(svg):
        around = [
            box
            for box in boxes(picture)
            if box.left <= each.x <= box.right and box.top <= each.y <= box.top + box.height
        ]
        if each.style not in ("title", "caption"):
            assert len(around) == 1, each
            assert around[0].left <= each.left and each.right <= around[0].right, each


class Drawn:
    """One text with the room that it takes."""

    def __init__(self, element: ElementTree.Element) -> None:
        self.text = "".join([element.text or "", *(inner.tail or "" for inner in element)])
        self.style = element.attrib["class"]
        self.x, self.y = float(element.attrib["x"]), float(element.attrib["y"])
        size = {"name": 15, "title": 16, "caption": 13}.get(self.style, 12)
        room = width(self.text, size, bold=self.style in ("name", "title"))
        ends = element.get("text-anchor") == "end"
        self.left, self.right = (self.x - room, self.x) if ends else (self.x, self.x + room)


def drawn_texts(svg: str) -> list[Drawn]:
    return [Drawn(element) for element in parsed(svg).iter(f"{SVG}text")]


def test_two_texts_of_one_line_do_not_meet() -> None:
    by_line: dict[float, list[Drawn]] = {}
    for each in drawn_texts(draw(compiled(large()), "shop")):
        if each.style in ("row", "where"):
            by_line.setdefault(each.y, []).append(each)
    pairs = 0
    for line in by_line.values():
        line.sort(key=lambda each: each.left)
        for before, after in pairwise(line):
            assert before.right < after.left
            pairs += 1
    assert pairs >= 80


def test_a_shortened_text_is_whole_for_whoever_points_at_it() -> None:
    long = "a" * 60
    plan = compiled(
        f"version: 1\nlisteners: {{web: {{bind: ':1', to: {long}}}}}\nupstreams: {{{long}: {{endpoints: ['{'h' * 50}.example:80']}}}}\n"
    )
    svg = draw(plan, "shop")
    assert long not in texts(svg)
    assert f"<title>{long}</title>" in svg
    assert f"<title>{'h' * 50}.example:80</title>" in svg


def test_a_drawing_needs_nothing_and_does_nothing() -> None:
    svg = draw(compiled(large()), "shop")
    assert "prefers-color-scheme: dark" in svg
    assert not re.search(r"<script|<image|<a |href|url\(|@import|@font-face|on\w+=|<foreignObject", svg)
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    root = parsed(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "title description"
    assert root.findtext(f"{SVG}title") == "shop"
    assert "group orders: roles: reverse proxy" in (root.findtext(f"{SVG}desc") or "")


def test_text_is_text() -> None:
    owner = '"<script>&amp;\\u202E\\u0007</text>"'
    plan = compiled(
        f"version: 1\nlisteners: {{web: {{bind: ':1'}}}}\ngroups: {{g: {{owner: {owner}, respond: '<b>'}}}}\n"
    )
    svg = draw(plan, "<name> & \x00")
    assert "<script>&amp;��</text>" in texts(svg)
    assert texts(svg)[0] == "<name> & �"


def test_the_same_plan_is_the_same_drawing() -> None:
    assert draw(compiled(large()), "shop") == draw(compiled(large()), "shop")


def test_a_drawing_is_the_same_on_every_machine(tmp_path: Path) -> None:
    text = "version: 1\nlisteners: {web: {bind: ':1', files: public/site}}\n"
    svg = draw(compiled(text, tmp_path / "here"), "shop")
    assert svg == draw(compiled(text, tmp_path / "there"), "shop")
    assert "→ files site" in texts(svg)


def test_few_lines_cross() -> None:
    """Every group leads to its own upstream, beside it, and to the shared one."""
    picture = contents(compiled(large()))
    place(picture)
    order = [box.name for box in picture.upstreams if box.name in TEAMS]
    assert order == TEAMS
    for group, upstream in zip([box for box in picture.groups if box.name in TEAMS], order, strict=True):
        own = next(box for box in picture.upstreams if box.name == upstream)
        assert abs(group.center - own.center) < group.height


@given(st.text(), st.floats(1, 400), st.booleans())
def test_a_shortened_text_has_room(text: str, room: float, bold: bool) -> None:
    found = shortened(text, room, 12, bold=bold)
    assert found == text or found.endswith("…")
    assert width(found, 12, bold=bold) <= max(room, width("…", 12, bold=bold))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(10, 200)), max_size=30))
def test_boxes_settle_near_to_where_they_wish_and_never_over_each_other(wishes: list[tuple[int, int]]) -> None:
    wishes.sort(key=lambda wish: wish[0])
    tops = settled([center for center, _ in wishes], [height for _, height in wishes])
    ends = [top + height for top, (_, height) in zip(tops, wishes, strict=True)]
    for end, top in zip(ends, tops[1:], strict=False):
        assert top >= end
    if len(wishes) == 1:
        assert tops[0] + wishes[0][1] / 2 == wishes[0][0]
