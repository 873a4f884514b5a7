"""What the bench must know of a proxy: where it is, how it is configured, how it is started."""

from __future__ import annotations

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.backend import Backend, user_and_group
from bench.rows import SMALL, Layer, Table
from bench.template import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.rows import Row

VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")
VERSION_SECONDS = 30
GZIP_LEVEL = 4
"""NGINX's, for the size that glorieta's default gives; the bench compares them."""


@dataclass(frozen=True)
class Setting:
    """What differs from one start to the next."""

    table: Table
    http_port: int
    tcp_port: int
    tls_port: int
    """HTTPS, and HTTP/3 where that is spoken."""
    udp_port: int
    backend: Backend
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
        ports = {Layer.HTTP: self.http_port, Layer.TCP: self.tcp_port, Layer.UDP: self.udp_port}
        return ports.get(layer, self.tls_port)

    def values(self) -> dict[str, object]:
        return {
            "HTTP_PORT": self.http_port,
            "TCP_PORT": self.tcp_port,
            "TLS_PORT": self.tls_port,
            "UDP_PORT": self.udp_port,
            **self.backend.values(),
            "ADMIN_PORT": self.admin_port,
            "GZIP_LEVEL": GZIP_LEVEL,
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
    protocols: Path
    """The configuration for the table of protocols."""
    layers: frozenset[Layer] = frozenset({Layer.HTTP, Layer.TCP, Layer.TLS})
    tables: frozenset[Table] = frozenset({Table.EQUAL, Table.BARE, Table.PROTOCOLS})
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
        template = self.protocols if setting.table is Table.PROTOCOLS else self.template
        configuration = setting.folder / template.name
        configuration.write_text(render(template.read_text(), setting.values(), setting.table))
        return self.start(configuration, setting)


def installed(command: str) -> Path | None:
    """Debian keeps servers where an ordinary user's PATH does not lead."""
    found = shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def find_version(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False)
    found = VERSION.search(said.stdout + said.stderr)
    return found[0] if found else "unknown"
