"""What a person may choose on the command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bench import peers
from bench.rows import ROWS, Row, Table, row_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers.contender import Contender


class Part(StrEnum):
    CPU = "cpu"
    DELAY = "delay"
    MEMORY = "memory"


ROUNDS = 5
"""Fewer say too little: results of such a run are not published."""
SECONDS = 2


@dataclass(frozen=True)
class Options:
    rounds: int = ROUNDS
    seconds: int = SECONDS
    rows: tuple[Row, ...] = ROWS
    contenders: tuple[Contender, ...] = peers.CONTENDERS
    tables: tuple[Table, ...] = tuple(Table)
    parts: tuple[Part, ...] = tuple(Part)
    build: bool = True
    install: bool = True
    seed: int = 0

    def taking_part(self, table: Table) -> tuple[Contender, ...]:
        """Who is needed for what this table measures."""
        everyone = table is Table.EQUAL and bool({Part.DELAY, Part.MEMORY} & set(self.parts))
        rows = [row for row in self.rows if table in row.tables]
        return tuple(
            contender
            for contender in self.contenders
            if table in contender.tables and (everyone or any(contender.takes_part(row) for row in rows))
        )

    @property
    def needed(self) -> tuple[Contender, ...]:
        """Who is needed at all."""
        wanted = {contender for table in self.tables for contender in self.taking_part(table)}
        return tuple(contender for contender in self.contenders if contender in wanted)

    @property
    def complete(self) -> bool:
        """Whether nothing was left out, so that the results may replace the published ones."""
        return (
            self.rounds >= ROUNDS
            and self.seconds >= SECONDS
            and set(self.rows) == set(ROWS)
            and set(self.contenders) == set(peers.CONTENDERS)
            and set(self.tables) == set(Table)
            and set(self.parts) == set(Part)
        )


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def choices(kind: type[StrEnum]) -> str:
    return ", ".join(kind)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=ROUNDS, help=f"how often each contender meets each row (default {ROUNDS})")
    add("--seconds", type=int, default=SECONDS, help=f"how long each time (default {SECONDS})")
    add("--rows", type=names, help=f"only these, separated by commas: {', '.join(row.id for row in ROWS)}")
    add("--only", type=names, help=f"only these contenders: {', '.join(peers.NAMES)}")
    add("--tables", type=names, help=f"only these: {choices(Table)}")
    add("--parts", type=names, help=f"only these: {choices(Part)}")
    add("--quick", action="store_true", help="one round of one second each: whether everything works, not how fast")
    add("--no-build", action="store_true", help="take the release binary that is there")
    add("--no-install", action="store_true", help="leave out what is not installed")
    add("--seed", type=int, default=0, help="of the random order (default 0)")
    return parser


def parse(arguments: Sequence[str]) -> Options:
    """Ends the program with a message where an argument is wrong."""
    reader = parser()
    given = reader.parse_args(arguments)
    try:
        options = Options(
            rounds=1 if given.quick else given.rounds,
            seconds=1 if given.quick else given.seconds,
            rows=tuple(map(row_named, given.rows)) if given.rows else ROWS,
            contenders=tuple(map(peers.named, given.only)) if given.only else peers.CONTENDERS,
            tables=tuple(map(Table, given.tables)) if given.tables else tuple(Table),
            parts=tuple(map(Part, given.parts)) if given.parts else tuple(Part),
            build=not given.no_build,
            install=not given.no_install,
            seed=given.seed,
        )
    except ValueError as problem:
        reader.error(str(problem))
    if options.rounds < 1 or options.seconds < 1:
        reader.error("--rounds and --seconds are at least 1")
    return options
