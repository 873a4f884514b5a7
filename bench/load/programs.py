"""Loads that are programs of our own, run on the core of the load."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load.figures import Load
from bench.processes import run_pinned

if TYPE_CHECKING:
    from bench.rows import Row

HERE = Path(__file__).parent
SPARE_SECONDS = 30


def http3(row: Row, port: int, seconds: int, core: int) -> Load:
    return play("http3.py", [port, row.path, row.connections, row.streams], seconds, core, "status")


def datagrams(row: Row, port: int, seconds: int, core: int) -> Load:
    return play("datagrams.py", [port, row.connections], seconds, core, "lost")


def play(program: str, arguments: list[object], seconds: int, core: int, error: str) -> Load:
    """`error`: what an error of that program is called."""
    command = [sys.executable, str(HERE / program), *map(str, arguments), str(seconds)]
    figures = json.loads(run_pinned(command, core, seconds + SPARE_SECONDS))
    errors = {error: figures["errors"]} if figures["errors"] else {}
    return Load(figures["requests"], figures["seconds"], figures["median"], errors)
