"""A configuration with handlers, as a user runs it: YAML, a module of Python, and `glorieta run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.client import get
from harness.process import Glorieta
from harness.waiting import unused_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.client import Response

IMPORTS = """\
import asyncio
import os
import signal
import time
from typing import Any

from glorieta.handlers import BackgroundTasks, Request, Router, StreamingResponse, Upstream, WebSocket, gather
"""


class HandledEdge:
    """One listener whose requests a router answers, but for `/plain`."""

    def __init__(self, folder: Path, upstreams: Sequence[str] = (), *, top: str = "", listener: str = "") -> None:
        self.folder = folder
        self.port, self.admin = unused_port(), unused_port()
        self.upstreams, self.top, self.listener = upstreams, top, listener
        self.glorieta: Glorieta | None = None

    def write(self, router: str, **names: str) -> None:
        """Writes the router's module; `names` are upstreams by their addresses."""
        calls = ", ".join(f'"{name}"' for name in names)
        put(self.folder / "shop.py", f"{IMPORTS}\nrouter = Router(calls=[{calls}])\n\n\n{router}")
        self.names = names

    def configure(self, handler: str = "handler: shop.py:router", top: str | None = None) -> None:
        self.top = self.top if top is None else top
        upstreams = "".join(f"  {name}: {{endpoints: [{address!r}]}}\n" for name, address in self.names.items())
        put(
            self.folder / "glorieta.yaml",
            f"version: 1\n{self.top}\n"
            f"admin: {{address: '127.0.0.1:{self.admin}'}}\n"
            f"listeners:\n  web:\n    bind: 127.0.0.1:{self.port}\n    {handler}\n"
            f"    routes: {{/plain: {{respond: plain}}{self.listener}}}\n"
            + (f"upstreams:\n{upstreams}" if upstreams else ""),
        )

    def start(self, *options: str) -> Glorieta:
        return self.begin(*options).wait_ready()

    def begin(self, *options: str) -> Glorieta:
        """Starts it, and does not wait until it is ready."""
        command = [sys.executable, "-m", "glorieta", "run", str(self.folder / "glorieta.yaml"), *options]
        self.glorieta = Glorieta(command, self.folder, {"web": self.port}, self.admin)
        return self.glorieta

    def get(self, path: str, timeout: float = 10.0) -> Response:
        return get(self.port, path, timeout=timeout)

    @property
    def running(self) -> Glorieta:
        assert self.glorieta is not None
        return self.glorieta

    def processes(self) -> list[int]:
        """The handler processes that the serving process has, and that it has not seen the end of."""
        return children(self.running.pid)

    def wait_log(self, words: str, timeout: float = 10.0) -> str:
        """The log, once it has these words."""
        wait_until(lambda: words in self.running.stderr, timeout, f"the words {words!r} in the log")
        return self.running.stderr


def put(file: Path, text: str) -> None:
    """Replaces a file in one step, as editors do."""
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


def children(pid: int, module: str = "glorieta.control.handlers.process") -> list[int]:
    """Processes that a process has started and not seen the end of, those that run this module."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == pid and module.encode() in words:
                found.append(int(entry.name))
    return sorted(found)


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that nobody has waited for has ended, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
