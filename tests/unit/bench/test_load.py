"""What sends requests: wrk's figures, why a run is void, and the open loop."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from bench.accounting import CoreTime, Reading
from bench.load import h2load, handshakes, open_loop, wrk
from bench.load.datagrams import load as send_datagrams
from bench.load.figures import Load
from bench.meanwhile import Asked, asking
from bench.measure import foreign, unanswered, why_void
from bench.processes import Failure
from bench.rows import ROWS, Layer, Loader, row_named

FIGURES = {
    "requests": 1000, "microseconds": 2_000_000, "median": 900, "connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0,
}  # fmt: skip
NEW = row_named("http-new")


def said(**changes: int) -> str:
    return f"Running 2s test\nfigures {json.dumps(FIGURES | changes)}\n"


def test_figures_are_read() -> None:
    load = wrk.parse(said())
    assert load == Load(1000, 2.0, 0.0009, {})
    assert load.rate == 500


def test_without_figures_the_output_is_shown() -> None:
    with pytest.raises(Failure, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1")


@pytest.mark.parametrize("row", [row for row in ROWS if row.loader is Loader.WRK], ids=lambda row: row.id)
def test_only_rows_with_new_connections_ask_for_them(row: Any) -> None:
    command = wrk.command(row, 8080, 3)
    assert ("Connection: close" in command) is row.new_connections
    scheme = "https" if row.layer is Layer.TLS else "http"
    assert f"{scheme}://127.0.0.1:8080{row.path}" in command
    assert all(header in command for header in row.headers)
    assert command[-2:] == (["--", row.body] if row.body else command[-2:])
    assert command[command.index("--connections") + 1] == str(row.connections)


@pytest.mark.parametrize("kind", wrk.ERRORS)
def test_any_error_makes_a_run_void(kind: str) -> None:
    assert why_void(ROWS[0], wrk.parse(said(**{kind: 3})), 64, True) == f"errors: 3 {kind}"


def test_what_else_makes_a_run_void() -> None:
    good = wrk.parse(said())
    assert why_void(ROWS[0], good, 64, True) is None
    assert why_void(ROWS[0], good, 64, False) == "its processes changed while they were measured"
    assert why_void(ROWS[0], wrk.parse(said(requests=0)), 64, True) == "no request was answered"
    assert why_void(NEW, good, 2000, True) is None
    assert why_void(NEW, good, 900, True) == "only 900 connections were opened for 1000 requests"


def test_foreign_work_is_what_the_proxy_did_not_do() -> None:
    before = Reading((1,), 10.0, 5.0, 4.0, CoreTime(100.0, 7.0), 0)
    after = Reading((1,), 12.0, 6.5, 5.0, CoreTime(101.8, 7.1), 0)
    assert foreign(before, after) == pytest.approx((1.8 + 0.1 - 1.5) / 2)


def test_what_was_to_be_used_meanwhile_was_used() -> None:
    row = row_named("beside-sleep")
    assert unanswered(row, None) is None
    assert unanswered(row, Asked(3)) is None
    assert unanswered(row, Asked(0)) == "/sleep was never answered meanwhile"


def test_asking_meanwhile_ends_with_an_answer() -> None:
    """Each answer takes a while; the last one is waited for."""
    statuses = iter((200, 404, 200))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status = next(statuses, 200)
            asked.release()
            ended.wait(10)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    asked, ended = threading.Semaphore(0), threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with asking(server.server_port, "/", min(os.sched_getaffinity(0))) as found:
            assert asked.acquire(timeout=10)
            ended.set()
            for _ in range(2):
                assert asked.acquire(timeout=10)
        assert found.answered >= 2
        server.shutdown()


def test_moments_are_random_ordered_and_the_same_for_the_same_seed() -> None:
    due = list(open_loop.moments(1000, 2.0, 7))
    assert due == sorted(due) == list(open_loop.moments(1000, 2.0, 7))
    assert due != list(open_loop.moments(1000, 2.0, 8))
    assert 1800 < len(due) < 2200
    assert due[-1] <= 2 * open_loop.BILLION


def test_a_percentile_of_ordered_values() -> None:
    assert open_loop.percentile([value * open_loop.BILLION for value in range(100)], 0.99) == 99
    assert open_loop.percentile([], 0.99) == 0


def play(pause: float, connections: int, seconds: float = 1.0, rate: float = 40.0) -> dict[str, Any]:
    """The open loop, as the bench runs it, against a server that takes `pause` for an answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(pause)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nend.\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def scene() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            arguments = [str(port), "/", str(rate), str(seconds), str(connections), "1"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(Path(open_loop.__file__)), *arguments, stdout=subprocess.PIPE
            )
            return (await process.communicate())[0]

    figures: dict[str, Any] = json.loads(asyncio.run(scene()))
    return figures


def test_every_due_request_is_sent_and_answered() -> None:
    figures = play(pause=0.0, connections=8)
    assert figures["requests"] == len(list(open_loop.moments(40.0, 1.0, 1)))
    assert figures["errors"] == 0
    assert 0 < figures["p50_seconds"] <= figures["p99_seconds"] < 0.2


def test_waiting_for_a_connection_counts_as_latency() -> None:
    """One connection with 50 ms an answer can do 20 a second, and 40 are due: the last ones wait longest."""
    assert play(pause=0.05, connections=1)["p99_seconds"] > 0.5


S_TIME = """\
Collecting connection statistics for 2 seconds
{letters}

{count} connections in 0.45s; 2222.22 connections/user sec, bytes read 1000
{count} connections in 3 real seconds, 333 bytes read per connection
"""


def test_handshakes_are_counted_and_were_what_the_row_asks_for() -> None:
    full = S_TIME.format(letters="*" * 1000, count=1000)
    resumed = S_TIME.format(letters="r" * 999, count=1000)
    assert handshakes.parse(full, 2, resumed=False).requests == 1000
    assert handshakes.parse(full, 2, resumed=False).errors == {}
    assert handshakes.parse(resumed, 2, resumed=True).errors == {}
    assert handshakes.parse(full, 2, resumed=True).errors == {"not resumed": 1000}
    assert handshakes.parse(resumed, 2, resumed=False).errors == {"resumed": 999}
    with pytest.raises(Failure, match="connect:errno=111"):
        handshakes.parse("connect:errno=111", 2, resumed=False)


H2LOAD = """\
Application protocol: {protocol}
finished in 2.01s, 497.51 req/s, 60KB/s
requests: 1010 total, 1010 started, 1000 done, 1000 succeeded, {failed} failed, 0 errored, 0 timeout
status codes: 990 2xx, 0 3xx, 4 4xx, 6 5xx
"""


def test_figures_of_h2load_are_read() -> None:
    load = h2load.parse(H2LOAD.format(protocol="h2", failed=3))
    assert (load.requests, load.seconds, load.errors) == (1000, 2.01, {"failed": 3, "status": 10})
    with pytest.raises(Failure, match="not HTTP/2"):
        h2load.parse(H2LOAD.format(protocol="http/1.1", failed=0))
    with pytest.raises(Failure, match="no figures"):
        h2load.parse("")


@pytest.mark.parametrize("row", [row for row in ROWS if row.loader is Loader.H2LOAD], ids=lambda row: row.id)
def test_h2load_is_asked_for_what_the_row_says(row: Any) -> None:
    command = h2load.command(row, 8080, 3, "file" if row.grpc else None)
    assert command[-1] == f"https://127.0.0.1:8080{row.path}"
    assert command[command.index("--clients") + 1] == str(row.connections)
    assert command[command.index("--max-concurrent-streams") + 1] == str(row.streams)
    assert ("te: trailers" in command) is ("--data" in command) is row.grpc


def test_datagrams_are_counted_when_they_are_answered() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                question, address = server.recvfrom(2048)
                if not question:
                    return
                server.sendto(question, address)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        figures = send_datagrams(server.getsockname()[1], 4, 0.1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join(10)
    assert figures["requests"] > 0
    assert figures["errors"] == 0
