"""What lives as long as a test or a file of tests: processes and services, all of them ended for certain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from harness.plan import Document
from harness.process import Command, Engine, Glorieta, engine_binary
from harness.recording import RecordingUpstream
from harness.service import HttpUpstream


class Stoppable(Protocol):
    """A service of any kind."""

    def stop(self) -> None: ...


Process = TypeVar("Process", bound=Glorieta)
Service = TypeVar("Service", bound=Stoppable)


class Runner:
    """Starts processes and ends them all."""

    def __init__(self, folder: Callable[[], Path]):
        self.folder = folder
        self.started: list[Glorieta] = []

    def engine(self, plan: Document, ready: bool = True, **options: Any) -> Engine:
        """`glorieta-engine` with this Plan, serving when this returns unless `ready` is False."""
        if not engine_binary().exists():
            pytest.fail(f"{engine_binary()} does not exist; build it with: cargo build", pytrace=False)
        return self.keep(Engine(plan, self.folder(), **options), ready)

    def command(self, text: str, *options: str, ready: bool = True, **more: Any) -> Command:
        """`glorieta run` with this YAML text."""
        return self.keep(Command(text, self.folder(), *options, **more), ready)

    def keep(self, glorieta: Process, ready: bool) -> Process:
        self.started.append(glorieta)
        if ready:
            glorieta.wait_ready()
        return glorieta

    def check(self) -> None:
        for each in self.started:
            each.check()

    def stop(self) -> None:
        try:
            for each in self.started:
                if each.running:
                    each.stop()
                assert "panicked at" not in each.stderr, each.stderr
        finally:
            for each in self.started:
                each.kill()


class Services:
    """Makes upstream services and ends them."""

    def __init__(self) -> None:
        self.made: list[Stoppable] = []

    def keep(self, service: Service) -> Service:
        self.made.append(service)
        return service

    def recording(self, *arguments: Any, **options: Any) -> RecordingUpstream:
        return self.keep(RecordingUpstream(*arguments, **options))

    def http(self, *arguments: Any, **options: Any) -> HttpUpstream:
        return self.keep(HttpUpstream(*arguments, **options))

    def stop(self) -> None:
        for each in self.made:
            each.stop()
