"""Plays cells of the matrix at random, on several threads, for a while."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import Counter
from typing import TYPE_CHECKING

from matrix.features import FEATURES, Cell
from matrix.world import CLIENTS, UPSTREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix.world import World

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

    def run(self, chance: random.Random, wanted: Callable[[str], bool]) -> None:
        cells = [
            (name, client, upstream)
            for name in FEATURES
            if wanted(name)
            for client in CLIENTS
            for upstream in UPSTREAMS
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
