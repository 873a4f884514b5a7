"""What a process tree costs, and what else ran meanwhile, as the kernel counts it.

CPU time comes from each process's CPU clock: nanoseconds, all threads, ended ones too. It includes the
kernel's work on behalf of the process, which for a proxy is most of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = 100
"""USER_HZ: the unit of /proc/stat on every Linux architecture that has packages of the peers."""
CPUCLOCK_SCHED = 2


def cpu_clock(pid: int) -> int:
    """The id of a process's CPU clock, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | CPUCLOCK_SCHED


def tree(pid: int) -> tuple[int, ...]:
    """The process and all below it."""
    found = [pid]
    for parent in found:
        for children in PROC.glob(f"{parent}/task/*/children"):
            found.extend(int(child) for child in children.read_text().split())
    return tuple(sorted(found))


def cpu_seconds(pids: tuple[int, ...]) -> float:
    return sum(time.clock_gettime_ns(cpu_clock(pid)) for pid in pids) / 1e9


@dataclass(frozen=True)
class Memory:
    """Bytes of a process tree."""

    resident: int
    proportional: int
    """Pages that several processes share are divided among them."""


def memory(pids: tuple[int, ...]) -> Memory:
    parts = [parse_rollup((PROC / str(pid) / "smaps_rollup").read_text()) for pid in pids]
    return Memory(sum(part.resident for part in parts), sum(part.proportional for part in parts))


def parse_rollup(text: str) -> Memory:
    sizes = {}
    for line in text.splitlines()[1:]:
        name, value = line.split(":")
        sizes[name] = int(value.split()[0]) * 1024
    return Memory(sizes["Rss"], sizes["Pss"])


@dataclass(frozen=True)
class CoreTime:
    """Seconds since boot that a core was busy, and that the host took from it."""

    busy: float
    stolen: float


def core_time(core: int) -> CoreTime:
    return parse_core_time((PROC / "stat").read_text(), core)


def parse_core_time(text: str, core: int) -> CoreTime:
    for line in text.splitlines():
        words = line.split()
        if words[0] == f"cpu{core}":
            user, nice, system, _idle, _wait, interrupt, soft, stolen = (int(word) for word in words[1:9])
            return CoreTime((user + nice + system + interrupt + soft) / TICKS_PER_SECOND, stolen / TICKS_PER_SECOND)
    raise ValueError(f"/proc/stat knows no core {core}")


def accepted_connections() -> int:
    """TCP connections that were accepted on this machine since boot."""
    return parse_passive_opens((PROC / "net/snmp").read_text())


def parse_passive_opens(text: str) -> int:
    names, values = (line.split() for line in text.splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("PassiveOpens")])


@dataclass(frozen=True)
class Reading:
    """Everything that is read before and after a run."""

    pids: tuple[int, ...]
    seconds: float
    cpu: float
    first: float
    """CPU time of the first process alone."""
    core: CoreTime
    accepted: int


def read(pid: int, core: int) -> Reading:
    pids = tree(pid)
    seconds, cpu, first = time.monotonic(), cpu_seconds(pids), cpu_seconds((pid,))
    return Reading(pids, seconds, cpu, first, core_time(core), accepted_connections())
