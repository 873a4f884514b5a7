"""Child processes that never outlive the demo: started apart from the terminal, ended by process id."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
STOP_SECONDS = 5.0


@dataclass
class Child:
    """A running command and where its output goes."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to say goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def last_lines(self, count: int = 12) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


class Children:
    """Starts commands and ends them all, in reverse order, when the `with` block is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Child] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Its standard output and error go to one file, so that a full pipe never blocks it."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                # Ctrl-C reaches every process of the terminal's group; only the demo shall act on it.
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        child = Child(name, command, process, log)
        self.all.append(child)
        return child

    def stop(self) -> None:
        """SIGTERM first, newest first, so that glorieta drains while its services still answer."""
        for child in reversed(self.all):
            if child.running():
                child.process.terminate()
                wait_or_kill(child)
        self.all.clear()


def wait_or_kill(child: Child) -> None:
    try:
        child.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def die_with_parent() -> None:
    """Has the kernel send SIGTERM if the demo itself is killed and can end nobody."""
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def wait_until(ready: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Whether `ready()` became true in time."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
