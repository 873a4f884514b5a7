"""NGINX and glorieta side by side, with the same configuration and the same services."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness import Runner

from .asking import Server, requests_for, servers_of
from .exchange import Answer, ask
from .nginx import Nginx
from .services import Behind
from .twin import Twin

if TYPE_CHECKING:
    from pathlib import Path

    from .asking import Asked
    from .corpus import Case
    from .layout import Service

Serve = Callable[[Twin, Runner], None]
"""Starts glorieta with what was imported."""


def serve_plan(twin: Twin, runner: Runner) -> None:
    """The engine alone: much faster than the whole of `glorieta run`, and the same Plan."""
    runner.engine(twin.plan())


class Pair:
    """NGINX and glorieta with the same configuration before the same services."""

    def __init__(self, case: Case, folder: Path, runner: Runner, serve: Serve | None = None) -> None:
        self.case = case
        services: dict[str, Service] = {}
        self.nginx = Nginx(case, folder, services)
        self.glorieta = Twin(case, folder, services)
        self.layouts = (self.nginx.layout, self.glorieta.layout)
        self.behind = Behind(services)
        try:
            self.nginx.start()
            (serve or serve_plan)(self.glorieta, runner)
        except BaseException:
            self.stop()
            raise
        numbers = {str(port): name for name, port in self.glorieta.layout.ports.items()}
        self.servers: list[Server] = list(servers_of(case, self.glorieta.main, numbers))
        self.tls = {name for server in self.servers if server.tls for name in server.ports}

    def requests(self) -> list[Asked]:
        return requests_for(self.case, self.glorieta.layout, self.glorieta.main)

    def ask(self, asked: Asked) -> tuple[Answer, Answer]:
        by_tls = asked.port in self.tls
        nginx = ask(self.nginx.layout, asked, self.behind, by_tls)
        return nginx, ask(self.glorieta.layout, asked, self.behind, by_tls)

    def stop(self) -> None:
        if hasattr(self.nginx, "process"):
            self.nginx.stop()
        self.behind.stop()
