"""What every test that runs glorieta shares: starting it, and looking after each test whether it still lives."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.process import Command, Engine, Glorieta, engine_binary
from harness.recording import RecordingUpstream, TcpServer
from harness.service import HttpUpstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.plan import Document

SECONDS_PER_TEST = 60
RUNNING = {"e2e", "attack", "conformance"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tool(name): needs a program that is a Debian package of its own")


def pytest_sessionstart() -> None:
    """Thousands of idle connections need as many descriptors, here and in glorieta, which inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, 65536), hard))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test of a running glorieta may hang; one that needs longer says so itself."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        if folder in RUNNING and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS_PER_TEST))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("tool"):
        if not shutil.which(marker.args[0]):
            pytest.skip(f"{marker.args[0]} is not installed; on Debian: apt install {marker.args[1]}")


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

    def keep(self, glorieta: Any, ready: bool) -> Any:
        self.started.append(glorieta)
        return glorieta.wait_ready() if ready else glorieta

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


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Starts what a whole file of tests shares."""
    runner = Runner(lambda: tmp_path_factory.mktemp("glorieta"))
    yield runner
    runner.stop()


@pytest.fixture
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Starts what one test needs for itself."""
    runner = Runner(lambda: tmp_path_factory.mktemp("glorieta"))
    yield runner
    runner.check()
    runner.stop()


@pytest.fixture(autouse=True)
def still_alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test: the process that the file's tests share lives, and no thread of it has panicked."""
    runner = request.getfixturevalue("start") if "start" in request.fixturenames else None
    yield
    if runner:
        runner.check()


class Services:
    """Makes upstream services and ends them."""

    def __init__(self) -> None:
        self.made: list[TcpServer] = []

    def keep(self, service: Any) -> Any:
        self.made.append(service)
        return service

    def recording(self, *arguments: Any, **options: Any) -> RecordingUpstream:
        return self.keep(RecordingUpstream(*arguments, **options))

    def http(self, *arguments: Any, **options: Any) -> HttpUpstream:
        return self.keep(HttpUpstream(*arguments, **options))

    def stop(self) -> None:
        for each in self.made:
            each.stop()


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    """Upstream services for a file of tests."""
    made = Services()
    yield made
    made.stop()


@pytest.fixture
def own_services() -> Iterator[Services]:
    """Upstream services for one test."""
    made = Services()
    yield made
    made.stop()
