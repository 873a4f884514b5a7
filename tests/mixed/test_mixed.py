"""Everything at once, shortly: nothing fails, and what it runs on stays up. `make mixed` does it for three minutes, and
watches memory and descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.world import World
from mixed.playing import Mixed

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 8.0


def test_everything_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        mixed = Mixed(world, SECONDS, seed=7)
        mixed.play()
        assert not mixed.failures, "\n".join(mixed.failures)
        assert sum(mixed.done.values()) > 0
    finally:
        world.stop()
