"""Where one contender's time goes under one row's load: `bench/profile ROW`, by perf."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from bench import accounting, backend, machine, peers, setup
from bench import load as loads
from bench.folders import RUN, WORK
from bench.lock import alone
from bench.options import Options
from bench.peers.contender import installed
from bench.processes import Children, Failure, end_on_signals, popen, run_pinned
from bench.progress import say
from bench.rows import ROWS, Table, row_named
from bench.running import start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.machine import Cores
    from bench.peers.contender import Contender
    from bench.rows import Row

DATA = WORK / "perf.data"
FREQUENCY = 1999
LEAST_PERCENT = 0.4
REPORT_SECONDS = 120


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench/profile", description=__doc__)
    parser.add_argument("row", nargs="?", default=ROWS[0].id, help=", ".join(row.id for row in ROWS))
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--table", type=Table, help=", ".join(Table))
    parser.add_argument("--contender", help=f"{', '.join(peers.NAMES)} (default: ours)")
    parser.add_argument("--no-build", action="store_true", help="take the release binary that is there")
    given = parser.parse_args(arguments)
    try:
        row = row_named(given.row)
        contender = peers.named(given.contender or row.ours)
    except ValueError as problem:
        parser.error(str(problem))
    end_on_signals()
    try:
        setup.prepare(Options(contenders=(contender,), build=not given.no_build), say)
        with alone():
            table = given.table or (Table.EQUAL if Table.EQUAL in row.tables else min(row.tables))
            print(profile(row, contender, table, given.seconds, machine.take_cores()))
    except Failure as failure:
        say(f"bench/profile: {failure}")
        return 1
    return 0


def profile(row: Row, contender: Contender, table: Table, seconds: int, cores: Cores) -> str:
    nginx = installed("nginx")
    if nginx is None or installed("perf") is None:
        raise Failure("perf and nginx are needed: apt-get install linux-perf nginx")
    shutil.rmtree(RUN, ignore_errors=True)
    with Children() as children:
        services = backend.start(children, nginx, cores.load, RUN / "backend")
        one = start(contender, children, cores, RUN, table, services)
        loads.run(row, one.setting.port(row.layer), 1, cores.load)
        record(row, one.setting.port(row.layer), one.pid, seconds, cores)
    report = ["perf", "report", "--input", str(DATA), "--stdio", "--no-children", "--call-graph", "none"]
    limit = ["--percent-limit", str(LEAST_PERCENT), "--sort", "symbol,dso"]
    return run_pinned([*report, *limit], cores.load, REPORT_SECONDS) + f"\nCallers: perf report --input {DATA}\n"


def record(row: Row, port: int, pid: int, seconds: int, cores: Cores) -> None:
    pids = ",".join(str(each) for each in accounting.tree(pid))
    command = ["perf", "record", "--quiet", "--freq", str(FREQUENCY), "-g", "--pid", pids, "--output", str(DATA)]
    recorder = popen([*command, "--", "sleep", str(seconds)], cores.load, subprocess.DEVNULL, subprocess.PIPE)
    try:
        load = loads.run(row, port, seconds, cores.load)
        _, errors = recorder.communicate(timeout=REPORT_SECONDS)
    finally:
        recorder.kill()
        recorder.wait()
    if recorder.returncode != 0:
        raise Failure(f"perf failed: {errors.decode(errors='replace').strip()}")
    say(f"{row.title}: {load.rate:.0f} requests/s, errors: {load.errors or 'none'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
