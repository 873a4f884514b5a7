"""The floors of the house: each uses only lower ones. The contracts are in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
SOURCES = CHECKOUT / "python" / "glorieta"


def test_the_contracts_between_floors_are_kept() -> None:
    line = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout, done.stdout


def test_only_the_one_door_leads_to_rust() -> None:
    """An extension module is invisible to the contracts, so it is looked for in the sources."""
    doors = [path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py") if imports_the_extension(path)]
    assert doors == ["engine.py"]


def imports_the_extension(path: Path) -> bool:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module or "", *(alias.name for alias in node.names)]
    return any(name.split(".")[-1] == "_engine" for name in names)
