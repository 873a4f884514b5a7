"""Memory at start, and per idle keep-alive connection.

Connections are opened one after the other, make one request each and then rest: what a proxy keeps for a
connection on which nothing happens. The pages counted are those of the process, divided among processes
that share them; the kernel's socket buffers cost every proxy the same.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import accounting
from bench.load import idle, wrk
from bench.processes import Failure, open_files_limit, popen
from bench.rows import IDLE_CONNECTIONS, ROWS, SMALL
from bench.samples import Footprint

if TYPE_CHECKING:
    from bench.machine import Cores
    from bench.running import Running

SETTLE_SECONDS = 1.5
OPEN_SECONDS = 60
FILES_PER_CONNECTION = 2
"""NGINX and HAProxy reserve both sides' descriptors beforehand."""


def idle_connections() -> int:
    """As many as the goal says, fewer where the limit of open files is lower."""
    return min(IDLE_CONNECTIONS, open_files_limit() // FILES_PER_CONNECTION - 500)


def measure(round_number: int, running: Running, cores: Cores) -> Footprint:
    """To be called before anything else has used the contender."""
    start = accounting.memory(accounting.tree(running.pid)).resident
    warm_up(running, cores)
    count = idle_connections()
    time.sleep(SETTLE_SECONDS)
    before = proportional(running)
    client = popen(
        [sys.executable, str(Path(idle.__file__)), str(running.setting.http_port), SMALL, str(count)],
        cores.load,
        subprocess.PIPE,
        subprocess.PIPE,
        standard_input=subprocess.PIPE,
    )
    try:
        if client.stdout is None or client.stdout.readline() != b"ready\n":
            _, errors = client.communicate(timeout=OPEN_SECONDS)
            raise Failure(f"{running.name}: {count} idle connections failed: {errors.decode().strip()}")
        running.expected_lines += count
        time.sleep(SETTLE_SECONDS)
        after = proportional(running)
        still_open = int(client.communicate(timeout=OPEN_SECONDS)[0])
    finally:
        client.kill()
        client.wait()
    void = None if still_open == count else f"{count - still_open} of {count} idle connections were closed"
    return Footprint(round_number, running.name, start, (after - before) / count, void)


def measure_start(round_number: int, running: Running) -> Footprint:
    """Only what it needs to start: for one whose requests are not measured."""
    time.sleep(SETTLE_SECONDS)
    return Footprint(round_number, running.name, accounting.memory(accounting.tree(running.pid)).resident, None)


def proportional(running: Running) -> int:
    return accounting.memory(accounting.tree(running.pid)).proportional


def warm_up(running: Running, cores: Cores) -> None:
    """So that what a process keeps after its first requests, for whatever comes, is not counted as connections'."""
    row = ROWS[0]
    running.expect(row, wrk.run(row, running.setting.http_port, 1, cores.load).requests)
