"""Saturating load: every connection sends its next request as soon as it has an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load.figures import Load
from bench.processes import Failure, run_pinned
from bench.rows import Layer

if TYPE_CHECKING:
    from bench.rows import Row

SCRIPT = Path(__file__).with_name("report.lua")
ERRORS = ("connect", "read", "write", "status", "timeout")
SPARE_SECONDS = 30
"""How much longer than asked for wrk may take before the run is given up."""


def command(row: Row, port: int, seconds: int) -> list[str]:
    scheme = "https" if row.layer is Layer.TLS else "http"
    headers = ["Connection: close"] if row.new_connections else []
    return [
        *("wrk", "--threads", "1", "--connections", str(row.connections), "--duration", f"{seconds}s"),
        *("--script", str(SCRIPT)),
        *(word for header in (*headers, *row.headers) for word in ("--header", header)),
        f"{scheme}://127.0.0.1:{port}{row.path}",
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
