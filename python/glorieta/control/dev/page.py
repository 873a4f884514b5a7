"""The process with the page: `python -m glorieta.control.dev.page ASKED TOLD LIFELINE PATH`.

The first three are descriptors: where browsers ask, where requests are told (it lies at PATH), and a pipe that ends
with whoever started this.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

from .waterfall import html

KEPT = 100
"""Requests on the page."""
LARGEST = 256 * 1024
LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Names under which a browser may ask: a page of somebody else's under another name must not read this one."""


class Requests:
    """The last requests, the newest first."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def take(self, datagram: bytes) -> None:
        """What is no request is left out."""
        with contextlib.suppress(ValueError):
            if isinstance(document := json.loads(datagram), dict):
                self._kept.appendleft(document)

    def all(self) -> list[dict[str, Any]]:
        return list(self._kept)


class Asked(BaseHTTPRequestHandler):
    """One question of a browser."""

    protocol_version = "HTTP/1.1"
    requests: Requests

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in LOCAL:
            self.answer(403, "text/plain", f"ask for localhost, not for {host}\n")
        elif self.path == "/":
            self.answer(200, "text/html", html(self.requests.all()))
        elif self.path == "/requests.json":
            self.answer(200, "application/json", json.dumps(self.requests.all()))
        else:
            self.answer(404, "text/plain", "there are / and /requests.json\n")

    def answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The terminal is for the handlers' requests."""


def server(listening: socket.socket, requests: Requests) -> HTTPServer:
    """Serves the page on a socket that listens already."""
    made = ThreadingHTTPServer(("", 0), type("Asked", (Asked,), {"requests": requests}), bind_and_activate=False)
    made.socket.close()
    made.socket = listening
    return made


def main(asked: int, told: int, lifeline: int, path: str) -> None:
    requests = Requests()
    datagrams = socket.socket(fileno=told)

    def listen() -> None:
        while True:
            requests.take(datagrams.recv(LARGEST))

    for work in (listen, server(socket.socket(fileno=asked), requests).serve_forever):
        begin(work)
    os.read(lifeline, 1)
    with contextlib.suppress(OSError):
        os.unlink(path)


def begin(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


if __name__ == "__main__":
    descriptors = [int(each) for each in sys.argv[1:4]]
    main(descriptors[0], descriptors[1], descriptors[2], sys.argv[4])
