"""Saturating load by HTTP/2: every stream sends its next request as soon as it has an answer."""

from __future__ import annotations

import math
import re
import tempfile
from typing import TYPE_CHECKING

from bench.load.figures import Load
from bench.processes import Failure, run_pinned
from bench.rows import Layer

if TYPE_CHECKING:
    from bench.rows import Row

SPARE_SECONDS = 30
EMPTY_MESSAGE = bytes(5)
"""Of gRPC: not compressed, and no byte follows."""
GRPC_HEADERS = ("content-type: application/grpc", "te: trailers")
DONE = re.compile(r"^finished in ([\d.]+)(ms|s)", re.MULTILINE)
REQUESTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
CODES = re.compile(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")
PROTOCOL = re.compile(r"^Application protocol: (\S+)", re.MULTILINE)


def command(row: Row, port: int, seconds: int, body: str | None = None) -> list[str]:
    scheme = "https" if row.layer is Layer.TLS else "http"
    headers = (*row.headers, *(GRPC_HEADERS if row.grpc else ()))
    return [
        *("h2load", "--threads", "1", "--clients", str(row.connections), "--max-concurrent-streams", str(row.streams)),
        *("--duration", str(seconds)),
        *(word for header in headers for word in ("--header", header)),
        *(["--data", body] if body else []),
        f"{scheme}://127.0.0.1:{port}{row.path}",
    ]


def run(row: Row, port: int, seconds: int, core: int) -> Load:
    if not row.grpc:
        return parse(run_pinned(command(row, port, seconds), core, seconds + SPARE_SECONDS))
    with tempfile.NamedTemporaryFile() as body:
        body.write(EMPTY_MESSAGE)
        body.flush()
        return parse(run_pinned(command(row, port, seconds, body.name), core, seconds + SPARE_SECONDS))


def parse(output: str) -> Load:
    done, requests, codes = DONE.search(output), REQUESTS.search(output), CODES.search(output)
    protocol = PROTOCOL.search(output)
    if done is None or requests is None or codes is None or protocol is None:
        raise Failure(f"h2load printed no figures:\n{output}")
    if not protocol[1].startswith("h2"):
        raise Failure(f"h2load spoke {protocol[1]}, not HTTP/2")
    succeeded, failed, errored, timed_out = map(int, requests.groups())
    kinds = {"failed": failed, "errored": errored, "timeout": timed_out, "status": sum(map(int, codes.groups()))}
    seconds = float(done[1]) / (1000 if done[2] == "ms" else 1)
    return Load(succeeded, seconds, math.nan, {kind: count for kind, count in kinds.items() if count})
