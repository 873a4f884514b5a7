"""Granian, a server of Python applications that is written in Rust: its own interface RSGI, and FastAPI on it."""

from __future__ import annotations

from pathlib import Path

from bench.peers.contender import Setting, Start
from bench.peers.python import APPLICATIONS, PYTHON, PythonServer


class Granian(PythonServer):
    name = "granian"
    title = "Granian (RSGI)"
    package = "granian"
    files: tuple[Path, ...] = (Path(__file__).with_name("plain.py"),)
    ready_path = "/plain"
    interface = "rsgi"

    def start(self, configuration: Path, setting: Setting) -> Start:
        application = f"{configuration.stem}:application"
        return Start(
            [
                *(str(PYTHON), "-m", "granian", application, "--working-dir", str(setting.folder)),
                *("--host", "127.0.0.1", "--port", str(setting.http_port), "--interface", self.interface),
                # One core: one worker with one thread for its connections, and the faster loop.
                *("--workers", "1", "--runtime-threads", "1", "--loop", "uvloop"),
                # Nothing to detect; no request waits for a place.
                *("--http", "1", "--no-ws", "--backlog", "4096", "--log-level", "warning"),
            ]
        )


class FastapiOnGranian(Granian):
    name = "fastapi-granian"
    title = "FastAPI under Granian"
    files = (APPLICATIONS / "shop.py", APPLICATIONS / "order.py")
    ready_path = "/shop/items/7"
    interface = "asgi"
