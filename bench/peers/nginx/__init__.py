"""NGINX from Debian's packages, with its stream module for layer 4."""

from __future__ import annotations

from pathlib import Path

from bench.peers.contender import Contender, Setting, Start, installed
from bench.rows import Layer


class Nginx(Contender):
    name = "nginx"
    title = "NGINX"
    template = Path(__file__).with_name("nginx.conf")
    protocols = Path(__file__).with_name("protocols.conf")
    layers = frozenset({Layer.HTTP, Layer.TCP, Layer.TLS, Layer.UDP})

    def binary(self) -> Path | None:
        return installed("nginx")

    def version_command(self) -> list[str]:
        return [str(self.binary()), "-v"]

    def start(self, configuration: Path, setting: Setting) -> Start:
        errors = setting.folder / "nginx.errors"
        return Start([str(self.binary()), "-p", str(setting.folder), "-e", str(errors), "-c", str(configuration)])
