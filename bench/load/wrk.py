"""Saturating load: every connection sends its next request as soon as it has an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import Failure, run_pinned

if TYPE_CHECKING:
    from bench.rows import Row

SCRIPT = Path(__file__).with_name("report.lua")
ERRORS = ("connect", "read", "write", "status", "timeout")
SPARE_SECONDS = 30
"""How much longer than asked for wrk may take before the run is given up."""


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    requests: int
    seconds: float
    median_seconds: float
    """Of the latencies."""
    errors: dict[str, int]
    """By kind, only those that happened."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def command(row: Row, port: int, seconds: int) -> list[str]:
    close = ["--header", "Connection: close"] if row.new_connections else []
    return [
        *("wrk", "--threads", "1", "--connections", str(row.connections), "--duration", f"{seconds}s"),
        *("--script", str(SCRIPT), *close, f"http://127.0.0.1:{port}{row.path}"),
        *(["--", row.body] if row.body else []),
    ]


def run(row: Row, port: int, seconds: int, core: int) -> Load:
    return parse(run_pinned(command(row, port, seconds), core, seconds + SPARE_SECONDS))


def parse(output: str) -> Load:
    for line in output.splitlines():
        if line.startswith("figures "):
            figures = json.loads(line.removeprefix("figures "))
            return Load(
                requests=figures["requests"],
                seconds=figures["microseconds"] / 1e6,
                median_seconds=figures["median"] / 1e6,
                errors={kind: figures[kind] for kind in ERRORS if figures[kind]},
            )
    raise Failure(f"wrk printed no figures:\n{output}")
