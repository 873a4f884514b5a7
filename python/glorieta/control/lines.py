"""Lines for a program in place of what code of the user's says for a person (`glorieta run --json`)."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer


def line(event: str, at: float, **facts: Any) -> str:
    """One event with its moment and its process. Facts that are None are left out."""
    document = {"event": event, "time": moment(at), "pid": os.getpid(), **facts}
    return json.dumps({name: value for name, value in document.items() if value is not None}, default=repr)


def moment(at: float) -> str:
    """As in the access log: RFC 3339, UTC, milliseconds."""
    seconds, milliseconds = divmod(int(at * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


@contextlib.contextmanager
def printed_as_lines() -> Iterator[None]:
    """What is printed meanwhile, on either stream, are lines on standard error."""
    out = sys.stderr
    with (
        printing("stdout", out) as stdout,
        printing("stderr", out) as stderr,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        yield


def nobody() -> None:
    """Whose request it is, where there are no requests."""


def printing(stream: str, out: TextIO, request_id: Callable[[], str | None] = nobody) -> TextIO:
    """What takes the place of `sys.stdout` or `sys.stderr`, with all that they can do; lines go to `out`."""
    raw: Any = Printed(stream, out, request_id)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


class Printed(io.RawIOBase):
    """What is printed, each line of it as a JSON object. What has no end yet waits for it, or for a flush."""

    def __init__(self, stream: str, out: TextIO, request_id: Callable[[], str | None]) -> None:
        self._stream = stream
        self._out = out
        self._request_id = request_id
        self._begun = b""
        # Whoever prints may be interrupted by a finalizer that prints.
        self._lock = threading.RLock()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._out.fileno()

    def write(self, data: Buffer, /) -> int:
        with self._lock:
            *whole, self._begun = (self._begun + bytes(data)).split(b"\n")
            self._say(whole)
        return len(memoryview(data))

    def flush(self) -> None:
        with self._lock:
            begun, self._begun = self._begun, b""
            self._say([begun] if begun else [])

    def _say(self, whole: list[bytes]) -> None:
        if whole:
            self._out.write("".join(self._line(each.decode(errors="replace")) + "\n" for each in whole))
            self._out.flush()

    def _line(self, message: str) -> str:
        return line("printed", time.time(), request_id=self._request_id(), stream=self._stream, message=message)
