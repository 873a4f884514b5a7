"""Every cell of the matrix works, and the documents say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .features import FEATURES, Cell
from .page import PAGE, page
from .world import CLIENTS, UPSTREAMS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

CELLS = [
    pytest.param(name, client, upstream, id=f"{name}: {client} to {upstream}")
    for name in FEATURES
    for client in CLIENTS
    for upstream in UPSTREAMS
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("matrix"))
    yield made
    made.stop()


@pytest.mark.parametrize(("name", "client", "upstream"), CELLS)
@pytest.mark.timeout(60)
def test_a_feature_works_through_a_pair_of_protocols(world: World, name: str, client: str, upstream: str) -> None:
    cell = Cell(world, client, upstream)
    FEATURES[name](cell)
    cell.end()
    world.glorieta.check()


def test_the_documents_say_so() -> None:
    assert PAGE.read_text() == page(), "python -m matrix.page writes the page anew"
