"""glorieta itself: `glorieta-engine` with a Plan that Python compiled from the YAML beside this file.

`glorieta run`, with Python in the process, takes part only where memory at the start is measured: what a
request costs is the same engine's work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.folders import CHECKOUT
from bench.peers.contender import Contender, Setting, Start
from bench.processes import Failure
from bench.rows import Layer

COMPILE_SECONDS = 30
COMPILE = "import sys; from glorieta.plan import build, plan_json; print(plan_json(build(sys.argv[1]).plan))"
"""What `glorieta plan --json` prints, without needing the engine for Python."""


class Glorieta(Contender):
    name = "glorieta"
    title = "glorieta"
    template = Path(__file__).with_name("glorieta.yaml")
    protocols = Path(__file__).with_name("protocols.yaml")
    layers = frozenset(Layer)

    def binary(self) -> Path | None:
        target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
        built = target / "release" / "glorieta-engine"
        return built if built.is_file() else None

    def absence(self) -> str | None:
        return None if self.binary() else "there is no release binary: cargo build --release -p glorieta-engine"

    def version_command(self) -> list[str]:
        return [str(self.binary()), "--version"]

    def start(self, configuration: Path, setting: Setting) -> Start:
        plan = setting.folder / "plan.json"
        plan.write_text(compile_plan(configuration))
        return Start([str(self.binary()), str(plan)])


class GlorietaWithPython(Glorieta):
    """As most people run it: `glorieta run`."""

    name = "glorieta-python"
    title = "glorieta, with Python"

    def binary(self) -> Path | None:
        return Path(sys.executable)

    def absence(self) -> str | None:
        probe = [sys.executable, "-c", "import glorieta._engine"]
        done = subprocess.run(probe, env=os.environ | python_environment(), capture_output=True, check=False)
        return None if done.returncode == 0 else "the engine is not built for this Python: make wheel, or make demo"

    def version_command(self) -> list[str]:
        return [sys.executable, "-m", "glorieta", "version"]

    def start(self, configuration: Path, setting: Setting) -> Start:
        return Start([sys.executable, "-m", "glorieta", "run", str(configuration)], environment=python_environment())


def python_environment() -> dict[str, str]:
    """The checkout's own Python package, whether or not one is installed."""
    paths = [str(CHECKOUT / "python"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def compile_plan(configuration: Path) -> str:
    command = [sys.executable, "-c", COMPILE, str(configuration)]
    environment = os.environ | python_environment()
    done = subprocess.run(
        command,
        cwd=configuration.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"{configuration.name} does not compile:\n{done.stdout}{done.stderr}")
    return done.stdout
