"""What is said while a run goes on: to standard error, because the page goes to standard output."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
