"""fastify with undici on Node.js: the fastest of the well-known ways to write a backend for frontends."""

from __future__ import annotations

from pathlib import Path

from bench.folders import WORK
from bench.peers.contender import Contender, Setting, Start, installed
from bench.rows import Layer, Table

UNPACKED = WORK / "fastify"
MODULES = UNPACKED / "node_modules"
PACKAGE_FILES = tuple(Path(__file__).with_name(name) for name in ("package.json", "package-lock.json"))
SERVER = Path(__file__).with_name("home.js")


class Fastify(Contender):
    name = "fastify"
    title = "fastify + undici"
    layers = frozenset({Layer.HTTP})
    tables = frozenset({Table.HANDLERS})
    ready_path = "/home/7"
    # V8 compiles what runs often, in several steps; after a second it is at half its speed.
    warm_up_seconds = 5

    def binary(self) -> Path | None:
        return installed("node") if (MODULES / "fastify").is_dir() else None

    def version_command(self) -> list[str]:
        return ["node", "--print", f"require('{MODULES}/fastify/package.json').version"]

    def prepare(self, setting: Setting) -> Start:
        setting.folder.mkdir(parents=True)
        return self.start(SERVER, setting)

    def start(self, configuration: Path, setting: Setting) -> Start:
        return Start(
            ["node", str(configuration), str(setting.http_port), str(setting.backend.port)],
            environment={"NODE_PATH": str(MODULES), "NODE_ENV": "production"},
        )
