"""All YAML of the documents and examples is in the form that `glorieta fmt` gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError
from glorieta.config.formatting import format_text

from .pages import CHECKOUT, Block, pages

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = "glorieta fmt "
EXAMPLES = sorted((CHECKOUT / "examples").rglob("*.yaml"))


def is_formatted_below(block: Block, later: list[Block]) -> bool:
    """Whether the page itself shows how the file is formatted."""
    name = block.about.partition(",")[0]
    lines = [line.split() for each in later if each.language == "sh" for line in each.text.splitlines()]
    return any(line[:2] == FORMATS.split() and name in line and "--check" not in line for line in lines)


def blocks() -> list[Block]:
    found = []
    for page in pages():
        all_of_it = page.blocks()
        for number, block in enumerate(all_of_it):
            if block.language == "yaml" and not is_formatted_below(block, all_of_it[number:]):
                found.append(block)
    return found


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.place)
def test_a_block_is_formatted(block: Block) -> None:
    try:
        formatted = format_text(block.text, block.place)
    except ConfigError:
        assert "refused" in (block.mark, block.about.partition(", ")[2]), "what is no YAML is shown to be refused"
        return
    assert block.text == formatted


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_is_formatted(path: Path) -> None:
    assert path.read_text() == format_text(path.read_text(), path.name)


def test_there_are_some() -> None:
    assert len(EXAMPLES) >= 4 and len(blocks()) >= 20
