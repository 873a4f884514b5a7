"""A handler process without glorieta's Python around it: it speaks with the engine through the bare carrier.

Started as a program with the numbers of its descriptors. Each route does one thing; see `ROUTES`.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Callable
from typing import Any

from glorieta._engine import Carrier, Start

PIECE = 30_000
"""Less than the engine's first credit."""


def main(memory: int, event: int, *workers: int) -> None:
    carrier = Carrier(memory, event, list(workers))
    carrier.beat(0, 0)
    print("ready", flush=True)
    state: dict[tuple[int, int], Any] = {}
    while True:
        for message in carrier.receive():
            take(carrier, state, message)
        carrier.flush()
        if carrier.sleep():
            select.select([carrier.fileno()], [], [])


def take(carrier: Carrier, state: dict[tuple[int, int], Any], message: tuple[Any, ...]) -> None:
    kind, link, call, *rest = message
    if kind == 0:
        deadline_ms, start = rest
        ROUTES[start.route](carrier, link, call, deadline_ms, start)
    elif kind == 1:
        # Whatever comes is sent back, and as much more may come.
        data, last = rest
        carrier.answer_body(link, call, data, last)
        if data:
            carrier.credit(link, call, len(data))
    elif kind == 3:
        print("cancelled", flush=True)
    elif kind == 5:
        _, response = rest
        stock = [(name, value) for name, value in response.headers if name == "x-stock"]
        assert bool(stock) == response.has("x-stock")
        carrier.answer(link, call, response.status, stock, response.body)
    elif kind == 7:
        _, reason, detail, tries = rest
        carrier.answer(link, call, 502, [], json.dumps([reason, detail, tries]).encode())


def tell(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    texts = [start.method, start.path, start.query, start.protocol, start.scheme, start.client, start.request_id]
    raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.raw_headers]
    assert raw == start.headers and all(start.has(name) for name, _ in raw) and not start.has("x-none")
    assert start.body is not None
    told = [start.route, deadline_ms, *texts, start.parameters, start.headers, start.body.decode()]
    answer = json.dumps(told).encode()
    carrier.answer(link, call, 200, [("content-type", "application/json")], answer)


def echo(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    carrier.answer(link, call, 200, [], start.body)
    if start.body is None:
        carrier.credit(link, call, PIECE)


def switch(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    carrier.answer(link, call, 101, [("upgrade", "echo")], None)
    carrier.credit(link, call, PIECE)


def ask(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    carrier.call(link, call, 1, 0, 0, "GET", "/stock?of=7", [("x-asked", "1")], b"")


def end(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    os._exit(3)


def block(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    time.sleep(1)
    carrier.answer(link, call, 200, [], b"awake")


def hold(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    print("held", flush=True)


def fail(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    carrier.failed(link, call)


def lie(carrier: Carrier, link: int, call: int, deadline_ms: int, start: Start) -> None:
    carrier.answer_body(link, call, b"before the answer", False)


ROUTES: list[Callable[[Carrier, int, int, int, Start], None]] = [tell, echo, switch, ask, end, block, hold, fail, lie]

if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
