"""One TLS connection after the other, each for one request, by `openssl s_time`: every handshake full, or every one
but the first resumed."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from bench.load.figures import Load
from bench.processes import Failure, run_pinned
from bench.rows import Loader

if TYPE_CHECKING:
    from bench.rows import Row

SPARE_SECONDS = 30
LETTERS = re.compile(r"^[rt*]+$", re.MULTILINE)
MOST_WRONG = 0.01
COUNT = re.compile(r"^(\d+) connections in (\d+) real seconds", re.MULTILINE)


def command(row: Row, port: int, seconds: int) -> list[str]:
    kind = "-reuse" if row.loader is Loader.RESUMPTIONS else "-new"
    where = f"127.0.0.1:{port}"
    return ["openssl", "s_time", "-connect", where, kind, "-www", row.path, "-time", str(seconds)]


def run(row: Row, port: int, seconds: int, core: int) -> Load:
    output = run_pinned(command(row, port, seconds), core, seconds + SPARE_SECONDS)
    return parse(output, seconds, resumed=row.loader is Loader.RESUMPTIONS)


def parse(output: str, seconds: int, *, resumed: bool) -> Load:
    """It ends with its first error, and prints figures only if there was none; before them a letter for each
    connection, `r` where it was resumed. The first one of all cannot be."""
    found = COUNT.search(output)
    if found is None:
        raise Failure(f"openssl s_time printed no figures:\n{output}")
    count = int(found[1])
    letters = LETTERS.findall(output)
    again = sum(text.count("r") for text in letters)
    wrong = count - again if resumed else again
    errors = {"not resumed" if resumed else "resumed": wrong} if wrong > count * MOST_WRONG else {}
    return Load(count, float(seconds), math.nan, errors)
