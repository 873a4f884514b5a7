"""`glorieta run` with handlers, a gather and a mounted application; and the same without, for what only proxies."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.peers.contender import Setting, Start
from bench.peers.glorieta import Glorieta
from bench.peers.python import APPLICATIONS, ENVIRONMENT, PYTHON
from bench.rows import OURS_WITH_HANDLERS, SMALL, Layer, Table

HERE = Path(__file__).parent
FILES = (HERE / "handlers.py", APPLICATIONS / "shop.py", APPLICATIONS / "order.py")


class GlorietaWithHandlers(Glorieta):
    """From a wheel in the bench's own environment, built as it is released."""

    name = OURS_WITH_HANDLERS
    title = "glorieta with handlers"
    template = HERE / "handlers.yaml"
    ready_path = "/plain"
    layers = frozenset({Layer.HTTP})
    tables = frozenset({Table.HANDLERS})

    def binary(self) -> Path | None:
        return PYTHON if any(ENVIRONMENT.glob("lib/python3.*/site-packages/glorieta")) else None

    def absence(self) -> str | None:
        if self.binary():
            return None
        return "there is no glorieta in the bench's own Python: run without --no-install and --no-build"

    def version_command(self) -> list[str]:
        return [str(PYTHON), "-m", "glorieta", "version"]

    def prepare(self, setting: Setting) -> Start:
        start = super().prepare(setting)
        for file in FILES:
            shutil.copy(file, setting.folder)
        return start

    def start(self, configuration: Path, setting: Setting) -> Start:
        return Start([str(PYTHON), "-m", "glorieta", "run", "--no-watch", str(configuration)])


class GlorietaWithoutHandlers(GlorietaWithHandlers):
    """What a plain proxy row of the other is compared with."""

    name = "glorieta-run"
    title = "glorieta without handlers"
    template = HERE / "plain.yaml"
    ready_path = SMALL
