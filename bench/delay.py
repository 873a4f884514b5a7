"""How much later answers come because a proxy stands between, at half the rate that NGINX can do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load import open_loop
from bench.processes import run_pinned
from bench.rows import SMALL
from bench.samples import Delay

if TYPE_CHECKING:
    from bench.machine import Cores

CONNECTIONS = 64
SHARE_OF_SATURATION = 0.5
SPARE_SECONDS = 30
DIRECT = "backend"
"""The name under which the backend without any proxy is measured."""


def measure(round_number: int, name: str, port: int, rate: float, seconds: float, cores: Cores) -> Delay:
    """The seed is the round's number: every contender of a round meets the same moments."""
    program = str(Path(open_loop.__file__))
    arguments = [str(port), SMALL, f"{rate:.0f}", str(seconds), str(CONNECTIONS), str(round_number)]
    figures = json.loads(run_pinned([sys.executable, program, *arguments], cores.load, seconds + SPARE_SECONDS))
    errors = int(figures["errors"])
    return Delay(
        round_number,
        name,
        rate,
        int(figures["requests"]),
        figures["p50_seconds"],
        figures["p99_seconds"],
        f"{errors} of {figures['requests'] + errors} requests failed or were too late" if errors else None,
    )
