"""What sends requests: as fast as it can (by wrk, h2load and others), an open loop at a fixed rate, and idle
connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.load import h2load, handshakes, programs, wrk
from bench.rows import Loader

if TYPE_CHECKING:
    from bench.load.figures import Load
    from bench.rows import Row

LOADERS = {
    Loader.WRK: wrk.run,
    Loader.HANDSHAKES: handshakes.run,
    Loader.RESUMPTIONS: handshakes.run,
    Loader.H2LOAD: h2load.run,
    Loader.HTTP3: programs.http3,
    Loader.DATAGRAMS: programs.datagrams,
}


def run(row: Row, port: int, seconds: int, core: int) -> Load:
    """A row's load, for so long, from that core."""
    return LOADERS[row.loader](row, port, seconds, core)
