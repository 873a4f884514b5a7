"""The machine: which core does what, and what a reader of the figures must know, in words."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.processes import Failure

QUIET_LOAD = 0.3
"""A load average above this before the start means that somebody else is working."""


@dataclass(frozen=True)
class Cores:
    proxy: int
    load: int
    """Also for the backend and for the bench itself."""


def choose_cores(allowed: set[int]) -> Cores:
    """The last one for the proxy: interrupts like the first."""
    if len(allowed) < 2:
        raise Failure("two cores are needed: one for the proxy, one for the load and the backend")
    ordered = sorted(allowed)
    return Cores(proxy=ordered[-1], load=ordered[0])


def take_cores() -> Cores:
    """Moves the bench itself away from the proxy's core."""
    cores = choose_cores(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores.load})
    return cores


def load_average() -> float:
    return os.getloadavg()[0]


def in_words() -> str:
    """No names and no paths: this is published."""
    processors = os.cpu_count() or 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = "virtual machine" if is_virtual() else "machine"
    return (
        f"A {kind} with {processors} cores ({processor()}) and {memory:.0f} GiB of memory, "
        f"{system()}, Linux {kernel()}, {datetime.now(UTC):%Y-%m-%d}."
    )


def kernel() -> str:
    """The version without the suffix of whoever built it."""
    return platform.release().split("-")[0]


def processor() -> str:
    return first_field(Path("/proc/cpuinfo").read_text(), "model name") or platform.machine()


def is_virtual() -> bool:
    return "hypervisor" in (first_field(Path("/proc/cpuinfo").read_text(), "flags") or "").split()


def first_field(text: str, name: str) -> str | None:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "an unnamed distribution"
