"""What tests of the command line share: a folder with a configuration, and a way to run a command in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from glorieta.cli.main import app

GOOD = """\
version: 1
listeners:
  web:
    bind: "127.0.0.1:8080"
    routes:
      /service1/*: {to: service1, strip_prefix: true}
      /hello: {respond: {body: hello}}
upstreams:
  service1: {endpoints: [localhost:3001, localhost:3002], health: {path: /healthz}}
"""
BAD = GOOD.replace("strip_prefix", "strip_prefx").replace("to: service1", "to: service7")

Call = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with `glorieta.yaml` and `bad.yaml`."""
    (tmp_path / "glorieta.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of this test's own, so that nothing else that runs here is found."""
    with tempfile.TemporaryDirectory(prefix="run-") as name:
        monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        yield Path(name)


@pytest.fixture
def call(folder: Path) -> Call:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), prog_name="glorieta")

    return run
