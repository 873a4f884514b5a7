"""Waiting for a condition and finding a port: the two things that tests otherwise get wrong with sleeps."""

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

# Below the kernel's ephemeral range (32768 and up), so that no outgoing connection takes the port meanwhile.
FIRST_PORT, LAST_PORT = 20000, 32000
GIVEN: set[int] = set()


def unused_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now, and that was not given out before."""
    for _ in range(200):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if port in GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            GIVEN.add(port)
            return port
    raise RuntimeError("no unused port was found in 200 attempts")


def wait_until(condition: Callable[[], Value], timeout: float = 5.0, what: str = "the condition") -> Value:
    """Calls `condition` until it is true and returns its value; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {timeout} s; last value: {value!r}")
        time.sleep(0.01)
