"""HAProxy from Debian's packages."""

from __future__ import annotations

from pathlib import Path

from bench.peers.contender import Contender, Setting, Start, installed


class Haproxy(Contender):
    name = "haproxy"
    title = "HAProxy"
    template = Path(__file__).with_name("haproxy.cfg")
    protocols = Path(__file__).with_name("protocols.cfg")

    def binary(self) -> Path | None:
        return installed("haproxy")

    def version_command(self) -> list[str]:
        return [str(self.binary()), "-v"]

    def start(self, configuration: Path, setting: Setting) -> Start:
        # -db: in the foreground, without a master process.
        return Start([str(self.binary()), "-db", "-f", str(configuration)], output=setting.log)
