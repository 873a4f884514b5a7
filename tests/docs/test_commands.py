"""Every command of a page is run, in its order, with the files that the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .pages import Page, pages
from .scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

TO_PLAY = [page for page in pages() if any(block.language == "sh" for block in page.blocks())]


@pytest.mark.tool("curl", "curl")
@pytest.mark.parametrize("page", TO_PLAY, ids=lambda page: page.name)
def test_a_page(page: Page, tmp_path: Path) -> None:
    with Scenario(page, tmp_path) as scenario:
        assert scenario.play() > 0


def test_the_pages_that_must_have_commands_have_some() -> None:
    named = {page.name for page in TO_PLAY}
    assert {"README.md", "docs/guides/getting-started.md", "docs/guides/reloading.md"} <= named
    assert {"examples/reverse-proxy/README.md", "examples/load-balancer-l4/README.md"} <= named
