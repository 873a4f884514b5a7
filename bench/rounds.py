"""The order of a whole run: every contender meets every row in every round, in random order.

All contenders of a table run side by side for one round and rest while it is not their turn. They are
started anew each round, so that the luck of one start (where its memory lies) does not decide a row.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bench import backend, delay, load, measure, memory, peers
from bench.folders import RUN
from bench.options import Options, Part
from bench.processes import Children, Failure
from bench.rows import LATENCY_PEER, ROWS, Row, Table
from bench.running import Running, check_answers, check_sizes, start
from bench.samples import Footprint, Results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bench.machine import Cores
    from bench.peers.contender import Contender

Item = TypeVar("Item")


@dataclass
class Rounds:
    options: Options
    contenders: Sequence[Contender]
    backend_binary: Path
    cores: Cores
    say: Callable[[str], None]
    with_python: bool = False
    """Whether the memory of `glorieta run` is measured too."""

    def __post_init__(self) -> None:
        self.results = Results()
        self.chance = random.Random(self.options.seed)
        self.rate: float | None = None

    def run(self) -> Results:
        shutil.rmtree(RUN, ignore_errors=True)
        with Children() as children:
            self.backend = backend.start(children, self.backend_binary, self.cores.load, RUN / "backend")
            for number in range(1, self.options.rounds + 1):
                for table in self.options.tables:
                    self.say(f"round {number} of {self.options.rounds}, {table}")
                    self.round(number, table)
        return self.results

    def round(self, number: int, table: Table) -> None:
        folder = RUN / f"{number}-{table}"
        rows = [row for row in self.options.rows if table in row.tables]
        wanted = [contender for contender in self.options.taking_part(table) if contender in self.contenders]
        with Children() as children:
            running = [
                start(contender, children, self.cores, folder, table, self.backend)
                for contender in self.shuffled(wanted)
            ]
            if table is Table.HANDLERS:
                for row in rows:
                    check_answers(row, [one for one in running if one.contender.takes_part(row)])
            if table is Table.PROTOCOLS:
                for row in rows:
                    check_sizes(row, [one for one in running if one.contender.takes_part(row)])
            if Part.MEMORY in self.options.parts and table is Table.EQUAL:
                self.footprints(number, running)
                self.footprint_with_python(number, folder)
            if Part.CPU in self.options.parts:
                for row in rows:
                    self.row(number, row, running)
            if Part.DELAY in self.options.parts and table is Table.EQUAL:
                self.delays(number, running)
        # Only now have all of them written what they had buffered.
        if table is Table.EQUAL:
            for one in running:
                self.results.count_log(one.name, one.log_lines(), one.expected_lines)
        shutil.rmtree(folder, ignore_errors=True)

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        return self.chance.sample(items, len(items))

    def row(self, number: int, row: Row, running: Sequence[Running]) -> None:
        for one in self.shuffled([one for one in running if one.contender.takes_part(row)]):
            port = one.setting.port(row.layer)
            one.expect(row, load.run(row, port, one.contender.warm_up_seconds, self.cores.load).requests)
            table = one.setting.table
            sample = measure.measure(number, table, row, one.name, one.pid, port, self.options.seconds, self.cores)
            one.expect(row, sample.requests)
            self.results.samples.append(sample)
            figure = f"VOID, {sample.void}" if sample.void else f"{sample.microseconds:7.1f} µs"
            half = f"{sample.median_seconds * 1e3:6.2f} ms p50"
            self.say(f"  {row.id:<14} {one.name:<17} {figure}  {sample.requests / sample.seconds:8.0f}/s  {half}")
            if not one.child.running():
                raise Failure(f"{one.name} ended under load:\n{one.child.last_lines()}")

    def footprints(self, number: int, running: Sequence[Running]) -> None:
        for one in self.shuffled(running):
            footprint = memory.measure(number, one, self.cores)
            self.results.footprints.append(footprint)
            self.say_footprint(footprint)

    def footprint_with_python(self, number: int, folder: Path) -> None:
        if not self.with_python:
            return
        with Children() as children:
            one = start(peers.WITH_PYTHON, children, self.cores, folder, Table.EQUAL, self.backend)
            footprint = memory.measure_start(number, one)
        self.results.footprints.append(footprint)
        self.say_footprint(footprint)

    def say_footprint(self, footprint: Footprint) -> None:
        idle = "" if footprint.idle_bytes is None else f"  {footprint.idle_bytes / 1024:6.2f} KiB per idle connection"
        void = f"  VOID, {footprint.void}" if footprint.void else ""
        self.say(f"  {'memory':<10} {footprint.contender:<9} {footprint.start_bytes / 1e6:7.1f} MB{idle}{void}")

    def delays(self, number: int, running: Sequence[Running]) -> None:
        by_name = {one.name: one for one in running}
        if LATENCY_PEER not in by_name:
            self.say(f"  no latency: the rate is half of what {LATENCY_PEER} can do, and it does not take part")
            return
        if self.rate is None:
            self.rate = self.half_saturating_rate(by_name[LATENCY_PEER])
        for name in self.shuffled([*by_name, delay.DIRECT]):
            one = by_name.get(name)
            port = one.setting.http_port if one else self.backend.port
            found = delay.measure(number, name, port, self.rate, self.options.seconds, self.cores)
            if one:
                one.expected_lines += found.requests
            self.results.delays.append(found)
            figure = f"VOID, {found.void}" if found.void else f"{found.p99_seconds * 1e3:7.2f} ms p99"
            self.say(f"  {'delay':<10} {name:<9} {figure}  at {found.rate:.0f}/s")

    def half_saturating_rate(self, peer: Running) -> float:
        found = load.run(ROWS[0], peer.setting.http_port, self.options.seconds, self.cores.load)
        peer.expect(ROWS[0], found.requests)
        return found.rate * delay.SHARE_OF_SATURATION
