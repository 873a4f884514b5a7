"""Contenders that are written in Python, and where theirs is: an environment of the bench's own."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from pathlib import Path

from bench.folders import WORK
from bench.peers.contender import Contender, Setting, Start
from bench.rows import Layer, Table

ENVIRONMENT = WORK / "python"
PYTHON = ENVIRONMENT / "bin" / "python"
APPLICATIONS = Path(__file__).with_name("applications")
"""Files that several contenders serve."""


class PythonServer(Contender):
    """A server of applications, which answers some of the handlers' rows."""

    layers = frozenset({Layer.HTTP})
    tables = frozenset({Table.HANDLERS})
    package: str
    """Its name in the registry."""
    files: tuple[Path, ...]
    """What it serves; the first one is named when it is started."""

    def binary(self) -> Path | None:
        found = list(ENVIRONMENT.glob(f"lib/python3.*/site-packages/{self.package}"))
        return PYTHON if found else None

    def version_command(self) -> list[str]:
        return [str(PYTHON), "-c", f"import importlib.metadata as m; print(m.version({self.package!r}))"]

    def prepare(self, setting: Setting) -> Start:
        """Copies what it serves beside whatever it writes."""
        setting.folder.mkdir(parents=True)
        copies = [Path(shutil.copy(file, setting.folder)) for file in self.files]
        return self.start(copies[0], setting)

    @abstractmethod
    def start(self, configuration: Path, setting: Setting) -> Start: ...
