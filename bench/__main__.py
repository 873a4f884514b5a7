"""`python -m bench`: everything in one run. `--help` says what can be chosen."""

from __future__ import annotations

import json
import sys
import tomllib
from typing import TYPE_CHECKING

from bench import figures, machine, options, setup
from bench.folders import CHECKOUT, PARTIAL, RAW, RESULTS, TRIED
from bench.lock import alone
from bench.options import Part
from bench.peers import TITLES, WITH_PYTHON, named
from bench.peers.contender import Contender, installed
from bench.processes import Failure, end_on_signals
from bench.progress import say
from bench.report import chart
from bench.report.markdown import Page
from bench.rounds import Rounds
from bench.rows import OURS, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bench.options import Options
    from bench.samples import Results

PAGE_NAME = "README.md"
CHART_NAME = "chart.svg"
QUIET_SHARE = 0.10
"""Results of a run in which other work took more of the proxy's core than this are not published."""


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(arguments)
    end_on_signals()
    try:
        run(chosen)
        return 0
    except Failure as failure:
        say(f"bench: {failure}")
        return 1
    except KeyboardInterrupt:
        say("bench: stopped")
        return 130


def run(chosen: Options) -> None:
    left_out: list[str] = []

    def note(line: str) -> None:
        say(line)
        if line.startswith(("LEFT OUT: ", "MISSING: ")):
            left_out.append(line.split(": ", 1)[1])

    contenders = setup.prepare(chosen, note)
    backend = installed("nginx")
    if backend is None:
        raise Failure("the backend is an NGINX, and none is installed")
    python = with_python(chosen, note)
    cores = machine.take_cores()
    with alone():
        if machine.load_average() > machine.QUIET_LOAD:
            say(f"WARNING: other programs are working here (load {machine.load_average():.1f}); figures will be noisy")
        results = Rounds(chosen, contenders, backend, cores, say, python).run()
    RAW.write_text(json.dumps(results.as_json(), indent=1))
    publish(chosen, contenders, results, left_out)


def with_python(chosen: Options, note: Callable[[str], None]) -> bool:
    if Part.MEMORY not in chosen.parts or named(OURS) not in chosen.contenders:
        return False
    if why := WITH_PYTHON.absence():
        note(f"LEFT OUT: {WITH_PYTHON.title}: {why}")
    return why is None


def publish(chosen: Options, contenders: Sequence[Contender], results: Results, left_out: Sequence[str]) -> None:
    unfit = why_unfit(chosen, results, left_out)
    folder = PARTIAL if unfit else RESULTS
    folder.mkdir(exist_ok=True)
    page = Page(
        machine=machine.in_words(),
        titles=TITLES,
        versions={contender.name: contender.version() for contender in contenders},
        rows=chosen.rows,
        tables=chosen.tables,
        rounds=chosen.rounds,
        seconds=chosen.seconds,
        left_out=left_out,
        tried=tomllib.loads(TRIED.read_text()) if TRIED.exists() else {},
        chart=draw(chosen, results, folder),
    )
    text = page.write(results)
    (folder / PAGE_NAME).write_text(text)
    print(text)
    say(f"written to {folder.relative_to(CHECKOUT)}/")
    if unfit:
        say(f"The published results stay as they are: {unfit}.")


def why_unfit(chosen: Options, results: Results, left_out: Sequence[str]) -> str | None:
    """Why these results may not replace the published ones; None: they may."""
    if not chosen.complete or left_out:
        return "something was left out"
    foreign = figures.foreign_share(results.samples)
    if foreign and foreign.middle > QUIET_SHARE:
        return f"other programs used {foreign.middle:.0%} of the proxy's core"
    return None


def draw(chosen: Options, results: Results, folder: Path) -> str | None:
    """The chart's name beside the page; nothing where there is nothing to compare. Handlers have none: each of their
    rows has other contenders."""
    table = Table.EQUAL if Table.EQUAL in chosen.tables else Table.BARE
    comparisons = [figures.compare(results.samples, row, table) for row in chosen.rows if table in row.tables]
    if not any(one.best.peer for one in comparisons):
        return None
    (folder / CHART_NAME).write_text(chart.draw(comparisons, TITLES))
    return CHART_NAME


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
