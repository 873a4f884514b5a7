"""The control socket: one line of JSON asks, one line answers, and the connection ends.

The server never blocks its caller: it is driven by a selector, and what a client does not read stays in a
buffer until the client goes away or its time is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]
LONGEST_REQUEST = 4096
MOST_CLIENTS = 16
ASK_SECONDS = 5.0
"""How long a client may take to ask, or to take its answer."""


class ControlBusy(Exception):
    """Another process answers at this path already."""


class Client:
    """One connection, from its question to the last byte of its answer."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self.connection = connection
        self.deadline: float | None = deadline
        self.question = bytearray()
        self.answer = memoryview(b"")


Handle = Callable[[Document, Client], None]


class ControlServer:
    """Listens at a path; `handle` gets each question and answers at once or later by `answer`."""

    def __init__(self, path: str, selector: selectors.BaseSelector, handle: Handle) -> None:
        self.path = path
        self.selector = selector
        self.handle = handle
        self.clients: set[Client] = set()
        self.listener = listen(path)
        self.inode = os.stat(path).st_ino
        selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def accept(self, _: int) -> None:
        with contextlib.suppress(OSError):
            connection, _address = self.listener.accept()
            if len(self.clients) >= MOST_CLIENTS or not may_ask(connection):
                connection.close()
                return
            connection.setblocking(False)
            client = Client(connection, time.monotonic() + ASK_SECONDS)
            self.clients.add(client)
            self.selector.register(connection, selectors.EVENT_READ, lambda mask: self.go_on(client, mask))

    def go_on(self, client: Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self.write(client)
            else:
                self.read(client)
        except BlockingIOError:
            return
        except OSError:
            self.drop(client)

    def read(self, client: Client) -> None:
        data = client.connection.recv(LONGEST_REQUEST)
        client.question += data
        line, newline, _ = bytes(client.question).partition(b"\n")
        if not newline:
            if not data or len(client.question) > LONGEST_REQUEST:
                self.drop(client)
            return
        # From here on it waits for us, not we for it; nothing else is read from it.
        client.deadline = None
        self.selector.unregister(client.connection)
        try:
            question = json.loads(line)
        except ValueError:
            question = None
        if isinstance(question, dict):
            self.handle(question, client)
        else:
            self.answer(client, {"error": "a question is one JSON object on one line"})

    def answer(self, client: Client, document: Document) -> None:
        """Sends the answer and ends the connection. A client that has gone meanwhile is nobody's trouble."""
        if client not in self.clients:
            return
        client.answer = memoryview(json.dumps(document).encode() + b"\n")
        client.deadline = time.monotonic() + ASK_SECONDS
        self.selector.register(
            client.connection, selectors.EVENT_WRITE, lambda mask: self.go_on(client, selectors.EVENT_WRITE)
        )
        self.go_on(client, selectors.EVENT_WRITE)

    def write(self, client: Client) -> None:
        sent = client.connection.send(client.answer)
        client.answer = client.answer[sent:]
        client.deadline = time.monotonic() + ASK_SECONDS
        if not client.answer:
            self.drop(client)

    def drop(self, client: Client) -> None:
        self.clients.discard(client)
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(client.connection)
        client.connection.close()

    def due(self, now: float) -> float | None:
        """Seconds until some client's time is over."""
        deadlines = [client.deadline for client in self.clients if client.deadline is not None]
        return max(0.0, min(deadlines) - now) if deadlines else None

    def drop_late(self, now: float) -> None:
        for client in [each for each in self.clients if each.deadline is not None and each.deadline <= now]:
            self.drop(client)

    def close(self) -> None:
        """Ends listening; the path is removed unless somebody else's socket stands there by now."""
        for client in list(self.clients):
            self.drop(client)
        self.selector.unregister(self.listener)
        self.listener.close()
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self.inode:
                os.unlink(self.path)


def listen(path: str) -> socket.socket:
    """A listening socket for this user (and root) only. `ControlBusy`: somebody answers there."""
    with contextlib.suppress(FileNotFoundError, ConnectionRefusedError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        probe.connect(path)
        raise ControlBusy(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(MOST_CLIENTS)
    listener.setblocking(False)
    return listener


def may_ask(connection: socket.socket) -> bool:
    """Only the same user and root: file modes say so already, the kernel's word counts where they do not."""
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user = struct.unpack("3i", facts)[1]
    return user in (0, os.geteuid())


def ask(path: Path, question: Document, seconds: float) -> Document:
    """Asks a running glorieta. `OSError`: it did not answer in time, or is not there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(str(path))
        connection.sendall(json.dumps(question).encode() + b"\n")
        answer = bytearray()
        while data := connection.recv(1 << 16):
            answer += data
    if not answer.endswith(b"\n"):
        raise ConnectionError("the connection ended before the answer")
    document = json.loads(answer)
    if not isinstance(document, dict):
        raise ConnectionError("the answer is no JSON object")
    return document
