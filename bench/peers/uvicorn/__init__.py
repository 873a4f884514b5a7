"""FastAPI as most people run it: uvicorn, with uvloop and httptools."""

from __future__ import annotations

from pathlib import Path

from bench.peers.contender import Setting, Start
from bench.peers.python import APPLICATIONS, PYTHON, PythonServer


class FastapiOnUvicorn(PythonServer):
    name = "fastapi-uvicorn"
    title = "FastAPI under uvicorn"
    package = "uvicorn"
    files = (APPLICATIONS / "shop.py", APPLICATIONS / "order.py")
    ready_path = "/shop/items/7"

    def start(self, configuration: Path, setting: Setting) -> Start:
        return Start(
            [
                *(str(PYTHON), "-m", "uvicorn", f"{configuration.stem}:application"),
                *("--app-dir", str(setting.folder), "--host", "127.0.0.1", "--port", str(setting.http_port)),
                # The fast loop and parser; one process is the default.
                *("--loop", "uvloop", "--http", "httptools", "--ws", "none"),
                *("--no-access-log", "--log-level", "warning", "--backlog", "4096"),
            ]
        )
