"""What processes hold while they work: memory and descriptors, and whether that grows."""

from __future__ import annotations

import os
import statistics
import threading
from dataclasses import dataclass, field
from pathlib import Path

from harness.process import process_memory

EVERY_SECONDS = 0.5
MIB = 1 << 20


@dataclass
class Held:
    """Samples of one figure, in order."""

    name: str
    spare: float
    """Growth that says nothing."""
    values: list[float] = field(default_factory=list)

    def quarter(self, number: int) -> float:
        """The median of one quarter of the time, 0 to 3."""
        size = len(self.values) // 4
        return statistics.median(self.values[number * size : (number + 1) * size])

    @property
    def growth(self) -> float:
        """From the second quarter, when everything has been used once, to the last."""
        return self.quarter(3) - self.quarter(1)

    @property
    def flat(self) -> bool:
        return self.growth <= max(self.spare, 0.05 * self.quarter(1))


class Watch:
    """Takes samples of a process on a thread of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.memory = Held("memory (MiB)", 3.0)
        self.files = Held("descriptors", 16)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.ended.wait(EVERY_SECONDS):
            self.memory.values.append(process_memory(self.pid) / MIB)
            self.files.values.append(len(os.listdir(Path("/proc") / str(self.pid) / "fd")))

    def end(self) -> list[Held]:
        self.ended.set()
        self.thread.join()
        return [self.memory, self.files]
