"""The ruler is checked before anything is measured with it."""

from __future__ import annotations

import pytest

from .matching import contains, matches
from .moving import Moved
from .pages import Page, anchor


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\n", False),
        ("a\nb", "a\nb\nc\n", False),
        ("pid …, port 1", "pid 17, port 1", True),
        ("pid …, port 1", "pid 17\n, port 1", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…", "a\nb\nc", True),
        ("a\n…", "b\na", False),
        ("(1.5)", "(125)", False),
        ("  a    b", "  a      b", True),
        ("  a  b", " a  b", False),
    ],
)
def test_what_is_shown_and_what_is_printed(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_a_part_of_what_is_printed() -> None:
    assert contains("b\nc", "a\nb\nc\nd")
    assert contains("b …\nd", "a\nb 17\nd\n")
    assert not contains("b", "a\nbc\nd")


def test_ports_are_moved_and_brought_back() -> None:
    moved = Moved()
    moved.notice('bind: ":8080"  service --port 3001 /a=3002 localhost:3003 [::1]:80 2026-01-01T10:20:30')
    assert set(moved.ports) == {8080, 3001, 3002, 3003}
    there = moved.there("localhost:8080 18080 8080ms v.8080 3001")
    assert there == f"localhost:{moved.ports[8080]} 18080 8080ms v.8080 {moved.ports[3001]}"
    assert moved.back(there) == "localhost:8080 18080 8080ms v.8080 3001"


def test_blocks_and_their_marks(tmp_path) -> None:
    text = "# A\n\n<!-- test: file a.yaml, refused -->\n```yaml\na: 1\n```\n\nb\n\n```sh\n# c\nd\n```\n<!-- test: not run, why -->\n```text\ne\n```\n"
    found = Page(tmp_path, text).blocks()
    assert [(block.language, block.mark, block.about) for block in found] == [
        ("yaml", "file", "a.yaml, refused"),
        ("sh", "", ""),
        ("text", "not run", "why"),
    ]
    assert [block.line for block in found] == [4, 10, 15]
    assert found[1].text == "# c\nd\n"


def test_anchors_are_those_of_the_web_site() -> None:
    assert anchor("Not built yet") == "not-built-yet"
    assert anchor("`reload`: what is kept, [and](x.md) not") == "reload-what-is-kept-and-not"
