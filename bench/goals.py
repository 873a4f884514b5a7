"""The goals, each with what was reached: met, missed, or not measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import figures
from bench.delay import DIRECT
from bench.peers import TITLES, WITH_PYTHON
from bench.rows import (
    IDLE_GOAL_BYTES,
    LATENCY_PEER,
    OURS,
    START_GOAL_BYTES,
    START_WITH_PYTHON_GOAL_BYTES,
    Figure,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figures import Comparison, Spread
    from bench.rows import Goal, Row
    from bench.samples import Results


@dataclass(frozen=True)
class Verdict:
    id: str
    title: str
    goal: str
    reached: str
    met: bool | None
    """None: not measured."""

    @property
    def word(self) -> str:
        return {True: "met", False: "MISSED", None: "not measured"}[self.met]


def verdicts(results: Results, rows: Sequence[Row]) -> list[Verdict]:
    """Of what was to be measured in this run."""
    found = []
    for table in (Table.EQUAL, Table.HANDLERS, Table.PROTOCOLS):
        if any(sample.table is table for sample in results.samples):
            found += [
                verdict
                for row in rows
                if table in row.tables
                for verdict in row_verdicts(figures.compare(results.samples, row, table))
            ]
    if results.delays:
        found.append(delay_verdict(results))
    if results.footprints:
        found += memory_verdicts(results)
    return found


def row_verdicts(comparison: Comparison) -> list[Verdict]:
    row = comparison.row
    found = []
    for one in comparison.against:
        reached = f"{one.ratio.middle:.2f} of {TITLES[one.peer]}" if one.ratio and one.peer else "–"
        found.append(Verdict(row.goal_id(one.goal), row.title, goal_in_words(one.goal), reached, one.met))
    return found


def goal_in_words(goal: Goal) -> str:
    """Such as `≤ 0.30 of fastify + undici`."""
    peers = " or ".join(TITLES[name] for name in goal.peers) or "the best peer"
    figure = "" if goal.figure is Figure.CPU else f", {goal.figure}"
    return f"≤ {goal.most:.2f} of {peers}{figure}"


def delay_verdict(results: Results) -> Verdict:
    """Judged by the difference in the same round, as the ratios are."""
    added = figures.added_delays(results.delays, DIRECT)
    title = "Added 99th percentile, open loop at half the saturating rate"
    ours, theirs = added.get(OURS), added.get(LATENCY_PEER)
    peer = TITLES[LATENCY_PEER]
    if ours is None or theirs is None:
        return Verdict("delay", title, f"≤ {peer}'s", "–", None)
    reached = f"{ours.middle * 1e3:.2f} ms, {peer} {theirs.middle * 1e3:.2f} ms"
    return Verdict("delay", title, f"≤ {peer}'s", reached, ours.middle <= theirs.middle)


def memory_verdicts(results: Results) -> list[Verdict]:
    starts = figures.footprints(results.footprints, lambda footprint: footprint.start_bytes)
    idle = figures.footprints(results.footprints, lambda footprint: footprint.idle_bytes)
    return [
        size_verdict("start", "Resident at start, engine alone", START_GOAL_BYTES, starts.get(OURS), 1e6, "MB"),
        size_verdict(
            "start-python",
            "Resident at start, with Python",
            START_WITH_PYTHON_GOAL_BYTES,
            starts.get(WITH_PYTHON.name),
            1e6,
            "MB",
        ),
        size_verdict("idle", "One idle keep-alive connection", IDLE_GOAL_BYTES, idle.get(OURS), 1024, "KiB"),
    ]


def size_verdict(name: str, title: str, goal: float, reached: Spread | None, unit: float, word: str) -> Verdict:
    text = f"{reached.middle / unit:.2f} {word}" if reached else "–"
    return Verdict(name, title, f"≤ {goal / unit:.1f} {word}", text, reached.middle <= goal if reached else None)


def missed(found: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in found if verdict.met is False]
