"""Runs everything at once: every feature through every pair of protocols, at random, on several threads, with reloads.

    make mixed
    make mixed SECONDS=60

It prints what failed, and what memory and descriptors did; it ends with 1 if anything failed or grew.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

from matrix.cells import why_empty
from matrix.features import FEATURES, Cell
from matrix.world import CLIENTS, UPSTREAMS, World
from mixed.watch import Watch

THREADS = 6
ALONE = "A reload while an answer is under way"
"""Of this there is one at a time: it waits for its own configuration."""


class Mixed:
    def __init__(self, world: World, seconds: float, seed: int) -> None:
        self.world, self.end = world, time.monotonic() + seconds
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        kinds = [lambda name: name != ALONE] * THREADS + [lambda name: name == ALONE]
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(f"{seed}-{number}"), wanted), daemon=True)
            for number, wanted in enumerate(kinds)
        ]

    def run(self, chance: random.Random, wanted: object) -> None:
        cells = [
            (name, client, upstream)
            for name in FEATURES
            if wanted(name)  # type: ignore[operator]
            for client in CLIENTS
            for upstream in UPSTREAMS
            if why_empty(name, client, upstream) is None
        ]
        while time.monotonic() < self.end and len(self.failures) < 20:
            name, client, upstream = chance.choice(cells)
            cell = Cell(self.world, client, upstream)
            try:
                FEATURES[name](cell)
                self.done[name] += 1
            except BaseException:
                self.failures.append(f"{name}: {client} to {upstream}:\n{traceback.format_exc(limit=-3)}")
            cell.end()

    def play(self) -> None:
        for each in self.threads:
            each.start()
        for each in self.threads:
            each.join()


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
