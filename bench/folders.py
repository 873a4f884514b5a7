"""Where the bench reads and writes. Everything but the results is under `.work/`, which git ignores."""

from __future__ import annotations

from pathlib import Path

BENCH = Path(__file__).resolve().parent
CHECKOUT = BENCH.parent
WORK = BENCH / ".work"
RUN = WORK / "run"
"""Configurations and logs of the contenders of the run under way."""
RAW = WORK / "raw.json"
PARTIAL = WORK / "partial"
"""Results of runs that left something out."""
RESULTS = BENCH / "results"
TRIED = BENCH / "tried.toml"
"""What was tried for goals that are missed, by hand."""
