"""aiohttp, server and client: how most backends for frontends are written in Python without a framework."""

from __future__ import annotations

from pathlib import Path

from bench.peers.contender import Setting, Start
from bench.peers.python import PYTHON, PythonServer


class Aiohttp(PythonServer):
    name = "aiohttp"
    title = "aiohttp"
    package = "aiohttp"
    files = (Path(__file__).with_name("home.py"),)
    ready_path = "/home/7"

    def start(self, configuration: Path, setting: Setting) -> Start:
        return Start([str(PYTHON), str(configuration), str(setting.http_port), str(setting.backend.port)])
