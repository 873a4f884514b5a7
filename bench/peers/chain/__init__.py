"""The chain that one glorieta replaces: NGINX at the edge, a BFF in aiohttp behind it, Envoy as the BFF's sidecar.

Each is configured as where it stands alone, none of them logs; together they are one contender.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers.aiohttp import Aiohttp
from bench.peers.contender import Contender, Setting, Start
from bench.peers.envoy import Envoy
from bench.peers.nginx import Nginx
from bench.rows import Layer, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

TOGETHER = Path(__file__).with_name("together.py")
EDGE, BFF, SIDECAR = Nginx(), Aiohttp(), Envoy()


class Chain(Contender):
    name = "chain"
    title = "NGINX → aiohttp → Envoy"
    layers = frozenset({Layer.HTTP})
    tables = frozenset({Table.HANDLERS})
    ready_path = "/home/7"

    def binary(self) -> Path | None:
        return None if self.absence() else Path(sys.executable)

    def absence(self) -> str | None:
        lacking = [link.title for link in (EDGE, BFF, SIDECAR) if link.binary() is None]
        return f"{' and '.join(lacking)} not installed" if lacking else None

    def version(self) -> str:
        return ", ".join(link.version() for link in (EDGE, BFF, SIDECAR))

    def version_command(self) -> list[str]:
        raise NotImplementedError("it has one for each of its programs")

    def prepare(self, setting: Setting) -> Start:
        bff, sidecar, unused = setting.inner_ports
        links: Sequence[tuple[Contender, Setting]] = (
            (SIDECAR, replace(setting, http_port=sidecar, tcp_port=unused)),
            (BFF, replace(setting, http_port=bff, backend=replace(setting.backend, port=sidecar))),
            (EDGE, replace(setting, backend=replace(setting.backend, port=bff))),
        )
        starts = [
            link.prepare(replace(each, table=Table.BARE, folder=setting.folder / link.name)) for link, each in links
        ]
        return self.start(TOGETHER, setting, starts)

    def start(self, configuration: Path, setting: Setting, links: Sequence[Start] = ()) -> Start:
        return Start([sys.executable, str(configuration), *(json.dumps(link.command) for link in links)])
