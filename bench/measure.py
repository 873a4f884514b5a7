"""One contender under one load, once."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from bench import accounting
from bench import load as loads
from bench.meanwhile import Asked, asking
from bench.samples import Sample

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from bench.accounting import Reading
    from bench.load.figures import Load
    from bench.machine import Cores
    from bench.rows import Row, Table

NEW_CONNECTIONS_SHARE = 0.99
"""Of the requests of a row with new connections, at least so many must really have opened one."""


def measure(
    round_number: int, table: Table, row: Row, contender: str, pid: int, port: int, seconds: int, cores: Cores
) -> Sample:
    with beside(row, contender, port, cores) as asked:
        before = accounting.read(pid, cores.proxy)
        load = loads.run(row, port, seconds, cores.load)
        after = accounting.read(pid, cores.proxy)
    accepted = after.accepted - before.accepted
    cpu = after.first - before.first if row.meanwhile else after.cpu - before.cpu
    return Sample(
        round=round_number,
        table=table,
        row=row.id,
        contender=contender,
        requests=load.requests,
        seconds=load.seconds,
        cpu_seconds=cpu,
        median_seconds=load.median_seconds,
        accepted=accepted,
        foreign=foreign(before, after),
        void=why_void(row, load, accepted, before.pids == after.pids) or unanswered(row, asked),
    )


def beside(row: Row, contender: str, port: int, cores: Cores) -> AbstractContextManager[Asked | None]:
    """Ours alone has what the row asks for meanwhile."""
    if row.meanwhile is None or contender != row.ours:
        return nullcontext()
    return asking(port, row.meanwhile, cores.load)


def unanswered(row: Row, asked: Asked | None) -> str | None:
    return f"{row.meanwhile} was never answered meanwhile" if asked and asked.answered == 0 else None


def foreign(before: Reading, after: Reading) -> float:
    """What used the proxy's core beside the proxy, as a share of the time; the host's theft included."""
    busy = after.core.busy - before.core.busy
    stolen = after.core.stolen - before.core.stolen
    other = busy + stolen - (after.cpu - before.cpu)
    return max(other, 0.0) / (after.seconds - before.seconds)


def why_void(row: Row, load: Load, accepted: int, same_processes: bool) -> str | None:
    if load.errors:
        return "errors: " + ", ".join(f"{count} {kind}" for kind, count in load.errors.items())
    if load.requests == 0:
        return "no request was answered"
    if not same_processes:
        return "its processes changed while they were measured"
    if row.new_connections and accepted < load.requests * NEW_CONNECTIONS_SHARE:
        return f"only {accepted} connections were opened for {load.requests} requests"
    return None
