"""From samples to figures: medians, ratios of the same round, and whether a goal was met."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.rows import Figure, Goal, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.samples import Delay, Footprint, Sample


@dataclass(frozen=True)
class Spread:
    """A median, and how far the rounds lie apart."""

    middle: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        known = list(values)
        return cls(median(known), min(known), max(known), len(known)) if known else None


@dataclass(frozen=True)
class Against:
    """Ours against the best of the peers that a goal names."""

    goal: Goal
    figures: dict[str, Spread]
    """Microseconds, by contender."""
    peer: str | None
    """None: there is nothing to compare."""
    ratio: Spread | None
    """Ours divided by the peer's of the same round."""

    @property
    def met(self) -> bool | None:
        return None if self.ratio is None else round(self.ratio.middle, 3) <= self.goal.most


@dataclass(frozen=True)
class Comparison:
    """One row: what each contender costs, and ours against others."""

    row: Row
    table: Table
    costs: dict[str, Spread]
    """Microseconds of CPU per request."""
    rates: dict[str, Spread]
    voids: dict[str, list[str]]
    against: tuple[Against, ...]
    """One for each of the row's goals."""

    @property
    def best(self) -> Against:
        """The first goal, which is the only one of rows in which everybody takes part."""
        return self.against[0]


def compare(samples: Sequence[Sample], row: Row, table: Table) -> Comparison:
    mine = [sample for sample in samples if sample.row == row.id and sample.table == table]
    names = list(dict.fromkeys(sample.contender for sample in mine))
    valid = {name: [s for s in mine if s.contender == name and s.void is None] for name in names}
    return Comparison(
        row,
        table,
        spreads(valid, lambda sample: sample.microseconds),
        spreads(valid, lambda sample: sample.rate),
        {name: [s.void for s in mine if s.contender == name and s.void] for name in names},
        tuple(against(valid, row, goal) for goal in row.goals),
    )


def against(valid: dict[str, list[Sample]], row: Row, goal: Goal) -> Against:
    found = spreads(valid, lambda sample: sample.figure(goal.figure))
    peers = [name for name in found if name != row.ours and (not goal.peers or name in goal.peers)]
    best = min(peers, key=lambda name: found[name].middle, default=None)
    ratio = Spread.of(ratios(valid.get(row.ours, []), valid[best], goal.figure)) if best else None
    return Against(goal, found, best, ratio)


def spreads(samples: dict[str, list[Sample]], value: Callable[[Sample], float]) -> dict[str, Spread]:
    found = {name: Spread.of(value(sample) for sample in own) for name, own in samples.items()}
    return {name: spread for name, spread in found.items() if spread}


def ratios(ours: Sequence[Sample], theirs: Sequence[Sample], figure: Figure) -> list[float]:
    """Of rounds in which both count: what slows the machine for a while slows both."""
    by_round = {sample.round: sample.figure(figure) for sample in theirs}
    return [sample.figure(figure) / by_round[sample.round] for sample in ours if sample.round in by_round]


def added_delays(delays: Sequence[Delay], direct: str) -> dict[str, Spread]:
    """99th percentile in seconds beyond that of the backend alone in the same round."""
    base = {delay.round: delay.p99_seconds for delay in delays if delay.contender == direct and not delay.void}
    added: dict[str, list[float]] = {}
    for delay in delays:
        if delay.contender != direct and not delay.void and delay.round in base:
            added.setdefault(delay.contender, []).append(delay.p99_seconds - base[delay.round])
    found = {name: Spread.of(values) for name, values in added.items()}
    return {name: spread for name, spread in found.items() if spread}


def footprints(measured: Sequence[Footprint], value: Callable[[Footprint], float | None]) -> dict[str, Spread]:
    by_name: dict[str, list[float]] = {}
    for footprint in measured:
        size = value(footprint)
        if size is not None and footprint.void is None:
            by_name.setdefault(footprint.contender, []).append(size)
    found = {name: Spread.of(values) for name, values in by_name.items()}
    return {name: spread for name, spread in found.items() if spread}


def foreign_share(samples: Sequence[Sample]) -> Spread | None:
    return Spread.of(sample.foreign for sample in samples if not math.isnan(sample.foreign))
