"""Runs everything at once: every feature through every pair of protocols, at random, on several threads, with reloads.

    make mixed
    make mixed SECONDS=60

It prints what failed, and what memory and descriptors did; it ends with 1 if anything failed or grew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matrix.world import World
from mixed.playing import Mixed
from mixed.watch import Watch


def main(seconds: float, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            mixed, watch = Mixed(world, seconds, seed), Watch(world.glorieta.pid)
            mixed.play()
            held = watch.end()
        finally:
            world.stop()
    for name, count in sorted(mixed.done.items()):
        print(f"{count:>7}  {name}")
    for failure in mixed.failures:
        print(f"\nFAILED: {failure}")
    for one in held:
        quarters = ", ".join(f"{one.quarter(number):.1f}" for number in range(4))
        print(f"{one.name}: {quarters} in each quarter of the time; {'flat' if one.flat else 'IT GROWS'}")
    return int(bool(mixed.failures) or not all(one.flat for one in held))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
