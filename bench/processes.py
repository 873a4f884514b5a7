"""Child processes that never outlive the bench: pinned to a core, ended by process id and group."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
STOP_SECONDS = 5.0
LIBC = ctypes.CDLL(None)


class Failure(Exception):
    """Why the bench cannot go on, in words for the person who started it."""


@dataclass
class Child:
    """A running command and where its error output goes."""

    name: str
    process: subprocess.Popen[bytes]
    errors: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def last_lines(self, count: int = 12) -> str:
        return "\n".join(self.errors.read_text(errors="replace").splitlines()[-count:])

    def stop(self) -> None:
        """SIGTERM, then SIGKILL to what is left of its group: NGINX's worker outlives a killed master."""
        if self.running():
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


class Children:
    """Starts commands and ends them all, newest first, when the `with` block is left."""

    def __init__(self) -> None:
        self.all: list[Child] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self.all):
            child.stop()
        self.all.clear()

    def start(
        self,
        name: str,
        command: Sequence[str],
        core: int,
        folder: Path,
        *,
        output: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Its standard output goes to the end of `output`, else to where its errors go: no pipe to fill up."""
        errors = folder / f"{name}.errors"
        with errors.open("wb") as error_file, (output or errors).open("ab") as output_file:
            child = Child(name, popen(command, core, output_file, error_file, environment), errors)
        self.all.append(child)
        return child


def popen(
    command: Sequence[str],
    core: int,
    output: IO[bytes] | int,
    errors: IO[bytes] | int,
    environment: Mapping[str, str] | None = None,
    standard_input: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    return subprocess.Popen(
        command,
        stdin=standard_input,
        stdout=output,
        stderr=errors,
        env=os.environ | (environment or {}),
        # Ctrl-C reaches every process of the terminal's group; only the bench shall act on it.
        start_new_session=True,
        preexec_fn=lambda: prepare_child(core, parent),
    )


def prepare_child(core: int, parent: int) -> None:
    """Runs in the child: it ends with the bench even if that is killed, and may open many connections."""
    LIBC.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
    os.sched_setaffinity(0, {core})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def open_files_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def end_on_signals() -> None:
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every `with` block ends its children."""

    def unwind(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, unwind)


def run_pinned(command: Sequence[str], core: int, seconds: float) -> str:
    """Runs a short command to its end and gives back what it printed; `seconds` is more than it may take."""
    process = popen(command, core, subprocess.PIPE, subprocess.PIPE)
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failure(f"{command[0]} did not end within {seconds:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0:
        raise Failure(f"{' '.join(command)} failed: {errors.decode(errors='replace').strip()}")
    return output.decode(errors="replace")


def wait_until(ready: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Whether `ready()` became true in time."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
