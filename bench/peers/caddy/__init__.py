"""Caddy from Debian's packages. Layer 4 is not in them."""

from __future__ import annotations

from pathlib import Path

from bench.peers.contender import Contender, Setting, Start, installed
from bench.rows import Layer


class Caddy(Contender):
    name = "caddy"
    title = "Caddy"
    template = Path(__file__).with_name("Caddyfile")
    protocols = Path(__file__).with_name("Protocols.caddyfile")
    layers = frozenset({Layer.HTTP, Layer.TLS, Layer.HTTP3})

    def binary(self) -> Path | None:
        return installed("caddy")

    def version_command(self) -> list[str]:
        return [str(self.binary()), "version"]

    def start(self, configuration: Path, setting: Setting) -> Start:
        home = {"HOME": str(setting.folder), "XDG_DATA_HOME": str(setting.folder)}
        return Start(
            [str(self.binary()), "run", "--adapter", "caddyfile", "--config", str(configuration)],
            # One core, so one thread that runs Go.
            environment={"GOMAXPROCS": "1"} | home,
        )
