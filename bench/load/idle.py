"""Connections that each made one request and then rest, so that their memory can be measured.

A program of its own: `idle.py PORT PATH COUNT` says `ready` when all have their answer, holds them until
its standard input ends, and then prints how many were still open.
"""

from __future__ import annotations

import socket
import sys

ENDING = b"end.\n"
"""How the backend's small body ends."""
ANSWER_SECONDS = 10.0


def connect(port: int, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(ENDING):
        data = connection.recv(65536)
        if not data:
            raise ConnectionError(f"closed after {answer!r}")
        answer += data
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"answered {answer!r}")
    return connection


def is_open(connection: socket.socket) -> bool:
    """Nothing to read: neither an end nor an answer that nobody asked for."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def main(arguments: list[str]) -> None:
    port, path, count = int(arguments[0]), arguments[1], int(arguments[2])
    connections = [connect(port, path) for _ in range(count)]
    print("ready", flush=True)
    sys.stdin.read()
    print(sum(is_open(connection) for connection in connections), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
