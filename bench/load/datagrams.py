"""Datagrams: every socket sends its next one as soon as the last was answered.

`datagrams.py PORT SOCKETS SECONDS` prints its figures as JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import sys
import time

QUESTION = b"q" * 64
LOST_SECONDS = 1.0
"""An answer that has not come by then is lost: the next question is sent, and the run is void."""


def load(port: int, count: int, seconds: float) -> dict[str, float]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    sent: dict[socket.socket, float] = {}
    latencies: list[float] = []
    lost = 0
    with selectors.DefaultSelector() as waiting:
        for one in sockets:
            one.setblocking(False)
            one.connect(("127.0.0.1", port))
            waiting.register(one, selectors.EVENT_READ, one)
            one.send(QUESTION)
            sent[one] = time.monotonic()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            ready = waiting.select(LOST_SECONDS)
            now = time.monotonic()
            for key, _ in ready:
                one = key.data
                one.recv(2048)
                latencies.append(now - sent[one])
                one.send(QUESTION)
                sent[one] = now
            if not ready:
                lost += count
                for one in sockets:
                    one.send(QUESTION)
                    sent[one] = now
        taken = time.monotonic() - began
    for one in sockets:
        one.close()
    median = statistics.median(latencies) if latencies else 0.0
    return {"requests": len(latencies), "seconds": taken, "median": median, "errors": lost}


if __name__ == "__main__":
    print(json.dumps(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
