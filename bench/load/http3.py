"""Saturating load by HTTP/3, as far as a client written in Python can saturate: what counts is CPU time per request.

`http3.py PORT PATH CONNECTIONS STREAMS SECONDS` prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import sys
import time
from typing import Any

OK = b"200"


def client_class() -> Any:
    from aioquic.asyncio import QuicConnectionProtocol
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import DataReceived, H3Event, HeadersReceived

    class Client(QuicConnectionProtocol):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.http = H3Connection(self._quic)
            self.waiting: dict[int, asyncio.Future[bool]] = {}
            self.good: set[int] = set()

        async def ask(self, head: list[tuple[bytes, bytes]]) -> bool:
            stream = self._quic.get_next_available_stream_id()
            answered = self.waiting[stream] = asyncio.get_running_loop().create_future()
            self.http.send_headers(stream, head, end_stream=True)
            self.transmit()
            return await answered

        def quic_event_received(self, event: Any) -> None:
            for one in self.http.handle_event(event):
                self.http_event_received(one)

        def http_event_received(self, event: H3Event) -> None:
            if isinstance(event, HeadersReceived) and dict(event.headers).get(b":status") == OK:
                self.good.add(event.stream_id)
            ended = isinstance(event, HeadersReceived | DataReceived) and event.stream_ended
            if ended and (answered := self.waiting.pop(event.stream_id, None)):
                answered.set_result(event.stream_id in self.good)
                self.good.discard(event.stream_id)

    return Client


async def load(port: int, path: str, connections: int, streams: int, seconds: float) -> dict[str, float]:
    from aioquic.asyncio import connect
    from aioquic.quic.configuration import QuicConfiguration

    configuration = QuicConfiguration(alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost")
    head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", f"localhost:{port}".encode())]
    head.append((b":path", path.encode()))
    end = time.monotonic() + seconds
    latencies: list[float] = []
    errors = 0

    async def stream(client: Any) -> None:
        nonlocal errors
        while (began := time.monotonic()) < end:
            if await client.ask(head):
                latencies.append(time.monotonic() - began)
            else:
                errors += 1

    async def connection() -> None:
        made = connect("127.0.0.1", port, configuration=configuration, create_protocol=client_class())
        async with made as client:
            await asyncio.gather(*(stream(client) for _ in range(streams)))

    began = time.monotonic()
    await asyncio.gather(*(connection() for _ in range(connections)))
    taken = time.monotonic() - began
    return {
        "requests": len(latencies),
        "seconds": taken,
        "median": statistics.median(latencies) if latencies else 0.0,
        "errors": errors,
    }


if __name__ == "__main__":
    where, what, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(where), what, int(numbers[0]), int(numbers[1]), float(numbers[2])))))
