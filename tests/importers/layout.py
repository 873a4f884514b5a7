"""Puts a configuration of the corpus on this machine: ports filled in, absolute paths moved into a folder of its own.

`{{80}}` is a port to listen at, another one for NGINX than for glorieta; `{{app}}` is the port of a service that
both share, `{{app.1}}` and `{{app.2}}` are equal ones, and nobody listens at `{{app.dead}}`. A `listen` stays on
the loopback address. `unix:/run/app.sock` is a service, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness import unused_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .corpus import Case

PORT = re.compile(r"\{\{([a-z0-9.-]+)\}\}")
DATAGRAMS = re.compile(r"\blisten\s+\{\{([0-9]+)\}\}\s+udp")
LISTEN = re.compile(r"(\blisten\s+)(\[::\]:|\*:|0\.0\.0\.0:)?\{\{([0-9]+)\}\}")
MOVED = re.compile(
    r"(?<![\w.$}/~])(/(?:etc/nginx|etc/ssl|etc/letsencrypt|var/www|var/log|var/cache|run|srv|usr/share/nginx)(?=[/;\s]))"
)
SOCKET = re.compile(r"unix:(/[\w./-]+\.sock)")
LOOPBACK = {"[::]:": "[::1]:", "*:": "*:", "0.0.0.0:": "127.0.0.1:", None: "127.0.0.1:"}
MAIN = "worker_processes 1;\nevents { worker_connections 512; }\nhttp { include mime.types; default_type application/octet-stream; include %s; }\n"
TYPES = """types {
    text/html html htm;
    text/css css;
    application/javascript js;
    application/json json;
    image/svg+xml svg;
    image/png png;
    image/x-icon ico;
    text/plain txt;
    font/woff2 woff2;
    application/pdf pdf;
}
"""


@dataclass
class Service:
    """A service that a configuration speaks of: `name` as it is written, at a port or a socket."""

    name: str
    port: int = 0
    path: str | None = None

    @property
    def group(self) -> str:
        """What it has in common with equal ones."""
        return self.name.partition(".")[0]

    @property
    def dead(self) -> bool:
        return self.name.endswith(".dead")


@dataclass
class Layout:
    """The services of one configuration, and what one of the two servers has for itself: ports and /etc."""

    folder: Path
    side: str
    services: dict[str, Service] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    datagrams: set[str] = field(default_factory=set)
    """Ports at which nobody accepts connections."""

    def fill(self, text: str) -> str:
        self.datagrams.update(DATAGRAMS.findall(text))
        text = LISTEN.sub(lambda found: f"{found[1]}{LOOPBACK[found[2]]}{self.listen(found[3])}", text)
        text = PORT.sub(lambda found: str(self.port(found[1])), text)
        text = MOVED.sub(lambda found: str(self.place(found[1])), text)
        for path in SOCKET.findall(text):
            name = path.rpartition("/")[2].removesuffix(".sock")
            self.services.setdefault(name, Service(name, path=path))
        return text

    def place(self, path: str) -> Path:
        """Where an absolute path of the configuration is on this machine."""
        above = self.folder / self.side if path.startswith("/etc/nginx") else self.folder
        return above / path.lstrip("/")

    @property
    def nginx(self) -> Path:
        return self.place("/etc/nginx")

    def listen(self, name: str) -> int:
        if name not in self.ports:
            self.ports[name] = unused_port()
        return self.ports[name]

    def port(self, name: str) -> int:
        if name[0].isdigit():
            return self.listen(name)
        if name not in self.services:
            self.services[name] = Service(name, unused_port())
        return self.services[name].port

    def named(self, text: str) -> str:
        """A text of an answer or a request, with names again instead of ports and folders."""
        for name, port in self.ports.items():
            text = re.sub(rf"\b{port}\b", f"{{{{{name}}}}}", text)
        for service in self.services.values():
            if service.port:
                text = re.sub(rf"\b{service.port}\b", f"{{{{{service.group}}}}}", text)
        return text

    def written(self, text: str) -> str:
        """A directive as the corpus writes it."""
        for name, port in self.ports.items():
            text = re.sub(rf"\b{port}\b", f"{{{{{name}}}}}", text)
        for service in self.services.values():
            if service.port:
                text = re.sub(rf"\b{service.port}\b", f"{{{{{service.name}}}}}", text)
        text = text.replace("listen 127.0.0.1:{{", "listen {{").replace("listen [::1]:{{", "listen [::]:{{")
        return text.replace(str(self.folder / self.side), "").replace(str(self.folder), "")


def lay_out(
    case: Case, folder: Path, side: str, services: dict[str, Service], change: Callable[[str], str] = str
) -> Layout:
    """Writes the files of a case below a folder, as below `/`; `change` is applied to each text."""
    layout = Layout(folder, side, services)
    nginx = layout.nginx
    for name in case.files():
        write(nginx / name, change(layout.fill((case.folder / name).read_text(encoding="utf-8"))))
    if not (nginx / "nginx.conf").exists():
        write(nginx / "nginx.conf", change(MAIN % (nginx / case.entry)))
    if not (nginx / "mime.types").exists():
        write(nginx / "mime.types", TYPES)
    for path, content in case.site.items():
        write(folder / path.lstrip("/"), content)
    for below in ("run", "var/log/nginx", "var/cache/nginx", "var/temp"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    return layout


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
