"""The schedule and the sockets of the demo's load, against scripted servers."""

import asyncio
from collections.abc import Awaitable, Callable

from glorieta.demo.ledger import Ledger
from glorieta.demo.load import Load, schedule

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"service": "a"}'


def play(handler: Handler, rate: float = 200, seconds: float = 0.2, connections: int = 4) -> Ledger:
    async def scene() -> Ledger:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await Load("127.0.0.1", port, schedule(rate, seconds), connections).run()

    return asyncio.run(scene())


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"POST"):
        await reader.readexactly(33)
    return head


async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await read_request(reader)
            writer.write(OK)
    except asyncio.IncompleteReadError:
        writer.close()


async def close_after_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.close()


def test_the_schedule_is_even_mixed_and_unique() -> None:
    requests = schedule(200, 2)
    assert len(requests) == 400
    assert requests[100].due == 0.5
    assert len({request.path for request in requests}) == 400
    assert {(request.method, request.path.split("/")[1]) for request in requests} == {
        (method, service) for method in ("GET", "POST") for service in ("service1", "service2")
    }


def test_every_request_has_an_outcome() -> None:
    ledger = play(answer_all)
    assert sorted(outcome.number for outcome in ledger.outcomes) == list(range(40))
    assert ledger.by_service() == {"a": 40}
    assert ledger.failures() == []


def test_a_closed_connection_is_a_failure_and_not_tried_again() -> None:
    ledger = play(close_after_reading)
    assert len(ledger.outcomes) == len(ledger.failures()) == 40
    assert {outcome.error for outcome in ledger.outcomes} == {"glorieta closed the connection without an answer"}


def test_waiting_for_a_free_connection_counts_as_latency() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.05)
        writer.write(OK[:17] + b"Connection: close\r\n" + OK[17:])
        writer.close()

    ledger = play(slowly, rate=100, seconds=0.1, connections=1)
    assert len(ledger.outcomes) == 10
    assert ledger.failures() == []
    assert max(outcome.seconds for outcome in ledger.outcomes) > 0.3
