"""What every test that runs glorieta shares: starting it, and looking after each test whether it still lives."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import Runner, Services

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    try:
        runner.check()
    finally:
        runner.stop()


@pytest.fixture(autouse=True)
def still_alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test: the process that the file's tests share lives, and no thread of it has panicked."""
    runner = request.getfixturevalue("start") if "start" in request.fixturenames else None
    yield
    if runner:
        runner.check()


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
