"""How another process of this installation is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glorieta.control import interpreter


def test_a_module_beside_the_configuration_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    line = interpreter.command("glorieta.control.compiled")
    folder = {**interpreter.environment(), "PYTHONPATH": interpreter.PACKAGE_FOLDER}
    done = subprocess.run(line, cwd=tmp_path, env=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_package_found_in_the_working_folder_is_found_by_the_next_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(interpreter.PACKAGE_FOLDER)
    monkeypatch.setattr(sys, "path", ["", *(each for each in sys.path if each != interpreter.PACKAGE_FOLDER)])
    monkeypatch.setenv("PYTHONPATH", "/other")
    assert interpreter.environment()["PYTHONPATH"] == f"{interpreter.PACKAGE_FOLDER}{os.pathsep}/other"


def test_an_installed_package_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert interpreter.environment() == dict(os.environ)
