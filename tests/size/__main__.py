"""Measures a large configuration as a person meets it: check, try, reload under load, and memory.

    make size
    make size ROUTES=2000 FILES=20

Each figure is the median of several runs, printed beside its goal. It ends with 1 if a request failed; a goal that is
missed is shown, and no failure: the machine decides as well. Modules are there in bytecode, as an installed package has
them, whatever the environment says.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import Glorieta, HttpUpstream, Load, get, unused_port, wait_until
from harness.large import Large

RUNS = 5
STARTS = 3
"""How many processes are started for the first reload of each."""
PAUSE = 1.0
"""Seconds between two reloads, so that none waits for another."""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    name: str
    values: list[float]
    goal: float
    unit: str

    def row(self) -> str:
        middle, worst = statistics.median(self.values), max(self.values)
        verdict = "met" if middle <= self.goal else "missed"
        return f"{self.name:<34} {middle:>7.2f} {self.unit:<4} {worst:>7.2f} {self.goal:>8.2f}  {verdict}"


def timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def glorieta(*arguments: object) -> None:
    command = [sys.executable, "-m", "glorieta", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(f"glorieta {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def serve(large: Large, admin: int) -> Glorieta:
    command = [sys.executable, "-m", "glorieta", "run", str(large.file)]
    return Glorieta(command, large.folder, {"web": large.port}, admin).wait_ready(60)


def settled(running: Glorieta) -> int:
    """What it takes at rest: what was only needed for starting or reloading goes back to the system soon after."""
    time.sleep(2 * PAUSE)
    return running.memory()


def mark_of(large: Large, team: str) -> str | None:
    return get(large.port, f"/{team}/mark").header("X-Mark")


def reload_seconds(large: Large, number: int) -> float:
    """From the moment that the file is in place until the first answer of the new Plan."""
    team, mark = large.teams[number * 7 % len(large.teams)], f"turn-{number}"
    large.write(team, mark)
    return timed(lambda: wait_until(lambda: mark_of(large, team) == mark, 60, "the reload"))


def first_reload(large: Large, admin: int, number: int) -> float:
    """That of a process that has not reloaded yet: the child that compiles has to be started."""
    running = serve(large, admin)
    time.sleep(PAUSE)
    seconds = reload_seconds(large, number)
    running.stop()
    return seconds


def reloads(large: Large, first: int) -> list[float]:
    found = []
    for number in range(first, first + RUNS):
        time.sleep(PAUSE)
        found.append(reload_seconds(large, number))
    return found


def small_memory(folder: Path, endpoint: str) -> int:
    """What a process with one route takes."""
    admin = unused_port()
    large = Large(folder, unused_port(), endpoint, 1, 1, admin)
    running = serve(large, admin)
    reload_seconds(large, 1)
    taken = settled(running)
    running.stop()
    return taken


def measure(folder: Path, routes: int, files: int) -> int:
    for name in ("small", "large"):
        (folder / name).mkdir()
    service = HttpUpstream()
    base = small_memory(folder / "small", service.address)
    admin = unused_port()
    large = Large(folder / "large", unused_port(), service.address, routes, files, admin)
    url = f"http://shop/{large.teams[-1]}/mark"
    first = [first_reload(large, admin, 2 * RUNS + number) for number in range(STARTS)]
    figures = [
        Figure("check", [timed(lambda: glorieta("check", large.file)) for _ in range(RUNS)], 3.0, "s"),
        Figure("try", [timed(lambda: glorieta("try", "GET", url, "-f", large.file)) for _ in range(RUNS)], 1.0, "s"),
        Figure("first reload", first, 1.0, "s"),
    ]
    running = serve(large, admin)
    started = settled(running) - base
    figures.append(Figure("further reloads", reloads(large, 0), 1.0, "s"))
    with Load(large.port, "/load", 16) as load:
        figures.append(Figure("further reloads under load", reloads(large, RUNS), 1.0, "s"))
    figures += [
        Figure("memory more than one route: start", [started / MIB], 30.0, "MiB"),
        Figure("memory more than one route: later", [(settled(running) - base) / MIB], 30.0, "MiB"),
    ]
    running.stop()
    print(f"{routes} routes in {files} files; {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    print(f"{'':<34} {'median':>12} {'worst':>7} {'goal':>8}")
    print(*(figure.row() for figure in figures), sep="\n")
    print(f"{load.answered} requests during the reloads under load, {len(load.failures)} failed")
    return 1 if load.failures or set(load.statuses) != {200} else 0


def main() -> int:
    routes, files = (int(each) for each in sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix="glorieta-size-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        return measure(Path(folder), routes, files)


if __name__ == "__main__":
    sys.exit(main())
