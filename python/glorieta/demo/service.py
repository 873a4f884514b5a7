"""A small real HTTP service: `python -m glorieta.demo.service --port 3001 --name service1-a`.

It answers every GET and POST with JSON that holds its own name and what reached it, so that one can
see through the proxy who answered and what was forwarded. Both take a while on purpose: then some
requests are always under way, and killing the process cuts real work, of which GETs are retried.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal

Answer = dict[str, object]
"""The JSON of an answer."""
READ_SECONDS = 0.06
WRITE_SECONDS = 0.04
MAX_BODY_BYTES = 1024 * 1024
SHOWN_HEADERS = frozenset(
    {"host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix", "x-request-id"}
)


class Refused(Exception):
    """A request that this service does not understand."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Service:
    """One instance: its name and how many requests it has answered."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client closes it or asks for that."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            keep = True
            while keep:
                keep = await self.serve_one(reader, writer)
        writer.close()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection stays open."""
        method, path, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
        keep = headers.get("connection", "").lower() != "close"
        try:
            body = await read_body(reader, headers)
            status, document = await self.answer(method, path, headers, len(body))
        except Refused as refused:
            status, document, keep = refused.status, {"service": self.name, "error": refused.status}, False
        content = json.dumps(document).encode() + b"\n"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        head += "\r\n" if keep else "Connection: close\r\n\r\n"
        writer.write(head.encode() + (b"" if method == "HEAD" else content))
        await writer.drain()
        return keep

    async def answer(self, method: str, path: str, headers: dict[str, str], body_bytes: int) -> tuple[str, Answer]:
        if path == "/healthz":
            return "200 OK", {"service": self.name, "healthy": True}
        if method not in ("GET", "HEAD", "POST"):
            raise Refused("405 Method Not Allowed")
        await asyncio.sleep(WRITE_SECONDS if method == "POST" else READ_SECONDS)
        self.answered += 1
        return ("201 Created" if method == "POST" else "200 OK"), {
            "service": self.name,
            "method": method,
            "path": path,
            "answered": self.answered,
            "body_bytes": body_bytes,
            "received": {name: value for name, value in headers.items() if name in SHOWN_HEADERS},
        }


def parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, path and fields (the last of a name wins)."""
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, *_ = [*request_line.split(" "), "", ""]
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return method, path, headers


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """The whole body, by length or in chunks; it is small here, so it is bounded and kept."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await read_chunks(reader)
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY_BYTES:
        raise Refused("413 Content Too Large")
    return await reader.readexactly(length)


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if len(body) + size > MAX_BODY_BYTES:
            raise Refused("413 Content Too Large")
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                continue
            return bytes(body)
        body += (await reader.readexactly(size + 2))[:-2]


async def run(host: str, port: int, name: str) -> None:
    """Listens until SIGTERM or SIGINT. A host name means all its addresses, as it does for glorieta."""
    server = await asyncio.start_server(Service(name).serve, host, port, backlog=512)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m glorieta.demo.service", description=__doc__)
    parser.add_argument("--host", default="localhost", help="name or address to listen at (default: localhost)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True, help="what the service calls itself in its answers")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.host, arguments.port, arguments.name))


if __name__ == "__main__":
    main()
