"""An open loop: requests are due at random moments of a fixed rate, whether or not answers come.

Latency counts from the moment a request was due, also when it had to wait for a free connection, so a
proxy that stalls cannot hide it. A program of its own, run on the core of the load:

    open_loop.py PORT PATH RATE SECONDS CONNECTIONS SEED
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import select
import socket
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDING = b"end.\n"
"""How the backend's small body ends."""
STATUS = b"HTTP/1.1 200"
WARM_UP_SECONDS = 0.5
"""Requests due before this are sent, and not counted."""
PATIENCE_SECONDS = 5.0
"""How long after the last due moment answers may come."""
TIMER_FLAGS = os.O_NONBLOCK
ABSOLUTE = 1
"""TFD_TIMER_ABSTIME of timerfd_settime(2)."""
BILLION = 1_000_000_000

LIBC = ctypes.CDLL(None, use_errno=True)


class TimerSetting(ctypes.Structure):
    """struct itimerspec."""

    _fields_ = [(name, ctypes.c_long) for name in ("every_seconds", "every_rest", "seconds", "rest")]


class Timer:
    """A file descriptor that becomes readable at a moment, to the microsecond; epoll's own time-out counts in ms."""

    def __init__(self) -> None:
        self.fd = LIBC.timerfd_create(time.CLOCK_MONOTONIC, TIMER_FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self.armed = 0

    def arm(self, moment: int) -> None:
        """Costs nothing where it is armed for this moment already."""
        if moment == self.armed:
            return
        self.armed = moment
        setting = TimerSetting(0, 0, moment // BILLION, moment % BILLION)
        if LIBC.timerfd_settime(self.fd, ABSOLUTE, ctypes.byref(setting), None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def clear(self) -> None:
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return


def moments(rate: float, seconds: float, seed: int) -> Iterator[int]:
    """Nanoseconds from the start at which requests are due, a Poisson process."""
    chance = random.Random(seed)
    moment = 0.0
    while True:
        moment += chance.expovariate(rate)
        if moment > seconds:
            return
        yield int(moment * BILLION)


def percentile(ordered: list[int], share: float) -> float:
    """Seconds, from latencies in nanoseconds that are in order."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] / BILLION if ordered else 0.0


class OpenLoop:
    """One run against one port."""

    def __init__(self, port: int, path: str, due: list[int], connections: int) -> None:
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self.due = due
        self.sent = 0
        self.latencies: list[int] = []
        self.errors = 0
        self.finished = 0
        self.waiting: deque[int] = deque()
        self.timer = Timer()
        self.epoll = select.epoll()
        self.epoll.register(self.timer.fd, select.EPOLLIN)
        self.free: deque[socket.socket] = deque()
        self.busy: dict[int, tuple[socket.socket, int]] = {}
        self.received: dict[int, bytes] = {}
        for _ in range(connections):
            self.connect(port)

    def connect(self, port: int) -> None:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.epoll.register(connection.fileno(), select.EPOLLIN)
        self.free.append(connection)

    def run(self) -> None:
        start = time.monotonic_ns()
        last = start + (self.due[-1] if self.due else 0) + int(PATIENCE_SECONDS * BILLION)
        while self.finished < len(self.due) and time.monotonic_ns() < last:
            self.send_due(start)
            for fd, _ in self.epoll.poll(PATIENCE_SECONDS):
                if fd == self.timer.fd:
                    self.timer.clear()
                else:
                    self.answer(fd, start)
        self.errors += len(self.due) - self.finished

    def send_due(self, start: int) -> None:
        now = time.monotonic_ns() - start
        while self.sent < len(self.due) and self.due[self.sent] <= now:
            moment = self.due[self.sent]
            self.sent += 1
            if self.free:
                self.send(self.free.popleft(), moment)
            else:
                self.waiting.append(moment)
        if self.sent < len(self.due):
            self.timer.arm(start + self.due[self.sent])

    def send(self, connection: socket.socket, moment: int) -> None:
        self.busy[connection.fileno()] = (connection, moment)
        connection.send(self.request)

    def answer(self, fd: int, start: int) -> None:
        if fd not in self.busy:
            # An idle connection that was closed: the next request on it would be lost.
            raise ConnectionError("a kept-alive connection was closed")
        connection, moment = self.busy[fd]
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("the connection was closed in the middle of a request")
        data = self.received.pop(fd, b"") + data
        if not data.endswith(ENDING):
            self.received[fd] = data
            return
        self.finished += 1
        if not data.startswith(STATUS):
            self.errors += 1
        elif moment > WARM_UP_SECONDS * BILLION:
            self.latencies.append(time.monotonic_ns() - start - moment)
        del self.busy[fd]
        if self.waiting:
            self.send(connection, self.waiting.popleft())
        else:
            self.free.append(connection)

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.latencies)
        return {
            "requests": self.finished,
            "errors": self.errors,
            "p50_seconds": percentile(ordered, 0.50),
            "p99_seconds": percentile(ordered, 0.99),
        }


def main(arguments: list[str]) -> None:
    port, path, rate, seconds, connections, seed = arguments
    loop = OpenLoop(int(port), path, list(moments(float(rate), float(seconds), int(seed))), int(connections))
    # A collection would be measured as latency of the proxy.
    gc.disable()
    loop.run()
    print(json.dumps(loop.figures()))


if __name__ == "__main__":
    main(sys.argv[1:])
