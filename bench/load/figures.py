"""What a load saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    median_seconds: float
    """Of the latencies; not a number where the load does not tell."""
    errors: dict[str, int]
    """By kind, only those that happened."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds
