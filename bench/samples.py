"""What was measured, as plain values: written by the rounds, read by the figures and the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bench.rows import Figure

if TYPE_CHECKING:
    from bench.rows import Table


@dataclass(frozen=True)
class Sample:
    """One contender under one row's load, once."""

    round: int
    table: Table
    row: str
    contender: str
    requests: int
    seconds: float
    cpu_seconds: float
    """User and system time of the contender's processes."""
    median_seconds: float
    """Of the latencies, seen from the load."""
    accepted: int
    """TCP connections accepted on the whole machine meanwhile."""
    foreign: float
    """Share of the proxy's core that something else used, the host's theft included."""
    void: str | None
    """Why this says nothing."""

    @property
    def microseconds(self) -> float:
        """CPU time per request."""
        return self.cpu_seconds / self.requests * 1e6

    def figure(self, figure: Figure) -> float:
        """Microseconds."""
        return self.microseconds if figure is Figure.CPU else self.median_seconds * 1e6

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Delay:
    """One contender (or the backend alone) under the open loop, once."""

    round: int
    contender: str
    rate: float
    """Requests per second that were due."""
    requests: int
    """That were answered."""
    p50_seconds: float
    p99_seconds: float
    void: str | None


@dataclass(frozen=True)
class Footprint:
    """One contender's memory, once."""

    round: int
    contender: str
    start_bytes: int
    """Resident, after the start and the first request."""
    idle_bytes: float | None
    """Per idle connection; none where that was not measured."""
    void: str | None = None


@dataclass
class Results:
    samples: list[Sample] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)
    logs: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By contender: lines in its access logs, and lines that there should be."""

    def count_log(self, contender: str, lines: int, expected: int) -> None:
        before = self.logs.get(contender, (0, 0))
        self.logs[contender] = (before[0] + lines, before[1] + expected)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
