"""What the bench must know of a proxy: where it is, how it is configured, how it is started."""

from __future__ import annotations

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.backend import user_and_group
from bench.rows import SMALL, Layer, Table
from bench.template import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.rows import Row

VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")
VERSION_SECONDS = 30


@dataclass(frozen=True)
class Setting:
    """What differs from one start to the next."""

    table: Table
    http_port: int
    tcp_port: int
    backend_port: int
    admin_port: int
    """Where glorieta serves its metrics."""
    inner_ports: tuple[int, int, int]
    """For a contender that consists of several programs."""
    folder: Path
    """For the configuration and everything that the contender writes."""

    @property
    def log(self) -> Path:
        return self.folder / "access.log"

    def port(self, layer: Layer) -> int:
        return self.http_port if layer is Layer.HTTP else self.tcp_port

    def values(self) -> dict[str, object]:
        return {
            "HTTP_PORT": self.http_port,
            "TCP_PORT": self.tcp_port,
            "BACKEND_PORT": self.backend_port,
            "ADMIN_PORT": self.admin_port,
            "FOLDER": self.folder,
            "LOG": self.log,
            "USER_AND_GROUP": user_and_group(),
        }


@dataclass(frozen=True)
class Start:
    """How to start a contender whose configuration has been written."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    """The file that its standard output is added to."""


class Contender(ABC):
    name: str
    title: str
    """As its makers write it."""
    template: Path
    layers: frozenset[Layer] = frozenset(Layer)
    tables: frozenset[Table] = frozenset({Table.EQUAL, Table.BARE})
    ready_path: str = SMALL
    """What it answers with 200 once it serves."""
    warm_up_seconds = 1
    """Load before each measurement, so that nothing is measured that happens once."""

    def takes_part(self, row: Row) -> bool:
        """Whether it can, and the row asks for it."""
        able = row.layer in self.layers and bool(row.tables & self.tables)
        return able and (not row.names or self.name in row.names)

    @abstractmethod
    def binary(self) -> Path | None:
        """None: not installed."""

    def absence(self) -> str | None:
        """Why it cannot take part; None: it can."""
        return None if self.binary() else "it is not installed"

    @abstractmethod
    def start(self, configuration: Path, setting: Setting) -> Start:
        """The command that runs it in the foreground."""

    def version(self) -> str:
        return find_version(self.version_command())

    @abstractmethod
    def version_command(self) -> list[str]: ...

    def prepare(self, setting: Setting) -> Start:
        """Writes the configuration for this setting."""
        setting.folder.mkdir(parents=True)
        configuration = setting.folder / self.template.name
        configuration.write_text(render(self.template.read_text(), setting.values(), setting.table))
        return self.start(configuration, setting)


def installed(command: str) -> Path | None:
    """Debian keeps servers where an ordinary user's PATH does not lead."""
    found = shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def find_version(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False)
    found = VERSION.search(said.stdout + said.stderr)
    return found[0] if found else "unknown"
