"""Signals as numbers to read from a socket: the main thread waits for them together with everything else."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

TAKEN = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Signals:
    """Taken from now on; `read` tells which have arrived."""

    def __init__(self) -> None:
        self.arrived, self.wakeup = socket.socketpair()
        self.arrived.setblocking(False)
        self.wakeup.setblocking(False)
        signal.set_wakeup_fd(self.wakeup.fileno(), warn_on_full_buffer=False)
        for number in TAKEN:
            signal.signal(number, ignore)

    def fileno(self) -> int:
        return self.arrived.fileno()

    def read(self) -> list[int]:
        """Each signal that has arrived, in order; 0 is a `wake`."""
        with contextlib.suppress(BlockingIOError):
            return list(self.arrived.recv(256))
        return []

    def wake(self) -> None:
        """Makes the main thread look around; for other threads."""
        with contextlib.suppress(BlockingIOError):
            self.wakeup.send(b"\0")


def ignore(number: int, frame: object) -> None:
    """Its number arrives by the socket; Python only has to have a handler."""


@contextlib.contextmanager
def kept_from_threads() -> Iterator[None]:
    """Threads that are started in here never get a signal, so that none of their calls is interrupted."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
